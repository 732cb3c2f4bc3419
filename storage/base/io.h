/* SPDX-License-Identifier: MIT
 *
 * Reading and writing until it is done: signals and short counts are nobody's concern. Any thread; all of it may wait for a disk.
 *
 * Opening and the calls with an offset go through the table of sys.h, so that tests can make them fail, and what fails is what disk_error.h makes of
 * it; write_on tells the negative errno as it is. How much was done until then is not told. */
#ifndef STORAGE_BASE_IO_H
#define STORAGE_BASE_IO_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a system call returns, once it was not cut short by a signal: -1 and errno, or its count. Not for close(2). */
#define IO_RETRY(call)                                                                                       \
    __extension__({                                                                                          \
        ssize_t io_result;                                                                                   \
        do                                                                                                   \
            io_result = (call);                                                                              \
        while (io_result < 0 && errno == EINTR);                                                             \
        io_result;                                                                                           \
    })

/* openat(2), and with AT_FDCWD open(2), which a signal may interrupt on a network or FUSE file system. A descriptor, or -1 and errno. */
int io_open(int folder_fd, const char *path, int flags, ... /* mode_t mode, where a file may be made */);
/* Bytes read from `offset` on: fewer than `length` only where the file ends. */
ssize_t read_up_to(int fd, void *buffer, size_t length, uint64_t offset);
/* The same where the file is known to be long enough: 0; -EIO if it is not. */
int read_whole(int fd, void *buffer, size_t length, uint64_t offset);
/* 0; -EIO also where the system takes nothing and says nothing. */
int write_whole(int fd, const void *data, size_t length, uint64_t offset);
/* The same at the descriptor's own position, for files that are appended to. The descriptor blocks. */
int write_on(int fd, const void *data, size_t length);

#endif
