/* SPDX-License-Identifier: MIT
 *
 * Giving back units in many files at once: all are opened, then punched, segments side by side, then synced. The syncs come last, so that
 * what the file system has to write for all of them is written by the first.
 *
 * Blocks; background threads. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "storage/base/thread.h"
#include "storage/segment/segment_internal.h"

struct givings {
    struct blob_store *store;
    struct blob_giving *list;
    uint32_t count;
    atomic_uint next; /* of the list, to be punched */
};

/* Of one file: whether there is a segment to be punched. */
static bool giving_open(struct blob_store *store, struct blob_giving *giving, blob_units_fn units, void *ctx)
{
    int is;

    giving->result = 0;
    giving->is_segment = false;
    giving->fd = segment_space_open(store, giving->blob);
    if (giving->fd < 0) {
        giving->result = giving->fd == -ENOENT ? 0 : giving->fd;
        return false;
    }
    is = shared_space_give_back(store, giving, units, ctx);
    if (is < 0)
        giving->result = is;
    return is == 0;
}

static void *givings_punch(void *arg)
{
    struct givings *givings = arg;

    for (;;) {
        unsigned at = atomic_fetch_add(&givings->next, 1);

        if (at >= givings->count)
            return NULL;
        struct blob_giving *giving = &givings->list[at];
        if (giving->fd >= 0 && giving->result > 0)
            giving->result = segment_space_punch_runs(givings->store, giving->blob, giving->fd, giving->runs,
                                                      giving->count);
    }
}

/* With as many threads as there is work for; this one is enough where no other can be had. */
static void givings_punch_all(struct givings *givings, uint32_t segments, uint64_t runs)
{
    pthread_t threads[GIVING_THREADS_MAX];
    uint64_t wanted = runs / GIVING_THREAD_RUNS;
    unsigned count = 0;

    if (wanted > segments)
        wanted = segments;
    while (count + 1 < wanted && count < GIVING_THREADS_MAX &&
           thread_start(&threads[count], "sluice-punch", givings_punch, givings) == 0)
        ++count;
    (void)givings_punch(givings);
    for (unsigned i = 0; i < count; ++i)
        thread_join(threads[i]);
}

void blob_store_give_back(struct blob_store *store, struct blob_giving *list, uint32_t count,
                          blob_units_fn units, void *ctx)
{
    struct givings givings = {.store = store, .list = list, .count = count};
    uint32_t segments = 0;
    uint64_t runs = 0;

    assert(!store->options.read_only);
    for (uint32_t i = 0; i < count; ++i) {
        if (!giving_open(store, &list[i], units, ctx))
            continue;
        list[i].result = 1; /* to be punched */
        list[i].is_segment = true;
        ++segments;
        runs += list[i].count;
    }
    if (segments > 0)
        givings_punch_all(&givings, segments, runs);
    for (uint32_t i = 0; i < count; ++i) {
        assert(list[i].result <= 0);
        if (list[i].fd < 0)
            continue;
        if (list[i].result == 0 && list[i].is_segment && atomic_load(&store->no_punch))
            list[i].result = segment_thin(store, &list[i], units, ctx);
        else if (list[i].result == 0)
            list[i].result = segment_space_sync(store, list[i].fd);
        close(list[i].fd); /* synced, or all of it is done again */
    }
}
