/* SPDX-License-Identifier: MIT
 *
 * Which store's database this is and of which time; and, at open, whether it may be used as it was left. */
#include <assert.h>
#include <errno.h>

#include "metadata/sqlite/database.h"
#include "metadata/sqlite/wal/wal_scan.h"

/* The statement stands before its row, and still has to be reset. 0 or an error. */
static int identity_take(sqlite3_stmt *statement, struct meta_identity *identity)
{
    int found = meta_sql_row(statement);

    assert(statement != NULL && identity != NULL);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct slice id = meta_sql_column(statement, 0);
    identity->epoch = (uint64_t)sqlite3_column_int64(statement, 1);
    if (id.len != sizeof(identity->store))
        return META_E_CORRUPT;
    (void)slice_copy(identity->store, id);
    return 0;
}

int identity_find(sqlite3 *db, struct meta_identity *identity)
{
    sqlite3_stmt *statement;
    int64_t tables;
    int err = db_query_int(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'store'",
                           &tables);

    if (err != 0 || tables == 0)
        return err;
    int code = sqlite3_prepare_v2(db, "SELECT id, epoch FROM store", -1, &statement, NULL);
    if (code != SQLITE_OK)
        return meta_sql_error(code);
    err = identity_take(statement, identity);
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    return err != 0 ? err : 1;
}

static int tail_look(const struct meta *meta, sqlite3 *db, struct meta_found *found)
{
    char *path = sqlite3_mprintf("%s-wal", meta->path);
    struct wal_scan scan;
    int64_t journal_page;
    int err;

    if (path == NULL)
        return -ENOMEM;
    err = db_query_int(
        db, "SELECT coalesce(max(rootpage), 0) FROM sqlite_schema WHERE type = 'table' AND name = 'journal'",
        &journal_page);
    if (err == 0)
        err = wal_scan(path, (uint32_t)journal_page, meta->options.was_durable, &scan);
    sqlite3_free(path);
    if (err != 0)
        return err;
    found->tail = scan.tail;
    found->tail_gap = scan.gap;
    found->tail_pages = scan.pages;
    return 0;
}

int identity_admit(const struct meta *meta, sqlite3 *db, int64_t version, bool *gives_up)
{
    struct meta_found found = {.is_new = version == 0};
    struct meta_identity identity;
    int err, has_identity = identity_find(db, &identity);

    assert(version >= 0 && gives_up != NULL);
    if (has_identity < 0)
        return has_identity;
    if (has_identity > 0)
        found.identity = &identity;
    if ((err = tail_look(meta, db, &found)) != 0)
        return err;
    *gives_up = found.tail >= META_TAIL_DOUBTFUL;
    if (meta->options.admit != NULL)
        return meta->options.admit(meta->options.admit_ctx, &found);
    return found.tail == META_TAIL_DAMAGED ? META_E_DAMAGED_LOG : 0;
}
