/* SPDX-License-Identifier: MIT
 *
 * Settling: one thread of a relaxed store that has all that came up to a moment written to the disk, every few seconds while something comes,
 * and at once after a process that was killed, so that a power failure can take nothing older.
 *
 *   take a point: which blobs are complete, which rows were replaced until now
 *     -> blob_point_sync (bytes, names), meta_make_durable (rows)
 *     -> SEQUENCE says what is settled, META_OP_MARK what is on the disk; what was replaced before the point is given up
 *     -> meta_make_durable once more -> garbage up to here may be given back, for no power failure brings back a row that names it
 *
 * Where too much waits to be given back (pressure.h), the next point is taken at once.
 *
 * Nobody waits for any of it but this thread: not the committer, no event loop. What is given back later than the point is no harm.
 *
 * After a failed sync of bytes nobody knows what is on the disk, and the next sync would not tell (the database makes good its own). Then there is no other point as long as the process
 * lives: the mark stays where it is, and the next start verifies everything that came since. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/core/limits.h"
#include "api/core/upkeep/pressure.h"
#include "metadata/meta_journal.h"
#include "metadata/meta_relaxed.h"
#include "storage/base/thread.h"
#include "storage/base/clock.h"

_Static_assert(BLOB_POINT_OPEN_MAX <= META_MARK_OPEN_MAX, "a mark has room for what a point names");

struct settle {
    struct core *core;
    struct meta_reader *reader;
    pthread_t thread;
    uint64_t settled_changes; /* meta_changes when the last point was taken */
    uint64_t settled_blobs;   /* blob_point_settles likewise */
    atomic_bool has_failed;   /* a sync of the bytes did */
    int last_error;           /* of the rows, so that it is told once */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool is_stopping, is_hurried;
};

/* ---- The mark ---- */

/* point NULL: everything is on the disk. */
static int mark_set(struct core *core, const struct blob_point *point, int64_t replaced)
{
    struct meta_mark_set change = {.replaced = replaced, .more = true};
    int err = 0;

    assert(point == NULL || point->open_count <= META_MARK_OPEN_MAX);
    if (point != NULL) {
        change.mark.file = point->next;
        change.mark.open_count = point->open_count;
        memcpy(change.mark.open, point->open, point->open_count * sizeof(point->open[0]));
    }
    pressure_hurry(core, true);
    while (err == 0 && change.more)
        err = core_change_wait(core, &change.op, META_OP_MARK);
    pressure_hurry(core, false);
    return err;
}

/* The mark, and how far the list of garbage goes, as an earlier process left them. */
static int mark_get(struct core *core, struct meta_mark *mark, struct meta_point *point)
{
    struct meta_reader *reader;
    int err = meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    if ((err = meta_mark_get(reader, mark)) == 0)
        err = meta_point_take(reader, point);
    meta_reader_close(reader);
    return err;
}

/* ---- A point ---- */

/* All before the point is on the disk: says so, and gives up what was only kept until then. */
static int settle_note(struct settle *settle, const struct blob_point *blobs, int64_t replaced)
{
    struct core *core = settle->core;
    struct meta_point point;
    int err;

    if ((err = blob_point_keep(core->blobs, blobs)) != 0 || (err = mark_set(core, blobs, replaced)) != 0 ||
        (err = meta_point_take(settle->reader, &point)) != 0 || (err = meta_make_durable(core->meta)) != 0)
        return err;
    atomic_store(&core->garbage_ready, point.garbage);
    reclaim_wake(core->reclaim);
    return 0;
}

static void settle_pass(struct settle *settle)
{
    struct core *core = settle->core;
    uint64_t changes = meta_changes(core->meta);
    struct blob_point blobs;
    struct meta_point point;
    int err;

    assert(core->options.relaxed);
    blob_point_take(core->blobs, &blobs);
    if ((err = meta_point_take(settle->reader, &point)) != 0) {
        core_log(core, LOG_LEVEL_ERROR, "cannot tell what is to be written to the disk: %s",
                 meta_strerror(err));
        return;
    }
    if ((err = blob_point_sync(core->blobs)) != 0) {
        atomic_store(&settle->has_failed, true);
        core_log(core, LOG_LEVEL_ERROR,
                 "cannot write to the disk what came lately: %s. It is not known what of it is there, and "
                 "space is no longer "
                 "given back; the next start will verify it",
                 meta_strerror(err));
        return;
    }
    if ((err = meta_make_durable(core->meta)) == 0)
        err = settle_note(settle, &blobs, point.replaced);
    if (err == 0) {
        settle->settled_changes = changes;
        settle->settled_blobs = blobs.settles;
    } else if (err != settle->last_error)
        core_log(core, LOG_LEVEL_ERROR, "cannot note what is on the disk, will try again: %s",
                 meta_strerror(err));
    settle->last_error = err;
}

/* ---- The thread ---- */

/* Sleeps until the next point is due. Returns whether to stop. */
static bool settle_sleep(struct settle *settle)
{
    uint32_t milliseconds =
        settle->core->options.settle_ms != 0 ? settle->core->options.settle_ms : CORE_SETTLE_MS;
    struct timespec at = clock_monotonic_in(milliseconds);
    struct timespec soonest =
        clock_monotonic_in(milliseconds < CORE_SETTLE_HURRIED_MS ? milliseconds : CORE_SETTLE_HURRIED_MS);
    bool is_stopping;

    pthread_mutex_lock(&settle->lock);
    while (!settle->is_stopping &&
           pthread_cond_timedwait(&settle->changed, &settle->lock, settle->is_hurried ? &soonest : &at) == 0)
        ;
    settle->is_hurried = false;
    is_stopping = settle->is_stopping;
    pthread_mutex_unlock(&settle->lock);
    return is_stopping;
}

/* A row is there a moment before its blob is settled. A point that was taken in between has the blob as open, and another must follow. */
static bool settle_is_due(struct settle *settle)
{
    return !atomic_load(&settle->has_failed) &&
           (meta_changes(settle->core->meta) != settle->settled_changes ||
            blob_point_settles(settle->core->blobs) != settle->settled_blobs);
}

static void *settle_main(void *arg)
{
    struct settle *settle = arg;

    /* What an earlier process was killed with has waited long enough: its clock does not begin anew with each start. */
    if (settle->core->is_unsettled)
        settle_pass(settle);
    while (!settle_sleep(settle))
        if (settle_is_due(settle))
            settle_pass(settle);
    return NULL;
}

/* ---- For the rest of the core ---- */

int settle_open(struct core *core)
{
    struct meta_point point;
    struct blob_point blobs;
    struct meta_mark mark;
    int err;

    assert(core->meta != NULL && !core->options.read_only);
    if ((err = mark_get(core, &mark, &point)) != 0)
        return err;
    core->is_unsettled = mark.file != 0;
    if (!core->options.relaxed) {
        atomic_init(&core->garbage_ready, INT64_MAX);
        /* What the relaxed process left was synced when the blobs were opened. */
        return core->is_unsettled ? mark_set(core, NULL, INT64_MAX) : 0;
    }
    atomic_init(&core->garbage_ready, core->is_unsettled ? 0 : point.garbage);
    if (core->is_unsettled)
        return 0;
    blob_point_take(core->blobs, &blobs);
    return mark_set(core, &blobs, INT64_MAX);
}

static void settle_free(struct settle *settle)
{
    if (settle->reader != NULL)
        meta_reader_close(settle->reader);
    pthread_cond_destroy(&settle->changed);
    pthread_mutex_destroy(&settle->lock);
    free(settle);
}

int settle_start(struct core *core, struct settle **out)
{
    struct settle *settle;
    int err;

    if (!core->options.relaxed)
        return 0;
    if ((settle = calloc(1, sizeof(*settle))) == NULL)
        return -ENOMEM;
    settle->core = core;
    settle->settled_changes = core->is_unsettled ? UINT64_MAX : 0; /* should the first pass fail */
    settle->settled_blobs = blob_point_settles(core->blobs);
    pthread_mutex_init(&settle->lock, NULL);
    thread_condition_init(&settle->changed);
    err = meta_reader_open(core->meta, &settle->reader);
    if (err == 0)
        err = thread_start(&settle->thread, "sluice-settle", settle_main, settle);
    if (err != 0) {
        settle_free(settle);
        return err;
    }
    *out = settle;
    return 0;
}

bool settle_hurry(struct settle *settle)
{
    if (atomic_load(&settle->has_failed))
        return false;
    pthread_mutex_lock(&settle->lock);
    settle->is_hurried = true;
    pthread_cond_signal(&settle->changed);
    pthread_mutex_unlock(&settle->lock);
    return true;
}

void settle_stop(struct settle *settle)
{
    struct core *core;

    if (settle == NULL)
        return;
    assert(settle->core->options.relaxed);
    core = settle->core;
    pthread_mutex_lock(&settle->lock);
    settle->is_stopping = true;
    pthread_cond_signal(&settle->changed);
    pthread_mutex_unlock(&settle->lock);
    thread_join(settle->thread);
    /* If it fails, the next start verifies more than it need. */
    if (!atomic_load(&settle->has_failed) && meta_changes(core->meta) == settle->settled_changes &&
        mark_set(core, NULL, INT64_MAX) == 0)
        (void)blob_point_keep(core->blobs, NULL);
    settle_free(settle);
}
