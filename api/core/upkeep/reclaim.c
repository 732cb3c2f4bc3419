/* SPDX-License-Identifier: MIT
 *
 * The reclaimer: one thread that gives back the space of what no row refers to; what to do with each unit is in
 * reclaim_units.c.
 *
 * Three sources. Discards: units that were written and whose row was then refused; nobody can have read them,
 * so they go at once. Sealed segments: what they did not use is cut off. Garbage: the database's list of units
 * whose last reference went with some change; here readers come first, as an old snapshot may still name them:
 *
 *   take a batch -> meta_make_durable -> blob_pin_barrier (every reader that may hold an old snapshot has said what it needs)
 *     -> skip what a pin holds, give back the rest, durably -> META_OP_GARBAGE_DONE
 *
 * What was skipped stays on the list and is looked at again later. A crash at any point leaves entries whose
 * bytes are gone already: giving them back again succeeds.
 *
 * Before it looks at the list it has META_OP_SWEEP bring in what large changes left. */
#include "api/core/upkeep/reclaim.h"
#include "api/core/cluster/cluster.h"
#include "api/core/upkeep/pressure.h"
#include "storage/base/thread.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Passes are at least this far apart, so that a burst of deletes shares batches and commits; after one that gave back much, longer: the
 * next one meets more units in each segment that it opens and syncs. */
#define RECLAIM_PAUSE_MS      50
#define RECLAIM_PAUSE_MS_MAX  250
#define RECLAIM_PAUSE_ENTRIES 16 /* for each millisecond more */

/* What was held by a reader, or could not be removed, is tried again after this long. */
#define RECLAIM_RETRY_MS 500

/* Free pages of the database are given back this long after there may be some, so that a stream of deletes does not pay for a look at
 * each pass. */
#define RECLAIM_SHRINK_MS 1000

/* Slices of the sweep in one pass: an upload of 10,000 parts takes 40 at most. Garbage and discards must not wait for all there
 * may be. */
#define RECLAIM_PASS_SLICES 64

/* Batches of entries, and slices of the sweep, taken up at close; a longer list waits for the next start. */
#define RECLAIM_CLOSE_BATCHES 1
#define RECLAIM_CLOSE_SLICES  8

/* Rows that one change strikes off the list: some milliseconds of the committer. */
#define RECLAIM_CHANGE_ROWS 256u

/* ---- Lists ---- */

static struct reclaim_discard *reclaim_take_discards(struct reclaim *reclaim)
{
    struct reclaim_discard *list;

    pthread_mutex_lock(&reclaim->lock);
    list = reclaim->discards;
    reclaim->discards = NULL;
    pthread_mutex_unlock(&reclaim->lock);
    return list;
}

static struct reclaim_sealed *reclaim_take_sealed(struct reclaim *reclaim)
{
    struct reclaim_sealed *list;

    pthread_mutex_lock(&reclaim->lock);
    list = reclaim->sealed;
    reclaim->sealed = NULL;
    pthread_mutex_unlock(&reclaim->lock);
    return list;
}

static void reclaim_push_discard(struct reclaim *reclaim, struct reclaim_discard *discard)
{
    assert(discard != NULL);
    pthread_mutex_lock(&reclaim->lock);
    discard->next = reclaim->discards;
    reclaim->discards = discard;
    pthread_mutex_unlock(&reclaim->lock);
}

static void reclaim_push_sealed(struct reclaim *reclaim, struct reclaim_sealed *sealed)
{
    assert(sealed != NULL && sealed->blob != 0);
    pthread_mutex_lock(&reclaim->lock);
    sealed->next = reclaim->sealed;
    reclaim->sealed = sealed;
    pthread_mutex_unlock(&reclaim->lock);
}

/* Whether what the rows say is durable by itself. Until then bytes stay, whatever the rows say of them: a batch that the journal
 * would have to replay is recognized by its bytes (replay.c). A relaxed store has no journal; what it may give back of garbage is
 * settled (settle.c), and the rest no row ever named. */
static bool reclaim_may_give_back(struct reclaim *reclaim)
{
    if (reclaim->core->options.relaxed || meta_make_durable(reclaim->core->meta) == 0)
        return true;
    reclaim->retry = true;
    return false;
}

/* What cannot be given back now is tried again later; at the latest by recovery at the next start. */
static void reclaim_run_discards(struct reclaim *reclaim)
{
    struct reclaim_discard *list = reclaim_take_discards(reclaim), *next;
    bool may = list != NULL && reclaim_may_give_back(reclaim);

    for (; list != NULL; list = next) {
        next = list->next;
        if (!may || reclaim_discard_unit(reclaim, list->unit, list->length) != 0)
            reclaim_push_discard(reclaim, list);
        else
            free(list);
    }
}

static void reclaim_run_sealed(struct reclaim *reclaim)
{
    struct reclaim_sealed *list = reclaim_take_sealed(reclaim), *next;
    bool may = list != NULL && reclaim_may_give_back(reclaim);

    for (; list != NULL; list = next) {
        next = list->next;
        if (!may || reclaim_settle_segment(reclaim, list->blob, list->used_bytes) != 0)
            reclaim_push_sealed(reclaim, list);
        else
            free(list);
    }
}

/* ---- Garbage ---- */

/* Strikes what was given back off the list, in changes that are submitted together. */
static int reclaim_forget(struct reclaim *reclaim)
{
    struct meta_garbage_done changes[RECLAIM_BATCH_ENTRIES / RECLAIM_CHANGE_ROWS + 1];
    struct meta_op *ops[RECLAIM_BATCH_ENTRIES / RECLAIM_CHANGE_ROWS + 1];
    const struct reclaim_batch *batch = reclaim->batch;
    uint32_t count = 0;

    for (uint32_t at = 0; at < batch->row_count; at += RECLAIM_CHANGE_ROWS) {
        uint32_t left = batch->row_count - at;

        changes[count] = (struct meta_garbage_done){
            .rows = batch->rows + at, .count = left < RECLAIM_CHANGE_ROWS ? left : RECLAIM_CHANGE_ROWS};
        ops[count] = &changes[count].op;
        count++;
    }
    pressure_hurry(reclaim->core, true);
    int err = core_changes_wait(reclaim->core, ops, count, META_OP_GARBAGE_DONE);
    pressure_hurry(reclaim->core, false);
    return err;
}

static bool reclaim_is_stopping(struct reclaim *reclaim)
{
    bool stopping;

    pthread_mutex_lock(&reclaim->lock);
    stopping = reclaim->stopping;
    pthread_mutex_unlock(&reclaim->lock);
    return stopping;
}

static bool reclaim_is_held(struct reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    bool is_held = reclaim->is_held;
    pthread_mutex_unlock(&reclaim->lock);
    return is_held;
}

/* Has cleared away what large changes left, before the garbage that it makes is looked at. Each slice is a change of its own, so
 * that others get in between. */
static int reclaim_run_sweep(struct reclaim *reclaim)
{
    struct meta_sweep change = {.more = true};
    unsigned slices = 0;
    int err = meta_sweep_is_due(reclaim->reader);

    if (err <= 0)
        return err;
    for (err = 0; err == 0 && change.more; err = core_change_wait(reclaim->core, &change.op, META_OP_SWEEP)) {
        if (slices++ >= (reclaim_is_stopping(reclaim) ? RECLAIM_CLOSE_SLICES : RECLAIM_PASS_SLICES)) {
            atomic_store(&reclaim->dirty, true);
            return 0;
        }
    }
    return err;
}

/* How many of the entries, from the first on, no power failure can make somebody's again. */
static uint32_t reclaim_ready(struct reclaim *reclaim, uint32_t count)
{
    int64_t last = atomic_load(&reclaim->core->garbage_ready);

    assert(count <= RECLAIM_BATCH_ENTRIES);
    while (count > 0 && reclaim->batch->entries[count - 1].row > last)
        count--;
    return count;
}

/* Takes the entries after a row. Their number, 0 or an error. */
static int reclaim_take(struct reclaim *reclaim, int64_t after)
{
    struct reclaim_batch *batch = reclaim->batch;
    int count = reclaim->core->cluster != NULL
                    ? cluster_garbage(reclaim->core, after, batch->entries, RECLAIM_BATCH_ENTRIES)
                    : meta_garbage_take(reclaim->reader, after, batch->entries, RECLAIM_BATCH_ENTRIES);

    batch->count = count > 0 ? reclaim_ready(reclaim, (uint32_t)count) : 0;
    return count < 0 ? count : (int)batch->count;
}

/* Of the whole batch, as reclaim_batch.bytes counts them. */
static uint64_t reclaim_bytes(const struct reclaim_batch *batch)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->entries[i].unit_offset != 0 && batch->entries[i].row >= batch->row_first)
            bytes += batch->entries[i].unit_length;
    return bytes;
}

/* Whether a batch may be given back now; reclaim_hold waits for its end then. */
static bool reclaim_may_give(struct reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    bool may = reclaim->giving = !reclaim->is_held;
    pthread_mutex_unlock(&reclaim->lock);
    return may;
}

static void reclaim_has_given(struct reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    reclaim->giving = false;
    pthread_cond_broadcast(&reclaim->changed);
    pthread_mutex_unlock(&reclaim->lock);
}

/* One pass over the whole list, oldest entry first. */
static int reclaim_run_list(struct reclaim *reclaim)
{
    struct reclaim_batch *batch = reclaim->batch;
    unsigned batches_left = RECLAIM_CLOSE_BATCHES;
    uint64_t left = 0; /* bytes that were looked at and stay */
    int64_t after = 0;
    int count, err = 0;

    reclaim->last_count = 0;
    do {
        if ((reclaim_is_stopping(reclaim) && batches_left-- == 0) || reclaim_is_held(reclaim))
            return 0;
        if ((count = reclaim_take(reclaim, after)) < 0)
            return count;
        if (count == 0)
            break;
        after = batch->entries[count - 1].row;
        if (!reclaim_may_give_back(reclaim))
            return 0;
        left += reclaim_bytes(batch);
        reclaim_units(reclaim);
        reclaim->last_count += batch->row_count;
        left -= batch->bytes;
        if (batch->row_count > 0 && (err = reclaim_forget(reclaim)) != 0)
            return err;
        pressure_gave_back(reclaim->core, batch->bytes);
    } while (count == (int)RECLAIM_BATCH_ENTRIES);
    pressure_cannot(reclaim->core, left);
    return 0;
}

static int reclaim_run_garbage(struct reclaim *reclaim)
{
    if (!reclaim_may_give(reclaim))
        return 0; /* reclaim_release has it looked at again */
    int err = reclaim_run_list(reclaim);
    reclaim_has_given(reclaim);
    return err;
}

/* Whether it is time to look for free pages: rows have gone, a moment ago. */
static bool reclaim_may_shrink(struct reclaim *reclaim)
{
    uint64_t now_ns = clock_monotonic_ns();

    if (reclaim->last_count > 0 && !reclaim->shrinks) {
        reclaim->shrinks = true;
        reclaim->shrink_at_ns = now_ns + RECLAIM_SHRINK_MS * UINT64_C(1000000);
    }
    return reclaim->shrinks && now_ns >= reclaim->shrink_at_ns;
}

/* Once rows have gone, their pages are free. A few are given back at a time, and then it rests as long as that took. */
static int reclaim_run_shrink(struct reclaim *reclaim)
{
    struct meta_shrink change = {.more = reclaim_may_shrink(reclaim)};
    unsigned slices = 0;
    int err = 0;

    if (!change.more)
        return 0;
    while (err == 0 && change.more && !reclaim_is_stopping(reclaim)) {
        uint64_t begun_ns = clock_monotonic_ns();
        struct timespec rest = {0};

        err = core_change_wait(reclaim->core, &change.op, META_OP_SHRINK);
        rest.tv_nsec = (long)((clock_monotonic_ns() - begun_ns) % 100000000u);
        if (change.more && ++slices == RECLAIM_PASS_SLICES) { /* garbage must not wait for it */
            atomic_store(&reclaim->dirty, true);
            return err;
        }
        (void)nanosleep(&rest, NULL);
    }
    reclaim->shrinks = false;
    return err;
}

/* ---- The thread ---- */

/* Sleeps until there is something to do, at least the pause. Returns whether to stop. */
static bool reclaim_sleep(struct reclaim *reclaim)
{
    uint32_t more_ms = reclaim->last_count / RECLAIM_PAUSE_ENTRIES;
    struct timespec pause = clock_monotonic_in(RECLAIM_PAUSE_MS + more_ms < RECLAIM_PAUSE_MS_MAX
                                                   ? RECLAIM_PAUSE_MS + more_ms
                                                   : RECLAIM_PAUSE_MS_MAX),
                    retry = clock_monotonic_in(RECLAIM_RETRY_MS);
    bool due = false, stopping;

    pthread_mutex_lock(&reclaim->lock);
    while (!reclaim->stopping && !due)
        due = pthread_cond_timedwait(&reclaim->changed, &reclaim->lock, &pause) == ETIMEDOUT;
    due = false;
    while (!reclaim->stopping && !due && !atomic_load(&reclaim->dirty) &&
           ((reclaim->discards == NULL && reclaim->sealed == NULL) || reclaim->retry)) {
        if (reclaim->retry || reclaim->shrinks)
            due = pthread_cond_timedwait(&reclaim->changed, &reclaim->lock, &retry) == ETIMEDOUT;
        else
            pthread_cond_wait(&reclaim->changed, &reclaim->lock);
    }
    stopping = reclaim->stopping;
    pthread_mutex_unlock(&reclaim->lock);
    return stopping;
}

/* Of a cluster's servers one does it. */
static int reclaim_run_for_all(struct reclaim *reclaim, bool is_stopping)
{
    int sweep_err = reclaim_run_sweep(reclaim);
    /* All the same: on a full disk it may give the room that the sweep needs. */
    int err = reclaim_run_garbage(reclaim);

    if (err == 0)
        err = sweep_err;
    if (err == 0)
        err = reclaim_run_shrink(reclaim);
    return err == 0 && !is_stopping ? reclaim_run_usage(reclaim) : err;
}

static void *reclaim_main(void *arg)
{
    struct reclaim *reclaim = arg;
    bool stopping = false, told = false;
    int err;

    while (!stopping) {
        stopping = reclaim_sleep(reclaim);
        atomic_store(&reclaim->dirty, false); /* before the look: what comes later is looked at again */
        reclaim->retry = false;
        reclaim_run_discards(reclaim);
        reclaim_run_sealed(reclaim);
        err = core_leads(reclaim->core) ? reclaim_run_for_all(reclaim, stopping) : 0;
        if (err != 0) {
            reclaim->retry = true;
            if (!told)
                core_log(reclaim->core, LOG_LEVEL_ERROR,
                         "cannot work off the garbage list, will try again: %s", meta_strerror(err));
            told = true;
        }
    }
    return NULL;
}

/* ---- For the rest of the core ---- */

static void reclaim_free(struct reclaim *reclaim)
{
    struct reclaim_discard *discard;
    struct reclaim_sealed *sealed;

    /* These could not be dealt with; recovery will. */
    while ((discard = reclaim->discards) != NULL) {
        reclaim->discards = discard->next;
        free(discard);
    }
    while ((sealed = reclaim->sealed) != NULL) {
        reclaim->sealed = sealed->next;
        free(sealed);
    }
    if (reclaim->reader != NULL)
        meta_reader_close(reclaim->reader);
    pthread_cond_destroy(&reclaim->changed);
    pthread_mutex_destroy(&reclaim->lock);
    free(reclaim->batch);
    free(reclaim);
}

int reclaim_start(struct core *core, struct reclaim **out)
{
    struct reclaim *reclaim = calloc(1, sizeof(*reclaim));
    int err;

    if (reclaim == NULL)
        return -ENOMEM;
    reclaim->core = core;
    if ((reclaim->batch = calloc(1, sizeof(*reclaim->batch))) == NULL) {
        free(reclaim);
        return -ENOMEM;
    }
    atomic_init(&reclaim->dirty, true); /* an earlier process may have left garbage */
    pthread_mutex_init(&reclaim->lock, NULL);
    thread_condition_init(&reclaim->changed);
    err = meta_reader_open(core->meta, &reclaim->reader);
    if (err == 0)
        err = pressure_begin(core, reclaim->reader, &reclaim->batch->row_first);
    if (err == 0)
        err = thread_start(&reclaim->thread, "sluice-reclaim", reclaim_main, reclaim);
    if (err != 0) {
        reclaim_free(reclaim);
        return err;
    }
    *out = reclaim;
    return 0;
}

void reclaim_stop(struct reclaim *reclaim)
{
    if (reclaim == NULL)
        return;
    pthread_mutex_lock(&reclaim->lock);
    reclaim->stopping = true;
    pthread_cond_signal(&reclaim->changed);
    pthread_mutex_unlock(&reclaim->lock);
    thread_join(reclaim->thread);
    reclaim_free(reclaim);
}

void reclaim_wake(struct reclaim *reclaim)
{
    assert(reclaim != NULL);
    if (atomic_exchange(&reclaim->dirty, true))
        return; /* somebody told it already */
    pthread_mutex_lock(&reclaim->lock);
    pthread_cond_signal(&reclaim->changed);
    pthread_mutex_unlock(&reclaim->lock);
}

void reclaim_hold(struct reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    assert(!reclaim->is_held);
    reclaim->is_held = true;
    while (reclaim->giving)
        pthread_cond_wait(&reclaim->changed, &reclaim->lock);
    pthread_mutex_unlock(&reclaim->lock);
}

void reclaim_release(struct reclaim *reclaim)
{
    pthread_mutex_lock(&reclaim->lock);
    assert(reclaim->is_held);
    reclaim->is_held = false;
    pthread_mutex_unlock(&reclaim->lock);
    reclaim_wake(reclaim);
}

void reclaim_add_discard(struct reclaim *reclaim, struct reclaim_discard *discard)
{
    assert(discard->unit.blob != 0);
    reclaim_push_discard(reclaim, discard);
    pthread_mutex_lock(&reclaim->lock);
    pthread_cond_signal(&reclaim->changed);
    pthread_mutex_unlock(&reclaim->lock);
}

void reclaim_add_sealed(struct reclaim *reclaim, uint64_t blob, uint64_t used_bytes, bool is_certain)
{
    struct reclaim_sealed *sealed;

    assert(blob != 0);
    /* Left unsettled, it is looked at by the next start. */
    if (reclaim == NULL || !is_certain || (sealed = malloc(sizeof(*sealed))) == NULL)
        return;
    sealed->blob = blob;
    sealed->used_bytes = used_bytes;
    reclaim_push_sealed(reclaim, sealed);
    pthread_mutex_lock(&reclaim->lock);
    pthread_cond_signal(&reclaim->changed);
    pthread_mutex_unlock(&reclaim->lock);
}
