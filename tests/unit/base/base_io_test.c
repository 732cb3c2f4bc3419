/* SPDX-License-Identifier: MIT
 *
 * Reading and writing until it is done, over calls that come short, are interrupted, and fail. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

/* Every other call is interrupted; the others move three bytes at most; the call fail_at of them fails, or does nothing. */
static unsigned calls, fail_at;
static int fail_errno; /* 0: returns 0 */

static bool meddle(ssize_t *result)
{
    *result = -1;
    if (calls++ % 2 == 0) {
        errno = EINTR;
        return true;
    }
    if (fail_at == 0 || calls / 2 != fail_at)
        return false;
    errno = fail_errno;
    *result = fail_errno == 0 ? 0 : -1;
    return true;
}

static ssize_t pread_slowly(int fd, void *buffer, size_t count, off_t offset)
{
    ssize_t result;

    return meddle(&result) ? result : pread(fd, buffer, count < 3 ? count : 3, offset);
}

static ssize_t pwrite_slowly(int fd, const void *buffer, size_t count, off_t offset)
{
    ssize_t result;

    return meddle(&result) ? result : pwrite(fd, buffer, count < 3 ? count : 3, offset);
}

static void begin(unsigned at, int error)
{
    calls = 0;
    fail_at = at;
    fail_errno = error;
    sys.pread = pread_slowly;
    sys.pwrite = pwrite_slowly;
}

static void end(void)
{
    sys.pread = pread;
    sys.pwrite = pwrite;
}

static int file_of(const char *text)
{
    int fd = memfd_create("base-io-test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    return fd;
}

static void expect_file(int fd, const char *text)
{
    char buffer[64];
    ssize_t n = pread(fd, buffer, sizeof(buffer), 0);

    assert_int_equal(n, (ssize_t)strlen(text));
    assert_memory_equal(buffer, text, (size_t)n);
    close(fd);
}

static void test_reads_up_to_the_end(void **state)
{
    char buffer[16] = {0};
    int fd = file_of("0123456789");

    begin(0, 0);
    assert_int_equal(read_up_to(fd, buffer, 8, 1), 8);
    assert_memory_equal(buffer, "12345678", 8);
    assert_int_equal(read_up_to(fd, buffer, 16, 3), 7);
    assert_memory_equal(buffer, "3456789", 7);
    assert_int_equal(read_up_to(fd, buffer, 16, 10), 0);
    assert_int_equal(read_up_to(fd, buffer, 0, 0), 0);
    begin(2, EBADMSG);
    assert_int_equal(read_up_to(fd, buffer, 8, 0), -EIO);
    end();
    close(fd);
}

static void test_reads_whole(void **state)
{
    char buffer[16] = {0};
    int fd = file_of("0123456789");

    begin(0, 0);
    assert_int_equal(read_whole(fd, buffer, 10, 0), 0);
    assert_memory_equal(buffer, "0123456789", 10);
    assert_int_equal(read_whole(fd, buffer, 10, 1), -EIO); /* it is shorter */
    begin(1, ENODATA);                                     /* a bad sector, not the end of the file */
    assert_int_equal(read_whole(fd, buffer, 10, 0), -EIO);
    end();
    close(fd);
}

static void test_writes_whole(void **state)
{
    int fd = file_of("..........");

    begin(0, 0);
    assert_int_equal(write_whole(fd, "abcdefgh", 8, 1), 0);
    assert_int_equal(write_whole(fd, "", 0, 0), 0);
    begin(2, ENOSPC);
    assert_int_equal(write_whole(fd, "xyzxyz", 6, 0), -ENOSPC);
    begin(2, EROFS);
    assert_int_equal(write_whole(fd, "xyzxyz", 6, 0), -EIO);
    begin(1, 0);
    assert_int_equal(write_whole(fd, "xyzxyz", 6, 0), -EIO); /* nothing, again and again */
    end();
    expect_file(fd, "xyzcdefgh."); /* what was done before the failure stays */
}

static void test_words_of_the_disk(void **state)
{
    const int kept[] = {ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOENT, EEXIST};

    for (int error = 1; error < 134; ++error) {
        int expected = error == EFBIG ? -ENOSPC : -EIO;

        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); ++i)
            if (error == kept[i])
                expected = -error;
        if (disk_error(-error) != expected)
            fail_msg("%s becomes %d", strerror(error), disk_error(-error));
    }
}

static void test_writes_on(void **state)
{
    int fd = file_of("");

    assert_int_equal(write_on(fd, "one ", 4), 0);
    assert_int_equal(write_on(fd, "", 0), 0);
    assert_int_equal(write_on(fd, "two", 3), 0);
    expect_file(fd, "one two");
    assert_int_equal(write_on(fd, "x", 1), -EBADF);
}

static void test_writes_more_than_a_pipe_holds(void **state)
{
    static char sent[1 << 18], got[1 << 18];
    size_t have = 0;
    int fds[2], status = 0;
    pid_t child;

    memset(sent, 'x', sizeof(sent));
    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        _exit(write_on(fds[1], sent, sizeof(sent)) == 0 ? 0 : 1);
    }
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], got + have, sizeof(got) - have)) > 0;)
        have += (size_t)n;
    assert_int_equal(have, sizeof(sent));
    assert_memory_equal(got, sent, sizeof(sent));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_up_to_the_end), cmocka_unit_test(test_reads_whole),
        cmocka_unit_test(test_writes_whole),        cmocka_unit_test(test_writes_on),
        cmocka_unit_test(test_words_of_the_disk),   cmocka_unit_test(test_writes_more_than_a_pipe_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
