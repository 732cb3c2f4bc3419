/* SPDX-License-Identifier: MIT
 *
 * Descriptors of blobs kept open for reading: opening a file costs more than sending 4 KiB from it. A bounded
 * table; unreferenced entries wait in the order of their last use, and the oldest makes room. When everything
 * is in use and the table is full, a further blob gets an entry outside the table that closes with its last
 * reference.
 *
 * A removed blob leaves the table at once, so that its space comes back when its readers end. Blob ids are
 * never reused, so a stale entry could not show wrong bytes; it would only hold space. Any thread. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"

void blob_cache_init(struct blob_cache *cache)
{
    struct rlimit limit;

    pthread_mutex_init(&cache->lock, NULL);
    cache->idle.idle_next = cache->idle.idle_prev = &cache->idle;
    /* Sockets and pipes need theirs, too: at most a quarter of what this process may open. */
    cache->count_max = BLOB_DESCRIPTOR_CACHE_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < cache->count_max)
        cache->count_max = (unsigned)(limit.rlim_cur / 4);
}

static struct blob_file **bucket_find(struct blob_cache *cache, uint64_t blob)
{
    struct blob_file **at = &cache->buckets[blob % BLOB_CACHE_BUCKETS];

    while (*at != NULL && (*at)->blob != blob)
        at = &(*at)->hash_next;
    return at;
}

static void idle_remove(struct blob_file *file)
{
    file->idle_next->idle_prev = file->idle_prev;
    file->idle_prev->idle_next = file->idle_next;
    file->idle_next = file->idle_prev = NULL;
}

static void idle_append(struct blob_cache *cache, struct blob_file *file)
{
    assert(file->refs == 0 && file->idle_next == NULL);
    file->idle_prev = cache->idle.idle_prev;
    file->idle_next = &cache->idle;
    file->idle_prev->idle_next = file;
    file->idle_next->idle_prev = file;
    file->age = cache->age;
}

/* Takes a file out of the table. The caller frees it when nothing refers to it. */
static void cache_remove(struct blob_cache *cache, struct blob_file *file)
{
    struct blob_file **at = bucket_find(cache, file->blob);

    assert(*at == file && file->cached && cache->count > 0);
    *at = file->hash_next;
    file->cached = false;
    --cache->count;
    if (file->refs == 0)
        idle_remove(file);
}

/* Closes the entry used longest ago. Its name is still there, so the close is cheap. */
static bool cache_evict_one(struct blob_cache *cache)
{
    struct blob_file *oldest = cache->idle.idle_next;

    if (oldest == &cache->idle)
        return false;
    assert(oldest->refs == 0 && oldest->cached);
    cache_remove(cache, oldest);
    close(oldest->fd);
    free(oldest);
    return true;
}

static struct blob_file *cache_ref(struct blob_file *file)
{
    if (file->refs++ == 0)
        idle_remove(file);
    return file;
}

struct blob_file *blob_cache_get(struct blob_cache *cache, uint64_t blob)
{
    pthread_mutex_lock(&cache->lock);
    struct blob_file *file = *bucket_find(cache, blob);
    if (file != NULL)
        cache_ref(file);
    pthread_mutex_unlock(&cache->lock);
    return file;
}

int blob_cache_add(struct blob_cache *cache, uint64_t blob, int fd, struct blob_file **file)
{
    struct blob_file *fresh = calloc(1, sizeof(*fresh));
    struct stat st;

    assert(fd >= 0 && blob != 0);
    if (fresh == NULL) {
        close(fd);
        return -ENOMEM;
    }
    *fresh = (struct blob_file){.blob = blob, .fd = fd, .refs = 1};

    pthread_mutex_lock(&cache->lock);
    struct blob_file **at = bucket_find(cache, blob);
    if (*at != NULL) { /* somebody else was opening it, too */
        *file = cache_ref(*at);
        pthread_mutex_unlock(&cache->lock);
        close(fd);
        free(fresh);
        return 0;
    }
    if (cache->count < cache->count_max || cache_evict_one(cache)) {
        at = bucket_find(cache, blob); /* the evicted one may have stood in the same chain */
        *at = fresh;
        fresh->cached = true;
        ++cache->count;
        /* A blob that was unlinked before this moment must not stay: its blob_cache_drop may be over already.
         * One that is unlinked later is dropped after this lock is released. */
        if (fstat(fd, &st) != 0 || st.st_nlink == 0)
            cache_remove(cache, fresh);
    }
    pthread_mutex_unlock(&cache->lock);
    *file = fresh;
    return 0;
}

int blob_cache_release(struct blob_cache *cache, struct blob_file *file)
{
    int fd = -1;

    pthread_mutex_lock(&cache->lock);
    assert(file->refs > 0);
    bool last = --file->refs == 0;
    if (last && file->cached)
        idle_append(cache, file);
    last = last && !file->cached;
    pthread_mutex_unlock(&cache->lock);
    if (last) {
        fd = file->fd;
        free(file);
    }
    return fd;
}

int blob_cache_drop(struct blob_cache *cache, uint64_t blob)
{
    int fd = -1;

    pthread_mutex_lock(&cache->lock);
    struct blob_file *file = *bucket_find(cache, blob);
    if (file != NULL) {
        cache_remove(cache, file);
        if (file->refs == 0) {
            fd = file->fd;
            free(file);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return fd;
}

unsigned blob_cache_shed(struct blob_cache *cache)
{
    unsigned closed = 0;

    pthread_mutex_lock(&cache->lock);
    while (cache_evict_one(cache))
        ++closed;
    pthread_mutex_unlock(&cache->lock);
    return closed;
}

void blob_cache_close_idle(struct blob_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    ++cache->age;
    while (cache->idle.idle_next != &cache->idle && cache->age - cache->idle.idle_next->age > 1)
        (void)cache_evict_one(cache);
    pthread_mutex_unlock(&cache->lock);
}

void blob_cache_free(struct blob_cache *cache)
{
    blob_cache_shed(cache);
    assert(cache->count == 0); /* every reader holds the store */
    pthread_mutex_destroy(&cache->lock);
}
