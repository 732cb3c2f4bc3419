/* SPDX-License-Identifier: MIT
 *
 * Rows of `outbox` and `outbox_given`. Behind rows/row_store.h. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>

int sqlite_outbox_targets(struct row_store *store, uint64_t *given,
                          int (*visit)(void *ctx, struct slice target, uint64_t waiting, uint64_t last),
                          void *ctx)
{
    sqlite3_stmt *targets = store->sql.list[SQL_OUTBOX_TARGETS]; /* also before the first batch */
    sqlite3_stmt *highest = store->sql.list[SQL_OUTBOX_GIVEN];
    int row = meta_sql_row(highest), stop;

    if (row <= 0)
        return row == 0 ? META_E_CORRUPT : row;
    *given = (uint64_t)sqlite3_column_int64(highest, 0);
    meta_sql_reset(highest);
    while ((row = meta_sql_row(targets)) > 0) {
        stop = visit(ctx, meta_sql_column(targets, 0), (uint64_t)sqlite3_column_int64(targets, 1),
                     (uint64_t)sqlite3_column_int64(targets, 2));
        if (stop != 0) {
            meta_sql_reset(targets);
            return stop;
        }
    }
    return row;
}

static sqlite3_stmt *bind_target(struct row_store *store, enum meta_sql_id id, struct slice target)
{
    sqlite3_stmt *statement = row_statement(store, id);

    assert(target.len > 0 && target.len <= META_OUTBOX_TARGET_BYTES_MAX);
    meta_sql_blob(statement, 1, target);
    return statement;
}

int sqlite_outbox_put(struct row_store *store, struct slice target, uint64_t seq, int64_t bucket,
                      struct slice key, struct slice detail)
{
    sqlite3_stmt *statement = bind_target(store, SQL_OUTBOX_INSERT, target);

    assert(seq <= INT64_MAX && detail.len > 0);
    meta_sql_int(statement, 2, (int64_t)seq);
    meta_sql_int(statement, 3, bucket);
    meta_sql_blob(statement, 4, key);
    meta_sql_blob(statement, 5, detail);
    return meta_sql_run(statement);
}

int sqlite_outbox_delete(struct row_store *store, struct slice target, uint64_t seq)
{
    sqlite3_stmt *statement = bind_target(store, SQL_OUTBOX_DELETE, target);

    meta_sql_int(statement, 2, (int64_t)seq);
    return row_run_changes(store, statement);
}

int sqlite_outbox_drop(struct row_store *store, struct slice target)
{
    return row_run_changes(store, bind_target(store, SQL_OUTBOX_DROP, target));
}

int sqlite_outbox_give(struct row_store *store, uint64_t seq)
{
    sqlite3_stmt *statement = row_statement(store, SQL_OUTBOX_GIVE);

    assert(seq <= INT64_MAX);
    meta_sql_int(statement, 1, (int64_t)seq);
    return meta_sql_run(statement);
}
