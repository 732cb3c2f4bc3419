/* SPDX-License-Identifier: MIT
 *
 * A relaxed store whose power fails. What a power failure leaves of it is made here: a store is closed, which does not wait for the disk, and
 * then bytes that came since the last point are taken out of its files, as a disk that never got them would: zeros, a short file,
 * none. The next start must drop what names them, keep everything else, and say so in one line. */
#include "tests/unit/core/core_pack_support.h"

#include "api/core/core_internal.h"
#include "api/core/figures.h"
#include "metadata/meta_relaxed.h"

#define LARGE (200u << 10)
#define SMALL 3000u

static char last_warning[512];
static atomic_uint warnings, errors; /* the store's own threads have things to say, too */

static void on_log(void *ctx, enum log_level level, const char *message)
{
    if (level == LOG_LEVEL_WARNING) {
        warnings++;
        snprintf(last_warning, sizeof(last_warning), "%s", message);
    }
    errors += level == LOG_LEVEL_ERROR;
}

/* No point is taken but those of settle(). */
static const struct core_options never = {.relaxed = true, .settle_ms = 3600000, .log = on_log};
static const struct core_options soon = {.relaxed = true, .settle_ms = 10, .log = on_log};

static void open_with(struct rig *rig, const struct core_options *options)
{
    rig->options = *options;
    warnings = errors = 0;
    assert_int_equal(rig_open_again(rig), 0);
}

static void close_and_open(struct rig *rig, const struct core_options *options)
{
    rig_close(rig);
    open_with(rig, options);
}

static void put_seed(struct rig *rig, const char *key, size_t length, uint64_t seed)
{
    unsigned char *body = body_make(length, seed);

    assert_int_equal(rig_put(rig, key, body, length, NO_CONDITION), 0);
    free(body);
}

static void expect_seed(struct rig *rig, const char *key, size_t length, uint64_t seed)
{
    unsigned char *body = body_make(length, seed);

    rig_expect(rig, key, body, length);
    free(body);
}

static struct meta_extent where(struct rig *rig, const char *key)
{
    struct meta_object object;
    struct meta_extent extent;

    assert_int_equal(rig_head(rig, key, &object), 0);
    assert_int_equal(object.extents.count, 1);
    extent = object.extents.list[0];
    meta_object_release(&object);
    return extent;
}

static bool is_there(struct rig *rig, const char *key)
{
    struct meta_object object;
    int err = rig_head(rig, key, &object);

    assert_true(err == 0 || err == META_E_NO_KEY);
    if (err == 0)
        meta_object_release(&object);
    return err == 0;
}

static void mark_read(struct rig *rig, struct meta_mark *mark)
{
    struct meta_reader *reader;

    assert_int_equal(meta_reader_open(rig->core->meta, &reader), 0);
    assert_int_equal(meta_mark_get(reader, mark), 0);
    meta_reader_close(reader);
}

/* Of a store that is closed, as the next start will find it. */
static struct meta_mark closed_mark(struct rig *rig)
{
    const struct meta_options options = {.read_only = true};
    struct meta_reader *reader;
    struct meta_mark mark;
    struct meta *meta;
    char path[128];

    snprintf(path, sizeof(path), "%s/sluice.db", rig->dir);
    assert_int_equal(meta_open(&meta, path, &options), 0);
    assert_int_equal(meta_reader_open(meta, &reader), 0);
    assert_int_equal(meta_mark_get(reader, &mark), 0);
    meta_reader_close(reader);
    meta_close(meta);
    return mark;
}

/* Waits for a point that has come up to this moment; of a store that takes one soon. */
static void await_point(struct rig *rig)
{
    struct meta_mark mark;
    uint64_t blob;

    put_seed(rig, "point", LARGE, 99);
    blob = where(rig, "point").file;
    for (unsigned i = 0; i < PATIENCE; i++) {
        mark_read(rig, &mark);
        if (!meta_mark_doubts(&mark, blob))
            return;
        pause_briefly(rig);
    }
    fail_msg("no point was taken");
}

/* Everything so far is on the disk; nothing is from now on. */
static void settle(struct rig *rig)
{
    /* A point that is taken beside a put may come before its row: then the store is not closed at rest, and its next start takes another. */
    rig_close(rig);
    for (unsigned round = 0; round == 0 || closed_mark(rig).file != 0; round++) {
        open_with(rig, &soon);
        await_point(rig);
        for (unsigned pauses = 0; pauses < 50 * round; pauses++) /* on a busy machine it takes another one */
            pause_briefly(rig);
        rig_close(rig);
    }
    open_with(rig, &never);
}

enum damage { ZEROS, SHORT, MISSING };

/* The store is closed. */
static void damage(struct rig *rig, const struct meta_extent *extent, enum damage how)
{
    unsigned char *zeros = calloc(1, extent->unit_length);
    char path[128];
    int fd;

    assert_non_null(zeros);
    blob_path(rig, extent->file, path);
    if (how == MISSING) {
        assert_int_equal(unlink(path), 0);
    } else {
        fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        if (how == SHORT)
            assert_int_equal(ftruncate(fd, (off_t)(extent->unit_offset + extent->unit_length - 1)), 0);
        else
            assert_int_equal(pwrite(fd, zeros, extent->unit_length, (off_t)extent->unit_offset),
                             (ssize_t)extent->unit_length);
        close(fd);
    }
    free(zeros);
}

/* ---- Dropping ---- */

static void bytes_that_did_not_come(void **state)
{
    static const size_t lengths[] = {LARGE, SMALL};
    struct meta_extent lost;
    struct rig rig;

    for (int how = ZEROS; how <= MISSING; how++) {
        for (unsigned i = 0; i < 2; i++) {
            rig_begin(&rig, &never);
            put_seed(&rig, "old", lengths[i], 1);
            settle(&rig);
            put_seed(&rig, "new", lengths[i], 2);
            put_seed(&rig, "lost", lengths[i], 3);
            lost = where(&rig, "lost");
            rig_close(&rig);
            damage(&rig, &lost, (enum damage)how);
            open_with(&rig, &never);
            expect_seed(&rig, "old", lengths[i], 1);
            assert_false(is_there(&rig, "lost"));
            assert_int_equal(warnings, 1);
            /* A segment that is missing has taken the other with it. */
            if (how == MISSING && lengths[i] == SMALL)
                assert_false(is_there(&rig, "new"));
            else
                expect_seed(&rig, "new", lengths[i], 2);
            assert_non_null(
                strstr(last_warning, how == MISSING && lengths[i] == SMALL ? "2 objects" : "1 objects"));
            rig_close(&rig);
            expect_clean(rig.dir, UINT64_MAX);
            rig_end(&rig);
        }
    }
}

static void nothing_is_said_when_all_is_there(void **state)
{
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "a", LARGE, 1);
    put_seed(&rig, "b", SMALL, 2);
    close_and_open(&rig, &never);
    assert_int_equal(warnings, 0);
    expect_seed(&rig, "a", LARGE, 1);
    expect_seed(&rig, "b", SMALL, 2);
    rig_end(&rig);
}

/* More than one change takes, so that the walk goes on where it stopped. */
static void many_at_once(void **state)
{
    enum { COUNT = 2 * META_LOST_ROWS_MAX + 10 };
    struct meta_extent extents[COUNT];
    struct rig rig;
    char key[16];

    rig_begin(&rig, &never);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        put_seed(&rig, key, SMALL, i);
        extents[i] = where(&rig, key);
    }
    rig_close(&rig);
    for (unsigned i = 0; i < COUNT; i++)
        if (i % 50 != 7)
            damage(&rig, &extents[i], ZEROS);
    open_with(&rig, &never);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(is_there(&rig, key), i % 50 == 7);
    }
    assert_int_equal(warnings, 1);
    rig_close(&rig);
    expect_clean(rig.dir, UINT64_MAX);
    rig_end(&rig);
}

/* What is older than the last point is not read: a start must not take as long as the store is large. */
static void settled_bytes_are_not_read(void **state)
{
    struct meta_extent extent;
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "old", LARGE, 1);
    extent = where(&rig, "old");
    settle(&rig);
    put_seed(&rig, "new", LARGE, 2);
    rig_close(&rig);
    damage(&rig, &extent, ZEROS);
    open_with(&rig, &never);
    assert_true(is_there(&rig, "old"));
    assert_int_equal(warnings, 0);
    rig_end(&rig);
}

/* Everything was written before it was closed: there is nothing left to doubt, not even what lies in the segment that was open. */
static void closed_at_rest(void **state)
{
    struct meta_mark mark = {.file = 1};
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "a", SMALL, 1);
    rig_close(&rig);
    assert_true(closed_mark(&rig).file != 0);
    for (unsigned i = 0; i < 30 && mark.file != 0; i++) { /* at rest after some time; on a slow disk later */
        open_with(&rig, &soon);
        await_point(&rig);
        for (unsigned pauses = 0; pauses < 50 * (i + 1); pauses++)
            pause_briefly(&rig);
        rig_close(&rig);
        mark = closed_mark(&rig);
    }
    assert_int_equal(mark.file, 0);
    expect_no_debt(rig.dir);
    rig_end(&rig);
}

/* ---- What was replaced ---- */

static void replaced_bytes_come_back(void **state)
{
    static const size_t lengths[] = {LARGE, SMALL};
    struct meta_extent lost, replaced;
    struct rig rig;

    for (unsigned i = 0; i < 2; i++) {
        rig_begin(&rig, &never);
        put_seed(&rig, "a", lengths[i], 1);
        replaced = where(&rig, "a");
        settle(&rig);
        put_seed(&rig, "a", lengths[i], 2);
        lost = where(&rig, "a");
        rig_close(&rig);
        assert_true(i == 1 ? !is_extent_hole(&rig, &replaced)
                           : blob_size(&rig, replaced.file) >= (int64_t)LARGE);
        damage(&rig, &lost, ZEROS);
        open_with(&rig, &never);
        expect_seed(&rig, "a", lengths[i], 1);
        assert_non_null(strstr(last_warning, "1 of the keys"));
        rig_close(&rig);
        expect_clean(rig.dir, UINT64_MAX);
        rig_end(&rig);
    }
}

/* Old bytes go once those that replaced them, or the deletion, are on the disk, and not before. */
static void space_comes_back_after_a_point(void **state)
{
    struct meta_extent replaced, deleted;
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "replaced", LARGE, 1);
    put_seed(&rig, "deleted", LARGE, 2);
    replaced = where(&rig, "replaced");
    deleted = where(&rig, "deleted");
    put_seed(&rig, "replaced", LARGE, 3);
    assert_int_equal(rig_delete(&rig, "deleted"), 0);
    for (unsigned i = 0; i < 100; i++) /* four times as long as the reclaimer takes otherwise */
        pause_briefly(&rig);
    assert_true(blob_size(&rig, replaced.file) >= (int64_t)LARGE);
    assert_true(blob_size(&rig, deleted.file) >= (int64_t)LARGE);
    close_and_open(&rig, &soon);
    await_gone(&rig, replaced.file);
    await_gone(&rig, deleted.file);
    rig_end(&rig);
}

/* A process that is killed and started every few seconds would otherwise never come to its first point, and one that is idle after its
 * start would leave what the one before had taken to the next power failure. */
static void what_was_left_is_written_at_once(void **state)
{
    struct meta_mark mark;
    struct rig rig;
    uint64_t blob;

    rig_begin(&rig, &never);
    settle(&rig);
    put_seed(&rig, "left", LARGE, 1);
    blob = where(&rig, "left").file;
    mark_read(&rig, &mark);
    assert_true(meta_mark_doubts(&mark, blob));
    close_and_open(&rig, &never);
    for (unsigned i = 0; i < PATIENCE && meta_mark_doubts(&mark, blob); i++) {
        pause_briefly(&rig);
        mark_read(&rig, &mark);
    }
    assert_false(meta_mark_doubts(&mark, blob));
    expect_seed(&rig, "left", LARGE, 1);
    rig_end(&rig);
}

/* A row is there, and the worker has not heard of it: the blob counts as one that is being published. A point that is taken then is not the
 * last one, though nothing comes after it. */
static void a_point_between_row_and_blob(void **state)
{
    unsigned char *body = body_make(LARGE, 1);
    const struct timespec pause = {.tv_nsec = 20000000};
    struct meta_object_put op;
    struct test_put put;
    struct meta_mark mark;
    struct rig rig;
    uint64_t blob;
    char key[16];

    rig_begin(&rig, &soon);
    for (unsigned tries = 0;; tries++) {
        snprintf(key, sizeof(key), "between-%u", tries);
        assert_int_equal(put_begin(&rig, &put, LARGE), 0);
        assert_int_equal(put_fill(&put, body, LARGE), 0);
        assert_int_equal(put_seal(&put), 0);
        op = (struct meta_object_put){.bucket = rig.bucket, .key = slice_text(key)};
        core_etag_make(&put.values, op.object.etag);
        core_put_commit_object(put.put, &op);
        for (unsigned i = 0; i < 3000 && !is_there(&rig, key); i++) {
            core_worker_flush(rig.worker);
            core_worker_run(rig.worker);
            nanosleep(&pause, NULL); /* now the row gets there, and the worker is not run */
        }
        if (!put.committed)
            break;
        core_put_end(put.put); /* it got there while the worker ran, on a machine that is busy */
        assert_true(tries < 20);
    }
    blob = where(&rig, key).file;
    mark_read(&rig, &mark);
    for (unsigned i = 0; i < 3000 && mark.file <= blob; i++) {
        nanosleep(&pause, NULL);
        mark_read(&rig, &mark);
    }
    assert_true(mark.file > blob && meta_mark_doubts(&mark, blob));
    assert_int_equal(put_await(&put, &put.committed), 0);
    core_put_end(put.put);
    for (unsigned i = 0; i < PATIENCE && meta_mark_doubts(&mark, blob); i++) {
        pause_briefly(&rig);
        mark_read(&rig, &mark);
    }
    assert_false(meta_mark_doubts(&mark, blob));
    rig_end(&rig);
    free(body);
}

/* ---- A durable start after it ---- */

static void durable_start_verifies(void **state)
{
    const struct core_options durable = {.log = on_log};
    struct meta_extent lost;
    struct meta_mark mark;
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "a", LARGE, 1);
    put_seed(&rig, "b", SMALL, 2);
    put_seed(&rig, "b", SMALL, 3);
    lost = where(&rig, "a");
    rig_close(&rig);
    damage(&rig, &lost, ZEROS);
    open_with(&rig, &durable);
    assert_false(is_there(&rig, "a"));
    expect_seed(&rig, "b", SMALL, 3);
    assert_int_equal(warnings, 1);
    mark_read(&rig, &mark);
    assert_int_equal(mark.file, 0);
    rig_close(&rig);
    expect_no_debt(rig.dir);
    open_with(&rig, &durable);
    assert_int_equal(warnings, 0);
    rig_close(&rig);
    expect_clean(rig.dir, UINT64_MAX);
    rig_end(&rig);
}

/* ---- Syncs that fail ---- */

static int (*real_syncfs)(int fd);
static atomic_uint syncs;

static int failing_syncfs(int fd)
{
    if (atomic_fetch_add(&syncs, 1) == 0) {
        errno = EIO;
        return -1;
    }
    return real_syncfs(fd);
}

/* The next sync would succeed, and say nothing of what this one was about: the mark stays. */
static void failed_sync_is_not_tried_again(void **state)
{
    struct meta_extent lost;
    struct rig rig;

    rig_begin(&rig, &never);
    settle(&rig);
    real_syncfs = sys.syncfs;
    rig_close(&rig);
    atomic_store(&syncs, 0);
    sys.syncfs = failing_syncfs;
    open_with(&rig, &soon);
    put_seed(&rig, "a", LARGE, 1);
    lost = where(&rig, "a");
    for (unsigned i = 0; i < PATIENCE && atomic_load(&syncs) == 0; i++)
        pause_briefly(&rig);
    put_seed(&rig, "b", LARGE, 2);
    for (unsigned i = 0; i < 50; i++)
        pause_briefly(&rig);
    assert_int_equal(atomic_load(&syncs), 1);
    rig_close(&rig);
    assert_int_equal(errors, 1);
    sys.syncfs = real_syncfs;
    damage(&rig, &lost, ZEROS);
    open_with(&rig, &never);
    assert_false(is_there(&rig, "a"));
    expect_seed(&rig, "b", LARGE, 2);
    rig_end(&rig);
}

/* Small bodies that take each other's place, so that all but the first and the last of them wait for a point. */
static void overwrite(struct rig *rig, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        put_seed(rig, "overwritten", SMALL, i);
}

/* More garbage than may be does not wait for the next point, which is an hour away here: one is taken for it. */
static void too_much_garbage_brings_a_point(void **state)
{
    struct core_options options = never;
    struct core_garbage garbage;
    struct rig rig;

    options.garbage_max = 16 * SMALL;
    rig_begin(&rig, &options);
    overwrite(&rig, 64);
    core_garbage(rig.core, &garbage);
    assert_true(garbage.waits > 0);
    for (unsigned i = 0; i < PATIENCE && garbage.bytes > options.garbage_max; i++) {
        pause_briefly(&rig);
        core_garbage(rig.core, &garbage);
    }
    assert_true(garbage.bytes <= options.garbage_max);
    expect_seed(&rig, "overwritten", SMALL, 63);
    rig_end(&rig);
}

/* After a failed sync it would be waited for in vain. */
static void nobody_waits_for_a_point_that_does_not_come(void **state)
{
    struct core_options options = never;
    struct core_garbage garbage;
    struct rig rig;

    options.garbage_max = SMALL;
    real_syncfs = sys.syncfs;
    atomic_store(&syncs, 1);     /* none fails yet */
    sys.syncfs = failing_syncfs; /* while there are no threads that call it */
    rig_begin(&rig, &options);
    atomic_store(&syncs, 0);
    for (unsigned i = 0; i < PATIENCE && errors == 0; i++)
        overwrite(&rig, 4);
    assert_int_equal(errors, 1);
    core_garbage(rig.core, &garbage);
    uint64_t waits = garbage.waits;
    overwrite(&rig, 64);
    core_garbage(rig.core, &garbage);
    assert_int_equal(garbage.waits, waits);
    assert_true(garbage.bytes > options.garbage_max);
    rig_close(&rig);
    sys.syncfs = real_syncfs;
    rig_end(&rig);
}

static void durable_start_that_cannot_sync(void **state)
{
    struct rig rig;

    rig_begin(&rig, &never);
    put_seed(&rig, "a", LARGE, 1);
    rig_close(&rig);
    real_syncfs = sys.syncfs;
    atomic_store(&syncs, 0);
    sys.syncfs = failing_syncfs;
    rig.options = (struct core_options){.log = on_log};
    assert_int_equal(rig_open_again(&rig), -EIO);
    sys.syncfs = real_syncfs;
    rig.core = NULL;
    open_with(&rig, &never);
    expect_seed(&rig, "a", LARGE, 1);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_did_not_come),
        cmocka_unit_test(nothing_is_said_when_all_is_there),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(settled_bytes_are_not_read),
        cmocka_unit_test(closed_at_rest),
        cmocka_unit_test(replaced_bytes_come_back),
        cmocka_unit_test(space_comes_back_after_a_point),
        cmocka_unit_test(what_was_left_is_written_at_once),
        cmocka_unit_test(a_point_between_row_and_blob),
        cmocka_unit_test(durable_start_verifies),
        cmocka_unit_test(failed_sync_is_not_tried_again),
        cmocka_unit_test(too_much_garbage_brings_a_point),
        cmocka_unit_test(nobody_waits_for_a_point_that_does_not_come),
        cmocka_unit_test(durable_start_that_cannot_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
