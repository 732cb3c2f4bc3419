/* SPDX-License-Identifier: MIT
 *
 * Rows of `object` and `version`, which hold the same and move between the two as they are. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"

/* held: the columns from HELD_SIZE on. All but the version. */
static int object_read(struct arena *arena, const struct pg_value *held, struct object_row *row)
{
    int err;

    memset(row, 0, sizeof(*row));
    row->size = (uint64_t)held[HELD_SIZE].number;
    row->modified_ms = held[HELD_MODIFIED].number;
    if ((err = pg_give(arena, &held[HELD_OWNER], &row->owner)) != 0 ||
        (err = pg_give(arena, &held[HELD_EXTENTS], &row->extents)) != 0 ||
        (err = pg_give(arena, &held[HELD_ATTRIBUTES], &row->attributes)) != 0 ||
        (err = pg_give(arena, &held[HELD_UPLOAD_ID], &row->upload_id)) != 0 ||
        (err = pg_give(arena, &held[HELD_PARTS], &row->parts)) != 0)
        return err;
    /* The object can still be replaced and deleted. */
    if (codec_etag_decode(held[HELD_ETAG].bytes, row->etag) != 0)
        row->etag[0] = '\0';
    if (codec_checksum_decode(held[HELD_CHECKSUM].bytes, &row->checksum) != 0)
        memset(&row->checksum, 0, sizeof(row->checksum));
    row->annotations = held[HELD_ANNOTATIONS].number > 0 ? held[HELD_ANNOTATIONS].number : 0;
    return 0;
}

/* The body that an object is all of; else NULL. */
static struct pg_value body_of(struct slice extents)
{
    struct meta_extent extent;
    struct codec_list list;

    if (codec_extents_begin(&list, extents) != 0 || list.count != 1 ||
        codec_extents_next(&list, &extent) <= 0 || !meta_file_is_body(extent.file) ||
        extent.length != extent.unit_length)
        return pg_null();
    return pg_int((int64_t)extent.file);
}

static int object_find(struct row_store *store, int64_t bucket, struct slice key, struct pg_row **row)
{
    const struct pg_value place[] = {pg_int(bucket), pg_bytes(key)};

    return pg_row_get(store, PG_OBJECT, place, row);
}

static int version_find(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id, struct pg_row **row)
{
    const struct pg_value place[] = {pg_int(bucket), pg_bytes(key), pg_bytes(meta_version_bytes(id))};

    assert(id != NULL);
    return pg_row_get(store, PG_VERSION, place, row);
}

/* ---- `object` ---- */

int pg_object_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                  struct object_row *row)
{
    struct pg_row *found;
    int err, there = object_find(store, bucket, key, &found);

    if (there <= 0)
        return there;
    if ((err = object_read(arena, found->values + OBJECT_HELD, row)) != 0)
        return err;
    (void)meta_version_of(found->values[OBJECT_VERSION].bytes,
                          &row->version); /* a damaged one can be replaced, too */
    return 1;
}

int pg_object_put(struct row_store *store, const struct object_row *replaced, int64_t bucket,
                  struct slice key, const struct object_row *row)
{
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];
    bool is_null = meta_version_is_null(&row->version);
    struct pg_row *found;
    int err, there = object_find(store, bucket, key, &found);

    assert(key.len > 0 && key.len <= META_KEY_BYTES_MAX);
    if (there < 0 || there != (replaced != NULL))
        return there < 0 ? there : 0;
    const struct pg_value values[] = {
        pg_int(bucket),
        pg_bytes(key),
        pg_int((int64_t)row->size),
        pg_int(row->modified_ms),
        pg_bytes(slice_of(etag, codec_etag_encode(etag, row->etag))),
        pg_bytes_or_null(slice_of(checksum, codec_checksum_encode(checksum, &row->checksum))),
        pg_bytes_or_null(row->owner),
        pg_bytes_or_null(row->extents),
        pg_bytes_or_null(row->attributes),
        pg_bytes_or_null(row->upload_id),
        pg_bytes_or_null(row->parts),
        row->annotations != 0 ? pg_int(row->annotations) : pg_null(),
        is_null ? pg_null() : pg_bytes(meta_version_bytes(&row->version)),
        body_of(row->extents),
    };
    if (replaced != NULL && (err = pg_tally_leave(store, bucket, key)) != 0)
        return err;
    if ((err = pg_set_put(&store->set, found, values)) != 0)
        return err;
    if (replaced != NULL &&
        (err = pg_count_object(store, bucket, -1, (int64_t)replaced->size, replaced->annotations)) != 0)
        return err;
    if ((err = pg_count_object(store, bucket, 1, (int64_t)row->size, row->annotations)) != 0 ||
        (err = pg_tally_enter(store, bucket, key, (int64_t)row->size)) != 0)
        return err;
    return 1;
}

int pg_object_delete(struct row_store *store, int64_t bucket, struct slice key, const struct object_row *row)
{
    struct pg_row *found;
    int err, there = object_find(store, bucket, key, &found);

    if (there <= 0)
        return there;
    if ((err = pg_tally_leave(store, bucket, key)) != 0 || (err = pg_row_delete(store, found)) != 0)
        return err;
    return pg_count_object(store, bucket, -1, (int64_t)row->size, row->annotations);
}

static int column_set(struct row_store *store, int64_t bucket, struct slice key,
                      const struct meta_version_id *id, uint32_t held, struct pg_value value)
{
    struct pg_row *row;
    int there =
        id == NULL ? object_find(store, bucket, key, &row) : version_find(store, bucket, key, id, &row);

    if (there <= 0)
        return there;
    return pg_row_set(store, row, (id == NULL ? OBJECT_HELD : VERSION_HELD) + held, value);
}

int pg_attributes_put(struct row_store *store, int64_t bucket, struct slice key,
                      const struct meta_version_id *id, struct slice attributes)
{
    return column_set(store, bucket, key, id, HELD_ATTRIBUTES, pg_bytes_or_null(attributes));
}

int pg_annotations_name(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id, int64_t set)
{
    assert(set > 0);
    return column_set(store, bucket, key, id, HELD_ANNOTATIONS, pg_int(set));
}

/* ---- `version` ---- */

static int version_read(const struct pg_row *found, struct arena *arena, struct version_row *row)
{
    const struct pg_value *values = found->values;
    int err = object_read(arena, values + VERSION_HELD, &row->object);

    row->is_marker = values[VERSION_IS_MARKER].number != 0;
    row->is_current = values[VERSION_NONCURRENT].is_null;
    if (err == 0 && !meta_version_of(values[VERSION_ID].bytes, &row->id))
        err = META_E_CORRUPT;
    if (err == 0 && values[VERSION_IS_NULL].number == 0)
        row->object.version = row->id;
    return err != 0 ? err : 1;
}

/* The first version of the key that is sought: the null one, or one of that name. Those of a key come some at a time. */
static int version_seek(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id, struct pg_row **row)
{
    struct pg_value at[] = {pg_int(bucket), pg_bytes(key), pg_null()};
    bool is_null = meta_version_is_null(id), is_after = false;
    uint32_t count = 2;
    int found;

    while ((found = pg_row_next(store, PG_VERSION, at, count, is_after, 2, 64, row)) > 0) {
        const struct pg_value *values = (*row)->values;
        struct slice stored = values[VERSION_ID].bytes;
        if (is_null ? values[VERSION_IS_NULL].number == 1
                    : stored.len == META_VERSION_GIVEN_BYTES &&
                          slice_equals(slice_from(stored, 8), meta_version_name(id)))
            return 1;
        at[VERSION_ID] = values[VERSION_ID];
        is_after = true;
        count = 3;
    }
    return found;
}

int pg_version_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   const struct meta_version_id *id, struct version_row *row)
{
    const struct pg_value place[] = {pg_int(bucket), pg_bytes(key)};
    struct pg_row *found;
    int there;

    if (id == NULL)
        there = pg_row_next(store, PG_VERSION, place, 2, false, 2, 2, &found);
    else if (meta_version_is_null(id) || meta_version_is_placeless(id))
        there = version_seek(store, bucket, key, id, &found);
    else
        there = version_find(store, bucket, key, id, &found);
    return there <= 0 ? there : version_read(found, arena, row);
}

int pg_version_is_alone(struct row_store *store, int64_t bucket, struct slice key)
{
    struct pg_value at[] = {pg_int(bucket), pg_bytes(key), pg_null()};
    struct pg_row *row;
    int found = pg_row_next(store, PG_VERSION, at, 2, false, 2, 2, &row);

    if (found <= 0)
        return found < 0 ? found : 1;
    at[VERSION_ID] = row->values[VERSION_ID];
    found = pg_row_next(store, PG_VERSION, at, 3, true, 2, 2, &row);
    return found < 0 ? found : found == 0;
}

int pg_version_archive(struct row_store *store, int64_t bucket, struct slice key,
                       const struct meta_version_id *id, const struct object_row *current,
                       int64_t noncurrent_ms)
{
    struct pg_value values[PG_COLUMNS_MAX] = {pg_int(bucket), pg_bytes(key),
                                              pg_bytes(meta_version_bytes(id))};
    struct pg_row *object, *version;
    int err, there = object_find(store, bucket, key, &object);

    if (there <= 0)
        return there;
    if ((there = version_find(store, bucket, key, id, &version)) != 0)
        return there < 0 ? there : META_E_CORRUPT;
    memcpy(values + VERSION_HELD, object->values + OBJECT_HELD, HELD_COUNT * sizeof(*values));
    values[VERSION_IS_NULL] = pg_int(object->values[OBJECT_VERSION].is_null);
    values[VERSION_IS_MARKER] = pg_int(0);
    values[VERSION_NONCURRENT] = pg_int(noncurrent_ms);
    err = pg_set_put(&store->set, version, values);
    return err != 0 ? err
                    : pg_count_version(store, bucket, 1, false, (int64_t)current->size, current->annotations);
}

static int version_drop(struct row_store *store, struct pg_row *row, bool is_marker, int64_t size,
                        int64_t set)
{
    int64_t bucket = row->values[VERSION_BUCKET].number;
    int err = pg_row_delete(store, row);

    return err != 0 ? err : pg_count_version(store, bucket, -1, is_marker, size, set);
}

int pg_version_restore(struct row_store *store, int64_t bucket, struct slice key,
                       const struct meta_version_id *id)
{
    struct pg_value values[PG_COLUMNS_MAX] = {pg_int(bucket), pg_bytes(key)};
    struct pg_row *object, *version;
    int err, there = version_find(store, bucket, key, id, &version);

    if (there <= 0)
        return there < 0 ? there : META_E_CORRUPT;
    if ((there = object_find(store, bucket, key, &object)) != 0)
        return there < 0 ? there : META_E_CORRUPT;
    const struct pg_value *held = version->values + VERSION_HELD;
    int64_t size = held[HELD_SIZE].number, set = held[HELD_ANNOTATIONS].number;
    memcpy(values + OBJECT_HELD, held, HELD_COUNT * sizeof(*values));
    values[OBJECT_VERSION] =
        version->values[VERSION_IS_NULL].number != 0 ? pg_null() : version->values[VERSION_ID];
    values[OBJECT_BODY] = body_of(held[HELD_EXTENTS].bytes);
    if ((err = pg_set_put(&store->set, object, values)) != 0 ||
        (err = pg_count_object(store, bucket, 1, size, set)) != 0 ||
        (err = pg_tally_enter(store, bucket, key, size)) != 0)
        return err;
    return version_drop(store, version, false, size, set);
}

int pg_marker_put(struct row_store *store, int64_t bucket, struct slice key, const struct meta_version_id *id,
                  bool is_null, int64_t modified_ms, struct slice owner)
{
    struct pg_value values[PG_COLUMNS_MAX] = {pg_int(bucket), pg_bytes(key),
                                              pg_bytes(meta_version_bytes(id))};
    struct pg_row *row;
    int err, there = version_find(store, bucket, key, id, &row);

    assert(key.len > 0 && key.len <= META_KEY_BYTES_MAX);
    if (there != 0)
        return there < 0 ? there : META_E_CORRUPT;
    for (int i = 0; i < HELD_COUNT; i++)
        values[VERSION_HELD + i] = pg_null();
    values[VERSION_HELD + HELD_SIZE] = pg_int(0);
    values[VERSION_HELD + HELD_MODIFIED] = pg_int(modified_ms);
    values[VERSION_HELD + HELD_ETAG] = pg_bytes(slice_of("", 0));
    values[VERSION_HELD + HELD_OWNER] = pg_bytes_or_null(owner);
    values[VERSION_IS_NULL] = pg_int(is_null);
    values[VERSION_IS_MARKER] = pg_int(1);
    values[VERSION_NONCURRENT] = pg_null();
    err = pg_set_put(&store->set, row, values);
    return err != 0 ? err : pg_count_version(store, bucket, 1, true, 0, 0);
}

int pg_version_set_noncurrent(struct row_store *store, int64_t bucket, struct slice key,
                              const struct meta_version_id *id, const int64_t *noncurrent_ms)
{
    struct pg_row *row;
    int there = version_find(store, bucket, key, id, &row);

    if (there <= 0)
        return there;
    return pg_row_set(store, row, VERSION_NONCURRENT,
                      noncurrent_ms != NULL ? pg_int(*noncurrent_ms) : pg_null());
}

int pg_version_delete(struct row_store *store, int64_t bucket, struct slice key,
                      const struct version_row *row)
{
    struct pg_row *found;
    int there = version_find(store, bucket, key, &row->id, &found);

    if (there <= 0)
        return there;
    return version_drop(store, found, row->is_marker, (int64_t)row->object.size, row->object.annotations);
}
