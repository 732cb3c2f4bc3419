/* SPDX-License-Identifier: MIT
 *
 * What lifecycle rules say about objects, and their stored form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/core/upkeep/lifecycle/lifecycle_rules.h"

#define DAY_MS 86400000ll

static void is_due_at_the_midnight_after(void **state)
{
    /* 1970-01-01 10:00, three days: the 5th begins what comes after the 4th day's end. */
    assert_int_equal(core_lifecycle_due(36000000, 3, 86400), 4 * DAY_MS);
    assert_int_equal(core_lifecycle_due(DAY_MS - 1, 1, 86400), 2 * DAY_MS);
    assert_int_equal(core_lifecycle_due(DAY_MS, 1, 86400), 3 * DAY_MS);
    assert_int_equal(core_lifecycle_due(-1, 1, 86400), 1 * DAY_MS);
    assert_int_equal(core_lifecycle_due(1500, 1, 1), 3000);
    assert_true(core_lifecycle_due(INT64_MAX, 1, 86400) ==
                INT64_MAX); /* what a damaged row says is never due */
    assert_true(core_lifecycle_due(INT64_MAX - DAY_MS, UINT32_MAX, 86400) == INT64_MAX);
    assert_true(core_lifecycle_due(INT64_MIN, 1, 86400) < 0 ||
                core_lifecycle_due(INT64_MIN, 1, 86400) == INT64_MAX);
    assert_true(core_lifecycle_due(DAY_MS, 2147483647u, 86400) > 0);
}

static void a_filter_takes_what_meets_all_of_it(void **state)
{
    struct core_lifecycle_rule rule = {.prefix = slice_text("logs/")};

    assert_true(core_lifecycle_matches(&rule, slice_text("logs/a"), 0, slice_text("")));
    assert_true(core_lifecycle_matches(&rule, slice_text("logs/"), 0, slice_text("")));
    assert_false(core_lifecycle_matches(&rule, slice_text("logs"), 0, slice_text("")));
    assert_false(core_lifecycle_matches(&rule, slice_text("blog/logs/"), 0, slice_text("")));
    rule.has_size_greater = rule.has_size_less = true;
    rule.size_greater = 10;
    rule.size_less = 20;
    assert_false(core_lifecycle_matches(&rule, slice_text("logs/a"), 10, slice_text("")));
    assert_true(core_lifecycle_matches(&rule, slice_text("logs/a"), 11, slice_text("")));
    assert_true(core_lifecycle_matches(&rule, slice_text("logs/a"), 19, slice_text("")));
    assert_false(core_lifecycle_matches(&rule, slice_text("logs/a"), 20, slice_text("")));
    rule.tags = slice_text("a=1&b=2");
    assert_false(core_lifecycle_matches(&rule, slice_text("logs/a"), 15, slice_text("a=1")));
    assert_false(core_lifecycle_matches(&rule, slice_text("logs/a"), 15, slice_text("")));
    assert_false(core_lifecycle_matches(&rule, slice_text("logs/a"), 15, slice_text("a=1&b=22")));
    assert_true(core_lifecycle_matches(&rule, slice_text("logs/a"), 15, slice_text("b=2&c=3&a=1")));
}

static void the_earliest_rule_counts(void **state)
{
    struct core_lifecycle_rule rules[] = {
        {.id = slice_text("week"), .enabled = true, .expire_days = 7},
        {.id = slice_text("off"), .enabled = false, .expire_days = 1},
        {.id = slice_text("logs"), .enabled = true, .expire_days = 2, .prefix = slice_text("logs/")},
        {.id = slice_text("date"),
         .enabled = true,
         .has_expire_date = true,
         .expire_date_ms = 4 * DAY_MS,
         .prefix = slice_text("old/")},
        {.id = slice_text("abort"), .enabled = true, .abort_days = 1},
    };
    struct core_lifecycle lifecycle = {rules, 5, false};
    int64_t expiry;

    assert_ptr_equal(core_lifecycle_first(&lifecycle, slice_text("x"), 1, slice_text(""), 0, 86400, &expiry),
                     &rules[0]);
    assert_int_equal(expiry, 8 * DAY_MS);
    assert_ptr_equal(
        core_lifecycle_first(&lifecycle, slice_text("logs/x"), 1, slice_text(""), 0, 86400, &expiry),
        &rules[2]);
    assert_int_equal(expiry, 3 * DAY_MS);
    assert_ptr_equal(
        core_lifecycle_first(&lifecycle, slice_text("old/x"), 1, slice_text(""), 0, 86400, &expiry),
        &rules[3]);
    assert_int_equal(expiry, 4 * DAY_MS);
    lifecycle.rules = &rules[4];
    lifecycle.count = 1;
    assert_null(core_lifecycle_first(&lifecycle, slice_text("x"), 1, slice_text(""), 0, 86400, &expiry));
}

static void assert_text(struct slice got, struct slice expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.base, expected.base, got.len);
}

static void comes_back_from_the_stored_form(void **state)
{
    struct core_lifecycle_rule rules[] = {
        {.id = slice_text("one"),
         .enabled = true,
         .form = CORE_LIFECYCLE_AND,
         .has_prefix = true,
         .prefix = slice_text("p/"),
         .tags = slice_text("a=1"),
         .has_size_greater = true,
         .size_greater = 5,
         .has_size_less = true,
         .size_less = 5ull << 40,
         .expire_days = 2147483647u,
         .noncurrent_days = 3,
         .noncurrent_newer = 100,
         .abort_days = 9},
        {.id = slice_text("two"),
         .form = CORE_LIFECYCLE_FILTER,
         .has_expire_date = true,
         .expire_date_ms = -DAY_MS},
        {.id = slice_text("three"), .has_expire_marker = true},
        {.id = slice_text("four"), .has_expire_marker = true, .expire_marker = true, .has_prefix = true},
    };
    struct core_lifecycle lifecycle = {rules, 4, true}, *again;
    size_t length;
    char *stored = core_lifecycle_encode(&lifecycle, &length);

    assert_non_null(stored);
    assert_int_equal(core_lifecycle_decode(slice_of(stored, length), &again), 0);
    assert_int_equal(again->count, 4);
    assert_true(again->varies_by_storage_class);
    for (uint32_t i = 0; i < 4; i++) {
        struct core_lifecycle_rule *rule = &again->rules[i], *want = &rules[i];

        assert_text(rule->id, want->id);
        assert_text(rule->prefix, want->prefix);
        assert_text(rule->tags, want->tags);
        rule->id = want->id;
        rule->prefix = want->prefix;
        rule->tags = want->tags;
        assert_int_equal(rule->enabled, want->enabled);
        assert_int_equal(rule->form, want->form);
        assert_int_equal(rule->has_prefix, want->has_prefix);
        assert_int_equal(rule->has_size_greater, want->has_size_greater);
        assert_int_equal(rule->has_size_less, want->has_size_less);
        assert_true(rule->size_greater == want->size_greater && rule->size_less == want->size_less);
        assert_int_equal(rule->expire_days, want->expire_days);
        assert_int_equal(rule->has_expire_date, want->has_expire_date);
        assert_int_equal(rule->expire_date_ms, want->expire_date_ms);
        assert_int_equal(rule->has_expire_marker, want->has_expire_marker);
        assert_int_equal(rule->expire_marker, want->expire_marker);
        assert_int_equal(rule->noncurrent_days, want->noncurrent_days);
        assert_int_equal(rule->noncurrent_newer, want->noncurrent_newer);
        assert_int_equal(rule->abort_days, want->abort_days);
    }
    free(again);
    /* Any piece of it is damage, and so is one byte more. */
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(core_lifecycle_decode(slice_of(stored, cut), &again), META_E_CORRUPT);
    char *longer = malloc(length + 1);
    memcpy(longer, stored, length);
    longer[length] = 0;
    assert_int_equal(core_lifecycle_decode(slice_of(longer, length + 1), &again), META_E_CORRUPT);
    longer[0] = 2;
    assert_int_equal(core_lifecycle_decode(slice_of(longer, length), &again), META_E_CORRUPT);
    free(longer);
    free(stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_due_at_the_midnight_after),
        cmocka_unit_test(a_filter_takes_what_meets_all_of_it),
        cmocka_unit_test(the_earliest_rule_counts),
        cmocka_unit_test(comes_back_from_the_stored_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
