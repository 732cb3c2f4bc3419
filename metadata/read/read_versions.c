/* SPDX-License-Identifier: MIT
 *
 * One version of a key: in `object` when it is current, else in `version`. Both are looked at in one snapshot,
 * for a version may move from one table to the other. The reader's thread. */
#include "metadata/read/overlay.h"
#include "metadata/read/read.h"

#include <assert.h>
#include <string.h>

enum version_column { COLUMN_IS_NULL = READ_OBJECT_COLUMNS + 1, COLUMN_IS_MARKER };

/* The row that the statement stands on, which is reset: 0, META_E_DELETE_MARKER, or an error. */
static int version_take(struct query *statement, struct meta_object *object)
{
    int err = 0;

    memset(object, 0, sizeof(*object));
    if (query_int(statement, COLUMN_IS_NULL) == 0)
        err = read_version_id(query_bytes(statement, READ_OBJECT_COLUMNS), &object->version);
    if (err == 0 && query_int(statement, COLUMN_IS_MARKER) != 0) {
        object->modified_ms = query_int(statement, 1);
        err = META_E_DELETE_MARKER;
    } else if (err == 0) {
        err = read_object(statement, object);
    }
    query_reset(statement);
    return err;
}

/* The row that the statement finds in `version`; 0, META_E_NO_VERSION, META_E_DELETE_MARKER, or an error. */
static int version_read(struct query *statement, int64_t bucket, struct slice key, struct meta_object *object)
{
    query_bind_int(statement, 1, bucket);
    query_bind(statement, 2, key);
    int found = query_row(statement);
    return found <= 0 ? (found == 0 ? META_E_NO_VERSION : found) : version_take(statement, object);
}

enum read_id version_statement(const struct meta_version_id *version)
{
    return meta_version_is_placeless(version) ? READ_VERSION_GET_NAMED : READ_VERSION_GET;
}

struct slice version_parameter(const struct meta_version_id *version)
{
    return meta_version_is_placeless(version) ? meta_version_name(version) : meta_version_bytes(version);
}

/* One that is not current. A null version that another has taken the place of is not asked for: that one is current, or a delete marker of the
 * overlay. */
static int version_read_named(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                              struct slice key, const struct meta_version_id *version,
                              struct meta_object *object)
{
    struct query *statement;
    int found = overlay_version(reader, overlay, bucket, key, version, &statement);

    assert(version != NULL);
    if (found != 0)
        return found < 0 ? found : version_take(statement, object);
    if (meta_version_is_null(version))
        return version_read(reader_query(reader, READ_VERSION_GET_NULL), bucket, key, object);
    statement = reader_query(reader, version_statement(version));
    query_bind(statement, 3, version_parameter(version));
    return version_read(statement, bucket, key, object);
}

/* Of a key without a current object, the newest version, which can only be a delete marker. */
static int marker_read(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                       struct slice key, struct meta_object *object)
{
    struct query *statement;
    int err, found = overlay_version(reader, overlay, bucket, key, NULL, &statement);

    if (found != 0)
        return found < 0 ? found : version_take(statement, object);
    err = version_read(reader_query(reader, READ_VERSION_NEWEST), bucket, key, object);
    if (err == 0)
        meta_object_release(object);
    return err == 0 ? META_E_CORRUPT : err == META_E_NO_VERSION ? META_E_NO_KEY : err;
}

/* Nothing is taken from the cache: it is the snapshot's. */
static int version_get(struct meta_reader *reader, int64_t bucket, struct slice key,
                       const struct meta_version_id *version, struct meta_object *object)
{
    struct overlay overlay;
    int kind = OVERLAY_NONE, err = overlay_get(reader, bucket, &overlay);

    if (err == 0 && overlay.bucket != 0)
        kind = overlay_object(reader, &overlay, key, object);
    if (err != 0 || kind < 0)
        return err != 0 ? err : kind;
    err = kind == OVERLAY_REMOVAL ? META_E_NO_KEY : 0;
    if (kind == OVERLAY_NONE)
        err = read_plain(reader, bucket, key, object);
    if (err != 0 && err != META_E_NO_KEY && (err != META_E_CORRUPT || version == NULL))
        return err;
    if (err == 0) {
        if (version == NULL || meta_version_matches(&object->version, version))
            return 0;
        meta_object_release(object);
    }
    if (version == NULL)
        return marker_read(reader, &overlay, bucket, key, object);
    /* A damaged current object keeps nobody from the other versions. */
    int named = version_read_named(reader, &overlay, bucket, key, version, object);
    return named == META_E_NO_VERSION && err == META_E_CORRUPT ? err : named;
}

int meta_version_get(struct meta_reader *reader, int64_t bucket, struct slice key,
                     const struct meta_version_id *version, struct meta_object *object)
{
    int err;

    assert(object != NULL);
    if (read_cached(reader, bucket, key, object)) {
        if (version == NULL || meta_version_matches(&object->version, version))
            return 0;
        meta_object_release(object);
    }
    if ((err = reader_begin(reader)) != 0 || (err = reader_snapshot_begin(reader)) != 0)
        return err;
    int result = version_get(reader, bucket, key, version, object);
    err = reader_snapshot_end(reader);
    if (result == 0 && err != 0)
        meta_object_release(object);
    return result != 0 ? result : err;
}
