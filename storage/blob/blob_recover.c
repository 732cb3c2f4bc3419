/* SPDX-License-Identifier: MIT
 *
 * After a crash: what no row names is removed where an unfinished upload explains it, and moves to lost/ where nothing does; what lies
 * between the units of segments is given back.
 *
 * Blocks; at the start, before the first writer. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"

/* Files with a log line of their own when they are moved; the rest is only counted. */
#define MOVES_TOLD_MAX 100u

/* Above this many ids, reading the folders is cheaper than asking for each name. */
#define RECOVER_PROBES_MAX (16u * BLOB_ID_BLOCK)

struct recovery {
    struct blob_store *store;
    int (*is_live)(void *ctx, uint64_t blob);
    blob_units_fn units;
    void *ctx;
    uint64_t first, end; /* only ids in [first, end) may be orphans */
    bool moves; /* files that no row names to lost/, for they may be more than what unfinished uploads left */
    bool leaves_gaps; /* in segments, for the same reason */
    uint64_t removed, moved;
    int move_error; /* the last one */
    bool touched[BLOB_FOLDER_COUNT];
};

/* What cannot be moved stays where it is, as the check will say. */
static void recover_move(struct recovery *recovery, uint64_t blob, uint64_t size_bytes)
{
    int err = blob_lost_take(recovery->store, blob);

    if (err == -ENOENT)
        return;
    if (err != 0) {
        recovery->move_error = err;
        return;
    }
    recovery->touched[blob_folder_of(blob)] = true;
    if (recovery->moved++ < MOVES_TOLD_MAX)
        blob_store_log(recovery->store, LOG_LEVEL_WARNING,
                       "recovery: no row names blob %016llx (%llu bytes): moved to lost/",
                       (unsigned long long)blob, (unsigned long long)size_bytes);
}

static int recover_one(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct recovery *recovery = ctx;
    char path[BLOB_PATH_BYTES];

    if (blob < recovery->first || blob >= recovery->end)
        return 0;
    int live = recovery->is_live(recovery->ctx, blob);
    if (live < 0)
        return live;
    if (live > 0)
        return recovery->units == NULL || recovery->leaves_gaps
                   ? 0
                   : segment_recover(recovery->store, blob, recovery->units, recovery->ctx);
    if (recovery->moves) {
        recover_move(recovery, blob, size_bytes);
        return 0;
    }
    blob_path_format(path, blob);
    if (unlinkat(recovery->store->blobs_fd, path, 0) != 0)
        return errno == ENOENT ? 0 : -errno;
    assert(!recovery->moves);
    recovery->touched[blob_folder_of(blob)] = true;
    ++recovery->removed;
    return 0;
}

static int recover_probe(struct recovery *recovery)
{
    for (uint64_t blob = recovery->first; blob < recovery->end; ++blob) {
        char path[BLOB_PATH_BYTES];
        struct stat st;
        int err;

        blob_path_format(path, blob);
        if (fstatat(recovery->store->blobs_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT)
                continue;
            return -errno;
        }
        if ((err = recover_one(recovery, blob, (uint64_t)st.st_size)) != 0)
            return err;
    }
    return 0;
}

/* Also where nothing is found: the process before may have removed it, which need not be on the disk, and SEQUENCE is about to say
 * that nothing is there. */
static void recover_mark_folders(struct recovery *recovery)
{
    uint64_t run = recovery->first / BLOB_FOLDER_RUN;

    for (unsigned i = 0; i < BLOB_FOLDER_COUNT && run * BLOB_FOLDER_RUN < recovery->end; ++i, ++run)
        recovery->touched[run % BLOB_FOLDER_COUNT] = recovery->first < recovery->end;
}

static void recover_tell(const struct recovery *recovery)
{
    if (recovery->moved > MOVES_TOLD_MAX)
        blob_store_log(recovery->store, LOG_LEVEL_WARNING, "recovery: moved %llu blobs to lost/ in all",
                       (unsigned long long)recovery->moved);
    if (recovery->move_error != 0)
        blob_store_log(
            recovery->store, LOG_LEVEL_ERROR,
            "recovery: blobs that no row names stay where they are, for they cannot be moved to lost/: %s",
            strerror(-recovery->move_error));
}

int blob_store_recover(struct blob_store *store, int (*is_live)(void *ctx, uint64_t blob),
                       blob_units_fn units, void *ctx, uint64_t *removed)
{
    struct blob_ids *ids = &store->ids;
    struct recovery recovery = {.store = store, .is_live = is_live, .units = units, .ctx = ctx};
    int err;

    if (store->options.read_only)
        return -EROFS;
    assert(is_live != NULL && !ids->recovered);
    recovery.first = ids->doubt == BLOB_DOUBT_ALL ? BLOB_ID_FIRST : ids->disk.settled;
    recovery.end = ids->doubt == BLOB_DOUBT_ALL ? BLOB_ID_MAX : ids->recover_end;
    recovery.moves = ids->doubt >= BLOB_DOUBT_FILES;
    recovery.leaves_gaps = ids->doubt >= BLOB_DOUBT_UNITS;
    recover_mark_folders(&recovery);
    /* Where each name is asked for over a network, 4,096 of them take seconds, and the folders that have them are few. Of a store of small objects
     * these folders have next to nothing in them, for most ids are never used up. */
    if (ids->damaged || recovery.end - recovery.first > RECOVER_PROBES_MAX || store->options.shared_fs ||
        blob_layout_is_short(store, recovery.first, recovery.end))
        err = blob_layout_walk(store, recovery.first, recovery.end, recover_one, &recovery);
    else
        err = recover_probe(&recovery);
    recover_tell(&recovery);
    if (err == 0 && recovery.moved > 0)
        err = blob_lost_sync(store);
    if (err == 0)
        /* Before SEQUENCE stops pointing at them, which it does at once in a durable store only. */
        err = store->options.durable ? blob_layout_sync_folders(store, recovery.touched) : 0;
    if (err == 0)
        err = blob_ids_recovered(store);
    if (removed != NULL)
        *removed = recovery.removed;
    return err;
}
