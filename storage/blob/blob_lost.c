/* SPDX-License-Identifier: MIT
 *
 * lost/: where recovery moves what it cannot explain, instead of deleting it, and where a copy of a log is kept whose end was given up.
 * What lies there is for people: nothing reads it back. Its age and its bytes are bounded.
 *
 * A file is called by the time when it came there, so that names sort by age, and by what it was. Others are left alone.
 *
 * Everything here blocks. What is there may be looked at, and removed, by several threads; what comes there, by one. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

#define LOST_NAME_BYTES 128u
#define LOST_TIME       "%Y%m%dT%H%M%SZ"
#define LOST_TIME_CHARS 16u
#define DAY_S           86400u

/* Several files of one name within a second. */
#define LOST_TRIES_MAX 100u

#define COPY_BYTES (1u << 20)

/* ---- The folder ---- */

/* Where rename works: beside blobs/, or in it where that is on a file system of its own. */
static int lost_parent(struct blob_store *store, int *fd)
{
    struct stat data, blobs;

    if (fstat(store->dir_fd, &data) != 0 || fstat(store->blobs_fd, &blobs) != 0)
        return -errno;
    *fd = data.st_dev == blobs.st_dev ? store->dir_fd : store->blobs_fd;
    return 0;
}

static int lost_open(struct blob_store *store, int *fd)
{
    int parent = -1, err = lost_parent(store, &parent);

    if (err != 0)
        return err;
    *fd = io_open(parent, "lost", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? -errno : 0;
}

/* Makes it, and keeps it open. */
static int lost_make(struct blob_store *store)
{
    int parent = -1, err;

    if (store->lost_fd >= 0)
        return 0;
    if ((err = lost_parent(store, &parent)) != 0)
        return err;
    if (mkdirat(parent, "lost", 0700) != 0 && errno != EEXIST)
        return -errno;
    if (store->options.durable && sys.fsync(parent) != 0)
        return -errno;
    return lost_open(store, &store->lost_fd);
}

int blob_lost_sync(struct blob_store *store)
{
    assert(store->lost_fd >= 0); /* something was moved there */
    return store->options.durable && sys.fsync(store->lost_fd) != 0 ? -errno : 0;
}

/* A name that nothing has yet. */
static int lost_name(struct blob_store *store, const char *what, char name[LOST_NAME_BYTES])
{
    char stamp[LOST_TIME_CHARS + 1];
    time_t now = time(NULL);
    struct tm utc;
    struct stat st;

    assert(store->lost_fd >= 0 && strchr(what, '/') == NULL);
    if (gmtime_r(&now, &utc) == NULL || strftime(stamp, sizeof(stamp), LOST_TIME, &utc) == 0)
        return -EOVERFLOW;
    snprintf(name, LOST_NAME_BYTES, "%s-%s", stamp, what);
    for (unsigned i = 1; fstatat(store->lost_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0; ++i) {
        if (i == LOST_TRIES_MAX)
            return -EEXIST;
        snprintf(name, LOST_NAME_BYTES, "%s-%s.%u", stamp, what, i);
    }
    return errno == ENOENT ? 0 : -errno;
}

/* ---- What comes there ---- */

int blob_lost_take(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES], name[LOST_NAME_BYTES];
    int err;

    blob_path_format(path, blob);
    if ((err = lost_make(store)) != 0 || (err = lost_name(store, path + 3, name)) != 0)
        return err;
    return renameat(store->blobs_fd, path, store->lost_fd, name) == 0 ? 0 : -errno;
}

static int copy_bytes(int from, int to)
{
    ssize_t n;

    do
        n = IO_RETRY(copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0));
    while (n > 0);
    if (n == 0)
        return 0;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -errno;
    do
        n = IO_RETRY(sendfile(to, from, NULL, COPY_BYTES));
    while (n > 0);
    return n == 0 ? 0 : -errno;
}

/* Under its name only when it is whole. */
static int lost_copy(struct blob_store *store, int from, const char *name)
{
    int err,
        to = io_open(store->lost_fd, "copying", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (to < 0)
        return -errno;
    err = copy_bytes(from, to);
    if (err == 0 && store->options.durable && sys.fdatasync(to) != 0)
        err = -errno;
    if (close(to) != 0 && err == 0)
        err = -errno;
    if (err == 0 && renameat(store->lost_fd, "copying", store->lost_fd, name) != 0)
        err = -errno;
    if (err != 0)
        (void)unlinkat(store->lost_fd, "copying", 0); /* the next copy takes its place, if it stays */
    return err != 0 ? err : blob_lost_sync(store);
}

int blob_store_lost_keep(struct blob_store *store, const char *what)
{
    char name[LOST_NAME_BYTES];
    int from, err;

    if (store->options.read_only)
        return -EROFS;
    if ((err = lost_make(store)) != 0 || (err = lost_name(store, what, name)) != 0)
        return err;
    from = io_open(store->dir_fd, what, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return -errno;
    err = lost_copy(store, from, name);
    close(from); /* was only read from */
    return err;
}

/* ---- What is there ---- */

struct lost_entry {
    char name[NAME_MAX + 1];
    uint64_t bytes, age_s;
};

struct lost_list {
    struct lost_entry *entries;
    size_t count, capacity;
};

/* False for what this did not name. */
static bool name_parse(const char *name, time_t *when)
{
    struct tm utc = {0};
    const char *end = strptime(name, LOST_TIME, &utc);

    if (end == NULL || *end != '-')
        return false;
    *when = timegm(&utc);
    return true;
}

static int list_add(struct lost_list *list, const char *name, const struct stat *st)
{
    time_t when, now = time(NULL);

    if (!name_parse(name, &when))
        return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        struct lost_entry *grown = realloc(list->entries, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        list->entries = grown;
        list->capacity = capacity;
    }
    struct lost_entry *entry = &list->entries[list->count++];
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->bytes = (uint64_t)st->st_blocks * 512;
    entry->age_s = now > when ? (uint64_t)(now - when) : 0;
    return 0;
}

static int entry_compare(const void *a, const void *b)
{
    return strcmp(((const struct lost_entry *)a)->name, ((const struct lost_entry *)b)->name);
}

static int list_fill(struct lost_list *list, DIR *dir)
{
    int err = 0;

    while (err == 0) {
        struct dirent *entry;
        struct stat st;

        errno = 0;
        if ((entry = readdir(dir)) == NULL)
            return -errno;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISREG(st.st_mode))
                err = list_add(list, entry->d_name, &st);
        } else if (errno != ENOENT) {
            err = -errno;
        }
    }
    return err;
}

/* Oldest first. *fd: the folder, for the caller to close; -1: there is none. */
static int list_read(struct blob_store *store, struct lost_list *list, int *fd)
{
    int copy, err = lost_open(store, fd);
    DIR *dir;

    *list = (struct lost_list){0};
    if (err != 0) {
        *fd = -1;
        return err == -ENOENT ? 0 : err;
    }
    copy = dup(*fd);
    dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        err = -errno;
        if (copy >= 0)
            close(copy);
    } else {
        err = list_fill(list, dir);
        closedir(dir);
    }
    if (list->count > 0)
        qsort(list->entries, list->count, sizeof(*list->entries), entry_compare);
    return err;
}

static void list_end(struct lost_list *list, int fd)
{
    free(list->entries);
    if (fd >= 0)
        close(fd);
}

int blob_store_lost_walk(struct blob_store *store, int (*visit)(void *ctx, const struct blob_lost *lost),
                         void *ctx)
{
    struct lost_list list;
    int fd, result = list_read(store, &list, &fd);

    assert(visit != NULL);
    for (size_t i = 0; i < list.count && result == 0; ++i) {
        const struct lost_entry *entry = &list.entries[i];

        result = visit(ctx, &(struct blob_lost){entry->name, entry->bytes, entry->age_s});
    }
    list_end(&list, fd);
    return result;
}

/* ---- What goes ---- */

/* Bytes that may lie there. */
static uint64_t share_bytes(int fd, unsigned share)
{
    struct statvfs fs;

    if (fstatvfs(fd, &fs) != 0)
        return UINT64_MAX; /* a file system that does not say how large it is sets no bound */
    return (uint64_t)fs.f_blocks * fs.f_frsize / 100 * share;
}

int blob_store_lost_bound(struct blob_store *store, unsigned days, unsigned share, uint64_t *files,
                          uint64_t *bytes)
{
    bool is_all = days == 0 && share == 0;
    uint64_t total = 0, bytes_max;
    struct lost_list list;
    int fd, err = list_read(store, &list, &fd);

    *files = *bytes = 0;
    for (size_t i = 0; i < list.count; ++i)
        total += list.entries[i].bytes;
    bytes_max = list.count > 0 ? share_bytes(fd, share) : 0;
    for (size_t i = 0; i < list.count && err == 0; ++i) {
        const struct lost_entry *entry = &list.entries[i];
        bool is_old = entry->age_s > (uint64_t)days * DAY_S;

        if (!is_all && !is_old && total <= bytes_max)
            break;
        if (unlinkat(fd, entry->name, 0) != 0 && errno != ENOENT) {
            err = -errno;
            break;
        }
        if (!is_all)
            blob_store_log(store, LOG_LEVEL_INFO, "removed lost/%s (%" PRIu64 " bytes): %s", entry->name,
                           entry->bytes, is_old ? "it is too old" : "there is too much in lost/");
        total -= entry->bytes;
        *bytes += entry->bytes;
        ++*files;
    }
    list_end(&list, fd);
    return err;
}
