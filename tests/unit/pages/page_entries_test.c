/* SPDX-License-Identifier: MIT
 *
 * The order of a folder's entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/pages/page_entries.h"

#define COUNT 6

static const struct page_entry unsorted[COUNT] = {
    {.name = {LITERAL("build-10.tar")}, .size = 5, .modified_ms = 300},
    {.name = {LITERAL("z/")}, .is_folder = true},
    {.name = {LITERAL("build-9.tar")}, .size = 5, .modified_ms = 100},
    {.name = {LITERAL("notes")}, .size = 9, .modified_ms = 200},
    {.name = {LITERAL("a/")}, .is_folder = true},
    {.name = {LITERAL("build-1.tar")}, .size = 7, .modified_ms = 400},
};

static void expect(enum page_sort sort, bool descends, const char *const *names)
{
    struct page_entry entries[COUNT];

    memcpy(entries, unsorted, sizeof(entries));
    page_entries_sort(entries, COUNT, sort, descends);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(entries[i].name.base, names[i]);
}

static void by_name_numbers_count(void **state)
{
    static const char *const up[] = {"a/", "z/", "build-1.tar", "build-9.tar", "build-10.tar", "notes"};
    static const char *const down[] = {"z/", "a/", "notes", "build-10.tar", "build-9.tar", "build-1.tar"};

    expect(PAGE_SORT_NAME, false, up);
    expect(PAGE_SORT_NAME, true, down);
}

static void by_size_equal_ones_keep_their_names_order(void **state)
{
    static const char *const up[] = {"a/", "z/", "build-9.tar", "build-10.tar", "build-1.tar", "notes"};
    static const char *const down[] = {"a/", "z/", "notes", "build-1.tar", "build-9.tar", "build-10.tar"};

    expect(PAGE_SORT_SIZE, false, up);
    expect(PAGE_SORT_SIZE, true, down);
}

static void by_date(void **state)
{
    static const char *const down[] = {"a/", "z/", "build-1.tar", "build-10.tar", "notes", "build-9.tar"};

    expect(PAGE_SORT_DATE, true, down);
}

static void nothing_is_sorted(void **state)
{
    page_entries_sort(NULL, 0, PAGE_SORT_SIZE, true);
}

static void orders_have_names(void **state)
{
    for (int sort = 0; sort < PAGE_SORT_COUNT; sort++)
        assert_int_equal(page_sort_of(slice_text(page_sort_name((enum page_sort)sort))), sort);
    assert_int_equal(page_sort_of(SLICE("other")), PAGE_SORT_NAME);
    assert_int_equal(page_sort_of(slice_of(NULL, 0)), PAGE_SORT_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name_numbers_count),
        cmocka_unit_test(by_size_equal_ones_keep_their_names_order),
        cmocka_unit_test(by_date),
        cmocka_unit_test(nothing_is_sorted),
        cmocka_unit_test(orders_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
