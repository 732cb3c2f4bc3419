/* SPDX-License-Identifier: MIT
 *
 * Batches of small objects whose bytes are lost: by a disk that fails to write or to sync, and by a process that dies between
 * the sync of the bytes and the commit of the rows. Only what rested on lost bytes is lost, and its space comes back; what is in the
 * journal is there after a restart.
 *
 * A batch is put together by holding the committer in the write of an earlier one. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/core/core_pack_support.h"

/* ---- Holding, failing, dying; on the committer's thread ---- */

static atomic_bool hold_next_write;
static sem_t held, release;
static atomic_int write_error, journal_error; /* of the next write of either kind that is not held; 0: none */
static atomic_int syncs_until_error, syncs_until_death; /* 0: never */

static bool on_committer(void)
{
    char name[16];

    return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && strcmp(name, "sluice-commit") == 0;
}

static ssize_t pwritev_watched(int fd, const struct iovec *list, int count, off_t offset)
{
    if (atomic_exchange(&hold_next_write, false)) {
        sem_post(&held);
        while (sem_wait(&release) != 0)
            ;
        return pwritev(fd, list, count, offset);
    }
    /* Units lie in the front of a segment, the journal at its end. */
    bool is_journal = offset >= (off_t)SEGMENT_BYTES_MIN / 2;
    int err = atomic_exchange(is_journal ? &journal_error : &write_error, 0);

    errno = err;
    return err != 0 ? -1 : pwritev(fd, list, count, offset);
}

static bool is_due(atomic_int *countdown)
{
    return atomic_load(countdown) > 0 && atomic_fetch_sub(countdown, 1) == 1;
}

static int fdatasync_watched(int fd)
{
    if (!on_committer())
        return fdatasync(fd);
    if (is_due(&syncs_until_death)) {
        (void)fdatasync(fd); /* the bytes are safe, their rows are not */
        _exit(0);
    }
    if (!is_due(&syncs_until_error))
        return fdatasync(fd);
    errno = EIO;
    return -1;
}

/* Visible, for the database's library to find it before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);

static atomic_uint log_syncs;        /* of the database's log */
static atomic_int log_syncs_at_hole; /* as of the first hole that was punched; -1: none was */

int fdatasync(int fd)
{
    char link[64], path[256];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path));
    if (length > 4 && memcmp(path + length - 4, "-wal", 4) == 0)
        atomic_fetch_add(&log_syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

static int fallocate_watched(int fd, int mode, off_t offset, off_t length)
{
    int none = -1;

    if ((mode & FALLOC_FL_PUNCH_HOLE) != 0)
        atomic_compare_exchange_strong(&log_syncs_at_hole, &none, (int)atomic_load(&log_syncs));
    return fallocate(fd, mode, offset, length);
}

static int watch(void **state)
{
    sys.fallocate = fallocate_watched;
    sem_init(&held, 0, 0);
    sem_init(&release, 0, 0);
    sys.pwritev = pwritev_watched;
    sys.fdatasync = fdatasync_watched;
    return 0;
}

static int unwatch(void **state)
{
    sys.pwritev = pwritev;
    sys.fallocate = fallocate;
    sys.fdatasync = fdatasync;
    sem_destroy(&held);
    sem_destroy(&release);
    return 0;
}

/* ---- Batches ---- */

/* A put that is at the committer. */
struct pending {
    struct test_put put;
    struct meta_object_put op;
};

static void pending_begin(struct rig *rig, struct pending *pending, const char *key, size_t length,
                          uint64_t seed)
{
    unsigned char *body = body_make(length, seed);

    assert_int_equal(put_begin(rig, &pending->put, length), 0);
    assert_int_equal(put_fill(&pending->put, body, length), 0);
    assert_int_equal(put_seal(&pending->put), 0);
    free(body);
    pending->op = (struct meta_object_put){.bucket = rig->bucket, .key = slice_text(key)};
    core_etag_make(&pending->put.values, pending->op.object.etag);
    core_put_commit_object(pending->put.put, &pending->op);
}

static int pending_end(struct pending *pending)
{
    int result = put_await(&pending->put, &pending->put.committed);

    core_put_end(pending->put.put);
    return result;
}

static void change_done(struct core_change *change)
{
    *(bool *)change->ctx = true;
}

/* Two puts and a delete of "old" in one batch, whose write or sync fails. */
struct scene {
    struct pending first, second;
    int first_result, second_result;
    struct meta_delete_entry entry;
    struct meta_object_delete delete;
};

static void scene_run(struct rig *rig, struct scene *scene, int failing_write, bool sync_fails)
{
    bool done = false;
    struct core_change change = {.op = &scene->delete.op, .done = change_done, .ctx = &done};
    struct pending earlier;

    assert_int_equal(put_small(rig, "old", 7000, 1), 0);
    atomic_store(&hold_next_write, true);
    pending_begin(rig, &earlier, "earlier", 5000, 2);
    while (sem_wait(&held) != 0)
        ;
    scene->entry = (struct meta_delete_entry){.key = slice_text("old")};
    scene->delete = (struct meta_object_delete){
        .op.kind = META_OP_OBJECT_DELETE, .bucket = rig->bucket, .entries = &scene->entry, .count = 1};
    pending_begin(rig, &scene->first, "first", 9000, 3);
    core_change_submit(rig->worker, &change);
    pending_begin(rig, &scene->second, "second", 100, 4);
    atomic_store(&write_error, failing_write);
    atomic_store(&syncs_until_error, sync_fails ? 2 : 0); /* the first is that of the batch before */
    sem_post(&release);
    assert_int_equal(pending_end(&earlier), 0);
    scene->first_result = pending_end(&scene->first);
    scene->second_result = pending_end(&scene->second);
    while (!done)
        core_worker_wait(rig->worker);
}

static void scene_expect(struct rig *rig, const struct scene *scene, int err)
{
    assert_int_equal(scene->first_result, err);
    assert_int_equal(scene->second_result, err);
    assert_int_equal(scene->delete.op.result, 0);
    assert_int_equal(scene->entry.result, 0);
    assert_true(scene->entry.existed);
    assert_false(key_is_there(rig, "old"));
    assert_int_equal(key_is_there(rig, "first"), err == 0);
    assert_int_equal(key_is_there(rig, "second"), err == 0);
    expect_small(rig, "earlier", 5000, 2);
    assert_int_equal(put_small(rig, "later", 3000, 9), 0); /* as if nothing had been */
    expect_small(rig, "later", 3000, 9);
}

/* What the failure left unsettled is settled by the next start, and nothing of it is left. */
static void expect_settled_by_restart(struct rig *rig)
{
    struct meta_extent earlier = extent_of(rig, "earlier");

    rig_close(rig);
    expect_clean(rig->dir, 2);
    assert_int_equal(rig_open_again(rig), 0);
    expect_small(rig, "earlier", 5000, 2);
    expect_small(rig, "later", 3000, 9);
    for (unsigned i = 0; i < PATIENCE && blob_size(rig, earlier.file) > (int64_t)earlier.unit_offset + 8192;
         i++)
        pause_briefly(rig);
    assert_int_equal(blob_size(rig, earlier.file), earlier.unit_offset + 8192);
    rig_close(rig);
    assert_int_equal(segment_files(rig->dir), 2);
    assert_int_equal(segment_blocks(rig->dir), 2 + 2 + 1); /* heads, and what the two take */
    expect_clean(rig->dir, 2);
    expect_no_debt(rig->dir);
}

static void all_goes_well(void **state)
{
    struct scene scene;
    struct rig rig;

    rig_begin(&rig, NULL);
    scene_run(&rig, &scene, 0, false);
    scene_expect(&rig, &scene, 0);
    expect_small(&rig, "first", 9000, 3);
    expect_small(&rig, "second", 100, 4);
    rig_close(&rig);
    expect_clean(rig.dir, 4);
    expect_no_debt(rig.dir);
    rig_end(&rig);
}

static void write_fails(void **state)
{
    const int errors[] = {ENOSPC, EIO, EBADMSG}, expected[] = {-ENOSPC, -EIO, -EIO};

    for (int i = 0; i < 3; i++) {
        struct scene scene;
        struct rig rig;

        rig_begin(&rig, NULL);
        scene_run(&rig, &scene, errors[i], false);
        scene_expect(&rig, &scene, expected[i]);
        rig_close(&rig);
        expect_no_debt(rig.dir); /* it is known what is in there */
        assert_int_equal(rig_open_again(&rig), 0);
        expect_settled_by_restart(&rig);
        rig_end(&rig);
    }
}

static void sync_fails(void **state)
{
    struct scene scene;
    struct rig rig;

    rig_begin(&rig, NULL);
    scene_run(&rig, &scene, 0, true);
    scene_expect(&rig, &scene, -EIO);
    assert_true(extent_of(&rig, "later").file != extent_of(&rig, "earlier").file);
    expect_settled_by_restart(&rig);
    rig_end(&rig);
}

/* An entry that could not be written costs nobody anything: its batch is committed with a sync, and the journal goes on elsewhere. */
static void journal_write_fails(void **state)
{
    const int errors[] = {ENOSPC, EIO};

    for (int i = 0; i < 2; i++) {
        struct rig rig;

        rig_begin(&rig, NULL);
        assert_int_equal(put_small(&rig, "first", 5000, 1), 0);
        assert_int_equal(put_small(&rig, "second", 5000, 2), 0);
        atomic_store(&journal_error, errors[i]);
        assert_int_equal(put_small(&rig, "third", 5000, 3), 0);
        assert_int_equal(atomic_load(&journal_error), 0);
        assert_int_equal(put_small(&rig, "fourth", 5000, 4), 0);
        assert_true(extent_of(&rig, "third").file != extent_of(&rig, "fourth").file);
        rig_close(&rig);
        expect_clean(rig.dir, 4);
        expect_no_debt(rig.dir);
        rig_end(&rig);
    }
}

/* Bytes stay until the rows that do not name them any more are durable without the journal: replaying it needs them. */
static void holes_wait_for_the_log(void **state)
{
    struct meta_extent old;
    struct rig rig;
    unsigned before;

    rig_begin(&rig, NULL);
    assert_int_equal(put_small(&rig, "key", 5000, 1), 0);
    old = extent_of(&rig, "key");
    before = atomic_load(&log_syncs);
    atomic_store(&log_syncs_at_hole, -1);
    assert_int_equal(put_small(&rig, "key", 5000, 2), 0);
    await_hole(&rig, &old);
    assert_true(atomic_load(&log_syncs_at_hole) > (int)before);
    rig_close(&rig);
    rig_end(&rig);
}

/* ---- Nobody can tell whether a segment is still needed ---- */

static atomic_int looks_until_known; /* that many looks at the rows fail */

int __real_meta_file_is_referred(struct meta_reader *reader, uint64_t file);
int __wrap_meta_file_is_referred(struct meta_reader *reader, uint64_t file);

int __wrap_meta_file_is_referred(struct meta_reader *reader, uint64_t file)
{
    if (atomic_load(&looks_until_known) > 0 && atomic_fetch_sub(&looks_until_known, 1) > 0)
        return -ENOMEM;
    return __real_meta_file_is_referred(reader, file);
}

/* What was on the list of garbage stays there until somebody can: without it the empty segment would lie there for ever. */
static void empty_segment_goes_later(void **state)
{
    struct meta_extent last;
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(put_small(&rig, "first", 5000, 1), 0);
    assert_int_equal(put_small(&rig, "last", 5000, 2), 0);
    last = extent_of(&rig, "last");
    atomic_store(&write_error, ENOSPC);
    assert_int_equal(put_small(&rig, "refused", 5000, 3), -ENOSPC); /* the segment is sealed now */
    assert_int_equal(rig_delete(&rig, "first"), 0);
    for (unsigned i = 0; i < PATIENCE && !is_hole(&rig, last.file, HEAD, 5000); i++)
        pause_briefly(&rig);
    atomic_store(&looks_until_known, 2);
    assert_int_equal(rig_delete(&rig, "last"), 0);
    await_gone(&rig, last.file);
    assert_int_equal(atomic_load(&looks_until_known), 0);
    rig_close(&rig);
    expect_clean(rig.dir, 0);
    rig_end(&rig);
}

/* ---- The process dies ---- */

/* Dies when the bytes that are to replace "key" are synced, and with them the entry that says so: a batch of its own, after that of
 * "earlier". */
static void child_run(struct rig *rig)
{
    struct pending earlier, key;

    if (rig_open_again(rig) != 0 || put_small(rig, "kept", 5000, 1) != 0 ||
        put_small(rig, "key", 100, 2) != 0)
        _exit(2);
    atomic_store(&hold_next_write, true);
    atomic_store(&syncs_until_death, 2);
    pending_begin(rig, &earlier, "earlier", 200, 3);
    while (sem_wait(&held) != 0)
        ;
    pending_begin(rig, &key, "key", 20000, 4);
    sem_post(&release);
    (void)pending_end(&earlier);
    (void)pending_end(&key);
    _exit(3);
}

static void child_die(struct rig *rig)
{
    int status;

    rig_begin(rig, NULL);
    rig_close(rig);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_run(rig);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct core_check_report report;
    assert_int_equal(core_check(rig->dir, true, NULL, NULL, &report), 0);
    assert_int_equal(report.pending, 1); /* what the next start replays or clears away is no finding */
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.objects, 3);
}

static void survivors_expect(struct rig *rig)
{
    expect_small(rig, "kept", 5000, 1);
    expect_small(rig, "earlier", 200, 3);
    assert_int_equal(extent_of(rig, "kept").file, extent_of(rig, "earlier").file);
    assert_int_equal(segment_files(rig->dir), 1); /* the one made ahead is gone */
}

/* The sync of the bytes was that of the change as well. */
static void dies_before_the_commit(void **state)
{
    struct meta_extent key;
    struct rig rig;

    child_die(&rig);
    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "key", 20000, 4);
    survivors_expect(&rig);
    key = extent_of(&rig, "key");
    for (unsigned i = 0;
         i < PATIENCE && key_is_there(&rig, "key") && !is_hole(&rig, key.file, HEAD + 8192, 100); i++)
        pause_briefly(&rig);
    assert_true(is_hole(&rig, key.file, HEAD + 8192, 100));               /* the old one lay after "kept" */
    assert_int_equal(blob_size(&rig, key.file), key.unit_offset + 20480); /* and the journal is cut off */
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    assert_int_equal(rig_open_again(&rig), 0); /* and nothing is done twice */
    expect_small(&rig, "key", 20000, 4);
    rig_close(&rig);
    expect_no_debt(rig.dir);
    rig_end(&rig);
}

static atomic_uint blocks_written;
static atomic_bool writes_fail;

static ssize_t pwritev_noted(int fd, const struct iovec *list, int count, off_t offset)
{
    atomic_fetch_add(&blocks_written,
                     (unsigned)((list->iov_len + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES));
    if (!atomic_load(&writes_fail))
        return pwritev(fd, list, count, offset);
    errno = EIO;
    return -1;
}

/* The dead process may have met a failed sync, after which a sync proves nothing: entry and bytes are written once more, or the store is
 * not opened. */
static void the_last_batch_is_written_again(void **state)
{
    struct rig rig;

    child_die(&rig);
    sys.pwritev = pwritev_noted;
    atomic_store(&writes_fail, true);
    assert_int_equal(rig_open_again(&rig), -EIO);
    atomic_store(&writes_fail, false);
    atomic_store(&blocks_written, 0);
    assert_int_equal(rig_open_again(&rig), 0);
    assert_int_equal(atomic_load(&blocks_written),
                     (20000 + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES + 1);
    sys.pwritev = pwritev_watched;
    expect_small(&rig, "key", 20000, 4);
    survivors_expect(&rig);
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    rig_end(&rig);
}

/* A descriptor of the first segment that has something else than zeros there. */
static int segment_with_bytes_at(struct rig *rig, uint64_t offset)
{
    for (uint64_t blob = 1; blob < 64; blob++) {
        char path[128], byte = 0;

        blob_path(rig, blob, path);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1 && byte != 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    fail();
    return -1;
}

static atomic_int opens_until_error; /* of blobs, to read them; 0: none */

static int openat_watched(int folder, const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags != (O_RDONLY | O_CLOEXEC | O_NOFOLLOW) || !is_due(&opens_until_error))
        return openat(folder, path, flags, mode);
    errno = EIO;
    return -1;
}

/* What cannot be read is not what a crash leaves: the store is not opened, rather than a batch left out that somebody may have been
 * told of. */
static void unreadable_bytes_are_not_left_out(void **state)
{
    struct rig rig;

    child_die(&rig);
    sys.openat = openat_watched;
    atomic_store(&opens_until_error, 2); /* the first is for the journal */
    assert_int_equal(rig_open_again(&rig), -EIO);
    assert_int_equal(atomic_load(&opens_until_error), 0);
    sys.openat = openat;
    rig.core = NULL;
    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "key", 20000, 4);
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    rig_end(&rig);
}

/* Nor is it a crash that makes a segment say that it is another blob's. */
static void foreign_bytes_are_not_left_out(void **state)
{
    struct rig rig;
    char last;

    child_die(&rig);
    int fd = segment_with_bytes_at(&rig, HEAD);
    assert_int_equal(pread(fd, &last, 1, HEAD - 1), 1); /* its record ends there */
    assert_int_equal(pwrite(fd, "x", 1, HEAD - 1), 1);
    assert_int_equal(rig_open_again(&rig), -EIO);
    rig.core = NULL;
    assert_int_equal(pwrite(fd, &last, 1, HEAD - 1), 1);
    close(fd);
    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "key", 20000, 4);
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    rig_end(&rig);
}

/* The sync had not finished: the entry is on the disk, one block of the bytes is not. */
static void dies_within_the_sync(void **state)
{
    const uint64_t lost = HEAD + 8192 + 4096 + 4096; /* after "kept", "key" and "earlier" */
    static const char zeros[4096];
    struct meta_extent earlier;
    struct rig rig;

    child_die(&rig);
    int fd = segment_with_bytes_at(&rig, lost);
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), (off_t)lost + 4096), sizeof(zeros));
    close(fd);
    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "key", 100, 2);
    survivors_expect(&rig);
    earlier = extent_of(&rig, "earlier");
    assert_int_equal(earlier.unit_offset + 4096, lost);
    assert_int_equal(blob_size(&rig, earlier.file), lost); /* the lost unit lay after it */
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    expect_no_debt(rig.dir);
    rig_end(&rig);
}

#define fault_test(function) cmocka_unit_test_setup_teardown(function, watch, unwatch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fault_test(all_goes_well),
        fault_test(write_fails),
        fault_test(sync_fails),
        fault_test(journal_write_fails),
        fault_test(holes_wait_for_the_log),
        fault_test(empty_segment_goes_later),
        fault_test(dies_before_the_commit),
        fault_test(dies_within_the_sync),
        fault_test(the_last_batch_is_written_again),
        fault_test(unreadable_bytes_are_not_left_out),
        fault_test(foreign_bytes_are_not_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
