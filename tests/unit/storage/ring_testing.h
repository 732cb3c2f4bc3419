/* SPDX-License-Identifier: MIT
 *
 * What the tests of the ring share: an operation that remembers how it ended, a folder for files, and running
 * every test with both engines. Included once per test program. */
#ifndef TESTS_UNIT_RING_TESTING_H
#define TESTS_UNIT_RING_TESTING_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/ring/ring.h"
#include "storage/ring/ring_fault.h"

#define WARM_BYTES (5u << 20)

static char folder[64];
static int folder_fd;

/* An operation that remembers how it ended. */
struct waiter {
    struct ring_op op;
    unsigned done_count;
    int32_t result;
    pthread_t thread;
};

static inline void waiter_on_done(struct ring_op *op, int32_t result)
{
    struct waiter *waiter = (struct waiter *)op;

    waiter->done_count++;
    waiter->result = result;
    waiter->thread = pthread_self();
}

#define WAITER                                                                                               \
    {                                                                                                        \
        .op.done = waiter_on_done                                                                            \
    }

/* Waits until exactly this operation is over, and gives its result. */
static inline int32_t finish(struct ring *ring, struct waiter *waiter)
{
    int32_t result;

    assert_int_equal(waiter->done_count, 0); /* never inside the call that starts it */
    while (waiter->done_count == 0)
        assert_true(ring_wait(ring, false) > 0);
    assert_int_equal(waiter->done_count, 1);
    assert_true(pthread_equal(waiter->thread, pthread_self()));
    result = waiter->result;
    *waiter = (struct waiter)WAITER;
    return result;
}

static inline struct ring *ring_of(void **state)
{
    return *state;
}

static inline int open_file(const char *name)
{
    int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

static inline int open_cold_file(const char *name)
{
    char block[4096];
    int fd = open_file(name);

    for (unsigned i = 0; i < WARM_BYTES / sizeof(block); i++) {
        memset(block, (int)i, sizeof(block));
        assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    }
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    return fd;
}

static inline int ring_setup(void **state, enum ring_engine engine)
{
    struct ring *ring;

    if (ring_create(&ring, engine) != 0)
        return -1;
    assert_int_equal(ring_engine_in_use(ring), engine);
    *state = ring;
    return 0;
}

static inline int setup_uring(void **state)
{
    return ring_setup(state, RING_ENGINE_URING);
}

static inline int setup_threads(void **state)
{
    return ring_setup(state, RING_ENGINE_THREADS);
}

static inline int teardown(void **state)
{
    int failed = ring_pending(*state) != 0;

    sys_fault = NULL;
    ring_destroy(*state);
    return failed;
}

static inline int make_folder(void **state)
{
    strcpy(folder, "/tmp/sluice-ring-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder_fd < 0 ? -1 : 0;
}

static inline int remove_folder(void **state)
{
    char command[128];

    close(folder_fd);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* Runs the tests with the thread engine, then with io_uring where it is to be had. The two lists differ in
 * setup only. */
static inline int run_with_both(const char *threads_name, const struct CMUnitTest *threads,
                                const char *uring_name, const struct CMUnitTest *uring, size_t count)
{
    struct ring *ring;
    int failed, err;

    failed = _cmocka_run_group_tests(threads_name, threads, count, make_folder, remove_folder);
    err = ring_create(&ring, RING_ENGINE_URING);
    if (err != 0) {
        printf("io_uring is not to be had here (%s): its half of the tests is skipped\n", strerror(-err));
        return failed;
    }
    ring_destroy(ring);
    return failed + _cmocka_run_group_tests(uring_name, uring, count, make_folder, remove_folder);
}

#define RUN_WITH_BOTH(name, threads, uring)                                                                  \
    run_with_both(name ": threads", threads, name ": io_uring", uring, sizeof(threads) / sizeof((threads)[0]))

#endif
