/* SPDX-License-Identifier: MIT
 *
 * Rows of `bucket` and `setting`, and of the tables that have one row: `journal`, `store`, `mark`. Behind rows/row_store.h. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/meta_journal.h"
#include "metadata/sqlite/row_usage.h"

static struct slice text_of(const char *text, size_t size)
{
    return slice_of(text, strnlen(text, size));
}

static sqlite3_stmt *bind_bucket(struct row_store *store, enum meta_sql_id id, int64_t bucket)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, bucket);
    return statement;
}

/* ---- `bucket` ---- */

int sqlite_bucket_walk(struct row_store *store,
                       int (*visit)(void *ctx, int64_t id, enum meta_versioning versioning), void *ctx)
{
    sqlite3_stmt *statement = store->sql.list[SQL_BUCKET_IDS]; /* also before the first batch */
    int row, stop;

    assert(visit != NULL);
    while ((row = meta_sql_row(statement)) > 0) {
        if ((stop = visit(ctx, sqlite3_column_int64(statement, 0), meta_sql_versioning(statement, 1))) != 0) {
            meta_sql_reset(statement);
            return stop;
        }
    }
    return row;
}

static int bucket_insert(struct row_store *store, struct meta_bucket *bucket)
{
    sqlite3_stmt *statement = row_statement(store, SQL_BUCKET_INSERT);

    assert(bucket->name[0] != '\0' && memchr(bucket->name, '\0', sizeof(bucket->name)) != NULL);
    meta_sql_text(statement, 1, text_of(bucket->name, sizeof(bucket->name)));
    meta_sql_int(statement, 2, bucket->created_ms);
    meta_sql_text(statement, 3, text_of(bucket->region, sizeof(bucket->region) - 1));
    meta_sql_text(statement, 4, text_of(bucket->owner, sizeof(bucket->owner) - 1));
    meta_sql_int(statement, 5, bucket->versioning);
    int inserted = row_run_changes(store, statement);
    if (inserted <= 0)
        return inserted;
    bucket->id = sqlite3_last_insert_rowid(store->db);
    row_noted_number(store, CHRONICLE_BUCKET, bucket->id, 0);
    int err = usage_bucket_insert(store, bucket);
    return err != 0 ? err : 1;
}

int sqlite_bucket_put(struct row_store *store, enum row_put put, struct meta_bucket *bucket)
{
    if (put == ROW_INSERT)
        return bucket_insert(store, bucket);
    assert(bucket->versioning == META_VERSIONING_ENABLED || bucket->versioning == META_VERSIONING_SUSPENDED);
    sqlite3_stmt *statement = bind_bucket(store, SQL_BUCKET_SET_VERSIONING, bucket->id);
    row_noted_number(store, CHRONICLE_BUCKET, bucket->id, 0);
    meta_sql_int(statement, 2, bucket->versioning);
    return row_run_changes(store, statement);
}

int sqlite_bucket_names(struct row_store *store, struct arena *arena, int64_t bucket, struct slice *name,
                        struct slice *owner)
{
    sqlite3_stmt *statement = bind_bucket(store, SQL_BUCKET_GET_ID, bucket);
    int found = meta_sql_row(statement);

    if (found <= 0)
        return found;
    struct slice called = meta_sql_column(statement, 0), owned = meta_sql_column(statement, 1);
    *name = arena_dup(arena, called.base, called.len);
    *owner = arena_dup(arena, owned.base, owned.len);
    meta_sql_reset(statement);
    return name->base != NULL && owner->base != NULL ? 1 : -ENOMEM;
}

int sqlite_bucket_is_used(struct row_store *store, int64_t bucket)
{
    return row_run_finds(bind_bucket(store, SQL_BUCKET_HAS_OBJECT, bucket));
}

int sqlite_bucket_delete(struct row_store *store, int64_t bucket)
{
    int err;

    if ((err = meta_sql_run(bind_bucket(store, SQL_SETTINGS_DELETE, bucket))) != 0 ||
        (err = sqlite_tally_delete(store, bucket)) != 0 || (err = usage_bucket_delete(store, bucket)) != 0)
        return err;
    row_noted_number(store, CHRONICLE_BUCKET, bucket, 0);
    return meta_sql_run(bind_bucket(store, SQL_BUCKET_DELETE, bucket));
}

/* ---- `setting` ---- */

int sqlite_setting_find(struct row_store *store, int64_t bucket, int kind)
{
    sqlite3_stmt *statement = bind_bucket(store, SQL_SETTING_GET, bucket);

    meta_sql_int(statement, 2, kind);
    return row_run_finds(statement);
}

int sqlite_setting_walk(struct row_store *store, int kind,
                        int (*visit)(void *ctx, int64_t bucket, struct slice document), void *ctx)
{
    sqlite3_stmt *statement = store->sql.list[SQL_SETTING_WALK]; /* also before the first batch */
    int row, stop;

    meta_sql_int(statement, 1, kind);
    while ((row = meta_sql_row(statement)) > 0) {
        stop = visit(ctx, sqlite3_column_int64(statement, 0), meta_sql_column(statement, 1));
        if (stop != 0) {
            meta_sql_reset(statement);
            return stop;
        }
    }
    return row;
}

int sqlite_setting_put(struct row_store *store, int64_t bucket, int kind, struct slice document)
{
    bool removes = document.base == NULL;
    sqlite3_stmt *statement = bind_bucket(store, removes ? SQL_SETTING_DELETE : SQL_SETTING_PUT, bucket);

    assert(document.len <= META_SETTING_BYTES_MAX);
    row_noted_number(store, CHRONICLE_SETTING, bucket, kind);
    meta_sql_int(statement, 2, kind);
    if (!removes)
        meta_sql_blob(statement, 3, document);
    return meta_sql_run(statement);
}

/* ---- One row each ---- */

int sqlite_journal_put(struct row_store *store, const struct meta_journal *journal)
{
    sqlite3_stmt *statement =
        row_statement(store, journal->applied > 0 ? SQL_JOURNAL_APPLY : SQL_JOURNAL_MOVE);

    if (journal->applied > 0) {
        meta_sql_int(statement, 1, (int64_t)journal->applied);
        return row_usage_flush_with(store, statement, 2);
    }
    meta_sql_int(statement, 1, (int64_t)journal->file);
    meta_sql_blob(statement, 2, slice_of(journal->token, journal->file != 0 ? sizeof(journal->token) : 0));
    return meta_sql_run(statement);
}

int sqlite_epoch_raise(struct row_store *store, uint64_t epoch)
{
    sqlite3_stmt *statement = row_statement(store, SQL_EPOCH_RAISE);

    meta_sql_int(statement, 1, (int64_t)epoch);
    return meta_sql_run(statement);
}

int sqlite_mark_put(struct row_store *store, uint64_t file, struct slice open, int64_t given_up)
{
    sqlite3_stmt *statement = row_statement(store, SQL_MARK_SET);

    assert(open.len <= META_MARK_OPEN_MAX * sizeof(uint64_t));
    meta_sql_int(statement, 1, (int64_t)file);
    meta_sql_blob(statement, 2, open);
    meta_sql_int(statement, 3, given_up);
    return meta_sql_run(statement);
}
