/* SPDX-License-Identifier: MIT
 *
 * See pg_reads.h. Parameters and columns are those of sqlite/read_sql.c. */
#include "metadata/postgres/pg_reads.h"

#include <assert.h>

#define HELD    "size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, parts, annotations"
#define VERSION HELD ", id, is_null, is_marker, noncurrent_ms"
#define PART    "number, size, modified_ms, etag, checksum"
#define LISTED  "key, size, modified_ms, etag, checksum, owner, attributes"

/* The row's key has nothing prepared in the bucket -id of a publication; see read/overlay.h. */
#define IS_PLAIN(row, overlay)                                                                               \
    "NOT EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = " overlay " AND p.key = " row ".key)"
/* Current objects that become noncurrent; a null version that another takes the place of is no more. */
#define OVERLAID(overlay, bucket)                                                                            \
    " FROM object AS p JOIN object AS o ON o.bucket = " bucket " AND o.key = p.key"                          \
    " WHERE p.bucket = " overlay " AND NOT (o.version IS NULL AND p.version IS NULL)"
#define TRUTH(condition) "(" condition ")::int::int8"

static const struct {
    const char *text;
    int pieces; /* own parameters of one that comes in pieces */
} reads[READ_COUNT] = {
    [READ_SNAPSHOT_BEGIN] = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0},
    [READ_SNAPSHOT_END] = {"COMMIT", 0},
    [READ_JOURNAL_GET] = {"SELECT 0::int8, ''::bytea, 0::int8", 0},
    [READ_STORE_GET] = {"SELECT id, epoch FROM store", 0},
    /* With the generation of what servers keep of settings (sets_note). */
    [READ_BUCKET_GET] =
        {"SELECT id, created_ms, name, region, owner, versioning, (SELECT sets FROM generation)"
         " FROM bucket WHERE name = $1",
         0},
    [READ_BUCKET_LIST] = {"SELECT id, created_ms, name, region, owner, versioning FROM bucket WHERE name > $1"
                          " ORDER BY name LIMIT $2",
                          0},
    [READ_OBJECT_GET] = {"SELECT " HELD ", version FROM object WHERE bucket = $1 AND key = $2", 0},
    /* What lies over it comes first. */
    [READ_OBJECT_NOW] =
        {"SELECT " HELD ", version, bucket FROM object WHERE key = $2 AND (bucket = $1 OR bucket ="
         " (SELECT -id FROM publication WHERE bucket = $1 AND state = 2)) ORDER BY bucket LIMIT 1",
         0},
    [READ_OBJECT_WHOLE] =
        {"SELECT " HELD ", version, bucket, (SELECT bytes FROM body WHERE file = o.body) FROM object AS o"
         " WHERE key = $2 AND (bucket = $1 OR bucket ="
         " (SELECT -id FROM publication WHERE bucket = $1 AND state = 2)) ORDER BY bucket LIMIT 1",
         0},
    [READ_BODY_GET] = {"SELECT bytes FROM body WHERE file = $1", 0},
    [READ_OBJECT_LIST] = {"SELECT " LISTED
                          " FROM object WHERE bucket = $1 AND key >= $2 AND key < $3 ORDER BY key"
                          " LIMIT $4 OFFSET $5",
                          3},
    [READ_OVERLAY_GET] = {"SELECT -id, at_ms, has_versions FROM publication WHERE bucket = $1 AND state = 2",
                          0},
    [READ_OVERLAY_OBJECTS] =
        {"SELECT " LISTED " FROM object AS o WHERE bucket = $1 AND key >= $2 AND key < $3"
         " AND " IS_PLAIN("o",
                          "$4") " UNION ALL SELECT " LISTED " FROM object"
                                " WHERE bucket = $4 AND key >= $2 AND key < $3 AND size >= 0 ORDER BY key"
                                " LIMIT $5 OFFSET $6",
         4},
    [READ_OVERLAY_CURRENT] =
        {"SELECT " LISTED ", version FROM object AS o WHERE bucket = $1 AND key >= $2"
         " AND key < $3 AND " IS_PLAIN(
             "o", "$4") " UNION ALL SELECT " LISTED ", version"
                        " FROM object WHERE bucket = $4 AND key >= $2 AND key < $3 AND size >= 0 ORDER BY key"
                        " LIMIT $5 OFFSET $6",
         4},
    [READ_OVERLAY_OLDER] =
        {"SELECT " LISTED ", id, is_null, is_marker, CASE WHEN noncurrent_ms IS NULL AND NOT " IS_PLAIN(
             "v",
             "$5") " THEN $6 ELSE noncurrent_ms END FROM version AS v"
                   " WHERE bucket = $1 AND (key, id) >= ($2, $3) AND key < $4"
                   " AND NOT (is_null = 1 AND EXISTS(SELECT 1 FROM object AS p WHERE p.bucket = $5 AND p.key "
                   "= v.key"
                   "  AND p.version IS NULL))"
                   " UNION ALL SELECT p.key, o.size, o.modified_ms, o.etag, o.checksum, o.owner, "
                   "o.attributes,"
                   "  coalesce(o.version, p.upload_id) AS id, " TRUTH("o.version IS NULL") ", 0, $6" OVERLAID(
                       "$5",
                       "$1") "  AND p.key >= $2 AND p.key < $4 AND (p.key, coalesce(o.version, p.upload_id)) "
                             ">= ($2, $3)"
                             " UNION ALL SELECT key, 0, $6, etag, NULL, owner, NULL, coalesce(version, "
                             "upload_id) AS id,"
                             "  " TRUTH(
                                 "version IS NULL") ", 1, NULL FROM object WHERE bucket = $5 AND key >= $2 "
                                                    "AND key < $4"
                                                    "  AND size < 0 AND (key, coalesce(version, upload_id)) "
                                                    ">= ($2, $3) ORDER BY key, id LIMIT $7 OFFSET $8",
         6},
    [READ_OVERLAY_VERSION] =
        {"SELECT o.size, o.modified_ms, o.etag, o.checksum, o.owner, o.extents, o.attributes, NULL::bytea, "
         "o.parts,"
         "  o.annotations, coalesce(o.version, p.upload_id) AS id, " TRUTH(
             "o.version IS NULL") ", 0, $4" OVERLAID("$3",
                                                     "$1") " AND p.key = $2"
                                                           " UNION ALL SELECT 0, $4, etag, NULL, owner, "
                                                           "NULL, NULL, NULL, NULL, NULL,"
                                                           "  coalesce(version, upload_id) AS id, " TRUTH(
                                                               "version IS NULL") ", 1, NULL FROM object"
                                                                                  "  WHERE bucket = $3 AND "
                                                                                  "key = $2 AND size < 0 "
                                                                                  "ORDER BY id",
         0},
    [READ_VERSION_GET] = {"SELECT " VERSION " FROM version WHERE bucket = $1 AND key = $2 AND id = $3", 0},
    [READ_VERSION_GET_NAMED] = {"SELECT " VERSION " FROM version WHERE bucket = $1 AND key = $2"
                                " AND substring(id FROM 9) = $3 AND length(id) = 24",
                                0},
    [READ_VERSION_GET_NULL] = {"SELECT " VERSION
                               " FROM version WHERE bucket = $1 AND key = $2 AND is_null = 1",
                               0},
    [READ_VERSION_NEWEST] = {"SELECT " VERSION
                             " FROM version WHERE bucket = $1 AND key = $2 ORDER BY id LIMIT 1",
                             0},
    [READ_VERSION_LIST] = {"SELECT " LISTED ", id, is_null, is_marker, noncurrent_ms FROM version"
                           " WHERE bucket = $1 AND (key, id) >= ($2, $3) AND key < $4 ORDER BY key, id"
                           " LIMIT $5 OFFSET $6",
                           4},
    [READ_VERSION_LIST_CURRENT] = {"SELECT " LISTED ", version FROM object WHERE bucket = $1 AND key >= $2"
                                   " AND key < $3 ORDER BY key LIMIT $4 OFFSET $5",
                                   3},
    [READ_UPLOAD_GET] = {"SELECT key, id, initiated_ms, checksum_algorithm, checksum_type, owner, attributes"
                         " FROM upload WHERE bucket = $1 AND key = $2 AND id = $3",
                         0},
    [READ_UPLOAD_LIST] =
        {"SELECT key, id, initiated_ms, checksum_algorithm, checksum_type, owner, attributes"
         " FROM upload WHERE bucket = $1 AND (key, id) >= ($2, $3) AND key < $4 ORDER BY key, id"
         " LIMIT $5 OFFSET $6",
         4},
    [READ_PART_LIST] = {"SELECT " PART
                        " FROM part WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3",
                        0},
    [READ_PART_READ] = {"SELECT " PART
                        ", extents FROM part WHERE upload_id = $1 AND number > $2 ORDER BY number"
                        " LIMIT $3",
                        0},
    [READ_ANNOTATION_GET] =
        {"SELECT size, modified_ms, etag, checksum, NULL::bytea, extents, NULL::bytea,"
         " NULL::bytea, NULL::bytea, NULL::int8 FROM annotation WHERE set_id = $1 AND name = $2",
         0},
    [READ_ANNOTATION_LIST] =
        {"SELECT name, size, modified_ms, etag, checksum FROM annotation WHERE set_id = $1"
         " AND name >= $2 ORDER BY name LIMIT $3 OFFSET $4",
         2},
    [READ_MARK_GET] = {"SELECT 0::int8, ''::bytea, 0::int8", 0},
    [READ_REPLACED_LAST] = {"SELECT 0::int8", 0},
    [READ_SWEEP_IS_DUE] =
        {"SELECT EXISTS(SELECT 1 FROM dropped) OR EXISTS(SELECT 1 FROM finished)"
         " OR EXISTS(SELECT 1 FROM annotation_set WHERE refs = 0)"
         " OR EXISTS(SELECT 1 FROM publication AS p WHERE state > 1 OR (NOT EXISTS(SELECT 1"
         "  FROM server AS s WHERE s.id = p.server AND s.dead = 0) AND $1::int8 IS NOT NULL))",
         0},
    [READ_FILE_LAST] = {"SELECT coalesce(max(file), 0) FROM unit", 0},
    [READ_FILE_IS_LIVE] = {"SELECT 1::int8 FROM unit WHERE file = $1 LIMIT 1", 0},
    [READ_FILE_IS_REFERRED] = {"SELECT 1::int8 FROM unit WHERE file = $1 AND refs > 0 LIMIT 1", 0},
    [READ_UNIT_IS_REFERRED] = {"SELECT 1::int8 FROM unit WHERE file = $1 AND unit_offset = $2 AND refs > 0",
                               0},
    [READ_FILE_UNITS] = {"SELECT unit_offset, length FROM unit WHERE file = $1 ORDER BY unit_offset", 0},
    [READ_UNITS_FROM] =
        {"SELECT file, unit_offset, length, NULL::int8, NULL::int8 FROM unit"
         " WHERE file BETWEEN $1 AND $2 AND refs > 0 ORDER BY file, unit_offset LIMIT $3 OFFSET $4",
         2},
    [READ_GARBAGE_LAST] = {"SELECT coalesce(max(row), 0) FROM garbage", 0},
    [READ_GARBAGE_TAKE] =
        {"SELECT row, file, unit_offset, unit_length FROM garbage WHERE row > $1 ORDER BY row"
         " LIMIT $2",
         0},
    [READ_SETTING_GET] = {"SELECT document FROM setting WHERE bucket = $1 AND kind = $2", 0},
    [READ_SETTING_BUCKETS] =
        {"SELECT bucket FROM setting WHERE kind = $1 AND bucket > $2 ORDER BY bucket LIMIT $3", 0},
    [READ_TALLY_LIST] =
        {"SELECT bucket, state, entries, bytes, name FROM tally JOIN bucket ON bucket.id = tally.bucket"
         " WHERE bucket > $1 ORDER BY bucket LIMIT $2",
         0},
    [READ_USED_OLDEST] = {"SELECT u.key, u.used_ms, u.bytes, o.extents FROM used AS u JOIN object AS o"
                          " ON o.bucket = u.bucket AND o.key = u.key WHERE u.bucket = $1 AND u.used_ms < $2"
                          " ORDER BY u.used_ms, u.key LIMIT $3",
                          0},
    [READ_OUTBOX_LIST] =
        {"SELECT seq, bucket, key, detail FROM outbox WHERE target = $1 AND seq > $2 ORDER BY seq"
         " LIMIT $3",
         0},
    [READ_OUTBOX_COUNT] = {"SELECT count(*) FROM outbox WHERE target = $1", 0},
};

const char *pg_read_text(enum read_id id)
{
    assert(id < READ_COUNT);
    return reads[id].text;
}

int pg_read_pieces(enum read_id id)
{
    assert(id < READ_COUNT);
    return reads[id].pieces;
}
