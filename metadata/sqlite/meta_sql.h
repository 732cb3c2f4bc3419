/* SPDX-License-Identifier: MIT
 *
 * Every statement that the side that writes runs in the course of work, by name, and the few helpers that bind and step statements. They are
 * prepared once, when its connection opens, and finalized when it closes. Those of readers are read_sql.c's.
 *
 * A connection and its statements belong to one thread at a time. Private to metadata/. */
#ifndef METADATA_SQLITE_META_SQL_H
#define METADATA_SQLITE_META_SQL_H

#include <sqlite3.h>

#include "metadata/rows/row_store.h"

/* What an object row holds besides its key, in the order of the columns; see schema.c. */
#define META_SQL_OBJECT_COLUMNS                                                                              \
    "size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, parts, annotations"

/* What is asked of a row of `version`: an object's columns, then its own. */
#define META_SQL_VERSION_COLUMNS META_SQL_OBJECT_COLUMNS ", id, is_null, is_marker, noncurrent_ms"

/* What a part's row holds besides its upload and its extents. */
#define META_SQL_PART_COLUMNS "number, size, modified_ms, etag, checksum"

/* What an annotation's row holds besides its set and its extents. */
#define META_SQL_ANNOTATION_COLUMNS "name, size, modified_ms, etag, checksum"

/* The row of `garbage` that is none; see schema.c. */
#define META_SQL_GARBAGE_END "9223372036854775807"

/* What buckets hold: the rows of `usage`, but for those that the newer of the two lists of late numbers overrules. */
#define META_SQL_USAGE                                                                                       \
    "(WITH late AS MATERIALIZED (SELECT json_extract(value, '$[0]') AS bucket,"                              \
    "  json_extract(value, '$[1]') AS kind, json_extract(value, '$[2]') AS count,"                           \
    "  json_extract(value, '$[3]') AS bytes FROM json_each((SELECT iif(json_valid(usage), usage, '[]') FROM" \
    "  (SELECT usage_turn AS turn, usage FROM journal UNION ALL"                                             \
    "   SELECT file, usage FROM garbage WHERE row = " META_SQL_GARBAGE_END ") ORDER BY turn DESC LIMIT 1)))" \
    " SELECT bucket, kind, count, bytes, 0 AS is_late FROM usage"                                            \
    "  WHERE (bucket, kind) NOT IN (SELECT bucket, kind FROM late)"                                          \
    " UNION ALL SELECT bucket, kind, count, bytes, 1 FROM late)"

/* What both sides ask. */
#define TEXT_OBJECT_GET                                                                                      \
    "SELECT " META_SQL_OBJECT_COLUMNS ", version FROM object"                                                \
    " WHERE bucket = ?1 AND key = ?2"
#define TEXT_VERSION_GET                                                                                     \
    "SELECT " META_SQL_VERSION_COLUMNS " FROM version"                                                       \
    " WHERE bucket = ?1 AND key = ?2 AND id = ?3"
#define TEXT_VERSION_GET_NAMED                                                                               \
    "SELECT " META_SQL_VERSION_COLUMNS " FROM version INDEXED BY version_named"                              \
    " WHERE bucket = ?1 AND key = ?2 AND substr(id, 9) = ?3 AND length(id) = 24"
#define TEXT_VERSION_GET_NULL                                                                                \
    "SELECT " META_SQL_VERSION_COLUMNS " FROM version INDEXED BY version_null"                               \
    " WHERE bucket = ?1 AND key = ?2 AND is_null = 1"
#define TEXT_VERSION_NEWEST                                                                                  \
    "SELECT " META_SQL_VERSION_COLUMNS " FROM version"                                                       \
    " WHERE bucket = ?1 AND key = ?2 ORDER BY id LIMIT 1"
#define TEXT_UPLOAD_GET                                                                                      \
    "SELECT key, id, initiated_ms, checksum_algorithm, checksum_type,"                                       \
    " owner, attributes FROM upload"                                                                         \
    " WHERE bucket = ?1 AND key = ?2 AND id = ?3"
#define TEXT_MARK_GET "SELECT file, open, replaced FROM mark"
#define TEXT_REPLACED_LAST                                                                                   \
    "SELECT max(ifnull((SELECT max(row) FROM replaced), 0), replaced)"                                       \
    " FROM mark"
#define TEXT_GARBAGE_LAST "SELECT ifnull(max(row), 0) FROM garbage WHERE row < " META_SQL_GARBAGE_END
#define TEXT_SETTING_GET  "SELECT document FROM setting WHERE bucket = ?1 AND kind = ?2"

#define META_SQL_MAP(X)                                                                                      \
    X(SQL_BEGIN, "BEGIN IMMEDIATE")                                                                          \
    X(SQL_COMMIT, "COMMIT")                                                                                  \
    X(SQL_ROLLBACK, "ROLLBACK")                                                                              \
    X(SQL_SAVEPOINT, "SAVEPOINT op")                                                                         \
    X(SQL_SAVEPOINT_UNDO, "ROLLBACK TO op")                                                                  \
    X(SQL_SAVEPOINT_RELEASE, "RELEASE op")                                                                   \
    X(SQL_JOURNAL_MOVE, "UPDATE journal SET file = ?1, token = ?2, applied = 0")                             \
    X(SQL_JOURNAL_APPLY, "UPDATE journal SET applied = ?1, usage_turn = ?2, usage = ?3")                     \
    X(SQL_EPOCH_RAISE, "UPDATE store SET epoch = ?1 WHERE epoch < ?1")                                       \
    X(SQL_BUCKET_IDS, "SELECT id, versioning FROM bucket ORDER BY id")                                       \
    X(SQL_BUCKET_INSERT, "INSERT INTO bucket(name, created_ms, region, owner, versioning)"                   \
                         " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(name) DO NOTHING")                         \
    X(SQL_BUCKET_DELETE, "DELETE FROM bucket WHERE id = ?1")                                                 \
    X(SQL_BUCKET_HAS_OBJECT, "SELECT 1 FROM object WHERE bucket = ?1"                                        \
                             " UNION ALL SELECT 1 FROM version WHERE bucket = ?1 LIMIT 1")                   \
    X(SQL_BUCKET_UPLOADS, "SELECT id FROM upload WHERE bucket = ?1")                                         \
    X(SQL_BUCKET_UPLOADS_DELETE, "DELETE FROM upload WHERE bucket = ?1")                                     \
    X(SQL_OBJECT_GET, TEXT_OBJECT_GET)                                                                       \
    X(SQL_OBJECT_INSERT, "INSERT INTO object(bucket, key, " META_SQL_OBJECT_COLUMNS ", version)"             \
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"                   \
                         " ON CONFLICT DO NOTHING")                                                          \
    X(SQL_OBJECT_UPDATE, "UPDATE object SET size = ?3, modified_ms = ?4, etag = ?5,"                         \
                         " checksum = ?6, owner = ?7, extents = ?8, attributes = ?9,"                        \
                         " upload_id = ?10, parts = ?11, annotations = ?12, version = ?13"                   \
                         " WHERE bucket = ?1 AND key = ?2")                                                  \
    X(SQL_OBJECT_LABEL, "UPDATE object SET attributes = ?3"                                                  \
                        " WHERE bucket = ?1 AND key = ?2")                                                   \
    X(SQL_OBJECT_SET_ANNOTATIONS, "UPDATE object SET annotations = ?3"                                       \
                                  " WHERE bucket = ?1 AND key = ?2")                                         \
    X(SQL_OBJECT_DELETE, "DELETE FROM object WHERE bucket = ?1 AND key = ?2")                                \
    X(SQL_PUBLICATION_ALL, "SELECT id, bucket, state, at_ms, has_versions FROM publication ORDER BY id")     \
    X(SQL_PUBLICATION_INSERT,                                                                                \
      "INSERT INTO publication(bucket, state, at_ms, has_versions) VALUES(?1, ?2, ?3, ?4)")                  \
    X(SQL_PUBLICATION_UPDATE,                                                                                \
      "UPDATE publication SET bucket = ?1, state = ?2, at_ms = ?3, has_versions = ?4 WHERE id = ?5")         \
    X(SQL_PUBLICATION_DELETE, "DELETE FROM publication WHERE id = ?1")                                       \
    X(SQL_PUBLICATION_NEXT, "SELECT key FROM object WHERE bucket = ?1 ORDER BY key LIMIT 1")                 \
    X(SQL_BUCKET_SET_VERSIONING, "UPDATE bucket SET versioning = ?2 WHERE id = ?1")                          \
    X(SQL_VERSION_GET, TEXT_VERSION_GET)                                                                     \
    X(SQL_VERSION_GET_NAMED, TEXT_VERSION_GET_NAMED)                                                         \
    X(SQL_VERSION_GET_NULL, TEXT_VERSION_GET_NULL)                                                           \
    X(SQL_VERSION_NEWEST, TEXT_VERSION_NEWEST)                                                               \
    X(SQL_VERSION_ARCHIVE,                                                                                   \
      "INSERT INTO version(bucket, key, id, is_null, is_marker,"                                             \
      " noncurrent_ms, " META_SQL_OBJECT_COLUMNS ")"                                                         \
      " SELECT bucket, key, ?3, version IS NULL, 0, ?4, " META_SQL_OBJECT_COLUMNS " FROM object"             \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_VERSION_RESTORE, "INSERT INTO object(bucket, key, " META_SQL_OBJECT_COLUMNS ","                    \
                           " version) SELECT bucket, key, " META_SQL_OBJECT_COLUMNS ","                      \
                           " iif(is_null, NULL, id) FROM version"                                            \
                           " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                    \
    X(SQL_VERSION_MARKER, "INSERT INTO version(bucket, key, id, is_null, is_marker, size,"                   \
                          " modified_ms, etag, owner)"                                                       \
                          " VALUES(?1, ?2, ?3, ?4, 1, 0, ?5, x'', ?6)")                                      \
    X(SQL_VERSION_SET_NONCURRENT, "UPDATE version SET noncurrent_ms = ?4"                                    \
                                  " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                             \
    X(SQL_VERSION_SECOND, "SELECT 1 FROM version WHERE bucket = ?1 AND key = ?2"                             \
                          " LIMIT 1 OFFSET 1")                                                               \
    X(SQL_VERSION_LABEL, "UPDATE version SET attributes = ?4"                                                \
                         " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                      \
    X(SQL_VERSION_SET_ANNOTATIONS, "UPDATE version SET annotations = ?4"                                     \
                                   " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                            \
    X(SQL_VERSION_DELETE, "DELETE FROM version WHERE bucket = ?1 AND key = ?2 AND id = ?3")                  \
    X(SQL_UPLOAD_GET, TEXT_UPLOAD_GET)                                                                       \
    X(SQL_UPLOAD_EXISTS, "SELECT 1 FROM upload"                                                              \
                         " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                      \
    X(SQL_UPLOAD_INSERT, "INSERT INTO upload(bucket, key, id, initiated_ms,"                                 \
                         " checksum_algorithm, checksum_type, owner, attributes)"                            \
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING")                   \
    X(SQL_UPLOAD_DELETE,                                                                                     \
      "DELETE FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3 RETURNING parts, bytes")                \
    X(SQL_PART_ALL, "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"                                    \
                    " WHERE upload_id = ?1 ORDER BY number")                                                 \
    X(SQL_PART_GET, "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"                                    \
                    " WHERE upload_id = ?1 AND number = ?2")                                                 \
    X(SQL_PART_REPLACE, "REPLACE INTO part(upload_id, number, size, modified_ms, etag,"                      \
                        " checksum, extents) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                            \
    X(SQL_PARTS_DELETE, "DELETE FROM part WHERE upload_id = ?1 AND number BETWEEN ?2 AND ?3")                \
    X(SQL_FINISHED_INSERT, "INSERT INTO finished(upload_id, kept) VALUES(?1, ?2)")                           \
    X(SQL_FINISHED_GET, "SELECT upload_id, kept FROM finished WHERE upload_id = ?1")                         \
    X(SQL_FINISHED_FIRST, "SELECT upload_id, kept FROM finished ORDER BY upload_id LIMIT 1")                 \
    X(SQL_FINISHED_DELETE, "DELETE FROM finished WHERE upload_id = ?1")                                      \
    X(SQL_DROPPED_INSERT, "INSERT INTO dropped(extents) VALUES(?1)")                                         \
    X(SQL_DROPPED_FIRST, "SELECT row, extents FROM dropped ORDER BY row LIMIT 1")                            \
    X(SQL_DROPPED_DELETE, "DELETE FROM dropped WHERE row = ?1")                                              \
    X(SQL_ANNOTATION_EXTENTS, "SELECT extents, size FROM annotation WHERE set_id = ?1 AND name = ?2")        \
    X(SQL_ANNOTATION_ALL, "SELECT name, extents FROM annotation WHERE set_id = ?1 ORDER BY name")            \
    X(SQL_ANNOTATION_REPLACE,                                                                                \
      "REPLACE INTO annotation(set_id, name, size, modified_ms, etag, checksum, extents)"                    \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                                 \
    X(SQL_ANNOTATIONS_COPY,                                                                                  \
      "INSERT INTO annotation(set_id, " META_SQL_ANNOTATION_COLUMNS ", extents)"                             \
      " SELECT ?2, " META_SQL_ANNOTATION_COLUMNS ", extents FROM annotation WHERE set_id = ?1")              \
    X(SQL_ANNOTATION_DELETE, "DELETE FROM annotation WHERE set_id = ?1 AND name = ?2")                       \
    X(SQL_ANNOTATIONS_DELETE, "DELETE FROM annotation WHERE set_id = ?1 AND name <= ?2")                     \
    X(SQL_ANNOTATION_SET_LAST, "SELECT ifnull(max(id), 0) FROM annotation_set")                              \
    X(SQL_ANNOTATION_SET_GET, "SELECT id, refs, count, bytes FROM annotation_set WHERE id = ?1")             \
    X(SQL_ANNOTATION_SET_FREE,                                                                               \
      "SELECT id, refs, count, bytes FROM annotation_set WHERE refs = 0 ORDER BY id LIMIT 1")                \
    X(SQL_ANNOTATION_SET_PUT, "INSERT INTO annotation_set(id, refs, count, bytes) VALUES(?1, ?2, ?3, ?4)"    \
                              " ON CONFLICT DO UPDATE SET refs = ?2, count = ?3, bytes = ?4")                \
    X(SQL_ANNOTATION_SET_DELETE, "DELETE FROM annotation_set WHERE id = ?1")                                 \
    X(SQL_MARK_GET, TEXT_MARK_GET)                                                                           \
    X(SQL_MARK_SET, "UPDATE mark SET file = ?1, open = ?2, replaced = ?3")                                   \
    X(SQL_REPLACED_LAST, TEXT_REPLACED_LAST)                                                                 \
    X(SQL_REPLACED_NEWEST, "SELECT row, version FROM replaced INDEXED BY replaced_key"                       \
                           " WHERE bucket = ?1 AND key = ?2 ORDER BY row DESC LIMIT 1")                      \
    X(SQL_REPLACED_KEEP, "INSERT INTO replaced(row, bucket, key, version, " META_SQL_OBJECT_COLUMNS          \
                         ") SELECT ?3, bucket, key, version, " META_SQL_OBJECT_COLUMNS " FROM object"        \
                         " WHERE bucket = ?1 AND key = ?2")                                                  \
    X(SQL_REPLACED_RESTORE,                                                                                  \
      "INSERT INTO object(bucket, key, version, " META_SQL_OBJECT_COLUMNS                                    \
      ") SELECT bucket, key, version, " META_SQL_OBJECT_COLUMNS " FROM replaced WHERE row = ?1")             \
    X(SQL_REPLACED_FIRST, "SELECT row, extents, annotations FROM replaced WHERE row BETWEEN ?1 AND ?2"       \
                          " ORDER BY row LIMIT 1")                                                           \
    X(SQL_REPLACED_DELETE, "DELETE FROM replaced WHERE row = ?1")                                            \
    X(SQL_UNIT_ADD, "INSERT INTO unit(file, unit_offset, refs, length, crc, crc_kind)"                       \
                    " VALUES(?1, ?2, 1, ?3, ?4, ?5)"                                                         \
                    " ON CONFLICT DO UPDATE SET refs = refs + 1 WHERE refs > 0")                             \
    X(SQL_UNIT_RAISE, "UPDATE unit SET refs = refs + 1"                                                      \
                      " WHERE file = ?1 AND unit_offset = ?2 AND refs > 0")                                  \
    X(SQL_UNIT_DROP_LAST, "UPDATE unit SET refs = 0"                                                         \
                          " WHERE file = ?1 AND unit_offset = ?2 AND refs = 1")                              \
    X(SQL_UNIT_DROP, "UPDATE unit SET refs = refs - 1"                                                       \
                     " WHERE file = ?1 AND unit_offset = ?2 AND refs > 1")                                   \
    X(SQL_UNIT_FORGET, "DELETE FROM unit"                                                                    \
                       " WHERE file = ?1 AND unit_offset = ?2 AND refs = 0")                                 \
    X(SQL_GARBAGE_LAST, TEXT_GARBAGE_LAST)                                                                   \
    X(SQL_GARBAGE_INSERT, "INSERT INTO garbage(row, file, unit_offset, unit_length)"                         \
                          " VALUES(?1, ?2, ?3, ?4)")                                                         \
    X(SQL_GARBAGE_GET, "SELECT file, unit_offset FROM garbage WHERE row = ?1")                               \
    X(SQL_GARBAGE_DELETE, "DELETE FROM garbage WHERE row = ?1")                                              \
    X(SQL_SETTING_GET, TEXT_SETTING_GET)                                                                     \
    X(SQL_SETTING_PUT, "REPLACE INTO setting(bucket, kind, document) VALUES(?1, ?2, ?3)")                    \
    X(SQL_SETTING_DELETE, "DELETE FROM setting WHERE bucket = ?1 AND kind = ?2")                             \
    X(SQL_SETTINGS_DELETE, "DELETE FROM setting WHERE bucket = ?1")                                          \
    X(SQL_TALLY_ALL,                                                                                         \
      "SELECT bucket, state, write_once, object_bytes_max, cursor FROM tally ORDER BY bucket")               \
    X(SQL_TALLY_PUT,                                                                                         \
      "INSERT INTO tally(bucket, state, cursor, entries, bytes, write_once, object_bytes_max)"               \
      " VALUES(?1, ?2, ?3, 0, 0, ?4, ?5) ON CONFLICT(bucket) DO UPDATE SET state = ?2,"                      \
      " cursor = ?3, write_once = ?4, object_bytes_max = ?5")                                                \
    X(SQL_TALLY_DELETE, "DELETE FROM tally WHERE bucket = ?1")                                               \
    X(SQL_TALLY_COUNT, "UPDATE tally SET entries = entries + ?2, bytes = bytes + ?3 WHERE bucket = ?1")      \
    X(SQL_TALLY_NEXT, "SELECT max(key) FROM (SELECT key FROM object WHERE bucket = ?1 AND key > ?2"          \
                      " ORDER BY key LIMIT ?3)")                                                             \
    X(SQL_TALLY_FILL_COUNT, "UPDATE tally SET (entries, bytes) = (SELECT tally.entries + count(*),"          \
                            " tally.bytes + ifnull(sum(max(size, 0)), 0) FROM object AS o"                   \
                            " WHERE o.bucket = ?1 AND o.key > ?2 AND o.key <= ?3) WHERE bucket = ?1")        \
    X(SQL_TALLY_FILL, "REPLACE INTO used(bucket, key, used_ms, bytes)"                                       \
                      " SELECT bucket, key, min(modified_ms, ?4), max(size, 0) FROM object"                  \
                      " WHERE bucket = ?1 AND key > ?2 AND key <= ?3")                                       \
    X(SQL_TALLY_DRAIN_COUNT, "UPDATE tally SET (entries, bytes) = (SELECT tally.entries - count(*),"         \
                             " tally.bytes - ifnull(sum(u.bytes), 0) FROM (SELECT bytes FROM used"           \
                             " WHERE bucket = ?1 ORDER BY key LIMIT ?2) AS u) WHERE bucket = ?1")            \
    X(SQL_TALLY_DRAIN, "DELETE FROM used WHERE bucket = ?1 AND key IN"                                       \
                       " (SELECT key FROM used WHERE bucket = ?1 ORDER BY key LIMIT ?2)")                    \
    X(SQL_USE_GET, "SELECT bytes, used_ms FROM used WHERE bucket = ?1 AND key = ?2")                         \
    X(SQL_USE_PUT, "REPLACE INTO used(bucket, key, used_ms, bytes) VALUES(?1, ?2, ?3, ?4)")                  \
    X(SQL_USE_DELETE, "DELETE FROM used WHERE bucket = ?1 AND key = ?2")                                     \
    X(SQL_USE_RAISE,                                                                                         \
      "UPDATE used SET used_ms = ?3 WHERE bucket = ?1 AND key = ?2 AND used_ms < min(?3, ?4)")               \
    X(SQL_SETTING_WALK, "SELECT bucket, document FROM setting WHERE kind = ?1 ORDER BY bucket")              \
    X(SQL_BUCKET_GET_ID, "SELECT name, owner FROM bucket WHERE id = ?1")                                     \
    X(SQL_OUTBOX_TARGETS, "SELECT target, count(*), max(seq) FROM outbox GROUP BY target")                   \
    X(SQL_OUTBOX_GIVEN, "SELECT seq FROM outbox_given")                                                      \
    X(SQL_OUTBOX_GIVE, "UPDATE outbox_given SET seq = ?1 WHERE seq < ?1")                                    \
    X(SQL_OUTBOX_INSERT, "INSERT INTO outbox(target, seq, bucket, key, detail) VALUES(?1, ?2, ?3, ?4, ?5)")  \
    X(SQL_OUTBOX_DELETE, "DELETE FROM outbox WHERE target = ?1 AND seq = ?2")                                \
    X(SQL_OUTBOX_DROP, "DELETE FROM outbox WHERE target = ?1 AND seq ="                                      \
                       " (SELECT min(seq) FROM outbox WHERE target = ?1)")                                   \
    X(SQL_USAGE_BUCKETS, "SELECT b.id, b.name, b.owner, q.bytes_max, q.objects_max FROM bucket AS b"         \
                         " LEFT JOIN quota AS q ON q.bucket = b.id ORDER BY b.id")                           \
    X(SQL_USAGE_ALL, "SELECT bucket, kind, count, bytes, is_late FROM " META_SQL_USAGE)                      \
    X(SQL_USAGE_PUT, "INSERT INTO usage(bucket, kind, count, bytes) VALUES(?1, ?2, ?3, ?4)"                  \
                     " ON CONFLICT DO UPDATE SET count = ?3, bytes = ?4")                                    \
    X(SQL_USAGE_TURN, "SELECT max(usage_turn, (SELECT file FROM garbage WHERE row = " META_SQL_GARBAGE_END   \
                      ")) FROM journal")                                                                     \
    X(SQL_USAGE_LATE, "UPDATE garbage SET file = ?1, usage = ?2 WHERE row = " META_SQL_GARBAGE_END)          \
    X(SQL_USAGE_LATE_INSERT, "INSERT INTO garbage(row, file, unit_offset, unit_length, usage)"               \
                             " VALUES(" META_SQL_GARBAGE_END ", ?1, 0, 0, ?2)")                              \
    X(SQL_USAGE_DELETE, "DELETE FROM usage WHERE bucket = ?1")                                               \
    X(SQL_QUOTA_PUT, "REPLACE INTO quota(bucket, bytes_max, objects_max) VALUES(?1, ?2, ?3)")                \
    X(SQL_QUOTA_DELETE, "DELETE FROM quota WHERE bucket = ?1")                                               \
    X(SQL_USAGE_WALK_GET, "SELECT stop, bucket, key, id FROM usage_walk")                                    \
    X(SQL_USAGE_WALK_PUT, "UPDATE usage_walk SET stop = ?1, bucket = ?2, key = ?3, id = ?4")                 \
    X(SQL_USAGE_NEXT_OBJECTS,                                                                                \
      "SELECT bucket, key, x'', size, annotations, 0 FROM object"                                            \
      " WHERE (bucket, key) > (?1, ?2) AND ?3 IS NOT NULL ORDER BY bucket, key LIMIT ?4")                    \
    X(SQL_USAGE_NEXT_VERSIONS, "SELECT bucket, key, id, size, annotations, is_marker FROM version"           \
                               " WHERE (bucket, key, id) > (?1, ?2, ?3) ORDER BY bucket, key, id LIMIT ?4")  \
    X(SQL_USAGE_NEXT_UPLOADS,                                                                                \
      "SELECT bucket, key, id, ifnull((SELECT sum(max(p.size, 0)) FROM part AS p WHERE p.upload_id = "       \
      "u.id), 0),"                                                                                           \
      " NULL, (SELECT count(*) FROM part AS p WHERE p.upload_id = u.id) FROM upload AS u"                    \
      " WHERE (bucket, key, id) > (?1, ?2, ?3) ORDER BY bucket, key, id LIMIT ?4")                           \
    X(SQL_UPLOAD_GROW,                                                                                       \
      "UPDATE upload SET parts = parts + ?4, bytes = bytes + ?5 WHERE bucket = ?1 AND key = ?2 AND id = ?3") \
    X(SQL_UPLOAD_HOLDS,                                                                                      \
      "UPDATE upload SET parts = ?4, bytes = ?5 WHERE bucket = ?1 AND key = ?2 AND id = ?3")                 \
    X(SQL_OBJECT_HOLDS, "SELECT size, annotations FROM object WHERE bucket = ?1 AND key = ?2")

enum meta_sql_id {
#define META_SQL_ID(name, text) name,
    META_SQL_MAP(META_SQL_ID)
#undef META_SQL_ID
        META_SQL_COUNT
};

struct meta_sql {
    sqlite3_stmt *list[META_SQL_COUNT];
};

/* Returns 0 or an error; then nothing is left prepared. */
int meta_sql_prepare(struct meta_sql *sql, sqlite3 *db);
void meta_sql_finalize(struct meta_sql *sql);

/* The module's error for a (possibly extended) result code of the database. */
int meta_sql_error(int code);

/* Binding cannot fail but by a bug: numbers of parameters are fixed and nothing is copied. Bytes must stay valid until
 * the statement is reset. */
void meta_sql_int(sqlite3_stmt *statement, int parameter, int64_t value);
void meta_sql_blob(sqlite3_stmt *statement, int parameter, struct slice bytes);
/* NULL when empty */
void meta_sql_blob_or_null(sqlite3_stmt *statement, int parameter, struct slice bytes);
/* NULL when 0 */
void meta_sql_int_or_null(sqlite3_stmt *statement, int parameter, int64_t value);
void meta_sql_text(sqlite3_stmt *statement, int parameter, struct slice text);

/* 1 with a row, 0 without one, or an error; without a row the statement has been reset. */
int meta_sql_row(sqlite3_stmt *statement);
/* Runs a statement that yields no row to its end. 0 or an error. */
int meta_sql_run(sqlite3_stmt *statement);
void meta_sql_reset(sqlite3_stmt *statement);

/* Of a bucket. What is none counts as suspended, for readers and for the committer: nothing that is kept is lost by that. */
enum meta_versioning meta_sql_versioning(sqlite3_stmt *statement, int column);

/* Borrowed until the statement is stepped or reset. */
struct slice meta_sql_column(sqlite3_stmt *statement, int column);

/* The columns of META_SQL_PART_COLUMNS, which come first in the row; no extents. Borrowed as above. */
void meta_sql_part(sqlite3_stmt *row, struct part_row *part);

#endif
