/* SPDX-License-Identifier: MIT
 *
 * Opening and closing: the database, and its readers. Connections are db_connection.c's. */
#include "metadata/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/write/committer.h"
#include "metadata/meta_journal.h"
#include "metadata/sqlite/wal_file.h"

/* Before anything reads the log: what it shows is believed from here on. Also in a store that is not durable, for an earlier process
 * may have been. */
static int db_settle_log(const struct meta *meta)
{
    char *log_path = sqlite3_mprintf("%s-wal", meta->path);
    int err = log_path == NULL ? -ENOMEM : wal_file_settle(log_path);

    if (err != 0)
        meta_log(meta, META_LOG_ERROR,
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

    if (code != SQLITE_OK)
        meta_log(meta, META_LOG_WARNING, "the log cannot begin anew: %s",
                 meta_strerror(meta_sql_error(code)));
}

/* Nothing is written before the file is known to be ours or empty, and admitted. */
static int db_prepare(struct meta *meta, sqlite3 *db)
{
    bool read_only = meta->options.read_only, gives_up = false;
    int64_t version;
    int err;

    if ((err = db_identify(meta, &meta->device, &meta->inode)) != 0 ||
        (err = schema_identify(db, &version)) != 0 ||
        (err = identity_admit(meta, db, version, &gives_up)) != 0 ||
        (err = schema_open(meta, db, version)) != 0 || read_only)
        return err;
    if (gives_up)
        log_begin_anew(meta, db);
    return db_set_pragmas(meta, DB_WRITE, db);
}

/* Checks and migrates; the connection becomes the committer's, or is closed again. */
static int db_open_store(struct meta *meta)
{
    bool read_only = meta->options.read_only;
    sqlite3 *db;
    int err;

    if (!read_only && (err = db_settle_log(meta)) != 0)
        return err;
    if ((err = db_open(meta, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                       &db)) != 0)
        return err;
    meta->keeps_log = true; /* of a database that is not opened everything stays */
    if ((err = db_prepare(meta, db)) == 0 && !read_only) {
        err = committer_start(&meta->committer, meta, db); /* takes the connection, on failure too */
        meta->keeps_log = false;
        return err;
    }
    if (err != 0 && err != META_E_OLDER && err != META_E_DAMAGED_LOG) /* whoever refuses it says why */
        meta_log(meta, META_LOG_ERROR, "%s: %s (%s)", meta->path, meta_strerror(err), sqlite3_errmsg(db));
    (void)db_keep_log(db);
    (void)sqlite3_close(db); /* no statement is left: it cannot be refused */
    return err;
}

int meta_open(struct meta **meta_out, const char *path, const struct meta_options *options)
{
    struct meta *meta = calloc(1, sizeof(*meta));
    int err;

    if (meta == NULL)
        return -ENOMEM;
    meta->options = *options;
    wal_init(&meta->wal);
    if ((meta->path = strdup(path)) == NULL)
        err = -ENOMEM;
    else
        err = db_open_store(meta);
    if (err != 0) {
        free(meta->path);
        free(meta);
        return err;
    }
    *meta_out = meta;
    return 0;
}

void meta_close(struct meta *meta)
{
    if (meta == NULL)
        return;
    if (meta->committer != NULL)
        committer_stop(meta->committer);
    free(meta->path);
    free(meta);
}

void meta_keep_log(struct meta *meta)
{
    meta->keeps_log = true;
}

int meta_make_durable(struct meta *meta)
{
    int err = wal_make_durable(&meta->wal);

    if (err != 0 && meta->committer != NULL)
        committer_nudge(meta->committer);
    return err;
}

int meta_health(const struct meta *meta)
{
    return wal_is_suspect(&meta->wal) ? META_E_UNSYNCED : 0;
}

int meta_reader_open(struct meta *meta, struct meta_reader **reader_out)
{
    struct meta_reader *reader = calloc(1, sizeof(*reader));
    int err;

    if (reader == NULL)
        return -ENOMEM;
    reader->meta = meta;
    if ((err = db_connect(meta, DB_READ, &reader->db)) == 0 &&
        (err = meta_sql_prepare(&reader->sql, reader->db, META_SQL_READER)) == 0 &&
        (err = db_stayed(meta)) == 0) {
        *reader_out = reader;
        return 0;
    }
    meta_reader_close(reader);
    return err;
}

void meta_reader_close(struct meta_reader *reader)
{
    if (reader == NULL)
        return;
    row_cache_free(&reader->rows);
    meta_sql_finalize(&reader->sql);
    (void)sqlite3_close(reader->db); /* no statement is left: it cannot be refused */
    free(reader);
}

uint64_t meta_reader_steps(struct meta_reader *reader)
{
    uint64_t steps = 0;

    for (int id = 0; id < META_SQL_COUNT; id++)
        if (reader->sql.list[id] != NULL)
            steps += (uint32_t)sqlite3_stmt_status(reader->sql.list[id], SQLITE_STMTSTATUS_VM_STEP, 0);
    return steps;
}
