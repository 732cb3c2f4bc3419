/* SPDX-License-Identifier: MIT
 *
 * The thread of deliveries, "events": one courier for each target of the operator's file. A target that stalls holds up nobody else. */
#ifndef API_EVENTS_DELIVERY_H
#define API_EVENTS_DELIVERY_H

#include "api/events/courier.h"

/* How often the thread looks at what it waits for as it ends. */
#define EVENTS_STOP_LOOK_MS 100u

struct delivery;

struct delivery_options {
    struct core *core;
    struct events_targets *targets;
    struct events_figures *figures; /* one for each target, in their order; outlive it */
    const char *region, *host_id;   /* the same */
    log_fn log;
    void *log_ctx;
};

/* 0; -ENOSYS: there is no libcurl; or an error. */
int delivery_start(struct delivery **delivery, const struct delivery_options *options);
/* Ends what is under way, and strikes off what was delivered. NULL allowed. Blocks. */
void delivery_stop(struct delivery *delivery);
/* Rows were written. Any thread; cheap. */
void delivery_wake(struct delivery *delivery);

#endif
