/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding: examples, refusals, and random round trips. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/text/percent.h"

static void check_decode(const char *text, bool plus_is_space, const char *expected)
{
    char out[256];
    ssize_t length = percent_decode(text, strlen(text), plus_is_space, out);

    if (expected == NULL) {
        assert_int_equal(length, -EINVAL);
        return;
    }
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
}

static void test_decode(void **state)
{
    check_decode("", false, "");
    check_decode("a/b//../c", false, "a/b//../c");
    check_decode("a%20b%2Fc%c3%A9", false, "a b/c\xc3\xa9");
    check_decode("a+b", false, "a+b");
    check_decode("a+b%2B", true, "a b+");
    check_decode("%2541", false, "%41"); /* once, not twice */
    check_decode("%", false, NULL);
    check_decode("%4", false, NULL);
    check_decode("a%4", false, NULL);
    check_decode("%4g", false, NULL);
    check_decode("%g4", false, NULL);
    check_decode("%-1", false, NULL);
    check_decode("a%00b", false, NULL);
    assert_int_equal(percent_decode("a\0b", 3, false, (char[3]){0}), -EINVAL);
}

static void check_encode(const char *bytes, bool keep_slash, const char *expected)
{
    char out[256];
    size_t length = percent_encode(bytes, strlen(bytes), keep_slash, out);

    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, length);
}

static void test_encode(void **state)
{
    check_encode("AZaz09-_.~", true, "AZaz09-_.~");
    check_encode("a/b c+d", true, "a/b%20c%2Bd");
    check_encode("a/b", false, "a%2Fb");
    check_encode("!*'()\xc3\xa9\x01", true, "%21%2A%27%28%29%C3%A9%01");
}

static void test_round_trip(void **state)
{
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        char bytes[64], encoded[PERCENT_ENCODED_BYTES(64)], decoded[PERCENT_ENCODED_BYTES(64)];
        size_t length = (size_t)random() % sizeof(bytes), encoded_length;

        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)(random() % 255 + 1);
        encoded_length = percent_encode(bytes, length, round % 2 == 0, encoded);
        assert_int_equal(percent_decode(encoded, encoded_length, round % 3 == 0, decoded), length);
        assert_memory_equal(decoded, bytes, length);
    }
}

static void check_is_encoded(const char *text, bool in_query, bool in_path)
{
    assert_int_equal(percent_is_encoded(slice_text(text), false), in_query);
    assert_int_equal(percent_is_encoded(slice_text(text), true), in_path);
}

static void test_is_encoded(void **state)
{
    check_is_encoded("", true, true);
    check_is_encoded("AZaz09-_.~%20%C3%A9", true, true);
    check_is_encoded("a/b", false, true);
    check_is_encoded("a%2Fb", true, false);
    check_is_encoded("%c3", false, false);
    check_is_encoded("%61", false, false);
    check_is_encoded("%00", false, false);
    check_is_encoded("a+b", false, false);
    check_is_encoded("a b", false, false);
    check_is_encoded("%", false, false);
    check_is_encoded("%4", false, false);
    check_is_encoded("%G0", false, false);
}

/* It is what decoding and encoding again gives, for any text. */
static void test_is_encoded_anything(void **state)
{
    static const char alphabet[] = "%%%%0259afAFz+/=~";

    srandom(2);
    for (int round = 0; round < 50000; round++) {
        char text[8], decoded[8], again[PERCENT_ENCODED_BYTES(8)];
        size_t length = (size_t)random() % sizeof(text);
        bool keep_slash = round % 2 == 0, same = false;
        ssize_t decoded_length;

        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        decoded_length = percent_decode(text, length, !keep_slash, decoded);
        if (decoded_length >= 0)
            same = percent_encode(decoded, (size_t)decoded_length, keep_slash, again) == length &&
                   memcmp(again, text, length) == 0;
        assert_int_equal(percent_is_encoded(slice_of(text, length), keep_slash), same);
    }
}

/* Whatever comes, decoding stays inside its buffers (the sanitizers watch) and never grows. */
static void test_decode_anything(void **state)
{
    static const char alphabet[] = "%%%%09afAFgz+/";

    srandom(2);
    for (int round = 0; round < 50000; round++) {
        size_t length = (size_t)random() % 12;
        char *text = malloc(length + 1), *out = malloc(length + 1);
        ssize_t decoded;

        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        text = realloc(text, length != 0 ? length : 1);
        decoded = percent_decode(text, length, true, out);
        assert_true(decoded == -EINVAL || (decoded >= 0 && (size_t)decoded <= length));
        free(text);
        free(out);
    }
}

/* Byte by byte, as the header says it. */
static ssize_t decode_slowly(const char *text, size_t length, bool plus_is_space, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned value = (unsigned char)text[i];

        if (value == '%') {
            char digits[3] = {i + 1 < length ? text[i + 1] : 0, i + 2 < length ? text[i + 2] : 0, 0};

            if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
                return -EINVAL;
            value = (unsigned)strtoul(digits, NULL, 16);
            i += 2;
        } else if (value == '+' && plus_is_space) {
            value = ' ';
        }
        if (value == 0)
            return -EINVAL;
        out[written++] = (char)value;
    }
    return (ssize_t)written;
}

/* Long runs of plain bytes of all kinds, with something else in them here and there; into another buffer, and in place. */
static void test_decode_runs(void **state)
{
    srandom(3);
    for (int round = 0; round < 50000; round++) {
        size_t length = (size_t)random() % 64;
        char *text = malloc(length + 1), *out = malloc(length + 1), expected[64];
        ssize_t wanted, decoded;

        text = realloc(text, length != 0 ? length : 1);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(random() % 255 + 1);
        for (size_t i = 0; i < length; i++)
            if (text[i] == '%' || random() % 40 == 0)
                memcpy(text + i, "%4a+%00",
                       length - i < 7 ? length - i : (size_t)(random() % 100 < 97 ? 4 : 7));
        wanted = decode_slowly(text, length, round % 2 == 0, expected);
        decoded = percent_decode(text, length, round % 2 == 0, out);
        assert_int_equal(decoded, wanted);
        if (wanted >= 0)
            assert_memory_equal(out, expected, (size_t)wanted);
        assert_int_equal(percent_decode(text, length, round % 2 == 0, text), wanted);
        if (wanted >= 0)
            assert_memory_equal(text, expected, (size_t)wanted);
        free(text);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_is_encoded),
        cmocka_unit_test(test_is_encoded_anything),
        cmocka_unit_test(test_decode_anything),
        cmocka_unit_test(test_decode_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
