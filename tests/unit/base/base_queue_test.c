/* SPDX-License-Identifier: MIT
 *
 * The intrusive queue, and the way from a link to what it lies in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/base/queue.h"

struct item {
    int number;
    struct queue_link link;
};

static struct item *item_of(struct queue_link *link)
{
    return link == NULL ? NULL : OWNER_OF(link, struct item, link);
}

/* Pops all, and compares with what should have been there. */
static void expect(struct queue *queue, const int *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct item *item = item_of(queue_pop(queue));

        assert_non_null(item);
        assert_int_equal(item->number, numbers[i]);
        assert_null(item->link.next);
    }
    assert_true(queue_is_empty(queue));
    assert_null(queue_pop(queue));
}

static void push_all(struct queue *queue, struct item *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        items[i].number = (int)i;
        items[i].link.next = (void *)&items[i]; /* whatever is in a link that was never used */
        queue_push(queue, &items[i].link);
    }
}

static void test_keeps_the_order(void **state)
{
    struct queue queue = {0};
    struct item items[3];

    assert_true(queue_is_empty(&queue));
    push_all(&queue, items, 3);
    assert_false(queue_is_empty(&queue));
    expect(&queue, (const int[]){0, 1, 2}, 3);
    push_all(&queue, items, 2); /* once empty, it begins anew */
    expect(&queue, (const int[]){0, 1}, 2);
}

static void test_appends(void **state)
{
    struct queue to = {0}, from = {0};
    struct item first[2], second[2], third;

    queue_append(&to, &from); /* nothing to nothing */
    assert_true(queue_is_empty(&to));
    push_all(&from, first, 2);
    queue_append(&to, &from);
    assert_true(queue_is_empty(&from));
    push_all(&from, second, 2);
    queue_append(&to, &from);
    queue_append(&to, &from); /* nothing more */
    third.number = 7;
    queue_push(&to, &third.link); /* the end is where it should be */
    expect(&to, (const int[]){0, 1, 0, 1, 7}, 5);
}

static void test_removes_from_anywhere(void **state)
{
    static const int left[3][3] = {{1, 2, 9}, {0, 2, 9}, {0, 1, 9}};

    for (unsigned gone = 0; gone < 3; gone++) {
        struct queue queue = {0};
        struct item items[3], last = {.number = 9}, stranger = {0};

        push_all(&queue, items, 3);
        assert_false(queue_remove(&queue, &stranger.link));
        assert_true(queue_remove(&queue, &items[gone].link));
        assert_false(queue_remove(&queue, &items[gone].link));
        queue_push(&queue, &last.link); /* also after the last one went */
        expect(&queue, left[gone], 3);
    }
}

static void test_removes_the_only_one(void **state)
{
    struct queue queue = {0};
    struct item items[1];

    push_all(&queue, items, 1);
    assert_true(queue_remove(&queue, &items[0].link));
    assert_true(queue_is_empty(&queue));
    push_all(&queue, items, 1);
    expect(&queue, (const int[]){0}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_order),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_removes_from_anywhere),
        cmocka_unit_test(test_removes_the_only_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
