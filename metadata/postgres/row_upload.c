/* SPDX-License-Identifier: MIT
 *
 * Rows of `upload`, `part` and `finished`. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"

/* How many parts a walk loads at a time. */
#define WALK_PARTS 1000u

static int upload_find(struct row_store *store, int64_t bucket, struct slice key,
                       const unsigned char *upload_id, struct pg_row **row)
{
    const struct pg_value place[] = {pg_int(bucket), pg_bytes(key),
                                     pg_bytes(slice_of(upload_id, META_UPLOAD_ID_BYTES))};

    assert(upload_id != NULL);
    return pg_row_get(store, PG_UPLOAD, place, row);
}

/* ---- `upload` ---- */

int pg_upload_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                  const unsigned char *upload_id, struct upload_row *row)
{
    struct pg_row *found;
    int err, there = upload_find(store, bucket, key, upload_id, &found);

    if (there <= 0 || row == NULL)
        return there;
    if ((err = pg_give(arena, &found->values[UPLOAD_OWNER], &row->owner)) != 0 ||
        (err = pg_give(arena, &found->values[UPLOAD_ATTRIBUTES], &row->attributes)) != 0)
        return err;
    return 1;
}

int pg_upload_put(struct row_store *store, int64_t bucket, const struct meta_upload *upload,
                  struct slice attributes)
{
    const struct pg_value values[] = {
        pg_int(bucket),
        pg_bytes(upload->key),
        pg_bytes(slice_of(upload->id, META_UPLOAD_ID_BYTES)),
        pg_int(upload->initiated_ms),
        pg_int(upload->checksum_algorithm),
        pg_int(upload->checksum_type),
        pg_bytes_or_null(upload->owner),
        pg_bytes_or_null(attributes),
        pg_int(0),
        pg_int(0),
    };
    struct pg_row *row;
    int err, there = pg_row_get(store, PG_UPLOAD, values, &row);

    assert(upload->key.len > 0 && upload->key.len <= META_KEY_BYTES_MAX);
    if (there != 0)
        return there < 0 ? there : 0;
    if ((err = pg_set_put(&store->set, row, values)) != 0 ||
        (err = pg_usage_add(store, bucket, META_USAGE_UPLOADS, 1, 0)) != 0)
        return err;
    return 1;
}

static int upload_drop(struct row_store *store, struct pg_row *row)
{
    int64_t bucket = row->values[UPLOAD_BUCKET].number;
    int64_t parts = row->values[UPLOAD_PARTS].number, bytes = row->values[UPLOAD_BYTES].number;
    int err = pg_row_delete(store, row);

    if (err != 0 || (err = pg_usage_add(store, bucket, META_USAGE_UPLOADS, -1, 0)) != 0)
        return err;
    return pg_usage_add(store, bucket, META_USAGE_PARTS, -parts, -bytes);
}

int pg_upload_delete(struct row_store *store, int64_t bucket, struct slice key,
                     const unsigned char *upload_id)
{
    struct pg_row *row;
    int there = upload_find(store, bucket, key, upload_id, &row);

    return there > 0 ? upload_drop(store, row) : there;
}

int pg_uploads_delete(struct row_store *store, int64_t bucket,
                      int (*visit)(void *ctx, const unsigned char *upload_id), void *ctx)
{
    const struct pg_value key[] = {pg_int(bucket)};
    struct pg_row *row;
    int err, found;

    while ((found = pg_row_next(store, PG_UPLOAD, key, 1, false, 1, WALK_PARTS, &row)) > 0) {
        unsigned char id[META_UPLOAD_ID_BYTES] = {0};
        struct slice stored = row->values[UPLOAD_ID].bytes;
        if (stored.len == sizeof(id))
            memcpy(id, stored.base, sizeof(id));
        if ((err = visit(ctx, id)) != 0 || (err = upload_drop(store, row)) != 0)
            return err;
    }
    return found;
}

/* ---- `part` ---- */

static void part_read(const struct pg_row *found, struct part_row *row)
{
    row->number = found->values[PART_NUMBER].number;
    row->size = found->values[PART_SIZE].number;
    row->modified_ms = found->values[PART_MODIFIED].number;
    row->etag = found->values[PART_ETAG].bytes;
    row->checksum = found->values[PART_CHECKSUM].bytes;
    row->extents = found->values[PART_EXTENTS].bytes;
}

int pg_part_walk(struct row_store *store, struct slice upload_id,
                 int (*visit)(void *ctx, const struct part_row *row), void *ctx)
{
    struct pg_value at[] = {pg_bytes(upload_id), pg_int(0)};
    bool is_after = false;
    struct part_row part;
    struct pg_row *row;
    int found, stop;

    while ((found = pg_row_next(store, PG_PART, at, is_after ? 2 : 1, is_after, 1, WALK_PARTS, &row)) > 0) {
        part_read(row, &part);
        at[PART_NUMBER] = row->values[PART_NUMBER];
        is_after = true;
        if ((stop = visit(ctx, &part)) != 0)
            return stop;
    }
    return found;
}

int pg_part_get(struct row_store *store, struct arena *arena, struct slice upload_id, uint32_t number,
                struct part_row *row)
{
    const struct pg_value key[] = {pg_bytes(upload_id), pg_int(number)};
    struct pg_row *found;
    int err, there = pg_row_get(store, PG_PART, key, &found);

    if (there <= 0)
        return there;
    part_read(found, row);
    if ((err = arena_copy(arena, &row->etag)) != 0 || (err = arena_copy(arena, &row->checksum)) != 0 ||
        (err = arena_copy(arena, &row->extents)) != 0)
        return err;
    return 1;
}

/* The upload's own numbers, and those of its bucket. */
static int upload_grow(struct row_store *store, int64_t bucket, struct slice key, struct slice upload_id,
                       int64_t parts, int64_t bytes)
{
    struct pg_row *row;
    int err, there = upload_find(store, bucket, key, (const unsigned char *)upload_id.base, &row);

    if (there <= 0 || (parts == 0 && bytes == 0))
        return there < 0 ? there : 0;
    int64_t parts_now = row->values[UPLOAD_PARTS].number, bytes_now = row->values[UPLOAD_BYTES].number;
    if ((err = pg_row_set(store, row, UPLOAD_PARTS, pg_int(usage_sum(parts_now, parts)))) != 0 ||
        (err = pg_row_set(store, row, UPLOAD_BYTES, pg_int(usage_sum(bytes_now, bytes)))) != 0)
        return err;
    return pg_usage_add(store, bucket, META_USAGE_PARTS, parts, bytes);
}

int pg_part_put(struct row_store *store, int64_t bucket, struct slice key, struct slice upload_id,
                const struct meta_part *part, struct slice extents, const struct part_row *replaced)
{
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];
    int64_t before = replaced != NULL && replaced->size > 0 ? replaced->size : 0;
    const struct pg_value values[] = {
        pg_bytes(upload_id),
        pg_int(part->number),
        pg_int((int64_t)part->size),
        pg_int(part->modified_ms),
        pg_bytes(slice_of(etag, codec_etag_encode(etag, part->etag))),
        pg_bytes_or_null(slice_of(checksum, codec_checksum_encode(checksum, &part->checksum))),
        pg_bytes_or_null(extents),
    };

    assert(part->number >= 1 && part->number <= META_PART_NUMBER_MAX);
    assert(part->size <= INT64_MAX && (part->size == 0) == (extents.len == 0));
    int err = pg_row_put(store, PG_PART, values);
    return err != 0
               ? err
               : upload_grow(store, bucket, key, upload_id, replaced == NULL, (int64_t)part->size - before);
}

int pg_parts_delete(struct row_store *store, struct slice upload_id, int64_t first, int64_t last)
{
    struct pg_value at[] = {pg_bytes(upload_id), pg_int(first)};
    struct pg_row *row;
    int err, found;

    assert(first <= last);
    while ((found = pg_row_next(store, PG_PART, at, 2, false, 1, WALK_PARTS, &row)) > 0) {
        if (row->values[PART_NUMBER].number > last)
            return 0;
        at[PART_NUMBER] = row->values[PART_NUMBER];
        if ((err = pg_row_delete(store, row)) != 0)
            return err;
    }
    return found;
}

/* ---- `finished` ---- */

int pg_finished_get(struct row_store *store, struct arena *arena, struct slice upload_id,
                    struct finished_row *row)
{
    const struct pg_value key[] = {pg_bytes(upload_id)};
    struct pg_row *found;
    int err, there = slice_is_empty(upload_id) ? pg_row_next(store, PG_FINISHED, NULL, 0, false, 0, 1, &found)
                                               : pg_row_get(store, PG_FINISHED, key, &found);

    if (there <= 0)
        return there;
    if ((err = pg_give(arena, &found->values[FINISHED_UPLOAD], &row->upload_id)) != 0 ||
        (err = pg_give(arena, &found->values[FINISHED_KEPT], &row->kept)) != 0)
        return err;
    return 1;
}

int pg_finished_put(struct row_store *store, const struct finished_row *row)
{
    const struct pg_value values[] = {pg_bytes(row->upload_id), pg_bytes_or_null(row->kept)};

    return pg_row_put(store, PG_FINISHED, values);
}

int pg_finished_delete(struct row_store *store, struct slice upload_id)
{
    const struct pg_value key[] = {pg_bytes(upload_id)};
    struct pg_row *row;
    int there = pg_row_get(store, PG_FINISHED, key, &row);

    return there > 0 ? pg_row_delete(store, row) : there;
}
