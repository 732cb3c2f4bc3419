/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share: the side that writes (rows/row_store.h) over PostgreSQL. A batch is two round trips: one that opens the
 * transaction, moves the fence, locks the keys and loads their rows, one that writes the changed rows and commits. Between them the changes work
 * on the set (pg_set.h). The committer's thread; private to metadata/postgres/. */
#ifndef METADATA_POSTGRES_POSTGRES_H
#define METADATA_POSTGRES_POSTGRES_H

#include <stdatomic.h>

#include "metadata/db.h"
#include "metadata/postgres/pg_connection.h"
#include "metadata/postgres/pg_set.h"
#include "metadata/rows/row_calls.h"

/* Rows of `garbage`, sets of annotations and bodies are numbered by each server in a space of its own: its number is above these bits. */
#define SERVER_ROWS_BITS 40

struct row_engine {
    bool is_read_only;
    atomic_llong sets;     /* the generation that a reader has seen last (pg_reader.c) */
    int64_t server, epoch; /* of the side that writes; 0: read only */
    /* For meta_cluster_figures: the first four are the committer's. */
    atomic_uint_fast64_t batches, doubts, write_rounds, last_batch_ms, read_rounds;
};

/* Statements about a table, made when they are first needed: their address is their name. */
enum pg_text {
    PG_TEXT_INSERT,
    PG_TEXT_UPDATE,
    PG_TEXT_DELETE,
    PG_TEXT_LOAD, /* rows of the keys that are given */
    PG_TEXT_ONE, /* and what follows: the four of them for one row, whose columns are given as they are and not as arrays */
    PG_TEXT_RANGE = 2 * PG_TEXT_ONE, /* and what follows: rows from a place on; see pg_rows.c */
    PG_TEXT_COUNT = PG_TEXT_RANGE + 32
};

struct row_store {
    struct row_base base;
    struct meta *meta;
    struct pg_connection connection;
    struct pg_set set;
    char *texts[PG_TABLE_COUNT][PG_TEXT_COUNT];
    bool is_in_batch, is_broken; /* broken: the transaction cannot go on */
    unsigned depth;
    size_t marks[USAGE_DEPTH_MAX];
    int64_t server, epoch; /* the fence: see pg_schema.c */
    int64_t bodies;        /* that were given a number so far */
    int64_t batch;         /* of the last transaction that was begun */
    int64_t now_ms;        /* when the batch began, by the database's clock */
    int64_t doubt;         /* the one of which nobody knows whether it was committed; 0: none */
    int64_t sets;          /* the generation of what is kept in memory */
    bool moves_sets;       /* the batch has changed some of that */
    bool has_tallies;      /* there may be a cache bucket, as of `sets` */
    uint64_t loads;        /* round trips beyond the two of each batch, for what was not foreseen */
};

/* ---- pg_schema.c ---- */

/* Whose the schema is, and up to date: 0, META_E_NOT_OURS, META_E_NEWER_SCHEMA, META_E_OLDER_SCHEMA, or an error. */
int pg_schema_open(struct pg_connection *connection, bool read_only);

/* ---- Rows (pg_rows.c) ---- */

/* The row of that key: 1; 0: there is none, *row is its place in the set; or an error. */
int pg_row_get(struct row_store *store, enum pg_table_id table, const struct pg_value *key,
               struct pg_row **row);
/* The first row at or behind `from` (its first `count` columns; is_after: behind all that begin so) that has the same first `same` columns:
 * 1, 0, or an error. limit: how many more to load where none is in the set. */
int pg_row_next(struct row_store *store, enum pg_table_id table, const struct pg_value *from, uint32_t count,
                bool is_after, uint32_t same, uint32_t limit, struct pg_row **row);
/* All columns, as they are to be. 0 or an error. */
int pg_row_put(struct row_store *store, enum pg_table_id table, const struct pg_value *values);
/* Another number or bytes in one column. */
int pg_row_set(struct row_store *store, struct pg_row *row, uint32_t column, struct pg_value value);
int pg_row_delete(struct row_store *store, struct pg_row *row);
/* What a statement found, all columns of the table, into the set. 0 or an error. */
int pg_rows_take(struct row_store *store, enum pg_table_id table, const PGresult *result);
/* Keys of a load, for which a row was found or not: those that are not in the set are noted as not there. */
int pg_rows_note(struct row_store *store, enum pg_table_id table, const struct pg_value *key);
/* A column of the keys of a load, of as many rows as its text is for. 0 or -ENOMEM. */
int pg_column_add(struct row_store *store, struct pg_call *call, bool is_number,
                  const struct pg_value *values, uint32_t count);
/* Of that table; NULL: no memory. */
const char *pg_text_of(struct row_store *store, enum pg_table_id table, int text);
/* One round trip of the open batch; its failure breaks the transaction. */
int pg_batch_round(struct row_store *store, struct pg_call *calls, uint32_t count);
/* One statement that gives a number, in the batch or outside. */
int pg_next_id(struct row_store *store, const char *text, int64_t *id);

/* ---- In doubt (pg_doubt.c) ---- */

/* The connection was lost while the batch was committed: 0: it was; META_E_UNREACHABLE: it was not; META_E_DOUBT: nobody can tell within
 * the bound. */
int pg_doubt_begin(struct row_store *store);
/* Before a batch begins: a connection, and an answer to what is in doubt. Another result than 0: there is none, and nothing may begin. */
int pg_doubt_end(struct row_store *store);

/* ---- Writing (pg_flush.c) ---- */

#define PG_FLUSH_CALLS_MAX (3 * PG_TABLE_COUNT)
/* The statements that write what has changed. 0 with their number, or -ENOMEM. */
int pg_flush_make(struct row_store *store, struct pg_call *calls, uint32_t *count);
/* They were run: each has changed as many rows as it was given. 0, or -EAGAIN: others have changed these rows, which were not locked. */
int pg_flush_done(struct row_store *store, const struct pg_call *calls, uint32_t count);
/* Both, in the middle of a batch: for a statement that is to see all of it. */
int pg_flush(struct row_store *store);

/* ---- Counting (row_usage.c) ---- */

/* The buckets and what all servers have counted, in the place of what is known so far. At the start, or before a batch's first change. */
int pg_usage_load(struct row_store *store);
/* What the batch has counted: how many statements (PG_USAGE_CALLS_MAX at most) that is, or -ENOMEM. */
#define PG_USAGE_CALLS_MAX 2
int pg_usage_make(struct row_store *store, struct pg_call *calls);
int pg_usage_add(struct row_store *store, int64_t bucket, enum meta_usage_kind kind, int64_t count,
                 int64_t bytes);
int pg_count_object(struct row_store *store, int64_t bucket, int64_t sign, int64_t size, int64_t set);
int pg_count_version(struct row_store *store, int64_t bucket, int64_t sign, bool is_marker, int64_t size,
                     int64_t set);
int pg_usage_bucket_add(struct row_store *store, const struct meta_bucket *bucket);
int pg_usage_bucket_delete(struct row_store *store, int64_t bucket);

/* ---- Cache buckets (row_tally.c) ---- */

/* As sqlite/row_sql.h says of them. */
int pg_tally_leave(struct row_store *store, int64_t bucket, struct slice key);
int pg_tally_enter(struct row_store *store, int64_t bucket, struct slice key, int64_t bytes);
/* Into store->has_tallies; a round trip. */
int pg_tallies_find(struct row_store *store);
/* Whether the batch has begun or ended one: its counts alone are no news to the other servers. */
bool pg_tallies_are_moved(const struct row_store *store);

/* ---- The table of calls ---- */

#define PG_CALL(result, name, parameters, arguments) result pg_##name parameters;
ROW_CALLS(PG_CALL)
#undef PG_CALL

extern const struct reader_calls pg_readers; /* pg_reader.c */

/* Bytes of a column in the arena of who asked. */
static inline int pg_give(struct arena *arena, const struct pg_value *value, struct slice *out)
{
    *out = value->is_null ? (struct slice){NULL, 0} : value->bytes;
    return arena_copy(arena, out);
}

#endif
