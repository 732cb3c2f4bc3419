/* SPDX-License-Identifier: MIT
 *
 * The committer: one thread, one queue, one transaction for all that waits.
 *
 *   meta_submit -> queue -> [BEGIN, a savepoint around each change, COMMIT] -> done, in the order of
 * submission
 *
 * It takes what is there and goes, and what arrives meanwhile is the next batch. So one submitter pays for one
 * commit, and many share it. Only where commits are dear, a batch waits for the submitters of the one before
 * (batch_pace.h). How a batch is run is in batch.c. */
#include "metadata/write/committer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "metadata/write/batch.h"
#include "metadata/write/batch_pace.h"
#include "metadata/rows/row_engine.h"
#include "metadata/write/changes.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"
#include "storage/base/thread.h"
#include "storage/base/clock.h"

struct op_queue {
    struct meta_op *head, **tail;
    uint32_t count;
};

struct meta_committer {
    struct meta *meta;
    struct batch_runner runner; /* the thread's */
    struct batch_pace pace;     /* the thread's */
    uint64_t last_end_ns;       /* the thread's: when the last batch was answered */
    int repair_error;           /* the thread's: of the last try, to log a trouble once */

    pthread_t thread;
    sem_t wake_alone;      /* one for each time that sleeps_alone is taken away */
    atomic_uint visitors;  /* other threads that have told this one something, and may be about to wake it */
    pthread_mutex_t mutex; /* for all below */
    pthread_cond_t wake;   /* of CLOCK_MONOTONIC */
    bool sleeps_alone;     /* the thread waits for wake_alone, and nobody has set out to post it */
    struct op_queue waiting;
    uint32_t wake_at;        /* wake the thread when that many wait */
    struct op_queue refused; /* submitted after closing began */
    bool closing;
    bool stopped; /* the thread looks at the queues no more */
};

static void queue_init(struct op_queue *queue)
{
    queue->head = NULL;
    queue->tail = &queue->head;
    queue->count = 0;
}

static void queue_push(struct op_queue *queue, struct meta_op *op)
{
    assert(op != NULL && (queue->count == 0) == (queue->head == NULL));
    op->next = NULL;
    *queue->tail = op;
    queue->tail = &op->next;
    queue->count++;
}

static struct meta_op *queue_pop(struct op_queue *queue)
{
    struct meta_op *op = queue->head;

    assert(op != NULL && queue->count > 0);
    if ((queue->head = op->next) == NULL)
        queue->tail = &queue->head;
    queue->count--;
    assert((queue->count == 0) == (queue->head == NULL));
    return op;
}

/* Before anybody is told: who begins after the answer must not use what was read before. */
static void settings_expire(struct meta *meta, const struct meta_op *batch)
{
    if (changes_have(batch, CHANGE_EXPIRES_SETTINGS))
        atomic_fetch_add(&meta->settings_generation, 1);
}

uint64_t meta_settings_generation(const struct meta *meta)
{
    return atomic_load(&meta->settings_generation);
}

void meta_answer(struct meta_op *first)
{
    while (first != NULL) {
        struct meta_op *op = first;
        first = op->next; /* done may free the op */
        assert(op->done != NULL && op->result <= 0);
        op->done(op);
    }
}

/* result: as meta_batch_hooks.ended wants it. */
static void batch_finish(const struct meta_batch_hooks *hooks, struct meta_op *batch, int result)
{
    if (hooks->ended != NULL && batch != NULL)
        hooks->ended(hooks->ctx, result, batch);
    else
        meta_answer(batch);
}

/* ---- Sleeping and waking ----
 *
 * Signalled with the mutex held, a thread that shares a CPU with its submitter stays behind it until that is done with all it has to
 * submit. For one client alone there is nothing more to come, and the thread would but wake, meet the mutex and sleep again, which takes
 * longer than some batches: it is woken by a semaphore, with the mutex free. */

static void sleep_alone(struct meta_committer *committer)
{
    assert(!committer->sleeps_alone);
    committer->sleeps_alone = true;
    pthread_mutex_unlock(&committer->mutex);
    while (sem_wait(&committer->wake_alone) != 0)
        assert(errno == EINTR);
    pthread_mutex_lock(&committer->mutex);
    assert(!committer->sleeps_alone);
}

/* Other threads, around what they tell this one; the mutex is held between the two. At the end the committer may have done what it
 * was told and be about to be freed: that waits for visitors. */
static void visit_begin(struct meta_committer *committer)
{
    (void)atomic_fetch_add(&committer->visitors, 1);
    pthread_mutex_lock(&committer->mutex);
}

static void visit_end(struct meta_committer *committer, bool wakes)
{
    bool posts = wakes && committer->sleeps_alone;

    if (posts)
        committer->sleeps_alone = false;
    else if (wakes)
        pthread_cond_signal(&committer->wake);
    pthread_mutex_unlock(&committer->mutex);
    if (posts)
        (void)sem_post(&committer->wake_alone); /* at most one is waited for: no overflow */
    (void)atomic_fetch_sub(&committer->visitors, 1);
}

/* ---- After a failed sync ---- */

/* How long until it is tried again, when nobody brings a change before. */
#define REPAIR_RETRY_NS 500000000u

/* Makes it good, if there is something to be made good. 0 or an error: then nothing may be committed. The mutex is not held. */
static int repair(struct meta_committer *committer)
{
    struct meta *meta = committer->meta;

    if (!row_engine_is_suspect(meta))
        return 0;
    int err = row_store_repair(committer->runner.writer.store);
    assert(err <= 0);
    if (err != committer->repair_error || err == 0)
        meta_log(
            meta, err != 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s: a sync failed; %s%s", meta->path,
            err == 0 ? "what it may have lost was written again, and nothing is missing"
            : err == -EBADMSG
                ? "what it lost cannot be had from memory any more: nothing is read or changed until the "
                  "server was started again"
                : "no changes are taken until what it may have lost is written again: ",
            err == 0 || err == -EBADMSG ? "" : meta_strerror(err));
    committer->repair_error = err;
    return err;
}

void committer_nudge(struct meta_committer *committer)
{
    visit_begin(committer);
    visit_end(committer, true);
}

static void on_trouble(void *ctx)
{
    committer_nudge(ctx);
}

static bool is_idle(const struct meta_committer *committer)
{
    return committer->waiting.head == NULL && committer->refused.head == NULL && !committer->closing;
}

static void wait_until(struct meta_committer *committer, uint64_t end_ns)
{
    struct timespec end = {.tv_sec = (time_t)(end_ns / 1000000000u), .tv_nsec = (long)(end_ns % 1000000000u)};

    (void)pthread_cond_timedwait(&committer->wake, &committer->mutex, &end); /* the caller looks again */
}

/* From here on the disk may hang, and what is submitted would wait for it: meta_is_stalled looks at this. */
static void disk_begins(struct meta_committer *committer)
{
    atomic_store(&committer->meta->batch_began_ns, clock_monotonic_ns());
}

static void disk_is_done(struct meta_committer *committer)
{
    atomic_store(&committer->meta->batch_began_ns, 0);
}

/* Waits for something to do; meanwhile a failed sync is made good. The mutex is held, and given up. */
static void idle_await(struct meta_committer *committer)
{
    while (is_idle(committer)) {
        if (!row_engine_is_suspect(committer->meta)) {
            if (batch_pace_is_alone(&committer->pace))
                sleep_alone(committer);
            else
                pthread_cond_wait(&committer->wake, &committer->mutex);
            continue;
        }
        pthread_mutex_unlock(&committer->mutex);
        disk_begins(committer);
        int err = repair(committer);
        disk_is_done(committer);
        pthread_mutex_lock(&committer->mutex);
        if (err != 0 && is_idle(committer))
            wait_until(committer, clock_monotonic_ns() + REPAIR_RETRY_NS);
    }
}

/* A batch that was committed with a sync while somebody else's sync failed: that sync may have lost what this one then found done. Readers
 * see the rows, so the batch cannot be refused any more; it is answered when they are safe. Only at the end nobody can wait:
 * the answer is then that nothing is known, and the bytes stay, as reclaim asks before it removes any. */
static void batch_hold(struct meta_committer *committer, struct meta_op *batch)
{
    bool closing = false;
    int err;

    assert(batch != NULL);
    if (committer->runner.last_error != 0 || !row_store_was_synced(committer->runner.writer.store))
        return;
    while ((err = repair(committer)) != 0 && !closing) {
        pthread_mutex_lock(&committer->mutex);
        if (!committer->closing)
            wait_until(committer, clock_monotonic_ns() + REPAIR_RETRY_NS / 10);
        closing = committer->closing;
        pthread_mutex_unlock(&committer->mutex);
    }
    for (struct meta_op *op = batch; op != NULL && err != 0; op = op->next)
        if (op->result == 0)
            op->result = META_E_UNSYNCED;
}

/* ---- Batches ---- */

/* Waits until there is something to do, and then perhaps a little longer for company. The mutex is held. */
static void batch_await(struct meta_committer *committer)
{
    uint64_t limit_ns;

    idle_await(committer);
    if (committer->waiting.head == NULL || committer->closing || !committer->meta->options.durable)
        return;
    uint32_t target = batch_pace_target(&committer->pace, committer->waiting.count, &limit_ns);
    if (target == 0 || clock_monotonic_ns() >= committer->last_end_ns + limit_ns)
        return;

    assert(target > committer->waiting.count);
    uint64_t end_ns = committer->last_end_ns + limit_ns;
    struct timespec end = {.tv_sec = (time_t)(end_ns / 1000000000u), .tv_nsec = (long)(end_ns % 1000000000u)};
    committer->wake_at = target;
    while (committer->waiting.count < target && !committer->closing)
        if (pthread_cond_timedwait(&committer->wake, &committer->mutex, &end) != 0)
            break;
    committer->wake_at = 1;
    batch_pace_waited(&committer->pace, committer->waiting.count >= target);
}

/* Cuts a batch off the front of the queue. The mutex is held. */
static struct meta_op *batch_take(struct meta_committer *committer)
{
    struct op_queue batch;
    uint32_t weight = 0;

    queue_init(&batch);
    while (committer->waiting.head != NULL && weight < META_BATCH_OPS_MAX) {
        struct meta_op *op = queue_pop(&committer->waiting);
        weight += change_weight(op);
        queue_push(&batch, op);
    }
    assert(committer->waiting.head == NULL || weight >= META_BATCH_OPS_MAX);
    return batch.head;
}

/* Nothing of it was begun. */
static void batch_refuse(struct meta_committer *committer, struct meta_op *batch)
{
    for (struct meta_op *op = batch; op != NULL; op = op->next)
        op->result = META_E_UNSYNCED;
    batch_finish(&committer->runner.hooks, batch, META_E_UNSYNCED);
}

uint64_t meta_changes(const struct meta *meta)
{
    return atomic_load(&meta->changes);
}

uint32_t committer_waiting(struct meta_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    uint32_t waiting = committer->waiting.count;
    pthread_mutex_unlock(&committer->mutex);
    return waiting;
}

/* A batch from its first statement to the last answer. */
static void batch_serve(struct meta_committer *committer, struct meta_op *batch)
{
    uint64_t begin_ns = clock_monotonic_ns();
    uint32_t clients = changes_count_without(batch, CHANGE_IS_HOUSEKEEPING);
    const struct row_touches touches = changes_touches(batch);

    assert(batch != NULL);
    if (repair(committer) != 0) {
        batch_refuse(committer, batch);
        return;
    }
    row_changes_begin(&committer->meta->row_changes, &touches);
    batch_run(&committer->runner, batch);
    if (committer->runner.last_error == -ENOSPC)
        row_store_hurry(committer->runner.writer.store);
    row_changes_end(&committer->meta->row_changes, &touches);
    (void)atomic_fetch_add(&committer->meta->changes, changes_count_without(batch, CHANGE_IS_UNMARKED));
    if (row_engine_is_suspect(committer->meta)) {
        batch_hold(committer, batch);
        (void)repair(committer); /* before anybody is told; what fails is tried again */
    }
    settings_expire(committer->meta, batch);
    uint32_t waiting = committer_waiting(committer); /* before the first who is answered can be back */
    uint32_t changes = changes_count_without(batch, 0);
    batch_finish(&committer->runner.hooks, batch, committer->runner.bytes_result);
    committer->last_end_ns = clock_monotonic_ns();
    batch_pace_ran(&committer->pace, clients, waiting, committer->last_end_ns - begin_ns);
    figures_batch_ran(&committer->meta->figures, changes, committer->last_end_ns - begin_ns);
    row_store_rest(committer->runner.writer.store);
}

static void *committer_main(void *argument)
{
    struct meta_committer *committer = argument;

    pthread_mutex_lock(&committer->mutex);
    for (;;) {
        batch_await(committer);
        struct meta_op *batch = batch_take(committer);
        struct meta_op *refused = committer->refused.head;
        queue_init(&committer->refused);
        if (batch == NULL && refused == NULL)
            break;
        pthread_mutex_unlock(&committer->mutex);
        if (batch != NULL) {
            disk_begins(committer);
            batch_serve(committer, batch);
            disk_is_done(committer);
        }
        batch_finish(&committer->runner.hooks, refused, META_E_CLOSING);
        pthread_mutex_lock(&committer->mutex);
    }
    committer->stopped = true;
    pthread_mutex_unlock(&committer->mutex);
    (void)repair(committer); /* a last time: else the log stays as it is, for the next start */
    return NULL;
}

void committer_submit(struct meta_committer *committer, struct meta_op *op)
{
    assert(op->done != NULL && op->kind < META_OP_KIND_COUNT);
    op->result = 0;
    assert(op->rests_on == NULL || committer->runner.hooks.prepare != NULL);
    visit_begin(committer);
    if (committer->stopped) {
        visit_end(committer, false);
        op->result = META_E_CLOSING;
        op->done(op); /* no other thread is left to call it */
        return;
    }
    bool idle = committer->waiting.head == NULL && committer->refused.head == NULL;
    if (committer->closing) {
        op->result = META_E_CLOSING;
        queue_push(&committer->refused, op);
    } else {
        queue_push(&committer->waiting, op);
    }
    visit_end(committer, idle || committer->waiting.count == committer->wake_at);
}

void meta_submit(struct meta *meta, struct meta_op *op)
{
    assert(meta != NULL && op != NULL);
    if (meta->committer != NULL) {
        committer_submit(meta->committer, op);
        return;
    }
    op->result = -EROFS;
    op->done(op);
}

static void committer_free(struct meta_committer *committer)
{
    while (atomic_load(&committer->visitors) > 0)
        (void)sched_yield();
    batch_runner_end(&committer->runner);
    (void)sem_destroy(&committer->wake_alone);
    pthread_cond_destroy(&committer->wake);
    pthread_mutex_destroy(&committer->mutex);
    free(committer);
}

int committer_start(struct meta_committer **committer_out, struct meta *meta, struct row_store *store)
{
    struct meta_committer *committer = calloc(1, sizeof(*committer));
    int err;

    assert(store != NULL);
    if (committer == NULL) {
        row_store_close(store);
        return -ENOMEM;
    }
    committer->meta = meta;
    queue_init(&committer->waiting);
    queue_init(&committer->refused);
    pthread_mutex_init(&committer->mutex, NULL);
    (void)sem_init(&committer->wake_alone, 0, 0); /* 0 is a value that it can have */
    thread_condition_init(&committer->wake);
    committer->wake_at = 1;
    if ((err = batch_runner_begin(&committer->runner, meta, store)) != 0 ||
        (err = row_store_start(store, on_trouble, committer)) != 0 ||
        (err = thread_start(&committer->thread, "sluice-commit", committer_main, committer)) != 0) {
        meta_log(meta, LOG_LEVEL_ERROR, "%s: %s (%s)", meta->path, meta_strerror(err),
                 row_store_message(store));
        row_engine_keep_log(meta);
        committer_free(committer);
        return err;
    }
    *committer_out = committer;
    return 0;
}

void committer_stop(struct meta_committer *committer)
{
    visit_begin(committer);
    assert(!committer->closing);
    committer->closing = true;
    visit_end(committer, true);
    thread_join(committer->thread);
    committer_free(committer);
}
