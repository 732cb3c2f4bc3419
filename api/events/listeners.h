/* SPDX-License-Identifier: MIT
 *
 * Who listens to events as they happen: from memory, after the commit, and no longer than somebody listens. Nothing is kept for who is not
 * there. Each has a queue that is bounded: one that is slower than what happens is cut off, and told so by the end.
 *
 * A listener belongs to a worker; its callbacks run there. */
#ifndef API_EVENTS_LISTENERS_H
#define API_EVENTS_LISTENERS_H

#include "api/core/core.h"
#include "api/events/limits.h"
#include "metadata/meta_outbox.h"

struct listeners;
struct listener;

struct listener_options {
    struct core_worker *worker;
    int64_t bucket; /* 0: all */
    uint64_t events;
    struct slice prefix, suffix; /* copied */
    unsigned ping_s;             /* on_ready follows at least as often */
    /* There is something to take, a ping is due, or it is over. On the worker, once after each listener_wait. */
    void (*on_ready)(void *ctx);
    void *ctx;
};

int listeners_create(struct listeners **listeners, struct core *core, const char *region,
                     const char *host_id);
/* All listeners are gone. NULL allowed. */
void listeners_destroy(struct listeners *listeners);
/* All are over, and no more come: before the server stops. Any thread. */
void listeners_end(struct listeners *listeners);
/* As core_news_follow has it; ctx is the listeners. */
void listeners_hear(void *ctx, const struct meta_news *news);
/* How many there are, and how many were cut off. Any thread. */
void listeners_count(struct listeners *listeners, unsigned *count, uint64_t *cut_off);

/* 0; -EBUSY: there are as many as may be; -ENOMEM; -ESHUTDOWN. From here on all events are heard. */
int listener_begin(struct listener **listener, struct listeners *listeners,
                   const struct listener_options *options);
/* on_ready is called, now or later. */
void listener_wait(struct listener *listener);
/* A line of JSON, which the caller frees, and its length; "" when a ping is due. NULL: nothing; *result says why not: -EAGAIN; -EOVERFLOW:
 * it was cut off; -ESHUTDOWN: the server stops. */
char *listener_take(struct listener *listener, size_t *length, int *result);
/* on_ready is not called any more. */
void listener_finish(struct listener *listener);

#endif
