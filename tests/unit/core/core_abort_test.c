/* SPDX-License-Identifier: MIT
 *
 * Puts that come to nothing: given up at each step, refused by their row, failed by the disk. Whatever the
 * moment, no file, no row and no debt to the blob store is left (a debt would make the next recovery find
 * something). */
#include "tests/unit/core/core_support.h"

#include <stdatomic.h>

#include <signal.h>
#include <sys/resource.h>

#include "storage/blob/blob_store.h"
#include "storage/ring/ring_fault.h"

#define BODY_BYTES ((1u << 20) + 5)

static const struct meta_condition create_only = {.if_none_match_any = true};

/* ---- A disk that fails ---- */

static _Atomic(enum ring_op_kind) fault_kind;
static atomic_int fault_error;

static int fault_inject(enum ring_op_kind kind, int fd, uint64_t length)
{
    return kind == atomic_load(&fault_kind) ? atomic_load(&fault_error) : 0;
}

static void fault_set(enum ring_op_kind kind, int error)
{
    atomic_store(&fault_error, error);
    atomic_store(&fault_kind, kind);
}

/* The closed store has nothing for its next start to look for. */
static void expect_no_debt(const char *dir)
{
    const struct blob_store_options options = {.read_only = true};
    struct blob_store *store;

    assert_int_equal(blob_store_open(&store, dir, &options), 0);
    for (uint64_t blob = 1; blob < 1000; blob++)
        assert_false(blob_store_awaits_recovery(store, blob));
    blob_store_close(store);
}

/* Nothing is left: neither now nor for the next start to find. */
static void expect_nothing_left(struct rig *rig, unsigned long files)
{
    await_blob_files(rig, files);
    rig_close(rig);
    expect_clean(rig->dir, files);
    expect_no_debt(rig->dir);
    assert_int_equal(rig_open_again(rig), 0);
    assert_int_equal(blob_files(rig->dir), files);
}

/* ---- Given up ---- */

enum stop { STOP_BEFORE_READY, STOP_READY, STOP_FILLING, STOP_BEFORE_SEALED, STOP_SEALED, STOP_COUNT };

static void put_until(struct rig *rig, enum stop stop, const unsigned char *body)
{
    struct core_put_options options = {
        .length = BODY_BYTES, .digest_mask = DIGEST_BIT(DIGEST_SHA256), .events = &put_events};
    struct test_put put = {.rig = rig};

    options.ctx = &put;
    assert_int_equal(core_put_begin(rig->worker, &options, &put.put), 0);
    if (stop > STOP_BEFORE_READY)
        assert_int_equal(put_await(&put, &put.ready), 0);
    if (stop > STOP_READY)
        assert_int_equal(put_fill(&put, body, stop == STOP_FILLING ? BODY_BYTES / 2 : BODY_BYTES), 0);
    if (stop == STOP_BEFORE_SEALED)
        core_put_seal(put.put);
    if (stop == STOP_SEALED)
        assert_int_equal(put_seal(&put), 0);
    core_put_end(put.put);
}

static void given_up_at_each_step(void **state)
{
    const struct core_options options = {.engine = (enum ring_engine)(size_t)*state};
    unsigned char *body = body_make(BODY_BYTES, 1);
    struct rig rig;

    rig_begin(&rig, &options);
    for (enum stop stop = 0; stop < STOP_COUNT; stop++)
        put_until(&rig, stop, body);
    expect_nothing_left(&rig, 0);
    free(body);
    rig_end(&rig);
}

static void closed_right_after_giving_up(void **state)
{
    const struct core_options options = {.engine = (enum ring_engine)(size_t)*state};
    unsigned char *body = body_make(BODY_BYTES, 1);
    struct rig rig;

    rig_begin(&rig, &options);
    for (enum stop stop = 0; stop < STOP_COUNT; stop++) {
        put_until(&rig, stop, body);
        rig_close(&rig); /* with disk work and digests still in flight */
        assert_int_equal(rig_open_again(&rig), 0);
    }
    expect_nothing_left(&rig, 0);
    free(body);
    rig_end(&rig);
}

/* ---- Refused ---- */

static void refused_by_precondition(void **state)
{
    unsigned char *first = body_make(BODY_BYTES, 1), *second = body_make(BODY_BYTES, 2);
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "key", first, BODY_BYTES, create_only), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(rig_put(&rig, "key", second, BODY_BYTES, create_only), META_E_PRECONDITION);
    rig_expect(&rig, "key", first, BODY_BYTES);
    expect_nothing_left(&rig, 1);
    rig_expect(&rig, "key", first, BODY_BYTES);
    free(first);
    free(second);
    rig_end(&rig);
}

static void refused_and_closed_at_once(void **state)
{
    unsigned char *body = body_make(BODY_BYTES, 1);
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, create_only), 0);
    assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, create_only), META_E_PRECONDITION);
    rig_close(&rig);
    assert_int_equal(blob_files(rig.dir), 1); /* the close did it, not the next start */
    expect_clean(rig.dir, 1);
    free(body);
    rig_end(&rig);
}

static void refused_without_bucket_or_upload(void **state)
{
    struct meta_part_put part = {.part.number = 1, .part.etag = "x"};
    struct test_put put;
    struct rig rig;

    rig_begin(&rig, NULL);
    rig.bucket += 1000;
    assert_int_equal(rig_put(&rig, "key", (const unsigned char *)"1", 1, NO_CONDITION), META_E_NO_BUCKET);
    rig.bucket -= 1000;

    assert_int_equal(put_begin(&rig, &put, 1), 0);
    assert_int_equal(put_fill(&put, (const unsigned char *)"1", 1), 0);
    assert_int_equal(put_seal(&put), 0);
    part.bucket = rig.bucket;
    part.key = slice_text("key");
    core_put_commit_part(put.put, &part);
    assert_int_equal(put_await(&put, &put.committed), META_E_NO_UPLOAD);
    core_put_end(put.put);
    expect_nothing_left(&rig, 0);
    rig_end(&rig);
}

/* ---- Failed by the disk ---- */

static void failed_by_the_disk(void **state)
{
    static const struct {
        enum ring_op_kind kind;
        int error;
    } faults[] = {
        {RING_OP_OPENAT, -EMFILE}, {RING_OP_FALLOCATE, -ENOSPC}, {RING_OP_WRITE, -ENOSPC},
        {RING_OP_FDATASYNC, -EIO}, {RING_OP_LINKAT, -ENOSPC},    {RING_OP_FSYNC, -EIO},
    };
    unsigned char *body = body_make(BODY_BYTES, 3);
    struct rig rig;

    rig_begin(&rig, NULL);
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        fault_set(faults[i].kind, faults[i].error);
        assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, NO_CONDITION), faults[i].error);
        fault_set(RING_OP_NONE, 0);
    }
    expect_nothing_left(&rig, 0);
    assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, NO_CONDITION), 0);
    rig_expect(&rig, "key", body, BODY_BYTES);
    free(body);
    rig_end(&rig);
}

/* Of a length that is not announced: such a body gets a file of its own, however small. */
static int put_unannounced(struct rig *rig, const char *key, const char *body)
{
    struct test_put put;
    int err = put_begin(rig, &put, UINT64_MAX);

    if (err == 0)
        err = put_fill(&put, (const unsigned char *)body, strlen(body));
    if (err == 0)
        err = put_seal(&put);
    if (err == 0)
        err = put_commit(&put, key, NO_CONDITION);
    core_put_end(put.put);
    return err;
}

/* The database cannot grow its log: an I/O error at the commit. */
static void failed_by_the_commit(void **state)
{
    const struct rlimit small = {.rlim_cur = 512, .rlim_max = RLIM_INFINITY};
    const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    struct rig rig;
    int err;

    rig_begin(&rig, NULL);
    assert_int_equal(put_unannounced(&rig, "first", "1"), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    err = put_unannounced(&rig, "second", "2");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    print_message("the commit failed with %d\n", err);
    assert_true(err < 0);
    assert_int_equal(put_unannounced(&rig, "third", "3"), 0);
    if (err == -EIO)
        await_blob_files(&rig, 3); /* the second one's fate is the next start's to decide */
    rig_close(&rig);
    expect_clean(rig.dir, 2);
    assert_int_equal(rig_open_again(&rig), 0);
    rig_expect(&rig, "third", (const unsigned char *)"3", 1);
    expect_nothing_left(&rig, 2);
    rig_end(&rig);
}

static void no_room_for_what_is_announced(void **state)
{
    struct test_put put;
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_true(put_begin(&rig, &put, UINT64_C(1) << 60) < 0);
    core_put_end(put.put);
    expect_nothing_left(&rig, 0);
    rig_end(&rig);
}

#define IN_ENGINE(function, engine)                                                                          \
    {                                                                                                        \
#function "/" #engine, function, NULL, NULL, (void *)(size_t)(engine)                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ENGINE(given_up_at_each_step, RING_ENGINE_URING),
        IN_ENGINE(given_up_at_each_step, RING_ENGINE_THREADS),
        IN_ENGINE(closed_right_after_giving_up, RING_ENGINE_URING),
        IN_ENGINE(closed_right_after_giving_up, RING_ENGINE_THREADS),
        cmocka_unit_test(refused_by_precondition),
        cmocka_unit_test(refused_and_closed_at_once),
        cmocka_unit_test(refused_without_bucket_or_upload),
        cmocka_unit_test(failed_by_the_disk),
        cmocka_unit_test(failed_by_the_commit),
        cmocka_unit_test(no_room_for_what_is_announced),
    };

    sys_fault = fault_inject;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
