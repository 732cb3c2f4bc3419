/* SPDX-License-Identifier: MIT
 *
 * The database behind an open store: what its connections share, and how they are opened. Private to metadata/sqlite/. */
#ifndef METADATA_SQLITE_DATABASE_H
#define METADATA_SQLITE_DATABASE_H

#include <errno.h>
#include <sys/types.h>

#include "metadata/db.h"
#include "metadata/sqlite/meta_sql.h"
#include "metadata/sqlite/wal/wal.h"

struct row_engine {
    dev_t device; /* with inode: the file that was opened, whatever its path names later */
    ino_t inode;
    struct wal wal;
    bool keeps_log;     /* at close */
    atomic_uint copies; /* are being made: the log cannot begin anew meanwhile (row_copy.c) */
};

/* Nobody waits for long: there is one writer, and checkpoints run beside it. The bound is for the moments in which the log is recovered
 * or restarted. */
#define DB_BUSY_MS_MAX 5000

enum db_use { DB_READ, DB_WRITE, DB_CHECKPOINT };

/* An empty file that is its owner's alone, where there is none. 0 or a negative errno. */
int db_make_file(const char *path);
/* The steps of opening one, for who has something to do between them. flags: SQLITE_OPEN_*. 0 or an error, with *db NULL. */
int db_open(const struct meta *meta, int flags, sqlite3 **db);
int db_set_pragmas(const struct meta *meta, enum db_use use, sqlite3 *db);
/* Which file the path names now: 0 or a negative errno. */
int db_identify(const struct meta *meta, dev_t *device, ino_t *inode);
/* A connection is opened by path, and by then the path may name nothing or another store's database: after its folder was renamed,
 * or, if it is relative, after the process went to another folder. Asked when the connection has opened its files. 0 or -ESTALE. */
int db_stayed(const struct meta *meta);
/* Opens one more connection and sets its pragmas. The database must have been opened by schema_open before. */
int db_connect(const struct meta *meta, enum db_use use, sqlite3 **db);

/* The log stays when the connection is closed. 0 or an error. */
int db_keep_log(sqlite3 *db);

/* Runs text without parameters; 0 or an error. */
int db_exec(sqlite3 *db, const char *text);
/* The integer that a query yields. */
int db_query_int(sqlite3 *db, const char *text, int64_t *value);

/* Whose database the file is; writes nothing. version: of its schema, 0 for an empty file. Returns 0, META_E_NOT_OURS, META_E_NEWER_SCHEMA,
 * META_E_CORRUPT or an errno. */
int schema_identify(sqlite3 *db, int64_t *version);
/* What a database gets that is opened by this release: its schema, and what says whose it is. */
int64_t schema_newest(void);
int64_t schema_application(void);
/* Brings the schema of that version up to date (not when read only: then META_E_OLDER_SCHEMA if it is older), after a copy of it was kept. 0 or an
 * error. */
int schema_open(const struct meta *meta, sqlite3 *db, int64_t version);
/* Keeps the database of that schema beside it, as PATH.vVERSION, durably; one that is there already stays as it is. 0, or an error that
 * the log was told of: then nothing may be changed. */
int schema_keep_copy(const struct meta *meta, sqlite3 *db, int64_t version);

/* What a database says of itself: 1 with the identity, 0: its version knew none, or an error. */
int identity_find(sqlite3 *db, struct meta_identity *identity);
/* identity.c: asks whether the database is to be opened as it was left; see meta_options.admit. Writes nothing. *gives_up: what the log
 * holds after a gap is not to come back. 0 or an error. */
int identity_admit(const struct meta *meta, sqlite3 *db, int64_t version, bool *gives_up);

/* shrink.c: writes the database anew, without what is free, and so that it can shrink by itself from then on. Nobody else may have it
 * open. 0 or an error: it is as it was. */
int compact_run(const struct meta *meta, sqlite3 *db);

struct row_store;
/* row_store.c: the side that writes (rows/row_store.h). Takes the connection, on failure too. 0 or an error. */
int row_store_open(struct row_store **store, struct meta *meta, sqlite3 *db);

#endif
