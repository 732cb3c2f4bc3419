/* SPDX-License-Identifier: MIT
 *
 * Opening the database: what is done before the first row is read, and in which order. Connections are db_connection.c's, the side
 * that writes is row_store.c's. */
#include "metadata/sqlite/database.h"

#include <sys/stat.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "metadata/sqlite/calls.h"
#include "metadata/sqlite/row_usage.h"
#include "metadata/sqlite/wal/wal_file.h"

/* Before anything reads the log: what it shows is believed from here on. Also in a store that is not durable, for an earlier process
 * may have been. */
static int db_settle_log(const struct meta *meta)
{
    char *log_path = sqlite3_mprintf("%s-wal", meta->path);
    int err = log_path == NULL ? -ENOMEM : wal_file_settle(log_path);

    if (err != 0)
        meta_log(meta, LOG_LEVEL_ERROR,
                 "%s-wal cannot be synced: %s; what it shows may not be on the disk, so the database is not "
                 "opened",
                 meta->path, meta_strerror(err));
    sqlite3_free(log_path);
    return err;
}

/* What lies after a gap in the log should not be looked at again: the log begins anew. Where that fails, for the disk may be full, the log
 * goes on, and the next start looks at it again. */
static void log_begin_anew(const struct meta *meta, sqlite3 *db)
{
    int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    assert(!meta->options.read_only);
    if (code != SQLITE_OK)
        meta_log(meta, LOG_LEVEL_WARNING, "the log cannot begin anew: %s",
                 meta_strerror(meta_sql_error(code)));
}

/* Nothing is written before the file is known to be ours or empty, and admitted. */
static int db_prepare(struct meta *meta, sqlite3 *db)
{
    bool read_only = meta->options.read_only, gives_up = false;
    int64_t version;
    int err;

    if ((err = db_identify(meta, &meta->engine->device, &meta->engine->inode)) != 0 ||
        (err = schema_identify(db, &version)) != 0 ||
        (err = identity_admit(meta, db, version, &gives_up)) != 0 ||
        (err = schema_open(meta, db, version)) != 0 || read_only)
        return err;
    if (gives_up)
        log_begin_anew(meta, db);
    if ((err = db_set_pragmas(meta, DB_WRITE, db)) != 0 || !meta->options.compacts)
        return err;
    return (err = compact_run(meta, db)) != 0 ? err : db_set_pragmas(meta, DB_WRITE, db);
}

int sqlite_engine_open(struct meta *meta, struct row_store **store)
{
    bool read_only = meta->options.read_only;
    sqlite3 *db;
    int err;

    *store = NULL;
    assert(meta->engine == NULL);
    if ((meta->engine = calloc(1, sizeof(*meta->engine))) == NULL)
        return -ENOMEM;
    wal_init(&meta->engine->wal);
    meta->engine->keeps_log = true; /* of a database that is not opened everything stays */
    if (!read_only && (err = db_settle_log(meta)) != 0)
        return err;
    if ((err = db_open(meta, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                       &db)) != 0)
        return err;
    if ((err = db_prepare(meta, db)) == 0 && !read_only)
        return row_store_open(store, meta, db); /* takes the connection, on failure too */
    if (err == 0)
        err = row_usage_read(meta, db);
    if (err != 0 && err != META_E_OLDER && err != META_E_DAMAGED_LOG) /* whoever refuses it says why */
        meta_log(meta, LOG_LEVEL_ERROR, "%s: %s (%s)", meta->path, meta_strerror(err), sqlite3_errmsg(db));
    (void)db_keep_log(db);
    (void)sqlite3_close(db); /* no statement is left: it cannot be refused */
    return err;
}

void sqlite_engine_close(struct meta *meta)
{
    free(meta->engine);
    meta->engine = NULL;
}

void sqlite_engine_keep_log(struct meta *meta)
{
    assert(meta->engine != NULL);
    meta->engine->keeps_log = true;
}

uint64_t sqlite_engine_log_bytes(const struct meta *meta)
{
    char *path = sqlite3_mprintf("%s-wal", meta->path);
    struct stat status;
    bool is_there = path != NULL && stat(path, &status) == 0;

    sqlite3_free(path);
    return is_there ? (uint64_t)status.st_size : 0;
}

bool sqlite_engine_is_suspect(const struct meta *meta)
{
    return wal_is_suspect(&meta->engine->wal);
}

int sqlite_engine_make_durable(struct meta *meta)
{
    assert(meta->engine != NULL);
    return wal_make_durable(&meta->engine->wal);
}
