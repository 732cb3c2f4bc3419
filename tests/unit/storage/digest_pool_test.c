/* SPDX-License-Identifier: MIT
 *
 * The digest threads: results while a file grows, signed chunks in every arrangement, cancelling in every
 * state. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/digest/digest_pool.h"
#include "storage/limits.h"

#define MASK        (DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_CRC32C) | DIGEST_BIT(DIGEST_CRC64NVME))
#define BODY_BYTES  (3 * DIGEST_WINDOW_BYTES + 1000)
#define CHUNK_BYTES 65536u

static unsigned char *body;
static struct digest_pool *pool;
static struct digest_stream *stream;
static int fd;

/* What the callbacks, on other threads, leave for the test. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done_count, released_count, verified_count, wrong_count, released_at_done;
    int result;
    struct digest_values values;
    uint64_t refuse_end; /* the chunk that verify refuses */
    bool hold, held;     /* verify waits while hold is set */
} seen;

static void on_done(void *ctx, int result, const struct digest_values *values)
{
    pthread_mutex_lock(&seen.lock);
    seen.done_count++;
    seen.released_at_done = seen.released_count;
    seen.result = result;
    seen.values = *values;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void on_released(void *ctx)
{
    pthread_mutex_lock(&seen.lock);
    seen.released_count++;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

/* The tag holds the SHA-256 the test computed itself. */
static int on_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    int refused;

    pthread_mutex_lock(&seen.lock);
    seen.verified_count++;
    seen.wrong_count += memcmp(sha256, chunk->tag, 32) != 0;
    seen.held = seen.hold;
    pthread_cond_broadcast(&seen.changed);
    while (seen.hold)
        pthread_cond_wait(&seen.changed, &seen.lock);
    refused = chunk->end == seen.refuse_end;
    pthread_mutex_unlock(&seen.lock);
    return refused;
}

static const struct digest_chunk_ops chunk_ops = {.verify = on_verify, .released = on_released};

static void wait_for(const unsigned *count, unsigned value)
{
    pthread_mutex_lock(&seen.lock);
    while (*count < value)
        pthread_cond_wait(&seen.changed, &seen.lock);
    assert_int_equal(*count, value);
    pthread_mutex_unlock(&seen.lock);
}

static int setup(void **state)
{
    char path[] = "/tmp/sluice-pool-XXXXXX";
    uint32_t noise = 1;

    memset(&seen, 0, sizeof(seen));
    pthread_mutex_init(&seen.lock, NULL);
    pthread_cond_init(&seen.changed, NULL);
    seen.refuse_end = UINT64_MAX;
    body = malloc(BODY_BYTES);
    for (size_t i = 0; i < BODY_BYTES; i++) {
        noise = noise * 1664525u + 1013904223u;
        body[i] = (unsigned char)(noise >> 24);
    }
    fd = mkstemp(path);
    unlink(path);
    stream = NULL;
    return fd < 0 || digest_pool_create(&pool, 2);
}

static int teardown(void **state)
{
    digest_pool_destroy(pool);
    free(body);
    return close(fd);
}

static void put(uint64_t from, uint64_t to)
{
    assert_int_equal(pwrite(fd, body + from, to - from, (off_t)from), to - from);
}

static int chunk_end(uint64_t start, uint64_t end)
{
    struct digest_chunk chunk = {.end = end};
    struct digest_values values;

    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), body + start, end - start, &values), 0);
    memcpy(chunk.tag, values.value[DIGEST_SHA256], 32);
    return digest_stream_chunk_end(stream, &chunk);
}

static void open_stream(uint32_t mask, bool chunked)
{
    assert_int_equal(digest_stream_open(pool, mask, chunked ? &chunk_ops : NULL, &stream), 0);
    assert_int_equal(digest_stream_bind(stream, fd), 0);
}

static void finish_and_expect(uint64_t length, int result, uint32_t mask)
{
    struct digest_values expected;

    digest_stream_finish(stream, length, on_done, NULL);
    wait_for(&seen.done_count, 1);
    assert_int_equal(seen.result, result);
    if (result != 0)
        return;
    assert_int_equal(digest_buffer(mask, body, length, &expected), 0);
    assert_memory_equal(&seen.values, &expected, sizeof(expected));
}

/* ---- Whole bodies ---- */

static void test_growing_file(void **state)
{
    uint64_t at = 0, next;

    open_stream(MASK, false);
    close(dup(fd)); /* the stream has a descriptor of its own */
    while (at < BODY_BYTES) {
        next = at + 123457 < BODY_BYTES ? at + 123457 : BODY_BYTES;
        put(at, next);
        digest_stream_advance(stream, next);
        at = next;
    }
    finish_and_expect(BODY_BYTES, 0, MASK);
}

static void test_finish_without_advance(void **state)
{
    put(0, BODY_BYTES);
    open_stream(MASK, false);
    finish_and_expect(BODY_BYTES, 0, MASK);
}

static void test_small_and_empty(void **state)
{
    put(0, 10);
    open_stream(MASK, false);
    digest_stream_advance(stream, 10);
    finish_and_expect(10, 0, MASK);

    seen.done_count = 0;
    assert_int_equal(digest_stream_open(pool, MASK, NULL, &stream), 0);
    finish_and_expect(0, 0, MASK); /* no file at all */
}

static void test_bind_after_advance(void **state)
{
    put(0, BODY_BYTES);
    assert_int_equal(digest_stream_open(pool, MASK, NULL, &stream), 0);
    digest_stream_advance(stream, 2 * DIGEST_WINDOW_BYTES);
    assert_int_equal(digest_stream_bind(stream, fd), 0);
    finish_and_expect(BODY_BYTES, 0, MASK);
}

static void test_caller_closes_its_descriptor(void **state)
{
    int own = dup(fd);

    put(0, BODY_BYTES);
    assert_int_equal(digest_stream_open(pool, MASK, NULL, &stream), 0);
    assert_int_equal(digest_stream_bind(stream, own), 0);
    close(own);
    assert_int_equal(digest_stream_bind(stream, -1), -EBADF);
    finish_and_expect(BODY_BYTES, 0, MASK);
}

static void test_file_shorter_than_told(void **state)
{
    put(0, 1000);
    open_stream(MASK, false);
    finish_and_expect(2000, -EIO, MASK);
    assert_int_equal(seen.values.mask, 0);
}

static void test_many_streams(void **state)
{
    enum { COUNT = 50 };
    struct digest_stream *streams[COUNT];
    struct digest_values expected;

    put(0, BODY_BYTES);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(digest_stream_open(pool, DIGEST_BIT(DIGEST_CRC32C), NULL, &streams[i]), 0);
        assert_int_equal(digest_stream_bind(streams[i], fd), 0);
        digest_stream_advance(streams[i], DIGEST_WINDOW_BYTES);
    }
    for (int i = 0; i < COUNT; i++)
        digest_stream_finish(streams[i], BODY_BYTES, on_done, NULL);
    wait_for(&seen.done_count, COUNT);
    assert_int_equal(seen.result, 0);
    digest_buffer(DIGEST_BIT(DIGEST_CRC32C), body, BODY_BYTES, &expected);
    assert_memory_equal(&seen.values, &expected, sizeof(expected));
}

/* ---- Signed chunks ---- */

static unsigned write_chunks(uint64_t length, uint32_t chunk_bytes, bool told_before)
{
    unsigned count = 0;
    uint64_t next;

    for (uint64_t at = 0; at < length; at = next, count++) {
        next = at + chunk_bytes < length ? at + chunk_bytes : length;
        if (told_before)
            assert_int_equal(chunk_end(at, next), 0);
        put(at, next);
        digest_stream_advance(stream, next);
        if (!told_before)
            assert_int_equal(chunk_end(at, next), 0);
    }
    assert_int_equal(chunk_end(length, length), 0); /* the empty last chunk of aws-chunked */
    return count + 1;
}

static void check_chunks(uint32_t chunk_bytes, uint64_t length, bool told_before, uint32_t mask)
{
    unsigned count;

    seen.done_count = seen.released_count = seen.verified_count = 0;
    open_stream(mask, true);
    count = write_chunks(length, chunk_bytes, told_before);
    finish_and_expect(length, 0, mask);
    assert_int_equal(seen.verified_count, count);
    assert_int_equal(seen.wrong_count, 0);
    assert_int_equal(seen.released_at_done, 1);
}

static void test_chunks_verified(void **state)
{
    check_chunks(CHUNK_BYTES, BODY_BYTES, true, MASK);
    check_chunks(CHUNK_BYTES, BODY_BYTES, false, MASK);
    check_chunks(CHUNK_BYTES - 7, BODY_BYTES, false, 0); /* ends fall inside windows and pages */
    check_chunks(2 * DIGEST_WINDOW_BYTES + 5, BODY_BYTES, true, MASK);
    check_chunks(1, 500, true, MASK);
    check_chunks(CHUNK_BYTES, 0, true, MASK);
}

static void test_chunk_refused(void **state)
{
    uint64_t refused[] = {CHUNK_BYTES, 20 * CHUNK_BYTES, BODY_BYTES};

    for (int i = 0; i < 3; i++) {
        seen.done_count = seen.released_count = seen.verified_count = 0;
        seen.refuse_end = refused[i];
        open_stream(MASK, true);
        write_chunks(BODY_BYTES, CHUNK_BYTES, true);
        finish_and_expect(BODY_BYTES, -EBADMSG, MASK);
        assert_int_equal(seen.verified_count,
                         (refused[i] + CHUNK_BYTES - 1) / CHUNK_BYTES); /* none after it */
        assert_int_equal(seen.released_at_done, 1);
        assert_int_equal(seen.values.mask, 0);
    }
}

static void test_bytes_of_no_chunk(void **state)
{
    put(0, 1000);
    open_stream(MASK, true);
    digest_stream_advance(stream, 1000);
    assert_int_equal(chunk_end(0, 999), 0);
    finish_and_expect(1000, -EBADMSG, MASK);
}

/* Bytes whose chunk is not known yet must wait: it may end anywhere among them. */
static void test_chunk_ends_told_late(void **state)
{
    struct digest_pool *both = pool;
    struct digest_stream *late;

    put(0, BODY_BYTES);
    assert_int_equal(digest_pool_create(&pool, 1), 0);
    open_stream(MASK, true);
    late = stream;
    digest_stream_advance(late, BODY_BYTES);
    open_stream(MASK, false); /* when this one is done, the only thread has had its chance at the other */
    finish_and_expect(BODY_BYTES, 0, MASK);
    seen.done_count = 0;
    stream = late;
    for (uint64_t at = 0, next; at < BODY_BYTES; at = next) {
        next = at + CHUNK_BYTES < BODY_BYTES ? at + CHUNK_BYTES : BODY_BYTES;
        assert_int_equal(chunk_end(at, next), 0);
    }
    finish_and_expect(BODY_BYTES, 0, MASK);
    assert_int_equal(seen.wrong_count, 0);
    digest_pool_destroy(pool);
    pool = both;
}

/* ---- Cancelling ---- */

static void cancel_and_expect_released(void)
{
    digest_stream_cancel(stream);
    wait_for(&seen.released_count, 1);
}

static void test_cancel_unbound(void **state)
{
    assert_int_equal(digest_stream_open(pool, MASK, &chunk_ops, &stream), 0);
    cancel_and_expect_released();
}

static void test_cancel_idle(void **state)
{
    put(0, 5000);
    open_stream(MASK, true);
    digest_stream_advance(stream, 5000);
    assert_int_equal(chunk_end(0, 3000), 0);
    assert_int_equal(chunk_end(3000, 5000), 0);
    cancel_and_expect_released();
    assert_int_equal(seen.verified_count, 0);
}

/* Holds a digest thread inside verify. */
static void start_held(void)
{
    seen.hold = true;
    put(0, BODY_BYTES);
    open_stream(MASK, true);
    assert_int_equal(chunk_end(0, CHUNK_BYTES), 0);
    assert_int_equal(chunk_end(CHUNK_BYTES, BODY_BYTES), 0);
    digest_stream_advance(stream, BODY_BYTES);
    pthread_mutex_lock(&seen.lock);
    while (!seen.held)
        pthread_cond_wait(&seen.changed, &seen.lock);
    seen.held = false;
    pthread_mutex_unlock(&seen.lock);
}

static void let_go(void)
{
    pthread_mutex_lock(&seen.lock);
    seen.hold = false;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

/* ---- Streams that wait for a thread together ---- */

struct waiting {
    struct digest_stream *stream;
    uint64_t length;
    uint32_t mask, small_mask; /* the latter of bodies up to a window only */
    struct digest_values values;
    int result;
};

static void on_waiting_done(void *ctx, int result, const struct digest_values *values)
{
    struct waiting *waiting = ctx;

    pthread_mutex_lock(&seen.lock);
    waiting->result = result;
    waiting->values = *values;
    seen.done_count++;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void waiting_begin(struct waiting *waiting)
{
    waiting->result = 1;
    assert_int_equal(digest_stream_open(pool, waiting->mask | waiting->small_mask, NULL, &waiting->stream),
                     0);
    digest_stream_limit(waiting->stream, waiting->small_mask, DIGEST_WINDOW_BYTES);
    assert_int_equal(digest_stream_bind(waiting->stream, fd), 0);
    digest_stream_advance(waiting->stream, waiting->length < BODY_BYTES ? waiting->length : BODY_BYTES);
}

static void waiting_expect(const struct waiting *waiting)
{
    uint32_t mask = waiting->mask | (waiting->length <= DIGEST_WINDOW_BYTES ? waiting->small_mask : 0);
    struct digest_values expected;

    if (waiting->length > BODY_BYTES) {
        assert_int_equal(waiting->result, -EIO);
        return;
    }
    assert_int_equal(waiting->result, 0);
    assert_int_equal(digest_buffer(mask, body, waiting->length, &expected), 0);
    assert_memory_equal(&waiting->values, &expected, sizeof(expected));
}

/* One thread takes several at once, of any lengths and kinds; one that fails or is cancelled takes nobody with it. */
static void test_waiting_together(void **state)
{
    enum { MD5 = DIGEST_BIT(DIGEST_MD5), CRC = DIGEST_BIT(DIGEST_CRC64NVME) };
    static struct waiting list[] = {
        {.length = BODY_BYTES, .mask = MD5 | CRC},
        {.length = 1000, .mask = MD5},
        {.length = DIGEST_WINDOW_BYTES, .mask = CRC, .small_mask = MD5},
        {.length = BODY_BYTES - 1, .mask = MASK},
        {.length = BODY_BYTES - 100, .mask = CRC, .small_mask = MD5},
        {.length = BODY_BYTES + 1, .mask = MD5 | CRC}, /* more than there is */
        {.length = 2 * DIGEST_WINDOW_BYTES + 1, .mask = MD5 | MASK},
        {.length = 1, .mask = MD5 | CRC},
        {.length = 3 * DIGEST_WINDOW_BYTES, .mask = MD5},
    };
    enum { COUNT = sizeof(list) / sizeof(list[0]) };
    struct digest_stream *holder;

    digest_pool_destroy(pool);
    assert_int_equal(digest_pool_create(&pool, 1), 0);
    start_held();
    holder = stream;
    for (unsigned i = 0; i < COUNT; i++) {
        waiting_begin(&list[i]);
        if (i % 2 == 0) { /* between them, one that goes away while it waits */
            open_stream(MD5 | CRC, false);
            digest_stream_advance(stream, BODY_BYTES);
            digest_stream_cancel(stream);
        }
        digest_stream_finish(list[i].stream, list[i].length, on_waiting_done, &list[i]);
    }
    let_go();
    wait_for(&seen.done_count, COUNT);
    digest_stream_cancel(holder);
    for (unsigned i = 0; i < COUNT; i++)
        waiting_expect(&list[i]);
}

static void test_cancel_running(void **state)
{
    start_held();
    digest_stream_cancel(stream); /* does not wait */
    pthread_mutex_lock(&seen.lock);
    assert_int_equal(seen.released_count, 0); /* verify still uses ctx */
    pthread_mutex_unlock(&seen.lock);
    let_go();
    wait_for(&seen.released_count, 1);
    assert_int_equal(seen.verified_count, 1);
    assert_int_equal(seen.done_count, 0);
}

static void test_cancel_queued(void **state)
{
    struct digest_pool *both = pool;

    assert_int_equal(digest_pool_create(&pool, 1), 0); /* its only thread is held by the first stream */
    start_held();
    struct digest_stream *first = stream;
    open_stream(MASK, true);
    assert_int_equal(chunk_end(0, BODY_BYTES), 0);
    digest_stream_advance(stream, BODY_BYTES);
    digest_stream_cancel(stream);
    digest_stream_cancel(first);
    let_go();
    wait_for(&seen.released_count, 2);
    assert_int_equal(seen.verified_count, 1);
    digest_pool_destroy(pool);
    pool = both;
}

static void test_cancel_after_refusal(void **state)
{
    seen.refuse_end = CHUNK_BYTES;
    start_held();
    let_go();
    assert_int_equal(chunk_end(BODY_BYTES, BODY_BYTES), 0); /* whether or not the verdict has fallen yet */
    cancel_and_expect_released();
    assert_int_equal(seen.done_count, 0);
}

/* destroy waits for what was finished just before. */
static void test_destroy_right_after_finish(void **state)
{
    put(0, BODY_BYTES);
    open_stream(MASK, false);
    digest_stream_finish(stream, BODY_BYTES, on_done, NULL);
    digest_pool_destroy(pool);
    assert_int_equal(seen.done_count, 1);
    assert_int_equal(seen.result, 0);
    assert_int_equal(digest_pool_create(&pool, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_growing_file),
        TEST(test_finish_without_advance),
        TEST(test_small_and_empty),
        TEST(test_bind_after_advance),
        TEST(test_caller_closes_its_descriptor),
        TEST(test_file_shorter_than_told),
        TEST(test_many_streams),
        TEST(test_chunks_verified),
        TEST(test_chunk_refused),
        TEST(test_bytes_of_no_chunk),
        TEST(test_chunk_ends_told_late),
        TEST(test_waiting_together),
        TEST(test_cancel_unbound),
        TEST(test_cancel_idle),
        TEST(test_cancel_running),
        TEST(test_cancel_queued),
        TEST(test_cancel_after_refusal),
        TEST(test_destroy_right_after_finish),
    };

    return cmocka_run_group_tests_name("digest pool", tests, NULL, NULL);
}
