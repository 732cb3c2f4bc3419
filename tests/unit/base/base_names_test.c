/* SPDX-License-Identifier: MIT
 *
 * Names of buckets and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/text/names.h"

static void test_bucket_names(void **state)
{
    static const char *const good[] = {
        "abc",       "a-b",     "a.b",
        "0-9",       "a--b",    "1.2.3",
        "1.2.3.4.5", "1.2.3.a", "012345678901234567890123456789012345678901234567890123456789012"};
    static const char *const bad[] = {"",
                                      "ab",
                                      "-ab",
                                      "ab-",
                                      ".ab",
                                      "ab.",
                                      "a..b",
                                      "a_b",
                                      "aBc",
                                      "a b",
                                      "1.2.3.4",
                                      "1.2.3.999",
                                      "192.168.0.1",
                                      "xn--a",
                                      "sthree-a",
                                      "a-s3alias",
                                      "a--ol-s3",
                                      "a.mrap",
                                      "a--x-s3",
                                      "a--table-s3",
                                      "amzn-s3-demo-a",
                                      "a/b",
                                      "a\xc3\xa9",
                                      "0123456789012345678901234567890123456789012345678901234567890123"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(bucket_name_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bucket_name_is_valid(bad[i], strlen(bad[i])));
}

static void test_keys(void **state)
{
    char longest[KEY_BYTES_MAX + 1];

    memset(longest, 'k', sizeof(longest));
    assert_true(key_is_valid("a", 1));
    assert_true(key_is_valid("..//", 4));
    assert_true(key_is_valid("\xc3\xa4", 2));
    assert_true(key_is_valid(longest, KEY_BYTES_MAX));
    assert_false(key_is_valid(longest, KEY_BYTES_MAX + 1));
    assert_false(key_is_valid("", 0));
    assert_false(key_is_valid("a\0b", 3));
    assert_false(key_is_valid("\xc3", 1));
    assert_false(key_is_valid("\xc3\xa4", 1)); /* cut in the middle of a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bucket_names), cmocka_unit_test(test_keys)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
