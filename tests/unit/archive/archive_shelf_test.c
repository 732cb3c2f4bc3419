/* SPDX-License-Identifier: MIT
 *
 * Indexes that are kept, and work on other threads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <semaphore.h>

#include "api/archive/archive_shelf.h"
#include "storage/base/owner.h"

static unsigned calls;

static void on_ready(struct archive_claim *claim)
{
    calls++;
}

static struct archive_claim claim_of(unsigned number)
{
    struct archive_claim claim = {.ready = on_ready};

    memcpy(claim.identity, &number, sizeof(number));
    return claim;
}

static struct member_index *make(struct archive_shelf *shelf, unsigned members)
{
    const struct member member = {.name = SLICE("name")};
    struct member_index *index;

    assert_int_equal(member_index_create(&index, ARCHIVE_TAR, archive_shelf_budget(shelf, false)), 0);
    for (unsigned i = 0; i < members; i++)
        assert_int_equal(member_index_add(index, &member), 0);
    member_index_finish(index, 0);
    return index;
}

/* Whether it is there; else it is made, with so many members, or given up. */
static bool has_or_makes(struct archive_shelf *shelf, unsigned number, unsigned members)
{
    struct archive_claim claim = claim_of(number);
    struct member_index *index;

    if (archive_shelf_claim(shelf, &claim) == ARCHIVE_FOUND) {
        member_index_unref(claim.index);
        return true;
    }
    index = members > 0 ? make(shelf, members) : NULL;
    archive_shelf_settle(shelf, &claim, index, (struct archive_failure){0});
    member_index_unref(index);
    return false;
}

static void keep(struct archive_shelf *shelf, unsigned number, unsigned members)
{
    (void)has_or_makes(shelf, number, members);
}

static bool has(struct archive_shelf *shelf, unsigned number)
{
    return has_or_makes(shelf, number, 0);
}

static void test_kept(void **state)
{
    struct archive_shelf *shelf;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    assert_false(has(shelf, 0));
    for (unsigned i = 0; i < ARCHIVE_KEPT_MAX; i++)
        keep(shelf, i, 1);
    keep(shelf, 0, 1);
    assert_true(has(shelf, 0));
    keep(shelf, ARCHIVE_KEPT_MAX, 1);
    assert_true(has(shelf, 0)); /* used since */
    assert_false(has(shelf, 1));
    assert_true(has(shelf, 2));
    assert_true(has(shelf, ARCHIVE_KEPT_MAX));
    archive_shelf_destroy(shelf);
}

static void test_bytes(void **state)
{
    struct archive_shelf *shelf;
    size_t used;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    for (unsigned i = 0; i < 6; i++)
        keep(shelf, i, ARCHIVE_MEMBERS_MAX / 2);
    used = atomic_load(&archive_shelf_budget(shelf, false)->used);
    assert_true(used <= ARCHIVE_KEPT_BYTES_MAX && used > 0);
    assert_true(has(shelf, 5));
    assert_false(has(shelf, 0));
    archive_shelf_destroy(shelf);
}

/* Whoever uses one that is pushed out goes on. */
static void test_pushed_out(void **state)
{
    struct archive_claim claim = claim_of(1000);
    struct archive_shelf *shelf;
    struct member_index *index;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    keep(shelf, 1000, 1);
    assert_int_equal(archive_shelf_claim(shelf, &claim), ARCHIVE_FOUND);
    index = claim.index;
    for (unsigned i = 0; i < ARCHIVE_KEPT_MAX; i++)
        keep(shelf, i, 1);
    assert_false(has(shelf, 1000));
    assert_non_null(member_index_find(index, SLICE("name")));
    member_index_unref(index);
    archive_shelf_destroy(shelf);
}

/* One makes it, and all who want the same meanwhile get it from him; of something else he knows nothing. */
static void test_waiting(void **state)
{
    struct archive_claim maker = claim_of(1), other = claim_of(2),
                         waiting[3] = {claim_of(1), claim_of(1), claim_of(1)};
    struct archive_shelf *shelf;
    struct member_index *index;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    calls = 0;
    assert_int_equal(archive_shelf_claim(shelf, &maker), ARCHIVE_MAKES);
    assert_int_equal(archive_shelf_claim(shelf, &other), ARCHIVE_MAKES);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(archive_shelf_claim(shelf, &waiting[i]), ARCHIVE_WAITS);
    archive_shelf_settle(shelf, &other, NULL, (struct archive_failure){5, "other"});
    assert_int_equal(calls, 0);
    index = make(shelf, 1);
    archive_shelf_settle(shelf, &maker, index, (struct archive_failure){0});
    assert_int_equal(calls, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(waiting[i].index, index);
        member_index_unref(waiting[i].index);
    }
    member_index_unref(index);
    assert_true(has(shelf, 1));
    assert_false(has(shelf, 2));
    archive_shelf_destroy(shelf);
}

/* He could not: they hear why. The next one may try again. */
static void test_waiting_in_vain(void **state)
{
    struct archive_claim maker = claim_of(1), waiting[2] = {claim_of(1), claim_of(1)};
    struct archive_shelf *shelf;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    calls = 0;
    assert_int_equal(archive_shelf_claim(shelf, &maker), ARCHIVE_MAKES);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(archive_shelf_claim(shelf, &waiting[i]), ARCHIVE_WAITS);
    archive_shelf_settle(shelf, &maker, NULL, (struct archive_failure){7, "why"});
    assert_int_equal(calls, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_null(waiting[i].index);
        assert_int_equal(waiting[i].failure.error, 7);
        assert_string_equal(waiting[i].failure.message, "why");
    }
    assert_int_equal(archive_shelf_claim(shelf, &waiting[0]), ARCHIVE_MAKES);
    assert_int_equal(archive_shelf_claim(shelf, &waiting[1]), ARCHIVE_WAITS);
    archive_shelf_settle(shelf, &waiting[0], NULL, (struct archive_failure){0});
    assert_int_equal(calls, 3);
    archive_shelf_destroy(shelf);
}

/* Who is known has room when strangers have taken all that they may. */
static void test_strangers(void **state)
{
    struct archive_shelf *shelf;
    struct archive_budget *all, *strangers;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    all = archive_shelf_budget(shelf, false);
    strangers = archive_shelf_budget(shelf, true);
    assert_int_equal(archive_budget_take(strangers, ARCHIVE_MEMORY_BYTES_MAX / 2), 0);
    assert_int_equal(archive_budget_take(strangers, 1), -ENOBUFS);
    assert_int_equal(archive_budget_take(all, ARCHIVE_MEMORY_BYTES_MAX / 2), 0);
    assert_int_equal(archive_budget_take(all, 1), -ENOBUFS);
    archive_budget_give(strangers, 1);
    archive_budget_give(all, 2);
    assert_int_equal(archive_budget_take(all, 3), 0);
    assert_int_equal(archive_budget_take(strangers, 1), -ENOBUFS); /* theirs, but all is taken */
    archive_budget_give(all, ARCHIVE_MEMORY_BYTES_MAX / 2 + 1);
    assert_int_equal(archive_budget_take(strangers, 1), 0);
    archive_budget_give(strangers, ARCHIVE_MEMORY_BYTES_MAX / 2);
    assert_int_equal(atomic_load(&all->used), 0);
    assert_int_equal(atomic_load(&strangers->used), 0);
    archive_shelf_destroy(shelf);
}

struct task {
    struct archive_work work;
    sem_t is_done;
};

static void run(struct archive_work *work)
{
    sem_post(&OWNER_OF(work, struct task, work)->is_done);
}

static void test_work(void **state)
{
    struct archive_shelf *shelf;
    struct task tasks[20];

    assert_int_equal(archive_shelf_create(&shelf), 0);
    for (size_t i = 0; i < 20; i++) {
        tasks[i].work.run = run;
        sem_init(&tasks[i].is_done, 0, 0);
        assert_int_equal(archive_shelf_work(shelf, &tasks[i].work), 0);
    }
    for (size_t i = 0; i < 20; i++)
        sem_wait(&tasks[i].is_done);
    archive_shelf_destroy(shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_pushed_out),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_waiting_in_vain),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
