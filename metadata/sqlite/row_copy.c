/* SPDX-License-Identifier: MIT
 *
 * Copies of the database by SQLite's backup, page by page, while it is open: a read transaction around all steps keeps them to one moment. As
 * long as it lasts the log cannot begin anew, so the committer does not wait for that meanwhile (row_engine.copies).
 *
 * In order: writing one, reading one. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "metadata/limits.h"
#include "metadata/meta_backup.h"
#include "metadata/sqlite/calls.h"
#include "metadata/sqlite/database.h"
#include "storage/base/io.h"

/* ---- Writing ---- */

static int copy_steps(sqlite3_backup *backup, bool (*is_over)(void *ctx), void *ctx)
{
    int code;

    do {
        if (is_over != NULL && is_over(ctx))
            return -ECANCELED;
        code = sqlite3_backup_step(backup, META_COPY_PAGES);
    } while (code == SQLITE_OK);
    return code == SQLITE_DONE ? 0 : code == SQLITE_BUSY ? -EBUSY : meta_sql_error(code);
}

/* db: in a read transaction. */
static int copy_pages(sqlite3 *db, sqlite3 *copy, bool (*is_over)(void *ctx), void *ctx)
{
    sqlite3_backup *backup;
    int err =
        db_exec(copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"); /* it is synced as a whole */

    if (err != 0)
        return err;
    if ((backup = sqlite3_backup_init(copy, "main", db, "main")) == NULL)
        return meta_sql_error(sqlite3_errcode(copy));
    err = copy_steps(backup, is_over, ctx);
    int end = sqlite3_backup_finish(backup);
    return err != 0 || end == SQLITE_OK ? err : meta_sql_error(end);
}

static int copy_sync(const char *path)
{
    int fd = io_open(AT_FDCWD, path, O_RDWR | O_CLOEXEC), err = 0;

    if (fd < 0)
        return -errno;
    if (fdatasync(fd) != 0)
        err = -errno;
    (void)close(fd); /* synced already, or failed */
    return err;
}

static int copy_write(sqlite3 *db, const char *path, bool (*is_over)(void *ctx), void *ctx)
{
    sqlite3 *copy;
    int64_t pages;
    int code = sqlite3_open_v2(
        path, &copy,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE, NULL);
    int err = code == SQLITE_OK ? db_exec(db, "BEGIN") : meta_sql_error(code);

    /* The moment is that of the first read. */
    if (err == 0 && (err = db_query_int(db, "SELECT count(*) FROM sqlite_schema", &pages)) == 0)
        err = copy_pages(db, copy, is_over, ctx);
    (void)sqlite3_close(copy); /* no statement is left: it cannot be refused */
    return err != 0 ? err : copy_sync(path);
}

static int copy_make(struct meta *meta, const char *path, bool (*is_over)(void *ctx), void *ctx)
{
    sqlite3 *db;
    int err = db_connect(meta, DB_READ, &db);

    if (err != 0)
        return err;
    if ((err = db_stayed(meta)) == 0)
        err = copy_write(db, path, is_over, ctx);
    (void)sqlite3_close(db); /* the same; it ends the transaction */
    return err;
}

int meta_backup_write(struct meta *meta, const char *path, bool (*is_over)(void *ctx), void *ctx)
{
    int err = 0;

    assert(meta->engine != NULL);
    if (meta->calls != &sqlite_calls)
        return -EOPNOTSUPP; /* the rows are another server's, which has means of its own */
    if (unlink(path) != 0 && errno != ENOENT)
        return -errno;
    if ((err = db_make_file(path)) != 0)
        return err;
    atomic_fetch_add(&meta->engine->copies, 1);
    err = copy_make(meta, path, is_over, ctx);
    atomic_fetch_sub(&meta->engine->copies, 1);
    if (err != 0)
        (void)unlink(path); /* whoever wanted it removes it otherwise */
    if (err != 0 && err != -ECANCELED)
        meta_log(meta, LOG_LEVEL_WARNING, "no copy of the rows can be made in %s: %s", path,
                 meta_strerror(err));
    return err;
}

/* ---- Reading ---- */

struct meta_copy {
    sqlite3 *db;
    sqlite3_stmt *units, *has;
};

static int copy_prepare(struct meta_copy *copy)
{
    int code = sqlite3_prepare_v2(
        copy->db, "SELECT file, unit_offset, length FROM unit WHERE refs > 0 ORDER BY file, unit_offset", -1,
        &copy->units, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(copy->db, "SELECT 1 FROM unit WHERE file = ?1 AND refs > 0 LIMIT 1", -1,
                                  &copy->has, NULL);
    return meta_sql_error(code);
}

int meta_copy_open(struct meta_copy **out, const char *path)
{
    const struct meta meta = {.path = (char *)path, .options = {.read_only = true}};
    struct meta_copy *copy;
    int64_t version;
    int err;

    if (access(path, F_OK) != 0)
        return -errno;
    if ((copy = calloc(1, sizeof(*copy))) == NULL)
        return -ENOMEM;
    if ((err = db_open(&meta, SQLITE_OPEN_READONLY, &copy->db)) == 0 &&
        (err = schema_identify(copy->db, &version)) == 0)
        err = version == 0 ? META_E_NOT_OURS : copy_prepare(copy);
    if (err != 0) {
        meta_copy_close(copy);
        return err;
    }
    *out = copy;
    return 0;
}

void meta_copy_close(struct meta_copy *copy)
{
    if (copy == NULL)
        return;
    (void)sqlite3_finalize(copy->units); /* repeats the error of the step */
    (void)sqlite3_finalize(copy->has);
    (void)sqlite3_close(copy->db); /* no statement is left: it cannot be refused */
    free(copy);
}

int meta_copy_identity(struct meta_copy *copy, struct meta_identity *identity)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(copy->db, "SELECT id, epoch FROM store", -1, &statement, NULL);

    if (code != SQLITE_OK)
        return meta_sql_error(code);
    int found = meta_sql_row(statement);
    struct slice id = found > 0 ? meta_sql_column(statement, 0) : slice_of("", 0);
    if (id.len == sizeof(identity->store)) {
        (void)slice_copy(identity->store, id);
        identity->epoch = (uint64_t)sqlite3_column_int64(statement, 1);
    } else if (found >= 0) {
        found = META_E_CORRUPT;
    }
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    return found < 0 ? found : 0;
}

int meta_copy_last(struct meta_copy *copy, uint64_t *file)
{
    int64_t last = 0;
    int err = db_query_int(copy->db, "SELECT ifnull(max(file), 0) FROM unit", &last);

    *file = err == 0 && last > 0 ? (uint64_t)last : 0;
    return err == 0 && last < 0 ? META_E_CORRUPT : err;
}

int meta_copy_next(struct meta_copy *copy, struct meta_copy_unit *unit)
{
    int found = meta_sql_row(copy->units);
    int64_t offset, length;

    if (found <= 0)
        return found;
    unit->file = (uint64_t)sqlite3_column_int64(copy->units, 0);
    offset = sqlite3_column_int64(copy->units, 1);
    length = sqlite3_column_int64(copy->units, 2);
    if ((int64_t)unit->file <= 0 || offset < 0 || length < 0 || offset > INT64_MAX - length ||
        (offset > 0 && length == 0))
        return META_E_CORRUPT;
    unit->offset = (uint64_t)offset;
    unit->length = (uint64_t)length;
    return 1;
}

void meta_copy_rewind(struct meta_copy *copy)
{
    (void)sqlite3_reset(copy->units); /* repeats the error of the step */
}

int meta_copy_has(struct meta_copy *copy, uint64_t file)
{
    int code = sqlite3_bind_int64(copy->has, 1, (int64_t)file);
    int found = code == SQLITE_OK ? meta_sql_row(copy->has) : meta_sql_error(code);

    (void)sqlite3_reset(copy->has); /* the same */
    return found;
}
