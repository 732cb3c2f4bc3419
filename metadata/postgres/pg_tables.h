/* SPDX-License-Identifier: MIT
 *
 * The tables, as the working set sees them: their columns, which of these are the key, and places of columns by name. They hold the same as
 * SQLite's (sqlite/schema.c), in the same forms; a column is a number or bytes. Private to metadata/postgres/. */
#ifndef METADATA_POSTGRES_PG_TABLES_H
#define METADATA_POSTGRES_PG_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

#define PG_COLUMNS_MAX 16

/* In the order in which changed rows are written: servers that wait for each other's rows do so in one order. */
enum pg_table_id {
    PG_BUCKET,
    PG_SETTING,
    PG_PUBLICATION,
    PG_OBJECT,
    PG_VERSION,
    PG_UPLOAD,
    PG_PART,
    PG_FINISHED,
    PG_ANNOTATION_SET,
    PG_ANNOTATION,
    PG_TALLY,
    PG_USED,
    PG_BODY,
    PG_UNIT,
    PG_GARBAGE,
    PG_DROPPED,
    PG_OUTBOX,
    PG_QUOTA,
    PG_TABLE_COUNT
};

struct pg_table {
    const char *name;
    uint32_t keys;     /* of the columns, the first ones */
    const char *kinds; /* a letter for each column: i a number, b bytes */
    const char *columns[PG_COLUMNS_MAX];
};

extern const struct pg_table pg_tables[PG_TABLE_COUNT];

/* Places of columns. */
enum { BUCKET_ID, BUCKET_NAME, BUCKET_CREATED, BUCKET_REGION, BUCKET_OWNER, BUCKET_VERSIONING };
enum { SETTING_KIND, SETTING_BUCKET, SETTING_DOCUMENT };
enum {
    PUBLICATION_ID,
    PUBLICATION_BUCKET,
    PUBLICATION_STATE,
    PUBLICATION_AT,
    PUBLICATION_HAS_VERSIONS,
    PUBLICATION_SERVER
};
/* What `object` and `version` both hold: from their place OBJECT_HELD and VERSION_HELD on. */
enum {
    HELD_SIZE,
    HELD_MODIFIED,
    HELD_ETAG,
    HELD_CHECKSUM,
    HELD_OWNER,
    HELD_EXTENTS,
    HELD_ATTRIBUTES,
    HELD_UPLOAD_ID,
    HELD_PARTS,
    HELD_ANNOTATIONS,
    HELD_COUNT
};
enum { OBJECT_BUCKET, OBJECT_KEY, OBJECT_HELD, OBJECT_VERSION = OBJECT_HELD + HELD_COUNT, OBJECT_BODY };
enum {
    VERSION_BUCKET,
    VERSION_KEY,
    VERSION_ID,
    VERSION_HELD,
    VERSION_IS_NULL = VERSION_HELD + HELD_COUNT,
    VERSION_IS_MARKER,
    VERSION_NONCURRENT
};
enum {
    UPLOAD_BUCKET,
    UPLOAD_KEY,
    UPLOAD_ID,
    UPLOAD_INITIATED,
    UPLOAD_ALGORITHM,
    UPLOAD_TYPE,
    UPLOAD_OWNER,
    UPLOAD_ATTRIBUTES,
    UPLOAD_PARTS,
    UPLOAD_BYTES
};
enum { PART_UPLOAD, PART_NUMBER, PART_SIZE, PART_MODIFIED, PART_ETAG, PART_CHECKSUM, PART_EXTENTS };
enum { FINISHED_UPLOAD, FINISHED_KEPT };
enum { SET_ID, SET_REFS, SET_COUNT, SET_BYTES };
enum {
    ANNOTATION_SET,
    ANNOTATION_NAME,
    ANNOTATION_SIZE,
    ANNOTATION_MODIFIED,
    ANNOTATION_ETAG,
    ANNOTATION_CHECKSUM,
    ANNOTATION_EXTENTS
};
enum {
    TALLY_BUCKET,
    TALLY_STATE,
    TALLY_CURSOR,
    TALLY_ENTRIES,
    TALLY_BYTES,
    TALLY_WRITE_ONCE,
    TALLY_OBJECT_MAX
};
enum { USED_BUCKET, USED_KEY, USED_MS, USED_BYTES };
enum { BODY_FILE, BODY_BYTES };
enum { UNIT_FILE, UNIT_OFFSET, UNIT_REFS, UNIT_LENGTH };
enum { GARBAGE_ROW, GARBAGE_FILE, GARBAGE_OFFSET, GARBAGE_LENGTH };
enum { DROPPED_ROW, DROPPED_EXTENTS };
enum { OUTBOX_TARGET, OUTBOX_SEQ, OUTBOX_BUCKET, OUTBOX_KEY, OUTBOX_DETAIL };
enum { QUOTA_BUCKET, QUOTA_BYTES, QUOTA_OBJECTS };

static inline uint32_t pg_table_columns(enum pg_table_id table)
{
    return (uint32_t)__builtin_strlen(pg_tables[table].kinds);
}

#endif
