/* SPDX-License-Identifier: MIT
 *
 * Events of a server: what happens to objects, told to targets of the operator's file (delivery.h) and to listeners (listeners.h). The
 * committer tells what was committed (metadata/meta_outbox.h). */
#ifndef API_EVENTS_EVENTS_H
#define API_EVENTS_EVENTS_H

#include "api/events/courier.h"
#include "api/events/listeners.h"
#include "api/events/targets.h"

struct events;

struct events_options {
    struct core *core;
    const char *targets_path; /* NULL: there are no targets */
    log_fn log;
    void *log_ctx;
};

/* Reads the file of targets. 0, -EBADMSG (said in the log, with its line), or an error. */
int events_create(struct events **events, const struct events_options *options);
/* Begins: deliveries go out, listeners are taken. region, and host_id, which is what answers call x-amz-id-2: both are copied. 0, or an
 * error, which the log has said. */
int events_start(struct events *events, const char *region, const char *host_id);
/* No listener goes on: before the HTTP server stops. NULL allowed. */
void events_end_listening(struct events *events);
/* The workers are gone. NULL allowed. */
void events_destroy(struct events *events);
/* Reads the file again, in two steps: 0 with the targets, which are NULL where there is no file, or the results of events_create, and
 * nothing has changed; then they count, or are given up with events_targets_unref. Deliveries pause meanwhile. Any thread but workers; one at a
 * time. */
int events_prepare(const struct events *events, struct events_targets **targets);
int events_apply(struct events *events, struct events_targets *targets);

/* Whether there is such a target, and the bucket and the user may use it. user: "" where nobody is known. Any thread. */
bool events_may_use(struct events *events, struct slice target, struct slice bucket, struct slice user);
struct listeners *events_listeners(struct events *events);
/* Each target's figures, which are valid during the call. Any thread. */
void events_visit(struct events *events, void (*visit)(void *ctx, const struct events_figures *figures),
                  void *ctx);

#endif
