/* SPDX-License-Identifier: MIT
 *
 * Patterns, folders, and which keys may become files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/cli/remote/remote.h"

static struct options options;
static struct remote remote = {.options = &options};

static void test_patterns(void **state)
{
    options = (struct options){0};
    remote.is_recursive = remote.is_literal = false;
    assert_true(remote_is_pattern(&remote, "a/*.txt"));
    assert_true(remote_is_pattern(&remote, "a/[0-9]"));
    assert_false(remote_is_pattern(&remote, "a/b c+%"));
    assert_true(remote_pattern_matches(&remote, "a/*.txt", "a/b.txt"));
    assert_false(remote_pattern_matches(&remote, "a/*.txt", "a/b/c.txt"));
    assert_true(remote_pattern_matches(&remote, "a/\\*", "a/*"));
    assert_false(remote_pattern_matches(&remote, "a/\\*", "a/b"));
    remote.is_recursive = true;
    assert_true(remote_pattern_matches(&remote, "a/*.txt", "a/b/c.txt"));
    remote.is_literal = true;
    assert_false(remote_is_pattern(&remote, "a/*.txt"));
}

static void expect_prefix(const char *pattern, const char *want)
{
    char *prefix = remote_pattern_prefix(pattern);

    assert_string_equal(prefix, want);
    free(prefix);
}

static void test_prefix(void **state)
{
    expect_prefix("a/b*c", "a/b");
    expect_prefix("*", "");
    expect_prefix("a\\*b?", "a*b");
    expect_prefix("abc", "abc");
}

static void test_wanted(void **state)
{
    char *png = "*.png", *old = "old/*";

    options = (struct options){0};
    assert_true(remote_is_wanted(&remote, "x"));
    options.includes = (struct options_list){&png, 1};
    assert_true(remote_is_wanted(&remote, "a/b.png"));
    assert_false(remote_is_wanted(&remote, "a/b.jpg"));
    options.excludes = (struct options_list){&old, 1};
    assert_false(remote_is_wanted(&remote, "old/b.png"));
    assert_true(remote_is_wanted(&remote, "new/old/b.png"));
}

static void test_names(void **state)
{
    char *folder;

    assert_true(remote_is_safe_name("a/b c/..."));
    assert_true(remote_is_safe_name(".hidden"));
    assert_false(remote_is_safe_name("../a"));
    assert_false(remote_is_safe_name("a/../b"));
    assert_false(remote_is_safe_name("a/.."));
    assert_false(remote_is_safe_name("a/./b"));
    assert_false(remote_is_safe_name("/a"));
    assert_false(remote_is_safe_name("a//b"));
    assert_false(remote_is_safe_name("a/"));
    assert_false(remote_is_safe_name(""));
    assert_string_equal(remote_base_name("a/b"), "b");
    assert_string_equal(remote_base_name("a/b/"), "b/");
    assert_string_equal(remote_base_name("b"), "b");
    folder = remote_folder_of("a");
    assert_string_equal(folder, "a/");
    free(folder);
    folder = remote_folder_of("");
    assert_string_equal(folder, "");
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns), cmocka_unit_test(test_prefix),
                                       cmocka_unit_test(test_wanted), cmocka_unit_test(test_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
