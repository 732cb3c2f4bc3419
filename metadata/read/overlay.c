/* SPDX-License-Identifier: MIT
 *
 * See overlay.h. */
#include "metadata/read/overlay.h"

#include <assert.h>
#include <string.h>

#include "metadata/meta_publish.h"
#include "metadata/read/read.h"

/* After READ_OBJECT and the id. */
enum version_column { COLUMN_IS_NULL = READ_OBJECT_COLUMNS + 1, COLUMN_IS_MARKER };

int overlay_get(struct meta_reader *reader, int64_t bucket, struct overlay *overlay)
{
    struct query *statement = reader_query(reader, READ_OVERLAY_GET);

    assert(overlay != NULL);
    *overlay = (struct overlay){0};
    query_bind_int(statement, 1, bucket);
    int found = query_row(statement);
    if (found <= 0)
        return found;
    overlay->bucket = query_int(statement, 0);
    overlay->at_ms = query_int(statement, 1);
    overlay->has_versions = query_int(statement, 2) != 0;
    query_reset(statement);
    return overlay->bucket < 0 ? 0 : META_E_CORRUPT;
}

int overlay_object(struct meta_reader *reader, const struct overlay *overlay, struct slice key,
                   struct meta_object *object)
{
    struct query *statement = reader_query(reader, READ_OBJECT_GET);
    int kind = OVERLAY_OBJECT, err;

    assert(overlay->bucket < 0);
    query_bind_int(statement, 1, overlay->bucket);
    query_bind(statement, 2, key);
    int found = query_row(statement);
    if (found <= 0)
        return found == 0 ? OVERLAY_NONE : found;
    if (query_int(statement, 0) < 0) {
        kind = OVERLAY_REMOVAL;
    } else if ((err = read_version_id(query_bytes(statement, READ_OBJECT_COLUMNS), &object->version)) != 0 ||
               (err = read_object(statement, object)) != 0) {
        kind = err;
    } else {
        memset(object->upload_id, 0, sizeof(object->upload_id)); /* it says something else here */
    }
    query_reset(statement);
    return kind;
}

int overlay_current(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                    struct slice key, struct meta_object *object)
{
    int kind = overlay->bucket != 0 ? overlay_object(reader, overlay, key, object) : OVERLAY_NONE;

    if (kind == OVERLAY_NONE)
        return read_plain(reader, bucket, key, object);
    return kind == OVERLAY_REMOVAL ? META_E_NO_KEY : kind == OVERLAY_OBJECT ? 0 : kind;
}

int meta_publish_is_prepared(struct meta_reader *reader, int64_t id, struct slice key)
{
    struct query *statement = reader_query(reader, READ_OBJECT_GET);
    int found = reader_begin(reader);

    assert(id > 0);
    if (found != 0)
        return found;
    query_bind_int(statement, 1, publication_bucket(id));
    query_bind(statement, 2, key);
    if ((found = query_row(statement)) <= 0)
        return found;
    bool is_object = query_int(statement, 0) >= 0;
    query_reset(statement);
    return is_object;
}

static bool is_wanted(struct query *statement, const struct meta_version_id *version)
{
    struct slice id = query_bytes(statement, READ_OBJECT_COLUMNS);
    bool is_null = query_int(statement, COLUMN_IS_NULL) != 0;
    struct meta_version_id found;

    if (version == NULL)
        return query_int(statement, COLUMN_IS_MARKER) != 0;
    if (meta_version_is_null(version) || is_null)
        return meta_version_is_null(version) && is_null;
    return meta_version_of(id, &found) && meta_version_matches(&found, version);
}

int overlay_version(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                    struct slice key, const struct meta_version_id *version, struct query **statement)
{
    int row = 0;

    *statement = reader_query(reader, READ_OVERLAY_VERSION);
    if (overlay->bucket == 0 || !overlay->has_versions)
        return 0;
    query_bind_int(*statement, 1, bucket);
    query_bind(*statement, 2, key);
    query_bind_int(*statement, 3, overlay->bucket);
    query_bind_int(*statement, 4, overlay->at_ms);
    while ((row = query_row(*statement)) > 0 && !is_wanted(*statement, version))
        ;
    return row;
}
