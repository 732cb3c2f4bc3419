/* SPDX-License-Identifier: MIT
 *
 * MD5 of messages side by side: each comes to what it comes to alone, in whatever pieces it came and whoever went beside it; and alone to
 * what RFC 1321 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/digest/md5.h"

#define BYTES_MAX 70000u

static unsigned char noise[BYTES_MAX + MD5_TOGETHER_MAX];
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

static void alone(const void *data, size_t length, unsigned char digest[MD5_BYTES])
{
    struct md5 md5;

    md5_begin(&md5);
    md5_update(&(struct md5_piece){&md5, data, length}, 1);
    md5_end(&md5, digest);
}

/* A.5 of the RFC. */
static void test_known(void **state)
{
    static const struct {
        const char *text, *digest;
    } known[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        unsigned char digest[MD5_BYTES];
        char text[2 * MD5_BYTES + 1];

        alone(known[i].text, strlen(known[i].text), digest);
        for (unsigned at = 0; at < MD5_BYTES; at++)
            snprintf(text + 2 * at, 3, "%02x", digest[at]);
        assert_string_equal(text, known[i].digest);
    }
}

/* Up to three messages, in rounds of pieces of any length. */
static void check_together(size_t count, const size_t *lengths, size_t piece_max)
{
    struct md5 md5[MD5_TOGETHER_MAX];
    size_t at[MD5_TOGETHER_MAX] = {0}, left = 1;

    for (size_t i = 0; i < count; i++)
        md5_begin(&md5[i]);
    while (left > 0) {
        struct md5_piece pieces[MD5_TOGETHER_MAX];

        left = 0;
        for (size_t i = 0; i < count; i++) {
            size_t length = next_random() % (piece_max + 1);

            length = length < lengths[i] - at[i] ? length : lengths[i] - at[i];
            pieces[i] = (struct md5_piece){&md5[i], noise + i + at[i], length};
            at[i] += length;
            left += lengths[i] - at[i];
        }
        md5_update(pieces, count);
    }
    for (size_t i = 0; i < count; i++) {
        unsigned char digest[MD5_BYTES], expected[MD5_BYTES];

        md5_end(&md5[i], digest);
        alone(noise + i, lengths[i], expected);
        assert_memory_equal(digest, expected, MD5_BYTES);
    }
}

static void test_side_by_side(void **state)
{
    for (size_t count = 1; count <= MD5_TOGETHER_MAX; count++) {
        for (size_t length = 0; length < 200; length++) /* past three blocks, one byte at a time */
            check_together(count, (const size_t[]){length, 199 - length, length / 2}, 100);
        for (unsigned round = 0; round < 50; round++)
            check_together(count,
                           (const size_t[]){next_random() % BYTES_MAX, next_random() % BYTES_MAX,
                                            next_random() % BYTES_MAX},
                           round % 2 == 0 ? 300 : BYTES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_side_by_side),
    };

    return cmocka_run_group_tests_name("md5", tests, fill_noise, NULL);
}
