/* SPDX-License-Identifier: MIT
 *
 * Making a database anew; see meta_recover.h. It gets the name that was asked for only as a whole: it is made as NAME.new. */
#include "metadata/sqlite/recover/recover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"

static int rows_make(struct recovery *recovery)
{
    struct meta_recover_report *report = recovery->report;
    int err;

    if ((err = schema_open(&recovery->meta, recovery->db, 0)) != 0 ||
        (err = recover_prepare(recovery)) != 0 || (err = recover_chronicle(recovery)) != 0)
        return err;
    if ((!report->is_chronicle_complete || report->chronicle_damaged > 0) &&
        (err = recover_salvage(recovery)) != 0)
        return err;
    if (report->chronicle_entries == 0 && !report->is_chronicle_complete && !report->is_database_read)
        return META_E_NO_BUCKET;
    if (!report->has_store && recovery->options->store != NULL) {
        report->has_store = true;
        memcpy(report->identity.store, recovery->options->store, sizeof(report->identity.store));
    }
    if (report->identity.epoch < recovery->options->epoch)
        report->identity.epoch = recovery->options->epoch;
    report->identity.epoch += recovery->options->epoch_ahead;
    return recover_settle(recovery);
}

static int file_sync(const char *path, int flags)
{
    int fd = io_open(AT_FDCWD, path, flags | O_CLOEXEC), err = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        err = -errno;
    (void)close(fd); /* was synced */
    return err;
}

/* The new database is whole: it leaves its log, goes to the disk, and gets its name. */
static int finish(struct recovery *recovery)
{
    const char *to = recovery->options->to;
    char *folder = strdup(to);
    int err = folder == NULL ? -ENOMEM : db_exec(recovery->db, "COMMIT");

    if (err == 0)
        err = meta_sql_error(
            sqlite3_wal_checkpoint_v2(recovery->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
    recover_finalize(recovery);
    if (sqlite3_close(recovery->db) != SQLITE_OK && err == 0)
        err = -EIO;
    recovery->db = NULL;
    if (err == 0 && (err = file_sync(recovery->meta.path, O_RDONLY)) == 0 &&
        rename(recovery->meta.path, to) != 0)
        err = -errno;
    if (err == 0) {
        char *slash = strrchr(folder, '/');

        if (slash != NULL)
            *slash = '\0';
        err = file_sync(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY);
    }
    free(folder);
    return err;
}

static void clear(const struct recovery *recovery)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char *path;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (asprintf(&path, "%s%s", recovery->meta.path, ends[i]) >= 0) {
            (void)unlink(path); /* else it lies there, and is nobody's */
            free(path);
        }
}

int meta_recover(const struct meta_recover_options *options, struct meta_recover_report *report)
{
    struct recovery recovery = {.options = options, .report = report};
    struct stat st;
    char *path;
    int err;

    *report = (struct meta_recover_report){.has_store = false};
    if (stat(options->to, &st) == 0)
        return -EEXIST;
    if (asprintf(&path, "%s.new", options->to) < 0)
        return -ENOMEM;
    recovery.meta.path = path;
    recovery.meta.options.log = options->log;
    recovery.meta.options.log_ctx = options->log_ctx;
    clear(&recovery);
    if ((err = db_open(&recovery.meta, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &recovery.db)) == 0 &&
        (err = rows_make(&recovery)) != 0 && err != META_E_NO_BUCKET)
        meta_log(&recovery.meta, LOG_LEVEL_ERROR, "%s cannot be made: %s (%s)", options->to,
                 meta_strerror(err), sqlite3_errmsg(recovery.db));
    if (err == 0) {
        err = finish(&recovery);
    } else if (recovery.db != NULL) {
        recover_finalize(&recovery);
        (void)sqlite3_close(recovery.db); /* is removed */
    }
    clear(&recovery);
    free(path);
    return err;
}
