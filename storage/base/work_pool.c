/* SPDX-License-Identifier: MIT
 *
 * The work pool. One lock guards the queue and the counts. A thread counts as idle from its start on as long as it has no work: so work
 * that was added just now does not start a second thread because the first has not come to it yet.
 *
 * Signals are sent under the lock: whoever added the work may find it over, and destroy the pool, as soon as the lock is free. */
#include "storage/base/work_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "storage/base/thread.h"

struct work_thread {
    struct work_pool *pool;
    void *own;
    pthread_t thread;
};

struct work_pool {
    struct work_pool_options options;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t added;
    struct queue queue;
    atomic_uint queued; /* written under the lock, read also without */
    unsigned idle_count, thread_count;
    bool stopping;
    struct work_thread threads[];
};

/* ---- Threads ---- */

/* Under the lock, which is given up for as long as the work takes. */
static void run_one(struct work_pool *pool, struct queue_link *work, void *own)
{
    assert(pool->idle_count > 0 && pool->queued > 0);
    pool->queued--;
    pool->idle_count--;
    pthread_mutex_unlock(&pool->lock);
    bool has_more = pool->options.run(pool->options.ctx, work, own);
    pthread_mutex_lock(&pool->lock);
    pool->idle_count++;
    if (!has_more)
        return;
    queue_push(&pool->queue, work); /* wakes nobody: this thread takes the oldest next */
    pool->queued++;
}

static void *work_main(void *arg)
{
    const struct work_thread *self = arg;
    struct work_pool *pool = self->pool;
    struct queue_link *work;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if ((work = queue_pop(&pool->queue)) != NULL)
            run_one(pool, work, self->own);
        else if (!pool->stopping)
            pthread_cond_wait(&pool->added, &pool->lock);
        else
            break;
    }
    pthread_mutex_unlock(&pool->lock);
    if (pool->options.close_own != NULL)
        pool->options.close_own(self->own);
    return NULL;
}

/* One more. Under the lock. */
static int start_one(struct work_pool *pool)
{
    struct work_thread *next = &pool->threads[pool->thread_count];
    int err;

    assert(pool->thread_count < pool->options.thread_max && !pool->stopping);
    *next = (struct work_thread){.pool = pool};
    if (pool->options.open_own != NULL && (err = pool->options.open_own(&next->own)) != 0)
        return err;
    if ((err = thread_start(&next->thread, pool->options.name, work_main, next)) != 0) {
        if (pool->options.close_own != NULL)
            pool->options.close_own(next->own);
        return err;
    }
    pool->thread_count++;
    pool->idle_count++;
    return 0;
}

/* ---- For callers ---- */

int work_pool_create(struct work_pool **out, const struct work_pool_options *options)
{
    struct work_pool *pool;

    assert(options->thread_max > 0 && options->run != NULL);
    assert((options->open_own == NULL) == (options->close_own == NULL));
    pool = calloc(1, sizeof(*pool) + options->thread_max * sizeof(pool->threads[0]));
    if (pool == NULL)
        return -ENOMEM;
    pool->options = *options;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->added, NULL);
    *out = pool;
    return 0;
}

void work_pool_destroy(struct work_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    assert(!pool->stopping);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->added);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        thread_join(pool->threads[i].thread);
    assert(queue_is_empty(&pool->queue) && pool->queued == 0);
    pthread_cond_destroy(&pool->added);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int work_pool_begin(struct work_pool *pool)
{
    int err = 0;

    pthread_mutex_lock(&pool->lock);
    if (pool->thread_count == 0)
        err = start_one(pool);
    pthread_mutex_unlock(&pool->lock);
    return err;
}

void work_pool_add_all(struct work_pool *pool, struct queue *works)
{
    unsigned count = 0;

    if (queue_is_empty(works))
        return;
    for (const struct queue_link *at = works->first; at != NULL; at = at->next)
        count++;
    pthread_mutex_lock(&pool->lock);
    assert(pool->thread_count > 0 && !pool->stopping);
    queue_append(&pool->queue, works);
    pool->queued += count;
    if (count == 1)
        pthread_cond_signal(&pool->added);
    else
        pthread_cond_broadcast(&pool->added);
    while (pool->queued > pool->idle_count && pool->thread_count < pool->options.thread_max &&
           start_one(pool) == 0)
        ;
    pthread_mutex_unlock(&pool->lock);
}

void work_pool_add(struct work_pool *pool, struct queue_link *work)
{
    struct queue one = {NULL, NULL};

    queue_push(&one, work);
    work_pool_add_all(pool, &one);
}

struct queue_link *work_pool_take(struct work_pool *pool)
{
    struct queue_link *work;

    if (!work_pool_has_waiting(pool))
        return NULL;
    pthread_mutex_lock(&pool->lock);
    if ((work = queue_pop(&pool->queue)) != NULL)
        pool->queued--;
    pthread_mutex_unlock(&pool->lock);
    return work;
}

void work_pool_give_back(struct work_pool *pool, struct queue_link *work)
{
    pthread_mutex_lock(&pool->lock);
    queue_push(&pool->queue, work); /* wakes nobody, as in run_one */
    pool->queued++;
    pthread_mutex_unlock(&pool->lock);
}

bool work_pool_has_waiting(const struct work_pool *pool)
{
    return atomic_load_explicit(&pool->queued, memory_order_relaxed) > 0;
}
