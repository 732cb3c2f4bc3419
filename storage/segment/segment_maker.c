/* SPDX-License-Identifier: MIT
 *
 * Making segments, on a thread of its own: an id, a file with its name, a head, zeros, syncs. Whoever needs a segment finds it
 * made; only a first unit, or a burst that outruns the disk, waits.
 *
 * The order does not matter to a crash: the id is not settled, so recovery finds the file and, without a row that names it,
 * removes it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/thread.h"
#include "storage/segment/segment_internal.h"
#include "storage/base/sys.h"

/* Zeros written by one call. */
#define MAKER_CHUNK_BYTES (1u << 20)

struct segment_maker {
    struct blob_store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;  /* the thread has something to do */
    pthread_cond_t made;  /* it has done it */
    bool is_running, is_stopping;
    bool is_wanted;
    uint64_t bytes;          /* of the one that is wanted */
    struct segment *segment; /* made and not taken */
    int error;               /* of the last try, until somebody hears of it */
};

/* ---- Making one ---- */

/* chunk: MAKER_CHUNK_BYTES of zeros. */
static int fill(int fd, uint64_t bytes, const struct segment_head *head, char *chunk)
{
    int err = 0;

    segment_head_make(head, chunk);
    for (uint64_t at = 0; at < bytes && err == 0; at += MAKER_CHUNK_BYTES) {
        uint64_t left = bytes - at;

        err = write_whole(fd, chunk, left < MAKER_CHUNK_BYTES ? (size_t)left : MAKER_CHUNK_BYTES, at);
        if (at == 0)
            memset(chunk, 0, SEGMENT_ALIGN_BYTES);
    }
    return err;
}

/* Past the page cache, where that is possible: the zeros would only push other pages out of it. */
static int open_file(struct blob_store *store, const char *path, bool *is_direct)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd;

    *is_direct = true;
    fd = io_open(store->blobs_fd, path, flags | O_DIRECT, 0600);
    if (fd < 0 && errno == EINVAL) {
        *is_direct = false;
        /* The first try may have made the file before it was refused. */
        if (unlinkat(store->blobs_fd, path, 0) != 0 && errno != ENOENT)
            return -errno;
        fd = io_open(store->blobs_fd, path, flags, 0600);
    }
    return fd < 0 ? -errno : fd;
}

static int fill_and_sync(struct blob_store *store, struct segment *segment, bool is_direct)
{
    uint64_t bytes = store->options.durable ? segment->capacity : SEGMENT_ALIGN_BYTES;
    struct segment_head head = {.blob = segment->blob};
    char *chunk = mmap(NULL, MAKER_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int err;

    if (chunk == MAP_FAILED)
        return -ENOMEM;
    blob_store_identity(store, &head.identity);
    if (!store->options.durable)
        head.identity.epoch = 0; /* the owner's may be lost, and this one may not */
    err = fill(segment->fd, bytes, &head, chunk);
    munmap(chunk, MAKER_CHUNK_BYTES);
    if (err == 0 && is_direct && fcntl(segment->fd, F_SETFL, 0) != 0)
        err = -errno;
    if (err == 0 && store->options.durable && sys.fdatasync(segment->fd) != 0)
        err = -errno;
    return err != 0 ? err : blob_layout_sync_name(store, segment->blob);
}

static int make_file(struct blob_store *store, struct segment *segment)
{
    char path[BLOB_PATH_BYTES];
    bool is_direct;
    int err;

    blob_path_format(path, segment->blob);
    segment->fd = open_file(store, path, &is_direct);
    if (segment->fd == -EMFILE && blob_cache_shed(&store->cache) > 0)
        segment->fd = open_file(store, path, &is_direct);
    if (segment->fd < 0)
        return segment->fd;
    err = fill_and_sync(store, segment, is_direct);
    if (err == 0)
        return 0;
    close(segment->fd);
    int removed =
        unlinkat(store->blobs_fd, path, 0) == 0 ? blob_store_sync_removed(store, &segment->blob, 1) : -errno;
    if (removed != 0) {
        blob_store_log(store, LOG_LEVEL_ERROR, "cannot remove the unfinished segment blobs/%s: %s", path,
                       strerror(-removed));
        segment->blob = 0; /* unsettled on purpose: the next start finds it */
    }
    return err;
}

static int make_segment(struct blob_store *store, uint64_t bytes, struct segment **out)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    int err;

    assert(bytes >= SEGMENT_BYTES_MIN && bytes <= SEGMENT_BYTES_MAX && bytes % SEGMENT_ALIGN_BYTES == 0);
    if (segment == NULL)
        return -ENOMEM;
    segment->capacity = bytes;
    segment->used = SEGMENT_ALIGN_BYTES; /* the head */
    segment->journal = bytes;
    do {
        if ((err = blob_ids_take_wait(store, &segment->blob)) != 0)
            break;
        if ((err = make_file(store, segment)) != 0 && segment->blob != 0)
            blob_ids_settle(&store->ids, segment->blob);
    } while (err == -EEXIST); /* a file that this store did not put there: it stays, the next id will do */
    if (err != 0) {
        free(segment);
        return err;
    }
    segment_check(segment);
    *out = segment;
    return 0;
}

uint64_t segment_age(struct blob_store *store, const struct segment *segment)
{
    pthread_mutex_lock(&store->ids.lock);
    assert(segment->blob < store->ids.next);
    uint64_t age = store->ids.next - segment->blob;
    pthread_mutex_unlock(&store->ids.lock);
    return age;
}

void segment_discard(struct blob_store *store, struct segment *segment)
{
    assert(segment->used == SEGMENT_ALIGN_BYTES && segment->entries == 0); /* nothing is in it */

    int err = blob_store_remove(store, segment->blob);

    if (err == 0)
        err = blob_store_sync_removed(store, &segment->blob, 1);
    if (err == 0)
        blob_ids_settle(&store->ids, segment->blob);
    else /* unsettled on purpose: the next start finds it */
        blob_store_log(store, LOG_LEVEL_ERROR, "cannot remove the unused segment %016llx: %s",
                       (unsigned long long)segment->blob, strerror(-err));
    close(segment->fd);
    free(segment);
}

/* ---- The thread ---- */

static void *maker_main(void *arg)
{
    struct segment_maker *maker = arg;

    pthread_mutex_lock(&maker->lock);
    while (!maker->is_stopping) {
        struct segment *segment = NULL;
        uint64_t bytes = maker->bytes;
        int err;

        if (!maker->is_wanted) {
            pthread_cond_wait(&maker->wake, &maker->lock);
            continue;
        }
        pthread_mutex_unlock(&maker->lock);
        err = make_segment(maker->store, bytes, &segment);
        if (err == 0)
            blob_store_grown(maker->store);
        else if (disk_error(err) == -EIO)
            blob_store_log(maker->store, LOG_LEVEL_ERROR, "cannot make a segment: %s", strerror(-err));
        pthread_mutex_lock(&maker->lock);
        assert(maker->is_wanted && maker->segment == NULL);
        maker->is_wanted = false;
        maker->segment = segment;
        maker->error = err;
        pthread_cond_broadcast(&maker->made);
    }
    pthread_mutex_unlock(&maker->lock);
    return NULL;
}

/* Under the lock. */
static int maker_start(struct segment_maker *maker)
{
    int err = 0;

    if (!maker->is_running)
        err = thread_start(&maker->thread, "sluice-segment", maker_main, maker);
    if (err == 0)
        maker->is_running = true;
    return err;
}

/* Under the lock. */
static int maker_want(struct segment_maker *maker, uint64_t bytes)
{
    int err;

    assert(!maker->is_stopping);
    if (maker->segment != NULL || maker->is_wanted)
        return 0;
    if ((err = maker_start(maker)) != 0)
        return err;
    maker->bytes = bytes;
    maker->error = 0;
    maker->is_wanted = true;
    pthread_cond_signal(&maker->wake);
    return 0;
}

void segment_maker_want(struct segment_maker *maker, uint64_t bytes)
{
    pthread_mutex_lock(&maker->lock);
    (void)maker_want(maker, bytes); /* whoever takes it hears of the failure */
    pthread_mutex_unlock(&maker->lock);
}

int segment_maker_take(struct segment_maker *maker, uint64_t bytes, struct segment **segment)
{
    int err;

    pthread_mutex_lock(&maker->lock);
    err = maker_want(maker, bytes);
    while (err == 0 && maker->segment == NULL) {
        if (!maker->is_wanted)
            err = maker->error != 0 ? maker->error : -EIO;
        else
            pthread_cond_wait(&maker->made, &maker->lock);
    }
    assert(err <= 0);
    *segment = err == 0 ? maker->segment : NULL;
    if (err == 0)
        maker->segment = NULL;
    pthread_mutex_unlock(&maker->lock);
    return err;
}

void segment_maker_expire(struct segment_maker *maker)
{
    struct segment *expired = NULL;

    pthread_mutex_lock(&maker->lock);
    if (maker->segment != NULL && segment_age(maker->store, maker->segment) > BLOB_ID_BLOCK) {
        expired = maker->segment;
        maker->segment = NULL;
    }
    pthread_mutex_unlock(&maker->lock);
    if (expired != NULL)
        segment_discard(maker->store, expired);
}

struct segment_maker *segment_maker_create(struct blob_store *store)
{
    struct segment_maker *maker = calloc(1, sizeof(*maker));

    if (maker == NULL)
        return NULL;
    maker->store = store;
    pthread_mutex_init(&maker->lock, NULL);
    pthread_cond_init(&maker->wake, NULL);
    pthread_cond_init(&maker->made, NULL);
    return maker;
}

void segment_maker_destroy(struct segment_maker *maker)
{
    if (maker == NULL)
        return;
    pthread_mutex_lock(&maker->lock);
    maker->is_stopping = true;
    pthread_cond_signal(&maker->wake);
    pthread_mutex_unlock(&maker->lock);
    if (maker->is_running)
        thread_join(maker->thread);
    if (maker->segment != NULL)
        segment_discard(maker->store, maker->segment);
    pthread_cond_destroy(&maker->made);
    pthread_cond_destroy(&maker->wake);
    pthread_mutex_destroy(&maker->lock);
    free(maker);
}
