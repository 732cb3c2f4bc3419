/* SPDX-License-Identifier: MIT
 *
 * A preloaded library that makes chosen system calls fail. The file FAULT_CONTROL, mapped, holds four 32-bit numbers that the
 * test changes while the server runs: which call, how many more of it succeed, how many then fail, with which errno. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/types.h>
#include <unistd.h>

enum fault_call {
    FAULT_NONE,
    FAULT_SYNC,
    FAULT_WRITE,
    FAULT_LINK,
    FAULT_UNLINK,
    FAULT_OPEN,
    FAULT_SPLICE,
    FAULT_READ,
    FAULT_STAT
};

struct control {
    atomic_int call, skip, count, error;
};

static struct control *control;

__attribute__((constructor)) static void control_map(void)
{
    const char *path = getenv("FAULT_CONTROL");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? NULL : map;
    close(fd);
}

static int fails(enum fault_call call)
{
    if (control == NULL || atomic_load(&control->call) != (int)call)
        return 0;
    if (atomic_fetch_sub(&control->skip, 1) > 0)
        return 0;
    if (atomic_fetch_sub(&control->count, 1) <= 0)
        return 0;
    errno = atomic_load(&control->error);
    return 1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define FAULTY(call, result, name, parameters, arguments)                                                    \
    result name parameters                                                                                   \
    {                                                                                                        \
        REAL(name);                                                                                          \
        return fails(call) ? -1 : real arguments;                                                            \
    }

FAULTY(FAULT_SYNC, int, fsync, (int fd), (fd))
FAULTY(FAULT_SYNC, int, fdatasync, (int fd), (fd))
FAULTY(FAULT_WRITE, ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
FAULTY(FAULT_WRITE, ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
FAULTY(FAULT_WRITE, ssize_t, pwritev, (int fd, const struct iovec *list, int n, off_t at), (fd, list, n, at))
FAULTY(FAULT_WRITE, ssize_t, pwritev64, (int fd, const struct iovec *list, int n, off64_t at),
       (fd, list, n, at))
FAULTY(FAULT_WRITE, int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
FAULTY(FAULT_WRITE, int, fallocate64, (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n))
FAULTY(FAULT_READ, ssize_t, pread, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
FAULTY(FAULT_READ, ssize_t, pread64, (int fd, void *data, size_t n, off64_t at), (fd, data, n, at))
FAULTY(FAULT_READ, ssize_t, preadv2, (int fd, const struct iovec *list, int n, off_t at, int flags),
       (fd, list, n, at, flags))
FAULTY(FAULT_READ, ssize_t, preadv64v2, (int fd, const struct iovec *list, int n, off64_t at, int flags),
       (fd, list, n, at, flags))
FAULTY(FAULT_READ, ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n))
FAULTY(FAULT_READ, ssize_t, sendfile64, (int to, int from, off64_t *at, size_t n), (to, from, at, n))
FAULTY(FAULT_STAT, int, stat, (const char *path, struct stat *st), (path, st))
FAULTY(FAULT_STAT, int, stat64, (const char *path, struct stat64 *st), (path, st))
FAULTY(FAULT_STAT, int, fstat, (int fd, struct stat *st), (fd, st))
FAULTY(FAULT_STAT, int, fstat64, (int fd, struct stat64 *st), (fd, st))
FAULTY(FAULT_LINK, int, linkat, (int from, const char *name, int to, const char *as, int flags),
       (from, name, to, as, flags))
FAULTY(FAULT_UNLINK, int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))

/* Into files only: that of a socket into a pipe is told by its flags. */
ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags)
{
    REAL(splice);
    return to_at != NULL && fails(FAULT_SPLICE) ? -1 : real(from, from_at, to, to_at, n, flags);
}

static int open_at(const char *which, int fd, const char *path, int flags, mode_t mode)
{
    int (*real)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, which);

    return fails(FAULT_OPEN) ? -1 : real(fd, path, flags, mode);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return open_at("openat", fd, path, flags, mode);
}

int openat64(int fd, const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return open_at("openat64", fd, path, flags, mode);
}
