/* SPDX-License-Identifier: MIT
 *
 * The store while it is open: who holds it, removing and opening blobs by id.
 *
 * Any thread, unless the header says otherwise. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

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
    blob_room_close(&store->room);
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

uint64_t blob_store_cold_reads(const struct blob_store *store)
{
    return atomic_load_explicit(&store->cold_reads, memory_order_relaxed);
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
