/* SPDX-License-Identifier: MIT
 *
 * Opening a data folder, one process at a time, and closing it. Blocks. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

static struct blob_store *store_create(const struct blob_store_options *options)
{
    struct blob_store *store = calloc(1, sizeof(*store));

    if (store == NULL || hot_units_create(&store->hot, hot_units_room()) != 0) {
        free(store);
        return NULL;
    }
    store->magic = BLOB_STORE_MAGIC;
    atomic_init(&store->refs, 1);
    store->options = *options;
    atomic_init(&store->min_free_bytes, options->min_free_bytes);
    atomic_init(&store->min_free_share, options->min_free_share);
    store->dir_fd = store->lock_fd = store->blobs_fd = store->staging_fd = store->ids.fd = -1;
    store->lost_fd = store->staging_all_fd = -1;
    pthread_mutex_init(&store->ids.lock, NULL);
    pthread_cond_init(&store->ids.wake, NULL);
    pthread_cond_init(&store->ids.promised, NULL);
    pthread_mutex_init(&store->folders_lock, NULL);
    pthread_mutex_init(&store->pins.lock, NULL);
    pthread_mutex_init(&store->pins.look_lock, NULL);
    pthread_cond_init(&store->pins.moved, NULL);
    blob_room_open(&store->room);
    blob_damages_init(&store->damages);
    blob_cache_init(&store->cache);
    for (unsigned i = 0; i < BLOB_FOLDER_COUNT; ++i) {
        store->folders[i].store = store;
        store->folders[i].fd = -1;
        snprintf(store->folders[i].path, sizeof(store->folders[i].path), "%02x", i);
    }
    return store;
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
        store, LOG_LEVEL_ERROR,
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
        (err = blob_layout_open(store)) != 0 || (err = blob_shared_admit(store)) != 0 ||
        (err = blob_ids_open(store)) != 0 || (err = store_sync_found(store)) != 0 ||
        (!options->read_only && (err = blob_layout_sync(store)) != 0)) {
        blob_store_release(store);
        return err;
    }
    assert(store->dir_fd >= 0 && store->lock_fd >= 0 && store->blobs_fd >= 0);
    store->residency = blob_residency_choose(store->lock_fd);
    *out = store;
    return 0;
}

void blob_store_close(struct blob_store *store)
{
    if (store == NULL)
        return;
    assert(store->magic == BLOB_STORE_MAGIC);
    blob_ids_close(store);
    blob_store_release(store);
}
