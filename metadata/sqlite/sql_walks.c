/* SPDX-License-Identifier: MIT
 *
 * The texts of walks over whole tables. */
#include "metadata/sqlite/sql_walks.h"

#include <assert.h>

static const char *const walk_texts[READ_WALK_COUNT] = {
    [READ_WALK_EXTENTS_OBJECT] =
        "SELECT o.bucket, o.key, x'', 0, b.name, o.key, o.extents, o.version FROM object AS o"
        " LEFT JOIN bucket AS b ON b.id = o.bucket"
        " WHERE (o.bucket, o.key) > (?1, ?2) AND ?3 IS NOT NULL AND ?4 IS NOT NULL"
        " ORDER BY o.bucket, o.key LIMIT ?5",
    [READ_WALK_EXTENTS_VERSION] = "SELECT v.bucket, v.key, v.id, 0, b.name, v.key, v.extents,"
                                  " iif(v.is_null, NULL, v.id) FROM version AS v"
                                  " LEFT JOIN bucket AS b ON b.id = v.bucket"
                                  " WHERE (v.bucket, v.key, v.id) > (?1, ?2, ?3) AND ?4 IS NOT NULL"
                                  " ORDER BY v.bucket, v.key, v.id LIMIT ?5",
    [READ_WALK_EXTENTS_PART] =
        "SELECT 0, x'', p.upload_id, p.number, b.name, u.key, p.extents, NULL FROM part AS p"
        " LEFT JOIN upload AS u ON u.id = p.upload_id LEFT JOIN bucket AS b ON b.id = u.bucket"
        " WHERE (p.upload_id, p.number) > (?3, ?4) AND ?1 IS NOT NULL AND ?2 IS NOT NULL"
        " AND p.upload_id NOT IN (SELECT upload_id FROM finished)"
        " ORDER BY p.upload_id, p.number LIMIT ?5",

    [READ_WALK_EXTENTS_ANNOTATION] = "SELECT set_id, name, x'', 0, NULL, name, extents, NULL FROM annotation"
                                     " WHERE (set_id, name) > (?1, ?2) AND ?3 IS NOT NULL AND ?4 IS NOT NULL"
                                     " ORDER BY set_id, name LIMIT ?5",

    [READ_WALK_BYTES_REPLACED] = "SELECT extents, row FROM replaced WHERE row > ?1 ORDER BY row",
    [READ_WALK_BYTES_VERSION] = "SELECT extents, bucket, key, id FROM version WHERE is_marker = 0"
                                " AND (bucket, key, id) > (?1, ?2, ?3) ORDER BY bucket, key, id",
    [READ_WALK_BYTES_OBJECT] = "SELECT extents, bucket, key FROM object WHERE (bucket, key) > (?1, ?2)"
                               " ORDER BY bucket, key",
    [READ_WALK_BYTES_PART] =
        "SELECT extents, upload_id, number FROM part WHERE (upload_id, number) > (?1, ?2)"
        " AND upload_id NOT IN (SELECT upload_id FROM finished) ORDER BY upload_id, number",

    [READ_WALK_BYTES_ANNOTATION] =
        "SELECT extents, set_id, name FROM annotation WHERE (set_id, name) > (?1, ?2)"
        " ORDER BY set_id, name",

    [READ_WALK_INTEGRITY] = "PRAGMA integrity_check",
    [READ_WALK_STRUCTURE] = "PRAGMA quick_check(20)",
    [READ_WALK_STRAYS] =
        "SELECT 'objects of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM object) WHERE bucket NOT IN (SELECT id FROM bucket)"
        "  AND bucket NOT IN (SELECT -id FROM publication) "
        "UNION ALL SELECT 'bucket ' || bucket || ' has two publications at once' FROM publication WHERE "
        "state = 2"
        "  GROUP BY bucket HAVING count(*) > 1 "
        "UNION ALL SELECT 'versions of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM version) WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'uploads of bucket ' || bucket || ', which does not exist' FROM"
        "  (SELECT DISTINCT bucket FROM upload) WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'parts of upload ' || hex(upload_id) || ', which does not exist' FROM"
        "  (SELECT DISTINCT upload_id FROM part) WHERE upload_id NOT IN (SELECT id FROM upload)"
        "  AND upload_id NOT IN (SELECT upload_id FROM finished) "
        "UNION ALL SELECT 'upload ' || hex(id) || ' is finished and still there' FROM upload"
        "  WHERE id IN (SELECT upload_id FROM finished) "
        "UNION ALL SELECT 'upload ' || hex(id) || ' exists more than once' FROM upload GROUP BY id HAVING "
        "count(*) > 1",
    /* Which version is current follows from the rows: the object, where there is one, and else the newest delete marker. Ids of a key
     * ascend towards older ones. What is asked of both is asked of versions first, of which most stores have few. */
    [READ_WALK_VERSION_FAULTS] =
        "SELECT 'key x' || hex(key) || ' of bucket ' || bucket || ' has two null versions' FROM version AS v"
        "  WHERE is_null = 1 AND EXISTS (SELECT 1 FROM object AS o WHERE o.bucket = v.bucket"
        "  AND o.key = v.key AND o.version IS NULL) "
        "UNION ALL SELECT 'key x' || hex(v.key) || ' of bucket ' || v.bucket || ': its object is older than"
        " a version'"
        "  FROM (SELECT bucket, key, min(id) AS newest FROM version GROUP BY bucket, key) AS v"
        "  CROSS JOIN object AS o ON o.bucket = v.bucket AND o.key = v.key WHERE o.version >= v.newest "
        "UNION ALL SELECT 'version ' || hex(id) || ' of key x' || hex(key) || ' of bucket ' || bucket ||"
        "  iif(noncurrent_ms IS NULL, ' should not be current', ' should be current') FROM version AS v"
        "  WHERE (noncurrent_ms IS NULL) != (NOT EXISTS (SELECT 1 FROM object AS o WHERE o.bucket = v.bucket"
        "  AND o.key = v.key) AND NOT EXISTS (SELECT 1 FROM version AS n WHERE n.bucket = v.bucket"
        "  AND n.key = v.key AND n.id < v.id)) "
        "UNION ALL SELECT 'version ' || hex(id) || ' of key x' || hex(key) || ' of bucket ' || bucket ||"
        "  ' is current and no delete marker' FROM version WHERE noncurrent_ms IS NULL AND is_marker = 0 "
        "UNION ALL SELECT 'version ' || hex(id) || ' of key x' || hex(key) || ' of bucket ' || bucket ||"
        "  ' has no valid id' FROM version WHERE length(id) NOT IN (16, 24) "
        "UNION ALL SELECT 'the object of key x' || hex(key) || ' of bucket ' || bucket || ' has no valid "
        "version'"
        "  FROM object WHERE length(version) NOT IN (16, 24)",
    /* Exactly the units with refs = 0 are garbage, once each. The index is the query's own, for the time it runs. */
    [READ_WALK_GARBAGE_FAULTS] =
        "SELECT 'garbage row ' || row || ' is no unit without references' FROM garbage AS g WHERE row "
        "< " META_SQL_GARBAGE_END "  AND NOT EXISTS"
        "  (SELECT 1 FROM unit AS u WHERE u.file = g.file AND u.unit_offset = g.unit_offset AND u.refs = 0) "
        "UNION ALL SELECT 'unit ' || unit_offset || ' of blob ' || file || ' is garbage more than once' FROM "
        "garbage WHERE row < " META_SQL_GARBAGE_END "  GROUP BY file, unit_offset HAVING count(*) > 1 "
        "UNION ALL SELECT 'unit ' || unit_offset || ' of blob ' || file || ' has no references and is not "
        "garbage' FROM"
        "  (SELECT file, unit_offset FROM unit WHERE refs = 0 EXCEPT SELECT file, unit_offset FROM garbage"
        "  WHERE row < " META_SQL_GARBAGE_END ")",

    /* What a cache bucket is counted with is what its rows of `used` add up to; these are of objects of that size, and of all of
     * them, or, while the bucket is being counted, of all up to where that has come. */
    [READ_WALK_TALLY_FAULTS] =
        "SELECT 'cache bucket ' || bucket || ': counted ' || entries || ' objects of ' || bytes || ' bytes, "
        "has '"
        "  || n || ' of ' || s FROM (SELECT bucket, entries, bytes,"
        "  (SELECT count(*) FROM used AS u WHERE u.bucket = t.bucket) AS n,"
        "  (SELECT ifnull(sum(bytes), 0) FROM used AS u WHERE u.bucket = t.bucket) AS s"
        "  FROM tally AS t) WHERE entries != n OR bytes != s "
        "UNION ALL SELECT 'key x' || hex(o.key) || ' of cache bucket ' || o.bucket ||"
        "  iif(u.key IS NULL, ' is not counted', ' should not be counted yet') FROM tally AS t"
        "  JOIN object AS o ON o.bucket = t.bucket LEFT JOIN used AS u ON u.bucket = o.bucket AND u.key = "
        "o.key"
        "  WHERE (state = 2 AND u.key IS NULL) OR (state = 1 AND (o.key <= cursor) != (u.key IS NOT NULL)) "
        "UNION ALL SELECT 'key x' || hex(u.key) || ' of cache bucket ' || u.bucket || ' is counted with '"
        "  || u.bytes || ' bytes, and has ' || ifnull(o.size, 'no object') FROM used AS u"
        "  LEFT JOIN object AS o ON o.bucket = u.bucket AND o.key = u.key WHERE o.size IS NOT u.bytes "
        "UNION ALL SELECT 'objects of bucket ' || bucket || ' are counted, which is no cache' FROM"
        "  (SELECT DISTINCT bucket FROM used) WHERE bucket NOT IN (SELECT bucket FROM tally) "
        "UNION ALL SELECT 'bucket ' || bucket || ' is counted as a cache, and does not exist' FROM tally"
        "  WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'cache bucket ' || bucket || ' is not counted' FROM setting WHERE kind = 9"
        "  AND bucket NOT IN (SELECT bucket FROM tally)",
    /* What buckets are counted with is what there is, of the rows that are counted already. NOT MATERIALIZED: a copy of all rows that are
     * looked at twice takes longer than the second look. */
    [READ_WALK_USAGE_FAULTS] =
        "WITH w AS MATERIALIZED (SELECT stop, bucket AS b, key AS k, id AS i FROM usage_walk),"
        " o AS NOT MATERIALIZED (SELECT bucket, size, annotations FROM object"
        "  WHERE (SELECT stop IN (0, 2, 3) FROM w)"
        "  OR ((SELECT stop = 1 FROM w) AND (bucket, key) <= ((SELECT b FROM w), (SELECT k FROM w)))),"
        " v AS NOT MATERIALIZED (SELECT bucket, is_marker, size, annotations FROM version"
        "  WHERE (SELECT stop IN (0, 3) FROM w) OR ((SELECT stop = 2 FROM w)"
        "  AND (bucket, key, id) <= ((SELECT b FROM w), (SELECT k FROM w), (SELECT i FROM w)))),"
        " u AS (SELECT bucket, upload.id AS upload_id FROM upload CROSS JOIN w"
        "  WHERE stop = 0 OR (stop = 3 AND (bucket, key, upload.id) <= (b, k, i))),"
        " held(bucket, kind, count, bytes) AS MATERIALIZED ("
        "  SELECT bucket, 0, count(*), sum(max(size, 0)) FROM o WHERE bucket > 0 GROUP BY bucket"
        "  UNION ALL SELECT bucket, 1 + (is_marker != 0), count(*), sum(iif(is_marker, 0, max(size, 0)))"
        "   FROM v GROUP BY bucket, is_marker != 0"
        "  UNION ALL SELECT bucket, 3, count(*), 0 FROM u GROUP BY bucket"
        "  UNION ALL SELECT bucket, 4, count(*), sum(max(part.size, 0)) FROM u CROSS JOIN part "
        "USING(upload_id)"
        "   GROUP BY bucket"
        "  UNION ALL SELECT n.bucket, 5, sum(s.count), sum(s.bytes) FROM"
        "   (SELECT bucket, annotations FROM o WHERE bucket > 0 AND annotations IS NOT NULL"
        "    UNION ALL SELECT p.bucket, annotations FROM publication AS p CROSS JOIN o ON o.bucket = -p.id"
        "     WHERE annotations IS NOT NULL"
        "    UNION ALL SELECT bucket, annotations FROM v WHERE annotations IS NOT NULL AND NOT is_marker) AS "
        "n"
        "   JOIN annotation_set AS s ON s.id = n.annotations GROUP BY n.bucket"
        "  UNION ALL SELECT p.bucket, 6, count(*), sum(size) FROM publication AS p CROSS JOIN o ON o.bucket "
        "= -p.id"
        "   WHERE size >= 0 GROUP BY p.bucket),"
        " now AS MATERIALIZED (SELECT * FROM " META_SQL_USAGE "),"
        " every(bucket, kind, counted, counted_bytes, held, held_bytes) AS ("
        "  SELECT h.bucket, h.kind, ifnull(u.count, 0), ifnull(u.bytes, 0), h.count, h.bytes FROM held AS h"
        "   LEFT JOIN now AS u USING(bucket, kind) WHERE h.bucket IN (SELECT id FROM bucket)"
        "  UNION ALL SELECT bucket, kind, count, bytes, 0, 0 FROM now WHERE bucket IN (SELECT id FROM bucket)"
        "   AND (bucket, kind) NOT IN (SELECT bucket, kind FROM held)) "
        "SELECT 'bucket ' || ifnull(b.name, e.bucket) || ': counted ' || counted || ' ' || CASE kind"
        "  WHEN 0 THEN 'objects' WHEN 1 THEN 'noncurrent versions' WHEN 2 THEN 'delete markers'"
        "  WHEN 3 THEN 'unfinished uploads' WHEN 4 THEN 'parts of unfinished uploads'"
        "  WHEN 5 THEN 'annotations' ELSE 'staged objects' END ||"
        "  ' of ' || counted_bytes || ' bytes, has ' || held || ' of ' || held_bytes"
        "  FROM every AS e LEFT JOIN bucket AS b ON b.id = e.bucket"
        "  WHERE counted != held OR counted_bytes != held_bytes "
        "UNION ALL SELECT 'bucket ' || bucket || ' has counts, and does not exist' FROM usage"
        "  WHERE bucket NOT IN (SELECT id FROM bucket) GROUP BY bucket "
        "UNION ALL SELECT 'bucket ' || bucket || ' has a quota, and does not exist' FROM quota"
        "  WHERE bucket NOT IN (SELECT id FROM bucket) "
        "UNION ALL SELECT 'upload ' || hex(id) || ': counted ' || c.parts || ' parts of ' || c.bytes ||"
        "  ' bytes, has ' || n || ' of ' || s FROM (SELECT upload.id, parts, bytes,"
        "   (SELECT count(*) FROM part AS p WHERE p.upload_id = upload.id) AS n,"
        "   (SELECT ifnull(sum(max(size, 0)), 0) FROM part AS p WHERE p.upload_id = upload.id) AS s"
        "   FROM upload CROSS JOIN w WHERE stop = 0) AS c WHERE c.parts != n OR c.bytes != s "
        "UNION ALL SELECT 'annotations ' || s.id || ': counted ' || s.bytes || ' bytes, has ' ||"
        "  ifnull(h.bytes, 0) FROM annotation_set AS s LEFT JOIN (SELECT set_id, sum(max(size, 0)) AS bytes"
        "   FROM annotation GROUP BY set_id) AS h ON h.set_id = s.id"
        "  WHERE s.refs > 0 AND s.bytes != ifnull(h.bytes, 0)",
    [READ_WALK_ANNOTATION_FAULTS] =
        "WITH named(id, refs) AS (SELECT annotations, count(*) FROM"
        "  (SELECT annotations FROM object UNION ALL SELECT annotations FROM version"
        "  UNION ALL SELECT annotations FROM replaced) WHERE annotations IS NOT NULL GROUP BY annotations),"
        " held(id, count) AS (SELECT set_id, count(*) FROM annotation GROUP BY set_id) "
        "SELECT 'annotations ' || s.id || ': counted ' || s.refs || ' times, named ' || ifnull(n.refs, 0)"
        "  FROM annotation_set AS s LEFT JOIN named AS n ON n.id = s.id WHERE s.refs != ifnull(n.refs, 0) "
        "UNION ALL SELECT 'annotations ' || s.id || ': ' || s.count || ' are counted, ' || ifnull(h.count, "
        "0) ||"
        "  ' are there' FROM annotation_set AS s LEFT JOIN held AS h ON h.id = s.id"
        "  WHERE s.refs > 0 AND s.count != ifnull(h.count, 0) " /* of the others some may be cleared away */
        "UNION ALL SELECT 'annotations ' || id || ' are named but not counted' FROM named"
        "  WHERE id NOT IN (SELECT id FROM annotation_set) "
        "UNION ALL SELECT 'annotations ' || id || ' are there but not counted' FROM held"
        "  WHERE id NOT IN (SELECT id FROM annotation_set)",

    [READ_WALK_OVERLAYS] = "SELECT id FROM publication WHERE state = 2",
    [READ_WALK_OBJECTS] =
        "SELECT bucket, key, size, extents, etag, checksum, attributes, parts, upload_id FROM object"
        " WHERE bucket > 0 OR size >= 0", /* a removal that is prepared has none of it */
    [READ_WALK_VERSIONS] =
        "SELECT bucket, key, size, extents, etag, checksum, attributes, parts, upload_id FROM version"
        " WHERE is_marker = 0",
    [READ_WALK_PARTS] = "SELECT hex(upload_id), number, size, extents, etag, checksum, kept FROM part"
                        " LEFT JOIN finished USING(upload_id)",
    [READ_WALK_ANNOTATIONS] = "SELECT set_id, name, size, extents, etag, checksum FROM annotation",
    [READ_WALK_DROPPED] = "SELECT row, extents FROM dropped",
    [READ_WALK_REPLACED] = "SELECT row, extents FROM replaced",
    [READ_WALK_UPLOADS] = "SELECT hex(id), attributes FROM upload",
    [READ_WALK_UNITS] = "SELECT file, unit_offset, refs FROM unit ORDER BY file, unit_offset",
};

const char *sql_walk_text(enum read_walk walk)
{
    assert(walk < READ_WALK_COUNT);
    return walk_texts[walk];
}
