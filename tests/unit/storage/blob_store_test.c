/* SPDX-License-Identifier: MIT
 *
 * The store without uploads: one process per folder, ids that are never used twice whatever happens to
 * SEQUENCE, orphans removed after a crash and nothing else, shared folder syncs, the descriptor cache.
 * A crash is a copy of the data folder taken while the store is open. */
#include "tests/unit/storage/blob_support.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>

/* ---- Opening ---- */

static void test_second_open_is_refused(void **state)
{
    struct rig rig;
    struct blob_store *second;
    struct blob_store_options options = {.durable = true}, reader = {.read_only = true};

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    assert_int_equal(blob_store_open(&second, rig.dir, &options), -EBUSY);
    assert_int_equal(blob_store_open(&second, rig.dir, &reader), -EBUSY);
    blob_store_close(rig.store);
    assert_int_equal(blob_store_open(&rig.store, rig.dir, &options), 0);
    rig_end(&rig);
}

static void test_folder_is_private_and_complete(void **state)
{
    struct stat st;
    struct rig rig;
    char path[96];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_store_close(rig.store);
    remove_tree(rig.dir); /* a data folder that is not there yet */
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(stat(rig.dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, NULL), 0);
    snprintf(path, sizeof(path), "%s/blobs/0f",
             rig.dir); /* the ids of the first promise have their folders, */
    assert_int_equal(stat(path, &st), 0);
    snprintf(path, sizeof(path), "%s/blobs/ff", rig.dir); /* the others cost a new store nothing */
    assert_int_equal(stat(path, &st), -1);
    rig_end(&rig);
}

static void test_read_only_changes_nothing(void **state)
{
    struct rig rig;
    struct blob_store *store;
    struct blob_store_options reader = {.read_only = true};
    char path[96];
    unsigned count = 0;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"abc", 3);
    blob_store_settle(rig.store, blob);
    blob_store_close(rig.store);

    snprintf(path, sizeof(path), "%s/staging/left", rig.dir);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(blob_store_open(&store, rig.dir, &reader), 0);
    assert_int_equal(blob_store_walk(store, count_one, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(blob_store_remove(store, blob), -EROFS);
    assert_int_equal(blob_store_recover(store, no_row, NULL, NULL, NULL), -EROFS);
    blob_store_close(store);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_not_equal(access(path, F_OK), 0); /* staging/ is emptied by a writing open */
    assert_blob_holds(&rig, blob, (const unsigned char *)"abc", 3);
    snprintf(path, sizeof(path), "%s/nothing-here", rig.dir);
    assert_int_equal(blob_store_open(&store, path, &reader), -ENOENT);
    rig_end(&rig);
}

static void test_free_bytes(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t free_bytes = blob_store_free_bytes(rig.store);
    assert_true(free_bytes > 0);
    assert_true(free_bytes < UINT64_MAX);
    rig_end(&rig);
}

/* What a file system tells that may not answer for as long as the gate is shut. */
static pthread_mutex_t room_gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned room_blocks;

static int fstatvfs_gated(int fd, struct statvfs *fs)
{
    pthread_mutex_lock(&room_gate);
    *fs = (struct statvfs){.f_bavail = atomic_load(&room_blocks), .f_frsize = 4096, .f_blocks = 1000000};
    pthread_mutex_unlock(&room_gate);
    return 0;
}

static void await_room(struct rig *rig, uint64_t bytes)
{
    while (blob_store_room_now(rig->store) != bytes) /* a busy machine's thread is late, too */
        usleep(1000);
}

/* What was known last has to do, and nobody stands there until there is an answer. */
static void test_room_where_nobody_answers(void **state)
{
    struct rig rig;

    atomic_store(&room_blocks, 1000);
    sys.fstatvfs = fstatvfs_gated;
    rig_shared_fs = true;
    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    await_room(&rig, 1000 * 4096);
    assert_true(blob_store_takes(rig.store, 1));
    pthread_mutex_lock(&room_gate);
    atomic_store(&room_blocks, 2000);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(blob_store_room_now(rig.store), 1000 * 4096);
    pthread_mutex_unlock(&room_gate);
    await_room(&rig, 2000 * 4096);
    rig_end(&rig);
    rig_shared_fs = false;
    sys.fstatvfs = fstatvfs;
}

/* ---- Crash and recovery ---- */

static void damage(struct rig *rig, off_t offset)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, offset + 20), 4);
    close(fd);
}

#define NO_DAMAGE (-1)

/* Replaces the store by what a crash at this moment would leave, with SEQUENCE damaged at an offset on top of
 * that. */
static void crash(struct rig *rig, off_t damaged)
{
    char command[256], copy[64];

    snprintf(copy, sizeof(copy), "%.50s-crash", rig->dir);
    snprintf(command, sizeof(command), "cp -a %s %s", rig->dir, copy);
    assert_int_equal(system(command), 0);
    blob_store_close(rig->store);
    remove_tree(rig->dir);
    assert_int_equal(rename(copy, rig->dir), 0);
    if (damaged != NO_DAMAGE)
        damage(rig, damaged);
    assert_int_equal(rig_open_store(rig, true, false), 0);
}

struct rows {
    uint64_t live[8];
    unsigned count, asked;
};

static int has_row(void *ctx, uint64_t blob)
{
    struct rows *rows = ctx;

    ++rows->asked;
    for (unsigned i = 0; i < rows->count; ++i)
        if (rows->live[i] == blob)
            return 1;
    return 0;
}

static void test_ids_go_on_after_a_clean_close(void **state)
{
    struct rows rows = {.count = 0};
    uint64_t first, second, removed = 99;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    first = put_bytes(&rig, (const unsigned char *)"a", 1);
    blob_store_settle(rig.store, first);
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(blob_store_recover(rig.store, has_row, NULL, &rows, &removed), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(rows.asked, 0); /* a clean end leaves nothing to probe */
    second = put_bytes(&rig, (const unsigned char *)"b", 1);
    assert_int_equal(second, first + 1);
    blob_store_settle(rig.store, second);
    rig_end(&rig);
}

static void test_crash_leaves_exactly_the_orphans(void **state)
{
    struct rows rows = {.count = 3};
    uint64_t blobs[6], removed = 0;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 6; ++i)
        blobs[i] = put_bytes(&rig, (const unsigned char *)"bytes", 5);
    for (unsigned i = 0; i < 3; ++i)
        rows.live[i] = blobs[i * 2];        /* 0, 2, 4 have rows */
    blob_store_settle(rig.store, blobs[2]); /* out of order, and with 0 outstanding */
    crash(&rig, NO_DAMAGE);
    assert_int_equal(blob_store_recover(rig.store, has_row, NULL, &rows, &removed), 0);
    assert_int_equal(removed, 3);
    assert_int_equal(rig_count_blobs(&rig), 3);
    for (unsigned i = 0; i < 6; ++i) {
        int fd = blob_store_open_fd(rig.store, blobs[i]);
        assert_int_equal(fd >= 0 ? 0 : fd, i % 2 == 0 ? 0 : -ENOENT);
        if (fd >= 0)
            close(fd);
    }
    uint64_t next = put_bytes(&rig, (const unsigned char *)"new", 3);
    assert_true(next > blobs[5]);
    blob_store_settle(rig.store, next);
    rig_end(&rig);
}

static void test_crash_on_a_shared_file_system(void **state)
{
    rig_shared_fs = true;
    test_crash_leaves_exactly_the_orphans(state);
    rig_shared_fs = false;
}

/* The process dies without a word; the lock dies with it. */
static void test_killed_process(void **state)
{
    struct rows rows = {.count = 0};
    uint64_t removed = 0;
    struct rig rig;
    int status;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_store_close(rig.store);
    pid_t child = fork();
    if (child == 0) {
        struct rig mine = rig;
        if (rig_open_store(&mine, true, false) != 0 || ring_create(&mine.ring, RING_ENGINE_AUTO) != 0 ||
            pipe_pool_create(&mine.pipes) != 0 || digest_pool_create(&mine.digests, 1) != 0 ||
            blob_store_recover(mine.store, no_row, NULL, NULL, NULL) != 0)
            _exit(1);
        _exit(put_bytes(&mine, (const unsigned char *)"orphan", 6) != 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(rig_count_blobs(&rig), 1);
    assert_int_equal(blob_store_recover(rig.store, has_row, NULL, &rows, &removed), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(rig_count_blobs(&rig), 0);
    rig_end(&rig);
}

static int refuse_to_say(void *ctx, uint64_t blob)
{
    return -EIO;
}

static void test_recovery_stops_and_can_be_repeated(void **state)
{
    struct rig rig;
    uint64_t removed;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    put_bytes(&rig, (const unsigned char *)"x", 1);
    crash(&rig, NO_DAMAGE);
    assert_int_equal(blob_store_recover(rig.store, refuse_to_say, NULL, NULL, NULL), -EIO);
    assert_int_equal(rig_count_blobs(&rig), 1);
    blob_store_close(rig.store); /* a clean close without recovery keeps the orphans in sight */
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, &removed), 0);
    assert_int_equal(removed, 1);
    rig_end(&rig);
}

/* ---- What a process without syncs left ---- */

static unsigned syncfs_calls;
static int syncfs_error;

static int syncfs_counted(int fd)
{
    ++syncfs_calls;
    errno = syncfs_error;
    return syncfs_error == 0 ? 0 : -1;
}

/* Opens, recovers unless it fails, closes. Returns how often the file system was synced. */
static unsigned syncs_of_a_life(struct rig *rig, bool durable, int expected)
{
    syncfs_calls = 0;
    assert_int_equal(rig_open_store(rig, durable, false), expected);
    if (expected == 0) {
        assert_int_equal(blob_store_recover(rig->store, no_row, NULL, NULL, NULL), 0);
        blob_store_close(rig->store);
    }
    return syncfs_calls;
}

static void test_durable_after_relaxed_syncs_first(void **state)
{
    struct rig rig;

    sys.syncfs = syncfs_counted;
    syncfs_error = syncfs_calls = 0;
    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    assert_int_equal(syncfs_calls, 0); /* a new store */
    blob_store_close(rig.store);
    assert_int_equal(syncs_of_a_life(&rig, true, 0), 0);
    assert_int_equal(syncs_of_a_life(&rig, false, 0), 0);
    syncfs_error = EIO;
    assert_int_equal(syncs_of_a_life(&rig, true, -EIO), 1); /* although the one before ended well */
    assert_non_null(strstr(rig.last_message, "cannot be synced"));
    syncfs_error = 0;
    assert_int_equal(syncs_of_a_life(&rig, true, 0), 1);
    assert_int_equal(syncs_of_a_life(&rig, true, 0), 0);
    for (unsigned slot = 0; slot < 2; ++slot)
        damage(&rig, slot * 4096);
    assert_int_equal(syncs_of_a_life(&rig, true, 0), 1); /* nobody knows */
    sys.syncfs = syncfs;
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    rig_end(&rig);
}

static unsigned folder_syncs;

static int fsync_counted(int fd)
{
    ++folder_syncs;
    return fsync(fd);
}

/* A file that is gone may come back after a power failure, if only the process before removed it. */
static void test_recovery_syncs_removals_of_the_dead(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"x", 1);
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    crash(&rig, NO_DAMAGE);
    folder_syncs = 0;
    sys.fsync = fsync_counted;
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, NULL), 0);
    sys.fsync = fsync;
    assert_true(folder_syncs >= BLOB_ID_BLOCK / BLOB_FOLDER_RUN); /* each that a promised id may lie in */
    rig_end(&rig);
}

/* ---- Promises ---- */

struct taker {
    struct blob_waiter waiter;
    bool posted;
    int result;
};

static void taker_posted(struct ring_op *op, int32_t result)
{
    struct taker *taker = (struct taker *)((char *)op - offsetof(struct taker, waiter.op));

    taker->posted = true;
    taker->result = result;
}

static int take_now(struct blob_store *store, struct ring *ring, uint64_t *id)
{
    for (;;) {
        struct taker taker = {.waiter = {.ring = ring, .op.done = taker_posted}};
        int err = blob_ids_take(store, id, &taker.waiter);
        if (err != -EINPROGRESS)
            return err;
        while (!taker.posted)
            ring_wait(ring, true);
        if (taker.result != 0)
            return taker.result;
    }
}

static uint64_t promised_on_disk(struct rig *rig)
{
    struct blob_sequence sequence;
    char path[96];

    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(blob_sequence_read(fd, &sequence), 0);
    close(fd);
    return sequence.promised;
}

static void test_no_id_before_its_promise(void **state)
{
    uint64_t id = 0, before = 0, known = 0;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 3 * BLOB_ID_BLOCK; ++i) {
        assert_int_equal(take_now(rig.store, rig.ring, &id), 0);
        assert_int_equal(id, before + 1);
        if (id >= known)
            known = promised_on_disk(&rig); /* promises only grow */
        assert_true(id < known);
        if (id % 3 != 0)
            blob_store_settle(rig.store, id); /* every third stays out */
        before = id;
    }
    for (uint64_t out = 3; out <= id; out += 3)
        blob_store_settle(rig.store, out);
    assert_int_equal(rig.store->ids.settled, id + 1);
    /* All are settled, so the next crash probes at most the blocks promised ahead. */
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(rig.store->ids.disk.settled, id + 1);
    rig_end(&rig);
}

static int fdatasync_fails(int fd)
{
    errno = EIO;
    return -1;
}

static void test_failed_promise_gives_no_id(void **state)
{
    uint64_t id = 0;
    struct rig rig;
    int err = 0;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    sys.fdatasync = fdatasync_fails;
    unsigned taken = 0;
    while (taken <= BLOB_ID_BLOCK && (err = take_now(rig.store, rig.ring, &id)) == 0) {
        blob_store_settle(rig.store, id);
        ++taken;
    }
    assert_int_equal(err, -EIO);
    assert_int_equal(taken, BLOB_ID_BLOCK); /* what was promised before is good */
    assert_true(rig.errors >= 1);
    sys.fdatasync = fdatasync;
    assert_int_equal(take_now(rig.store, rig.ring, &id), 0); /* a later promise is a new write */
    blob_store_settle(rig.store, id);
    assert_true(promised_on_disk(&rig) > id);
    rig_end(&rig);
}

/* ---- Damage to SEQUENCE ---- */

static int count_lost_one(void *ctx, const struct blob_lost *lost)
{
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned count_lost(struct rig *rig)
{
    unsigned count = 0;

    assert_int_equal(blob_store_lost_walk(rig->store, count_lost_one, &count), 0);
    return count;
}

/* Either slot alone may be lost. What is left may be one record old: ids and orphans must survive that, too. */
static void test_one_slot_damaged(void **state)
{
    for (unsigned slot = 0; slot < 2; ++slot) {
        struct rows rows = {.count = 1};
        uint64_t removed = 0, id = 0;
        struct rig rig;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        /* Far enough for the keeper to have promised another block, and for the last ids to be beyond the
         * older one. */
        while (id < BLOB_ID_BLOCK + 1) {
            assert_int_equal(take_now(rig.store, rig.ring, &id), 0);
            blob_store_settle(rig.store, id);
        }
        rows.live[0] = put_bytes(&rig, (const unsigned char *)"live", 4);
        uint64_t orphan = put_bytes(&rig, (const unsigned char *)"orphan", 6);
        crash(&rig, (off_t)slot * 4096);
        assert_int_equal(blob_store_recover(rig.store, has_row, NULL, &rows, &removed), 0);
        assert_int_equal(removed, 0);
        assert_int_equal(blob_store_open_fd(rig.store, orphan), -ENOENT);
        assert_int_equal(count_lost(&rig), 1); /* it may be more than what an unfinished upload left */
        assert_int_equal(rig.warnings, 1);
        rig.warnings = 0;
        uint64_t next = put_bytes(&rig, (const unsigned char *)"next", 4);
        assert_true(next > orphan);
        blob_store_settle(rig.store, next);
        assert_int_equal(rig.warnings, 0);
        rig_end(&rig);
    }
}

static void test_both_slots_damaged(void **state)
{
    for (unsigned missing = 0; missing < 2; ++missing) {
        struct rows rows = {.count = 1};
        uint64_t removed = 0;
        struct rig rig;
        char path[96];
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        rows.live[0] = put_bytes(&rig, (const unsigned char *)"live", 4);
        uint64_t orphan = put_bytes(&rig, (const unsigned char *)"orphan", 6);
        blob_store_settle(rig.store, rows.live[0]);
        blob_store_settle(rig.store, orphan);
        blob_store_close(rig.store);
        snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig.dir);
        if (missing) {
            assert_int_equal(unlink(path), 0);
        } else {
            damage(&rig, 0);
            damage(&rig, 4096);
        }
        assert_int_equal(rig_open_store(&rig, true, false), 0);
        assert_int_equal(rig.warnings, 1); /* said */
        assert_int_equal(blob_store_recover(rig.store, has_row, NULL, &rows, &removed), 0);
        assert_int_equal(removed, 0);
        assert_int_equal(count_lost(&rig), 1); /* even what was settled is looked at again */
        assert_int_equal(rig.warnings, 2);
        uint64_t next = put_bytes(&rig, (const unsigned char *)"next", 4);
        assert_true(next > orphan + BLOB_ID_JUMP / 2);
        blob_store_settle(rig.store, next);
        blob_store_close(rig.store);
        assert_int_equal(rig_open_store(&rig, true, false), 0); /* and is whole again */
        assert_int_equal(rig.warnings, 2);
        assert_blob_holds(&rig, rows.live[0], (const unsigned char *)"live", 4);
        rig_end(&rig);
    }
}

static void test_newer_version_is_refused(void **state)
{
    struct rig rig;
    unsigned char record[44] = "SLUICSEQ\x03";
    char path[96];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_store_close(rig.store);
    uint32_t crc = htole32(digest_crc32c(0, record, 40));
    memcpy(record + 40, &crc, 4);
    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, record, sizeof(record), 4096), sizeof(record));
    close(fd);
    assert_int_equal(rig_open_store(&rig, true, false), -EBADMSG);
    rig.store = NULL;
    rig_end(&rig);
}

/* ---- Walking and removing ---- */

static void test_walk_leaves_strangers_alone(void **state)
{
    struct rig rig;
    char path[96];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"abc", 3);
    blob_store_settle(rig.store, blob);
    snprintf(path, sizeof(path), "%s/blobs/07/notes.txt", rig.dir);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(rig_count_blobs(&rig), 1);
    assert_int_equal(rig.warnings, 1);
    assert_int_equal(access(path, F_OK), 0);
    rig_end(&rig);
}

static void test_remove(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"abc", 3);
    int fd = blob_store_open_fd(rig.store, blob);
    char byte;
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    assert_int_equal(blob_store_remove(rig.store, blob), 0); /* -ENOENT counts as success */
    const uint64_t removed[] = {blob,
                                255 * BLOB_FOLDER_RUN}; /* the folder of the second is not there either */
    assert_int_equal(blob_store_sync_removed(rig.store, removed, 2), 0);
    assert_int_equal(blob_store_open_fd(rig.store, blob), -ENOENT);
    assert_int_equal(pread(fd, &byte, 1, 2), 1); /* who has it open keeps it */
    assert_int_equal(byte, 'c');
    close(fd);
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

/* ---- The descriptor cache ---- */

static void test_cache_is_bounded_and_shared(void **state)
{
    static struct blob_cache cache;
    struct blob_file *files[6], *again;

    memset(&cache, 0, sizeof(cache));
    blob_cache_init(&cache);
    cache.count_max = 4;
    unsigned before = count_descriptors();
    for (unsigned i = 0; i < 6; ++i) /* two beyond the bound, all in use */
        assert_int_equal(
            blob_cache_add(&cache, i + 1, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &files[i]), 0);
    assert_int_equal(cache.count, 4);
    assert_null(blob_cache_get(&cache, 5));
    assert_ptr_equal(blob_cache_get(&cache, 1), files[0]);
    assert_int_equal(blob_cache_add(&cache, 2, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &again), 0);
    assert_ptr_equal(again, files[1]); /* opened twice at once: one stays */
    assert_int_equal(blob_cache_release(&cache, files[0]), -1);
    assert_int_equal(blob_cache_release(&cache, again), -1);
    for (unsigned i = 0; i < 6; ++i) {
        int fd = blob_cache_release(&cache, files[i]);
        assert_int_equal(fd >= 0, i >= 4);
        if (fd >= 0)
            close(fd);
    }
    /* A fifth drives out the one unused for longest, which is blob 1. */
    assert_int_equal(blob_cache_add(&cache, 9, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &again), 0);
    assert_null(blob_cache_get(&cache, 1));
    assert_int_equal(blob_cache_drop(&cache, 9), -1); /* in use: closes with its last reader */
    assert_null(blob_cache_get(&cache, 9));
    close(blob_cache_release(&cache, again));
    int idle = blob_cache_drop(&cache, 2);
    assert_true(idle >= 0);
    close(idle);
    assert_int_equal(blob_cache_drop(&cache, 77), -1);
    blob_cache_free(&cache);
    assert_int_equal(count_descriptors(), before);
}

/* A reader that opened the file just before it was removed must not put it back into the table. */
static void test_cache_refuses_the_dead(void **state)
{
    struct blob_file *file;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"abc", 3);
    int fd = blob_store_open_fd(rig.store, blob);
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    assert_int_equal(blob_cache_add(&rig.store->cache, blob, fd, &file), 0);
    assert_null(blob_cache_get(&rig.store->cache, blob));
    fd = blob_cache_release(&rig.store->cache, file);
    assert_true(fd >= 0);
    close(fd);
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

/* ---- Folder syncs ---- */

static unsigned fsyncs;

static int count_fsyncs(enum ring_op_kind kind, int fd, uint64_t length)
{
    if (kind == RING_OP_FSYNC)
        ++fsyncs;
    return 0;
}

static void test_folder_syncs_are_shared(void **state)
{
    struct taker takers[9];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 9; ++i)
        takers[i] = (struct taker){.waiter = {.ring = rig.ring, .op.done = taker_posted}};
    fsyncs = 0;
    sys_fault = count_fsyncs;
    for (unsigned i = 0; i < 8; ++i)
        blob_folder_sync(rig.store, 3, 0, &takers[i].waiter);
    assert_true(blob_folder_forget(rig.store, 3, &takers[7].waiter)); /* one loses interest */
    while (fsyncs == 0)
        ring_wait(rig.ring, false);
    blob_folder_sync(rig.store, 3, 0, &takers[8].waiter); /* too late for the first: it has begun */
    while (!takers[8].posted)
        ring_wait(rig.ring, true);
    sys_fault = NULL;
    assert_int_equal(fsyncs, 2);
    for (unsigned i = 0; i < 9; ++i) {
        assert_int_equal(takers[i].posted, i != 7);
        assert_int_equal(takers[i].result, 0);
    }
    rig_end(&rig);
}

static void test_failed_folder_sync_fails_all(void **state)
{
    struct taker takers[2];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 2; ++i) {
        takers[i] = (struct taker){.waiter = {.ring = rig.ring, .op.done = taker_posted}};
        blob_folder_sync(rig.store, 2, 0, &takers[i].waiter);
    }
    fault_set(RING_OP_FSYNC, 1, -EIO);
    while (!takers[0].posted || !takers[1].posted)
        ring_wait(rig.ring, true);
    fault_set(RING_OP_NONE, 0, 0);
    assert_int_equal(takers[0].result, -EIO);
    assert_int_equal(takers[1].result, -EIO);
    rig_end(&rig);
}

/* A name that was made before a sync that failed is lost with it, however well the next one goes. */
static void failed_sync_fails_names_made_before(unsigned at_first)
{
    struct taker takers[3];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 3; ++i)
        takers[i] = (struct taker){.waiter = {.ring = rig.ring, .op.done = taker_posted}};
    rig.store->folders[2].failures = at_first;
    unsigned before = blob_folder_failures(rig.store, 2); /* the name of the second is made here */
    blob_folder_sync(rig.store, 2, before, &takers[0].waiter);
    fault_set(RING_OP_FSYNC, 1, -EIO);
    while (!takers[0].posted)
        ring_wait(rig.ring, true);
    fault_set(RING_OP_NONE, 0, 0);
    blob_folder_sync(rig.store, 2, before, &takers[1].waiter);
    blob_folder_sync(rig.store, 2, blob_folder_failures(rig.store, 2), &takers[2].waiter);
    while (!takers[1].posted || !takers[2].posted)
        ring_wait(rig.ring, true);
    assert_int_equal(takers[0].result, -EIO);
    assert_int_equal(takers[1].result, -EIO);
    assert_int_equal(takers[2].result, 0);
    assert_true(blob_folder_failures(rig.store, 2) > 0);
    rig_end(&rig);
}

static void test_failed_folder_sync_fails_names_made_before(void **state)
{
    failed_sync_fails_names_made_before(0);
    failed_sync_fails_names_made_before(UINT32_MAX); /* so many syncs have failed */
}

static unsigned fsyncs_to_fail;

static int fsync_faulty(int fd)
{
    ++folder_syncs;
    if (fsyncs_to_fail == 0)
        return fsync(fd);
    --fsyncs_to_fail;
    errno = EIO;
    return -1;
}

static unsigned names_made; /* in the folders of blobs */

static int openat_noted(int folder, const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    names_made += (flags & O_CREAT) != 0 && strchr(path, '/') != NULL;
    return openat(folder, path, flags, mode);
}

/* A second sync would find nothing to do: the removal itself is done again. */
static void test_failed_sync_of_a_removal(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"abc", 3);
    names_made = 0;
    sys.openat = openat_noted;
    sys.fsync = fsync_faulty;
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    fsyncs_to_fail = 1;
    assert_int_equal(blob_store_sync_removed(rig.store, &blob, 1), -EIO);
    assert_int_equal(names_made, 0);
    assert_int_equal(blob_store_sync_removed(rig.store, &blob, 1), 0);
    assert_int_equal(names_made, 1);
    assert_int_equal(rig_count_blobs(&rig), 0);
    sys.openat = openat;
    sys.fsync = fsync;
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

/* The folders of the next ids: taken back, so that the next promise makes and syncs them again. */
static void test_failed_sync_of_new_folders(void **state)
{
    const uint64_t first = 8 * BLOB_ID_BLOCK; /* not promised so far */
    char path[96];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    snprintf(path, sizeof(path), "%s/blobs/%02x", rig.dir, blob_folder_of(first));
    sys.fsync = fsync_faulty;
    folder_syncs = 0;
    fsyncs_to_fail = 1;
    assert_int_equal(blob_layout_make_folders(rig.store, first, first + 1), -EIO);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(blob_layout_make_folders(rig.store, first, first + 1), 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(folder_syncs, 2);
    assert_int_equal(blob_layout_make_folders(rig.store, first, first + 1), 0);
    assert_int_equal(folder_syncs, 2); /* nothing is left to do */
    sys.fsync = fsync;
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_open_is_refused),
        cmocka_unit_test(test_folder_is_private_and_complete),
        cmocka_unit_test(test_read_only_changes_nothing),
        cmocka_unit_test(test_free_bytes),
        cmocka_unit_test(test_room_where_nobody_answers),
        cmocka_unit_test(test_ids_go_on_after_a_clean_close),
        cmocka_unit_test(test_crash_leaves_exactly_the_orphans),
        cmocka_unit_test(test_crash_on_a_shared_file_system),
        cmocka_unit_test(test_killed_process),
        cmocka_unit_test(test_recovery_stops_and_can_be_repeated),
        cmocka_unit_test(test_durable_after_relaxed_syncs_first),
        cmocka_unit_test(test_recovery_syncs_removals_of_the_dead),
        cmocka_unit_test(test_no_id_before_its_promise),
        cmocka_unit_test(test_failed_promise_gives_no_id),
        cmocka_unit_test(test_one_slot_damaged),
        cmocka_unit_test(test_both_slots_damaged),
        cmocka_unit_test(test_newer_version_is_refused),
        cmocka_unit_test(test_walk_leaves_strangers_alone),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_cache_is_bounded_and_shared),
        cmocka_unit_test(test_cache_refuses_the_dead),
        cmocka_unit_test(test_folder_syncs_are_shared),
        cmocka_unit_test(test_failed_folder_sync_fails_all),
        cmocka_unit_test(test_failed_folder_sync_fails_names_made_before),
        cmocka_unit_test(test_failed_sync_of_a_removal),
        cmocka_unit_test(test_failed_sync_of_new_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
