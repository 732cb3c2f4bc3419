/* SPDX-License-Identifier: MIT
 *
 * The store while it is open: who holds it, removing and opening blobs by id, free space.
 *
 * Any thread, unless the header says otherwise. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

#define FREE_BYTES_AGE_MS_MAX 1000u

/* ---- Who holds it ---- */

static void close_unless_none(int fd)
{
    if (fd >= 0)
        close(fd);
}

void blob_store_hold(struct blob_store *store)
{
    assert(store->magic == BLOB_STORE_MAGIC);
    atomic_fetch_add(&store->refs, 1);
}

void blob_store_release(struct blob_store *store)
{
    assert(store->magic == BLOB_STORE_MAGIC);
    if (atomic_fetch_sub(&store->refs, 1) != 1)
        return;
    assert(store->pins.known == NULL);
    assert(store->pins.unknown == NULL);
    for (unsigned i = 0; i < BLOB_FOLDER_COUNT; ++i)
        assert(!store->folders[i].active); /* it holds the store */
    blob_cache_free(&store->cache);
    hot_units_free(store->hot);
    blob_damages_free(&store->damages);
    blob_ids_free(&store->ids);
    close_unless_none(store->lost_fd);
    close_unless_none(store->staging_fd);
    close_unless_none(store->staging_all_fd);
    close_unless_none(store->blobs_fd);
    close_unless_none(store->dir_fd);
    close_unless_none(store->lock_fd); /* last: the next process may start now */
    pthread_mutex_destroy(&store->folders_lock);
    pthread_cond_destroy(&store->pins.moved);
    pthread_mutex_destroy(&store->pins.look_lock);
    pthread_mutex_destroy(&store->pins.lock);
    store->magic = 0;
    free(store);
}

/* ---- Blobs by id ---- */

void blob_store_close_idle(struct blob_store *store)
{
    blob_cache_close_idle(&store->cache);
}

void blob_store_settle(struct blob_store *store, uint64_t blob)
{
    blob_ids_settle(&store->ids, blob);
}

void blob_store_settle_segment(struct blob_store *store, uint64_t blob)
{
    blob_ids_settle(&store->ids, blob);
    blob_ids_tell(store, blob);
}

int blob_store_remove(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int err = 0;

    assert(store->magic == BLOB_STORE_MAGIC);
    if (store->options.read_only)
        return -EROFS;
    blob_path_format(path, blob);
    if (unlinkat(store->blobs_fd, path, 0) != 0 && errno != ENOENT)
        err = disk_error(-errno);
    close_unless_none(blob_cache_drop(&store->cache, blob));
    return err;
}

int blob_store_open_fd(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    assert(store->magic == BLOB_STORE_MAGIC);
    if (blob_is_row(blob))
        return blob_row_open(store, blob);
    blob_path_format(path, blob);
    do
        fd = io_open(store->blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    while (fd < 0 && errno == EMFILE && blob_cache_shed(&store->cache) > 0);
    return fd < 0 ? disk_error(-errno) : fd;
}

int blob_store_folder_fd(const struct blob_store *store)
{
    return store->dir_fd;
}

/* *kept_bytes: of those, by min_free_*. A file system that cannot say refuses the write itself when it is full. */
static uint64_t free_bytes_now(struct blob_store *store, uint64_t *kept_bytes)
{
    uint64_t free_bytes = UINT64_MAX;
    uint64_t least = atomic_load(&store->min_free_bytes);
    struct statvfs fs;

    *kept_bytes = 0;
    if (fstatvfs(store->blobs_fd, &fs) == 0) {
        free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
        *kept_bytes = (uint64_t)fs.f_blocks * fs.f_frsize / 100 * atomic_load(&store->min_free_share);
    }
    if (*kept_bytes < least)
        *kept_bytes = least;
    return free_bytes;
}

void blob_store_keep_free(struct blob_store *store, uint64_t bytes, unsigned share)
{
    assert(share <= 100);
    atomic_store(&store->min_free_bytes, bytes);
    atomic_store(&store->min_free_share, share);
    atomic_store(&store->free_stamp_ms, 0); /* the next upload asks the file system */
}

uint64_t blob_store_cold_reads(const struct blob_store *store)
{
    return atomic_load_explicit(&store->cold_reads, memory_order_relaxed);
}

uint64_t blob_store_room_now(struct blob_store *store)
{
    uint64_t kept_bytes, free_bytes = free_bytes_now(store, &kept_bytes);

    if (free_bytes == UINT64_MAX)
        return UINT64_MAX;
    return free_bytes > kept_bytes ? free_bytes - kept_bytes : 0;
}

uint64_t blob_store_free_bytes(struct blob_store *store)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    /* Never 0, which stands for "not asked yet". */
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + FREE_BYTES_AGE_MS_MAX;
    uint64_t stamp_ms = atomic_load(&store->free_stamp_ms);

    if (stamp_ms != 0 && now_ms - stamp_ms < FREE_BYTES_AGE_MS_MAX)
        return atomic_load(&store->free_bytes);
    uint64_t kept_bytes, free_bytes = free_bytes_now(store, &kept_bytes);
    atomic_store(&store->kept_bytes, kept_bytes);
    atomic_store(&store->free_bytes, free_bytes);
    atomic_store(&store->free_stamp_ms, now_ms);
    return free_bytes;
}

uint64_t blob_store_room_bytes(struct blob_store *store)
{
    uint64_t free_bytes = blob_store_free_bytes(store), kept_bytes = atomic_load(&store->kept_bytes);

    return free_bytes > kept_bytes ? free_bytes - kept_bytes : 0;
}

bool blob_store_takes(struct blob_store *store, uint64_t bytes)
{
    uint64_t least = bytes == UINT64_MAX || bytes == 0 ? 1 : bytes, kept_bytes;
    uint64_t first = least < WRITER_RESERVE_STEP_BYTES ? least : WRITER_RESERVE_STEP_BYTES;
    uint_fast64_t free_bytes = blob_store_free_bytes(store);

    kept_bytes = atomic_load(&store->kept_bytes);
    do {
        if (free_bytes < kept_bytes || free_bytes - kept_bytes < least)
            return false;
        if (kept_bytes == 0 || free_bytes == UINT64_MAX)
            return true;
    } while (!atomic_compare_exchange_weak(&store->free_bytes, &free_bytes, free_bytes - first));
    return true;
}

/* ---- Closing in the ring ---- */

struct late_close {
    struct ring_op op;
    struct blob_store *store;
};

static void late_close_done(struct ring_op *op, int32_t result)
{
    struct late_close *late = OWNER_OF(op, struct late_close, op);

    /* The descriptor was only read from: there is nothing that a failed close could lose. */
    blob_store_release(late->store);
    free(late);
}

void blob_close_later(struct blob_store *store, struct ring *ring, int fd)
{
    if (fd < 0)
        return;
    assert(ring != NULL);
    struct late_close *late = calloc(1, sizeof(*late));
    if (late == NULL) {
        close(fd);
        return;
    }
    blob_store_hold(
        store); /* close means closed: LOCK is not given up while the space is still being freed */
    late->store = store;
    late->op.done = late_close_done;
    ring_close(ring, &late->op, fd);
}
