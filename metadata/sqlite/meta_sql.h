/* SPDX-License-Identifier: MIT
 *
 * Every statement the module runs in the course of work, by name, and the few helpers that bind and step them. A
 * connection prepares the statements of its role once, when it opens, and finalizes them when it closes.
 *
 * A connection and its statements belong to one thread at a time. Private to metadata/. */
#ifndef METADATA_SQLITE_META_SQL_H
#define METADATA_SQLITE_META_SQL_H

#include <sqlite3.h>

#include "metadata/rows/row_store.h"

enum meta_sql_role {
    META_SQL_READER = 1,
    META_SQL_WRITER = 2,
};

/* What an object row holds besides its key, in the order of the columns; see schema.c. */
#define META_SQL_OBJECT_COLUMNS                                                                              \
    "size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, parts, annotations"

/* What is asked of a row of `version`: an object's columns, then its own. */
#define META_SQL_VERSION_COLUMNS META_SQL_OBJECT_COLUMNS ", id, is_null, is_marker, noncurrent_ms"

/* What a part's row holds besides its upload and its extents. */
#define META_SQL_PART_COLUMNS "number, size, modified_ms, etag, checksum"

/* What an annotation's row holds besides its set and its extents. */
#define META_SQL_ANNOTATION_COLUMNS "name, size, modified_ms, etag, checksum"

#define META_SQL_BOTH (META_SQL_READER | META_SQL_WRITER)

/* What a publication is about to replace (read/overlay.h). p is what it prepared, in the bucket -id; o is what the key has beside it. */
/* The row's key has nothing prepared. */
#define META_SQL_IS_PLAIN(row, overlay)                                                                      \
    "NOT EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = " overlay " AND p.key = " row ".key)"
/* Current objects that become noncurrent; a null version that another takes the place of is no more. */
#define META_SQL_OVERLAID(overlay, bucket)                                                                   \
    " FROM object AS p CROSS JOIN object AS o ON o.bucket = " bucket " AND o.key = p.key"                    \
    " WHERE p.bucket = " overlay " AND NOT (o.version IS NULL AND p.version IS NULL)"

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

#define META_SQL_MAP(X)                                                                                      \
    X(SQL_SNAPSHOT_BEGIN, META_SQL_READER, "BEGIN")                                                          \
    X(SQL_SNAPSHOT_END, META_SQL_READER, "COMMIT")                                                           \
    X(SQL_BEGIN, META_SQL_WRITER, "BEGIN IMMEDIATE")                                                         \
    X(SQL_COMMIT, META_SQL_WRITER, "COMMIT")                                                                 \
    X(SQL_ROLLBACK, META_SQL_WRITER, "ROLLBACK")                                                             \
    X(SQL_SAVEPOINT, META_SQL_WRITER, "SAVEPOINT op")                                                        \
    X(SQL_SAVEPOINT_UNDO, META_SQL_WRITER, "ROLLBACK TO op")                                                 \
    X(SQL_SAVEPOINT_RELEASE, META_SQL_WRITER, "RELEASE op")                                                  \
                                                                                                             \
    X(SQL_JOURNAL_GET, META_SQL_READER, "SELECT file, token, applied FROM journal")                          \
    X(SQL_JOURNAL_MOVE, META_SQL_WRITER, "UPDATE journal SET file = ?1, token = ?2, applied = 0")            \
    X(SQL_JOURNAL_APPLY, META_SQL_WRITER, "UPDATE journal SET applied = ?1, usage_turn = ?2, usage = ?3")    \
                                                                                                             \
    X(SQL_STORE_GET, META_SQL_READER, "SELECT id, epoch FROM store")                                         \
    X(SQL_EPOCH_RAISE, META_SQL_WRITER, "UPDATE store SET epoch = ?1 WHERE epoch < ?1")                      \
                                                                                                             \
    X(SQL_BUCKET_GET, META_SQL_READER,                                                                       \
      "SELECT id, created_ms, name, region, owner, versioning FROM bucket"                                   \
      " WHERE name = ?1")                                                                                    \
    X(SQL_BUCKET_LIST, META_SQL_READER,                                                                      \
      "SELECT id, created_ms, name, region, owner, versioning FROM bucket"                                   \
      " WHERE name > ?1 ORDER BY name LIMIT ?2")                                                             \
    X(SQL_BUCKET_IDS, META_SQL_WRITER, "SELECT id, versioning FROM bucket ORDER BY id")                      \
    X(SQL_BUCKET_INSERT, META_SQL_WRITER,                                                                    \
      "INSERT INTO bucket(name, created_ms, region, owner, versioning)"                                      \
      " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(name) DO NOTHING")                                            \
    X(SQL_BUCKET_DELETE, META_SQL_WRITER, "DELETE FROM bucket WHERE id = ?1")                                \
    X(SQL_BUCKET_HAS_OBJECT, META_SQL_WRITER,                                                                \
      "SELECT 1 FROM object WHERE bucket = ?1"                                                               \
      " UNION ALL SELECT 1 FROM version WHERE bucket = ?1 LIMIT 1")                                          \
    X(SQL_BUCKET_UPLOADS, META_SQL_WRITER, "SELECT id FROM upload WHERE bucket = ?1")                        \
    X(SQL_BUCKET_UPLOADS_DELETE, META_SQL_WRITER, "DELETE FROM upload WHERE bucket = ?1")                    \
                                                                                                             \
    X(SQL_OBJECT_GET, META_SQL_BOTH,                                                                         \
      "SELECT " META_SQL_OBJECT_COLUMNS ", version FROM object"                                              \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_OBJECT_LIST, META_SQL_READER,                                                                      \
      "SELECT key, size, modified_ms, etag, checksum, owner, attributes"                                     \
      " FROM object"                                                                                         \
      " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key")                                          \
    X(SQL_OBJECT_INSERT, META_SQL_WRITER,                                                                    \
      "INSERT INTO object(bucket, key, " META_SQL_OBJECT_COLUMNS ", version)"                                \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"                                      \
      " ON CONFLICT DO NOTHING")                                                                             \
    X(SQL_OBJECT_UPDATE, META_SQL_WRITER,                                                                    \
      "UPDATE object SET size = ?3, modified_ms = ?4, etag = ?5,"                                            \
      " checksum = ?6, owner = ?7, extents = ?8, attributes = ?9,"                                           \
      " upload_id = ?10, parts = ?11, annotations = ?12, version = ?13"                                      \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_OBJECT_LABEL, META_SQL_WRITER,                                                                     \
      "UPDATE object SET attributes = ?3"                                                                    \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_OBJECT_SET_ANNOTATIONS, META_SQL_WRITER,                                                           \
      "UPDATE object SET annotations = ?3"                                                                   \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_OBJECT_DELETE, META_SQL_WRITER, "DELETE FROM object WHERE bucket = ?1 AND key = ?2")               \
                                                                                                             \
    X(SQL_PUBLICATION_ALL, META_SQL_WRITER,                                                                  \
      "SELECT id, bucket, state, at_ms, has_versions FROM publication ORDER BY id")                          \
    X(SQL_PUBLICATION_INSERT, META_SQL_WRITER,                                                               \
      "INSERT INTO publication(bucket, state, at_ms, has_versions) VALUES(?1, ?2, ?3, ?4)")                  \
    X(SQL_PUBLICATION_UPDATE, META_SQL_WRITER,                                                               \
      "UPDATE publication SET bucket = ?1, state = ?2, at_ms = ?3, has_versions = ?4 WHERE id = ?5")         \
    X(SQL_PUBLICATION_DELETE, META_SQL_WRITER, "DELETE FROM publication WHERE id = ?1")                      \
    X(SQL_PUBLICATION_NEXT, META_SQL_WRITER,                                                                 \
      "SELECT key FROM object WHERE bucket = ?1 ORDER BY key LIMIT 1")                                       \
    X(SQL_OVERLAY_GET, META_SQL_READER,                                                                      \
      "SELECT -id, at_ms, has_versions FROM publication WHERE bucket = ?1 AND state = 2")                    \
    X(SQL_OVERLAY_OBJECTS, META_SQL_READER,                                                                  \
      "SELECT key, size, modified_ms, etag, checksum, owner, attributes FROM object AS o"                    \
      " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 AND " META_SQL_IS_PLAIN(                                \
          "o",                                                                                               \
          "?4") " UNION ALL SELECT key, size, modified_ms, etag, checksum, owner, attributes FROM object"    \
                " WHERE bucket = ?4 AND key >= ?2 AND key < ?3 AND size >= 0 ORDER BY key")                  \
    X(SQL_OVERLAY_CURRENT, META_SQL_READER,                                                                  \
      "SELECT key, size, modified_ms, etag, checksum, owner, attributes, version FROM object AS o"           \
      " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 AND " META_SQL_IS_PLAIN(                                \
          "o", "?4") " UNION ALL SELECT key, size, modified_ms, etag, checksum, owner, attributes, version " \
                     "FROM object"                                                                           \
                     " WHERE bucket = ?4 AND key >= ?2 AND key < ?3 AND size >= 0 ORDER BY key")             \
    X(SQL_OVERLAY_OLDER, META_SQL_READER,                                                                    \
      "SELECT key, size, modified_ms, etag, checksum, owner, attributes, id, is_null, is_marker,"            \
      " iif(noncurrent_ms IS NULL AND NOT " META_SQL_IS_PLAIN(                                               \
          "v",                                                                                               \
          "?5") ", ?6, noncurrent_ms)"                                                                       \
                " FROM version AS v WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND key < ?4"                \
                " AND NOT (is_null AND EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = ?5 AND p.key = "    \
                "v.key"                                                                                      \
                "  AND p.version IS NULL))"                                                                  \
                " UNION ALL SELECT p.key, o.size, o.modified_ms, o.etag, o.checksum, o.owner, o.attributes," \
                "  ifnull(o.version, p.upload_id) AS id, o.version IS NULL, 0, ?6" META_SQL_OVERLAID(        \
                    "?5", "?1") "  AND p.key >= ?2 AND p.key < ?4 AND (p.key, ifnull(o.version, "            \
                                "p.upload_id)) >= (?2, ?3)"                                                  \
                                " UNION ALL SELECT key, 0, ?6, etag, NULL, owner, NULL,"                     \
                                "  ifnull(version, upload_id) AS id, version IS NULL, 1, NULL FROM object"   \
                                "  WHERE bucket = ?5 AND key >= ?2 AND key < ?4 AND size < 0"                \
                                "  AND (key, ifnull(version, upload_id)) >= (?2, ?3) ORDER BY key, id")      \
    X(SQL_OVERLAY_VERSION, META_SQL_READER,                                                                  \
      "SELECT o.size, o.modified_ms, o.etag, o.checksum, o.owner, o.extents, o.attributes, NULL, o.parts,"   \
      "  o.annotations, ifnull(o.version, p.upload_id) AS id, o.version IS NULL, 0, ?4" META_SQL_OVERLAID(   \
          "?3", "?1") " AND p.key = ?2"                                                                      \
                      " UNION ALL SELECT 0, ?4, etag, NULL, owner, NULL, NULL, NULL, NULL, NULL,"            \
                      "  ifnull(version, upload_id) AS id, version IS NULL, 1, NULL FROM object"             \
                      "  WHERE bucket = ?3 AND key = ?2 AND size < 0 ORDER BY id")                           \
                                                                                                             \
    X(SQL_BUCKET_SET_VERSIONING, META_SQL_WRITER, "UPDATE bucket SET versioning = ?2 WHERE id = ?1")         \
    X(SQL_VERSION_GET, META_SQL_BOTH,                                                                        \
      "SELECT " META_SQL_VERSION_COLUMNS " FROM version"                                                     \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_VERSION_GET_NAMED, META_SQL_BOTH,                                                                  \
      "SELECT " META_SQL_VERSION_COLUMNS " FROM version INDEXED BY version_named"                            \
      " WHERE bucket = ?1 AND key = ?2 AND substr(id, 9) = ?3 AND length(id) = 24")                          \
    X(SQL_VERSION_GET_NULL, META_SQL_BOTH,                                                                   \
      "SELECT " META_SQL_VERSION_COLUMNS " FROM version INDEXED BY version_null"                             \
      " WHERE bucket = ?1 AND key = ?2 AND is_null = 1")                                                     \
    X(SQL_VERSION_NEWEST, META_SQL_BOTH,                                                                     \
      "SELECT " META_SQL_VERSION_COLUMNS " FROM version"                                                     \
      " WHERE bucket = ?1 AND key = ?2 ORDER BY id LIMIT 1")                                                 \
    X(SQL_VERSION_ARCHIVE, META_SQL_WRITER,                                                                  \
      "INSERT INTO version(bucket, key, id, is_null, is_marker,"                                             \
      " noncurrent_ms, " META_SQL_OBJECT_COLUMNS ")"                                                         \
      " SELECT bucket, key, ?3, version IS NULL, 0, ?4, " META_SQL_OBJECT_COLUMNS " FROM object"             \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_VERSION_RESTORE, META_SQL_WRITER,                                                                  \
      "INSERT INTO object(bucket, key, " META_SQL_OBJECT_COLUMNS ","                                         \
      " version) SELECT bucket, key, " META_SQL_OBJECT_COLUMNS ","                                           \
      " iif(is_null, NULL, id) FROM version"                                                                 \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_VERSION_MARKER, META_SQL_WRITER,                                                                   \
      "INSERT INTO version(bucket, key, id, is_null, is_marker, size,"                                       \
      " modified_ms, etag, owner)"                                                                           \
      " VALUES(?1, ?2, ?3, ?4, 1, 0, ?5, x'', ?6)")                                                          \
    X(SQL_VERSION_SET_NONCURRENT, META_SQL_WRITER,                                                           \
      "UPDATE version SET noncurrent_ms = ?4"                                                                \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_VERSION_SECOND, META_SQL_WRITER,                                                                   \
      "SELECT 1 FROM version WHERE bucket = ?1 AND key = ?2"                                                 \
      " LIMIT 1 OFFSET 1")                                                                                   \
    X(SQL_VERSION_LABEL, META_SQL_WRITER,                                                                    \
      "UPDATE version SET attributes = ?4"                                                                   \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_VERSION_SET_ANNOTATIONS, META_SQL_WRITER,                                                          \
      "UPDATE version SET annotations = ?4"                                                                  \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_VERSION_DELETE, META_SQL_WRITER, "DELETE FROM version WHERE bucket = ?1 AND key = ?2 AND id = ?3") \
    X(SQL_VERSION_LIST, META_SQL_READER,                                                                     \
      "SELECT key, size, modified_ms, etag, checksum, owner, attributes,"                                    \
      " id, is_null, is_marker, noncurrent_ms FROM version"                                                  \
      " WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND key < ?4"                                            \
      " ORDER BY key, id")                                                                                   \
    X(SQL_VERSION_LIST_CURRENT, META_SQL_READER,                                                             \
      "SELECT key, size, modified_ms, etag, checksum, owner,"                                                \
      " attributes, version FROM object"                                                                     \
      " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key")                                          \
                                                                                                             \
    X(SQL_UPLOAD_GET, META_SQL_BOTH,                                                                         \
      "SELECT key, id, initiated_ms, checksum_algorithm, checksum_type,"                                     \
      " owner, attributes FROM upload"                                                                       \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_UPLOAD_EXISTS, META_SQL_WRITER,                                                                    \
      "SELECT 1 FROM upload"                                                                                 \
      " WHERE bucket = ?1 AND key = ?2 AND id = ?3")                                                         \
    X(SQL_UPLOAD_LIST, META_SQL_READER,                                                                      \
      "SELECT key, id, initiated_ms, checksum_algorithm, checksum_type,"                                     \
      " owner, attributes FROM upload"                                                                       \
      " WHERE bucket = ?1 AND (key, id) >= (?2, ?3)"                                                         \
      " AND key < ?4 ORDER BY key, id")                                                                      \
    X(SQL_UPLOAD_INSERT, META_SQL_WRITER,                                                                    \
      "INSERT INTO upload(bucket, key, id, initiated_ms,"                                                    \
      " checksum_algorithm, checksum_type, owner, attributes)"                                               \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING")                                      \
    X(SQL_UPLOAD_DELETE, META_SQL_WRITER,                                                                    \
      "DELETE FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3 RETURNING parts, bytes")                \
                                                                                                             \
    X(SQL_PART_LIST, META_SQL_READER,                                                                        \
      "SELECT " META_SQL_PART_COLUMNS " FROM part"                                                           \
      " WHERE upload_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3")                                      \
    X(SQL_PART_READ, META_SQL_READER,                                                                        \
      "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"                                                  \
      " WHERE upload_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3")                                      \
    X(SQL_PART_ALL, META_SQL_WRITER,                                                                         \
      "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"                                                  \
      " WHERE upload_id = ?1 ORDER BY number")                                                               \
    X(SQL_PART_GET, META_SQL_WRITER,                                                                         \
      "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"                                                  \
      " WHERE upload_id = ?1 AND number = ?2")                                                               \
    X(SQL_PART_REPLACE, META_SQL_WRITER,                                                                     \
      "REPLACE INTO part(upload_id, number, size, modified_ms, etag,"                                        \
      " checksum, extents) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                              \
    X(SQL_PARTS_DELETE, META_SQL_WRITER,                                                                     \
      "DELETE FROM part WHERE upload_id = ?1 AND number BETWEEN ?2 AND ?3")                                  \
                                                                                                             \
    X(SQL_FINISHED_INSERT, META_SQL_WRITER, "INSERT INTO finished(upload_id, kept) VALUES(?1, ?2)")          \
    X(SQL_FINISHED_GET, META_SQL_WRITER, "SELECT upload_id, kept FROM finished WHERE upload_id = ?1")        \
    X(SQL_FINISHED_FIRST, META_SQL_WRITER,                                                                   \
      "SELECT upload_id, kept FROM finished ORDER BY upload_id LIMIT 1")                                     \
    X(SQL_FINISHED_DELETE, META_SQL_WRITER, "DELETE FROM finished WHERE upload_id = ?1")                     \
    X(SQL_DROPPED_INSERT, META_SQL_WRITER, "INSERT INTO dropped(extents) VALUES(?1)")                        \
    X(SQL_DROPPED_FIRST, META_SQL_WRITER, "SELECT row, extents FROM dropped ORDER BY row LIMIT 1")           \
    X(SQL_DROPPED_DELETE, META_SQL_WRITER, "DELETE FROM dropped WHERE row = ?1")                             \
                                                                                                             \
    X(SQL_ANNOTATION_GET, META_SQL_READER,                                                                   \
      "SELECT size, modified_ms, etag, checksum, NULL, extents, NULL, NULL, NULL, NULL FROM annotation"      \
      " WHERE set_id = ?1 AND name = ?2")                                                                    \
    X(SQL_ANNOTATION_EXTENTS, META_SQL_WRITER,                                                               \
      "SELECT extents, size FROM annotation WHERE set_id = ?1 AND name = ?2")                                \
    X(SQL_ANNOTATION_LIST, META_SQL_READER,                                                                  \
      "SELECT " META_SQL_ANNOTATION_COLUMNS " FROM annotation"                                               \
      " WHERE set_id = ?1 AND name >= ?2 ORDER BY name")                                                     \
    X(SQL_ANNOTATION_ALL, META_SQL_WRITER,                                                                   \
      "SELECT name, extents FROM annotation WHERE set_id = ?1 ORDER BY name")                                \
    X(SQL_ANNOTATION_REPLACE, META_SQL_WRITER,                                                               \
      "REPLACE INTO annotation(set_id, name, size, modified_ms, etag, checksum, extents)"                    \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                                 \
    X(SQL_ANNOTATIONS_COPY, META_SQL_WRITER,                                                                 \
      "INSERT INTO annotation(set_id, " META_SQL_ANNOTATION_COLUMNS ", extents)"                             \
      " SELECT ?2, " META_SQL_ANNOTATION_COLUMNS ", extents FROM annotation WHERE set_id = ?1")              \
    X(SQL_ANNOTATION_DELETE, META_SQL_WRITER, "DELETE FROM annotation WHERE set_id = ?1 AND name = ?2")      \
    X(SQL_ANNOTATIONS_DELETE, META_SQL_WRITER, "DELETE FROM annotation WHERE set_id = ?1 AND name <= ?2")    \
    X(SQL_ANNOTATION_SET_LAST, META_SQL_WRITER, "SELECT ifnull(max(id), 0) FROM annotation_set")             \
    X(SQL_ANNOTATION_SET_GET, META_SQL_WRITER,                                                               \
      "SELECT id, refs, count, bytes FROM annotation_set WHERE id = ?1")                                     \
    X(SQL_ANNOTATION_SET_FREE, META_SQL_WRITER,                                                              \
      "SELECT id, refs, count, bytes FROM annotation_set WHERE refs = 0 ORDER BY id LIMIT 1")                \
    X(SQL_ANNOTATION_SET_PUT, META_SQL_WRITER,                                                               \
      "INSERT INTO annotation_set(id, refs, count, bytes) VALUES(?1, ?2, ?3, ?4)"                            \
      " ON CONFLICT DO UPDATE SET refs = ?2, count = ?3, bytes = ?4")                                        \
    X(SQL_ANNOTATION_SET_DELETE, META_SQL_WRITER, "DELETE FROM annotation_set WHERE id = ?1")                \
                                                                                                             \
    X(SQL_MARK_GET, META_SQL_BOTH, "SELECT file, open, replaced FROM mark")                                  \
    X(SQL_MARK_SET, META_SQL_WRITER, "UPDATE mark SET file = ?1, open = ?2, replaced = ?3")                  \
    X(SQL_REPLACED_LAST, META_SQL_BOTH,                                                                      \
      "SELECT max(ifnull((SELECT max(row) FROM replaced), 0), replaced)"                                     \
      " FROM mark")                                                                                          \
    X(SQL_REPLACED_NEWEST, META_SQL_WRITER,                                                                  \
      "SELECT row, version FROM replaced INDEXED BY replaced_key"                                            \
      " WHERE bucket = ?1 AND key = ?2 ORDER BY row DESC LIMIT 1")                                           \
    X(SQL_REPLACED_KEEP, META_SQL_WRITER,                                                                    \
      "INSERT INTO replaced(row, bucket, key, version, " META_SQL_OBJECT_COLUMNS                             \
      ") SELECT ?3, bucket, key, version, " META_SQL_OBJECT_COLUMNS " FROM object"                           \
      " WHERE bucket = ?1 AND key = ?2")                                                                     \
    X(SQL_REPLACED_RESTORE, META_SQL_WRITER,                                                                 \
      "INSERT INTO object(bucket, key, version, " META_SQL_OBJECT_COLUMNS                                    \
      ") SELECT bucket, key, version, " META_SQL_OBJECT_COLUMNS " FROM replaced WHERE row = ?1")             \
    X(SQL_REPLACED_FIRST, META_SQL_WRITER,                                                                   \
      "SELECT row, extents, annotations FROM replaced WHERE row BETWEEN ?1 AND ?2"                           \
      " ORDER BY row LIMIT 1")                                                                               \
    X(SQL_REPLACED_DELETE, META_SQL_WRITER, "DELETE FROM replaced WHERE row = ?1")                           \
                                                                                                             \
    X(SQL_SWEEP_IS_DUE, META_SQL_READER,                                                                     \
      "SELECT EXISTS(SELECT 1 FROM dropped)"                                                                 \
      " OR EXISTS(SELECT 1 FROM finished)"                                                                   \
      " OR EXISTS(SELECT 1 FROM annotation_set WHERE refs = 0)"                                              \
      " OR EXISTS(SELECT 1 FROM publication WHERE state > 1 OR id <= ?1)")                                   \
                                                                                                             \
    X(SQL_UNIT_ADD, META_SQL_WRITER,                                                                         \
      "INSERT INTO unit(file, unit_offset, refs, length, crc, crc_kind)"                                     \
      " VALUES(?1, ?2, 1, ?3, ?4, ?5)"                                                                       \
      " ON CONFLICT DO UPDATE SET refs = refs + 1 WHERE refs > 0")                                           \
    X(SQL_UNIT_RAISE, META_SQL_WRITER,                                                                       \
      "UPDATE unit SET refs = refs + 1"                                                                      \
      " WHERE file = ?1 AND unit_offset = ?2 AND refs > 0")                                                  \
    X(SQL_UNIT_DROP_LAST, META_SQL_WRITER,                                                                   \
      "UPDATE unit SET refs = 0"                                                                             \
      " WHERE file = ?1 AND unit_offset = ?2 AND refs = 1")                                                  \
    X(SQL_UNIT_DROP, META_SQL_WRITER,                                                                        \
      "UPDATE unit SET refs = refs - 1"                                                                      \
      " WHERE file = ?1 AND unit_offset = ?2 AND refs > 1")                                                  \
    X(SQL_UNIT_FORGET, META_SQL_WRITER,                                                                      \
      "DELETE FROM unit"                                                                                     \
      " WHERE file = ?1 AND unit_offset = ?2 AND refs = 0")                                                  \
    X(SQL_FILE_LAST, META_SQL_READER, "SELECT ifnull(max(file), 0) FROM unit")                               \
    X(SQL_FILE_IS_LIVE, META_SQL_READER, "SELECT 1 FROM unit WHERE file = ?1 LIMIT 1")                       \
    X(SQL_FILE_IS_REFERRED, META_SQL_READER, "SELECT 1 FROM unit WHERE file = ?1 AND refs > 0 LIMIT 1")      \
    X(SQL_UNIT_IS_REFERRED, META_SQL_READER,                                                                 \
      "SELECT 1 FROM unit WHERE file = ?1 AND unit_offset = ?2 AND refs > 0")                                \
    X(SQL_FILE_UNITS, META_SQL_READER,                                                                       \
      "SELECT unit_offset, length FROM unit WHERE file = ?1"                                                 \
      " ORDER BY unit_offset")                                                                               \
                                                                                                             \
    X(SQL_UNITS_FROM, META_SQL_READER,                                                                       \
      "SELECT file, unit_offset, length, crc, crc_kind FROM unit"                                            \
      " WHERE file BETWEEN ?1 AND ?2 AND refs > 0"                                                           \
      " ORDER BY file, unit_offset")                                                                         \
                                                                                                             \
    X(SQL_GARBAGE_LAST, META_SQL_BOTH,                                                                       \
      "SELECT ifnull(max(row), 0) FROM garbage WHERE row < " META_SQL_GARBAGE_END)                           \
    X(SQL_GARBAGE_INSERT, META_SQL_WRITER,                                                                   \
      "INSERT INTO garbage(row, file, unit_offset, unit_length)"                                             \
      " VALUES(?1, ?2, ?3, ?4)")                                                                             \
    X(SQL_GARBAGE_GET, META_SQL_WRITER, "SELECT file, unit_offset FROM garbage WHERE row = ?1")              \
    X(SQL_GARBAGE_DELETE, META_SQL_WRITER, "DELETE FROM garbage WHERE row = ?1")                             \
    X(SQL_SETTING_GET, META_SQL_BOTH, "SELECT document FROM setting WHERE bucket = ?1 AND kind = ?2")        \
    X(SQL_SETTING_BUCKETS, META_SQL_READER,                                                                  \
      "SELECT bucket FROM setting WHERE kind = ?1 AND bucket > ?2"                                           \
      " ORDER BY bucket LIMIT ?3")                                                                           \
    X(SQL_SETTING_PUT, META_SQL_WRITER, "REPLACE INTO setting(bucket, kind, document) VALUES(?1, ?2, ?3)")   \
    X(SQL_SETTING_DELETE, META_SQL_WRITER, "DELETE FROM setting WHERE bucket = ?1 AND kind = ?2")            \
    X(SQL_SETTINGS_DELETE, META_SQL_WRITER, "DELETE FROM setting WHERE bucket = ?1")                         \
                                                                                                             \
    X(SQL_TALLY_ALL, META_SQL_WRITER,                                                                        \
      "SELECT bucket, state, write_once, object_bytes_max, cursor FROM tally ORDER BY bucket")               \
    X(SQL_TALLY_PUT, META_SQL_WRITER,                                                                        \
      "INSERT INTO tally(bucket, state, cursor, entries, bytes, write_once, object_bytes_max)"               \
      " VALUES(?1, ?2, ?3, 0, 0, ?4, ?5) ON CONFLICT(bucket) DO UPDATE SET state = ?2,"                      \
      " cursor = ?3, write_once = ?4, object_bytes_max = ?5")                                                \
    X(SQL_TALLY_DELETE, META_SQL_WRITER, "DELETE FROM tally WHERE bucket = ?1")                              \
    X(SQL_TALLY_COUNT, META_SQL_WRITER,                                                                      \
      "UPDATE tally SET entries = entries + ?2, bytes = bytes + ?3 WHERE bucket = ?1")                       \
    X(SQL_TALLY_LIST, META_SQL_READER,                                                                       \
      "SELECT bucket, state, entries, bytes, name FROM tally JOIN bucket ON bucket.id = tally.bucket"        \
      " WHERE bucket > ?1 ORDER BY bucket LIMIT ?2")                                                         \
    X(SQL_TALLY_NEXT, META_SQL_WRITER,                                                                       \
      "SELECT max(key) FROM (SELECT key FROM object WHERE bucket = ?1 AND key > ?2"                          \
      " ORDER BY key LIMIT ?3)")                                                                             \
    X(SQL_TALLY_FILL_COUNT, META_SQL_WRITER,                                                                 \
      "UPDATE tally SET (entries, bytes) = (SELECT tally.entries + count(*),"                                \
      " tally.bytes + ifnull(sum(max(size, 0)), 0) FROM object AS o"                                         \
      " WHERE o.bucket = ?1 AND o.key > ?2 AND o.key <= ?3) WHERE bucket = ?1")                              \
    X(SQL_TALLY_FILL, META_SQL_WRITER,                                                                       \
      "REPLACE INTO used(bucket, key, used_ms, bytes)"                                                       \
      " SELECT bucket, key, min(modified_ms, ?4), max(size, 0) FROM object"                                  \
      " WHERE bucket = ?1 AND key > ?2 AND key <= ?3")                                                       \
    X(SQL_TALLY_DRAIN_COUNT, META_SQL_WRITER,                                                                \
      "UPDATE tally SET (entries, bytes) = (SELECT tally.entries - count(*),"                                \
      " tally.bytes - ifnull(sum(u.bytes), 0) FROM (SELECT bytes FROM used"                                  \
      " WHERE bucket = ?1 ORDER BY key LIMIT ?2) AS u) WHERE bucket = ?1")                                   \
    X(SQL_TALLY_DRAIN, META_SQL_WRITER,                                                                      \
      "DELETE FROM used WHERE bucket = ?1 AND key IN"                                                        \
      " (SELECT key FROM used WHERE bucket = ?1 ORDER BY key LIMIT ?2)")                                     \
    X(SQL_USE_GET, META_SQL_WRITER, "SELECT bytes, used_ms FROM used WHERE bucket = ?1 AND key = ?2")        \
    X(SQL_USE_PUT, META_SQL_WRITER, "REPLACE INTO used(bucket, key, used_ms, bytes) VALUES(?1, ?2, ?3, ?4)") \
    X(SQL_USE_DELETE, META_SQL_WRITER, "DELETE FROM used WHERE bucket = ?1 AND key = ?2")                    \
    X(SQL_USE_RAISE, META_SQL_WRITER,                                                                        \
      "UPDATE used SET used_ms = ?3 WHERE bucket = ?1 AND key = ?2 AND used_ms < min(?3, ?4)")               \
    X(SQL_USED_OLDEST, META_SQL_READER,                                                                      \
      "SELECT u.key, u.used_ms, u.bytes, o.extents FROM used AS u INDEXED BY used_order"                     \
      " CROSS JOIN object AS o ON o.bucket = u.bucket AND o.key = u.key"                                     \
      " WHERE u.bucket = ?1 AND u.used_ms < ?2 ORDER BY u.used_ms, u.key LIMIT ?3")                          \
                                                                                                             \
    X(SQL_SETTING_WALK, META_SQL_WRITER,                                                                     \
      "SELECT bucket, document FROM setting WHERE kind = ?1 ORDER BY bucket")                                \
    X(SQL_BUCKET_GET_ID, META_SQL_WRITER, "SELECT name, owner FROM bucket WHERE id = ?1")                    \
    X(SQL_OUTBOX_TARGETS, META_SQL_WRITER, "SELECT target, count(*), max(seq) FROM outbox GROUP BY target")  \
    X(SQL_OUTBOX_GIVEN, META_SQL_WRITER, "SELECT seq FROM outbox_given")                                     \
    X(SQL_OUTBOX_GIVE, META_SQL_WRITER, "UPDATE outbox_given SET seq = ?1 WHERE seq < ?1")                   \
    X(SQL_OUTBOX_INSERT, META_SQL_WRITER,                                                                    \
      "INSERT INTO outbox(target, seq, bucket, key, detail) VALUES(?1, ?2, ?3, ?4, ?5)")                     \
    X(SQL_OUTBOX_DELETE, META_SQL_WRITER, "DELETE FROM outbox WHERE target = ?1 AND seq = ?2")               \
    X(SQL_OUTBOX_DROP, META_SQL_WRITER,                                                                      \
      "DELETE FROM outbox WHERE target = ?1 AND seq ="                                                       \
      " (SELECT min(seq) FROM outbox WHERE target = ?1)")                                                    \
    X(SQL_OUTBOX_LIST, META_SQL_READER,                                                                      \
      "SELECT seq, bucket, key, detail FROM outbox WHERE target = ?1 AND seq > ?2"                           \
      " ORDER BY seq LIMIT ?3")                                                                              \
    X(SQL_OUTBOX_COUNT, META_SQL_READER, "SELECT count(*) FROM outbox WHERE target = ?1")                    \
    X(SQL_USAGE_BUCKETS, META_SQL_WRITER,                                                                    \
      "SELECT b.id, b.name, b.owner, q.bytes_max, q.objects_max FROM bucket AS b"                            \
      " LEFT JOIN quota AS q ON q.bucket = b.id ORDER BY b.id")                                              \
    X(SQL_USAGE_ALL, META_SQL_WRITER, "SELECT bucket, kind, count, bytes, is_late FROM " META_SQL_USAGE)     \
    X(SQL_USAGE_PUT, META_SQL_WRITER,                                                                        \
      "INSERT INTO usage(bucket, kind, count, bytes) VALUES(?1, ?2, ?3, ?4)"                                 \
      " ON CONFLICT DO UPDATE SET count = ?3, bytes = ?4")                                                   \
    X(SQL_USAGE_TURN, META_SQL_WRITER,                                                                       \
      "SELECT max(usage_turn, (SELECT file FROM garbage WHERE row = " META_SQL_GARBAGE_END                   \
      ")) FROM journal")                                                                                     \
    X(SQL_USAGE_LATE, META_SQL_WRITER,                                                                       \
      "UPDATE garbage SET file = ?1, usage = ?2 WHERE row = " META_SQL_GARBAGE_END)                          \
    X(SQL_USAGE_LATE_INSERT, META_SQL_WRITER,                                                                \
      "INSERT INTO garbage(row, file, unit_offset, unit_length, usage)"                                      \
      " VALUES(" META_SQL_GARBAGE_END ", ?1, 0, 0, ?2)")                                                     \
    X(SQL_USAGE_DELETE, META_SQL_WRITER, "DELETE FROM usage WHERE bucket = ?1")                              \
    X(SQL_QUOTA_PUT, META_SQL_WRITER,                                                                        \
      "REPLACE INTO quota(bucket, bytes_max, objects_max) VALUES(?1, ?2, ?3)")                               \
    X(SQL_QUOTA_DELETE, META_SQL_WRITER, "DELETE FROM quota WHERE bucket = ?1")                              \
    X(SQL_USAGE_WALK_GET, META_SQL_WRITER, "SELECT stop, bucket, key, id FROM usage_walk")                   \
    X(SQL_USAGE_WALK_PUT, META_SQL_WRITER,                                                                   \
      "UPDATE usage_walk SET stop = ?1, bucket = ?2, key = ?3, id = ?4")                                     \
    X(SQL_USAGE_NEXT_OBJECTS, META_SQL_WRITER,                                                               \
      "SELECT bucket, key, x'', size, annotations, 0 FROM object"                                            \
      " WHERE (bucket, key) > (?1, ?2) AND ?3 IS NOT NULL ORDER BY bucket, key LIMIT ?4")                    \
    X(SQL_USAGE_NEXT_VERSIONS, META_SQL_WRITER,                                                              \
      "SELECT bucket, key, id, size, annotations, is_marker FROM version"                                    \
      " WHERE (bucket, key, id) > (?1, ?2, ?3) ORDER BY bucket, key, id LIMIT ?4")                           \
    X(SQL_USAGE_NEXT_UPLOADS, META_SQL_WRITER,                                                               \
      "SELECT bucket, key, id, ifnull((SELECT sum(max(p.size, 0)) FROM part AS p WHERE p.upload_id = "       \
      "u.id), 0),"                                                                                           \
      " NULL, (SELECT count(*) FROM part AS p WHERE p.upload_id = u.id) FROM upload AS u"                    \
      " WHERE (bucket, key, id) > (?1, ?2, ?3) ORDER BY bucket, key, id LIMIT ?4")                           \
    X(SQL_UPLOAD_GROW, META_SQL_WRITER,                                                                      \
      "UPDATE upload SET parts = parts + ?4, bytes = bytes + ?5 WHERE bucket = ?1 AND key = ?2 AND id = ?3") \
    X(SQL_UPLOAD_HOLDS, META_SQL_WRITER,                                                                     \
      "UPDATE upload SET parts = ?4, bytes = ?5 WHERE bucket = ?1 AND key = ?2 AND id = ?3")                 \
    X(SQL_OBJECT_HOLDS, META_SQL_WRITER,                                                                     \
      "SELECT size, annotations FROM object WHERE bucket = ?1 AND key = ?2")                                 \
                                                                                                             \
    X(SQL_GARBAGE_TAKE, META_SQL_READER,                                                                     \
      "SELECT row, file, unit_offset, unit_length FROM garbage"                                              \
      " WHERE row > ?1 AND row < " META_SQL_GARBAGE_END " ORDER BY row LIMIT ?2")

enum meta_sql_id {
#define META_SQL_ID(name, role, text) name,
    META_SQL_MAP(META_SQL_ID)
#undef META_SQL_ID
        META_SQL_COUNT
};

struct meta_sql {
    sqlite3_stmt *list[META_SQL_COUNT]; /* NULL where the role has no use for the statement */
};

/* Returns 0 or an error; then nothing is left prepared. */
int meta_sql_prepare(struct meta_sql *sql, sqlite3 *db, enum meta_sql_role role);
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
