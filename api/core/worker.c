/* SPDX-License-Identifier: MIT
 *
 * A worker: what one thread needs of its own to use the core. All callbacks of the core run inside
 * core_worker_run or core_worker_wait.
 *
 * A worker may be handed from thread to thread as long as one uses it at a time; the library does that. */
#include "api/core/core_internal.h"

#include "api/core/cache/cache_use.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void core_tell_no_engine(struct core *core, int err)
{
    if (core->options.engine == RING_ENGINE_URING)
        core_log(core, LOG_LEVEL_ERROR, "io_uring cannot be used here (%s); the engine auto or threads can",
                 strerror(-err));
}

static int worker_open_ring(struct core *core, struct ring **ring)
{
    int err = ring_create(ring, core->options.engine);

    if (err != 0)
        core_tell_no_engine(core, err);
    return err;
}

static void worker_tell_engine(struct core *core, const struct ring *ring)
{
    if (core->options.engine != RING_ENGINE_AUTO || ring_engine_in_use(ring) != RING_ENGINE_THREADS)
        return;
    if (!atomic_exchange(&core->engine_is_told, true))
        core_log(core, LOG_LEVEL_WARNING, "io_uring is not permitted here: threads do the disk work instead");
}

static void worker_free(struct core_worker *worker)
{
    assert(worker->puts == 0 && worker->changes == 0);
    ring_destroy(worker->ring);
    if (worker->pipes != NULL)
        pipe_pool_destroy(worker->pipes);
    if (worker->reader != NULL)
        meta_reader_close(worker->reader);
    core_settings_free(worker->settings);
    worker_uses_leave(worker->uses);
    free(worker);
}

int core_worker_create(struct core *core, struct core_worker **out)
{
    struct core_worker *worker = calloc(1, sizeof(*worker));
    int err;

    assert(core->is_open);
    if (worker == NULL)
        return -ENOMEM;
    worker->core = core;
    if ((worker->settings = core_settings_create()) == NULL) {
        free(worker);
        return -ENOMEM;
    }
    if ((err = worker_open_ring(core, &worker->ring)) != 0 || (err = pipe_pool_create(&worker->pipes)) != 0 ||
        (err = meta_reader_open(core->meta, &worker->reader)) != 0) {
        worker_free(worker);
        return err;
    }
    worker_tell_engine(core, worker->ring);
    atomic_fetch_add(&core->workers, 1);
    *out = worker;
    return 0;
}

void core_worker_destroy(struct core_worker *worker)
{
    struct core *core;

    if (worker == NULL)
        return;
    core = worker->core;
    /* What was abandoned still gets its last event, and some of those are posted by other threads: the ring
     * does not count them as its own. */
    while (worker->puts > 0 || worker->changes > 0)
        ring_wait(worker->ring, true);
    worker_free(worker);
    assert(atomic_load(&core->workers) > 0);
    atomic_fetch_sub(&core->workers, 1);
}

struct core *core_worker_core(struct core_worker *worker)
{
    return worker->core;
}

int core_worker_event_fd(struct core_worker *worker)
{
    return ring_event_fd(worker->ring);
}

void core_worker_watch_edges(struct core_worker *worker)
{
    ring_watch_edges(worker->ring);
}

void core_worker_run(struct core_worker *worker)
{
    ring_reap(worker->ring);
}

void core_worker_flush(struct core_worker *worker)
{
    (void)put_small_queue_run(&worker->sealing);
    ring_flush(worker->ring);
}

void core_worker_wait(struct core_worker *worker)
{
    if (!put_small_queue_run(&worker->sealing))
        ring_wait(worker->ring, true);
}

void core_worker_drain(struct core_worker *worker)
{
    assert(worker->sealing.count == 0);
    while (ring_pending(worker->ring) > 0)
        ring_wait(worker->ring, false);
}

int core_worker_health(struct core_worker *worker)
{
    int health = core_health(worker->core);

    return health == 0 && ring_is_stalled(worker->ring) ? META_E_STALLED : health;
}

struct meta_reader *core_worker_reader(struct core_worker *worker)
{
    return worker->reader;
}

/* ---- Turns ---- */

static void turn_on_posted(struct ring_op *op, int32_t result)
{
    struct core_turn *turn = OWNER_OF(op, struct core_turn, posted);

    assert(turn->worker->changes > 0);
    turn->worker->changes--;
    turn->next(turn);
}

void core_turn_begin(struct core_worker *worker, struct core_turn *turn)
{
    assert(turn->next != NULL);
    turn->worker = worker;
    turn->posted.done = turn_on_posted;
    worker->changes++;
}

void core_turn_end(struct core_turn *turn)
{
    ring_post(turn->worker->ring, &turn->posted, 0);
}

void core_turn_cancel(struct core_turn *turn)
{
    turn->worker->changes--;
}

void core_turn_wait(struct core_worker *worker, struct core_turn *turn)
{
    core_turn_begin(worker, turn);
    core_turn_end(turn);
}

struct meta *core_meta(struct core *core)
{
    return core->meta;
}
