/* SPDX-License-Identifier: MIT
 *
 * The side that writes, as SQLite has it: one connection, a transaction for a batch, a savepoint for a change, a log that is
 * synced at its commit or not. See rows/row_store.h, rows/row_engine.h, wal.h and checkpoint.h. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_usage.h"

static int run(struct row_store *store, enum meta_sql_id id)
{
    return meta_sql_run(store->sql.list[id]);
}

int row_run_changes(struct row_store *store, sqlite3_stmt *statement)
{
    int err = meta_sql_run(statement);

    assert(store->is_in_batch);
    return err != 0 ? err : sqlite3_changes(store->db) > 0;
}

int row_run_finds(sqlite3_stmt *statement)
{
    int found = meta_sql_row(statement);

    assert(statement != NULL);
    if (found > 0)
        meta_sql_reset(statement);
    return found;
}

/* ---- A batch ---- */

int sqlite_batch_begin(struct row_store *store, const struct row_touches *touches, bool is_synced)
{
    struct wal *wal = &store->meta->engine->wal;
    int err;

    assert(!store->is_in_batch && touches->walk != NULL);
    store->is_in_batch = true;
    store->savepoints = 0;
    /* Since the batch was taken: what is committed now would lie after a hole in the log. */
    if (wal_is_suspect(wal))
        return -EIO;
    err = wal_set_synced(wal, store->db, is_synced);
    return err != 0 ? err : run(store, SQL_BEGIN);
}

int sqlite_batch_commit(struct row_store *store)
{
    struct wal *wal = &store->meta->engine->wal;

    assert(store->is_in_batch && store->savepoints == 0);
    int err = row_usage_flush(store);
    if (err != 0)
        return err;
    row_chronicle_gather(store);
    wal_commit_begin(wal);
    err = run(store, SQL_COMMIT);
    wal_commit_end(wal, err);
    if (err == 0) {
        store->is_in_batch = store->tallies.is_moved = false;
        usage_batch_tell(&store->meta->usage);
        row_chronicle_batch_end(store, true);
    }
    return err;
}

/* A commit that failed may have left all its pages in the log: after a power cut they could count
 * as committed, although their submitters were told otherwise and may have removed the bytes. A transaction
 * that goes through takes their place in the log. After a failed sync that is wal_repair's. */
static void log_tail_overwrite(struct row_store *store)
{
    int64_t version;

    if (db_query_int(store->db, "PRAGMA user_version", &version) != 0)
        return; /* the disk is in trouble still; the next batch writes there, or fails as well */
    char text[64];
    (void)sqlite3_snprintf(sizeof(text), text, "PRAGMA user_version = %lld", (long long)version);
    if (db_exec(store->db, text) == -EIO) /* else as above */
        wal_suspect(&store->meta->engine->wal);
}

void sqlite_batch_abandon(struct row_store *store)
{
    struct wal *wal = &store->meta->engine->wal;

    assert(store->is_in_batch);
    if (!sqlite3_get_autocommit(store->db) && run(store, SQL_ROLLBACK) != 0)
        meta_log(store->meta, LOG_LEVEL_ERROR, "rollback failed: %s", sqlite3_errmsg(store->db));
    if (!wal_is_suspect(wal) && wal_set_synced(wal, store->db, true) == 0)
        log_tail_overwrite(store);
    tally_undone(store);
    usage_batch_undo(&store->meta->usage);
    row_chronicle_batch_end(store, false);
    store->is_in_batch = store->tallies.is_moved = false;
}

void sqlite_batch_time(const struct row_store *store, int64_t *now_ms)
{
}

bool sqlite_batch_is_open(const struct row_store *store)
{
    return store->is_in_batch && !sqlite3_get_autocommit(store->db);
}

bool sqlite_store_was_synced(const struct row_store *store)
{
    return store->meta->engine->wal.is_synced;
}

void sqlite_store_suspect(struct row_store *store)
{
    assert(store->is_in_batch);
    wal_suspect(&store->meta->engine->wal);
}

int sqlite_change_begin(struct row_store *store)
{
    int err = meta_sql_run(row_statement(store, SQL_SAVEPOINT));

    assert(store->is_in_batch);
    if (err == 0) {
        store->savepoints++;
        usage_change_begin(&store->meta->usage);
        row_chronicle_change_begin(store);
    }
    return err;
}

/* All have the same name, which means the innermost. */
int sqlite_change_end(struct row_store *store, bool keeps)
{
    int err;

    assert(store->savepoints > 0);
    store->savepoints--;
    usage_change_end(&store->meta->usage, keeps);
    row_chronicle_change_end(store, keeps);
    if (!keeps)
        tally_undone(store);
    if (!keeps && (err = meta_sql_run(row_statement(store, SQL_SAVEPOINT_UNDO))) != 0)
        return err;
    return meta_sql_run(row_statement(store, SQL_SAVEPOINT_RELEASE));
}

/* ---- Between batches ---- */

int sqlite_store_repair(struct row_store *store)
{
    assert(!store->is_in_batch && store->checkpoint != NULL);
    return wal_repair(&store->meta->engine->wal, store->db, checkpoint_rest(store->checkpoint));
}

void sqlite_store_rest(struct row_store *store)
{
    assert(!store->is_in_batch);
    checkpoint_advance(store->checkpoint);
}

void sqlite_store_hurry(struct row_store *store)
{
    assert(!store->is_in_batch);
    checkpoint_hurry(store->checkpoint);
}

const char *sqlite_store_message(const struct row_store *store)
{
    return sqlite3_errmsg(store->db);
}

uint64_t sqlite_store_random(struct row_store *store)
{
    uint64_t random;

    sqlite3_randomness(sizeof(random), &random);
    return random;
}

/* ---- Opening ---- */

/* The first column of a statement that has one row. */
static int read_one(sqlite3_stmt *statement, int column, int64_t *value)
{
    int found = meta_sql_row(statement);

    assert(value != NULL);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *value = sqlite3_column_int64(statement, column);
    meta_sql_reset(statement);
    return 0;
}

int sqlite_counters_get(struct row_store *store, struct row_counters *counters)
{
    int err;

    assert(counters != NULL);
    counters->server = 0;
    if ((err = read_one(store->sql.list[SQL_GARBAGE_LAST], 0, &counters->garbage)) != 0 ||
        (err = read_one(store->sql.list[SQL_REPLACED_LAST], 0, &counters->replaced)) != 0 ||
        (err = read_one(store->sql.list[SQL_ANNOTATION_SET_LAST], 0, &counters->annotation_set)) != 0)
        return err;
    return read_one(store->sql.list[SQL_MARK_GET], 2, &counters->given_up);
}

/* The journal is of use in a durable store only. In a relaxed one no commit is synced. */
static int log_open(struct meta *meta)
{
    struct wal *wal = &meta->engine->wal;
    char *path = sqlite3_mprintf("%s-wal", meta->path);

    if (path == NULL)
        return -ENOMEM;
    if (!meta->options.durable)
        wal->is_synced = false;
    wal_reserve(path);
    int err = wal_open(wal, path, meta->options.durable && meta->options.hooks.append != NULL);
    sqlite3_free(path);
    return err;
}

int row_store_open(struct row_store **out, struct meta *meta, sqlite3 *db)
{
    struct row_store *store = calloc(1, sizeof(*store));
    int err;

    assert(db != NULL);
    if (store == NULL) {
        (void)sqlite3_close(db); /* nothing was prepared: it cannot be refused */
        return -ENOMEM;
    }
    store->base.calls = meta->calls;
    store->meta = meta;
    store->db = db;
    store->tallies.is_stale = true;
    if ((err = meta_sql_prepare(&store->sql, db)) == 0)
        err = log_open(meta);
    if (err == 0)
        err = row_usage_load(store);
    if (err == 0)
        err = wal_gather_start(&store->gather, &meta->engine->wal, db);
    if (err != 0) {
        meta_log(meta, LOG_LEVEL_ERROR, "%s: %s (%s)", meta->path, meta_strerror(err), sqlite3_errmsg(db));
        sqlite_store_close(store);
        return err;
    }
    *out = store;
    return 0;
}

int sqlite_store_start(struct row_store *store, void (*nudge)(void *ctx), void *ctx)
{
    int err;

    assert(store->checkpoint == NULL && nudge != NULL);
    if ((err = row_chronicle_open(store)) != 0) /* which is no reason not to serve */
        meta_log(store->meta, LOG_LEVEL_WARNING, "no chronicle can be kept in %s: %s",
                 store->meta->options.chronicle, meta_strerror(err));
    err = checkpoint_start(&store->checkpoint, store->meta, store->db, nudge, ctx);
    if (err == 0)
        store->meta->engine->keeps_log = false;
    return err;
}

void sqlite_store_close(struct row_store *store)
{
    struct row_engine *engine = store->meta->engine;

    assert(!store->is_in_batch);
    checkpoint_stop(store->checkpoint);
    row_chronicle_close(store->chronicle);
    meta_sql_finalize(&store->sql);
    tally_free(store);
    /* Closing would move the log into the database and remove it. Suspect, it is all that the next start has to go by. */
    if (wal_is_suspect(&engine->wal) || engine->keeps_log)
        (void)db_keep_log(store->db);
    (void)sqlite3_close(store->db); /* no statement is left: it cannot be refused */
    wal_gather_free(store->gather);
    wal_close(&engine->wal);
    free(store);
}
