/* SPDX-License-Identifier: MIT
 *
 * Calls that write bytes, make holes and change sizes. */
#include "recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

static void emit_write(int fd, uint64_t offset, ssize_t n, const struct iovec *list, int count)
{
    if (n > 0)
        recorder_emit(
            (struct record){
                .kind = KIND_WRITE, .ino = recorder_ino_of(fd), .offset = offset, .length = (uint64_t)n},
            NULL, NULL, list, count);
}

/* The data of a call that moved it inside the kernel: read from the file, which may be open for writing alone. */
static void emit_written(int fd, uint64_t offset, ssize_t n)
{
    char link[64];

    if (n <= 0)
        return;
    struct iovec data = {malloc((size_t)n), (size_t)n};
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    int reading = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    if (data.iov_base == NULL || reading < 0)
        abort();
    for (size_t have = 0; have < (size_t)n;) {
        ssize_t got =
            syscall(SYS_pread64, reading, (char *)data.iov_base + have, (size_t)n - have, offset + have);
        if (got <= 0)
            abort();
        have += (size_t)got;
    }
    syscall(SYS_close, reading);
    emit_write(fd, offset, n, &data, 1);
    free(data.iov_base);
}

static ssize_t write_list(int fd, const struct iovec *list, int count, off_t offset)
{
    pthread_mutex_lock(&recorder_lock);
    ssize_t n = syscall(SYS_pwritev, fd, list, count, offset, 0);
    int err = errno;
    emit_write(fd, (uint64_t)offset, n, list, count);
    recorder_unlock(err);
    return n;
}

/* At the descriptor's own place. */
static ssize_t append_list(int fd, const struct iovec *list, int count)
{
    pthread_mutex_lock(&recorder_lock);
    ssize_t n = syscall(SYS_writev, fd, list, count);
    int err = errno;
    if (n > 0)
        emit_write(fd, (uint64_t)(syscall(SYS_lseek, fd, 0, SEEK_CUR) - n), n, list, count);
    recorder_unlock(err);
    return n;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    struct iovec list = {(void *)data, bytes};

    return recorder_is_tracked(fd) ? append_list(fd, &list, 1) : syscall(SYS_write, fd, data, bytes);
}

ssize_t writev(int fd, const struct iovec *list, int count)
{
    return recorder_is_tracked(fd) ? append_list(fd, list, count) : syscall(SYS_writev, fd, list, count);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    struct iovec list = {(void *)data, bytes};

    return recorder_is_tracked(fd) ? write_list(fd, &list, 1, offset)
                                   : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset)
{
    return pwrite(fd, data, bytes, offset);
}

ssize_t pwritev(int fd, const struct iovec *list, int count, off_t offset)
{
    return recorder_is_tracked(fd) ? write_list(fd, list, count, offset)
                                   : syscall(SYS_pwritev, fd, list, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec *list, int count, off64_t offset)
{
    return pwritev(fd, list, count, offset);
}

/* Some programs of tests call it so. */
ssize_t pwritev2(int fd, const struct iovec *list, int count, off_t offset, int flags)
{
    if (!recorder_is_tracked(fd))
        return syscall(SYS_pwritev2, fd, list, count, offset, 0, flags);
    if (flags != 0) {
        errno = EOPNOTSUPP; /* as old kernels say; nobody who is recorded needs them */
        return -1;
    }
    return offset == -1 ? append_list(fd, list, count) : write_list(fd, list, count, offset);
}

ssize_t pwritev64v2(int fd, const struct iovec *list, int count, off64_t offset, int flags)
{
    return pwritev2(fd, list, count, offset, flags);
}

ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags)
{
    if (!recorder_is_tracked(to))
        return syscall(SYS_splice, from, from_at, to, to_at, bytes, flags);
    pthread_mutex_lock(&recorder_lock);
    off64_t begin = to_at != NULL ? *to_at : syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_splice, from, from_at, to, to_at, bytes, flags);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    recorder_unlock(err);
    return n;
}

ssize_t sendfile(int to, int from, off_t *from_at, size_t bytes)
{
    if (!recorder_is_tracked(to))
        return syscall(SYS_sendfile, to, from, from_at, bytes);
    pthread_mutex_lock(&recorder_lock);
    off64_t begin = syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_sendfile, to, from, from_at, bytes);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    recorder_unlock(err);
    return n;
}

ssize_t sendfile64(int to, int from, off64_t *from_at, size_t bytes)
{
    return sendfile(to, from, from_at, bytes);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags)
{
    if (!recorder_is_tracked(to))
        return syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags);
    pthread_mutex_lock(&recorder_lock);
    off64_t begin = to_at != NULL ? *to_at : syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    recorder_unlock(err);
    return n;
}

/* ---- Holes and sizes ---- */

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    if (!recorder_is_tracked(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    if ((mode & FALLOC_FL_PUNCH_HOLE) != 0 && getenv("CRASH_NO_HOLES") != NULL) { /* as on NFS */
        errno = EOPNOTSUPP;
        return -1;
    }
    pthread_mutex_lock(&recorder_lock);
    uint64_t before = recorder_size_of(fd);
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    int err = errno;
    if (result == 0) {
        if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
            recorder_emit_unknown("fallocate of a kind of its own");
        if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
            recorder_emit((struct record){.kind = KIND_PUNCH,
                                          .ino = recorder_ino_of(fd),
                                          .offset = (uint64_t)offset,
                                          .length = (uint64_t)bytes},
                          NULL, NULL, NULL, 0);
        if (recorder_size_of(fd) != before)
            recorder_emit((struct record){.kind = KIND_SIZE,
                                          .ino = recorder_ino_of(fd),
                                          .length = recorder_size_of(fd)},
                          NULL, NULL, NULL, 0);
    }
    recorder_unlock(err);
    return result;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
{
    return fallocate(fd, mode, offset, bytes);
}

int posix_fallocate(int fd, off_t offset, off_t bytes)
{
    return fallocate(fd, 0, offset, bytes) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t bytes)
{
    return posix_fallocate(fd, offset, bytes);
}

int ftruncate(int fd, off_t bytes)
{
    if (!recorder_is_tracked(fd))
        return (int)syscall(SYS_ftruncate, fd, bytes);
    pthread_mutex_lock(&recorder_lock);
    int result = (int)syscall(SYS_ftruncate, fd, bytes);
    int err = errno;
    if (result == 0)
        recorder_emit(
            (struct record){.kind = KIND_SIZE, .ino = recorder_ino_of(fd), .length = (uint64_t)bytes}, NULL,
            NULL, NULL, 0);
    recorder_unlock(err);
    return result;
}

int ftruncate64(int fd, off64_t bytes)
{
    return ftruncate(fd, bytes);
}

int truncate(const char *path, off_t bytes)
{
    int fd = recorder_open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    int result = fd < 0 ? -1 : ftruncate(fd, bytes);
    int err = errno;

    if (fd >= 0)
        close(fd);
    errno = err;
    return result;
}

int truncate64(const char *path, off64_t bytes)
{
    return truncate(path, bytes);
}
