/* SPDX-License-Identifier: MIT
 *
 * The queries that walk over whole tables, for meta_check, as pg_reads.h has the others. What they find is said in the words of
 * sqlite/sql_walks.c. Of the walks over bytes there is none: they are for relaxed stores. All rows of a walk are in memory at once. */
#include "metadata/postgres/pg_reads.h"

#include <assert.h>

#define HEX(column) "encode(" column ", 'hex')"
#define VERSION_OF_KEY                                                                                       \
    "'version ' || " HEX("id") " || ' of key x' || " HEX("key") " || ' of bucket ' || bucket"

#define UNUSED(parameters) " AND (" parameters ") IS NOT NULL"

static const char *const texts[READ_WALK_COUNT] = {
    [READ_WALK_EXTENTS_OBJECT] =
        "SELECT o.bucket, o.key, ''::bytea, 0::int8, b.name, o.key, o.extents, o.version FROM object AS o"
        " LEFT JOIN bucket AS b ON b.id = o.bucket WHERE (o.bucket, o.key) > ($1, $2)" UNUSED(
            "$3::bytea, $4::int8") " ORDER BY o.bucket, o.key LIMIT $5",
    [READ_WALK_EXTENTS_VERSION] = "SELECT v.bucket, v.key, v.id, 0::int8, b.name, v.key, v.extents,"
                                  " CASE WHEN v.is_null = 0 THEN v.id END FROM version AS v"
                                  " LEFT JOIN bucket AS b ON b.id = v.bucket"
                                  " WHERE (v.bucket, v.key, v.id) > ($1, $2, $3)" UNUSED(
                                      "$4::int8") " ORDER BY v.bucket, v.key, v.id LIMIT $5",
    [READ_WALK_EXTENTS_PART] =
        "SELECT 0::int8, ''::bytea, p.upload_id, p.number, b.name, u.key, p.extents, NULL::bytea"
        " FROM part AS p LEFT JOIN upload AS u ON u.id = p.upload_id"
        " LEFT JOIN bucket AS b ON b.id = u.bucket WHERE (p.upload_id, p.number) > ($3, $4)" UNUSED(
            "$1::int8, $2::bytea") " AND p.upload_id NOT IN (SELECT upload_id FROM finished)"
                                   " ORDER BY p.upload_id, p.number LIMIT $5",
    [READ_WALK_EXTENTS_ANNOTATION] =
        "SELECT set_id, name, ''::bytea, 0::int8, NULL::bytea, name, extents, NULL::bytea"
        " FROM annotation WHERE (set_id, name) > ($1, $2)" UNUSED(
            "$3::bytea, $4::int8") " ORDER BY set_id, name LIMIT $5",
    [READ_WALK_INTEGRITY] = "SELECT 'ok'", /* its structure is pg_amcheck's business */
    [READ_WALK_STRAYS] =
        "SELECT 'objects of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM object) AS o WHERE bucket NOT IN (SELECT id FROM bucket)"
        "  AND bucket NOT IN (SELECT -id FROM publication) "
        "UNION ALL SELECT 'bucket ' || bucket || ' has two publications at once' FROM publication"
        "  WHERE state = 2 GROUP BY bucket HAVING count(*) > 1 "
        "UNION ALL SELECT 'versions of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM version) AS v WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'uploads of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM upload) AS u WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'parts of upload ' || " HEX(
            "upload_id") " || ', which does not exist' FROM"
                         "  (SELECT DISTINCT upload_id FROM part) AS p WHERE upload_id NOT IN (SELECT id "
                         "FROM upload)"
                         "  AND upload_id NOT IN (SELECT upload_id FROM finished) "
                         "UNION ALL SELECT 'upload ' || " HEX(
                             "id") " || ' is finished and still there' FROM upload"
                                   "  WHERE id IN (SELECT upload_id FROM finished) "
                                   "UNION ALL SELECT 'upload ' || " HEX(
                                       "id") " || ' exists more than once' FROM upload GROUP BY id"
                                             "  HAVING count(*) > 1",
    [READ_WALK_VERSION_FAULTS] = "SELECT 'key x' || " HEX(
        "key") " || ' of bucket ' || bucket || ' has two null versions' FROM object AS o"
               "  WHERE version IS NULL AND EXISTS (SELECT 1 FROM version AS v WHERE v.bucket = o.bucket"
               "  AND v.key = o.key AND v.is_null = 1) "
               "UNION ALL SELECT 'key x' || " HEX(
                   "key") " || ' of bucket ' || bucket || ': its object is older than a"
                          " version' FROM object AS o WHERE version IS NOT NULL AND version >="
                          "  (SELECT v.id FROM version AS v WHERE v.bucket = o.bucket AND v.key = o.key "
                          "ORDER BY v.id LIMIT 1) "
                          "UNION ALL SELECT " VERSION_OF_KEY
                          " || CASE WHEN noncurrent_ms IS NULL THEN ' should not be current'"
                          "  ELSE ' should be current' END FROM version AS v"
                          "  WHERE (noncurrent_ms IS NULL) != (NOT EXISTS (SELECT 1 FROM object AS o WHERE "
                          "o.bucket = v.bucket"
                          "  AND o.key = v.key) AND NOT EXISTS (SELECT 1 FROM version AS n WHERE n.bucket = "
                          "v.bucket"
                          "  AND n.key = v.key AND n.id < v.id)) "
                          "UNION ALL SELECT " VERSION_OF_KEY
                          " || ' is current and no delete marker' FROM version"
                          "  WHERE noncurrent_ms IS NULL AND is_marker = 0 "
                          "UNION ALL SELECT " VERSION_OF_KEY
                          " || ' has no valid id' FROM version WHERE length(id) NOT IN (16, 24) "
                          "UNION ALL SELECT 'the object of key x' || " HEX(
                              "key") " || ' of bucket ' || bucket || ' has no valid"
                                     " version' FROM object WHERE length(version) NOT IN (16, 24)",
    [READ_WALK_GARBAGE_FAULTS] =
        "SELECT 'garbage row ' || row || ' is no unit without references' FROM garbage AS g WHERE NOT EXISTS"
        "  (SELECT 1 FROM unit AS u WHERE u.file = g.file AND u.unit_offset = g.unit_offset AND u.refs = 0) "
        "UNION ALL SELECT 'unit ' || unit_offset || ' of blob ' || file || ' is garbage more than once'"
        "  FROM garbage GROUP BY file, unit_offset HAVING count(*) > 1 "
        "UNION ALL SELECT 'unit ' || unit_offset || ' of blob ' || file || ' has no references and is not "
        "garbage'"
        "  FROM (SELECT file, unit_offset FROM unit WHERE refs = 0 EXCEPT SELECT file, unit_offset FROM "
        "garbage)"
        "  AS u "
        "UNION ALL SELECT 'unit ' || file || ' has no body' FROM unit AS u WHERE file >= 4611686018427387905"
        "  AND NOT EXISTS (SELECT 1 FROM body AS b WHERE b.file = u.file) "
        "UNION ALL SELECT 'body ' || file || ' has no unit' FROM body AS b WHERE NOT EXISTS"
        "  (SELECT 1 FROM unit AS u WHERE u.file = b.file)",
    [READ_WALK_TALLY_FAULTS] =
        "SELECT 'cache bucket ' || bucket || ': counted ' || entries || ' objects of ' || bytes || ' bytes, "
        "has '"
        "  || n || ' of ' || s FROM (SELECT bucket, entries, bytes,"
        "  (SELECT count(*) FROM used AS u WHERE u.bucket = t.bucket) AS n,"
        "  (SELECT coalesce(sum(bytes), 0) FROM used AS u WHERE u.bucket = t.bucket) AS s"
        "  FROM tally AS t) AS c WHERE entries != n OR bytes != s "
        "UNION ALL SELECT 'key x' || " HEX(
            "o.key") " || ' of cache bucket ' || o.bucket ||"
                     "  CASE WHEN u.key IS NULL THEN ' is not counted' ELSE ' should not be counted yet' END "
                     "FROM tally AS t"
                     "  JOIN object AS o ON o.bucket = t.bucket LEFT JOIN used AS u ON u.bucket = o.bucket "
                     "AND u.key = o.key"
                     "  WHERE (state = 2 AND u.key IS NULL) OR (state = 1 AND (o.key <= cursor) != (u.key IS "
                     "NOT NULL)) "
                     "UNION ALL SELECT 'key x' || " HEX(
                         "u.key") " || ' of cache bucket ' || u.bucket || ' is counted with '"
                                  "  || u.bytes || ' bytes, and has ' || coalesce(o.size::text, 'no object') "
                                  "FROM used AS u"
                                  "  LEFT JOIN object AS o ON o.bucket = u.bucket AND o.key = u.key WHERE "
                                  "o.size IS DISTINCT FROM u.bytes "
                                  "UNION ALL SELECT 'objects of bucket ' || bucket || ' are counted, which "
                                  "is no cache' FROM"
                                  "  (SELECT DISTINCT bucket FROM used) AS u WHERE bucket NOT IN (SELECT "
                                  "bucket FROM tally) "
                                  "UNION ALL SELECT 'bucket ' || bucket || ' is counted as a cache, and does "
                                  "not exist' FROM tally"
                                  "  WHERE bucket NOT IN (SELECT id FROM bucket) "
                                  "UNION ALL SELECT 'cache bucket ' || bucket || ' is not counted' FROM "
                                  "setting WHERE kind = 9"
                                  "  AND bucket NOT IN (SELECT bucket FROM tally)",
    [READ_WALK_USAGE_FAULTS] =
        "WITH held(bucket, kind, count, bytes) AS ("
        "  SELECT bucket, 0, count(*), sum(greatest(size, 0)) FROM object WHERE bucket > 0 GROUP BY bucket"
        "  UNION ALL SELECT bucket, 1 + is_marker, count(*),"
        "   sum(CASE WHEN is_marker != 0 THEN 0 ELSE greatest(size, 0) END) FROM version GROUP BY bucket, "
        "is_marker"
        "  UNION ALL SELECT bucket, 3, count(*), 0 FROM upload GROUP BY bucket"
        "  UNION ALL SELECT u.bucket, 4, count(*), sum(greatest(p.size, 0)) FROM upload AS u"
        "   JOIN part AS p ON p.upload_id = u.id GROUP BY u.bucket"
        "  UNION ALL SELECT n.bucket, 5, sum(s.count), sum(s.bytes) FROM"
        "   (SELECT bucket, annotations FROM object WHERE bucket > 0 AND annotations IS NOT NULL"
        "    UNION ALL SELECT p.bucket, annotations FROM object AS o JOIN publication AS p ON p.id = "
        "-o.bucket"
        "     WHERE annotations IS NOT NULL"
        "    UNION ALL SELECT bucket, annotations FROM version WHERE annotations IS NOT NULL AND is_marker = "
        "0) AS n"
        "   JOIN annotation_set AS s ON s.id = n.annotations GROUP BY n.bucket"
        "  UNION ALL SELECT p.bucket, 6, count(*), sum(size) FROM object AS o JOIN publication AS p"
        "   ON p.id = -o.bucket WHERE size >= 0 GROUP BY p.bucket),"
        " now(bucket, kind, count, bytes) AS (SELECT bucket, kind, sum(count), sum(bytes) FROM usage"
        "  GROUP BY bucket, kind) "
        "SELECT 'bucket ' || b.id || ': counted ' || coalesce(n.count, 0) || ' of kind ' || kind || ' with '"
        "  || coalesce(n.bytes, 0) || ' bytes, has ' || coalesce(h.count, 0) || ' with ' || "
        "coalesce(h.bytes, 0)"
        "  FROM held AS h FULL JOIN now AS n USING(bucket, kind) JOIN bucket AS b ON b.id = bucket"
        "  WHERE coalesce(n.count, 0) != coalesce(h.count, 0) OR coalesce(n.bytes, 0) != coalesce(h.bytes, "
        "0) "
        "UNION ALL SELECT 'bucket ' || bucket || ' has counts, and does not exist' FROM usage"
        "  WHERE bucket NOT IN (SELECT id FROM bucket) GROUP BY bucket "
        "UNION ALL SELECT 'bucket ' || bucket || ' has a quota, and does not exist' FROM quota"
        "  WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'upload ' || " HEX(
            "id") " || ': counted ' || parts || ' parts of ' || bytes ||"
                  "  ' bytes, has ' || n || ' of ' || s FROM (SELECT u.id, parts, bytes,"
                  "   (SELECT count(*) FROM part AS p WHERE p.upload_id = u.id) AS n,"
                  "   (SELECT coalesce(sum(greatest(size, 0)), 0) FROM part AS p WHERE p.upload_id = u.id) "
                  "AS s"
                  "   FROM upload AS u) AS c WHERE c.parts != n OR c.bytes != s "
                  "UNION ALL SELECT 'annotations ' || s.id || ': counted ' || s.bytes || ' bytes, has ' ||"
                  "  coalesce(h.bytes, 0) FROM annotation_set AS s LEFT JOIN (SELECT set_id, "
                  "sum(greatest(size, 0)) AS bytes"
                  "   FROM annotation GROUP BY set_id) AS h ON h.set_id = s.id"
                  "  WHERE s.refs > 0 AND s.bytes != coalesce(h.bytes, 0)",
    [READ_WALK_ANNOTATION_FAULTS] =
        "WITH named(id, refs) AS (SELECT annotations, count(*) FROM"
        "  (SELECT annotations FROM object UNION ALL SELECT annotations FROM version) AS a"
        "  WHERE annotations IS NOT NULL GROUP BY annotations),"
        " held(id, count) AS (SELECT set_id, count(*) FROM annotation GROUP BY set_id) "
        "SELECT 'annotations ' || s.id || ': counted ' || s.refs || ' times, named ' || coalesce(n.refs, 0)"
        "  FROM annotation_set AS s LEFT JOIN named AS n ON n.id = s.id WHERE s.refs != coalesce(n.refs, 0) "
        "UNION ALL SELECT 'annotations ' || s.id || ': ' || s.count || ' are counted, ' || coalesce(h.count, "
        "0) ||"
        "  ' are there' FROM annotation_set AS s LEFT JOIN held AS h ON h.id = s.id"
        "  WHERE s.refs > 0 AND s.count != coalesce(h.count, 0) "
        "UNION ALL SELECT 'annotations ' || id || ' are named but not counted' FROM named"
        "  WHERE id NOT IN (SELECT id FROM annotation_set) "
        "UNION ALL SELECT 'annotations ' || id || ' are there but not counted' FROM held"
        "  WHERE id NOT IN (SELECT id FROM annotation_set)",
    [READ_WALK_OVERLAYS] = "SELECT id FROM publication WHERE state = 2",
    [READ_WALK_OBJECTS] =
        "SELECT bucket, key, size, extents, etag, checksum, attributes, parts, upload_id FROM object"
        " WHERE bucket > 0 OR size >= 0",
    [READ_WALK_VERSIONS] = "SELECT bucket, key, size, extents, etag, checksum, attributes, parts, upload_id"
                           " FROM version WHERE is_marker = 0",
    [READ_WALK_PARTS] =
        "SELECT " HEX("p.upload_id") ", number, size, extents, etag, checksum, kept FROM part AS p"
                                     " LEFT JOIN finished AS f ON f.upload_id = p.upload_id",
    [READ_WALK_ANNOTATIONS] = "SELECT set_id, name, size, extents, etag, checksum FROM annotation",
    [READ_WALK_DROPPED] = "SELECT row, extents FROM dropped",
    [READ_WALK_REPLACED] = "SELECT 0::int8, ''::bytea WHERE false",
    [READ_WALK_UPLOADS] = "SELECT " HEX("id") ", attributes FROM upload",
    [READ_WALK_UNITS] = "SELECT file, unit_offset, refs FROM unit ORDER BY file, unit_offset",
};

const char *pg_walk_text(enum read_walk walk)
{
    assert(walk < READ_WALK_COUNT);
    return texts[walk];
}
