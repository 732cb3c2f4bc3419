/* SPDX-License-Identifier: MIT
 *
 * Threads: their names, their signals, and what happens where none can be had. This program has a pthread_create of its own, which
 * fails when it is told to. */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/thread.h"

static int create_error; /* what pthread_create returns; 0: what it should */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (create_error != 0)
        return create_error;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, run, arg);
}

struct witness {
    char name[THREAD_NAME_BYTES_MAX];
    sigset_t blocked;
    int number;
};

static void *look(void *arg)
{
    struct witness *witness = arg;

    (void)pthread_getname_np(pthread_self(), witness->name, sizeof(witness->name));
    pthread_sigmask(SIG_SETMASK, NULL, &witness->blocked);
    witness->number++;
    return NULL;
}

static void expect_mask(const sigset_t *expected)
{
    sigset_t now;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (int signal = 1; signal < SIGRTMIN; signal++)
        assert_int_equal(sigismember(&now, signal), sigismember(expected, signal));
}

static void test_has_its_name_and_no_signals(void **state)
{
    struct witness witness = {.number = 41};
    sigset_t before;
    pthread_t thread;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&thread, "sluice-fifteen.", look, &witness), 0);
    thread_join(thread);
    assert_int_equal(witness.number, 42);
    assert_string_equal(witness.name, "sluice-fifteen.");
    assert_true(sigismember(&witness.blocked, SIGPIPE));
    assert_true(sigismember(&witness.blocked, SIGTERM));
    assert_true(sigismember(&witness.blocked, SIGUSR1));
    expect_mask(&before);
}

static void test_says_that_there_is_none(void **state)
{
    static const int errors[] = {EAGAIN, ENOMEM};
    struct witness witness = {0};
    sigset_t before;
    pthread_t thread;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        create_error = errors[i];
        assert_int_equal(thread_start(&thread, "sluice-none", look, &witness), -ENOMEM);
        create_error = 0;
        expect_mask(&before);
    }
    assert_int_equal(witness.number, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_its_name_and_no_signals),
        cmocka_unit_test(test_says_that_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
