/* SPDX-License-Identifier: MIT
 *
 * The system calls that storage makes itself (not through io_uring), as a table of pointers, so that a test can make
 * the third fdatasync fail. What goes through a ring is made to fail by storage/ring/ring_fault.h.
 *
 * Production never changes the table. Tests set entries before the store is opened, from one thread. */
#ifndef STORAGE_BASE_SYS_H
#define STORAGE_BASE_SYS_H

#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>

/* What cachestat(2) tells of a range of a file, in pages. */
struct sys_cached {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

struct sys_calls {
    ssize_t (*splice)(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t length, unsigned flags);
    ssize_t (*vmsplice)(int fd, const struct iovec *list, size_t count, unsigned flags);
    ssize_t (*sendfile)(int out_fd, int in_fd, off_t *offset, size_t count);
    ssize_t (*pread)(int fd, void *buffer, size_t count, off_t offset);
    ssize_t (*pwrite)(int fd, const void *buffer, size_t count, off_t offset);
    ssize_t (*pwritev)(int fd, const struct iovec *list, int count, off_t offset);
    int (*fallocate)(int fd, int mode, off_t offset, off_t length);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*syncfs)(int fd);
    int (*openat)(int dir_fd, const char *path, int flags, ...);
    int (*fstatfs)(int fd, struct statfs *fs);
    int (*fstatvfs)(int fd, struct statvfs *fs);
    int (*flock)(int fd, int operation);
    int (*pipe2)(int fds[2], int flags);
    int (*madvise)(void *address, size_t length, int advice);
    int (*cachestat)(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer);
};

extern struct sys_calls sys;

#endif
