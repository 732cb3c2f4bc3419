/* SPDX-License-Identifier: MIT
 *
 * Calls on files and folders that fail, or do half. Those with a 64 in their name are the same calls: some libraries were built to ask
 * for them by that name. */
#include "interposer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- Bytes ---- */

SHORTENED(faults_is_event(fd) ? CALL_NONE : CALL_READ, read, n, (int fd, void *data, size_t n), (fd, data, n))
SHORTENED(CALL_READ, pread, n, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
SHORTENED(CALL_READ, pread64, n, (int fd, void *data, size_t n, off64_t at), (fd, data, n, at))
WRITES(faults_is_event(fd) ? CALL_NONE : CALL_WRITE, fd, write, n, (int fd, const void *data, size_t n),
       (fd, data, n))
WRITES(CALL_WRITE, fd, pwrite, n, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
WRITES(CALL_WRITE, fd, pwrite64, n, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))

/* Of vectors half is: of the first of several, or half of the only one. */
#define VECTORS(kind, name, parameters, arguments)                                                           \
    ssize_t name parameters                                                                                  \
    {                                                                                                        \
        REAL(name);                                                                                          \
        if ((kind) == CALL_WRITE && faults_refuse(fd) != 0)                                                  \
            return -1;                                                                                       \
        struct iovec first = count > 0 ? list[0] : (struct iovec){0};                                        \
        int action = faults_decide(kind, 0);                                                                 \
        if (action > 0) {                                                                                    \
            errno = action;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        if (action == ACTION_HALF && count > 0) {                                                            \
            first.iov_len = first.iov_len > 1 ? first.iov_len / 2 : first.iov_len;                           \
            list = &first;                                                                                   \
            count = 1;                                                                                       \
        }                                                                                                    \
        return real arguments;                                                                               \
    }

VECTORS(CALL_READ, readv, (int fd, const struct iovec *list, int count), (fd, list, count))
VECTORS(CALL_READ, preadv2, (int fd, const struct iovec *list, int count, off_t at, int flags),
        (fd, list, count, at, flags))
VECTORS(CALL_READ, preadv64v2, (int fd, const struct iovec *list, int count, off64_t at, int flags),
        (fd, list, count, at, flags))
VECTORS(CALL_WRITE, pwritev, (int fd, const struct iovec *list, int count, off_t at), (fd, list, count, at))
VECTORS(CALL_WRITE, pwritev64, (int fd, const struct iovec *list, int count, off64_t at),
        (fd, list, count, at))
VECTORS(CALL_SEND, writev, (int fd, const struct iovec *list, int count), (fd, list, count))

FAULTY(CALL_SYNC, int, -1, fsync, (int fd), (fd))
FAULTY(CALL_SYNC, int, -1, fdatasync, (int fd), (fd))
FAULTY(CALL_SYNC, int, -1, syncfs, (int fd), (fd))
FAULTY(CALL_SYNC, int, -1, sync_file_range, (int fd, off64_t at, off64_t n, unsigned flags),
       (fd, at, n, flags))
CHANGES(CALL_SPACE, fd, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
CHANGES(CALL_SPACE, fd, fallocate64, (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n))
CHANGES(CALL_SPACE, fd, ftruncate, (int fd, off_t n), (fd, n))
CHANGES(CALL_SPACE, fd, ftruncate64, (int fd, off64_t n), (fd, n))

/* A mapping that nobody can have: of files and for threads' needs; MAP_FAILED. */
FAULTY(CALL_MAP, void *, MAP_FAILED, mmap,
       (void *at, size_t n, int protection, int flags, int fd, off_t offset),
       (at, n, protection, flags, fd, offset))
FAULTY(CALL_MAP, void *, MAP_FAILED, mmap64,
       (void *at, size_t n, int protection, int flags, int fd, off64_t offset),
       (at, n, protection, flags, fd, offset))

/* ---- Opening ---- */

static bool is_device(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

#define OPENS(name, parameters, arguments)                                                                   \
    int name parameters                                                                                      \
    {                                                                                                        \
        REAL(name);                                                                                          \
        va_list more;                                                                                        \
        va_start(more, flags);                                                                               \
        mode_t mode = va_arg(more, mode_t);                                                                  \
        va_end(more);                                                                                        \
        if (((flags) & (O_ACCMODE | O_CREAT)) != O_RDONLY && (flags & O_PATH) == 0 && !is_device(path) &&    \
            faults_refuse(-1) != 0)                                                                          \
            return -1;                                                                                       \
        return faults_fail(CALL_OPEN) ? -1 : real arguments;                                                 \
    }

OPENS(open, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
OPENS(openat64, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
FAULTY(CALL_STREAM, FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
FAULTY(CALL_STREAM, FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode))
FAULTY(CALL_STREAM, FILE *, NULL, fdopen, (int fd, const char *mode), (fd, mode))
FAULTY(CALL_STREAM, DIR *, NULL, opendir, (const char *path), (path))
FAULTY(CALL_STREAM, DIR *, NULL, fdopendir, (int fd), (fd))
FAULTY(CALL_STREAM, int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))

/* ---- Names ---- */

CHANGES(CALL_NAME, -1, linkat, (int from, const char *name, int to, const char *as, int flags),
        (from, name, to, as, flags))
CHANGES(CALL_NAME, -1, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
CHANGES(CALL_NAME, -1, unlink, (const char *name), (name))
CHANGES(CALL_NAME, -1, rename, (const char *name, const char *as), (name, as))
CHANGES(CALL_NAME, -1, renameat, (int from, const char *name, int to, const char *as), (from, name, to, as))
CHANGES(CALL_NAME, -1, mkdir, (const char *name, mode_t mode), (name, mode))
CHANGES(CALL_NAME, -1, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode))

/* ---- Looking ---- */

FAULTY(CALL_LOOK, int, -1, stat, (const char *path, struct stat *st), (path, st))
FAULTY(CALL_LOOK, int, -1, stat64, (const char *path, struct stat64 *st), (path, st))
FAULTY(CALL_LOOK, int, -1, lstat, (const char *path, struct stat *st), (path, st))
FAULTY(CALL_LOOK, int, -1, lstat64, (const char *path, struct stat64 *st), (path, st))
FAULTY(CALL_LOOK, int, -1, fstat, (int fd, struct stat *st), (fd, st))
FAULTY(CALL_LOOK, int, -1, fstat64, (int fd, struct stat64 *st), (fd, st))
FAULTY(CALL_LOOK, int, -1, fstatat, (int fd, const char *path, struct stat *st, int flags),
       (fd, path, st, flags))
FAULTY(CALL_LOOK, int, -1, fstatat64, (int fd, const char *path, struct stat64 *st, int flags),
       (fd, path, st, flags))
FAULTY(CALL_LOOK, int, -1, fstatfs, (int fd, struct statfs *st), (fd, st))
FAULTY(CALL_LOOK, int, -1, fstatfs64, (int fd, struct statfs64 *st), (fd, st))
FAULTY(CALL_LOOK, int, -1, fstatvfs, (int fd, struct statvfs *st), (fd, st))
FAULTY(CALL_LOOK, int, -1, fstatvfs64, (int fd, struct statvfs64 *st), (fd, st))
FAULTY(CALL_LOOK, struct dirent *, NULL, readdir, (DIR * folder), (folder))
FAULTY(CALL_LOOK, struct dirent64 *, NULL, readdir64, (DIR * folder), (folder))

/* ---- Locks ---- */

FAULTY(CALL_LOCK, int, -1, flock, (int fd, int what), (fd, what))

/* Its locks fail as locks do, its duplicates as what needs a descriptor; its flags do not fail. */
static enum call_kind control_kind(int what)
{
    switch (what) {
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_GETLK:
        return CALL_LOCK;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return CALL_DUPLICATE;
    default:
        return CALL_NONE;
    }
}

#define CONTROLS(name)                                                                                       \
    int name(int fd, int what, ...)                                                                          \
    {                                                                                                        \
        REAL(name);                                                                                          \
        va_list more;                                                                                        \
        va_start(more, what);                                                                                \
        void *argument = va_arg(more, void *);                                                               \
        va_end(more);                                                                                        \
        return faults_fail(control_kind(what)) ? -1 : real(fd, what, argument);                              \
    }

CONTROLS(fcntl)
CONTROLS(fcntl64)
