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

static void identify(unsigned number, unsigned char identity[ARCHIVE_IDENTITY_BYTES])
{
    memset(identity, 0, ARCHIVE_IDENTITY_BYTES);
    memcpy(identity, &number, sizeof(number));
}

/* An index with so many members, which is kept. */
static void keep(struct archive_shelf *shelf, unsigned number, unsigned members)
{
    unsigned char identity[ARCHIVE_IDENTITY_BYTES];
    const struct member member = {.name = SLICE("name")};
    struct member_index *index;

    identify(number, identity);
    assert_int_equal(member_index_create(&index, ARCHIVE_TAR, archive_shelf_budget(shelf)), 0);
    for (unsigned i = 0; i < members; i++)
        assert_int_equal(member_index_add(index, &member), 0);
    member_index_finish(index, 0);
    archive_shelf_keep(shelf, identity, index);
    member_index_unref(index);
}

static bool has(struct archive_shelf *shelf, unsigned number)
{
    unsigned char identity[ARCHIVE_IDENTITY_BYTES];
    struct member_index *index;

    identify(number, identity);
    index = archive_shelf_find(shelf, identity);
    member_index_unref(index);
    return index != NULL;
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
    used = atomic_load(&archive_shelf_budget(shelf)->used);
    assert_true(used <= ARCHIVE_KEPT_BYTES_MAX && used > 0);
    assert_true(has(shelf, 5));
    assert_false(has(shelf, 0));
    archive_shelf_destroy(shelf);
}

/* Whoever uses one that is pushed out goes on. */
static void test_pushed_out(void **state)
{
    unsigned char identity[ARCHIVE_IDENTITY_BYTES];
    struct archive_shelf *shelf;
    struct member_index *index;

    assert_int_equal(archive_shelf_create(&shelf), 0);
    keep(shelf, 1000, 1);
    identify(1000, identity);
    index = archive_shelf_find(shelf, identity);
    for (unsigned i = 0; i < ARCHIVE_KEPT_MAX; i++)
        keep(shelf, i, 1);
    assert_false(has(shelf, 1000));
    assert_non_null(member_index_find(index, SLICE("name")));
    member_index_unref(index);
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
        cmocka_unit_test(test_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
