/* SPDX-License-Identifier: MIT
 *
 * First in, first out, through links that lie in what stands in the queue: nothing is allocated, so nothing fails. A queue of zeros is
 * empty. Whoever pushes owns the object still, and must not free it, nor push it elsewhere, while it stands there. OWNER_OF leads from
 * a link to its object. No lock of its own: one thread at a time. */
#ifndef STORAGE_BASE_QUEUE_H
#define STORAGE_BASE_QUEUE_H

#include <stdbool.h>

#include "storage/base/owner.h"

struct queue_link {
    struct queue_link *next;
};

struct queue {
    struct queue_link *first, *last; /* last: valid while first is not NULL */
};

static inline bool queue_is_empty(const struct queue *queue)
{
    return queue->first == NULL;
}

static inline void queue_push(struct queue *queue, struct queue_link *link)
{
    link->next = NULL;
    if (queue->first != NULL)
        queue->last->next = link;
    else
        queue->first = link;
    queue->last = link;
}

/* The oldest, or NULL. */
static inline struct queue_link *queue_pop(struct queue *queue)
{
    struct queue_link *link = queue->first;

    if (link != NULL) {
        queue->first = link->next;
        link->next = NULL;
    }
    return link;
}

/* Puts all of `from` after what is in `to`; `from` is empty then. */
static inline void queue_append(struct queue *to, struct queue *from)
{
    if (queue_is_empty(from))
        return;
    if (queue_is_empty(to))
        to->first = from->first;
    else
        to->last->next = from->first;
    to->last = from->last;
    from->first = NULL;
}

/* Takes one out, wherever it stands: whether it was there. Looks at each in turn. */
static inline bool queue_remove(struct queue *queue, struct queue_link *link)
{
    struct queue_link *before = NULL, *at = queue->first;

    for (; at != NULL && at != link; at = at->next)
        before = at;
    if (at == NULL)
        return false;
    if (before == NULL)
        queue->first = link->next;
    else
        before->next = link->next;
    if (queue->last == link)
        queue->last = before;
    link->next = NULL;
    return true;
}

#endif
