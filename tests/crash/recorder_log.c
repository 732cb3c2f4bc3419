/* SPDX-License-Identifier: MIT
 *
 * A library that is preloaded into a server whose disk work is done by threads, and keeps everything that reaches for the disk in
 * a log, in the order in which it took effect, with its data: names, bytes, holes, sizes, syncs. cutmodel.py reads the log.
 *
 * One lock is held around each call and its record, so the order of the records is the true one. A process that is killed between
 * the two leaves an effect without a record; whoever killed it compares the files with the log and adds what is missing.
 *
 * CRASH_ROOT is the folder that is recorded, by its real path; CRASH_LOG the log, to which records are appended; CRASH_CONTROL, mapped,
 * holds numbers that the test changes while the server runs: which sync is to be met by which misfortune. */
#include "recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

pthread_mutex_t recorder_lock = PTHREAD_MUTEX_INITIALIZER;
int recorder_log_fd = -1;
static char root[PATH_MAX];
static size_t root_bytes;
atomic_uchar recorder_tracked[DESCRIPTORS_MAX];
atomic_uchar recorder_owes_error[DESCRIPTORS_MAX];
static struct control no_control;
struct control *recorder_control = &no_control;

__attribute__((constructor)) static void recorder_begin(void)
{
    const char *log = getenv("CRASH_LOG"), *folder = getenv("CRASH_ROOT"), *shared = getenv("CRASH_CONTROL");

    if (log == NULL || folder == NULL)
        return;
    root_bytes = (size_t)snprintf(root, sizeof(root), "%s", folder);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    recorder_log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way */
    syscall(SYS_close, fd);
    if (recorder_log_fd < 0)
        abort();
    if (shared != NULL) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
        void *map = mmap(NULL, sizeof(*recorder_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            abort();
        recorder_control = map;
        syscall(SYS_close, fd);
    }
}

static bool is_zero(const struct iovec *list, int count, size_t bytes)
{
    for (int i = 0; i < count && bytes > 0; i++) {
        const char *data = list[i].iov_base;
        size_t n = list[i].iov_len < bytes ? list[i].iov_len : bytes;
        if (n > 0 && (data[0] != 0 || memcmp(data, data + 1, n - 1) != 0))
            return false;
        bytes -= n;
    }
    return true;
}

/* Under the recorder_lock. The log lies in memory: a failure is a fault of the test's own. */
static void emit_bytes(const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t n = syscall(SYS_write, recorder_log_fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        at += n;
        bytes -= (size_t)n;
    }
}

void recorder_emit(struct record record, const char *name, const char *name2, const struct iovec *list,
                   int count)
{
    struct timespec now;
    size_t data_bytes = 0;

    if (record.kind == KIND_WRITE) {
        record.flags = is_zero(list, count, record.length);
        data_bytes = record.flags ? 0 : record.length;
    }
    record.magic = RECORD_MAGIC;
    record.name_bytes = (uint16_t)(name == NULL ? 0 : strlen(name));
    record.name2_bytes = (uint16_t)(name2 == NULL ? 0 : strlen(name2));
    record.bytes = (uint32_t)(sizeof(record) + record.name_bytes + record.name2_bytes + data_bytes);
    clock_gettime(CLOCK_MONOTONIC, &now);
    record.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    /* In one write where that can be: whoever reads the length of the log meanwhile finds whole records. */
    char small[16384];
    char *all = record.bytes <= sizeof(small) ? small : malloc(record.bytes);
    if (all == NULL)
        abort();
    size_t at = sizeof(record);
    memcpy(all, &record, sizeof(record));
    memcpy(all + at, name == NULL ? "" : name, record.name_bytes);
    at += record.name_bytes;
    memcpy(all + at, name2 == NULL ? "" : name2, record.name2_bytes);
    at += record.name2_bytes;
    for (int i = 0; i < count && data_bytes > 0; i++) {
        size_t n = list[i].iov_len < data_bytes ? list[i].iov_len : data_bytes;
        memcpy(all + at, list[i].iov_base, n);
        at += n;
        data_bytes -= n;
    }
    emit_bytes(all, record.bytes);
    if (all != small)
        free(all);
}

void recorder_emit_unknown(const char *what)
{
    recorder_emit((struct record){.kind = KIND_UNKNOWN}, what, NULL, NULL, 0);
}

/* The call's errno stays as it was. */
void recorder_unlock(int err)
{
    pthread_mutex_unlock(&recorder_lock);
    errno = err;
}

bool recorder_is_below_root(const char *path)
{
    return strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == '\0');
}

/* The path of what a descriptor refers to, or "". */
void recorder_path_of(int fd, char path[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = '\0';
}

bool recorder_is_tracked(int fd)
{
    return recorder_log_fd >= 0 && fd >= 0 && fd < DESCRIPTORS_MAX && atomic_load(&recorder_tracked[fd]);
}

uint64_t recorder_ino_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

uint64_t recorder_size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Where a name lies, if below the root: its folder's ino and the last part of the path. */
bool recorder_place_find(int at, const char *path, uint64_t *dir, const char **name)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (recorder_log_fd < 0 || strlen(path) >= sizeof(folder))
        return false;
    if (slash == NULL)
        strcpy(folder, ".");
    else if (slash == path)
        strcpy(folder, "/");
    else
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    int fd = (int)syscall(SYS_openat, at, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    recorder_path_of(fd, real);
    *dir = recorder_ino_of(fd);
    syscall(SYS_close, fd);
    *name = slash == NULL ? path : slash + 1;
    return recorder_is_below_root(real);
}

uint64_t recorder_ino_at(int at, const char *path)
{
    struct stat st;

    return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}
