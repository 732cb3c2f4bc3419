/* SPDX-License-Identifier: MIT
 *
 * The pool of pipes: what a taken pipe promises, what is kept, and what happens when the kernel refuses. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/limits.h"
#include "storage/ring/pipe_pool.h"
#include "storage/ring/ring_fault.h"

static int pool_setup(void **state)
{
    return pipe_pool_create((struct pipe_pool **)state);
}

static int pool_teardown(void **state)
{
    sys.pipe2 = pipe2;
    pipe_pool_destroy(*state);
    return 0;
}

static int bytes_in(const struct pipe_pair *pipe)
{
    int count = -1;

    assert_int_equal(ioctl(pipe->read_fd, FIONREAD, &count), 0);
    return count;
}

static void test_taken_pipe(void **state)
{
    struct pipe_pair pipe;
    char block[4096] = {0};
    uint32_t written = 0;

    assert_int_equal(pipe_pool_take(*state, &pipe), 0);
    assert_int_equal(fcntl(pipe.read_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(pipe.write_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(pipe.write_fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(pipe.read_fd, F_GETFL) & O_NONBLOCK, 0);
    assert_in_range(pipe.capacity, 4096, PIPE_BYTES);
    while (write(pipe.write_fd, block, sizeof(block)) == (ssize_t)sizeof(block))
        written += sizeof(block);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(written, pipe.capacity); /* the figure is the kernel's, not a wish */
    pipe_pool_give(*state, &pipe, 1);
    assert_int_equal(pipe.read_fd, -1);
    assert_int_equal(pipe.write_fd, -1);
}

static void test_clean_pipe_is_kept(void **state)
{
    struct pipe_pair pipe, again;
    int read_fd;

    assert_int_equal(pipe_pool_take(*state, &pipe), 0);
    read_fd = pipe.read_fd;
    pipe_pool_give(*state, &pipe, 0);
    assert_int_equal(pipe.read_fd, -1); /* the pool's now, and another upload's soon */
    assert_int_equal(pipe.write_fd, -1);
    assert_int_equal(pipe.capacity, 0);
    assert_int_equal(pipe_pool_take(*state, &again), 0);
    assert_int_equal(again.read_fd, read_fd);
    assert_true(again.capacity > 0);
    pipe_pool_give(*state, &again, 0);
}

static void test_dirty_pipe_is_closed(void **state)
{
    struct pipe_pair pipe, again;

    assert_int_equal(pipe_pool_take(*state, &pipe), 0);
    assert_int_equal(write(pipe.write_fd, "left", 4), 4);
    pipe_pool_give(*state, &pipe, 1);
    assert_int_equal(pipe_pool_take(*state, &again), 0);
    assert_int_equal(bytes_in(&again), 0);
    pipe_pool_give(*state, &again, 0);
}

static void test_idle_pipes_are_bounded(void **state)
{
    struct pipe_pair pipes[PIPE_POOL_IDLE_MAX + 3];
    int fds[PIPE_POOL_IDLE_MAX + 3], open_count = 0;

    for (int i = 0; i < PIPE_POOL_IDLE_MAX + 3; i++) {
        assert_int_equal(pipe_pool_take(*state, &pipes[i]), 0);
        fds[i] = pipes[i].read_fd;
    }
    for (int i = 0; i < PIPE_POOL_IDLE_MAX + 3; i++)
        pipe_pool_give(*state, &pipes[i], 0);
    for (int i = 0; i < PIPE_POOL_IDLE_MAX + 3; i++)
        open_count += fcntl(fds[i], F_GETFD) >= 0;
    assert_int_equal(open_count, PIPE_POOL_IDLE_MAX);
}

static int pipe2_refused(int fds[2], int flags)
{
    errno = EMFILE;
    return -1;
}

static void test_no_descriptors_left(void **state)
{
    struct pipe_pair pipe;

    sys.pipe2 = pipe2_refused;
    assert_int_equal(pipe_pool_take(*state, &pipe), -EMFILE);
    assert_int_equal(pipe.read_fd, -1);
    assert_int_equal(pipe.write_fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken_pipe, pool_setup, pool_teardown),
        cmocka_unit_test_setup_teardown(test_clean_pipe_is_kept, pool_setup, pool_teardown),
        cmocka_unit_test_setup_teardown(test_dirty_pipe_is_closed, pool_setup, pool_teardown),
        cmocka_unit_test_setup_teardown(test_idle_pipes_are_bounded, pool_setup, pool_teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptors_left, pool_setup, pool_teardown),
    };

    return cmocka_run_group_tests_name("pipe pool", tests, NULL, NULL);
}
