/* SPDX-License-Identifier: MIT
 *
 * The store as a whole: opening a data folder (one process at a time), closing it, free space, removing and
 * opening blobs by id, messages to the operator, and the list of waiters that ids and folders share.
 *
 * Any thread, unless the header says otherwise. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "storage/blob_internal.h"
#include "storage/sys.h"

#define FREE_BYTES_AGE_MS_MAX 1000u

/* ---- Waiters ---- */

void blob_waiter_push(struct blob_waiter_list *list, struct blob_waiter *waiter)
{
    assert(!waiter->queued);
    assert(waiter->ring != NULL);
    waiter->queued = true;
    waiter->next = list->head;
    list->head = waiter;
}

bool blob_waiter_remove(struct blob_waiter_list *list, struct blob_waiter *waiter)
{
    if (!waiter->queued)
        return false;
    for (struct blob_waiter **at = &list->head; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            waiter->queued = false;
            return true;
        }
    }
    return false;
}

void blob_waiter_move(struct blob_waiter_list *to, struct blob_waiter_list *from)
{
    struct blob_waiter **end = &to->head;

    while (*end != NULL)
        end = &(*end)->next;
    *end = from->head;
    from->head = NULL;
}

void blob_waiter_post(struct blob_waiter_list *list, int32_t result)
{
    while (list->head != NULL) {
        struct blob_waiter *waiter = list->head;
        list->head = waiter->next;
        waiter->queued = false;
        ring_post(waiter->ring, &waiter->op, result); /* from here on it is no longer ours to touch */
    }
}

/* ---- Messages ---- */

void blob_store_log(struct blob_store *store, enum storage_log_level level, const char *format, ...)
{
    char message[BLOB_LOG_BYTES];
    va_list args;

    if (store->options.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    store->options.log(store->options.log_ctx, level, message);
}

void blob_store_log_once(struct blob_store *store, atomic_bool *said, const char *message)
{
    if (!atomic_exchange(said, true))
        blob_store_log(store, STORAGE_LOG_WARNING, "%s", message);
}

void blob_store_grown(struct blob_store *store)
{
    if (store->options.on_grown != NULL)
        store->options.on_grown(store->options.grown_ctx);
}

/* ---- Opening and closing ---- */

static struct blob_store *store_create(const struct blob_store_options *options)
{
    struct blob_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return NULL;
    store->magic = BLOB_STORE_MAGIC;
    atomic_init(&store->refs, 1);
    store->options = *options;
    store->dir_fd = store->lock_fd = store->blobs_fd = store->staging_fd = store->ids.fd = -1;
    store->lost_fd = -1;
    pthread_mutex_init(&store->ids.lock, NULL);
    pthread_cond_init(&store->ids.wake, NULL);
    pthread_cond_init(&store->ids.promised, NULL);
    pthread_mutex_init(&store->folders_lock, NULL);
    pthread_mutex_init(&store->pins.lock, NULL);
    pthread_cond_init(&store->pins.moved, NULL);
    blob_damages_init(&store->damages);
    blob_cache_init(&store->cache);
    for (unsigned i = 0; i < BLOB_FOLDER_COUNT; ++i) {
        store->folders[i].store = store;
        store->folders[i].fd = -1;
        snprintf(store->folders[i].path, sizeof(store->folders[i].path), "%02x", i);
    }
    return store;
}

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
    blob_cache_free(&store->cache);
    blob_damages_free(&store->damages);
    blob_ids_free(&store->ids);
    close_unless_none(store->lost_fd);
    close_unless_none(store->staging_fd);
    close_unless_none(store->blobs_fd);
    close_unless_none(store->dir_fd);
    close_unless_none(store->lock_fd); /* last: the next process may start now */
    pthread_mutex_destroy(&store->folders_lock);
    pthread_cond_destroy(&store->pins.moved);
    pthread_mutex_destroy(&store->pins.lock);
    store->magic = 0;
    free(store);
}

/* A durable process relies on what it finds: rows on their bytes, journals on their rows. A process that leaves out its syncs ends with
 * much of it in the page cache only, also when it ends well. The file system is synced as a whole, for nobody knows which files it wrote. */
static int store_sync_found(struct blob_store *store)
{
    if (!store->options.durable || store->options.read_only || !store->ids.found_relaxed ||
        sys.syncfs(store->dir_fd) == 0)
        return 0;
    int err = -errno;
    blob_store_log(
        store, STORAGE_LOG_ERROR,
        "what a process with relaxed durability left cannot be synced: %s; the store is not opened",
        strerror(-err));
    return err;
}

int blob_store_open(struct blob_store **out, const char *data_dir, const struct blob_store_options *options)
{
    struct blob_store *store = store_create(options);
    int err;

    if (store == NULL)
        return -ENOMEM;
    if ((err = blob_layout_open_data(store, data_dir)) != 0 || (err = blob_lock_take(store)) != 0 ||
        (err = blob_layout_open(store)) != 0 || (err = blob_ids_open(store)) != 0 ||
        (err = store_sync_found(store)) != 0 ||
        (!options->read_only && (err = blob_layout_sync(store)) != 0)) {
        blob_store_release(store);
        return err;
    }
    store->residency = blob_residency_choose(store->lock_fd);
    *out = store;
    return 0;
}

void blob_store_close(struct blob_store *store)
{
    if (store == NULL)
        return;
    blob_ids_close(store);
    blob_store_release(store);
}

/* ---- Blobs by id ---- */

void blob_store_settle(struct blob_store *store, uint64_t blob)
{
    blob_ids_settle(&store->ids, blob);
}

int blob_store_remove(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int err = 0;

    if (store->options.read_only)
        return -EROFS;
    blob_path_format(path, blob);
    if (unlinkat(store->blobs_fd, path, 0) != 0 && errno != ENOENT)
        err = -errno;
    close_unless_none(blob_cache_drop(&store->cache, blob));
    return err;
}

int blob_store_open_fd(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    blob_path_format(path, blob);
    do
        fd = sys.openat(store->blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    while (fd < 0 && (errno == EINTR || (errno == EMFILE && blob_cache_shed(&store->cache) > 0)));
    return fd < 0 ? -errno : fd;
}

uint64_t blob_store_free_bytes(struct blob_store *store)
{
    struct timespec now;
    struct statvfs fs;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    /* Never 0, which stands for "not asked yet". */
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + FREE_BYTES_AGE_MS_MAX;
    uint64_t stamp_ms = atomic_load(&store->free_stamp_ms);

    if (stamp_ms != 0 && now_ms - stamp_ms < FREE_BYTES_AGE_MS_MAX)
        return atomic_load(&store->free_bytes);
    uint64_t free_bytes =
        UINT64_MAX; /* a file system that cannot say refuses the write itself when it is full */
    if (fstatvfs(store->blobs_fd, &fs) == 0)
        free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    atomic_store(&store->free_bytes, free_bytes);
    atomic_store(&store->free_stamp_ms, now_ms);
    return free_bytes;
}

/* ---- Closing in the ring ---- */

struct late_close {
    struct ring_op op;
    struct blob_store *store;
};

static void late_close_done(struct ring_op *op, int32_t result)
{
    struct late_close *late = (struct late_close *)op;

    /* The descriptor was only read from: there is nothing that a failed close could lose. */
    blob_store_release(late->store);
    free(late);
}

void blob_close_later(struct blob_store *store, struct ring *ring, int fd)
{
    if (fd < 0)
        return;
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
