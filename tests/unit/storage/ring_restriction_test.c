/* SPDX-License-Identifier: MIT
 *
 * A ring carries out what the engine sends, and refuses every other operation and every change of what it was made with: a seccomp
 * filter does not see what a ring does. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/ring/ring.h"
#include "storage/ring/ring_uring.h"

/* Whether the kernel can restrict a ring at all. */
static bool kernel_restricts(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
    struct io_uring_restriction nop = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP};
    struct io_uring uring;
    bool restricts;

    if (io_uring_queue_init_params(2, &uring, &params) != 0)
        return false;
    restricts = syscall(SYS_io_uring_register, uring.ring_fd, IORING_REGISTER_RESTRICTIONS, &nop, 1) == 0 &&
                syscall(SYS_io_uring_register, uring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
    io_uring_queue_exit(&uring);
    return restricts;
}

static int setup(void **state)
{
    static struct io_uring uring;
    unsigned completions_max = 0;
    int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    assert_true(event_fd >= 0);
    assert_int_equal(uring_make(&uring, event_fd, &completions_max), 0);
    assert_true(completions_max >= 2);
    close(event_fd); /* the ring holds it */
    *state = &uring;
    return 0;
}

static int teardown(void **state)
{
    io_uring_queue_exit(*state);
    return 0;
}

static int32_t send_and_wait(struct io_uring *uring)
{
    struct io_uring_cqe *cqe;
    int32_t result;

    assert_int_equal(io_uring_submit_and_wait(uring, 1), 1);
    assert_int_equal(io_uring_wait_cqe(uring, &cqe), 0);
    result = cqe->res;
    io_uring_cqe_seen(uring, cqe);
    return result;
}

/* Each operation that the headers know, of no file and no bytes. */
static void only_the_engines_operations(void **state)
{
    static const uint8_t allowed[] = {IORING_OP_NOP,    IORING_OP_READ,      IORING_OP_WRITE,
                                      IORING_OP_SPLICE, IORING_OP_FSYNC,     IORING_OP_OPENAT,
                                      IORING_OP_LINKAT, IORING_OP_FALLOCATE, IORING_OP_RENAMEAT,
                                      IORING_OP_CLOSE,  IORING_OP_UNLINKAT};

    for (unsigned operation = 0; operation < IORING_OP_LAST; operation++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(*state);
        bool is_allowed = memchr(allowed, (int)operation, sizeof(allowed)) != NULL;

        io_uring_prep_nop(sqe);
        sqe->opcode = (uint8_t)operation;
        int32_t result = send_and_wait(*state);
        if ((result == -EACCES) == is_allowed)
            fail_msg("operation %u: %s", operation, strerror(-result));
    }
}

/* What a filter that forbids connect is for. */
static void no_connection(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(address);

    assert_true(listener >= 0 && client >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)),
                     0); /* a name of its own */
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    io_uring_prep_connect(io_uring_get_sqe(*state), client, (struct sockaddr *)&address, length);
    assert_int_equal(send_and_wait(*state), -EACCES);
    assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0); /* it was possible */
    close(client);
    close(listener);
}

/* Flags that chain and drain are not the engine's either. */
static void no_flags(void **state)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(*state);

    io_uring_prep_nop(sqe);
    io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    assert_int_equal(send_and_wait(*state), -EACCES);
}

/* The descriptor of the only ring of this process, or -1. */
static int find_ring(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    char target[PATH_MAX];
    int found = -1;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

        if (n > 0 && strncmp(target, "anon_inode:[io_uring]", (size_t)n) == 0)
            found = atoi(entry->d_name);
    }
    closedir(dir);
    return found;
}

static void rings_of_the_engine_are_restricted(void **state)
{
    struct ring *ring;
    int fd;

    assert_int_equal(ring_create(&ring, RING_ENGINE_URING), 0);
    fd = find_ring();
    assert_true(fd >= 0);
    assert_int_equal(syscall(SYS_io_uring_register, fd, IORING_UNREGISTER_EVENTFD, NULL, 0), -1);
    assert_int_equal(errno, EACCES);
    ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_engines_operations, setup, teardown),
        cmocka_unit_test_setup_teardown(no_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(no_flags, setup, teardown),
        cmocka_unit_test(rings_of_the_engine_are_restricted),
    };

    if (!kernel_restricts())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
