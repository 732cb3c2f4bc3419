/* SPDX-License-Identifier: MIT
 *
 * UTF-8 and hexadecimal digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/hex.h"
#include "storage/base/utf8.h"

static void test_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "z\xf0\x9f\x98\x80z"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2z",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe1\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff",
                                      "a\xf0\x9f\x98"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(utf8_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
}

static void test_hex(void **state)
{
    static const unsigned char bytes[3] = {0x00, 0xaf, 0xff};
    unsigned char back[3];
    char hex[6];

    hex_encode(bytes, 3, hex);
    assert_memory_equal(hex, "00afff", 6);
    assert_true(hex_decode("00AFff", 6, back, 3));
    assert_memory_equal(back, bytes, 3);
    assert_false(hex_decode("00AFf", 5, back, 3));
    assert_false(hex_decode("00AFfff", 7, back, 3));
    assert_false(hex_decode("00AFfg", 6, back, 3));
    assert_int_equal(hex_value('F'), 15);
    assert_int_equal(hex_value_lower('f'), 15);
    assert_int_equal(hex_value_lower('F'), -1);
    assert_int_equal(hex_value('g'), -1);
    assert_int_equal(hex_value('/'), -1);
    assert_int_equal(hex_value(':'), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8), cmocka_unit_test(test_hex)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
