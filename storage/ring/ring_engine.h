/* SPDX-License-Identifier: MIT
 *
 * What ring.c and the two engines share; private to the ring. ring.c owns the event descriptor, the queue of
 * results and every entry point; an engine only carries operations out. Everything here runs on the ring's
 * thread, except ring_complete. */
#ifndef STORAGE_RING_RING_ENGINE_H
#define STORAGE_RING_RING_ENGINE_H

#include <assert.h>
#include <pthread.h>

#include "storage/ring/ring.h"

/* First in, first out, linked through ring_op.next. */
struct ring_op_queue {
    struct ring_op *head, *tail;
};

struct ring_engine_calls {
    enum ring_engine engine;
    /* Takes an operation. It may be kept back until flush. */
    void (*start)(struct ring *ring, struct ring_op *op);
    void (*flush)(struct ring *ring);
    /* Appends what has completed to `ready`, result set. An engine that calls ring_complete instead appends
     * nothing. */
    void (*collect)(struct ring *ring, struct ring_op_queue *ready);
    /* Nothing is in flight any more. */
    void (*destroy)(struct ring *ring);
};

struct ring {
    const struct ring_engine_calls *calls;
    void *engine; /* the engine's own state */
    int event_fd;
    unsigned pending;
    bool reaping;

    pthread_mutex_t lock; /* guards arrived */
    struct ring_op_queue arrived;
};

/* Makes an engine for a ring whose event_fd exists; sets calls and engine. Returns 0 or a negative errno. */
int ring_uring_attach(struct ring *ring);
int ring_threads_attach(struct ring *ring);

/* From any thread: the operation is over; its done runs at the next ring_reap. */
void ring_complete(struct ring *ring, struct ring_op *op, int32_t result);

/* Makes event_fd readable. */
void ring_wake(struct ring *ring);

static inline void ring_op_queue_push(struct ring_op_queue *queue, struct ring_op *op)
{
    op->next = NULL;
    if (queue->tail != NULL)
        queue->tail->next = op;
    else
        queue->head = op;
    queue->tail = op;
}

static inline struct ring_op *ring_op_queue_pop(struct ring_op_queue *queue)
{
    struct ring_op *op = queue->head;

    if (op != NULL) {
        queue->head = op->next;
        if (queue->head == NULL)
            queue->tail = NULL;
        op->next = NULL;
    }
    return op;
}

/* Moves everything in `from` behind `to`. */
static inline void ring_op_queue_append(struct ring_op_queue *to, struct ring_op_queue *from)
{
    if (from->head == NULL)
        return;
    if (to->tail != NULL)
        to->tail->next = from->head;
    else
        to->head = from->head;
    to->tail = from->tail;
    from->head = from->tail = NULL;
}

#endif
