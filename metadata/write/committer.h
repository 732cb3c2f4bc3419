/* SPDX-License-Identifier: MIT
 *
 * The one thread that writes. Private to metadata/. */
#ifndef METADATA_WRITE_COMMITTER_H
#define METADATA_WRITE_COMMITTER_H

#include "metadata/db.h"

struct row_store;

/* Takes the store, on failure too. Returns 0 or an error. */
int committer_start(struct meta_committer **committer, struct meta *meta, struct row_store *store);
/* Finishes what was submitted, ends the thread, closes the store and frees the committer. Blocks. */
void committer_stop(struct meta_committer *committer);
/* A sync of the log or the database failed: wakes the thread, which makes it good. Any thread. */
void committer_nudge(struct meta_committer *committer);
/* Any thread. */
void committer_submit(struct meta_committer *committer, struct meta_op *op);
/* Changes that no batch has taken yet. Any thread. */
uint32_t committer_waiting(struct meta_committer *committer);

#endif
