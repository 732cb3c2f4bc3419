/* SPDX-License-Identifier: MIT
 *
 * The engine that keeps the rows, as the store's owner and the committer see it: opening, closing, and what is done between batches. What
 * it keeps is asked for through rows/row_store.h. No type of its library is named here. Private to metadata/. */
#ifndef METADATA_ROWS_ROW_ENGINE_H
#define METADATA_ROWS_ROW_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

struct meta;
struct row_store;

/* Opens the database at meta->path: looks whose it is, asks meta_options.admit, migrates. *store: the side that writes; NULL in a read-only
 * store. On failure the log was told, and nothing is left to be closed but with row_engine_close. Blocks. */
int row_engine_open(struct meta *meta, struct row_store **store);
/* After row_store_close and the last reader. */
void row_engine_close(struct meta *meta);
/* What the store has not moved into the database yet is to lie beside it after row_store_close. */
void row_engine_keep_log(struct meta *meta);
/* A sync failed, and what it may have lost is not made good yet: nothing is committed. Any thread. */
/* Of the log's file; 0 where there is none. Any thread. */
uint64_t row_engine_log_bytes(const struct meta *meta);
bool row_engine_is_suspect(const struct meta *meta);
/* See meta_make_durable. Any thread that may block. */
int row_engine_make_durable(struct meta *meta);

/* ---- The side that writes: the committer's thread ---- */

/* The engine may work beside the store from now on. nudge: somebody should call row_store_repair; any thread. */
int row_store_start(struct row_store *store, void (*nudge)(void *ctx), void *ctx);
/* Blocks. */
void row_store_close(struct row_store *store);
/* Tries to make a failed sync good; not in a batch. 0; -EBADMSG: only a new process can; or another error: later perhaps. */
int row_store_repair(struct row_store *store);
/* After each batch: time for what the engine has to do between two. */
void row_store_rest(struct row_store *store);
/* Before that, when the batch found the disk full. */
void row_store_hurry(struct row_store *store);
/* The engine's own words for its last failure; valid until its next call. */
const char *row_store_message(const struct row_store *store);
/* In a batch: a change met -EIO, which may have been that of a sync. */
void row_store_suspect(struct row_store *store);
/* How the last commit was to end. */
bool row_store_was_synced(const struct row_store *store);
/* 64 random bits; cheap. */
uint64_t row_store_random(struct row_store *store);

#endif
