/* SPDX-License-Identifier: MIT
 *
 * A preloaded library: the disk below the database and its log, as far as a process can see it from above. In the folder LOSSY_DISK it keeps
 * what of the two files would be there after a power failure: pages that were written and then synced. One sync can be made to
 * fail as Linux does it: half of its pages are written, the others never, and all of them are clean then.
 *
 * The file LOSSY_CONTROL, mapped, holds five 32-bit numbers: which file's syncs fail (1 the database's, 2 the log's), how many more
 * of them succeed, how many then fail, how many have failed, and a seed. Which pages are dirty is kept in files beside the disk's, for
 * dirty pages outlive the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE      4096
#define PAGES_MAX (1 << 16)

enum { NONE, DATABASE, LOG, FILES };

struct control {
    atomic_int which, skip, count, failed, seed;
};

static struct control *control;
static unsigned char *dirty[FILES]; /* by page */
static int disk[FILES] = {-1, -1, -1};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_file(const char *path, size_t bytes)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || ((size_t)st.st_size < bytes && ftruncate(fd, (off_t)bytes) != 0))
        abort();
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        abort();
    return map;
}

__attribute__((constructor)) static void begin(void)
{
    static const char *const names[FILES] = {NULL, "sluice.db", "sluice.db-wal"};
    const char *folder = getenv("LOSSY_DISK"), *path = getenv("LOSSY_CONTROL");
    char name[4096];

    if (folder == NULL || path == NULL)
        return;
    for (int which = DATABASE; which < FILES; which++) {
        snprintf(name, sizeof(name), "%s/%s", folder, names[which]);
        disk[which] = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        snprintf(name, sizeof(name), "%s/%s.dirty", folder, names[which]);
        dirty[which] = map_file(name, PAGES_MAX);
    }
    control = map_file(path, sizeof(*control));
}

static int file_of(int fd)
{
    char link[64], path[4096];

    if (control == NULL)
        return NONE;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length <= 0)
        return NONE;
    path[length] = '\0';
    const char *name = strrchr(path, '/');
    if (name == NULL)
        return NONE;
    return strcmp(name, "/sluice.db") == 0 ? DATABASE : strcmp(name, "/sluice.db-wal") == 0 ? LOG : NONE;
}

static int is_due(int which)
{
    if (atomic_load(&control->which) != which || atomic_fetch_sub(&control->skip, 1) > 0 ||
        atomic_fetch_sub(&control->count, 1) <= 0)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    return 1;
}

static int sync_file(int fd, long number)
{
    int which = file_of(fd), fails;
    unsigned char page[PAGE];
    struct stat st;

    if (which == NONE)
        return (int)syscall(number, fd);
    pthread_mutex_lock(&lock);
    fails = is_due(which);
    unsigned seed = (unsigned)atomic_load(&control->seed);
    if (fstat(fd, &st) != 0)
        abort();
    for (int i = 0; i < PAGES_MAX; i++) {
        if (dirty[which][i] && !(fails && rand_r(&seed) % 2)) {
            ssize_t n = syscall(SYS_pread64, fd, page, PAGE, (off_t)i * PAGE);
            if (n > 0 && syscall(SYS_pwrite64, disk[which], page, n, (off_t)i * PAGE) != n)
                abort();
        }
        dirty[which][i] = 0;
    }
    if (syscall(SYS_ftruncate, disk[which], st.st_size) != 0)
        abort();
    pthread_mutex_unlock(&lock);
    if (!fails)
        return (int)syscall(number, fd);
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    int which = file_of(fd);

    if (which == NONE)
        return syscall(SYS_pwrite64, fd, data, length, at);
    pthread_mutex_lock(&lock);
    ssize_t n = syscall(SYS_pwrite64, fd, data, length, at);
    for (off64_t page = at / PAGE; n > 0 && page * PAGE < at + n; page++)
        if (page < PAGES_MAX)
            dirty[which][page] = 1;
        else
            abort();
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    return pwrite64(fd, data, length, at);
}
