/* SPDX-License-Identifier: MIT
 *
 * How much room the file system has, and what of it an upload may take.
 *
 * Those of this machine tell it from memory. One that other machines have, too, is asked over a network, or asks a program of its own, and
 * may not answer for as long as that is gone; and who wants to know is an event loop, often. So there a thread asks, and who wants to know
 * waits for a moment only: then what was known last has to do. */
#include <assert.h>
#include <errno.h>
#include <sys/statvfs.h>
#include <time.h>

#include "storage/base/clock.h"
#include "storage/base/sys.h"
#include "storage/base/thread.h"
#include "storage/blob/blob_internal.h"

#define FREE_BYTES_AGE_MS_MAX 1000u
#define ROOM_WAIT_MS          50u /* for one that usually answers in less than a millisecond */

/* ---- A file system that may not answer ---- */

static void *room_main(void *ctx)
{
    struct blob_store *store = ctx;
    struct blob_room *room = &store->room;
    struct statvfs fs;

    pthread_mutex_lock(&room->lock);
    while (!room->stops) {
        if (!room->is_asked) {
            pthread_cond_wait(&room->asked, &room->lock);
            continue;
        }
        pthread_mutex_unlock(&room->lock);
        int err = sys.fstatvfs(store->blobs_fd, &fs) == 0 ? 0 : -errno;
        pthread_mutex_lock(&room->lock);
        room->err = err;
        if (err == 0)
            room->fs = fs;
        room->is_asked = room->is_late = false;
        pthread_cond_broadcast(&room->told);
    }
    pthread_mutex_unlock(&room->lock);
    return NULL;
}

/* Who comes while an answer is late does not wait for it, too. */
static void room_wait(struct blob_room *room)
{
    struct timespec end;

    if (room->is_late)
        return;
    end = clock_monotonic_in(ROOM_WAIT_MS);
    room->is_asked = true;
    pthread_cond_signal(&room->asked);
    while (room->is_asked)
        if (pthread_cond_timedwait(&room->told, &room->lock, &end) != 0) {
            room->is_late = room->is_asked;
            break;
        }
}

/* As fstatvfs, of what is known. */
static int room_look(struct blob_store *store, struct statvfs *fs)
{
    struct blob_room *room = &store->room;
    int err;

    if (!store->options.shared_fs)
        return sys.fstatvfs(store->blobs_fd, fs);
    pthread_mutex_lock(&room->lock);
    if (!room->has_thread) {
        room->err = -EAGAIN; /* nothing is known yet */
        room->has_thread = thread_start(&room->thread, "sluice-room", room_main, store) == 0;
    }
    if (room->has_thread)
        room_wait(room);
    err = room->err;
    *fs = room->fs;
    pthread_mutex_unlock(&room->lock);
    return err == 0 ? 0 : -1;
}

void blob_room_open(struct blob_room *room)
{
    pthread_mutex_init(&room->lock, NULL);
    pthread_cond_init(&room->asked, NULL);
    thread_condition_init(&room->told);
}

void blob_room_close(struct blob_room *room)
{
    pthread_mutex_lock(&room->lock);
    room->stops = true;
    pthread_cond_signal(&room->asked);
    pthread_mutex_unlock(&room->lock);
    if (room->has_thread)
        thread_join(room->thread);
    pthread_cond_destroy(&room->told);
    pthread_cond_destroy(&room->asked);
    pthread_mutex_destroy(&room->lock);
}

/* ---- What an upload may take ---- */

/* *kept_bytes: of those, by min_free_*. A file system that cannot say refuses the write itself when it is full. */
static uint64_t free_bytes_now(struct blob_store *store, uint64_t *kept_bytes)
{
    uint64_t free_bytes = UINT64_MAX;
    uint64_t least = atomic_load(&store->min_free_bytes);
    struct statvfs fs;

    *kept_bytes = 0;
    if (room_look(store, &fs) == 0) {
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
