/* SPDX-License-Identifier: MIT
 *
 * Dates: the three forms of HTTP, ISO 8601, and the way back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/s3/text/s3_time.h"

#define NOVEMBER_1994 784111777ll /* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example */

static int64_t parsed_ms(const char *text)
{
    int64_t unix_ms = INT64_MIN;

    if (s3_time_parse(text, strlen(text), &unix_ms) != 0)
        fail_msg("no date: \"%s\"", text);
    return unix_ms;
}

static int64_t parsed(const char *text)
{
    int64_t unix_ms = parsed_ms(text);

    assert_int_equal(unix_ms % 1000, 0);
    return unix_ms / 1000;
}

static void reads_every_form_of_http(void **state)
{
    assert_int_equal(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), NOVEMBER_1994);
    assert_int_equal(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), NOVEMBER_1994);
    assert_int_equal(parsed("Sun Nov  6 08:49:37 1994"), NOVEMBER_1994);
    assert_int_equal(parsed("Wed Nov 16 08:49:37 1994"), NOVEMBER_1994 + 10 * 86400);
    assert_int_equal(parsed("Monday, 01-Jan-24 00:00:00 GMT"), 1704067200);
}

static void reads_iso_8601(void **state)
{
    assert_int_equal(parsed("1994-11-06T08:49:37Z"), NOVEMBER_1994);
    assert_int_equal(parsed("19941106T084937Z"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T08:49Z"), NOVEMBER_1994 - 37);
}

/* Of a lock or a term nothing is taken away: what is finer than a millisecond counts as one. */
static void keeps_fractions(void **state)
{
    assert_int_equal(parsed_ms("1994-11-06T08:49:37.123Z"), NOVEMBER_1994 * 1000 + 123);
    assert_int_equal(parsed_ms("1994-11-06T08:49:37.1Z"), NOVEMBER_1994 * 1000 + 100);
    assert_int_equal(parsed_ms("1994-11-06T08:49:37.1230000Z"), NOVEMBER_1994 * 1000 + 123);
    assert_int_equal(parsed_ms("1994-11-06T08:49:37.12300001Z"), NOVEMBER_1994 * 1000 + 124);
    assert_int_equal(parsed_ms("1994-11-06T08:49:37.9999+00:00"), NOVEMBER_1994 * 1000 + 1000);
    assert_int_equal(parsed_ms("19941106T084937.5"), NOVEMBER_1994 * 1000 + 500);
    assert_int_equal(parsed_ms("1969-12-31T23:59:59.25Z"), -750);
}

static void reads_zones(void **state)
{
    assert_int_equal(parsed("1994-11-06T08:49:37"), NOVEMBER_1994);
    assert_int_equal(parsed("19941106T084937"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T09:49:37+01:00"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T05:49:37-03:00"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T14:19:37+0530"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T09:49:37+01"), NOVEMBER_1994);
    assert_int_equal(parsed("19941106T094937+0100"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T08:49:37-00:00"), NOVEMBER_1994);
    assert_int_equal(parsed("1994-11-06T09:49+01:00"), NOVEMBER_1994 - 37);
    assert_int_equal(parsed_ms("1994-11-06T09:49:37.007+01:00"), NOVEMBER_1994 * 1000 + 7);
    assert_int_equal(parsed("1970-01-01T00:00:00+23:59"), -86340);
}

/* Signatures name the moment in one form each. */
static void reads_what_requests_are_signed_with(void **state)
{
    static const char *const good[] = {
        "19941106T084937Z",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun Nov  6 08:49:37 1994",
    };
    static const char *const bad[] = {
        "",
        "19941106T084937",
        "19941106T084937+00",
        "19941106T084937+0000",
        "19941106T084937.1Z",
        "1994-11-06T08:49:37Z",
        "1994-11-06T08:49:37.123+00:00",
        "1994-11-06T08:49",
        "Sun, 06 Nov 1994 08:49:37 +01",
        "Sun, 06 Nov 1994 08:49:37 -0060",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 ",
    };
    int64_t seconds;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (s3_time_parse_signed(good[i], strlen(good[i]), &seconds) != 0)
            fail_msg("no date: \"%s\"", good[i]);
        assert_int_equal(seconds, NOVEMBER_1994);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (s3_time_parse_signed(bad[i], strlen(bad[i]), &seconds) != -EINVAL)
            fail_msg("taken for a date: \"%s\"", bad[i]);
}

static void refuses_what_is_no_date(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "1994-11-06",
        "1994-11-06T08",
        "1994-11-06T08:49:37.",
        "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37 ",
        "1994-11-06T08:49:37ZZ",
        "1994-11-06T08:49:37z",
        "1994-11-06T08:49:37+",
        "1994-11-06T08:49:37+1",
        "1994-11-06T08:49:37+01:",
        "1994-11-06T08:49:37+010",
        "1994-11-06T08:49:37+24:00",
        "1994-11-06T08:49:37-01:60",
        "1994-11-06T08:49:37 01:00",
        "1994-11-06T08:49:37Z+01:00",
        "1994-11-06T084937Z",
        "1994-13-06T08:49:37Z",
        "19941106T0849Z",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "784111777",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t seconds = 42;

        if (s3_time_parse(bad[i], strlen(bad[i]), &seconds) != -EINVAL)
            fail_msg("taken for a date: \"%s\"", bad[i]);
        assert_int_equal(seconds, 42);
    }
}

static bool is_good_cut(const char *text, size_t length)
{
    return text[0] == '1' && (length == strlen("19941106T084937") || length == strlen("19941106T084937+01"));
}

/* Every cut of a good date is refused, and none is read beyond its end. */
static void survives_every_cut(void **state)
{
    static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994", "19941106T084937+01:30"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t length = 0; length < strlen(good[i]); length++) {
            char *cut =
                malloc(length > 0 ? length : 1); /* no NUL after it: a sanitizer sees each step too far */
            int64_t seconds;

            memcpy(cut, good[i], length);
            /* Without its zone, or the minutes of that, it is one. */
            assert_int_equal(s3_time_parse(cut, length, &seconds),
                             is_good_cut(good[i], length) ? 0 : -EINVAL);
            (void)s3_time_parse_signed(cut, length, &seconds);
            free(cut);
        }
    }
}

static void writes_what_others_read(void **state)
{
    char basic[S3_TIME_BASIC_BYTES + 1];
    char text[S3_TIME_HTTP_BYTES + 1], iso[S3_TIME_ISO_BYTES + 1];

    s3_time_http_format(NOVEMBER_1994 * 1000 + 999, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    s3_time_iso_format(NOVEMBER_1994 * 1000 + 7, iso);
    assert_string_equal(iso, "1994-11-06T08:49:37.007Z");
    s3_time_basic_format(NOVEMBER_1994, basic);
    assert_string_equal(basic, "19941106T084937Z");
    s3_time_basic_format(INT64_MAX, basic);
    assert_string_equal(basic, "99991231T235959Z");
    s3_time_basic_format(INT64_MIN, basic);
    assert_string_equal(basic, "00000101T000000Z");
    s3_time_http_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    s3_time_http_format(-1, text);
    assert_string_equal(text, "Wed, 31 Dec 1969 23:59:59 GMT");
    s3_time_http_format(951782400000, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 GMT");
    s3_time_http_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    s3_time_http_format(INT64_MIN, text);
    assert_string_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT");
}

/* Against the C library, day by day over four centuries at odd times. */
static void agrees_with_the_c_library(void **state)
{
    for (int64_t seconds = -6000000000; seconds < 7000000000; seconds += 86400 + 3607) {
        char text[S3_TIME_HTTP_BYTES + 1], expected[64];
        time_t t = (time_t)seconds;
        struct tm tm;

        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        s3_time_http_format(seconds * 1000, text);
        assert_string_equal(text, expected);
        assert_int_equal(parsed(text), seconds);
        assert_true(strftime(expected, sizeof(expected), "%Y%m%dT%H%M%SZ", &tm) > 0);
        s3_time_basic_format(seconds, text);
        assert_string_equal(text, expected);
    }
}

/* Whatever was written before: days apart, the same one, before 1970, beyond what is clamped, and its last moment. */
static void writes_again_what_it_writes_once(void **state)
{
    static const int64_t odd[] = {0,
                                  -1,
                                  INT64_MIN,
                                  INT64_MAX,
                                  253402300799999,
                                  253402300800000,
                                  -62167219200000,
                                  -62167219200001,
                                  NOVEMBER_1994 * 1000};
    struct s3_time_memo memo = {0};
    int64_t time = NOVEMBER_1994 * 1000;

    srandom(7);
    for (int i = 0; i < 200000; i++) {
        char expected[S3_TIME_ISO_BYTES + 1];

        time += random() % 20000000 - 9000000;
        if (i % 100 == 0)
            time = odd[(size_t)(i / 100) % (sizeof(odd) / sizeof(odd[0]))] / (i % 3 + 1);
        else if (i % 1000 < 100)
            time = odd[(size_t)random() % (sizeof(odd) / sizeof(odd[0]))];
        if (time > INT64_MAX / 2 || time < INT64_MIN / 2)
            time /= 4;
        s3_time_iso_format(time, expected);
        s3_time_iso_format_again(&memo, time);
        assert_string_equal(memo.text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form_of_http),
        cmocka_unit_test(reads_iso_8601),
        cmocka_unit_test(refuses_what_is_no_date),
        cmocka_unit_test(survives_every_cut),
        cmocka_unit_test(writes_what_others_read),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(writes_again_what_it_writes_once),
        cmocka_unit_test(keeps_fractions),
        cmocka_unit_test(reads_zones),
        cmocka_unit_test(reads_what_requests_are_signed_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
