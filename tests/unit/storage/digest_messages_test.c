/* SPDX-License-Identifier: MIT
 *
 * Many messages at once are digested as each by itself: every length around the ends of a block, lengths mixed in one call,
 * any number of them, by every set of instructions there is here. And bodies that wait in a worker's queue. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/core/put/put_small.h"
#include "storage/digest/digest.h"
#include "storage/digest/md5_lanes.h"

#define ALL_KINDS   (DIGEST_BIT(DIGEST_KIND_COUNT) - 1)
#define MD5         DIGEST_BIT(DIGEST_MD5)
#define COUNT_MAX   200
#define BYTES_MAX   70000
#define BLOCK_BYTES 64

static unsigned char noise[BYTES_MAX + COUNT_MAX];
static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static int fill_noise(void **state)
{
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char)next_random();
    return 0;
}

static void assert_md5(const struct md5_message *message)
{
    struct digest_values values;

    assert_int_equal(digest_buffer(MD5, message->data, message->length, &values), 0);
    assert_memory_equal(message->digest, values.value[DIGEST_MD5], MD5_LANES_BYTES);
}

static void check_lanes(enum md5_lanes_width width, const size_t *lengths, size_t count)
{
    static struct md5_message list[COUNT_MAX];

    for (size_t i = 0; i < count; i++) /* no two begin alike */
        list[i] = (struct md5_message){.data = noise + i, .length = lengths[i]};
    assert_true(md5_lanes_digest_by(width, list, count));
    for (size_t i = 0; i < count; i++)
        assert_md5(&list[i]);
}

static void check_lengths(enum md5_lanes_width width)
{
    size_t lengths[COUNT_MAX];

    for (size_t i = 0; i < COUNT_MAX; i++)
        lengths[i] = i;
    check_lanes(width, lengths, COUNT_MAX); /* past three blocks, one byte at a time */
    for (size_t count = 0; count <= 40; count++)
        check_lanes(width, lengths + BLOCK_BYTES - 20, count);
    for (size_t i = 0; i < 60; i++)
        lengths[i] = next_random() % BYTES_MAX;
    check_lanes(width, lengths, 60);
    lengths[7] = BYTES_MAX; /* one that outlasts all others */
    for (size_t i = 0; i < 60; i++)
        lengths[i] = i == 7 ? BYTES_MAX : i % 3;
    check_lanes(width, lengths, 60);
}

static void test_lanes_plain(void **state)
{
    check_lengths(MD5_LANES_PLAIN);
}

static void test_lanes_wider(void **state)
{
    struct md5_message message = {.data = noise, .length = 100};

    for (int width = MD5_LANES_PLAIN + 1; width < MD5_LANES_WIDTH_COUNT; width++)
        if (md5_lanes_digest_by((enum md5_lanes_width)width, &message, 1)) /* this CPU has it */
            check_lengths((enum md5_lanes_width)width);
    md5_lanes_digest(&message, 1);
    assert_md5(&message);
}

/* ---- digest_messages ---- */

static void assert_messages(const struct digest_message *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct digest_values alone;

        assert_int_equal(list[i].result, 0);
        assert_int_equal(digest_buffer(list[i].mask, list[i].data, list[i].length, &alone), 0);
        assert_int_equal(list[i].values->mask, list[i].mask);
        assert_memory_equal(list[i].values, &alone, sizeof(alone));
    }
}

static void test_messages(void **state)
{
    static const uint32_t masks[] = {MD5, ALL_KINDS, DIGEST_BIT(DIGEST_SHA256), 0,
                                     MD5 | DIGEST_BIT(DIGEST_CRC64NVME)};
    static struct digest_values values[COUNT_MAX];
    static struct digest_message list[COUNT_MAX];

    for (size_t count = 0; count <= COUNT_MAX; count += 1 + count / 5) {
        memset(values, 0xff, sizeof(values));
        for (size_t i = 0; i < count; i++)
            list[i] = (struct digest_message){.mask = masks[next_random() % 5],
                                              .data = noise + i,
                                              .length = next_random() % 9000,
                                              .values = &values[i]};
        digest_messages(list, count);
        assert_messages(list, count);
    }
}

/* ---- The queue of bodies ---- */

#define BODIES 150

struct body {
    struct put_small *small;
    struct digest_values values;
    unsigned told;
    struct body *frees; /* when it is told */
};

static void on_sealed(void *ctx, int result)
{
    struct body *body = ctx;

    assert_int_equal(result, 0);
    body->told++;
    if (body->frees != NULL) {
        put_small_free(body->frees->small);
        body->frees->small = NULL;
    }
}

static void body_begin(struct body *body, size_t number)
{
    uint32_t length = (uint32_t)(1 + 37 * number);

    *body = (struct body){0};
    assert_int_equal(put_small_create(&body->small, length, false, NULL), 0);
    assert_int_equal(put_small_write(body->small, noise + number, length), length);
}

static int body_seal(struct body *body, struct put_small_queue *queue)
{
    return put_small_seal(body->small, queue, MD5 | DIGEST_BIT(DIGEST_OF_CONTENT), &body->values, on_sealed,
                          body);
}

static void body_end(struct body *body, size_t number)
{
    struct digest_values alone;

    assert_int_equal(body->told, body->small != NULL);
    if (body->small == NULL)
        return;
    assert_int_equal(
        digest_buffer(MD5 | DIGEST_BIT(DIGEST_OF_CONTENT), noise + number, 1 + 37 * number, &alone), 0);
    assert_memory_equal(&body->values, &alone, sizeof(alone));
    put_small_free(body->small);
}

static void test_queue(void **state)
{
    static struct body bodies[BODIES];
    struct put_small_queue queue = {0};

    assert_false(put_small_queue_run(&queue));
    for (size_t i = 0; i < BODIES; i++) {
        body_begin(&bodies[i], i);
        assert_int_equal(body_seal(&bodies[i], &queue), 0);
        assert_int_equal(bodies[i].told, 0);
    }
    /* Freed while they wait: the first, the last, one in between. */
    for (size_t i = 0; i < BODIES; i += (BODIES - 1) / 2) {
        put_small_free(bodies[i].small);
        bodies[i].small = NULL;
    }
    /* Freed by others that are told before them: of the same call, of a later one. */
    bodies[1].frees = &bodies[2];
    bodies[3].frees = &bodies[BODIES - 2];
    assert_true(put_small_queue_run(&queue));
    assert_false(put_small_queue_run(&queue));
    for (size_t i = 0; i < BODIES; i++)
        body_end(&bodies[i], i);
}

static void test_queue_takes_whole_bodies_only(void **state)
{
    struct put_small_queue queue = {0};
    struct body body = {0};

    assert_int_equal(put_small_create(&body.small, 10, false, NULL), 0);
    assert_int_equal(put_small_write(body.small, "short", 5), 5);
    assert_int_equal(body_seal(&body, &queue), -EINVAL);
    assert_false(put_small_queue_run(&queue));
    put_small_free(body.small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_plain),
        cmocka_unit_test(test_lanes_wider),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_queue_takes_whole_bodies_only),
    };

    return cmocka_run_group_tests_name("digest_messages", tests, fill_noise, NULL);
}
