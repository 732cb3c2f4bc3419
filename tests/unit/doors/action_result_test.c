/* SPDX-License-Identifier: MIT
 *
 * Which blobs results, trees and directories name, and what is none of these. A caret in a text here stands for a hash. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/doors/action_result.h"

#define HASH   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "\x42\x0a\x40^" /* the length of a digest that has nothing but a hash, and that */

static char named[64]; /* a letter for each */

static int on_named(void *ctx, enum action_kind kind, const char *hash)
{
    size_t length = strlen(named);

    (void)ctx;
    assert_memory_equal(hash, HASH, ACTION_HASH_BYTES);
    assert_true(length + 1 < sizeof(named));
    named[length] = "btd"[kind];
    named[length + 1] = '\0';
    return 0;
}

static size_t fill_in(const char *text, size_t length, char *bytes)
{
    size_t filled = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '^') {
            memcpy(bytes + filled, HASH, ACTION_HASH_BYTES);
            filled += ACTION_HASH_BYTES;
        } else {
            bytes[filled++] = text[i];
        }
    }
    return filled;
}

static int read_text(enum action_kind kind, const char *text, size_t length)
{
    struct action_body body;
    struct arena arena;
    char bytes[2048];
    size_t size = fill_in(text, length, bytes);
    int err;

    named[0] = '\0';
    arena_init(&arena, NULL);
    action_body_begin(&body, kind, size, &arena, on_named, NULL);
    if ((err = action_body_feed(&body, bytes, size)) == 0)
        err = action_body_end(&body);
    arena_free(&arena);
    return err;
}

static int read_json(const char *text)
{
    return read_text(ACTION_RESULT, text, strlen(text));
}

#define READ(kind, text) read_text(kind, text, sizeof(text) - 1)

static void names_of_results(void **state)
{
    (void)state;
    assert_int_equal(READ(ACTION_RESULT, ""), 0);
    assert_string_equal(named, "");
    assert_int_equal(READ(ACTION_RESULT, "\x12\x44\x12" DIGEST), 0); /* a file */
    assert_string_equal(named, "b");
    assert_int_equal(READ(ACTION_RESULT, "\x12\x47\x12" DIGEST "\x2a\x01x"), 0); /* with its bytes */
    assert_string_equal(named, "");
    assert_int_equal(READ(ACTION_RESULT, "\x12\x46\x2a\x00\x12" DIGEST), 0); /* of which there are none */
    assert_string_equal(named, "b");
    assert_int_equal(READ(ACTION_RESULT, "\x1a\x88\x01\x1a" DIGEST "\x2a" DIGEST), 0); /* a directory */
    assert_string_equal(named, "td");
    assert_int_equal(READ(ACTION_RESULT, "\x32" DIGEST "\x42" DIGEST), 0); /* what it said */
    assert_string_equal(named, "bb");
    assert_int_equal(READ(ACTION_RESULT, "\x32" DIGEST "\x2a\x01x\x42" DIGEST), 0);
    assert_string_equal(named, "b");
    assert_int_equal(READ(ACTION_RESULT, "\x32\x00\x42\x02\x0a\x00"), 0); /* a digest without a hash */
    assert_string_equal(named, "");
    /* Of other fields, of all types */
    assert_int_equal(
        READ(ACTION_RESULT,
             "\x20\xff\x01\x4a\x02\xff\xff\x0d\xff\xff\xff\xff\x09\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
             "\x10\x01"),
        0);
    assert_string_equal(named, "");
}

static void names_of_trees(void **state)
{
    (void)state;
    assert_int_equal(READ(ACTION_TREE, "\x0a\x46\x0a\x44\x12" DIGEST "\x12\x46\x0a\x44\x12" DIGEST), 0);
    assert_string_equal(named, "bb");
    assert_int_equal(READ(ACTION_TREE, "\x0a\x46\x12\x44\x12" DIGEST),
                     0); /* a directory, which is in the tree */
    assert_string_equal(named, "");
    assert_int_equal(READ(ACTION_DIRECTORY, "\x0a\x44\x12" DIGEST "\x12\x44\x12" DIGEST), 0);
    assert_string_equal(named, "bd");
}

static void what_is_none(void **state)
{
    (void)state;
    assert_int_equal(READ(ACTION_RESULT, "\x12"), -EBADMSG);             /* ends in a field */
    assert_int_equal(READ(ACTION_RESULT, "\x12\x05\x12"), -EBADMSG);     /* in a message */
    assert_int_equal(READ(ACTION_RESULT, "\x12\x02\x12\x03"), -EBADMSG); /* one ends beyond its parent */
    assert_int_equal(READ(ACTION_RESULT, "\x12\x01\x80"), -EBADMSG);     /* a number does */
    assert_int_equal(READ(ACTION_RESULT, "\x12\x02\x0d\x01"), -EBADMSG); /* four bytes do */
    assert_int_equal(READ(ACTION_RESULT, "\x0b"), -EBADMSG);             /* a group */
    assert_int_equal(READ(ACTION_RESULT, "\x02\x00"), -EBADMSG);         /* the field 0 */
    assert_int_equal(READ(ACTION_RESULT, "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                     -EBADMSG); /* 65 bits */
    assert_int_equal(READ(ACTION_RESULT, "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                     -EBADMSG);                                              /* a length */
    assert_int_equal(READ(ACTION_RESULT, "\x32\x03\x0a\x01\x61"), -EBADMSG); /* a short hash */
    assert_int_equal(READ(ACTION_RESULT, "\x32\x42\x0a\x40"
                                         "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"),
                     -EBADMSG);
}

static void names_in_json(void **state)
{
    (void)state;
    assert_int_equal(read_json("{}"), 0);
    assert_int_equal(
        read_json("{\"outputFiles\":[{\"path\":\"a\",\"digest\":{\"hash\":\"^\"}},"
                  "{\"digest\":{\"hash\":\"^\"},\"contents\":\"eA==\"}],\"exitCode\":0,"
                  "\"output_directories\":[{\"tree_digest\":{\"hash\":\"^\"}}],"
                  "\"stdoutDigest\":{\"hash\":\"^\",\"sizeBytes\":\"1\"},\"stderr_digest\":null}"),
        0);
    assert_string_equal(named, "btb");
    assert_int_equal(read_json("{\"stdout_digest\":{\"hash\":\"\"},\"stderr_digest\":{\"hash\":\"^\"},"
                               "\"stderr_raw\":[1]}"),
                     0);
    assert_string_equal(named, "");
    for (size_t i = 0; i < 6; i++) {
        static const char *const wrong[] = {"{",
                                            "{}{}",
                                            "{\"output_files\":{}}",
                                            "{\"output_files\":[1]}",
                                            "{\"stdout_digest\":[]}",
                                            "{\"stdout_digest\":{\"hash\":\"1\"}}"};

        assert_int_equal(read_json(wrong[i]), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_results),
        cmocka_unit_test(names_of_trees),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(names_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
