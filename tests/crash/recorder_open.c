/* SPDX-License-Identifier: MIT
 *
 * Calls that open, copy and close descriptors: which of them are of files below the root. */
#include "recorder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int recorder_open_at(int at, const char *path, int flags, mode_t mode)
{
    char real[PATH_MAX];
    uint64_t dir = 0;
    const char *name = "";

    if (recorder_log_fd < 0)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&recorder_lock);
    bool is_new = (flags & O_CREAT) != 0 && recorder_ino_at(at, path) == 0 && errno == ENOENT;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int err = errno;
    if (fd >= 0 && fd < DESCRIPTORS_MAX) {
        recorder_path_of(fd, real);
        bool is_ours = recorder_is_below_root(real);
        atomic_store(&recorder_tracked[fd], is_ours);
        atomic_store(&recorder_owes_error[fd], 0);
        if (is_ours && (flags & O_TMPFILE) == O_TMPFILE)
            recorder_emit((struct record){.kind = KIND_TMPFILE, .ino = recorder_ino_of(fd)}, NULL, NULL, NULL,
                          0);
        else if (is_ours && is_new && recorder_place_find(at, path, &dir, &name))
            recorder_emit((struct record){.kind = KIND_CREATE, .ino = recorder_ino_of(fd), .dir = dir}, name,
                          NULL, NULL, 0);
        else if (is_ours && (flags & O_TRUNC) != 0)
            recorder_emit((struct record){.kind = KIND_SIZE, .ino = recorder_ino_of(fd)}, NULL, NULL, NULL,
                          0);
    }
    recorder_unlock(err);
    return fd;
}

#define MODE_OF(flags, last)                                                                                 \
    __extension__({                                                                                          \
        mode_t mode_given = 0;                                                                               \
        if (((flags) & (O_CREAT | __O_TMPFILE)) != 0) {                                                      \
            va_list mode_list;                                                                               \
            va_start(mode_list, last);                                                                       \
            mode_given = va_arg(mode_list, mode_t);                                                          \
            va_end(mode_list);                                                                               \
        }                                                                                                    \
        mode_given;                                                                                          \
    })

int open(const char *path, int flags, ...)
{
    return recorder_open_at(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

int open64(const char *path, int flags, ...)
{
    return recorder_open_at(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

int openat(int at, const char *path, int flags, ...)
{
    return recorder_open_at(at, path, flags, MODE_OF(flags, flags));
}

int openat64(int at, const char *path, int flags, ...)
{
    return recorder_open_at(at, path, flags, MODE_OF(flags, flags));
}

int creat(const char *path, mode_t mode)
{
    return recorder_open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return recorder_open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* As programs call them that were compiled with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags)
{
    return recorder_open_at(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return recorder_open_at(AT_FDCWD, path, flags, 0);
}

int __openat_2(int at, const char *path, int flags)
{
    return recorder_open_at(at, path, flags, 0);
}

int __openat64_2(int at, const char *path, int flags)
{
    return recorder_open_at(at, path, flags, 0);
}

int close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS_MAX)
        atomic_store(&recorder_tracked[fd], 0);
    return (int)syscall(SYS_close, fd);
}

/* From now on the descriptor is the C library's, which closes it without calling close() above: its number would stay in the
 * table, and the next socket or event descriptor that gets it would be taken for a file. */
static int give_away(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS_MAX)
        atomic_store(&recorder_tracked[fd], 0);
    return fd;
}

DIR *fdopendir(int fd)
{
    static DIR *(*real)(int);

    if (real == NULL)
        real = (DIR * (*)(int)) dlsym(RTLD_NEXT, "fdopendir");
    return real(give_away(fd));
}

FILE *fdopen(int fd, const char *mode)
{
    static FILE *(*real)(int, const char *);

    if (real == NULL)
        real = (FILE * (*)(int, const char *)) dlsym(RTLD_NEXT, "fdopen");
    if (recorder_is_tracked(fd) && strchr(mode, 'r') != mode) {
        pthread_mutex_lock(&recorder_lock);
        recorder_emit_unknown("a stream that writes");
        pthread_mutex_unlock(&recorder_lock);
    }
    return real(give_away(fd), mode);
}

int dup(int fd)
{
    int copy = (int)syscall(SYS_dup, fd);

    if (copy >= 0 && copy < DESCRIPTORS_MAX) {
        atomic_store(&recorder_tracked[copy], recorder_is_tracked(fd));
        atomic_store(&recorder_owes_error[copy], 0);
    }
    return copy;
}

int dup3(int fd, int as, int flags)
{
    int copy = (int)syscall(SYS_dup3, fd, as, flags);

    if (copy >= 0 && copy < DESCRIPTORS_MAX) {
        atomic_store(&recorder_tracked[copy], recorder_is_tracked(fd));
        atomic_store(&recorder_owes_error[copy], 0);
    }
    return copy;
}

int dup2(int fd, int as)
{
    return fd == as ? fd : dup3(fd, as, 0);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if ((protection & PROT_WRITE) != 0 && (flags & MAP_TYPE) != MAP_PRIVATE && recorder_is_tracked(fd)) {
        pthread_mutex_lock(&recorder_lock);
        recorder_emit_unknown("mmap of a file for writing");
        pthread_mutex_unlock(&recorder_lock);
    }
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, bytes, protection, flags, fd, offset);
}
