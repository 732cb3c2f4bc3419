/* SPDX-License-Identifier: MIT
 *
 * A preloaded library that ends the process, as kill -9 does, before a chosen one of the calls that change what is on the disk. The file
 * HALT_CONTROL, mapped, holds two 32-bit numbers: how many calls more are let through (-1: all), and how many there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    atomic_int left, seen;
};

static struct control *control;

__attribute__((constructor)) static void control_map(void)
{
    const char *path = getenv("HALT_CONTROL");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? NULL : map;
    close(fd);
}

static void step(void)
{
    if (control == NULL)
        return;
    atomic_fetch_add(&control->seen, 1);
    if (atomic_load(&control->left) < 0)
        return;
    if (atomic_fetch_sub(&control->left, 1) == 0) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

#define HALTING(result, name, parameters, arguments)                                                         \
    result name parameters                                                                                   \
    {                                                                                                        \
        __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                                \
        step();                                                                                              \
        return real arguments;                                                                               \
    }

HALTING(int, fsync, (int fd), (fd))
HALTING(int, fdatasync, (int fd), (fd))
HALTING(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
HALTING(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
HALTING(ssize_t, pwritev, (int fd, const struct iovec *list, int n, off_t at), (fd, list, n, at))
HALTING(int, ftruncate, (int fd, off_t n), (fd, n))
HALTING(int, ftruncate64, (int fd, off64_t n), (fd, n))
HALTING(int, unlink, (const char *name), (name))
HALTING(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
HALTING(int, renameat, (int from, const char *name, int to, const char *as), (from, name, to, as))
HALTING(int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode))
