/* SPDX-License-Identifier: MIT
 *
 * What readers ask, by name, and how: a query is bound, its rows are stepped through, their columns are decoded where they lie, and it is reset.
 * The texts are the engines' (sqlite/read_sql.c): the same parameters and the same columns everywhere, so that a reader is written once.
 *
 * SQLite's statements are called from here, in line: a listing looks at seven columns of a thousand rows. Another engine's go through a
 * table. A query and its rows belong to the reader's thread. Private to metadata/. */
#ifndef METADATA_READ_QUERY_H
#define METADATA_READ_QUERY_H

#include "metadata/sqlite/meta_sql.h"

/* What each is given and gives out is said where it is asked; the texts of SQLite are the shortest way to see it. */
enum read_id {
    READ_SNAPSHOT_BEGIN,
    READ_SNAPSHOT_END,
    READ_JOURNAL_GET,
    READ_STORE_GET,
    READ_BUCKET_GET,
    READ_BUCKET_LIST,
    READ_OBJECT_GET,
    READ_OBJECT_NOW, /* the same, and what lies over it, with the bucket of what was found; where reader_calls.is_shared */
    READ_OBJECT_WHOLE, /* the same, and the row of its body behind that (meta_body) */
    READ_BODY_GET,
    READ_OBJECT_LIST,
    READ_OVERLAY_GET,
    READ_OVERLAY_OBJECTS,
    READ_OVERLAY_CURRENT,
    READ_OVERLAY_OLDER,
    READ_OVERLAY_VERSION,
    READ_VERSION_GET,
    READ_VERSION_GET_NAMED,
    READ_VERSION_GET_NULL,
    READ_VERSION_NEWEST,
    READ_VERSION_LIST,
    READ_VERSION_LIST_CURRENT,
    READ_UPLOAD_GET,
    READ_UPLOAD_LIST,
    READ_PART_LIST,
    READ_PART_READ,
    READ_ANNOTATION_GET,
    READ_ANNOTATION_LIST,
    READ_MARK_GET,
    READ_REPLACED_LAST,
    READ_SWEEP_IS_DUE,
    READ_FILE_LAST,
    READ_FILE_IS_LIVE,
    READ_FILE_IS_REFERRED,
    READ_UNIT_IS_REFERRED,
    READ_FILE_UNITS,
    READ_UNITS_FROM,
    READ_GARBAGE_LAST,
    READ_SETTING_GET,
    READ_SETTING_BUCKETS,
    READ_TALLY_LIST,
    READ_USED_OLDEST,
    READ_OUTBOX_LIST,
    READ_OUTBOX_COUNT,
    READ_GARBAGE_TAKE,
    READ_COUNT
};

/* Queries that walk over whole tables: for `sluice check`, and for a start that looks for lost bytes. They run seldom, so they are
 * prepared when they are used. */
enum read_walk {
    /* Extents of all rows, a page at a time. ?1 .. ?4: after which bucket, key, id, number; ?5: how many rows. Columns: bucket's number,
     * key, id, number, bucket's name, the key that a person knows, extents, version or NULL. A row of a bucket that is gone is walked too. Parts of uploads
     * that are no more are not: their bytes are verified as the object's, or going, or gone. */
    READ_WALK_EXTENTS_OBJECT,
    READ_WALK_EXTENTS_VERSION,
    READ_WALK_EXTENTS_PART,
    READ_WALK_EXTENTS_ANNOTATION, /* the set for a bucket, the name for a key; bucket's name: NULL */
    /* Rows that have bytes. Columns: extents, then the name. Parameters, after which: bucket, key, version; upload, number; set, name; or
     * row. */
    READ_WALK_BYTES_REPLACED,
    READ_WALK_BYTES_VERSION,
    READ_WALK_BYTES_OBJECT,
    READ_WALK_BYTES_PART,
    READ_WALK_BYTES_ANNOTATION,
    /* Texts that say what is wrong, one a row. */
    READ_WALK_INTEGRITY, /* "ok": nothing */
    READ_WALK_STRUCTURE, /* the same, of pages alone */
    READ_WALK_STRAYS,
    READ_WALK_VERSION_FAULTS,
    READ_WALK_GARBAGE_FAULTS,
    READ_WALK_TALLY_FAULTS,
    READ_WALK_USAGE_FAULTS,
    READ_WALK_ANNOTATION_FAULTS,
    /* Rows for the check to look at. */
    READ_WALK_OVERLAYS,    /* a row for each publication that is visible, and not where objects lie yet */
    READ_WALK_OBJECTS,     /* bucket, key, size, extents, etag, checksum, attributes, parts, upload_id */
    READ_WALK_VERSIONS,    /* the same */
    READ_WALK_PARTS,       /* upload's id in hex, number, size, extents, etag, checksum, kept */
    READ_WALK_ANNOTATIONS, /* set, name, size, extents, etag, checksum */
    READ_WALK_DROPPED,     /* row, extents */
    READ_WALK_REPLACED,    /* the same */
    READ_WALK_UPLOADS,     /* id in hex, attributes */
    READ_WALK_UNITS,       /* file, unit_offset, refs; ascending */
    READ_WALK_COUNT
};

struct query;

/* Those of another engine; the functions below say what each does. */
struct query_calls {
    void (*bind_int)(struct query *query, int parameter, int64_t value);
    void (*bind)(struct query *query, int parameter, struct slice bytes);
    bool (*roll)(struct query *query, struct slice prefix, struct slice delimiter);
    int (*row)(struct query *query);
    void (*reset)(struct query *query);
    int64_t (*column_int)(const struct query *query, int column);
    struct slice (*column)(const struct query *query, int column);
    const char *(*column_text)(const struct query *query, int column); /* ends with a NUL; NULL: NULL */
    bool (*is_null)(const struct query *query, int column);
};

struct query {
    sqlite3_stmt *sqlite; /* NULL: it is another engine's */
    const struct query_calls *calls;
    void *own;         /* that engine's */
    uint32_t expected; /* see query_expect */
};

/* ---- Binding ---- */

/* Parameters count from 1. Bytes must stay valid until the query is reset; empty ones are the empty string. */
static inline void query_bind_int(struct query *query, int parameter, int64_t value)
{
    if (query->sqlite != NULL)
        meta_sql_int(query->sqlite, parameter, value);
    else
        query->calls->bind_int(query, parameter, value);
}

static inline void query_bind(struct query *query, int parameter, struct slice bytes)
{
    if (query->sqlite != NULL)
        meta_sql_blob(query->sqlite, parameter, bytes);
    else
        query->calls->bind(query, parameter, bytes);
}

static inline void query_bind_text(struct query *query, int parameter, struct slice text)
{
    if (query->sqlite != NULL)
        meta_sql_text(query->sqlite, parameter, text);
    else
        query->calls->bind(query, parameter, text);
}

/* So many rows will probably be asked for: what is best fetched at once, of a query that could give many more. 0: nobody knows. */
static inline void query_expect(struct query *query, uint32_t rows)
{
    query->expected = rows;
}

/* Before the first row of a listing, whose keys begin with the prefix: true where, from now on, only the first row of each common prefix comes, for
 * a seek behind each of them costs more there. An empty delimiter: every row. What is bound may change, this stays. */
static inline bool query_roll(struct query *query, struct slice prefix, struct slice delimiter)
{
    return query->sqlite == NULL && query->calls->roll(query, prefix, delimiter);
}

/* ---- Rows ---- */

/* 1 with a row, 0 without one, or an error; without a row the query has been reset. */
static inline int query_row(struct query *query)
{
    return query->sqlite != NULL ? meta_sql_row(query->sqlite) : query->calls->row(query);
}

static inline void query_reset(struct query *query)
{
    if (query->sqlite != NULL)
        meta_sql_reset(query->sqlite);
    else
        query->calls->reset(query);
}

/* Runs one that yields no row. 0 or an error. */
int query_run(struct query *query);

/* ---- Columns, of the row that it stands on ---- */

/* NULL is 0. */
static inline int64_t query_int(const struct query *query, int column)
{
    return query->sqlite != NULL ? sqlite3_column_int64(query->sqlite, column)
                                 : query->calls->column_int(query, column);
}

/* NULL is empty. Borrowed until the query is stepped or reset. */
static inline struct slice query_bytes(const struct query *query, int column)
{
    return query->sqlite != NULL ? meta_sql_column(query->sqlite, column)
                                 : query->calls->column(query, column);
}

/* The same of a column that holds a text; NULL is NULL. */
const char *query_text(const struct query *query, int column);

static inline bool query_is_null(const struct query *query, int column)
{
    return query->sqlite != NULL ? sqlite3_column_type(query->sqlite, column) == SQLITE_NULL
                                 : query->calls->is_null(query, column);
}

/* Of a bucket. What is none counts as suspended: nothing that is kept is lost by that. */
enum meta_versioning query_versioning(const struct query *query, int column);
/* What a part's row holds besides its upload and its extents, which come first in the row. Borrowed as above. */
void query_part(const struct query *query, struct part_row *part);

#endif
