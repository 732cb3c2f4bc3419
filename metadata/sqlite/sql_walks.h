/* SPDX-License-Identifier: MIT
 *
 * Statements that walk over whole tables: for `sluice check`, and for a start that looks for lost bytes. They run seldom, so they are
 * prepared when they are used, by name. The thread of the connection. Private to metadata/sqlite/ and metadata/read/. */
#ifndef METADATA_SQLITE_SQL_WALKS_H
#define METADATA_SQLITE_SQL_WALKS_H

#include "metadata/sqlite/meta_sql.h"

enum sql_walk {
    /* Extents of all rows, a page at a time. ?1 .. ?4: after which bucket, key, id, number; ?5: how many rows. Columns: bucket's number,
     * key, id, number, bucket's name, the key that a person knows, extents. A row of a bucket that is gone is walked too. Parts of uploads
     * that are no more are not: their bytes are verified as the object's, or going, or gone. */
    SQL_WALK_EXTENTS_OBJECT,
    SQL_WALK_EXTENTS_VERSION,
    SQL_WALK_EXTENTS_PART,
    SQL_WALK_EXTENTS_ANNOTATION, /* the set for a bucket, the name for a key; bucket's name: NULL */
    /* Rows that have bytes. Columns: extents, then the name. Parameters, after which: bucket, key, version; upload, number; set, name; or
     * row. */
    SQL_WALK_BYTES_REPLACED,
    SQL_WALK_BYTES_VERSION,
    SQL_WALK_BYTES_OBJECT,
    SQL_WALK_BYTES_PART,
    SQL_WALK_BYTES_ANNOTATION,
    /* Texts that say what is wrong, one a row. */
    SQL_WALK_INTEGRITY, /* "ok": nothing */
    SQL_WALK_STRAYS,
    SQL_WALK_VERSION_FAULTS,
    SQL_WALK_GARBAGE_FAULTS,
    SQL_WALK_TALLY_FAULTS,
    SQL_WALK_USAGE_FAULTS,
    SQL_WALK_ANNOTATION_FAULTS,
    /* Rows for the check to look at. */
    SQL_WALK_OBJECTS,     /* bucket, key, size, extents, etag, checksum, attributes, parts, upload_id */
    SQL_WALK_VERSIONS,    /* the same */
    SQL_WALK_PARTS,       /* upload's id in hex, number, size, extents, etag, checksum, kept */
    SQL_WALK_ANNOTATIONS, /* set, name, size, extents, etag, checksum */
    SQL_WALK_DROPPED,     /* row, extents */
    SQL_WALK_REPLACED,    /* the same */
    SQL_WALK_UPLOADS,     /* id in hex, attributes */
    SQL_WALK_UNITS,       /* file, unit_offset, refs; ascending */
    SQL_WALK_COUNT
};

/* 0 with a statement to bind and step, or an error. */
int sql_walk_begin(sqlite3 *db, enum sql_walk walk, sqlite3_stmt **statement);
void sql_walk_end(sqlite3_stmt *statement);

#endif
