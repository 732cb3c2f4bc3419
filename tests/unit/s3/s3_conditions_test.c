/* SPDX-License-Identifier: MIT
 *
 * Conditional requests: precedence, lists of ETags, dates against stored milliseconds, and the conditions of
 * writes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/object/s3_conditions.h"

#define ETAG     "d41d8cd98f00b204e9800998ecf8427e"
#define QUOTED   "\"" ETAG "\""
#define MODIFIED 784111777123ll /* Sun, 06 Nov 1994 08:49:37.123 GMT */
#define AT       "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE   "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER    "Sun, 06 Nov 1994 08:49:38 GMT"

#define YET_TO_COME "Fri, 31 Dec 9999 23:59:59 GMT"

static struct slice vec(const char *text)
{
    return text != NULL ? slice_text(text) : slice_of(NULL, 0);
}

static enum s3_verdict check(const char *match, const char *none_match, const char *modified,
                             const char *unmodified)
{
    const struct s3_conditions conditions = {vec(match), vec(none_match), vec(modified), vec(unmodified)};

    return s3_conditions_check(&conditions, ETAG, MODIFIED);
}

static void obeys_each_condition(void **state)
{
    assert_int_equal(check(NULL, NULL, NULL, NULL), S3_VERDICT_GO);
    assert_int_equal(check(QUOTED, NULL, NULL, NULL), S3_VERDICT_GO);
    assert_int_equal(check("\"other\"", NULL, NULL, NULL), S3_VERDICT_FAILED);
    assert_int_equal(check(NULL, QUOTED, NULL, NULL), S3_VERDICT_NOT_MODIFIED);
    assert_int_equal(check(NULL, "\"other\"", NULL, NULL), S3_VERDICT_GO);
    assert_int_equal(check(NULL, "*", NULL, NULL), S3_VERDICT_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, AT, NULL), S3_VERDICT_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, AFTER, NULL), S3_VERDICT_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, YET_TO_COME, NULL), S3_VERDICT_GO);
    assert_int_equal(check(NULL, NULL, BEFORE, NULL), S3_VERDICT_GO);
    assert_int_equal(check(NULL, NULL, NULL, AT), S3_VERDICT_GO);
    assert_int_equal(check(NULL, NULL, NULL, AFTER), S3_VERDICT_GO);
    assert_int_equal(check(NULL, NULL, NULL, BEFORE), S3_VERDICT_FAILED);
}

static void lets_etags_silence_dates(void **state)
{
    assert_int_equal(check(QUOTED, NULL, NULL, BEFORE), S3_VERDICT_GO);
    assert_int_equal(check(NULL, "\"other\"", AFTER, NULL), S3_VERDICT_GO);
    assert_int_equal(check(NULL, QUOTED, BEFORE, NULL), S3_VERDICT_NOT_MODIFIED);
    assert_int_equal(check("\"other\"", QUOTED, NULL, NULL), S3_VERDICT_FAILED);
    assert_int_equal(check(QUOTED, QUOTED, NULL, NULL), S3_VERDICT_NOT_MODIFIED);
}

static void ignores_unreadable_dates(void **state)
{
    assert_int_equal(check(NULL, NULL, "yesterday", NULL), S3_VERDICT_GO);
    assert_int_equal(check(NULL, NULL, NULL, "yesterday"), S3_VERDICT_GO);
}

static void finds_etags_in_lists(void **state)
{
    assert_true(s3_etag_list_has(vec("\"a\", " QUOTED " ,\"b\""), ETAG, false));
    assert_true(s3_etag_list_has(vec(ETAG), ETAG, false));
    assert_true(s3_etag_list_has(vec("a," ETAG), ETAG, false));
    assert_false(s3_etag_list_has(vec("\"a," ETAG "\""), ETAG, false)); /* one ETag with a comma in it */
    assert_false(s3_etag_list_has(vec(""), ETAG, false));
    assert_false(s3_etag_list_has(vec(",,"), ETAG, false));
    assert_true(s3_etag_list_has(vec("W/" QUOTED), ETAG, true));
    assert_false(s3_etag_list_has(vec("W/" QUOTED), ETAG, false));
    assert_false(s3_etag_list_has(vec("\"" ETAG), ETAG, true));
}

static void honours_if_range(void **state)
{
    assert_true(s3_if_range_holds(vec(QUOTED), ETAG, MODIFIED));
    assert_false(s3_if_range_holds(vec("W/" QUOTED), ETAG, MODIFIED));
    assert_false(s3_if_range_holds(vec("\"other\""), ETAG, MODIFIED));
    assert_true(s3_if_range_holds(vec(AT), ETAG, MODIFIED));
    assert_false(s3_if_range_holds(vec(AFTER), ETAG, MODIFIED));
}

static void reads_conditions_of_writes(void **state)
{
    struct s3_write_condition write;
    char longest[META_ETAG_BYTES_MAX + 2];

    assert_int_equal(s3_write_condition_parse(&write, vec(NULL), vec(NULL)), 0);
    assert_false(s3_write_condition_given(&write));
    assert_int_equal(s3_write_condition_parse(&write, vec(QUOTED), vec("*")), 0);
    assert_true(s3_write_condition_given(&write));
    assert_string_equal(write.condition.if_match, ETAG);
    assert_false(write.condition.if_match_any);
    assert_true(write.condition.if_none_match_any);
    assert_null(write.condition.if_none_match);
    assert_int_equal(s3_write_condition_parse(&write, vec("\"a\", \"b\""), vec(NULL)), -EINVAL);
    assert_int_equal(s3_write_condition_parse(&write, vec("W/\"a\""), vec(NULL)), -EINVAL);
    assert_int_equal(s3_write_condition_parse(&write, vec(NULL), vec("")), -EINVAL);
    memset(longest, 'a', sizeof(longest));
    longest[META_ETAG_BYTES_MAX + 1] = '\0';
    assert_int_equal(s3_write_condition_parse(&write, vec(longest), vec(NULL)), -EINVAL);
    longest[META_ETAG_BYTES_MAX] = '\0';
    assert_int_equal(s3_write_condition_parse(&write, vec(longest), vec(NULL)), 0);
}

static int check_write(const char *match, const char *none_match, const char *etag)
{
    struct s3_write_condition write;

    assert_int_equal(s3_write_condition_parse(&write, vec(match), vec(none_match)), 0);
    return s3_write_condition_check(&write.condition, etag);
}

static void checks_conditions_of_writes(void **state)
{
    assert_int_equal(check_write(NULL, NULL, NULL), 0);
    assert_int_equal(check_write(NULL, "*", NULL), 0);
    assert_int_equal(check_write(NULL, "*", ETAG), META_E_PRECONDITION);
    assert_int_equal(check_write(NULL, QUOTED, ETAG), META_E_PRECONDITION);
    assert_int_equal(check_write(NULL, "\"other\"", ETAG), 0);
    assert_int_equal(check_write(QUOTED, NULL, ETAG), 0);
    assert_int_equal(check_write("\"other\"", NULL, ETAG), META_E_PRECONDITION);
    assert_int_equal(check_write("*", NULL, ETAG), 0);
    assert_int_equal(check_write("*", NULL, NULL), META_E_NO_KEY);
    assert_int_equal(check_write(QUOTED, NULL, NULL), META_E_NO_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(obeys_each_condition),
        cmocka_unit_test(lets_etags_silence_dates),
        cmocka_unit_test(ignores_unreadable_dates),
        cmocka_unit_test(finds_etags_in_lists),
        cmocka_unit_test(honours_if_range),
        cmocka_unit_test(reads_conditions_of_writes),
        cmocka_unit_test(checks_conditions_of_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
