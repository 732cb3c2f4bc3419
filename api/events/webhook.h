/* SPDX-License-Identifier: MIT
 *
 * Deliveries by HTTP: many at a time, by libcurl, on one thread. http and https only, no redirect is followed, names are resolved as each
 * delivery begins. */
#ifndef API_EVENTS_WEBHOOK_H
#define API_EVENTS_WEBHOOK_H

#include "api/events/targets.h"

struct webhooks;
struct webhook;

#define WEBHOOK_REASON_BYTES 160u

/* 0; -ENOSYS: there is no libcurl here; -ENOMEM. */
int webhooks_create(struct webhooks **webhooks);
/* All of it webhooks must be closed. NULL allowed. */
void webhooks_destroy(struct webhooks *webhooks);

/* One delivery at a time to the target, which outlives it, on a connection that stays open in between. done: from webhooks_run; reason NULL: it
 * was answered with 2xx; else why not. */
int webhook_open(struct webhook **webhook, struct webhooks *webhooks, const struct events_target *target,
                 void (*done)(void *ctx, const char *reason), void *ctx);
/* Ends what is under way, without `done`. NULL allowed. */
void webhook_close(struct webhook *webhook);
/* The body is the webhook's from here on, and freed by it. 0, or an error: then done does not follow. */
int webhook_post(struct webhook *webhook, char *body, size_t length);

/* Goes on with all that can, and calls `done` of what is over. */
void webhooks_run(struct webhooks *webhooks);
/* Until something can go on, one of the descriptors is readable, or the time is over. */
void webhooks_wait(struct webhooks *webhooks, const int *fds, unsigned count, unsigned milliseconds);

#endif
