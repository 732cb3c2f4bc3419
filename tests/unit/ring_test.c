/* SPDX-License-Identifier: MIT
 *
 * The ring, each test with both engines: what one does the other must do too. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/limits.h"
#include "storage/ring.h"
#include "storage/sys.h"

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

static void waiter_on_done(struct ring_op *op, int32_t result)
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
static int32_t finish(struct ring *ring, struct waiter *waiter)
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

static struct ring *ring_of(void **state)
{
    return *state;
}

static int open_file(const char *name)
{
    int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

/* ---- Every kind
 * ------------------------------------------------------------------------------------------------- */

static void test_open_write_read_close(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    char buffer[16];
    struct stat st;
    int fd;

    ring_openat(ring, &waiter.op, folder_fd, "made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    fd = finish(ring, &waiter);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    ring_openat(ring, &waiter.op, folder_fd, "made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    assert_int_equal(finish(ring, &waiter), -EEXIST);
    ring_openat(ring, &waiter.op, folder_fd, "missing", O_RDONLY | O_CLOEXEC, 0);
    assert_int_equal(finish(ring, &waiter), -ENOENT);

    ring_write(ring, &waiter.op, fd, "0123456789", 10, 5);
    assert_int_equal(finish(ring, &waiter), 10);
    ring_read(ring, &waiter.op, fd, buffer, sizeof(buffer), 7);
    assert_int_equal(finish(ring, &waiter), 8); /* short at the end of the file */
    assert_memory_equal(buffer, "23456789", 8);
    ring_fdatasync(ring, &waiter.op, fd);
    assert_int_equal(finish(ring, &waiter), 0);
    ring_fsync(ring, &waiter.op, fd);
    assert_int_equal(finish(ring, &waiter), 0);

    ring_close(ring, &waiter.op, fd);
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    ring_fdatasync(ring, &waiter.op, fd);
    assert_int_equal(finish(ring, &waiter), -EBADF);
    ring_close(ring, &waiter.op, fd);
    assert_int_equal(finish(ring, &waiter), -EBADF);
    ring_unlinkat(ring, &waiter.op, folder_fd, "made");
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(faccessat(folder_fd, "made", F_OK, 0), -1);
}

static void test_current_position_on_pipes(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter read_waiter = WAITER, write_waiter = WAITER;
    char buffer[8];
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    ring_read(ring, &read_waiter.op, fds[0], buffer, sizeof(buffer), UINT64_MAX);
    ring_flush(ring); /* waits in the pipe while the write overtakes it */
    ring_write(ring, &write_waiter.op, fds[1], "abc", 3, UINT64_MAX);
    assert_int_equal(ring_pending(ring), 2);
    while (read_waiter.done_count + write_waiter.done_count < 2)
        ring_wait(ring, false);
    assert_int_equal(write_waiter.result, 3);
    assert_int_equal(read_waiter.result, 3);
    assert_memory_equal(buffer, "abc", 3);
    close(fds[0]);
    close(fds[1]);
}

static void test_splice_to_file(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    int fd = open_file("spliced"), fds[2];
    char bytes[10000], back[10000];

    memset(bytes, 'x', sizeof(bytes));
    bytes[0] = 'a';
    bytes[sizeof(bytes) - 1] = 'z';
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
    ring_splice_to_file(ring, &waiter.op, fds[0], fd, 4096, 1u << 20);
    assert_int_equal(finish(ring, &waiter), sizeof(bytes)); /* what the pipe held */
    assert_int_equal(pread(fd, back, sizeof(back), 4096), sizeof(back));
    assert_memory_equal(back, bytes, sizeof(bytes));
    close(fds[1]);
    ring_splice_to_file(ring, &waiter.op, fds[0], fd, 0, 100);
    assert_int_equal(finish(ring, &waiter), 0); /* no writer left */
    close(fds[0]);
    close(fd);
}

static void test_fallocate(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    int fd = open_file("reserved");
    struct stat st;

    ring_fallocate(ring, &waiter.op, fd, FALLOC_FL_KEEP_SIZE, 0, 1u << 20);
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_true(st.st_blocks * 512 >= 1 << 20);
    ring_fallocate(ring, &waiter.op, fd, 0, 0, 0);
    assert_int_equal(finish(ring, &waiter), -EINVAL);
    close(fd);
}

static void test_link_rename_unlink(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    int fd = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct stat before, after;

    assert_true(fd >= 0);
    ring_link_fd(ring, &waiter.op, fd, folder_fd, "named");
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(fstat(fd, &before), 0);
    assert_int_equal(fstatat(folder_fd, "named", &after, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    ring_link_fd(ring, &waiter.op, fd, folder_fd, "named");
    assert_int_equal(finish(ring, &waiter), -EEXIST);
    ring_link_fd(ring, &waiter.op, fd, folder_fd, "no/such/folder");
    assert_int_equal(finish(ring, &waiter), -ENOENT);

    ring_renameat(ring, &waiter.op, folder_fd, "named", folder_fd, "renamed");
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(fstatat(folder_fd, "renamed", &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    ring_renameat(ring, &waiter.op, folder_fd, "named", folder_fd, "renamed");
    assert_int_equal(finish(ring, &waiter), -ENOENT);
    ring_unlinkat(ring, &waiter.op, folder_fd, "renamed");
    assert_int_equal(finish(ring, &waiter), 0);
    ring_unlinkat(ring, &waiter.op, folder_fd, "renamed");
    assert_int_equal(finish(ring, &waiter), -ENOENT);
    close(fd);
}

/* ---- Warming
 * ---------------------------------------------------------------------------------------------------- */

static size_t resident_pages(int fd, size_t offset, size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0, i;
    unsigned char *pages = calloc(length / page + 1, 1);
    void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)offset);

    assert_non_null(pages);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mincore(map, length, pages), 0);
    for (i = 0; i < (length + page - 1) / page; i++)
        count += pages[i] & 1;
    munmap(map, length);
    free(pages);
    return count;
}

static int open_cold_file(const char *name)
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

static void test_warm(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    int fd = open_cold_file("cold");

    if (resident_pages(fd, 0, WARM_BYTES) != 0) {
        print_message("the file system here does not let go of cached pages; residency cannot be tested\n");
        close(fd);
        skip();
    }
    /* Starts and ends inside a page, and is longer than any pipe. */
    ring_warm(ring, &waiter.op, fd, 4096 + 100, (3u << 20) + 50);
    assert_int_equal(finish(ring, &waiter), 0);
    assert_int_equal(resident_pages(fd, 4096, (3u << 20) + 4096), (3u << 20) / 4096 + 1);

    ring_warm(ring, &waiter.op, fd, WARM_BYTES - 8192, 1u << 20);
    assert_int_equal(finish(ring, &waiter), 0); /* past the end there is nothing to bring in */
    assert_int_equal(resident_pages(fd, WARM_BYTES - 8192, 8192), 2);
    ring_warm(ring, &waiter.op, fd, 0, 0);
    assert_int_equal(finish(ring, &waiter), 0);
    close(fd);
}

static void test_warm_many_at_once(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiters[40];
    int fd = open_cold_file("cold");

    for (unsigned i = 0; i < 40; i++) {
        waiters[i] = (struct waiter)WAITER;
        ring_warm(ring, &waiters[i].op, fd, i * (WARM_BYTES / 40), WARM_BYTES / 40);
    }
    for (unsigned i = 0; i < 40; i++) {
        while (waiters[i].done_count == 0)
            assert_true(ring_wait(ring, false) > 0);
        assert_int_equal(waiters[i].result, 0);
    }
    assert_int_equal(resident_pages(fd, 0, WARM_BYTES), WARM_BYTES / 4096);
    close(fd);
}

static void test_warm_of_what_cannot_be_read(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;

    ring_warm(ring, &waiter.op, -1, 0, 4096);
    assert_int_equal(finish(ring, &waiter), -EIO);
    ring_warm(ring, &waiter.op, folder_fd, 0, 4096);
    assert_true(finish(ring, &waiter) <= 0); /* and a failed one leaves the next one whole */
    test_warm_many_at_once(state);
}

/* ---- Queues
 * ----------------------------------------------------------------------------------------------------- */

static void test_more_operations_than_entries(void **state)
{
    enum { COUNT = RING_ENTRIES * 5 };
    struct ring *ring = ring_of(state);
    struct waiter *waiters = calloc(COUNT, sizeof(*waiters));
    uint32_t *values = calloc(COUNT, sizeof(*values));
    int fd = open_file("many");
    uint32_t value;

    assert_non_null(waiters);
    assert_non_null(values);
    for (uint32_t i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        values[i] = i;
        ring_write(ring, &waiters[i].op, fd, &values[i], sizeof(values[i]), i * sizeof(values[i]));
    }
    assert_int_equal(ring_pending(ring), COUNT);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(waiters[i].done_count, 1);
        assert_int_equal(waiters[i].result, sizeof(value));
        assert_int_equal(pread(fd, &value, sizeof(value), i * sizeof(value)), sizeof(value));
        assert_int_equal(value, i);
    }
    close(fd);
    free(values);
    free(waiters);
}

/* As an event loop does it: sleeps on the descriptor, reaps only when it is readable. */
static void test_event_descriptor(void **state)
{
    enum { COUNT = 700 };
    struct ring *ring = ring_of(state);
    struct pollfd wait = {.fd = ring_event_fd(ring), .events = POLLIN};
    struct waiter *waiters = calloc(COUNT, sizeof(*waiters));
    int fd = open_file("looped");

    assert_non_null(waiters);
    assert_int_equal(poll(&wait, 1, 0), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 2 == 0)
            ring_write(ring, &waiters[i].op, fd, "x", 1, i);
        else
            ring_fdatasync(ring, &waiters[i].op, fd);
    }
    while (ring_pending(ring) > 0) {
        ring_flush(ring);
        if (poll(&wait, 1, 60000) < 0) {
            assert_int_equal(errno, EINTR);
            continue;
        }
        assert_true(wait.revents & POLLIN); /* a lost wake-up would end the wait empty-handed */
        ring_reap(ring);
    }
    assert_int_equal(ring_reap(ring), 0);
    assert_int_equal(poll(&wait, 1, 0), 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(waiters[i].done_count, 1);
    close(fd);
    free(waiters);
}

static void test_wait_with_nothing_in_flight(void **state)
{
    struct ring *ring = ring_of(state);

    assert_int_equal(ring_wait(ring, false), 0);
    assert_int_equal(ring_reap(ring), 0);
    assert_int_equal(ring_pending(ring), 0);
    ring_flush(ring);
}

struct poster {
    struct ring *ring;
    pthread_t thread;
    struct waiter waiters[200];
};

static void *poster_main(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < 200; i++)
        ring_post(poster->ring, &poster->waiters[i].op, i);
    return NULL;
}

static void test_post_from_other_threads(void **state)
{
    enum { POSTERS = 4 };
    struct ring *ring = ring_of(state);
    struct poster *posters = calloc(POSTERS, sizeof(*posters));
    struct waiter sync = WAITER;
    int fd = open_file("posted");
    unsigned count = 0;

    assert_non_null(posters);
    ring_fdatasync(ring, &sync.op, fd); /* both kinds of results at the same time */
    for (int p = 0; p < POSTERS; p++) {
        posters[p].ring = ring;
        for (int i = 0; i < 200; i++)
            posters[p].waiters[i] = (struct waiter)WAITER;
        assert_int_equal(pthread_create(&posters[p].thread, NULL, poster_main, &posters[p]), 0);
    }
    while (count < POSTERS * 200 + 1)
        count += ring_wait(ring, true);
    assert_int_equal(count, POSTERS * 200 + 1);
    assert_int_equal(sync.result, 0);
    for (int p = 0; p < POSTERS; p++) {
        pthread_join(posters[p].thread, NULL);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(posters[p].waiters[i].done_count, 1);
            assert_int_equal(posters[p].waiters[i].result, i);
            assert_true(pthread_equal(posters[p].waiters[i].thread, pthread_self()));
        }
    }
    assert_int_equal(ring_pending(ring), 0);
    close(fd);
    free(posters);
}

/* done may start the next operation with the same op. */
struct chain {
    struct ring_op op;
    struct ring *ring;
    int fd, left;
};

static void chain_on_done(struct ring_op *op, int32_t result)
{
    struct chain *chain = (struct chain *)op;

    assert_int_equal(result, 1);
    if (--chain->left > 0)
        ring_write(chain->ring, op, chain->fd, "c", 1, (uint64_t)chain->left);
}

static void test_done_starts_the_next(void **state)
{
    struct ring *ring = ring_of(state);
    struct chain chain = {.op.done = chain_on_done, .ring = ring, .fd = open_file("chained"), .left = 100};

    ring_write(ring, &chain.op, chain.fd, "c", 1, 100);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    assert_int_equal(chain.left, 0);
    assert_int_equal(lseek(chain.fd, 0, SEEK_END), 101);
    close(chain.fd);
}

/* ---- Faults and ends
 * -------------------------------------------------------------------------------------------- */

static int fault_countdown;
static enum ring_op_kind fault_kind;

static int fault_nth(enum ring_op_kind kind, int fd, uint64_t length)
{
    return kind == fault_kind && --fault_countdown == 0 ? -EIO : 0;
}

static void test_faults(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiters[3] = {WAITER, WAITER, WAITER};
    struct pollfd wait = {.fd = ring_event_fd(ring), .events = POLLIN};
    int fd = open_file("faulty");

    sys_fault = fault_nth;
    fault_kind = RING_OP_FDATASYNC;
    fault_countdown = 2;
    for (int i = 0; i < 3; i++)
        ring_fdatasync(ring, &waiters[i].op, fd);
    assert_int_equal(waiters[1].done_count, 0); /* not inside the call */
    assert_int_equal(ring_pending(ring), 3);
    assert_int_equal(poll(&wait, 1, 0), 1);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    assert_int_equal(waiters[0].result, 0);
    assert_int_equal(waiters[1].result, -EIO);
    assert_int_equal(waiters[2].result, 0);

    fault_kind = RING_OP_CLOSE;
    fault_countdown = 1;
    waiters[0] = (struct waiter)WAITER;
    ring_close(ring, &waiters[0].op, fd);
    assert_int_equal(finish(ring, &waiters[0]), -EIO);
    sys_fault = NULL;
    assert_true(fcntl(fd, F_GETFD) >= 0); /* the real call was not made */
    close(fd);
}

static void test_destroy_with_work_in_flight(void **state)
{
    struct ring *ring;
    struct waiter waiters[50], posted = WAITER;
    int fd = open_file("leaving");

    assert_int_equal(ring_create(&ring, ring_engine_in_use(ring_of(state))), 0);
    for (int i = 0; i < 50; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 3 == 0)
            ring_fdatasync(ring, &waiters[i].op, fd);
        else if (i % 3 == 1)
            ring_write(ring, &waiters[i].op, fd, "y", 1, (uint64_t)i);
        else
            ring_warm(ring, &waiters[i].op, fd, 0, 100000);
        if (i == 30)
            ring_flush(ring);
    }
    ring_post(ring, &posted.op, 7);
    ring_destroy(ring);
    for (int i = 0; i < 50; i++)
        assert_int_equal(waiters[i].done_count, 1);
    assert_int_equal(posted.done_count, 1);
    assert_int_equal(posted.result, 7);
    close(fd);
}

/* A ring may be lent from thread to thread while it is idle. (cmocka's checks work on the main thread only.)
 */
struct loan {
    struct ring *ring;
    int fd;
    unsigned good;
};

static void *loan_main(void *arg)
{
    struct loan *loan = arg;
    struct waiter waiters[60];

    for (int i = 0; i < 60; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 3 == 0)
            ring_fdatasync(loan->ring, &waiters[i].op, loan->fd);
        else if (i % 3 == 1)
            ring_warm(loan->ring, &waiters[i].op, loan->fd, 0, WARM_BYTES);
        else
            ring_write(loan->ring, &waiters[i].op, loan->fd, "z", 1, (uint64_t)i);
    }
    while (ring_pending(loan->ring) > 0)
        ring_wait(loan->ring, false);
    for (int i = 0; i < 60; i++)
        loan->good += waiters[i].done_count == 1 && waiters[i].result == (i % 3 == 2) &&
                      pthread_equal(waiters[i].thread, pthread_self());
    return NULL;
}

static void test_used_on_another_thread(void **state)
{
    struct loan loan = {.ring = ring_of(state), .fd = open_cold_file("lent")};
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread, NULL, loan_main, &loan), 0);
        pthread_join(thread, NULL);
    }
    loan_main(&loan);
    assert_int_equal(loan.good, 3 * 60);
    close(loan.fd);
}

static unsigned thread_count(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned count = 0;

    assert_non_null(status);
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "Threads: %u", &count) == 1)
            break;
    fclose(status);
    return count;
}

/* The kernel's helpers count as threads of this process. */
static void test_threads_are_bounded(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiters[128];
    int fds[128], fd = open_file("busy");
    unsigned before = thread_count(), most = before, now;

    for (int i = 0; i < 128; i++) {
        waiters[i] = (struct waiter)WAITER;
        fds[i] = dup(fd);
        ring_fdatasync(ring, &waiters[i].op, fds[i]);
    }
    while (ring_pending(ring) > 0) {
        ring_flush(ring);
        now = thread_count();
        most = now > most ? now : most;
        ring_wait(ring, false);
    }
    assert_in_range(most, before, before + 12);
    for (int i = 0; i < 128; i++)
        close(fds[i]);
    close(fd);
}

/* ---- Both engines
 * ----------------------------------------------------------------------------------------------- */

static int ring_setup(void **state, enum ring_engine engine)
{
    struct ring *ring;

    if (ring_create(&ring, engine) != 0)
        return -1;
    assert_int_equal(ring_engine_in_use(ring), engine);
    *state = ring;
    return 0;
}

static int setup_uring(void **state)
{
    return ring_setup(state, RING_ENGINE_URING);
}

static int setup_threads(void **state)
{
    return ring_setup(state, RING_ENGINE_THREADS);
}

static int teardown(void **state)
{
    int failed = ring_pending(*state) != 0;

    sys_fault = NULL;
    ring_destroy(*state);
    return failed;
}

static void test_auto_never_fails(void **state)
{
    struct ring *ring;

    assert_int_equal(ring_create(&ring, RING_ENGINE_AUTO), 0);
    assert_true(ring_engine_in_use(ring) == RING_ENGINE_URING ||
                ring_engine_in_use(ring) == RING_ENGINE_THREADS);
    ring_destroy(ring);
    ring_destroy(NULL);
}

#define TESTS(setup)                                                                                         \
    cmocka_unit_test_setup_teardown(test_open_write_read_close, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(test_current_position_on_pipes, setup, teardown),                    \
        cmocka_unit_test_setup_teardown(test_splice_to_file, setup, teardown),                               \
        cmocka_unit_test_setup_teardown(test_fallocate, setup, teardown),                                    \
        cmocka_unit_test_setup_teardown(test_link_rename_unlink, setup, teardown),                           \
        cmocka_unit_test_setup_teardown(test_warm, setup, teardown),                                         \
        cmocka_unit_test_setup_teardown(test_warm_many_at_once, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(test_warm_of_what_cannot_be_read, setup, teardown),                  \
        cmocka_unit_test_setup_teardown(test_more_operations_than_entries, setup, teardown),                 \
        cmocka_unit_test_setup_teardown(test_event_descriptor, setup, teardown),                             \
        cmocka_unit_test_setup_teardown(test_wait_with_nothing_in_flight, setup, teardown),                  \
        cmocka_unit_test_setup_teardown(test_post_from_other_threads, setup, teardown),                      \
        cmocka_unit_test_setup_teardown(test_done_starts_the_next, setup, teardown),                         \
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),                                       \
        cmocka_unit_test_setup_teardown(test_destroy_with_work_in_flight, setup, teardown),                  \
        cmocka_unit_test_setup_teardown(test_used_on_another_thread, setup, teardown),                       \
        cmocka_unit_test_setup_teardown(test_threads_are_bounded, setup, teardown)

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/sluice-ring-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder_fd < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    char command[128];

    close(folder_fd);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest threads[] = {cmocka_unit_test(test_auto_never_fails), TESTS(setup_threads)};
    const struct CMUnitTest uring[] = {TESTS(setup_uring)};
    struct ring *ring;
    int failed, err;

    failed = cmocka_run_group_tests_name("ring: threads", threads, make_folder, remove_folder);
    err = ring_create(&ring, RING_ENGINE_URING);
    if (err != 0) {
        printf("io_uring is not to be had here (%s): its half of the tests is skipped\n", strerror(-err));
        return failed;
    }
    ring_destroy(ring);
    return failed + cmocka_run_group_tests_name("ring: io_uring", uring, make_folder, remove_folder);
}
