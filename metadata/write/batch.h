/* SPDX-License-Identifier: MIT
 *
 * Running a batch of changes: one transaction, each change undone alone if it fails, one commit. The committer's thread only; who
 * waits for what, and who is told, is committer.c. Private to metadata/. */
#ifndef METADATA_WRITE_BATCH_H
#define METADATA_WRITE_BATCH_H

#include "metadata/write/journal.h"

struct batch_runner {
    struct meta *meta;
    struct meta_writer writer;
    struct meta_batch_hooks hooks; /* the opener's */
    struct journal journal;
    bool sets_stale;  /* a transaction was rolled back */
    int bytes_result; /* of the transaction that the last batch's bytes belong to */
    int last_error;   /* of the last transaction, to log a trouble once */
};

/* Takes the store: batch_runner_end closes it, also when this fails. Returns 0 or an error. */
int batch_runner_begin(struct batch_runner *runner, struct meta *meta, struct row_store *store);
void batch_runner_end(struct batch_runner *runner);

/* Calls the hooks but for ended. Each change gets its result; its done is not called. */
void batch_run(struct batch_runner *runner, struct meta_op *batch);

#endif
