/* SPDX-License-Identifier: MIT
 *
 * Every kind of operation of the ring, with both engines: what one does the other must do too. */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "tests/unit/storage/ring_testing.h"

#include "storage/base/clock.h"
#include "storage/limits.h"

/* ---- Every kind ---- */

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

/* ---- What does not come back ---- */

static uint64_t later_ms; /* the ring's thread alone asks what time it is */

uint64_t __real_clock_monotonic_ms(void);
uint64_t __wrap_clock_monotonic_ms(void);

uint64_t __wrap_clock_monotonic_ms(void)
{
    return __real_clock_monotonic_ms() + later_ms;
}

static void test_stall(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter hangs = WAITER, quick = WAITER, late = WAITER;
    int fds[2], others[2];
    char byte, other;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(pipe2(others, O_CLOEXEC), 0);
    assert_false(ring_is_stalled(ring));
    later_ms += RING_STALL_MS;
    ring_read(ring, &hangs.op, fds[0], &byte, 1, UINT64_MAX);
    ring_flush(ring);
    for (int i = 0; i < 3; i++) { /* others that come and go make no difference */
        assert_int_equal(ring_is_stalled(ring), i == 2);
        ring_write(ring, &quick.op, others[1], "x", 1, UINT64_MAX);
        assert_int_equal(finish(ring, &quick), 1);
        later_ms += RING_STALL_MS;
    }
    ring_read(ring, &late.op, others[0], &other, 1, UINT64_MAX);
    assert_int_equal(finish(ring, &late), 1);
    assert_true(ring_is_stalled(ring));
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(finish(ring, &hangs), 1);
    assert_false(ring_is_stalled(ring));
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        close(others[i]);
    }
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

/* In force for what this thread starts; only root has it, and only io_uring might need it. */
static void capability_set(bool raised)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    assert_int_equal(syscall(SYS_capget, &head, data), 0);
    data[0].effective &= ~(1u << CAP_DAC_READ_SEARCH);
    if (raised)
        data[0].effective |= data[0].permitted & 1u << CAP_DAC_READ_SEARCH;
    assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

/* A file is named by way of /proc, which asks for no capability, also by an operation that has opened it before. */
static void test_link_after_open(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiter = WAITER;
    struct ring_op *op = &waiter.op;

    ring_openat(ring, op, folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    while (waiter.done_count == 0)
        ring_wait(ring, false);
    int fd = waiter.result;
    assert_true(fd >= 0);
    waiter.done_count = 0; /* all else stays as it is */
    capability_set(false);
    ring_link_fd(ring, op, fd, folder_fd, "opened");
    int result = finish(ring, &waiter);
    capability_set(true);
    assert_int_equal(result, 0);
    ring_unlinkat(ring, &waiter.op, folder_fd, "opened");
    assert_int_equal(finish(ring, &waiter), 0);
    close(fd);
}

/* ---- Warming ---- */

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

/* The kernel may take a page away again at any moment, so a page that is missing afterwards proves nothing by
 * itself. A warming that does too little misses every time. */
#define WARM_ATTEMPTS 2

static int32_t warm(struct ring *ring, int fd, uint64_t offset, uint32_t length)
{
    struct waiter waiter = WAITER;

    ring_warm(ring, &waiter.op, fd, offset, length);
    return finish(ring, &waiter);
}

/* Whether warming [offset, offset + length) of a cold file leaves all of [from, from + bytes) in memory. */
static bool warm_fills(struct ring *ring, uint64_t offset, uint32_t length, size_t from, size_t bytes)
{
    bool filled = false;

    for (int attempt = 0; attempt < WARM_ATTEMPTS && !filled; attempt++) {
        int fd = open_cold_file("cold");

        assert_int_equal(warm(ring, fd, offset, length), 0);
        filled = resident_pages(fd, from, bytes) == bytes / 4096;
        close(fd);
    }
    return filled;
}

static void test_warm(void **state)
{
    struct ring *ring = ring_of(state);
    int fd = open_cold_file("cold");

    if (resident_pages(fd, 0, WARM_BYTES) != 0) {
        print_message("the file system here does not let go of cached pages; residency cannot be tested\n");
        close(fd);
        skip();
    }
    assert_int_equal(warm(ring, fd, 0, 0), 0);
    assert_int_equal(resident_pages(fd, 0, WARM_BYTES), 0); /* nothing means nothing */
    close(fd);
    /* Starts and ends inside a page, and is longer than any pipe. */
    assert_true(warm_fills(ring, 4096 + 100, (3u << 20) + 50, 4096, (3u << 20) + 4096));
    /* Past the end there is nothing to bring in. */
    assert_true(warm_fills(ring, WARM_BYTES - 8192, 1u << 20, WARM_BYTES - 8192, 8192));
}

static bool warm_many_fill(struct ring *ring)
{
    struct waiter waiters[40];
    int fd = open_cold_file("cold");
    bool filled;

    for (unsigned i = 0; i < 40; i++) {
        waiters[i] = (struct waiter)WAITER;
        ring_warm(ring, &waiters[i].op, fd, i * (WARM_BYTES / 40), WARM_BYTES / 40);
    }
    for (unsigned i = 0; i < 40; i++) {
        while (waiters[i].done_count == 0)
            assert_true(ring_wait(ring, false) > 0);
        assert_int_equal(waiters[i].result, 0);
    }
    filled = resident_pages(fd, 0, WARM_BYTES) == WARM_BYTES / 4096;
    close(fd);
    return filled;
}

static void test_warm_many_at_once(void **state)
{
    int attempts = 0;

    while (!warm_many_fill(ring_of(state)))
        assert_true(++attempts < WARM_ATTEMPTS);
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

#define TESTS(setup)                                                                                         \
    cmocka_unit_test_setup_teardown(test_open_write_read_close, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(test_current_position_on_pipes, setup, teardown),                    \
        cmocka_unit_test_setup_teardown(test_stall, setup, teardown),                                        \
        cmocka_unit_test_setup_teardown(test_splice_to_file, setup, teardown),                               \
        cmocka_unit_test_setup_teardown(test_fallocate, setup, teardown),                                    \
        cmocka_unit_test_setup_teardown(test_link_after_open, setup, teardown),                              \
        cmocka_unit_test_setup_teardown(test_link_rename_unlink, setup, teardown),                           \
        cmocka_unit_test_setup_teardown(test_warm, setup, teardown),                                         \
        cmocka_unit_test_setup_teardown(test_warm_many_at_once, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(test_warm_of_what_cannot_be_read, setup, teardown)

int main(void)
{
    const struct CMUnitTest threads[] = {TESTS(setup_threads)};
    const struct CMUnitTest uring[] = {TESTS(setup_uring)};

    return RUN_WITH_BOTH("ring operations", threads, uring);
}
