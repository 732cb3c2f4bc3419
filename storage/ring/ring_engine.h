/* SPDX-License-Identifier: MIT
 *
 * What ring.c and the two engines share; private to the ring. ring.c owns the event descriptor, the queue of
 * results and every entry point; an engine only carries operations out. Everything here runs on the ring's
 * thread, except ring_complete. */
#ifndef STORAGE_RING_RING_ENGINE_H
#define STORAGE_RING_RING_ENGINE_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "storage/ring/ring.h"

struct ring_engine_calls {
    enum ring_engine engine;
    /* Takes an operation. It may be kept back until flush. */
    void (*start)(struct ring *ring, struct ring_op *op);
    void (*flush)(struct ring *ring);
    /* Appends what has completed to `ready`, result set. An engine that calls ring_complete instead appends
     * nothing. */
    void (*collect)(struct ring *ring, struct queue *ready);
    /* Nothing is in flight any more. */
    void (*destroy)(struct ring *ring);
};

struct ring {
    const struct ring_engine_calls *calls;
    void *engine; /* the engine's own state */
    int event_fd;
    bool watches_edges; /* ring_watch_edges: it is not read by ring_reap */
    unsigned pending;
    bool reaping;
    unsigned begun[2];  /* of those that are pending: begun since the last turn of the pair, and before it */
    unsigned begun_now; /* which of the two is the newer */
    uint64_t
        begun_turned_ms; /* when the older one was empty last, at RING_STALL_MS at the earliest after the time before */

    atomic_uint posters;  /* threads that bring results just now */
    pthread_mutex_t lock; /* guards arrived */
    struct queue arrived;
};

/* Makes an engine for a ring whose event_fd exists; sets calls and engine. Returns 0 or a negative errno. */
int ring_uring_attach(struct ring *ring);
int ring_threads_attach(struct ring *ring);

/* From any thread: the operation is over; its done runs at the next ring_reap. */
void ring_complete(struct ring *ring, struct ring_op *op, int32_t result);

/* Makes event_fd readable. */
void ring_wake(struct ring *ring);

/* The oldest operation of a queue of them, or NULL. */
static inline struct ring_op *ring_op_pop(struct queue *queue)
{
    struct queue_link *link = queue_pop(queue);

    return link != NULL ? OWNER_OF(link, struct ring_op, link) : NULL;
}

#endif
