/* SPDX-License-Identifier: MIT
 *
 * What is to be delivered to one target: rows of the outbox are taken into memory, a window of them at a time, and shared out to lanes by
 * their key, so that what is about one key goes out in order, one delivery after the other. A lane whose delivery fails waits, longer each
 * time, and holds up the keys that it has and nobody else. What was delivered is struck off; until that is committed a crash has it delivered
 * again. The thread of deliveries. */
#ifndef API_EVENTS_COURIER_H
#define API_EVENTS_COURIER_H

#include <stdatomic.h>

#include "api/core/core.h"
#include "api/events/webhook.h"

struct courier;

/* Of one target, as figures: any thread may read them. */
struct events_figures {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    atomic_uint_fast64_t queued;    /* taken into memory to be delivered */
    atomic_uint_fast64_t delivered; /* events that the target has acknowledged */
    atomic_uint_fast64_t failed;    /* deliveries that it has not */
    atomic_uint_fast64_t dropped;   /* events that gave way to later ones */
    atomic_uint_fast64_t given_up;  /* that were tried for too long, or may not go there any more */
    atomic_uint_fast64_t waiting;   /* rows now, counted every second */
    atomic_int_fast64_t oldest_ms;  /* when the oldest of them happened; 0: none waits */
};

struct courier_options {
    struct core_worker *worker;
    struct webhooks *webhooks;
    struct events_targets *targets; /* courier_open takes a reference */
    const struct events_target *target;
    struct events_figures *figures; /* outlive the courier */
    const char *region, *host_id;
    log_fn log;
    void *log_ctx;
};

/* 0, or an error. */
int courier_open(struct courier **courier, const struct courier_options *options);
/* After courier_finish, or as nothing has been run. NULL allowed. */
void courier_close(struct courier *courier);

/* There may be new rows. */
void courier_wake(struct courier *courier);
/* Takes rows, begins deliveries that are due, strikes off what was delivered. Returns in how many milliseconds it wants to be called again,
 * if nothing happens before. */
unsigned courier_run(struct courier *courier);
/* Ends deliveries; then courier_finish is to be called until it is true. */
void courier_stop(struct courier *courier);
/* Strikes off what was delivered: true when all is, or cannot be. */
bool courier_finish(struct courier *courier);

/* How long a lane waits after so many failures in a row; random: any number. */
unsigned courier_retry_ms(unsigned failures, uint32_t random);

#endif
