/* SPDX-License-Identifier: MIT
 *
 * See pg_tables.h. pg_schema.c makes them. */
#include "metadata/postgres/pg_tables.h"

#define HELD                                                                                                 \
    "size", "modified_ms", "etag", "checksum", "owner", "extents", "attributes", "upload_id", "parts",       \
        "annotations"
#define HELD_KINDS "iibbbbbbbi"

const struct pg_table pg_tables[PG_TABLE_COUNT] = {
    [PG_BUCKET] = {"bucket", 1, "ibibbi", {"id", "name", "created_ms", "region", "owner", "versioning"}},
    [PG_SETTING] = {"setting", 2, "iib", {"kind", "bucket", "document"}},
    [PG_PUBLICATION] = {"publication",
                        1,
                        "iiiiii",
                        {"id", "bucket", "state", "at_ms", "has_versions", "server"}},
    [PG_OBJECT] = {"object", 2, "ib" HELD_KINDS "bi", {"bucket", "key", HELD, "version", "body"}},
    [PG_VERSION] = {"version",
                    3,
                    "ibb" HELD_KINDS "iii",
                    {"bucket", "key", "id", HELD, "is_null", "is_marker", "noncurrent_ms"}},
    [PG_UPLOAD] = {"upload",
                   3,
                   "ibbiiibbii",
                   {"bucket", "key", "id", "initiated_ms", "checksum_algorithm", "checksum_type", "owner",
                    "attributes", "parts", "bytes"}},
    [PG_PART] = {"part",
                 2,
                 "biiibbb",
                 {"upload_id", "number", "size", "modified_ms", "etag", "checksum", "extents"}},
    [PG_FINISHED] = {"finished", 1, "bb", {"upload_id", "kept"}},
    [PG_ANNOTATION_SET] = {"annotation_set", 1, "iiii", {"id", "refs", "count", "bytes"}},
    [PG_ANNOTATION] = {"annotation",
                       2,
                       "ibiibbb",
                       {"set_id", "name", "size", "modified_ms", "etag", "checksum", "extents"}},
    [PG_TALLY] = {"tally",
                  1,
                  "iibiiii",
                  {"bucket", "state", "cursor", "entries", "bytes", "write_once", "object_bytes_max"}},
    [PG_USED] = {"used", 2, "ibii", {"bucket", "key", "used_ms", "bytes"}},
    [PG_BODY] = {"body", 1, "ib", {"file", "bytes"}},
    [PG_UNIT] = {"unit", 2, "iiii", {"file", "unit_offset", "refs", "length"}},
    [PG_GARBAGE] = {"garbage", 1, "iiii", {"row", "file", "unit_offset", "unit_length"}},
    [PG_DROPPED] = {"dropped", 1, "ib", {"row", "extents"}},
    [PG_OUTBOX] = {"outbox", 2, "biibb", {"target", "seq", "bucket", "key", "detail"}},
    [PG_QUOTA] = {"quota", 1, "iii", {"bucket", "bytes_max", "objects_max"}},
};
