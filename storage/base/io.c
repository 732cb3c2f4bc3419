/* SPDX-License-Identifier: MIT
 *
 * Opening, reading and writing until it is done. */
#include "storage/base/io.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/sys.h"

int io_open(int folder_fd, const char *path, int flags, ...)
{
    bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (makes)
        mode = va_arg(more, mode_t);
    va_end(more);
    return (int)IO_RETRY(sys.openat(folder_fd, path, flags, mode));
}

ssize_t read_up_to(int fd, void *buffer, size_t length, uint64_t offset)
{
    size_t have = 0;

    while (have < length) {
        ssize_t n = IO_RETRY(sys.pread(fd, (char *)buffer + have, length - have, (off_t)(offset + have)));

        if (n < 0)
            return disk_error(-errno);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

int read_whole(int fd, void *buffer, size_t length, uint64_t offset)
{
    ssize_t n = read_up_to(fd, buffer, length, offset);

    if (n < 0)
        return (int)n;
    return (size_t)n == length ? 0 : -EIO;
}

int write_whole(int fd, const void *data, size_t length, uint64_t offset)
{
    size_t done = 0;

    while (done < length) {
        ssize_t n =
            IO_RETRY(sys.pwrite(fd, (const char *)data + done, length - done, (off_t)(offset + done)));

        if (n <= 0)
            return n == 0 ? -EIO : disk_error(-errno);
        done += (size_t)n;
    }
    return 0;
}

int write_on(int fd, const void *data, size_t length)
{
    size_t done = 0;

    while (done < length) {
        ssize_t n = IO_RETRY(write(fd, (const char *)data + done, length - done));

        if (n <= 0)
            return n == 0 ? -EIO : -errno;
        done += (size_t)n;
    }
    return 0;
}
