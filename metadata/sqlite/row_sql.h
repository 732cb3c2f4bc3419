/* SPDX-License-Identifier: MIT
 *
 * What the files behind rows/row_store.h share (row_*.c): the writer's connection with its statements. The committer's thread. Private
 * to metadata/sqlite/. */
#ifndef METADATA_SQLITE_ROW_SQL_H
#define METADATA_SQLITE_ROW_SQL_H

#include <assert.h>

#include "metadata/sqlite/calls.h"
#include "metadata/sqlite/wal/checkpoint.h"
#include "metadata/sqlite/database.h"
#include "metadata/sqlite/wal/wal_gather.h"

/* The cache buckets, kept in memory so that others pay no query (row_tally.c). */
struct tally_entry;
struct tally_set {
    struct tally_entry *list; /* by ascending bucket */
    size_t count, capacity;
    bool is_stale; /* to be read anew: at first, and where the rows may say otherwise */
    bool is_moved; /* the open batch has changed a row of `tally` */
};

struct row_chronicle;

struct row_store {
    struct row_base base;
    struct meta *meta;
    sqlite3 *db;
    struct meta_sql sql;
    struct wal_gather *gather;
    struct meta_checkpoint *checkpoint; /* NULL until row_store_start */
    bool is_in_batch;
    bool is_shrinking;   /* shrink.c: it has begun to give back pages */
    unsigned savepoints; /* open ones */
    struct tally_set tallies;
    struct row_chronicle *chronicle; /* NULL: none is kept */
};

/* The statement by which a row is touched, which is only done inside a batch. */
static inline sqlite3_stmt *row_statement(struct row_store *store, enum meta_sql_id id)
{
    assert(store->is_in_batch);
    return store->sql.list[id];
}

/* The set of annotations that a row names; what cannot be one is none. */
static inline int64_t row_set_column(sqlite3_stmt *statement, int column)
{
    int64_t set = sqlite3_column_int64(statement, column);

    return set > 0 ? set : 0;
}

static inline struct slice row_upload_id(const unsigned char *upload_id)
{
    return slice_of(upload_id, META_UPLOAD_ID_BYTES);
}

/* Runs a statement that writes: 1 when it changed a row, 0 when there was none to change, or an error. */
int row_run_changes(struct row_store *store, sqlite3_stmt *statement);
/* Around each statement that changes a row of `object`. Both cost nothing but a look at a short list where the bucket is no cache.
 * tally_leave: before the object is replaced or removed, if there is one. tally_enter: after it was stored. */
int tally_leave(struct row_store *store, int64_t bucket, struct slice key);
int tally_enter(struct row_store *store, int64_t bucket, struct slice key, uint64_t bytes);
/* What was done to `tally` since the batch began may not have been. */
void tally_undone(struct row_store *store);
void tally_free(struct row_store *store);

/* 1 when the statement finds a row, which nobody wants to see; 0, or an error. */
int row_run_finds(sqlite3_stmt *statement);

#endif
