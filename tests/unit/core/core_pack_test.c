/* SPDX-License-Identifier: MIT
 *
 * Small objects, packed into segments: what is refused or replaced gives its place back, readers keep theirs, spent segments go,
 * and a closed store leaves nothing for its next start. Each test runs with both disk engines, and in a store that does not
 * sync. */
#include <pthread.h>

#include "api/core/core_internal.h"
#include "storage/blob/blob_internal.h"
#include "tests/unit/core/core_pack_support.h"

static struct core_options options;

static void begin(struct rig *rig)
{
    rig_begin(rig, &options);
}

/* Closed, with so many objects and so many segments. */
static void close_and_expect(struct rig *rig, uint64_t objects, unsigned long segments)
{
    rig_close(rig);
    assert_int_equal(blob_files(rig->dir), 0);
    assert_int_equal(segment_files(rig->dir), segments);
    expect_clean(rig->dir, objects);
    if (!rig->options.relaxed) /* which does not wait for the disk when it is closed */
        expect_no_debt(rig->dir);
}

/* ---- Space ---- */

static void refused_row_gives_its_unit_back(void **state)
{
    const struct meta_condition create_only = {.if_none_match_any = true};
    unsigned char *body = body_make(20000, 2);
    struct meta_extent kept, refused;
    struct rig rig;

    begin(&rig);
    assert_int_equal(put_small(&rig, "key", 5000, 1), 0);
    kept = extent_of(&rig, "key");
    assert_int_equal(rig_put(&rig, "key", body, 20000, create_only), META_E_PRECONDITION);
    refused = kept;
    refused.unit_offset += segment_unit_room(5000); /* where the next one was written */
    refused.unit_length = 20000;
    assert_int_equal(put_small(&rig, "other", 5000, 3), 0);
    assert_int_equal(extent_of(&rig, "other").unit_offset, refused.unit_offset + segment_unit_room(20000));
    await_hole(&rig, &refused);
    expect_small(&rig, "key", 5000, 1);
    expect_small(&rig, "other", 5000, 3);
    close_and_expect(&rig, 2, 1);
    free(body);
    rig_end(&rig);
}

static void replaced_and_deleted_units_become_holes(void **state)
{
    struct meta_extent extents[4];
    char key[8];
    struct rig rig;

    begin(&rig);
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(put_small(&rig, key, 1 + 5000 * (size_t)i, (uint64_t)i), 0);
        extents[i] = extent_of(&rig, key);
    }
    assert_int_equal(put_small(&rig, "1", 100, 11), 0);
    assert_int_equal(rig_delete(&rig, "3"), 0);
    await_hole(&rig, &extents[1]);
    await_hole(&rig, &extents[3]);
    assert_false(is_extent_hole(&rig, &extents[0]));
    assert_false(is_extent_hole(&rig, &extents[2]));
    expect_small(&rig, "0", 1, 0);
    expect_small(&rig, "1", 100, 11);
    expect_small(&rig, "2", 10001, 2);
    close_and_expect(&rig, 3, 1);

    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "0", 1, 0);
    expect_small(&rig, "2", 10001, 2);
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(rig_delete(&rig, key), 0);
    }
    await_gone(&rig, extents[0].file);
    close_and_expect(&rig, 0, 0);
    rig_end(&rig);
}

static void reader_keeps_its_unit(void **state)
{
    static const char *const keys[] = {"a", "b", "c"};
    unsigned char *body = body_make(40000, 1);
    const struct meta_object *object;
    struct meta_extent extents[3];
    struct core_get *get;
    struct rig rig;

    begin(&rig);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put_small(&rig, keys[i], 40000, (uint64_t)i), 0);
        extents[i] = extent_of(&rig, keys[i]);
    }
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("b"), &get, &object), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_delete(&rig, keys[i]), 0);
    await_hole(&rig, &extents[0]);
    await_hole(&rig, &extents[2]);
    assert_false(is_extent_hole(&rig, &extents[1]));
    get_expect(&rig, get, body, 0, 40000); /* opened only now */
    core_get_end(get);
    await_hole(&rig, &extents[1]);
    free(body);
    close_and_expect(&rig, 0, 0);
    rig_end(&rig);
}

/* Sealed because it is full; its file goes with its last unit, and not while somebody reads that. */
static void spent_segment_is_removed(void **state)
{
    unsigned char *body = body_make(UNIT_MAX, 0);
    const struct meta_object *object;
    struct meta_extent first, second;
    struct core_get *get;
    struct rig rig;
    char key[8];

    begin(&rig);
    for (unsigned i = 0; i < FIRST_FIT + 2; i++) {
        snprintf(key, sizeof(key), "%u", i);
        assert_int_equal(put_small(&rig, key, UNIT_MAX, i), 0);
    }
    first = extent_of(&rig, "0");
    second = extent_of(&rig, key);
    assert_true(first.file != second.file);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("0"), &get, &object), 0);
    for (unsigned i = 0; i < FIRST_FIT; i++) {
        snprintf(key, sizeof(key), "%u", i);
        struct meta_extent extent = extent_of(&rig, key);
        assert_int_equal(rig_delete(&rig, key), 0);
        if (i > 0)
            await_hole(&rig, &extent);
    }
    assert_true(blob_size(&rig, first.file) > 0);
    get_expect(&rig, get, body, 0, UNIT_MAX);
    core_get_end(get);
    await_gone(&rig, first.file);
    for (unsigned i = FIRST_FIT; i < FIRST_FIT + 2; i++) {
        snprintf(key, sizeof(key), "%u", i);
        expect_small(&rig, key, UNIT_MAX, i);
    }
    free(body);
    close_and_expect(&rig, 2, 1);
    rig_end(&rig);
}

static void close_seals_and_cuts(void **state)
{
    struct meta_extent last;
    struct rig rig;

    begin(&rig);
    assert_int_equal(put_small(&rig, "a", 3, 1), 0);
    assert_int_equal(put_small(&rig, "b", 4097, 2), 0);
    last = extent_of(&rig, "b");
    close_and_expect(&rig, 2, 1);
    assert_int_equal(blob_size(&rig, last.file), last.unit_offset + 8192);
    assert_int_equal(rig_open_again(&rig), 0);
    expect_small(&rig, "a", 3, 1);
    expect_small(&rig, "b", 4097, 2);
    assert_int_equal(put_small(&rig, "c", 5, 3), 0); /* never into a segment of another process */
    assert_true(extent_of(&rig, "c").file != last.file);
    close_and_expect(&rig, 3, 2);
    rig_end(&rig);
}

static void ids_run_ahead(struct rig *rig, uint64_t next)
{
    struct blob_store *blobs = rig->core->blobs;
    uint64_t id = 0;

    while (id + 1 < next) {
        assert_int_equal(blob_ids_take_wait(blobs, &id), 0);
        blob_store_settle(blobs, id);
    }
}

/* One small object, then large ones only: the start after a crash must not have to look at all of those. */
static void old_segment_is_settled(void **state)
{
    unsigned char *body = body_make(70000, 2);
    struct meta_extent small;
    struct rig rig;

    begin(&rig);
    assert_int_equal(put_small(&rig, "small", 5000, 1), 0);
    small = extent_of(&rig, "small");
    ids_run_ahead(&rig, small.file + BLOB_ID_BLOCK + 1);
    assert_false(blob_store_is_settled(rig.core->blobs, small.file));
    assert_int_equal(rig_put(&rig, "large", body, 70000, NO_CONDITION), 0);
    for (unsigned i = 0; i < PATIENCE && !blob_store_is_settled(rig.core->blobs, small.file); i++)
        pause_briefly(&rig);
    assert_true(blob_store_is_settled(rig.core->blobs, small.file));
    assert_int_equal(blob_size(&rig, small.file), small.unit_offset + 8192);
    expect_small(&rig, "small", 5000, 1);
    rig_expect(&rig, "large", body, 70000);
    free(body);
    rig_end(&rig);
}

/* ---- Bodies ---- */

static void largest_and_smallest(void **state)
{
    unsigned char *body = body_make(UNIT_MAX + 1, 5);
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    begin(&rig);
    assert_int_equal(rig_put(&rig, "empty", body, 0, NO_CONDITION), 0);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("empty"), &get, &object), 0);
    assert_int_equal(object->extents.count, 0);
    core_get_end(get);
    assert_int_equal(rig_put(&rig, "packed", body, UNIT_MAX, NO_CONDITION), 0);
    (void)extent_of(&rig, "packed");
    assert_int_equal(rig_put(&rig, "own", body, UNIT_MAX + 1, NO_CONDITION), 0);
    assert_int_equal(blob_files(rig.dir), 1);
    rig_expect(&rig, "empty", body, 0);
    rig_expect(&rig, "packed", body, UNIT_MAX);
    rig_expect(&rig, "own", body, UNIT_MAX + 1);
    free(body);
    rig_end(&rig);
}

static void fewer_bytes_than_announced(void **state)
{
    unsigned char *body = body_make(1000, 1);
    struct test_put put;
    struct rig rig;

    begin(&rig);
    assert_int_equal(put_begin(&rig, &put, 1000), 0);
    assert_int_equal(put_fill(&put, body, 999), 0);
    assert_int_equal(put_seal(&put), -EINVAL);
    core_put_end(put.put);
    assert_int_equal(put_begin(&rig, &put, 1000), 0);
    assert_int_equal(put_fill(&put, body, 1000), 0); /* given up when it is whole */
    core_put_end(put.put);
    close_and_expect(&rig, 0, 0);
    free(body);
    rig_end(&rig);
}

struct signature {
    unsigned verified, released;
};

/* A chunk's tag is the SHA-256 it must have. */
static int signature_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    ((struct signature *)ctx)->verified++;
    return memcmp(sha256, chunk->tag, 32);
}

static void signature_release(void *ctx)
{
    ((struct signature *)ctx)->released++;
}

static void sign(const unsigned char *body, uint64_t begin, uint64_t end, struct digest_chunk *chunk)
{
    struct digest_values values;

    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), body + begin, end - begin, &values), 0);
    memcpy(chunk->tag, values.value[DIGEST_SHA256], 32);
    chunk->end = end;
}

/* 9000 bytes in chunks that end there, the last one empty as in S3. What sealing said. */
static int put_signed(struct rig *rig, const uint64_t *ends, uint32_t count, bool forge)
{
    unsigned char *body = body_make(9000, 1);
    struct signature signature = {0};
    struct digest_chunk_ops chunks = {signature_verify, signature_release, &signature};
    struct test_put put = {.rig = rig};
    struct core_put_options put_options = {
        .length = 9000, .chunks = &chunks, .events = &put_events, .ctx = &put};
    uint64_t begin = 0;
    int err;

    core_etag_choose(rig->core, false, &put_options);
    assert_int_equal(put_begin_with(rig, &put, &put_options), 0);
    assert_int_equal(put_fill(&put, body, 9000), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct digest_chunk chunk = {0};

        sign(body, begin, ends[i], &chunk);
        chunk.tag[0] ^= forge && i == 1;
        assert_int_equal(core_put_chunk_end(put.put, &chunk), 0);
        begin = ends[i];
    }
    err = put_seal(&put);
    if (err == 0) {
        assert_int_equal(signature.verified, count);
        err = put_commit(&put, "signed", NO_CONDITION);
    }
    core_put_end(put.put);
    assert_int_equal(signature.released, 1);
    free(body);
    return err;
}

static void signed_chunks(void **state)
{
    const uint64_t ends[] = {1000, 8999, 9000, 9000};
    struct rig rig;

    begin(&rig);
    assert_int_equal(put_signed(&rig, ends, 4, true), -EBADMSG);
    assert_int_equal(put_signed(&rig, ends, 2, false), -EBADMSG); /* a byte of no chunk */
    assert_int_equal(put_signed(&rig, NULL, 0, false), -EBADMSG);
    assert_false(key_is_there(&rig, "signed"));
    assert_int_equal(put_signed(&rig, ends, 4, false), 0);
    expect_small(&rig, "signed", 9000, 1);
    close_and_expect(&rig, 1, 1);
    rig_end(&rig);
}

/* ---- Workers ---- */

struct putter {
    struct rig rig; /* the same core, a worker of its own */
    pthread_t thread;
    unsigned number, failed;
};

enum { PUTS = 150, KEYS_EACH = 25 };

static size_t putter_length(unsigned number, unsigned i)
{
    return 1 + (number * 7919u + i * 104729u) % UNIT_MAX;
}

static void *putter_run(void *arg)
{
    struct putter *putter = arg;
    char key[24];

    for (unsigned i = 0; i < PUTS; i++) {
        snprintf(key, sizeof(key), "%u/%u", putter->number, i % KEYS_EACH);
        putter->failed +=
            put_small(&putter->rig, key, putter_length(putter->number, i), putter->number * 1000 + i) != 0;
    }
    return NULL;
}

static void two_workers_at_once(void **state)
{
    struct putter putters[2];
    struct rig rig;
    char key[24];

    begin(&rig);
    for (unsigned i = 0; i < 2; i++) {
        putters[i] = (struct putter){.rig = rig, .number = i};
        assert_int_equal(core_worker_create(rig.core, &putters[i].rig.worker), 0);
        assert_int_equal(pthread_create(&putters[i].thread, NULL, putter_run, &putters[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(putters[i].thread, NULL);
        core_worker_destroy(putters[i].rig.worker);
        assert_int_equal(putters[i].failed, 0);
    }
    for (int again = 0; again < 2; again++) {
        for (unsigned number = 0; number < 2; number++)
            for (unsigned i = PUTS - KEYS_EACH; i < PUTS; i++) {
                snprintf(key, sizeof(key), "%u/%u", number, i % KEYS_EACH);
                expect_small(&rig, key, putter_length(number, i), number * 1000 + i);
            }
        rig_close(&rig);
        expect_clean(rig.dir, 2 * KEYS_EACH);
        if (!rig.options.relaxed)
            expect_no_debt(rig.dir);
        assert_int_equal(rig_open_again(&rig), 0);
    }
    rig_end(&rig);
}

/* ---- The three kinds of store ---- */

static int choose_threads(void **state)
{
    options = (struct core_options){.engine = RING_ENGINE_THREADS};
    return 0;
}

static int choose_uring(void **state)
{
    options = (struct core_options){.engine = RING_ENGINE_URING};
    return 0;
}

static int choose_relaxed(void **state)
{
    options = (struct core_options){.relaxed = true, .settle_ms = 20};
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_row_gives_its_unit_back),
        cmocka_unit_test(replaced_and_deleted_units_become_holes),
        cmocka_unit_test(reader_keeps_its_unit),
        cmocka_unit_test(spent_segment_is_removed),
        cmocka_unit_test(close_seals_and_cuts),
        cmocka_unit_test(old_segment_is_settled),
        cmocka_unit_test(largest_and_smallest),
        cmocka_unit_test(fewer_bytes_than_announced),
        cmocka_unit_test(signed_chunks),
        cmocka_unit_test(two_workers_at_once),
    };
    int failed = cmocka_run_group_tests_name("threads", tests, choose_threads, NULL) +
                 cmocka_run_group_tests_name("relaxed", tests, choose_relaxed, NULL);
    struct ring *ring;

    if (ring_create(&ring, RING_ENGINE_URING) != 0)
        return failed;
    ring_destroy(ring);
    return failed + cmocka_run_group_tests_name("io_uring", tests, choose_uring, NULL);
}
