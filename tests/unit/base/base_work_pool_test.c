/* SPDX-License-Identifier: MIT
 *
 * The work pool: each piece of work runs once to its end, on one thread at a time, on as many threads as there is work for, and what
 * waits at the end is still done. This program has a pthread_create of its own, which fails from the n-th thread on. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/base/work_pool.h"

static atomic_uint threads_made;
static unsigned threads_allowed;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (threads_made >= threads_allowed)
        return EAGAIN;
    threads_made++;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, run, arg);
}

/* ---- A piece of work ---- */

struct item {
    struct queue_link link;
    unsigned slices;   /* to go */
    atomic_bool held;  /* a thread has it */
    atomic_uint *done; /* counts those that are over */
    sem_t *gate;       /* NULL, or what a slice waits for */
    sem_t *entered;    /* NULL, or told at the begin of a slice */
    unsigned order;    /* when it was over, from 1 */
};

static bool item_run(void *ctx, struct queue_link *work, void *own)
{
    struct item *item = OWNER_OF(work, struct item, link);

    assert_false(atomic_exchange(&item->held, true));
    if (item->entered != NULL)
        sem_post(item->entered);
    if (item->gate != NULL)
        sem_wait(item->gate);
    atomic_store(&item->held, false);
    if (--item->slices > 0)
        return true;
    item->order = atomic_fetch_add(item->done, 1) + 1;
    return false;
}

static struct work_pool *pool_of(unsigned thread_max)
{
    const struct work_pool_options options = {
        .name = "test-work",
        .thread_max = thread_max,
        .run = item_run,
    };
    struct work_pool *pool;

    threads_made = 0;
    threads_allowed = 1000;
    assert_int_equal(work_pool_create(&pool, &options), 0);
    assert_int_equal(threads_made, 0);
    return pool;
}

/* ---- Tests ---- */

enum { MANY = 2000 };

struct adder {
    pthread_t thread;
    struct work_pool *pool;
    struct item *items;
};

static void *add_many(void *arg)
{
    struct adder *adder = arg;

    for (unsigned i = 0; i < MANY; i++)
        work_pool_add(adder->pool, &adder->items[i].link);
    return NULL;
}

static void test_does_all_of_many_adders(void **state)
{
    struct work_pool *pool = pool_of(4);
    struct item *items = calloc(3 * MANY, sizeof(*items));
    struct adder adders[3];
    atomic_uint done = 0;

    assert_non_null(items);
    for (unsigned i = 0; i < 3 * MANY; i++)
        items[i] = (struct item){.slices = 1 + i % 3, .done = &done};
    assert_int_equal(work_pool_begin(pool), 0);
    for (unsigned i = 0; i < 3; i++) {
        adders[i] = (struct adder){.pool = pool, .items = items + i * MANY};
        assert_int_equal(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join(adders[i].thread, NULL);
    work_pool_destroy(pool); /* and what still waits is done first */
    assert_int_equal(done, 3 * MANY);
    assert_true(threads_made <= 3 + 4);
    free(items);
}

static void test_starts_threads_as_there_is_work(void **state)
{
    struct work_pool *pool = pool_of(3);
    struct item items[5];
    struct queue rest = {0};
    atomic_uint done = 0;
    sem_t gate, entered;

    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    for (unsigned i = 0; i < 5; i++)
        items[i] = (struct item){.slices = 1, .done = &done, .gate = &gate, .entered = &entered};
    assert_int_equal(work_pool_begin(pool), 0);
    assert_int_equal(work_pool_begin(pool), 0);
    assert_int_equal(threads_made, 1);
    work_pool_add(pool, &items[0].link);
    assert_int_equal(threads_made,
                     1); /* for which the first is enough, though it may not have come to it yet */
    work_pool_add(pool, &items[1].link);
    assert_int_equal(threads_made, 2);
    for (unsigned i = 2; i < 5; i++)
        queue_push(&rest, &items[i].link);
    work_pool_add_all(pool, &rest);
    assert_true(queue_is_empty(&rest));
    assert_int_equal(threads_made, 3); /* and no more than that */
    for (unsigned i = 0; i < 3; i++)
        sem_wait(&entered);
    assert_true(work_pool_has_waiting(pool));
    for (unsigned i = 0; i < 5; i++)
        sem_post(&gate);
    sem_wait(&entered);
    sem_wait(&entered);
    assert_false(work_pool_has_waiting(pool));
    work_pool_destroy(pool);
    assert_int_equal(done, 5);
    sem_destroy(&entered);
    sem_destroy(&gate);
}

static void test_takes_turns(void **state)
{
    struct work_pool *pool = pool_of(1);
    struct item items[3];
    struct queue all = {0};
    atomic_uint done = 0;

    /* One thread, and the longest first: it is over last. */
    for (unsigned i = 0; i < 3; i++) {
        items[i] = (struct item){.slices = 3 - i, .done = &done};
        queue_push(&all, &items[i].link);
    }
    assert_int_equal(work_pool_begin(pool), 0);
    work_pool_add_all(pool, &all);
    work_pool_destroy(pool);
    assert_int_equal(items[0].order, 3);
    assert_int_equal(items[1].order, 2);
    assert_int_equal(items[2].order, 1);
}

/* Does a slice of another, too, where one waits. */
static bool item_run_two(void *ctx, struct queue_link *work, void *own)
{
    struct work_pool *const *pool = ctx;
    struct queue_link *other = work_pool_take(*pool);

    if (other != NULL && item_run(NULL, other, own))
        work_pool_give_back(*pool, other);
    return item_run(NULL, work, own);
}

static void test_takes_others_along(void **state)
{
    struct work_pool *pool;
    const struct work_pool_options options = {
        .name = "test-two",
        .thread_max = 3,
        .run = item_run_two,
        .ctx = &pool,
    };
    struct item items[MANY];
    struct queue all = {0};
    atomic_uint done = 0;

    threads_made = 0;
    threads_allowed = 1000;
    assert_int_equal(work_pool_create(&pool, &options), 0);
    assert_int_equal(work_pool_begin(pool), 0);
    for (unsigned i = 0; i < MANY; i++) {
        items[i] = (struct item){.slices = 1 + i % 4, .done = &done};
        queue_push(&all, &items[i].link);
    }
    work_pool_add_all(pool, &all);
    work_pool_destroy(pool); /* also what is given back at the end is done */
    assert_int_equal(done, MANY);
}

static void test_does_with_fewer_threads(void **state)
{
    struct work_pool *pool = pool_of(4);
    struct item items[4];
    struct queue all = {0};
    atomic_uint done = 0;

    threads_allowed = 0;
    assert_int_equal(work_pool_begin(pool), -ENOMEM);
    threads_allowed = 1;
    assert_int_equal(work_pool_begin(pool), 0);
    for (unsigned i = 0; i < 4; i++) {
        items[i] = (struct item){.slices = 2, .done = &done};
        queue_push(&all, &items[i].link);
    }
    work_pool_add_all(pool, &all);
    work_pool_add_all(pool, &all); /* nothing */
    work_pool_destroy(pool);
    assert_int_equal(done, 4);
    assert_int_equal(threads_made, 1);
}

/* ---- What a thread has to itself ---- */

static atomic_uint opened, closed;
static int open_error;

static int own_open(void **own)
{
    if (open_error != 0)
        return open_error;
    *own = calloc(1, sizeof(int));
    assert_non_null(*own);
    opened++;
    return 0;
}

static void own_close(void *own)
{
    closed++;
    free(own);
}

/* Nobody else's, so it needs no lock. */
static bool own_count(void *ctx, struct queue_link *work, void *own)
{
    ++*(int *)own;
    return item_run(ctx, work, own);
}

static void test_gives_each_thread_its_own(void **state)
{
    const struct work_pool_options options = {
        .name = "test-own",
        .thread_max = 2,
        .run = own_count,
        .open_own = own_open,
        .close_own = own_close,
    };
    struct work_pool *pool;
    struct item items[64];
    atomic_uint done = 0;

    threads_made = 0;
    threads_allowed = 0;
    assert_int_equal(work_pool_create(&pool, &options), 0);
    assert_int_equal(work_pool_begin(pool), -ENOMEM); /* made, and given up for want of a thread */
    assert_int_equal(opened, 1);
    assert_int_equal(closed, 1);
    threads_allowed = 2;
    open_error = -EMFILE;
    assert_int_equal(work_pool_begin(pool), -EMFILE);
    assert_int_equal(threads_made, 0);
    open_error = 0;
    assert_int_equal(work_pool_begin(pool), 0);
    for (unsigned i = 0; i < 64; i++) {
        items[i] = (struct item){.slices = 1, .done = &done};
        work_pool_add(pool, &items[i].link);
    }
    work_pool_destroy(pool);
    assert_int_equal(done, 64);
    assert_int_equal(opened, closed);
    assert_true(opened <= 3);
}

static void test_ends_without_work(void **state)
{
    struct work_pool *pool = pool_of(2);

    work_pool_destroy(pool); /* no thread ever */
    work_pool_destroy(NULL);
    pool = pool_of(2);
    assert_int_equal(work_pool_begin(pool), 0);
    work_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_does_all_of_many_adders),
        cmocka_unit_test(test_starts_threads_as_there_is_work),
        cmocka_unit_test(test_takes_turns),
        cmocka_unit_test(test_takes_others_along),
        cmocka_unit_test(test_does_with_fewer_threads),
        cmocka_unit_test(test_gives_each_thread_its_own),
        cmocka_unit_test(test_ends_without_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
