/* SPDX-License-Identifier: MIT
 *
 * The disk fails: each write and each sync of a scenario in turn, with ENOSPC and EIO. A change that was
 * reported as failed must not be there, one that succeeded must, and afterwards the store goes on as if
 * nothing had been. So do the slices in which large changes are cleared away.
 *
 * Writes of the database go through a table that it lets us replace; its syncs through fdatasync, which this
 * program defines itself. */
#include "meta_publish_support.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static _Atomic int writes_until_fault, syncs_until_fault; /* 0: none */
static _Atomic int fault_errno, fault_count;              /* how many in a row */
static _Atomic off_t room = INT64_MAX;                    /* no file of the database may become longer */

/* Visible, for the database's library to find it before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);

static bool fault_due(_Atomic int *until)
{
    int left = atomic_load(until);

    if (left == 0)
        return false;
    if (left > 1) {
        atomic_store(until, left - 1);
        return false;
    }
    if (atomic_fetch_sub(&fault_count, 1) == 1)
        atomic_store(until, 0);
    return true;
}

int fdatasync(int fd)
{
    if (fault_due(&syncs_until_fault)) {
        errno = atomic_load(&fault_errno);
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static ssize_t pwrite_faulty(int fd, const void *data, size_t length, off_t offset)
{
    if (fault_due(&writes_until_fault)) {
        errno = atomic_load(&fault_errno);
        return -1;
    }
    if (offset + (off_t)length > atomic_load(&room)) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, data, length, offset);
}

static void faults_install(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-excl");

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_faulty), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_faulty), SQLITE_OK);
}

static void fault_arm(_Atomic int *until, int number, int error, int count)
{
    atomic_store(&fault_errno, error);
    atomic_store(&fault_count, count);
    atomic_store(until, number);
}

static void fault_disarm(void)
{
    atomic_store(&writes_until_fault, 0);
    atomic_store(&syncs_until_fault, 0);
}

/* One round: with the n-th write or sync failing, an overwrite, a copy and a delete; then without. Returns
 * whether anything failed. */
static bool round_with_fault(struct store *store, _Atomic int *until, int number, int error, int count,
                             uint64_t *file)
{
    int64_t before = file_of(store, "a");
    uint64_t first = ++*file, second = ++*file;

    fault_arm(until, number, error, count);
    int put_result = put(store, "a", first);
    int64_t put_seen = file_of(store, "a");
    int copy_result = copy(store, "a", "b");
    int64_t copy_seen = file_of(store, "b");
    int delete_result = delete_key(store, "b");
    int64_t delete_seen = file_of(store, "b");
    fault_disarm();

    assert_true(put_result == 0 || put_result == -ENOSPC || put_result == -EIO ||
                put_result == META_E_UNSYNCED);
    assert_int_equal(put_seen, put_result == 0 ? (int64_t)first : before);
    if (copy_result == 0)
        assert_int_equal(copy_seen, put_seen);
    if (delete_result == 0)
        assert_int_equal(delete_seen, META_E_NO_KEY);
    else
        assert_int_equal(delete_seen, copy_seen);

    assert_int_equal(put(store, "a", second), 0);
    assert_int_equal(file_of(store, "a"), second);
    assert_int_equal(meta_file_is_live(store->reader, first), put_result == 0);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_sound(store);
    return put_result != 0 || copy_result != 0 || delete_result != 0;
}

static void each_in_turn(struct store *store, _Atomic int *until, int error, int count)
{
    static uint64_t file = 1000;
    int failures = 0;

    store_reopen_with(store, &(struct meta_options){.durable = true});
    assert_int_equal(put(store, "a", ++file), 0);
    for (int number = 1; number <= 24; number++)
        failures += round_with_fault(store, until, number, error, count, &file);
    assert_true(failures > 0);
    store_reopen(store);
    assert_int_equal(file_of(store, "a"), file);
    assert_sound(store);
}

static void full_disk(void **state)
{
    each_in_turn(*state, &writes_until_fault, ENOSPC, 1);
    each_in_turn(*state, &writes_until_fault, ENOSPC, 1000); /* stays full until it is disarmed */
}

static void failing_writes(void **state)
{
    each_in_turn(*state, &writes_until_fault, EIO, 1);
}

static void failing_syncs(void **state)
{
    each_in_turn(*state, &syncs_until_fault, EIO, 1);
    each_in_turn(*state, &syncs_until_fault, EIO, 1000);
}

/* The child's commit of "lost" fails in its sync, with all its pages in the log; then the child dies at once. */
static void sync_fails_in_child(const char *path)
{
    struct store store = {.bucket = 1};
    struct meta_bucket_create create = {.bucket = {.name = "bucket"}};

    if (meta_open(&store.meta, path, &(struct meta_options){.durable = true}) != 0 ||
        op_wait(store.meta, &create.op, META_OP_BUCKET_CREATE) != 0 || put(&store, "kept", 1) != 0)
        _exit(1);
    fault_arm(&syncs_until_fault, 1, EIO, 1);
    _exit(put(&store, "lost", 2) == META_E_UNSYNCED ? 0 : 2);
}

/* Whoever was told of a failure removes the bytes, so the row must not come back from the log. */
static void a_failed_commit_stays_failed(void **state)
{
    struct store store = {.bucket = 1};
    int status;

    dir_make(store.dir);
    snprintf(store.path, sizeof(store.path), "%s/sluice.db", store.dir);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        sync_fails_in_child(store.path);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_reopen(&store);
    assert_int_equal(file_of(&store, "kept"), 1);
    assert_int_equal(file_of(&store, "lost"), META_E_NO_KEY);
    meta_reader_close(store.reader);
    meta_close(store.meta);
    dir_remove(store.dir);
}

static void on_log_count(void *ctx, enum log_level level, const char *message)
{
    assert_true(level >= 0 && level <= 2);
    assert_true(strlen(message) > 0);
    ++*(_Atomic int *)ctx;
}

/* Annotations are put, shared by a copy and changed there, and go with an overwritten object. */
static bool annotations_with_fault(struct store *store, _Atomic int *until, int number, int error,
                                   uint64_t *file)
{
    uint64_t first = ++*file, own = ++*file, second = ++*file;
    int64_t before;

    assert_int_equal(put(store, "a", first), 0);
    assert_int_equal(annotation_put(store, "a", "kept", ++*file), 0);
    assert_int_equal(copy(store, "a", "b"), 0);
    before = (int64_t)*file;

    fault_arm(until, number, error, 1);
    int own_result = annotation_put(store, "b", "kept", own);
    int64_t own_seen = annotation_file(store, "b", NULL, "kept");
    int delete_result = annotation_delete(store, "b", "kept");
    int64_t delete_seen = annotation_file(store, "b", NULL, "kept");
    int put_result = put(store, "a", second);
    int64_t put_seen = annotation_file(store, "a", NULL, "kept");
    fault_disarm();

    assert_int_equal(own_seen, own_result == 0 ? (int64_t)own : before);
    assert_int_equal(delete_seen, delete_result == 0 ? META_E_NO_ANNOTATION : own_seen);
    assert_int_equal(put_seen, put_result == 0 ? META_E_NO_ANNOTATION : before);
    assert_sound(store);
    assert_int_equal(annotation_put(store, "b", "kept", ++*file),
                     0); /* what was refused may lie in the log */
    (void)garbage_clear(store);
    assert_int_equal(meta_file_is_live(store->reader, own), 0);
    assert_int_equal(meta_file_is_live(store->reader, (uint64_t)before), put_result != 0);
    return own_result != 0 || delete_result != 0 || put_result != 0;
}

static void annotations_in_turn(void **state)
{
    struct store *store = *state;
    uint64_t file = 5000;
    int full = 0, failing = 0, unsynced = 0;

    store_reopen_with(store, &(struct meta_options){.durable = true});
    for (int number = 1; number <= 24; number++) {
        full += annotations_with_fault(store, &writes_until_fault, number, ENOSPC, &file);
        failing += annotations_with_fault(store, &writes_until_fault, number, EIO, &file);
        unsynced += annotations_with_fault(store, &syncs_until_fault, number, EIO, &file);
    }
    assert_in_range(full, 3, 24); /* each of the three changes writes, and syncs */
    assert_in_range(failing, 3, 24);
    assert_in_range(unsynced, 3, 24);
    store_reopen(store);
    assert_int_equal(annotation_file(store, "b", NULL, "kept"), file);
    assert_sound(store);
}

/* What is wrong for a long time is told once. */
static void trouble_is_logged_once(void **state)
{
    struct store *store = *state;
    _Atomic int lines = 0;

    store_reopen_with(store, &(struct meta_options){.durable = true, .log = on_log_count, .log_ctx = &lines});
    fault_arm(&writes_until_fault, 1, ENOSPC, 1000000);
    for (int i = 0; i < 20; i++)
        assert_int_equal(put(store, "a", (uint64_t)i + 1), -ENOSPC);
    fault_disarm();
    assert_int_equal(atomic_load(&lines), 1);
    assert_int_equal(put(store, "a", 21), 0);
    store_reopen(store); /* the counter is about to go */
}

/* A set of buckets that was changed in a transaction which failed is as it was. */
static void buckets_after_a_failure(void **state)
{
    struct store *store = *state;
    struct meta_bucket_create create = {.bucket = {.name = "second"}};

    fault_arm(&writes_until_fault, 1, ENOSPC, 1000000);
    assert_int_equal(op_wait(store->meta, &create.op, META_OP_BUCKET_CREATE), -ENOSPC);
    assert_int_equal(bucket_delete(store->meta, store->bucket), -ENOSPC);
    fault_disarm();
    assert_int_equal(
        put_bytes(store->meta, create.bucket.id != 0 ? create.bucket.id : 2, slice_text("a"), 1, 1, NULL),
        META_E_NO_BUCKET);
    assert_int_equal(put(store, "a", 2), 0);
}

/* Long before it would be moved into the database otherwise: the room that the log has is used again and again. */
static void a_full_disk_has_the_log_moved(void **state)
{
    struct store *store = *state;
    unsigned refused = 0;

    atomic_store(&room, 1 << 20);
    for (uint64_t file = 1; file <= 1000; file++) {
        int result;
        for (unsigned tries = 0; (result = put(store, "a", file)) == -ENOSPC && tries < 60000; tries++) {
            refused++;
            usleep(1000); /* the log is moved on another thread */
        }
        assert_int_equal(result, 0);
    }
    atomic_store(&room, INT64_MAX);
    assert_true(refused > 0);
    assert_int_equal(file_of(store, "a"), 1000);
}

/* ---- Clearing away ---- */

#define CLEAR_MAX 8
#define PARTS     60

/* An error of the disk leaves the log suspect until it is written again. */
static void assert_refused(int result, int error)
{
    assert_true(result == -error || (error == EIO && result == META_E_UNSYNCED));
}

static int abort_with_fault(struct store *store, const unsigned char *id, int number, int error)
{
    fault_arm(&writes_until_fault, number, error, 1000000);
    int result = upload_abort(store, slice_text("upload"), id);
    fault_disarm();
    return result;
}

static int sweep_with_fault(struct store *store, int number, int error, bool *more)
{
    struct meta_sweep op = {.more = false};

    fault_arm(&writes_until_fault, number, error, 1000000);
    int result = op_wait(store->meta, &op.op, META_OP_SWEEP);
    fault_disarm();
    *more = op.more;
    return result;
}

/* Sweeps to the end. The n-th slice that gets through is tried with more and more writes before the disk is full: a slice that fails
 * leaves everything as it was. Returns how many failed. */
static int sweep_on_a_full_disk(struct store *store, int error)
{
    int number = 1, failures = 0;
    bool more = true;

    while (more) {
        int before = garbage_count(store);
        int result = sweep_with_fault(store, number, error, &more);
        if (result == 0) {
            number = 1;
            continue;
        }
        assert_refused(result, error);
        assert_int_equal(garbage_count(store), before);
        assert_int_equal(meta_sweep_is_due(store->reader), 1);
        assert_int_equal(file_of(store, "other"), 1000);
        assert_sound(store);
        more = true;
        number++;
        failures++;
    }
    return failures;
}

/* An upload of many parts is aborted and an object of many parts overwritten, and each step of that meets the full disk. */
static void a_sweep_with(struct store *store, int error)
{
    static const unsigned char id[META_UPLOAD_ID_BYTES] = {0, 1};
    struct meta_extent extents[PARTS];
    struct meta_object_put object = {
        .bucket = store->bucket,
        .key = slice_text("long"),
        .object = {.size = 10 * PARTS, .etag = "e", .extents = {extents, PARTS}},
    };
    int number = 1;

    store_reopen_with(store, &(struct meta_options){.durable = true, .clear_max = CLEAR_MAX});
    assert_int_equal(put(store, "other", 1000), 0);
    assert_int_equal(upload_create(store, slice_text("upload"), id), 0);
    for (uint32_t i = 0; i < PARTS; i++) {
        extents[i] = whole_file(2 * PARTS + i, 10);
        assert_int_equal(part_put(store, slice_text("upload"), id, i + 1, PARTS + i, 10), 0);
    }
    assert_int_equal(op_wait(store->meta, &object.op, META_OP_OBJECT_PUT), 0);
    for (int result; (result = abort_with_fault(store, id, number, error)) != 0; number++) {
        assert_refused(result, error);
        assert_int_equal(garbage_count(store), 0);
        assert_int_equal(meta_sweep_is_due(store->reader), 0);
    }
    assert_true(number > 1);
    assert_int_equal(put(store, "long", 1001), 0);
    assert_true(sweep_on_a_full_disk(store, error) > 2 * PARTS / CLEAR_MAX);
    assert_int_equal(garbage_clear(store), 2 * PARTS);
    for (uint64_t file = PARTS; file < 3 * PARTS; file++)
        assert_int_equal(meta_file_is_live(store->reader, file), 0);
    assert_int_equal(file_of(store, "other"), 1000);
    assert_int_equal(file_of(store, "long"), 1001);
}

static void a_sweep_on_a_full_disk(void **state)
{
    a_sweep_with(*state, ENOSPC);
}

static void a_sweep_on_a_failing_disk(void **state)
{
    a_sweep_with(*state, EIO);
}

/* A publication with the n-th write or sync failing: there is all of it or nothing, as its answer said, and the next one goes well. Returns
 * whether anything failed. */
static bool publish_with_fault(struct store *store, _Atomic int *until, int number, int error, uint64_t *file)
{
    struct meta_publish_begin begin = {.bucket = store->bucket};
    struct meta_sweep slice = {.more = true};
    int64_t before = file_of(store, "a"), staged = (int64_t)++ * file;
    int prepared = -EIO, published = -EIO, failed = 0;

    assert_int_equal(put(store, "s", (uint64_t)staged), 0);
    assert_int_equal(put(store, "gone", ++*file), 0);
    fault_arm(until, number, error, 1);
    int begun = op_wait(store->meta, &begin.op, META_OP_PUBLISH_BEGIN);
    if (begun == 0 && (prepared = prepare_copy(store, begin.id, "s", "a")) == 0 &&
        (prepared = prepare_removal(store, begin.id, "gone")) == 0)
        published = publish(store, begin.id);
    assert_int_equal(file_of(store, "a"), published == 0 ? staged : before);
    assert_int_equal(file_of(store, "gone") == META_E_NO_KEY, published == 0);
    for (int i = 0; i < 4 && failed == 0; i++)
        failed = op_wait(store->meta, &slice.op, META_OP_SWEEP);
    assert_int_equal(file_of(store, "a"), published == 0 ? staged : before);
    fault_disarm();
    if (published != 0 && begun == 0)
        assert_int_equal(publish_end(store, begin.id), 0);
    while (sweep(store))
        ;
    assert_int_equal(file_of(store, "a"), published == 0 ? staged : before);
    assert_int_equal(file_of(store, "gone") == META_E_NO_KEY, published == 0);
    assert_sound(store);
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    return begun != 0 || prepared != 0 || published != 0 || failed != 0;
}

static void failing_publications(void **state)
{
    static const int errors[] = {ENOSPC, EIO};
    struct store *store = *state;
    uint64_t file = 1;
    int failures = 0;

    store_reopen_with(store, &(struct meta_options){.durable = true});
    assert_int_equal(put(store, "a", ++file), 0);
    for (int number = 1; number <= 16; number++)
        for (int i = 0; i < 2; i++)
            failures += publish_with_fault(store, &writes_until_fault, number, errors[i], &file);
    for (int number = 1; number <= 6; number++)
        failures += publish_with_fault(store, &syncs_until_fault, number, EIO, &file);
    assert_true(failures > 8);
    store_reopen(store);
    assert_sound(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: it forks, and no thread is alive yet. */
        cmocka_unit_test(a_failed_commit_stays_failed),
        store_test(full_disk),
        store_test(failing_writes),
        store_test(failing_publications),
        store_test(failing_syncs),
        store_test(annotations_in_turn),
        store_test(trouble_is_logged_once),
        store_test(buckets_after_a_failure),
        store_test(a_full_disk_has_the_log_moved),
        store_test(a_sweep_on_a_full_disk),
        store_test(a_sweep_on_a_failing_disk),
    };
    faults_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
