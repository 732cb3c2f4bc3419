/* SPDX-License-Identifier: MIT
 *
 * What goes to one target: a queue of keys, which the thread "replicate" feeds with rows of the outbox, and threads that copy, one for each
 * connection. A row stays until the target has what the key has, or no rule is about it any more. */
#ifndef API_REPLICATION_SENDER_H
#define API_REPLICATION_SENDER_H

#include <stdatomic.h>

#include "api/core/core.h"
#include "api/replication/targets.h"

struct replication_sender;

/* Of one target: any thread may read them. */
struct replication_figures {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    atomic_ullong bytes;         /* of bodies, that were sent */
    atomic_uint_fast64_t copied; /* objects */
    atomic_uint_fast64_t equal;  /* that were there already */
    atomic_uint_fast64_t deleted;
    atomic_uint_fast64_t failed;  /* tries that came to nothing */
    atomic_uint_fast64_t dropped; /* rows that gave way to later ones: a resync brings what they were about */
    atomic_uint_fast64_t refused; /* objects that cannot be copied at all */
    atomic_uint_fast64_t waiting; /* rows, counted from time to time */
    atomic_uint_fast64_t waiting_bytes; /* of the objects that they are about */
    atomic_int_fast64_t oldest_ms;      /* when the oldest of them happened; 0: none waits */
};

struct replication_sender_options {
    struct core *core;
    struct replication_targets *targets; /* replication_sender_open takes a reference */
    const struct replication_target *target;
    struct replication_figures *figures; /* outlive the sender */
    log_fn log;
    void *log_ctx;
};

/* 0, -ENOSYS: there is no libcurl; or an error. */
int replication_sender_open(struct replication_sender **sender,
                            const struct replication_sender_options *options);
/* Ends what is under way. NULL allowed. Blocks. */
void replication_sender_close(struct replication_sender *sender);
/* Takes rows that are new since the last time, and counts what waits. On the reader's thread. */
void replication_sender_feed(struct replication_sender *sender, struct meta_reader *reader, bool has_rows);
/* Of a cluster's server that does not lead: what was not begun is another's. */
void replication_sender_rest(struct replication_sender *sender);

#endif
