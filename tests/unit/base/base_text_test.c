/* SPDX-License-Identifier: MIT
 *
 * UTF-8 and hexadecimal digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/text/hex.h"
#include "storage/base/text/utf8.h"

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

/* Whether the text, cut at each two places, is what it is as a whole. */
static void assert_stream(const char *text, size_t length)
{
    bool whole = utf8_is_valid(text, length);

    for (size_t first = 0; first <= length; first++)
        for (size_t second = first; second <= length; second++) {
            struct utf8_stream stream = {0};

            utf8_stream_add(&stream, text, first);
            utf8_stream_add(&stream, text + first, second - first);
            utf8_stream_add(&stream, text + second, length - second);
            assert_int_equal(utf8_stream_is_valid(&stream), whole);
        }
}

static void test_utf8_in_pieces(void **state)
{
    static const char *const texts[] = {
        "",
        "a",
        "eight of ASCII and more than that",
        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88",
        "sixteen of ASCII\xe2\x82\xac and 12345678",
        "\xe2\x82",
        "\xf0\x9f\x90",
        "\xf0\x9f\x90\x88\xf0",
        "\xff",
        "12345678\x80",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xe2\x41\x41",
        "\xc3\xc3\xa4",
        "a\xf8\x88\x80\x80\x80",
        "abc\xe2\x82\xac\xe2\x28\xa1",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_stream(texts[i], strlen(texts[i]));
    assert_stream("nul\0in it", 9);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8), cmocka_unit_test(test_utf8_in_pieces),
                                       cmocka_unit_test(test_hex)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
