/* SPDX-License-Identifier: MIT
 *
 * Listings with a delimiter, as one recursive statement: each step finds the first row at or behind the place that the one before it leads
 * to, which is behind the whole of a common prefix where its key has one. So what is behind it is never read, however much that is, and a
 * page costs one round trip and is of one moment. A step for each row costs less than a plain range would save: who gives a delimiter
 * has prefixes, as a rule.
 *
 * Parameters and columns are those of the query in pg_reads.c; behind its two about pieces come the length of the prefix, the delimiter, and
 * what is behind all that begin with the delimiter. */
#include "metadata/postgres/pg_reads.h"

#include <assert.h>

#define LISTED "key, size, modified_ms, etag, checksum, owner, attributes"

/* Where in the key the delimiter is, behind the prefix; and the key's beginning up to there. */
#define FOUND(length, delimiter)  "position(" delimiter " IN substr(p.key, " length "::int4 + 1))"
#define BEFORE(length, delimiter) "substr(p.key, 1, " length "::int4 + " FOUND(length, delimiter) " - 1)"
#define BEHIND(length, delimiter, past, otherwise)                                                           \
    "CASE WHEN " FOUND(length, delimiter) " > 0 THEN " BEFORE(length, delimiter) " || " past                 \
                                                                                 " ELSE " otherwise " END"

/* columns: whose names are those of the rows; LIST(from): the list from a place on, in order. */
#define ROLLED(LIST, first, next, limit, offset)                                                             \
    "WITH RECURSIVE page AS ((" LIST(first) " LIMIT 1) UNION ALL SELECT x.* FROM page AS p CROSS JOIN"       \
                                            " LATERAL (" LIST(next) " LIMIT 1) AS x)"                        \
                                                                    " SELECT * FROM page LIMIT " limit       \
                                                                    " OFFSET " offset

#define OBJECTS(from)                                                                                        \
    "SELECT " LISTED " FROM object AS o WHERE bucket = $1 AND key >= " from " AND key < $3 ORDER BY key"
#define CURRENT(from)                                                                                        \
    "SELECT " LISTED ", version FROM object AS o WHERE bucket = $1 AND key >= " from                         \
    " AND key < $3 ORDER BY key"
#define VERSIONS(from)                                                                                       \
    "SELECT " LISTED ", id, is_null, is_marker, noncurrent_ms FROM version AS v WHERE bucket = $1"           \
    " AND (key, id) >= (" from ") AND key < $4 ORDER BY key, id"
#define UPLOADS(from)                                                                                        \
    "SELECT key, id, initiated_ms, checksum_algorithm, checksum_type, owner, attributes FROM upload AS u"    \
    " WHERE bucket = $1 AND (key, id) >= (" from ") AND key < $4 ORDER BY key, id"

/* Behind a row of a table whose key is bucket and key; and of one where the id belongs to it. */
#define BEHIND_KEY BEHIND("$6", "$7", "$8", "p.key || '\\x00'::bytea")
#define BEHIND_ID                                                                                            \
    BEHIND("$7", "$8", "$9", "p.key")                                                                        \
    ", CASE WHEN " FOUND("$7", "$8") " > 0 THEN ''::bytea ELSE p.id || '\\x00'::bytea END"

const char *pg_rolled_text(enum read_id id)
{
    switch (id) {
    case READ_OBJECT_LIST:
        return ROLLED(OBJECTS, "$2", BEHIND_KEY, "$4", "$5");
    case READ_VERSION_LIST_CURRENT:
        return ROLLED(CURRENT, "$2", BEHIND_KEY, "$4", "$5");
    case READ_VERSION_LIST:
        return ROLLED(VERSIONS, "$2, $3", BEHIND_ID, "$5", "$6");
    case READ_UPLOAD_LIST:
        return ROLLED(UPLOADS, "$2, $3", BEHIND_ID, "$5", "$6");
    default:
        return NULL;
    }
}

/* As position_past_prefix does it. */
size_t pg_rolled_past(struct slice delimiter, unsigned char *past, size_t size)
{
    size_t length = delimiter.len;

    if (length > size)
        return 0;
    (void)slice_copy(past, delimiter);
    while (length > 0 && past[length - 1] == 0xff)
        length--;
    if (length > 0)
        past[length - 1]++;
    return length;
}
