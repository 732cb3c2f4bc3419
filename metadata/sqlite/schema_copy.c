/* SPDX-License-Identifier: MIT
 *
 * A copy of the database from before its schema is changed: a migration is the one step that an earlier release cannot take back.
 * The copy is made by SQLite, page by page, and so has all that the log holds; it is written under another name, synced, and renamed,
 * so that what has its name is whole.
 *
 * Runs once, on the thread that opens the database. */
#include "metadata/sqlite/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"

static int copy_sync(const char *path, int flags)
{
    int fd = io_open(AT_FDCWD, path, flags | O_CLOEXEC), err = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        err = -errno;
    (void)close(fd); /* synced already, or failed */
    return err;
}

/* All pages, as the connection sees them, into a new file. */
static int copy_pages(sqlite3 *db, sqlite3 *copy)
{
    sqlite3_backup *backup;
    int err =
        db_exec(copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"); /* it is synced as a whole */

    if (err != 0)
        return err;
    if ((backup = sqlite3_backup_init(copy, "main", db, "main")) == NULL)
        return meta_sql_error(sqlite3_errcode(copy));
    int code = sqlite3_backup_step(backup, -1);
    int end = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE)
        return meta_sql_error(end);
    return code == SQLITE_OK ? -EIO : meta_sql_error(code);
}

static int copy_write(sqlite3 *db, const char *path)
{
    sqlite3 *copy;
    int code = sqlite3_open_v2(path, &copy,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE,
                               NULL);
    int err = code == SQLITE_OK ? copy_pages(db, copy) : meta_sql_error(code);

    (void)sqlite3_close(copy); /* no statement is left: it cannot be refused */
    return err != 0 ? err : copy_sync(path, O_RDWR);
}

static int copy_name(const struct meta *meta, const char *from, const char *to)
{
    char *folder = sqlite3_mprintf("%s", meta->path);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    int err;

    if (folder == NULL)
        return -ENOMEM;
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    if (rename(from, to) != 0)
        err = -errno;
    else
        err = copy_sync(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY);
    sqlite3_free(folder);
    return err;
}

static int copy_make(const struct meta *meta, sqlite3 *db, const char *path)
{
    char *unfinished = sqlite3_mprintf("%s.new", path);
    int err;

    assert(!meta->options.read_only);
    if (unfinished == NULL)
        return -ENOMEM;
    if (unlink(unfinished) != 0 && errno != ENOENT) /* what a crash left */
        err = -errno;
    else if ((err = db_make_file(unfinished)) == 0 && (err = copy_write(db, unfinished)) == 0)
        err = copy_name(meta, unfinished, path);
    if (err != 0)
        (void)unlink(unfinished); /* the next try removes it otherwise */
    sqlite3_free(unfinished);
    return err;
}

int schema_keep_copy(const struct meta *meta, sqlite3 *db, int64_t version)
{
    char *path = sqlite3_mprintf("%s.v%lld", meta->path, (long long)version);
    int err = 0;

    assert(version > 0);
    if (path == NULL)
        return -ENOMEM;
    if (access(path, F_OK) == 0) {
        meta_log(meta, LOG_LEVEL_INFO, "%s is there already, and stays as it is", path);
    } else {
        meta_log(meta, LOG_LEVEL_INFO,
                 "the database is brought up to date; as it was, it is kept in %s, for the release that it "
                 "is from",
                 path);
        err = copy_make(meta, db, path);
    }
    if (err != 0)
        meta_log(meta, LOG_LEVEL_ERROR,
                 "no copy of the database can be made in %s: %s. Without one there would be no way back to "
                 "the release that it is from, so "
                 "it is left as it was: make room for a file as large as %s and its log",
                 path, meta_strerror(err), meta->path);
    sqlite3_free(path);
    return err;
}
