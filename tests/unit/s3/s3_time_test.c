/* SPDX-License-Identifier: MIT
 *
 * Dates: the three forms of HTTP, ISO 8601, and the way back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/s3/text/s3_time.h"

#define NOVEMBER_1994 784111777ll /* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example */

static int64_t parsed(const char *text)
{
    int64_t seconds = INT64_MIN;

    assert_int_equal(s3_time_parse(text, strlen(text), &seconds), 0);
    return seconds;
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
    assert_int_equal(parsed("1994-11-06T08:49:37.123Z"), NOVEMBER_1994);
    assert_int_equal(parsed("19941106T084937Z"), NOVEMBER_1994);
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
        "1994-11-06T08:49:37",
        "1994-11-06T08:49:37.Z",
        "1994-13-06T08:49:37Z",
        "784111777",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t seconds = 42;

        if (s3_time_parse(bad[i], strlen(bad[i]), &seconds) != -EINVAL)
            fail_msg("taken for a date: \"%s\"", bad[i]);
        assert_int_equal(seconds, 42);
    }
}

/* Every cut of a good date is refused, and none is read beyond its end. */
static void survives_every_cut(void **state)
{
    static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.123Z"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t length = 0; length < strlen(good[i]); length++) {
            char *cut =
                malloc(length > 0 ? length : 1); /* no NUL after it: a sanitizer sees each step too far */
            int64_t seconds;

            memcpy(cut, good[i], length);
            assert_int_equal(s3_time_parse(cut, length, &seconds), -EINVAL);
            free(cut);
        }
    }
}

static void writes_what_others_read(void **state)
{
    char text[S3_TIME_HTTP_BYTES + 1], iso[S3_TIME_ISO_BYTES + 1];

    s3_time_http_format(NOVEMBER_1994 * 1000 + 999, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    s3_time_iso_format(NOVEMBER_1994 * 1000 + 7, iso);
    assert_string_equal(iso, "1994-11-06T08:49:37.007Z");
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
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form_of_http), cmocka_unit_test(reads_iso_8601),
        cmocka_unit_test(refuses_what_is_no_date),  cmocka_unit_test(survives_every_cut),
        cmocka_unit_test(writes_what_others_read),  cmocka_unit_test(agrees_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
