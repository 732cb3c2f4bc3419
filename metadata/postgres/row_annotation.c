/* SPDX-License-Identifier: MIT
 *
 * Rows of `annotation` and `annotation_set`. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"

#define WALK_ANNOTATIONS 1000u

/* A damaged count must not keep the object from being deleted: one that cannot be is a small one, or leaves room for one more. */
static int64_t counted(int64_t count)
{
    return count < 0 ? 0 : count < INT64_MAX ? count : INT64_MAX - 1;
}

/* ---- `annotation_set` ---- */

/* Of those in the database; a set that this batch has left lies in it after pg_flush. */
static int set_free_find(struct row_store *store, int64_t *id)
{
    struct pg_call call = {.text = "SELECT id FROM annotation_set WHERE refs = 0 ORDER BY id LIMIT 1"};
    int err = pg_flush(store);

    if (err != 0)
        return err;
    store->loads++;
    err = pg_batch_round(store, &call, 1);
    int found = err != 0 ? err : PQntuples(call.result);
    if (found > 0)
        *id = pg_column_int(call.result, 0, 0);
    pg_calls_clear(&call, 1);
    return found;
}

int pg_annotation_set_get(struct row_store *store, int64_t id, struct annotation_set *set)
{
    struct pg_row *row;
    int found = id == 0 ? set_free_find(store, &id) : 1;
    const struct pg_value key[] = {pg_int(id)};

    if (found <= 0 || (found = pg_row_get(store, PG_ANNOTATION_SET, key, &row)) <= 0)
        return found;
    set->id = row->values[SET_ID].number;
    set->refs = counted(row->values[SET_REFS].number);
    set->count = counted(row->values[SET_COUNT].number);
    set->bytes = counted(row->values[SET_BYTES].number);
    return 1;
}

int pg_annotation_set_put(struct row_store *store, const struct annotation_set *set)
{
    const struct pg_value values[] = {pg_int(set->id), pg_int(set->refs), pg_int(set->count),
                                      pg_int(set->bytes)};

    assert(set->refs >= 0 && set->count >= 0 && set->bytes >= 0);
    return pg_row_put(store, PG_ANNOTATION_SET, values);
}

int pg_annotation_set_delete(struct row_store *store, int64_t id)
{
    const struct pg_value key[] = {pg_int(id)};
    struct pg_row *row;
    int there = pg_row_get(store, PG_ANNOTATION_SET, key, &row);

    return there > 0 ? pg_row_delete(store, row) : there;
}

/* ---- `annotation` ---- */

int pg_annotation_get(struct row_store *store, struct arena *arena, int64_t set, struct slice name,
                      struct slice *extents, int64_t *bytes)
{
    const struct pg_value key[] = {pg_int(set), pg_bytes(name)};
    struct pg_row *row;
    int err, there = pg_row_get(store, PG_ANNOTATION, key, &row);

    if (there <= 0)
        return there;
    *bytes = counted(row->values[ANNOTATION_SIZE].number);
    return (err = pg_give(arena, &row->values[ANNOTATION_EXTENTS], extents)) != 0 ? err : 1;
}

int pg_annotation_put(struct row_store *store, int64_t set, const struct meta_annotation *annotation,
                      struct slice extents)
{
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];
    const struct pg_value values[] = {
        pg_int(set),
        pg_bytes(annotation->name),
        pg_int((int64_t)annotation->size),
        pg_int(annotation->modified_ms),
        pg_bytes(slice_of(etag, codec_etag_encode(etag, annotation->etag))),
        pg_bytes_or_null(slice_of(checksum, codec_checksum_encode(checksum, &annotation->checksum))),
        pg_bytes_or_null(extents),
    };

    assert(annotation->name.len > 0 && annotation->name.len <= META_ANNOTATION_NAME_BYTES_MAX);
    assert(annotation->size <= INT64_MAX && (annotation->size == 0) == (extents.len == 0));
    return pg_row_put(store, PG_ANNOTATION, values);
}

int pg_annotation_delete(struct row_store *store, int64_t set, struct slice name)
{
    const struct pg_value key[] = {pg_int(set), pg_bytes(name)};
    struct pg_row *row;
    int there = pg_row_get(store, PG_ANNOTATION, key, &row);

    return there > 0 ? pg_row_delete(store, row) : there;
}

/* The next one of the set; begins where *row is NULL. */
static int annotation_next(struct row_store *store, int64_t set, struct pg_row **row)
{
    const struct pg_value first[] = {pg_int(set)};
    struct pg_value at[] = {pg_int(set), pg_null()};

    if (*row == NULL)
        return pg_row_next(store, PG_ANNOTATION, first, 1, false, 1, WALK_ANNOTATIONS, row);
    at[ANNOTATION_NAME] = (*row)->values[ANNOTATION_NAME];
    return pg_row_next(store, PG_ANNOTATION, at, 2, true, 1, WALK_ANNOTATIONS, row);
}

int pg_annotation_walk(struct row_store *store, int64_t set,
                       int (*visit)(void *ctx, struct slice name, struct slice extents), void *ctx)
{
    struct pg_row *row = NULL;
    int found, stop;

    while ((found = annotation_next(store, set, &row)) > 0)
        if ((stop = visit(ctx, row->values[ANNOTATION_NAME].bytes, row->values[ANNOTATION_EXTENTS].bytes)) !=
            0)
            return stop;
    return found;
}

int pg_annotations_delete(struct row_store *store, int64_t set, struct slice last)
{
    const struct pg_value first[] = {pg_int(set)};
    struct pg_row *row;
    int err, found;

    while ((found = pg_row_next(store, PG_ANNOTATION, first, 1, false, 1, WALK_ANNOTATIONS, &row)) > 0) {
        if (slice_compare(row->values[ANNOTATION_NAME].bytes, last) > 0)
            return 0;
        if ((err = pg_row_delete(store, row)) != 0)
            return err;
    }
    return found;
}

int pg_annotations_copy(struct row_store *store, int64_t from, int64_t to)
{
    struct pg_value values[PG_COLUMNS_MAX];
    struct pg_row *row = NULL;
    int err, found;

    assert(to > 0 && to != from);
    while ((found = annotation_next(store, from, &row)) > 0) {
        memcpy(values, row->values, pg_table_columns(PG_ANNOTATION) * sizeof(*values));
        values[ANNOTATION_SET] = pg_int(to);
        /* The set's number is new: it has none. */
        if ((err = pg_rows_note(store, PG_ANNOTATION, values)) != 0 ||
            (err = pg_row_put(store, PG_ANNOTATION, values)) != 0)
            return err;
    }
    return found;
}
