/* SPDX-License-Identifier: MIT
 *
 * Rows of `unit`, `garbage` and `dropped`. Behind rows/row_store.h. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>

/* Signed in the database; only equality matters. */
static sqlite3_stmt *bind_unit(struct row_store *store, enum meta_sql_id id, uint64_t file,
                               uint64_t unit_offset)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, (int64_t)file);
    meta_sql_int(statement, 2, (int64_t)unit_offset);
    return statement;
}

/* Small bodies lie in segments. */
int sqlite_body_put(struct row_store *store, struct slice bytes, uint64_t *file)
{
    return -ENOTSUP;
}

int sqlite_unit_add(struct row_store *store, const struct meta_extent *extent)
{
    sqlite3_stmt *statement = bind_unit(store, SQL_UNIT_ADD, extent->file, extent->unit_offset);

    assert(extent->unit_length > 0 && extent->unit_length <= INT64_MAX);
    meta_sql_int(statement, 3, (int64_t)extent->unit_length);
    if (store->meta->options.keeps_replaced) { /* else NULL: nobody binds them */
        meta_sql_int(statement, 4, (int64_t)extent->unit_crc);
        meta_sql_int(statement, 5, extent->unit_crc_kind);
    }
    return row_run_changes(store, statement);
}

int sqlite_unit_raise(struct row_store *store, const struct meta_extent *extent)
{
    assert(extent->unit_length > 0);
    return row_run_changes(store, bind_unit(store, SQL_UNIT_RAISE, extent->file, extent->unit_offset));
}

int sqlite_unit_drop(struct row_store *store, const struct meta_extent *extent)
{
    int changed =
        row_run_changes(store, bind_unit(store, SQL_UNIT_DROP_LAST, extent->file, extent->unit_offset));

    assert(extent->unit_length > 0);
    if (changed != 0)
        return changed < 0 ? changed : ROW_UNIT_UNNAMED;
    changed = row_run_changes(store, bind_unit(store, SQL_UNIT_DROP, extent->file, extent->unit_offset));
    return changed <= 0 ? changed : ROW_UNIT_NAMED;
}

/* ---- `garbage` ---- */

int sqlite_garbage_put(struct row_store *store, int64_t row, const struct meta_extent *extent)
{
    sqlite3_stmt *statement = row_statement(store, SQL_GARBAGE_INSERT);

    meta_sql_int(statement, 1, row);
    meta_sql_int(statement, 2, (int64_t)extent->file);
    meta_sql_int(statement, 3, (int64_t)extent->unit_offset);
    meta_sql_int(statement, 4, (int64_t)extent->unit_length);
    return meta_sql_run(statement);
}

int sqlite_garbage_delete(struct row_store *store, int64_t row)
{
    sqlite3_stmt *statement = row_statement(store, SQL_GARBAGE_GET);

    meta_sql_int(statement, 1, row);
    int err, found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    uint64_t file = (uint64_t)sqlite3_column_int64(statement, 0);
    uint64_t unit_offset = (uint64_t)sqlite3_column_int64(statement, 1);
    meta_sql_reset(statement);
    if ((err = meta_sql_run(bind_unit(store, SQL_UNIT_FORGET, file, unit_offset))) != 0)
        return err;
    statement = row_statement(store, SQL_GARBAGE_DELETE);
    meta_sql_int(statement, 1, row);
    return meta_sql_run(statement);
}

/* ---- `dropped` ---- */

int sqlite_dropped_put(struct row_store *store, struct slice extents)
{
    sqlite3_stmt *statement = row_statement(store, SQL_DROPPED_INSERT);

    assert(extents.len > 0);
    meta_sql_blob(statement, 1, extents);
    return meta_sql_run(statement);
}

int sqlite_dropped_take(struct row_store *store, struct arena *arena, struct slice *extents)
{
    sqlite3_stmt *statement = row_statement(store, SQL_DROPPED_FIRST);
    int err, found = meta_sql_row(statement);

    assert(extents != NULL);
    if (found <= 0)
        return found;
    int64_t row = sqlite3_column_int64(statement, 0);
    *extents = meta_sql_column(statement, 1);
    err = arena_copy(arena, extents);
    meta_sql_reset(statement);
    if (err != 0)
        return err;
    statement = row_statement(store, SQL_DROPPED_DELETE);
    meta_sql_int(statement, 1, row);
    err = meta_sql_run(statement);
    return err != 0 ? err : 1;
}
