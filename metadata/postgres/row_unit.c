/* SPDX-License-Identifier: MIT
 *
 * Rows of `unit`, `garbage` and `dropped`. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>

static int unit_find(struct row_store *store, uint64_t file, uint64_t unit_offset, struct pg_row **row)
{
    const struct pg_value key[] = {pg_int((int64_t)file), pg_int((int64_t)unit_offset)};

    return pg_row_get(store, PG_UNIT, key, row);
}

/* Numbers are this server's, as those of garbage. */
int pg_body_put(struct row_store *store, struct slice bytes, uint64_t *file)
{
    const int64_t number = (int64_t)META_BODY_FIRST + (store->server << SERVER_ROWS_BITS) + store->bodies++;
    const struct pg_value values[] = {pg_int(number), pg_bytes(bytes)}, unit[] = {pg_int(number), pg_int(0)};
    int err = pg_rows_note(store, PG_BODY, values); /* both are new: nobody need ask */

    if (err == 0)
        err = pg_rows_note(store, PG_UNIT, unit);

    assert(bytes.len > 0 && bytes.len <= META_BODY_BYTES_MAX && number > 0);
    *file = (uint64_t)number;
    return err != 0 ? err : pg_row_put(store, PG_BODY, values);
}

/* Of a unit that is deleted. Its bytes are not worth a look: the row is there as long as the unit. */
static int body_delete(struct row_store *store, uint64_t file)
{
    const struct pg_value values[] = {pg_int((int64_t)file), pg_bytes(slice_of("", 0))};
    struct slice place = pg_place(&store->set, PG_BODY, values, 1, false);
    struct pg_row *row;
    int there, err = place.base == NULL ? -ENOMEM : pg_set_load(&store->set, PG_BODY, place, values);

    if (err != 0 || (there = pg_row_get(store, PG_BODY, values, &row)) < 0)
        return err != 0 ? err : there;
    return there > 0 ? pg_row_delete(store, row) : 0;
}

/* 1, or an error. */
static int refs_set(struct row_store *store, struct pg_row *row, int64_t refs)
{
    int err = pg_row_set(store, row, UNIT_REFS, pg_int(refs));

    return err != 0 ? err : 1;
}

int pg_unit_add(struct row_store *store, const struct meta_extent *extent)
{
    const struct pg_value values[] = {pg_int((int64_t)extent->file), pg_int((int64_t)extent->unit_offset),
                                      pg_int(1), pg_int((int64_t)extent->unit_length)};
    struct pg_row *row;
    int err, there = unit_find(store, extent->file, extent->unit_offset, &row);

    assert(extent->unit_length > 0 && extent->unit_length <= INT64_MAX);
    if (there < 0)
        return there;
    if (there > 0)
        return row->values[UNIT_REFS].number > 0 ? refs_set(store, row, row->values[UNIT_REFS].number + 1)
                                                 : 0;
    return (err = pg_set_put(&store->set, row, values)) != 0 ? err : 1;
}

int pg_unit_raise(struct row_store *store, const struct meta_extent *extent)
{
    struct pg_row *row;
    int there = unit_find(store, extent->file, extent->unit_offset, &row);

    assert(extent->unit_length > 0);
    if (there <= 0 || row->values[UNIT_REFS].number <= 0)
        return there < 0 ? there : 0;
    return refs_set(store, row, row->values[UNIT_REFS].number + 1);
}

int pg_unit_drop(struct row_store *store, const struct meta_extent *extent)
{
    struct pg_row *row;
    int changed, there = unit_find(store, extent->file, extent->unit_offset, &row);

    assert(extent->unit_length > 0);
    if (there <= 0 || row->values[UNIT_REFS].number <= 0)
        return there < 0 ? there : ROW_UNIT_UNCOUNTED;
    int64_t refs = row->values[UNIT_REFS].number - 1;
    if ((changed = refs_set(store, row, refs)) < 0)
        return changed;
    return refs == 0 ? ROW_UNIT_UNNAMED : ROW_UNIT_NAMED;
}

/* ---- `garbage` ---- */

int pg_garbage_put(struct row_store *store, int64_t row, const struct meta_extent *extent)
{
    const struct pg_value values[] = {pg_int(row), pg_int((int64_t)extent->file),
                                      pg_int((int64_t)extent->unit_offset),
                                      pg_int((int64_t)extent->unit_length)};
    /* The number is this server's, and new: nobody need ask. */
    int err = pg_rows_note(store, PG_GARBAGE, values);

    return err != 0 ? err : pg_row_put(store, PG_GARBAGE, values);
}

int pg_garbage_delete(struct row_store *store, int64_t row)
{
    const struct pg_value key[] = {pg_int(row)};
    struct pg_row *garbage, *unit;
    int err, there = pg_row_get(store, PG_GARBAGE, key, &garbage);

    if (there <= 0)
        return there;
    there = unit_find(store, (uint64_t)garbage->values[GARBAGE_FILE].number,
                      (uint64_t)garbage->values[GARBAGE_OFFSET].number, &unit);
    if (there < 0)
        return there;
    if (there > 0 && unit->values[UNIT_REFS].number == 0) {
        uint64_t file = (uint64_t)unit->values[UNIT_FILE].number;
        if ((err = pg_row_delete(store, unit)) != 0 ||
            (meta_file_is_body(file) && (err = body_delete(store, file)) != 0))
            return err;
    }
    return pg_row_delete(store, garbage);
}

/* ---- `dropped` ---- */

int pg_dropped_put(struct row_store *store, struct slice extents)
{
    int64_t row;
    int err = pg_next_id(store, "SELECT nextval('dropped_row')", &row);

    assert(extents.len > 0);
    const struct pg_value values[] = {pg_int(row), pg_bytes(extents)};
    if (err != 0 || (err = pg_rows_note(store, PG_DROPPED, values)) != 0)
        return err;
    return pg_row_put(store, PG_DROPPED, values);
}

int pg_dropped_take(struct row_store *store, struct arena *arena, struct slice *extents)
{
    struct pg_row *row;
    int err, found = pg_row_next(store, PG_DROPPED, NULL, 0, false, 0, 8, &row);

    if (found <= 0)
        return found;
    if ((err = pg_give(arena, &row->values[DROPPED_EXTENTS], extents)) != 0 ||
        (err = pg_row_delete(store, row)) != 0)
        return err;
    return 1;
}
