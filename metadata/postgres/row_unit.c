/* SPDX-License-Identifier: MIT
 *
 * Rows of `unit`, `garbage` and `dropped`. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>

static int unit_find(struct row_store *store, uint64_t file, uint64_t unit_offset, struct pg_row **row)
{
    const struct pg_value key[] = {pg_int((int64_t)file), pg_int((int64_t)unit_offset)};

    return pg_row_get(store, PG_UNIT, key, row);
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
    if (there > 0 && unit->values[UNIT_REFS].number == 0 && (err = pg_row_delete(store, unit)) != 0)
        return err;
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
