/* SPDX-License-Identifier: MIT
 *
 * Digests that are wanted only of small bodies: dropped from a set, dropped by a stream once the body has
 * outgrown them, whatever the order in which the stream hears of bytes, and never at the cost of the other
 * kinds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/digest/digest_pool.h"

#define BYTES_MAX (3u << 20)
#define MD5       DIGEST_BIT(DIGEST_MD5)
#define SHA256    DIGEST_BIT(DIGEST_SHA256)

static void set_drops_kinds(void **state)
{
    struct digest_values values, whole;
    struct digest_set *set;

    assert_int_equal(digest_set_create(&set, MD5 | SHA256 | DIGEST_BIT(DIGEST_CRC32)), 0);
    assert_int_equal(digest_set_update(set, "hel", 3), 0);
    digest_set_drop(set, MD5 | DIGEST_BIT(DIGEST_CRC32) | DIGEST_BIT(DIGEST_SHA1));
    assert_int_equal(digest_set_update(set, "lo", 2), 0);
    assert_int_equal(digest_set_final(set, &values), 0);
    digest_set_free(set);
    assert_int_equal(digest_buffer(SHA256, "hello", 5, &whole), 0);
    assert_int_equal(values.mask, SHA256);
    assert_memory_equal(values.value[DIGEST_SHA256], whole.value[DIGEST_SHA256], 32);
}

/* ---- Streams ---- */

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
    int result;
    struct digest_values values;
};

static void on_done(void *ctx, int result, const struct digest_values *values)
{
    struct outcome *outcome = ctx;

    pthread_mutex_lock(&outcome->lock);
    outcome->is_done = true;
    outcome->result = result;
    outcome->values = *values;
    pthread_cond_signal(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

static int file_of(const char *bytes, size_t length)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    return fd;
}

/* Digests a body of `length` bytes, told of in steps of `step`, with MD5 limited to bodies of limit bytes. */
static struct digest_values stream_digest(struct digest_pool *pool, const char *body, uint64_t length,
                                          uint64_t step, uint64_t limit)
{
    struct outcome outcome = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    int fd = file_of(body, length);
    struct digest_stream *stream;

    assert_int_equal(digest_stream_open(pool, MD5 | SHA256, NULL, &stream), 0);
    digest_stream_limit(stream, MD5, limit);
    assert_int_equal(digest_stream_bind(stream, fd), 0);
    for (uint64_t end = step; end < length; end += step)
        digest_stream_advance(stream, end);
    digest_stream_finish(stream, length, on_done, &outcome);
    pthread_mutex_lock(&outcome.lock);
    while (!outcome.is_done)
        pthread_cond_wait(&outcome.changed, &outcome.lock);
    pthread_mutex_unlock(&outcome.lock);
    close(fd);
    assert_int_equal(outcome.result, 0);
    return outcome.values;
}

static void stream_drops_what_is_outgrown(void **state)
{
    static const uint64_t lengths[] = {0, 1, 4096, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, BYTES_MAX};
    static const uint64_t steps[] = {1000, 1u << 20, BYTES_MAX + 1};
    char *body = malloc(BYTES_MAX);
    struct digest_pool *pool;

    assert_non_null(body);
    for (size_t i = 0; i < BYTES_MAX; i++)
        body[i] = (char)(i * i >> 7);
    assert_int_equal(digest_pool_create(&pool, 2), 0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        for (size_t j = 0; j < sizeof(steps) / sizeof(*steps); j++) {
            struct digest_values seen = stream_digest(pool, body, lengths[i], steps[j], 1u << 20), whole;
            bool is_small = lengths[i] <= 1u << 20;

            assert_int_equal(digest_buffer(MD5 | SHA256, body, lengths[i], &whole), 0);
            assert_int_equal(seen.mask, is_small ? MD5 | SHA256 : SHA256);
            assert_memory_equal(seen.value[DIGEST_SHA256], whole.value[DIGEST_SHA256], 32);
            if (is_small)
                assert_memory_equal(seen.value[DIGEST_MD5], whole.value[DIGEST_MD5], 16);
        }
    }
    digest_pool_destroy(pool);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_drops_kinds),
        cmocka_unit_test(stream_drops_what_is_outgrown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
