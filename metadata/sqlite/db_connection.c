/* SPDX-License-Identifier: MIT
 *
 * Connections to the database: how they are opened, their pragmas, a statement without ceremony.
 *
 * Who has a connection: the committer (the only writer), its checkpoint thread, and every reader. Connections
 * are never shared between threads, so they are opened without mutexes. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/sqlite/database.h"

#include "storage/base/io.h"

/* One process at a time has the database open (its owner holds a lock on the folder), and this VFS makes use
 * of that: the index of the log lives on the heap, not in a file shared with other processes, and a read
 * transaction locks with a mutex, not with four calls of fcntl.
 *
 * A read-only database is not locked at all, and nothing is made beside it: with a log, the index of the log lies on the heap, too;
 * without one, the file is all there is. */
#define VFS_EXCLUSIVE "unix-excl"
#define VFS_UNLOCKED  "unix-none"

/* The committer's cache stays valid, since nobody else writes: room for the inner pages of large stores. */
#define WRITER_CACHE_KIB 65536
/* A reader's cache is dropped when it finds that something was committed. Mapping the file instead was
 * measured: it gains nothing while the cache holds, and it would turn an I/O error of the disk into a SIGBUS. */
#define READER_CACHE_KIB 16384

int db_exec(sqlite3 *db, const char *text)
{
    assert(db != NULL && text != NULL);
    return meta_sql_error(sqlite3_exec(db, text, NULL, NULL, NULL));
}

int db_query_int(sqlite3 *db, const char *text, int64_t *value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);

    assert(value != NULL);
    if (code != SQLITE_OK)
        return meta_sql_error(code);
    int row = meta_sql_row(statement);
    if (row > 0)
        *value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    if (row == 0)
        return META_E_CORRUPT;
    return row < 0 ? row : 0;
}

static bool log_exists(const struct meta *meta)
{
    char *path = sqlite3_mprintf("%s-wal", meta->path);
    struct stat st;
    bool exists = path != NULL && stat(path, &st) == 0 && st.st_size > 0;

    sqlite3_free(path);
    return exists;
}

/* The path as a URI that promises that nobody changes the file. NULL: no memory. */
static char *path_as_immutable(const char *path)
{
    sqlite3_str *uri = sqlite3_str_new(NULL);

    assert(path != NULL);
    sqlite3_str_appendall(uri, "file:");
    for (const char *at = path; *at != '\0'; ++at) {
        if (isalnum((unsigned char)*at) || strchr("/._-", *at) != NULL)
            sqlite3_str_appendchar(uri, 1, *at);
        else
            sqlite3_str_appendf(uri, "%%%02x", (unsigned char)*at);
    }
    sqlite3_str_appendall(uri, "?immutable=1");
    return sqlite3_str_finish(uri);
}

static int db_open_read_only(const struct meta *meta, int flags, sqlite3 **db)
{
    if (log_exists(meta)) {
        int code = sqlite3_open_v2(meta->path, db, flags, VFS_UNLOCKED);

        return code == SQLITE_OK ? sqlite3_exec(*db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL)
                                 : code;
    }
    char *uri = path_as_immutable(meta->path);
    int code = uri == NULL ? SQLITE_NOMEM : sqlite3_open_v2(uri, db, flags | SQLITE_OPEN_URI, VFS_UNLOCKED);
    sqlite3_free(uri);
    return code;
}

int db_keep_log(sqlite3 *db)
{
    return meta_sql_error(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL));
}

/* SQLite would make it readable by everybody whom the umask lets. An empty file is a new database to it, and the log gets the mode of its
 * database. O_EXCL: what is there already is not opened, for closing it would end the locks that this process has on it. */
int db_make_file(const char *path)
{
    int fd = io_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    (void)close(fd); /* nothing was written */
    return 0;
}

int db_open(const struct meta *meta, int flags, sqlite3 **db)
{
    int code, err;

    assert(meta->path != NULL);
    *db = NULL;
    if ((flags & SQLITE_OPEN_CREATE) != 0 && (err = db_make_file(meta->path)) != 0)
        return err;
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
    code = meta->options.read_only ? db_open_read_only(meta, flags, db)
                                   : sqlite3_open_v2(meta->path, db, flags, VFS_EXCLUSIVE);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*db, DB_BUSY_MS_MAX);
    if (code == SQLITE_OK && meta->options.read_only)
        code = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        return 0;
    int system_errno = *db == NULL ? 0 : sqlite3_system_errno(*db);
    (void)sqlite3_close(*db); /* nothing was prepared: it cannot be refused */
    *db = NULL;
    return (code & 0xff) == SQLITE_CANTOPEN && system_errno != 0 ? -system_errno : meta_sql_error(code);
}

int db_set_pragmas(const struct meta *meta, enum db_use use, sqlite3 *db)
{
    char text[256];

    if (use == DB_READ)
        (void)snprintf(text, sizeof(text),
                       "PRAGMA query_only = ON; PRAGMA cache_size = -%d; PRAGMA mmap_size = 0",
                       READER_CACHE_KIB);
    else
        /* wal_autocheckpoint is off: checkpoint.c decides when. NORMAL: no commit is synced, but a checkpoint syncs the log before it
         * writes to the database, and that before the log starts anew. So a power failure takes the latest commits, and nothing else. */
        (void)snprintf(text, sizeof(text),
                       "PRAGMA synchronous = %s; PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
                       " PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %lld",
                       meta->options.durable ? "FULL" : "NORMAL", WRITER_CACHE_KIB,
                       (long long)META_WAL_FRAMES_TARGET * 4 * 4096);
    return db_exec(db, text);
}

int db_connect(const struct meta *meta, enum db_use use, sqlite3 **db)
{
    int flags = use == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int err = db_open(meta, flags, db);

    assert(meta->engine != NULL);
    if (err == 0 && (err = db_set_pragmas(meta, use, *db)) != 0) {
        (void)sqlite3_close(*db); /* nothing was prepared: it cannot be refused */
        *db = NULL;
    }
    return err;
}

int db_identify(const struct meta *meta, dev_t *device, ino_t *inode)
{
    struct stat st;

    if (stat(meta->path, &st) != 0)
        return -errno;
    *device = st.st_dev;
    *inode = st.st_ino;
    return 0;
}

int db_stayed(const struct meta *meta)
{
    dev_t device = 0;
    ino_t inode = 0;
    int err = db_identify(meta, &device, &inode);

    assert(meta->engine != NULL);
    if (err == 0 && device == meta->engine->device && inode == meta->engine->inode)
        return 0;
    meta_log(meta, LOG_LEVEL_ERROR, "%s is no longer the database that was opened: was its folder moved?",
             meta->path);
    return -ESTALE;
}
