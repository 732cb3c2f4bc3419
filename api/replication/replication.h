/* SPDX-License-Identifier: MIT
 *
 * Replication of a server: the targets of the operator's file, what goes to each (sender.h), and what the S3 front and the control socket ask
 * of it. */
#ifndef API_REPLICATION_REPLICATION_H
#define API_REPLICATION_REPLICATION_H

#include "api/core/core.h"
#include "api/replication/sender.h"
#include "api/replication/targets.h"

struct replication;
struct metrics_page;

struct replication_options {
    struct core *core;
    const char *targets_path; /* NULL: there are no targets */
    log_fn log;
    void *log_ctx;
};

/* Reads the file of targets. 0, -EBADMSG (said in the log, with its line), or an errno. */
int replication_create(struct replication **replication, const struct replication_options *options);
/* Copies begin. 0, or an error, which the log has said. */
int replication_start(struct replication *replication);
/* The workers are gone. NULL allowed. Blocks. */
void replication_destroy(struct replication *replication);
/* Reads the file again, in two steps, as events_prepare and events_apply do it. */
int replication_prepare(const struct replication *replication, struct replication_targets **targets);
int replication_apply(struct replication *replication, struct replication_targets *targets);

/* The calls of s3_service_options, with the replication as ctx. Any thread. */
bool replication_may_use(void *ctx, struct slice target, struct slice bucket, struct slice user);
void replication_add_metrics(void *ctx, struct metrics_page *page);

/* Each target's figures, which are valid during the call. Any thread. */
void replication_visit(struct replication *replication,
                       void (*visit)(void *ctx, const struct replication_figures *figures), void *ctx);

/* Counts what waits, so that the figures say what is so at this moment. Any thread but workers; blocks, as it looks at each row. 0 or an error. */
int replication_count(struct replication *replication);

/* All keys of the bucket are to be compared with its targets, and copied where they differ. targets: to how many. META_E_NO_BUCKET;
 * META_E_NO_SETTING: it has no rules in force. Any thread but workers; blocks until that is noted. */
int replication_resync(struct replication *replication, struct slice bucket, unsigned *targets);

#endif
