/* SPDX-License-Identifier: MIT
 *
 * Readers, as SQLite has them: a connection each, read only, with the statements of read/query.h prepared. The thread of the reader, but for
 * the interruption. */
#include "metadata/read/reader.h"

#include <assert.h>

#include "metadata/sqlite/calls.h"
#include "metadata/sqlite/database.h"
#include "metadata/sqlite/sql_walks.h"

/* What a publication is about to replace (read/overlay.h). p is what it prepared, in the bucket -id; o is what the key has beside it. */
/* The row's key has nothing prepared. */
#define META_SQL_IS_PLAIN(row, overlay)                                                                      \
    "NOT EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = " overlay " AND p.key = " row ".key)"
/* Current objects that become noncurrent; a null version that another takes the place of is no more. */
#define META_SQL_OVERLAID(overlay, bucket)                                                                   \
    " FROM object AS p CROSS JOIN object AS o ON o.bucket = " bucket " AND o.key = p.key"                    \
    " WHERE p.bucket = " overlay " AND NOT (o.version IS NULL AND p.version IS NULL)"

static const char *const texts[READ_COUNT] = {
    [READ_SNAPSHOT_BEGIN] = "BEGIN",
    [READ_SNAPSHOT_END] = "COMMIT",
    [READ_JOURNAL_GET] = "SELECT file, token, applied FROM journal",
    [READ_STORE_GET] = "SELECT id, epoch FROM store",
    [READ_BUCKET_GET] = "SELECT id, created_ms, name, region, owner, versioning FROM bucket"
                        " WHERE name = ?1",
    [READ_BUCKET_LIST] = "SELECT id, created_ms, name, region, owner, versioning FROM bucket"
                         " WHERE name > ?1 ORDER BY name LIMIT ?2",
    [READ_OBJECT_GET] = TEXT_OBJECT_GET,
    [READ_OBJECT_LIST] = "SELECT key, size, modified_ms, etag, checksum, owner, attributes"
                         " FROM object"
                         " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key",
    [READ_OVERLAY_GET] = "SELECT -id, at_ms, has_versions FROM publication WHERE bucket = ?1 AND state = 2",
    [READ_OVERLAY_OBJECTS] =
        "SELECT key, size, modified_ms, etag, checksum, owner, attributes FROM object AS o"
        " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 AND " META_SQL_IS_PLAIN(
            "o",
            "?4") " UNION ALL SELECT key, size, modified_ms, etag, checksum, owner, attributes FROM object"
                  " WHERE bucket = ?4 AND key >= ?2 AND key < ?3 AND size >= 0 ORDER BY key",
    [READ_OVERLAY_CURRENT] =
        "SELECT key, size, modified_ms, etag, checksum, owner, attributes, version FROM object AS o"
        " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 AND " META_SQL_IS_PLAIN(
            "o", "?4") " UNION ALL SELECT key, size, modified_ms, etag, checksum, owner, attributes, version "
                       "FROM object"
                       " WHERE bucket = ?4 AND key >= ?2 AND key < ?3 AND size >= 0 ORDER BY key",
    [READ_OVERLAY_OLDER] =
        "SELECT key, size, modified_ms, etag, checksum, owner, attributes, id, is_null, is_marker,"
        " iif(noncurrent_ms IS NULL AND NOT " META_SQL_IS_PLAIN(
            "v",
            "?5") ", ?6, noncurrent_ms)"
                  " FROM version AS v WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND key < ?4"
                  " AND NOT (is_null AND EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = ?5 AND p.key = "
                  "v.key"
                  "  AND p.version IS NULL))"
                  " UNION ALL SELECT p.key, o.size, o.modified_ms, o.etag, o.checksum, o.owner, o.attributes,"
                  "  ifnull(o.version, p.upload_id) AS id, o.version IS NULL, 0, ?6" META_SQL_OVERLAID(
                      "?5", "?1") "  AND p.key >= ?2 AND p.key < ?4 AND (p.key, ifnull(o.version, "
                                  "p.upload_id)) >= (?2, ?3)"
                                  " UNION ALL SELECT key, 0, ?6, etag, NULL, owner, NULL,"
                                  "  ifnull(version, upload_id) AS id, version IS NULL, 1, NULL FROM object"
                                  "  WHERE bucket = ?5 AND key >= ?2 AND key < ?4 AND size < 0"
                                  "  AND (key, ifnull(version, upload_id)) >= (?2, ?3) ORDER BY key, id",
    [READ_OVERLAY_VERSION] =
        "SELECT o.size, o.modified_ms, o.etag, o.checksum, o.owner, o.extents, o.attributes, NULL, o.parts,"
        "  o.annotations, ifnull(o.version, p.upload_id) AS id, o.version IS NULL, 0, ?4" META_SQL_OVERLAID(
            "?3", "?1") " AND p.key = ?2"
                        " UNION ALL SELECT 0, ?4, etag, NULL, owner, NULL, NULL, NULL, NULL, NULL,"
                        "  ifnull(version, upload_id) AS id, version IS NULL, 1, NULL FROM object"
                        "  WHERE bucket = ?3 AND key = ?2 AND size < 0 ORDER BY id",
    [READ_VERSION_GET] = TEXT_VERSION_GET,
    [READ_VERSION_GET_NAMED] = TEXT_VERSION_GET_NAMED,
    [READ_VERSION_GET_NULL] = TEXT_VERSION_GET_NULL,
    [READ_VERSION_NEWEST] = TEXT_VERSION_NEWEST,
    [READ_VERSION_LIST] = "SELECT key, size, modified_ms, etag, checksum, owner, attributes,"
                          " id, is_null, is_marker, noncurrent_ms FROM version"
                          " WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND key < ?4"
                          " ORDER BY key, id",
    [READ_VERSION_LIST_CURRENT] = "SELECT key, size, modified_ms, etag, checksum, owner,"
                                  " attributes, version FROM object"
                                  " WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key",
    [READ_UPLOAD_GET] = TEXT_UPLOAD_GET,
    [READ_UPLOAD_LIST] = "SELECT key, id, initiated_ms, checksum_algorithm, checksum_type,"
                         " owner, attributes FROM upload"
                         " WHERE bucket = ?1 AND (key, id) >= (?2, ?3)"
                         " AND key < ?4 ORDER BY key, id",
    [READ_PART_LIST] = "SELECT " META_SQL_PART_COLUMNS " FROM part"
                       " WHERE upload_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    [READ_PART_READ] = "SELECT " META_SQL_PART_COLUMNS ", extents FROM part"
                       " WHERE upload_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    [READ_ANNOTATION_GET] =
        "SELECT size, modified_ms, etag, checksum, NULL, extents, NULL, NULL, NULL, NULL FROM annotation"
        " WHERE set_id = ?1 AND name = ?2",
    [READ_ANNOTATION_LIST] = "SELECT " META_SQL_ANNOTATION_COLUMNS " FROM annotation"
                             " WHERE set_id = ?1 AND name >= ?2 ORDER BY name",
    [READ_MARK_GET] = TEXT_MARK_GET,
    [READ_REPLACED_LAST] = TEXT_REPLACED_LAST,
    [READ_SWEEP_IS_DUE] = "SELECT EXISTS(SELECT 1 FROM dropped)"
                          " OR EXISTS(SELECT 1 FROM finished)"
                          " OR EXISTS(SELECT 1 FROM annotation_set WHERE refs = 0)"
                          " OR EXISTS(SELECT 1 FROM publication WHERE state > 1 OR id <= ?1)",
    [READ_FILE_LAST] = "SELECT ifnull(max(file), 0) FROM unit",
    [READ_FILE_IS_LIVE] = "SELECT 1 FROM unit WHERE file = ?1 LIMIT 1",
    [READ_FILE_IS_REFERRED] = "SELECT 1 FROM unit WHERE file = ?1 AND refs > 0 LIMIT 1",
    [READ_UNIT_IS_REFERRED] = "SELECT 1 FROM unit WHERE file = ?1 AND unit_offset = ?2 AND refs > 0",
    [READ_FILE_UNITS] = "SELECT unit_offset, length FROM unit WHERE file = ?1"
                        " ORDER BY unit_offset",
    [READ_UNITS_FROM] = "SELECT file, unit_offset, length, crc, crc_kind FROM unit"
                        " WHERE file BETWEEN ?1 AND ?2 AND refs > 0"
                        " ORDER BY file, unit_offset",
    [READ_GARBAGE_LAST] = TEXT_GARBAGE_LAST,
    [READ_SETTING_GET] = TEXT_SETTING_GET,
    [READ_SETTING_BUCKETS] = "SELECT bucket FROM setting WHERE kind = ?1 AND bucket > ?2"
                             " ORDER BY bucket LIMIT ?3",
    [READ_TALLY_LIST] =
        "SELECT bucket, state, entries, bytes, name FROM tally JOIN bucket ON bucket.id = tally.bucket"
        " WHERE bucket > ?1 ORDER BY bucket LIMIT ?2",
    [READ_USED_OLDEST] = "SELECT u.key, u.used_ms, u.bytes, o.extents FROM used AS u INDEXED BY used_order"
                         " CROSS JOIN object AS o ON o.bucket = u.bucket AND o.key = u.key"
                         " WHERE u.bucket = ?1 AND u.used_ms < ?2 ORDER BY u.used_ms, u.key LIMIT ?3",
    [READ_OUTBOX_LIST] = "SELECT seq, bucket, key, detail FROM outbox WHERE target = ?1 AND seq > ?2"
                         " ORDER BY seq LIMIT ?3",
    [READ_OUTBOX_COUNT] = "SELECT count(*) FROM outbox WHERE target = ?1",
    [READ_GARBAGE_TAKE] = "SELECT row, file, unit_offset, unit_length FROM garbage"
                          " WHERE row > ?1 AND row < " META_SQL_GARBAGE_END " ORDER BY row LIMIT ?2",
};

static sqlite3 *db_of(const struct meta_reader *reader)
{
    return reader->connection;
}

static int queries_prepare(struct meta_reader *reader)
{
    for (int id = 0; id < READ_COUNT; id++) {
        if (texts[id] == NULL)
            continue;
        int code = sqlite3_prepare_v3(db_of(reader), texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                                      &reader->queries[id].sqlite, NULL);
        if (code != SQLITE_OK)
            return meta_sql_error(code);
    }
    return 0;
}

static int sqlite_reader_open(struct meta_reader *reader)
{
    sqlite3 *db;
    int err = db_connect(reader->meta, DB_READ, &db);

    if (err != 0)
        return err;
    reader->connection = db;
    reader->lost = &reader->meta->engine->wal.is_lost;
    return (err = queries_prepare(reader)) != 0 ? err : db_stayed(reader->meta);
}

static void sqlite_reader_close(struct meta_reader *reader)
{
    for (int id = 0; id < READ_COUNT; id++)
        /* Repeats the error of the last step, which has been reported. */
        (void)sqlite3_finalize(reader->queries[id].sqlite);
    (void)sqlite3_close(db_of(reader)); /* no statement is left: it cannot be refused */
}

static void sqlite_reader_interrupt(struct meta_reader *reader)
{
    sqlite3_interrupt(db_of(reader));
}

static uint64_t sqlite_reader_steps(struct meta_reader *reader)
{
    uint64_t steps = 0;

    for (int id = 0; id < READ_COUNT; id++)
        if (reader->queries[id].sqlite != NULL)
            steps += (uint32_t)sqlite3_stmt_status(reader->queries[id].sqlite, SQLITE_STMTSTATUS_VM_STEP, 0);
    return steps;
}

static bool sqlite_reader_is_inside(const struct meta_reader *reader)
{
    return sqlite3_txn_state(db_of(reader), NULL) != SQLITE_TXN_NONE;
}

static const char *sqlite_reader_message(const struct meta_reader *reader)
{
    return sqlite3_errmsg(db_of(reader));
}

static int sqlite_walk_begin(struct meta_reader *reader, enum read_walk walk, struct query *query)
{
    *query = (struct query){0};
    assert(walk < READ_WALK_COUNT && sql_walk_text(walk) != NULL);
    int code = sqlite3_prepare_v2(db_of(reader), sql_walk_text(walk), -1, &query->sqlite, NULL);
    return code == SQLITE_OK ? 0 : meta_sql_error(code);
}

static void sqlite_walk_end(struct query *query)
{
    (void)sqlite3_finalize(query->sqlite); /* repeats the error of the step */
}

const struct reader_calls sqlite_readers = {
    .open = sqlite_reader_open,
    .close = sqlite_reader_close,
    .interrupt = sqlite_reader_interrupt,
    .steps = sqlite_reader_steps,
    .is_inside = sqlite_reader_is_inside,
    .message = sqlite_reader_message,
    .walk_begin = sqlite_walk_begin,
    .walk_end = sqlite_walk_end,
};
