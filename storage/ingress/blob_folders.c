/* SPDX-License-Identifier: MIT
 *
 * Folder syncs. A published name is safe once its folder was synced; publishers that wait for the same folder
 * at the same moment share one sync. A sync counts only for names that were linked before it began, so
 * whoever comes later waits for the next one, which starts as soon as the present one ends.
 *
 *   blob_folder_sync -> waiting --(a sync begins)--> running --(it ends)--> posted
 *
 * A batch runs on the ring of the publisher that found the folder idle, on behalf of publishers on any ring,
 * and it holds the store, so it survives the writer that started it. The folder is opened for each batch: 256
 * descriptors kept open would cost an embedding program more than one open per sync costs us. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/blob/blob_internal.h"

static void folder_open(struct blob_folder *folder);

unsigned blob_folder_failures(struct blob_store *store, unsigned index)
{
    assert(index < BLOB_FOLDER_COUNT);
    pthread_mutex_lock(&store->folders_lock);
    unsigned failures = store->folders[index].failures;
    pthread_mutex_unlock(&store->folders_lock);
    return failures;
}

/* Under the lock. Any other number says that something was lost meanwhile, 0 that nothing ever was: a disk that fails for days gets past
 * the last one. */
static void folder_note_lost(struct blob_folder *folder)
{
    if (++folder->failures == 0)
        folder->failures = 1;
}

void blob_folder_doubt(struct blob_store *store, unsigned index)
{
    pthread_mutex_lock(&store->folders_lock);
    folder_note_lost(&store->folders[index]);
    pthread_mutex_unlock(&store->folders_lock);
}

/* A failed sync leaves the state of every name linked so far unknown, so it fails those still waiting, too, and those that were linked
 * and do not wait yet (`failures`): a later sync that succeeds would prove nothing about pages the kernel has given up. */
static void folder_batch_end(struct blob_folder *folder, int result)
{
    struct blob_store *store = folder->store;
    assert(folder->active && result <= 0);
    int told = result != 0 ? disk_error(result) : 0;
    bool is_lost = result != 0 && folder->fd >= 0; /* else it could not even be opened: nothing was tried */

    if (folder->fd >= 0)
        close(folder->fd); /* a folder: nothing to free, nothing to flush */
    folder->fd = -1;
    pthread_mutex_lock(&store->folders_lock);
    blob_waiters_post(&folder->running, told);
    if (is_lost)
        folder_note_lost(folder);
    if (result != 0)
        blob_waiters_post(&folder->waiting, told);
    bool more = !queue_is_empty(&folder->waiting);
    folder->active = more;
    pthread_mutex_unlock(&store->folders_lock);

    if (result != 0)
        blob_store_log(store, LOG_LEVEL_ERROR, "cannot sync blobs/%s: %s", folder->path, strerror(-result));
    if (more)
        folder_open(folder);
    else
        blob_store_release(store);
}

static void folder_on_synced(struct ring_op *op, int32_t result)
{
    struct blob_folder *folder = OWNER_OF(op, struct blob_folder, op);

    folder_batch_end(folder, result < 0 ? result : 0);
}

static void folder_on_opened(struct ring_op *op, int32_t result)
{
    struct blob_folder *folder = OWNER_OF(op, struct blob_folder, op);

    if (result < 0) {
        folder_batch_end(folder, result);
        return;
    }
    assert(folder->fd < 0 && queue_is_empty(&folder->running));
    folder->fd = result;
    pthread_mutex_lock(&folder->store->folders_lock);
    queue_append(&folder->running, &folder->waiting);
    pthread_mutex_unlock(&folder->store->folders_lock);
    folder->op.done = folder_on_synced;
    ring_fsync(folder->ring, &folder->op, folder->fd);
}

static void folder_open(struct blob_folder *folder)
{
    folder->op.done = folder_on_opened;
    ring_openat(folder->ring, &folder->op, folder->store->blobs_fd, folder->path,
                O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

void blob_folder_sync(struct blob_store *store, unsigned index, unsigned failures, struct blob_waiter *waiter)
{
    struct blob_folder *folder = &store->folders[index];

    assert(index < BLOB_FOLDER_COUNT && waiter->ring != NULL && waiter->op.done != NULL);
    pthread_mutex_lock(&store->folders_lock);
    if (failures != folder->failures) {
        pthread_mutex_unlock(&store->folders_lock);
        ring_post(waiter->ring, &waiter->op, -EIO);
        return;
    }
    queue_push(&folder->waiting, &waiter->link);
    bool start = !folder->active;
    if (start) {
        folder->active = true;
        folder->ring = waiter->ring;
    }
    pthread_mutex_unlock(&store->folders_lock);
    if (start) {
        blob_store_hold(store);
        folder_open(folder);
    }
}

bool blob_folder_forget(struct blob_store *store, unsigned index, struct blob_waiter *waiter)
{
    struct blob_folder *folder = &store->folders[index];

    pthread_mutex_lock(&store->folders_lock);
    bool removed =
        queue_remove(&folder->waiting, &waiter->link) || queue_remove(&folder->running, &waiter->link);
    pthread_mutex_unlock(&store->folders_lock);
    return removed;
}
