/* SPDX-License-Identifier: MIT
 *
 * Moving committed pages from the log into the database without making a commit wait for it. Private to metadata/.
 *
 * A checkpoint writes thousands of scattered pages and syncs: tens to hundreds of milliseconds. So a thread of its own
 * does that, beside the writer. But beside a busy writer it never reaches the end of the log, which could then never
 * start anew. So the writer itself, between two transactions, finishes the few pages that came meanwhile.
 *
 *   idle --log is long--> running --thread is done--> tail --writer finishes--> idle
 *
 * A sync that fails here leaves the log and the database suspect, and while they are, nothing is moved.
 *
 * Nothing can be deleted without a few pages in the log, which a full disk would refuse. So the log's file holds some room from the
 * start, and where a transaction finds none, the log is moved at once so that the next ones use that room again. */
#ifndef METADATA_SQLITE_CHECKPOINT_H
#define METADATA_SQLITE_CHECKPOINT_H

#include "metadata/sqlite/database.h"

struct meta_checkpoint;

/* writer: the committer's connection; its log hook is taken. nudge: called on the thread when a sync failed. Returns 0 or an error. */
int checkpoint_start(struct meta_checkpoint **checkpoint, struct meta *meta, sqlite3 *writer,
                     void (*nudge)(void *ctx), void *ctx);
/* The committer's thread, after each transaction: starts the thread's work or finishes it. */
void checkpoint_advance(struct meta_checkpoint *checkpoint);
/* The committer's thread, after a transaction that the disk had no room for, before checkpoint_advance. */
void checkpoint_hurry(struct meta_checkpoint *checkpoint);
/* The committer's thread, when a sync failed (wal.h): waits until the thread rests, which it does until checkpoint_advance. Returns its
 * connection, to be used before that. */
sqlite3 *checkpoint_rest(struct meta_checkpoint *checkpoint);
/* Before the writer's connection is closed. Blocks. NULL allowed. */
void checkpoint_stop(struct meta_checkpoint *checkpoint);

#endif
