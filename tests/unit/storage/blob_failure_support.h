/* SPDX-License-Identifier: MIT
 *
 * One call fails: the n-th, of those that the module makes to the system or the allocator while a test has armed it. The linker leads these
 * calls here (-Wl,--wrap); those of libraries are not met. Header only; every test is one program. */
#ifndef TESTS_BLOB_FAILURE_SUPPORT_H
#define TESTS_BLOB_FAILURE_SUPPORT_H

#include <stdatomic.h>

#include "tests/unit/storage/segment_support.h"

#include <sys/sendfile.h>
#include <sys/statvfs.h>

static _Atomic int left; /* 0: nothing fails; 1: the next call */
static _Atomic bool came;
static _Atomic int
    not_here; /* errno of copy_file_range and linkat, as of a file system that has no such thing */

static bool is_due(void)
{
    int before = atomic_load(&left);

    while (before > 0 && !atomic_compare_exchange_weak(&left, &before, before - 1))
        ;
    if (before == 1)
        atomic_store(&came, true);
    return before == 1;
}

#define FAILING(type, name, bad, error, parameters, arguments)                                               \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        if (is_due()) {                                                                                      \
            errno = error;                                                                                   \
            return bad;                                                                                      \
        }                                                                                                    \
        return __real_##name arguments;                                                                      \
    }

FAILING(void *, malloc, NULL, ENOMEM, (size_t size), (size))
FAILING(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
FAILING(void *, realloc, NULL, ENOMEM, (void *memory, size_t size), (memory, size))
FAILING(int, mkdirat, -1, EIO, (int folder, const char *name, mode_t mode), (folder, name, mode))
FAILING(int, fstat, -1, EIO, (int fd, struct stat *st), (fd, st))
FAILING(int, fstatat, -1, EIO, (int folder, const char *name, struct stat *st, int flags),
        (folder, name, st, flags))
FAILING(int, fstatvfs, -1, EIO, (int fd, struct statvfs *fs), (fd, fs))
FAILING(int, renameat, -1, EIO, (int folder, const char *name, int to, const char *new_name),
        (folder, name, to, new_name))
FAILING(int, unlinkat, -1, EIO, (int folder, const char *name, int flags), (folder, name, flags))
FAILING(int, ftruncate, -1, EIO, (int fd, off_t length), (fd, length))
FAILING(DIR *, fdopendir, NULL, EIO, (int fd), (fd))
FAILING(int, fsync, -1, EIO, (int fd), (fd))
FAILING(int, fdatasync, -1, EIO, (int fd), (fd))
FAILING(ssize_t, pread, -1, EIO, (int fd, void *to, size_t length, off_t at), (fd, to, length, at))
FAILING(ssize_t, pwrite, -1, ENOSPC, (int fd, const void *from, size_t length, off_t at),
        (fd, from, length, at))
FAILING(ssize_t, sendfile, -1, EIO, (int to, int from, off_t *at, size_t length), (to, from, at, length))

int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if (is_due()) {
        errno = EMFILE;
        return -1;
    }
    return __real_openat(folder, name, flags, mode);
}

ssize_t __real_copy_file_range(int from, off_t *at, int to, off_t *to_at, size_t length, unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t *at, int to, off_t *to_at, size_t length, unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t *at, int to, off_t *to_at, size_t length, unsigned flags)
{
    int error = is_due() ? EIO : atomic_load(&not_here);

    errno = error;
    return error != 0 ? -1 : __real_copy_file_range(from, at, to, to_at, length, flags);
}

int __real_linkat(int folder, const char *name, int to, const char *new_name, int flags);
int __wrap_linkat(int folder, const char *name, int to, const char *new_name, int flags);
int __wrap_linkat(int folder, const char *name, int to, const char *new_name, int flags)
{
    int error = is_due() ? EIO : atomic_load(&not_here);

    errno = error;
    return error != 0 ? -1 : __real_linkat(folder, name, to, new_name, flags);
}

#endif
