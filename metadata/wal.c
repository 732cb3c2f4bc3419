/* SPDX-License-Identifier: MIT
 *
 * See wal.h. */
#include "metadata/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "metadata/meta_sql.h"

void wal_init(struct wal *wal)
{
    *wal = (struct wal){.fd = -1, .is_synced = true};
}

void wal_reserve(const char *log_path)
{
    int fd = open(log_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, META_WAL_RESERVE_BYTES);
    (void)close(fd); /* nothing was written */
}

void wal_open(struct wal *wal, const char *log_path)
{
    wal->fd = open(log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

void wal_close(struct wal *wal)
{
    if (wal->fd >= 0)
        (void)close(wal->fd); /* read only */
    wal->fd = -1;
}

int wal_set_synced(struct wal *wal, sqlite3 *db, bool is_synced)
{
    int code;

    if (wal->fd < 0 || wal->is_synced == is_synced)
        return 0;
    code = sqlite3_exec(db, is_synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                        NULL, NULL);
    if (code == SQLITE_OK)
        wal->is_synced = is_synced;
    return meta_sql_error(code);
}

void wal_commit_begin(struct wal *wal)
{
    if (!wal->is_synced)
        (void)atomic_fetch_add(&wal->commits, 1);
}

void wal_commit_end(struct wal *wal, int result)
{
    if (!wal->is_synced)
        (void)atomic_fetch_add(&wal->commits, 1);
    if (result == -EIO && wal->fd >= 0)
        atomic_store(&wal->is_suspect, true);
}

/* Of the log's file, https://www.sqlite.org/fileformat2.html#walformat */
#define LOG_HEAD_BYTES  32
#define LOG_FRAME_BYTES (24 + 4096)

void wal_grown(struct wal *wal, int frames)
{
    if (frames < wal->frames_started)
        wal->frames_started = 0; /* the log began anew */
    if (wal->fd < 0 || frames - wal->frames_started < META_WAL_FRAMES_WRITE)
        return;
    /* Only a beginning: whoever syncs meets and reports whatever is wrong. */
    (void)sync_file_range(wal->fd, LOG_HEAD_BYTES + (off_t)wal->frames_started * LOG_FRAME_BYTES,
                          (off_t)(frames - wal->frames_started) * LOG_FRAME_BYTES, SYNC_FILE_RANGE_WRITE);
    wal->frames_started = frames;
}

int wal_repair(struct wal *wal, sqlite3 *db)
{
    int log_frames, moved_frames;

    if (!atomic_load(&wal->is_suspect))
        return 0;
    int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_FULL, &log_frames, &moved_frames);
    if (code != SQLITE_OK || log_frames != moved_frames)
        return -EIO;
    atomic_store(&wal->is_suspect, false);
    return 0;
}

int wal_make_durable(struct wal *wal)
{
    uint64_t commits = atomic_load(&wal->commits);

    if (atomic_load(&wal->is_suspect))
        return -EIO;
    /* Whoever saw a commit under way sees an odd number here, or a higher one than any sync before it did. */
    if (commits % 2 == 0 && commits == atomic_load(&wal->durable))
        return 0;
    if (fdatasync(wal->fd) != 0) {
        atomic_store(&wal->is_suspect, true);
        return -errno;
    }
    if (commits % 2 == 0)
        atomic_store(&wal->durable, commits);
    return 0;
}
