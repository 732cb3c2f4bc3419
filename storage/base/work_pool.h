/* SPDX-License-Identifier: MIT
 *
 * A queue of work and the threads that carry it out, for work that may block or takes long. Work is whatever has a queue_link in it.
 * Its owner hands it over with work_pool_add, and has it back when `run` says that it is over; how that becomes known is the affair of
 * `run`. A piece of work is in the hands of one thread at a time, the oldest first.
 *
 * Threads start when there is more work than there are threads without any, up to thread_max, and stay. Fewer than wished for are
 * slower, and nothing else; the first is work_pool_begin's. The queue has no bound: it takes no memory of its own.
 *
 * Life cycle: work_pool_create; work_pool_begin; any number of work_pool_add, from any thread; work_pool_destroy. Nothing here waits for
 * work, except work_pool_destroy. The pool's lock is a leaf: any other may be held. */
#ifndef STORAGE_BASE_WORK_POOL_H
#define STORAGE_BASE_WORK_POOL_H

#include <stdbool.h>

#include "storage/base/queue.h"

struct work_pool;

struct work_pool_options {
    const char *name; /* of each thread, see thread_start */
    unsigned thread_max;
    /* Carries out all of the work, or a slice of it; on a thread of the pool, without its lock. false: it is over, or somebody else's,
     * and the pool does not touch it any more; true: there is more to do, after all others that wait. */
    bool (*run)(void *ctx, struct queue_link *work, void *own);
    /* What each thread has to itself, made before the thread is, so that it cannot fail later; or NULL. open_own returns 0 or a negative
     * errno, and may be called by whoever calls the pool; close_own is called by the thread at its end. */
    int (*open_own)(void **own);
    void (*close_own)(void *own);
    void *ctx;
};

/* options: copied, except the name, which must outlive the pool. Starts no thread. 0 or -ENOMEM. */
int work_pool_create(struct work_pool **pool, const struct work_pool_options *options);
/* Carries out what still waits, then ends the threads. Nobody may add any more, `run` neither. NULL allowed. */
void work_pool_destroy(struct work_pool *pool);

/* Sees to it that there is a thread. Returns 0, or -ENOMEM, or what open_own returned; 0 once, 0 always. */
int work_pool_begin(struct work_pool *pool);
/* After a work_pool_begin that returned 0. The pool has the work from here on. */
void work_pool_add(struct work_pool *pool, struct queue_link *work);
/* The same for all in the queue, which is empty then. */
void work_pool_add_all(struct work_pool *pool, struct queue *works);

/* For `run`: the oldest work that waits for a thread, which has it from here on as it has its own; or NULL. If there is more to do for it,
 * work_pool_give_back puts it after all others that wait. */
struct queue_link *work_pool_take(struct work_pool *pool);
void work_pool_give_back(struct work_pool *pool, struct queue_link *work);

/* Whether work waits for a thread, as of a moment ago: for `run`, which may make it short then. Takes no lock. */
bool work_pool_has_waiting(const struct work_pool *pool);

#endif
