/* SPDX-License-Identifier: MIT
 *
 * A few places that are looked through one by one, and a pool. */
#include "api/archive/archive_shelf.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "storage/base/owner.h"
#include "storage/base/work_pool.h"

struct place {
    unsigned char identity[ARCHIVE_IDENTITY_BYTES];
    struct member_index *index; /* NULL: it is empty */
    uint64_t used;              /* the larger, the later */
};

struct archive_shelf {
    struct archive_budget budget, strangers;
    struct work_pool *pool;
    pthread_mutex_t lock; /* of what follows */
    struct place places[ARCHIVE_KEPT_MAX];
    uint64_t uses;
    size_t bytes;
    struct queue making; /* claims */
};

static bool run(void *ctx, struct queue_link *link, void *own)
{
    struct archive_work *work = OWNER_OF(link, struct archive_work, link);

    work->run(work);
    return false;
}

int archive_shelf_create(struct archive_shelf **out)
{
    struct archive_shelf *shelf = calloc(1, sizeof(*shelf));
    const struct work_pool_options options = {
        .name = "archive", .thread_max = ARCHIVE_THREADS_MAX, .run = run, .ctx = shelf};
    int err;

    if (shelf == NULL)
        return -ENOMEM;
    if ((err = work_pool_create(&shelf->pool, &options)) != 0) {
        free(shelf);
        return err;
    }
    shelf->budget.most = ARCHIVE_MEMORY_BYTES_MAX;
    shelf->strangers = (struct archive_budget){.whole = &shelf->budget, .most = ARCHIVE_MEMORY_BYTES_MAX / 2};
    pthread_mutex_init(&shelf->lock, NULL);
    *out = shelf;
    return 0;
}

static void place_clear(struct archive_shelf *shelf, struct place *place)
{
    if (place->index == NULL)
        return;
    shelf->bytes -= member_index_bytes(place->index);
    member_index_unref(place->index);
    place->index = NULL;
}

void archive_shelf_destroy(struct archive_shelf *shelf)
{
    if (shelf == NULL)
        return;
    work_pool_destroy(shelf->pool);
    for (size_t i = 0; i < ARCHIVE_KEPT_MAX; i++)
        place_clear(shelf, &shelf->places[i]);
    assert(atomic_load(&shelf->budget.used) == 0);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

size_t archive_shelf_held(struct archive_shelf *shelf)
{
    return atomic_load_explicit(&shelf->budget.used, memory_order_relaxed);
}

struct archive_budget *archive_shelf_budget(struct archive_shelf *shelf, bool is_stranger)
{
    return is_stranger ? &shelf->strangers : &shelf->budget;
}

int archive_shelf_work(struct archive_shelf *shelf, struct archive_work *work)
{
    int err = work_pool_begin(shelf->pool);

    if (err == 0)
        work_pool_add(shelf->pool, &work->link);
    return err;
}

/* ---- Indexes ---- */

static struct place *place_find(struct archive_shelf *shelf,
                                const unsigned char identity[ARCHIVE_IDENTITY_BYTES])
{
    for (size_t i = 0; i < ARCHIVE_KEPT_MAX; i++) {
        struct place *place = &shelf->places[i];

        if (place->index != NULL && memcmp(place->identity, identity, ARCHIVE_IDENTITY_BYTES) == 0)
            return place;
    }
    return NULL;
}

/* An empty one, or the one that was used longest ago. */
static struct place *place_oldest(struct archive_shelf *shelf, bool is_empty_good)
{
    struct place *oldest = NULL;

    for (size_t i = 0; i < ARCHIVE_KEPT_MAX; i++) {
        struct place *place = &shelf->places[i];

        if (place->index == NULL) {
            if (is_empty_good)
                return place;
            continue;
        }
        if (oldest == NULL || place->used < oldest->used)
            oldest = place;
    }
    return oldest;
}

/* With the lock. NULL: nobody makes it. */
static struct archive_claim *maker_find(struct archive_shelf *shelf,
                                        const unsigned char identity[ARCHIVE_IDENTITY_BYTES])
{
    for (struct queue_link *link = shelf->making.first; link != NULL; link = link->next) {
        struct archive_claim *claim = OWNER_OF(link, struct archive_claim, link);

        if (memcmp(claim->identity, identity, ARCHIVE_IDENTITY_BYTES) == 0)
            return claim;
    }
    return NULL;
}

enum archive_claimed archive_shelf_claim(struct archive_shelf *shelf, struct archive_claim *claim)
{
    enum archive_claimed claimed = ARCHIVE_FOUND;
    struct archive_claim *maker;
    struct place *place;

    claim->index = NULL;
    claim->waiting = (struct queue){0};
    pthread_mutex_lock(&shelf->lock);
    if ((place = place_find(shelf, claim->identity)) != NULL) {
        place->used = ++shelf->uses;
        claim->index = member_index_ref(place->index);
    } else if ((maker = maker_find(shelf, claim->identity)) != NULL) {
        queue_push(&maker->waiting, &claim->link);
        claimed = ARCHIVE_WAITS;
    } else {
        queue_push(&shelf->making, &claim->link);
        claimed = ARCHIVE_MAKES;
    }
    pthread_mutex_unlock(&shelf->lock);
    return claimed;
}

/* With the lock. */
static void keep(struct archive_shelf *shelf, const unsigned char identity[ARCHIVE_IDENTITY_BYTES],
                 struct member_index *index)
{
    size_t bytes = member_index_bytes(index);
    struct place *place;

    if (bytes > ARCHIVE_KEPT_BYTES_MAX)
        return;
    while (shelf->bytes > ARCHIVE_KEPT_BYTES_MAX - bytes)
        place_clear(shelf, place_oldest(shelf, false));
    place = place_oldest(shelf, true);
    place_clear(shelf, place);
    memcpy(place->identity, identity, ARCHIVE_IDENTITY_BYTES);
    place->index = member_index_ref(index);
    place->used = ++shelf->uses;
    shelf->bytes += bytes;
}

void archive_shelf_settle(struct archive_shelf *shelf, struct archive_claim *claim,
                          struct member_index *index, struct archive_failure failure)
{
    struct queue waiting;
    struct queue_link *link;

    pthread_mutex_lock(&shelf->lock);
    queue_remove(&shelf->making, &claim->link);
    if (index != NULL)
        keep(shelf, claim->identity, index);
    waiting = claim->waiting;
    pthread_mutex_unlock(&shelf->lock);
    while ((link = queue_pop(&waiting)) != NULL) {
        struct archive_claim *waiter = OWNER_OF(link, struct archive_claim, link);

        waiter->failure = failure;
        waiter->index = index != NULL ? member_index_ref(index) : NULL;
        waiter->ready(waiter);
    }
}
