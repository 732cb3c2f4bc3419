/* SPDX-License-Identifier: MIT
 *
 * Members by their names: order, duplicates, overlaps, and what an index may cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/archive/member_index.h"

static struct archive_budget budget = {.most = 1u << 20};

static struct member_index *make(enum archive_kind kind)
{
    struct member_index *index;

    assert_int_equal(member_index_create(&index, kind, &budget), 0);
    return index;
}

static void add(struct member_index *index, const char *name, uint64_t offset, uint64_t stored)
{
    const struct member member = {
        .name = slice_text(name), .offset = offset, .stored = stored, .size = stored, .head = 30};

    assert_int_equal(member_index_add(index, &member), 0);
}

static int refusal(const struct member_index *index, const char *name)
{
    const struct member *member = member_index_find(index, slice_text(name));

    return member != NULL ? member->refusal : -1;
}

static void drop(struct member_index *index)
{
    member_index_unref(index);
    assert_int_equal(atomic_load(&budget.used), 0);
}

static void test_order(void **state)
{
    struct member_index *index = make(ARCHIVE_TAR);
    static const char *const names[] = {"b/2", "a", "c", "b/1", "b", "b/3"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add(index, names[i], i * 100, 10);
    member_index_finish(index, 1000);
    assert_int_equal(member_index_count(index), 6);
    assert_true(slice_is(member_index_at(index, 0)->name, "a"));
    assert_true(slice_is(member_index_at(index, 1)->name, "b"));
    assert_int_equal(member_index_seek(index, SLICE("b/")), 2);
    assert_int_equal(member_index_skip(index, 2, SLICE("b/")), 5);
    assert_int_equal(member_index_skip(index, 0, SLICE("x")), 0);
    assert_int_equal(member_index_seek(index, SLICE("d")), 6);
    assert_null(member_index_find(index, SLICE("b/")));
    assert_int_equal(member_index_find(index, SLICE("b/1"))->offset, 300);
    drop(index);
}

static void test_nothing(void **state)
{
    struct member_index *index = make(ARCHIVE_ZIP);

    member_index_finish(index, 0);
    assert_int_equal(member_index_count(index), 0);
    assert_int_equal(member_index_seek(index, SLICE("")), 0);
    assert_null(member_index_find(index, SLICE("a")));
    drop(index);
}

static void test_last_of_a_name_counts(void **state)
{
    struct member_index *index = make(ARCHIVE_TAR);

    add(index, "a", 512, 1);
    add(index, "b", 1024, 2);
    add(index, "a", 2048, 3);
    add(index, "a", 4096, 4);
    member_index_finish(index, 8192);
    assert_int_equal(member_index_count(index), 2);
    assert_int_equal(member_index_find(index, SLICE("a"))->offset, 4096);
    drop(index);
}

static void test_overlaps(void **state)
{
    struct member_index *index = make(ARCHIVE_ZIP);

    add(index, "before", 0, 70);  /* up to 100, where the next begins */
    add(index, "long", 100, 500); /* over all of the next two */
    add(index, "inside", 200, 10);
    add(index, "inside too", 300, 10);
    add(index, "after", 700, 70);
    add(index, "twin", 900, 10);
    add(index, "other twin", 900, 10);
    add(index, "beyond", 950, 500);
    member_index_finish(index, 1000);
    assert_int_equal(refusal(index, "before"), MEMBER_FINE);
    assert_int_equal(refusal(index, "long"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "inside"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "inside too"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "after"), MEMBER_FINE);
    assert_int_equal(refusal(index, "twin"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "other twin"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "beyond"), MEMBER_DAMAGED);
    assert_int_equal(member_index_find(index, SLICE("before"))->limit, 100);
    assert_int_equal(member_index_find(index, SLICE("after"))->limit, 900);
    drop(index);
}

static void test_bounds(void **state)
{
    struct archive_budget small = {.most = 4096};
    const struct member member = {.name = SLICE("a name of some bytes")};
    struct member_index *index;
    int err = 0;

    assert_int_equal(member_index_create(&index, ARCHIVE_TAR, &small), 0);
    for (unsigned i = 0; i < 1000 && err == 0; i++)
        err = member_index_add(index, &member);
    assert_int_equal(err, -ENOBUFS);
    member_index_unref(index);
    assert_int_equal(atomic_load(&small.used), 0);

    small.most = SIZE_MAX;
    assert_int_equal(member_index_create(&index, ARCHIVE_TAR, &small), 0);
    for (unsigned i = 0; i < ARCHIVE_MEMBERS_MAX; i++)
        assert_int_equal(member_index_add(index, &member), 0);
    assert_int_equal(member_index_add(index, &member), -E2BIG);
    member_index_finish(index, 0);
    assert_int_equal(member_index_count(index), 1);
    member_index_unref(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_last_of_a_name_counts),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
