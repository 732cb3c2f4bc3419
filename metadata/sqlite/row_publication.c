/* SPDX-License-Identifier: MIT
 *
 * Rows of `publication`; what one prepares are rows of `object`. Behind rows/row_store.h. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>

static void publication_read(sqlite3_stmt *statement, struct publication_row *row)
{
    *row = (struct publication_row){
        .id = sqlite3_column_int64(statement, 0),
        .bucket = sqlite3_column_int64(statement, 1),
        .state = (enum publication_state)sqlite3_column_int64(statement, 2),
        .at_ms = sqlite3_column_int64(statement, 3),
        .has_versions = sqlite3_column_int64(statement, 4) != 0,
    };
}

int sqlite_publication_walk(struct row_store *store,
                            int (*visit)(void *ctx, const struct publication_row *row), void *ctx)
{
    sqlite3_stmt *statement = store->sql.list[SQL_PUBLICATION_ALL]; /* also before the first batch */
    struct publication_row found;
    int row, stop;

    assert(visit != NULL);
    while ((row = meta_sql_row(statement)) > 0) {
        publication_read(statement, &found);
        if ((stop = visit(ctx, &found)) != 0) {
            meta_sql_reset(statement);
            return stop;
        }
    }
    return row;
}

/* The store is this process's alone. */
int sqlite_publication_is_left(struct row_store *store, int64_t id)
{
    return 1;
}

int sqlite_publication_put(struct row_store *store, enum row_put put, struct publication_row *row)
{
    sqlite3_stmt *statement =
        row_statement(store, put == ROW_INSERT ? SQL_PUBLICATION_INSERT : SQL_PUBLICATION_UPDATE);

    assert(row->bucket > 0 && (put == ROW_INSERT || row->id > 0));
    meta_sql_int(statement, 1, row->bucket);
    meta_sql_int(statement, 2, row->state);
    meta_sql_int(statement, 3, row->at_ms);
    meta_sql_int(statement, 4, row->has_versions);
    if (put == ROW_UPDATE)
        meta_sql_int(statement, 5, row->id);
    int written = row_run_changes(store, statement);
    if (written > 0 && put == ROW_INSERT)
        row->id = sqlite3_last_insert_rowid(store->db);
    if (written > 0)
        row_noted_number(store, CHRONICLE_PUBLICATION, row->id, 0);
    if (written <= 0 || put != ROW_INSERT)
        return written;
    int err = usage_stage_add(&store->meta->usage, row->id, row->bucket);
    return err != 0 ? err : 1;
}

int sqlite_publication_delete(struct row_store *store, int64_t id)
{
    sqlite3_stmt *statement = row_statement(store, SQL_PUBLICATION_DELETE);

    row_noted_number(store, CHRONICLE_PUBLICATION, id, 0);
    meta_sql_int(statement, 1, id);
    return meta_sql_run(statement);
}

int sqlite_publication_next(struct row_store *store, struct arena *arena, int64_t id, struct slice *key)
{
    sqlite3_stmt *statement = row_statement(store, SQL_PUBLICATION_NEXT);

    assert(id > 0 && key != NULL);
    meta_sql_int(statement, 1, publication_bucket(id));
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    *key = meta_sql_column(statement, 0);
    int err = arena_copy(arena, key);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}
