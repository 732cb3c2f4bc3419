/* SPDX-License-Identifier: MIT
 *
 * Ranges as S3 takes them: what is served, what is ignored, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/object/s3_range.h"

static struct s3_range range;

static enum s3_range_result parse(const char *text, uint64_t size)
{
    return s3_range_parse(text, text != NULL ? strlen(text) : 0, size, &range);
}

static void assert_range(const char *text, uint64_t size, uint64_t first, uint64_t length)
{
    if (parse(text, size) != S3_RANGE_PARTIAL)
        fail_msg("not served: %s of %llu", text, (unsigned long long)size);
    assert_int_equal(range.first, first);
    assert_int_equal(range.length, length);
}

static void serves_single_ranges(void **state)
{
    assert_range("bytes=0-0", 100, 0, 1);
    assert_range("bytes=10-19", 100, 10, 10);
    assert_range("bytes=99-99", 100, 99, 1);
    assert_range("bytes=0-99", 100, 0, 100);
    assert_range("Bytes=0-9", 100, 0, 10);
    assert_range("bytes=0-8589934591", UINT64_MAX, 0, 8589934592);
}

static void cuts_at_the_end(void **state)
{
    assert_range("bytes=90-", 100, 90, 10);
    assert_range("bytes=90-1000", 100, 90, 10);
    assert_range("bytes=0-99999999999999999999999", 100, 0, 100);
    assert_range("bytes=-10", 100, 90, 10);
    assert_range("bytes=-100", 100, 0, 100);
    assert_range("bytes=-101", 100, 0, 100);
    assert_range("bytes=-99999999999999999999999", 100, 0, 100);
}

static void refuses_what_lies_outside(void **state)
{
    assert_int_equal(parse("bytes=100-", 100), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=100-200", 100), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=99999999999999999999-", 100), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=-0", 100), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=0-", 0), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=0-0", 0), S3_RANGE_UNSATISFIABLE);
    assert_int_equal(parse("bytes=-0", 0), S3_RANGE_UNSATISFIABLE);
}

static void gives_the_end_of_nothing(void **state)
{
    assert_int_equal(parse("bytes=-5", 0), S3_RANGE_WHOLE);
    assert_int_equal(range.length, 0);
}

static void ignores_what_it_does_not_understand(void **state)
{
    static const char *const ignored[] = {
        NULL,          "",          "bytes",         "bytes=",    "bytes=-",    "bytes=a-b",
        "bytes=5",     "bytes=9-5", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=1--2",
        "bytes=0x1-2", "bytes 0-1", "bytes= 0-9",    "bytes= -1"};

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (parse(ignored[i], 100) != S3_RANGE_WHOLE)
            fail_msg("not ignored: %s", ignored[i]);
        assert_int_equal(range.first, 0);
        assert_int_equal(range.length, 100);
    }
}

static void is_strict_for_copies(void **state)
{
    static const char *const bad[] = {
        "", "0-5", "bytes=5-", "bytes=-5", "bytes=5-4", "bytes=0-1,2-3", "bytes=0-99999999999999999999"};

    assert_int_equal(s3_range_parse_copy("bytes=5-9", 9, &range), 0);
    assert_int_equal(range.first, 5);
    assert_int_equal(range.length, 5);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(s3_range_parse_copy(bad[i], strlen(bad[i]), &range), -EINVAL);
}

static void formats_content_range(void **state)
{
    char text[64];
    struct s3_range largest = {0, UINT64_MAX};

    assert_int_equal(s3_range_format(&(struct s3_range){10, 5}, 100, text), strlen("bytes 10-14/100"));
    assert_string_equal(text, "bytes 10-14/100");
    assert_true(s3_range_format(&largest, UINT64_MAX, text) < sizeof(text));
}

static void parses_numbers_within_bounds(void **state)
{
    uint64_t value = 7;

    assert_int_equal(s3_number_parse("1000", 4, 1000, &value), 0);
    assert_int_equal(value, 1000);
    assert_int_equal(s3_number_parse("0", 1, 0, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(s3_number_parse("18446744073709551615", 20, UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(s3_number_parse("18446744073709551616", 20, UINT64_MAX, &value), -ERANGE);
    assert_int_equal(s3_number_parse("1001", 4, 1000, &value), -ERANGE);
    assert_int_equal(s3_number_parse("5", 1, 4, &value), -ERANGE);
    assert_int_equal(s3_number_parse("", 0, 1000, &value), -EINVAL);
    assert_int_equal(s3_number_parse("-1", 2, 1000, &value), -EINVAL);
    assert_int_equal(s3_number_parse("99999999999x", 12, 1000, &value), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_single_ranges),
        cmocka_unit_test(cuts_at_the_end),
        cmocka_unit_test(refuses_what_lies_outside),
        cmocka_unit_test(gives_the_end_of_nothing),
        cmocka_unit_test(ignores_what_it_does_not_understand),
        cmocka_unit_test(is_strict_for_copies),
        cmocka_unit_test(formats_content_range),
        cmocka_unit_test(parses_numbers_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
