/* SPDX-License-Identifier: MIT
 *
 * What of a key's versions a target lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/cli/remote/history.h"

/* One letter for each version, the newest first: its ETag, or - for a delete marker; size and time are those of its place from the end. */
static void fill(struct histories *histories, const char *key, const char *versions)
{
    for (size_t i = 0; versions[i] != '\0'; i++) {
        const char etag[] = {versions[i], '\0'};
        const struct client_entry entry = {.key = key,
                                           .is_marker = versions[i] == '-',
                                           .size = 10,
                                           .modified_ms = 1000,
                                           .etag = etag,
                                           .version = etag};

        assert_int_equal(histories_add(histories, &entry), 0);
    }
}

static ssize_t missing(const char *source, const char *target, bool has_versions)
{
    struct histories from = {0}, to = {0};
    ssize_t result;

    fill(&from, "k", source);
    fill(&to, "k", target);
    result = history_missing(&from.list[0], to.count > 0 ? &to.list[0] : NULL, has_versions);
    histories_free(&from);
    histories_free(&to);
    return result;
}

static void test_missing(void **state)
{
    assert_int_equal(missing("cba", "", true), 3);
    assert_int_equal(missing("cba", "a", true), 2);
    assert_int_equal(missing("-ba", "ba", true), 1);
    assert_int_equal(missing("-ba", "-ba", true), 0);
    assert_int_equal(missing("cba", "x", true), -1);
    assert_int_equal(missing("cba", "-a", true), -1);
    assert_int_equal(missing("a", "ba", true), -1); /* it has one more */
    assert_int_equal(missing("a", "a", false), 0);
    assert_int_equal(missing("b", "a", false), 1);
    assert_int_equal(missing("b", "", false), 1);
    assert_int_equal(missing("b", "-", false), 1);
}

static void test_etags(void **state)
{
    struct history_version old = {.size = 5, .modified_ms = 9000, .etag = "x-2"},
                           young = {.size = 5, .modified_ms = 10000, .etag = "y-1"};
    const struct history early = {"k", &old, 1}, late = {"k", &young, 1};

    assert_int_equal(history_missing(&early, &late, true),
                     0); /* ETags of parts may differ: size and time do */
    assert_int_equal(history_missing(&late, &early, true), -1);
    young.size = 6;
    assert_int_equal(history_missing(&early, &late, true), -1);
}

static void test_find(void **state)
{
    struct histories histories = {0};

    assert_null(histories_find(&histories, "a"));
    fill(&histories, "b", "xy");
    fill(&histories, "a", "z");
    fill(&histories, "c", "w");
    histories_sort(&histories);
    assert_int_equal(histories.count, 3);
    assert_string_equal(histories_find(&histories, "a")->versions[0].etag, "z");
    assert_int_equal(histories_find(&histories, "b")->count, 2);
    assert_null(histories_find(&histories, "d"));
    histories_free(&histories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_missing), cmocka_unit_test(test_etags),
                                       cmocka_unit_test(test_find)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
