/* SPDX-License-Identifier: MIT
 *
 * Counting what buckets hold, for the files that store and remove it: each says so after its statement. See row_usage.c and
 * rows/usage.h. Private to metadata/sqlite/. */
#ifndef METADATA_SQLITE_ROW_USAGE_H
#define METADATA_SQLITE_ROW_USAGE_H

#include "metadata/sqlite/meta_sql.h"

/* Where a row lies: of `object` without an id. */
struct count_place {
    int64_t bucket;
    struct slice key, id;
};

/* sign 1: the row is there now; -1: it is gone. size and set: what it holds. */
int row_count_object(struct row_store *store, int64_t bucket, struct slice key, int64_t sign, uint64_t size,
                     int64_t set);
int row_count_version(struct row_store *store, int64_t bucket, struct slice key,
                      const struct meta_version_id *id, int64_t sign, bool is_marker, uint64_t size,
                      int64_t set);
/* A row that moved back to `object` as it was; what it holds is given out. */
int row_count_restored(struct row_store *store, int64_t bucket, struct slice key, uint64_t *size,
                       int64_t *set);
/* Parts that the upload has more, or fewer. */
int row_count_part(struct row_store *store, const struct count_place *upload, int64_t parts, int64_t bytes);
/* The upload itself, with the parts that its row says it has. */
int row_count_upload(struct row_store *store, const struct count_place *upload, int64_t sign, int64_t parts,
                     int64_t bytes);

/* A bucket comes, and goes with all its counts. */
int usage_bucket_insert(struct row_store *store, const struct meta_bucket *bucket);
int usage_bucket_delete(struct row_store *store, int64_t bucket);

/* For row_recount.c and row_usage.c: the annotations of a set, sign 1: more, -1: less; a statement about an upload and what it holds. */
int usage_set_count(struct row_store *store, int64_t bucket, int64_t set, int64_t sign);
sqlite3_stmt *upload_statement(struct row_store *store, enum meta_sql_id id, const struct count_place *upload,
                               int64_t parts, int64_t bytes);
/* How far the store is counted, as the rows say; the other: where a change that failed may have moved it. */
int usage_walk_load(struct row_store *store);
int usage_walk_settle(struct row_store *store);

/* At start; in a store that is read only, once for as long as it is open; before a commit. */
int row_usage_load(struct row_store *store);
int row_usage_read(struct meta *meta, sqlite3 *db);
int row_usage_flush(struct row_store *store);
/* The same, but for what is said after it: runs a statement that takes the turn and the list of late numbers as the parameters first and
 * first + 1. */
int row_usage_flush_with(struct row_store *store, sqlite3_stmt *statement, int first);

#endif
