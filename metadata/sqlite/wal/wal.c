/* SPDX-License-Identifier: MIT
 *
 * See wal.h. */
#include "metadata/sqlite/wal/wal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "metadata/sqlite/meta_sql.h"
#include "storage/base/disk_error.h"
#include "storage/base/io.h"

void wal_init(struct wal *wal)
{
    assert(wal != NULL);
    *wal = (struct wal){.fd = -1, .is_synced = true};
}

void wal_reserve(const char *log_path)
{
    int fd = io_open(AT_FDCWD, log_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, META_WAL_RESERVE_BYTES);
    (void)close(fd); /* nothing was written */
}

int wal_open(struct wal *wal, const char *log_path, bool leaves_syncs)
{
    assert(wal->fd < 0);
    wal->fd = io_open(AT_FDCWD, log_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    wal->leaves_syncs = leaves_syncs;
    return wal->fd < 0 ? -errno : 0;
}

void wal_close(struct wal *wal)
{
    if (wal->fd >= 0)
        (void)close(wal->fd); /* whoever wrote synced */
    wal->fd = -1;
}

int wal_set_synced(struct wal *wal, sqlite3 *db, bool is_synced)
{
    int code;

    if (!wal->leaves_syncs || wal->is_synced == is_synced)
        return 0;
    code = sqlite3_exec(db, is_synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                        NULL, NULL);
    if (code == SQLITE_OK)
        wal->is_synced = is_synced;
    return meta_sql_error(code);
}

void wal_commit_begin(struct wal *wal)
{
    assert(atomic_load(&wal->commits) % 2 == 0);
    if (!wal->is_synced)
        (void)atomic_fetch_add(&wal->commits, 1);
}

void wal_commit_end(struct wal *wal, int result)
{
    assert(result <= 0);
    if (!wal->is_synced)
        (void)atomic_fetch_add(&wal->commits, 1);
    assert(atomic_load(&wal->commits) % 2 == 0);
    if (result == -EIO)
        wal_suspect(wal);
}

/* Of the log's file, https://www.sqlite.org/fileformat2.html#walformat */
#define LOG_HEAD_BYTES  32
#define LOG_FRAME_BYTES (24 + 4096)

void wal_grown(struct wal *wal, int frames)
{
    assert(frames >= 0 && wal->frames_started >= 0);
    if (frames < wal->frames_started)
        wal->frames_started = 0; /* the log began anew */
    if (!wal->leaves_syncs || frames - wal->frames_started < META_WAL_FRAMES_WRITE)
        return;
    /* Only a beginning: whoever syncs meets and reports whatever is wrong. */
    (void)sync_file_range(wal->fd, LOG_HEAD_BYTES + (off_t)wal->frames_started * LOG_FRAME_BYTES,
                          (off_t)(frames - wal->frames_started) * LOG_FRAME_BYTES, SYNC_FILE_RANGE_WRITE);
    wal->frames_started = frames;
}

void wal_suspect(struct wal *wal)
{
    atomic_store(&wal->is_suspect, true);
}

bool wal_is_suspect(const struct wal *wal)
{
    return atomic_load(&wal->is_suspect);
}

bool wal_is_lost(const struct wal *wal)
{
    return atomic_load_explicit(&wal->is_lost, memory_order_relaxed);
}

void wal_made_good(struct wal *wal)
{
    assert(!atomic_load(&wal->is_lost));
    atomic_store(&wal->durable, atomic_load(&wal->commits));
    atomic_store(&wal->is_suspect, false);
}

int wal_make_durable(struct wal *wal)
{
    uint64_t commits = atomic_load(&wal->commits);

    if (wal_is_suspect(wal))
        return -EIO;
    /* Whoever saw a commit under way sees an odd number here, or a higher one than any sync before it did. */
    if (commits % 2 == 0 && commits == atomic_load(&wal->durable))
        return 0;
    assert(wal->fd >= 0);
    if (fdatasync(wal->fd) != 0) {
        int err = disk_error(-errno);
        wal_suspect(wal);
        return err;
    }
    if (wal_is_suspect(
            wal)) /* somebody else's sync failed meanwhile, and this one may have found nothing left to do */
        return -EIO;
    if (commits % 2 == 0)
        atomic_store(&wal->durable, commits);
    return 0;
}
