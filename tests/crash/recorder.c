/* SPDX-License-Identifier: MIT
 *
 * A library that is preloaded into a server whose disk work is done by threads, and keeps everything that reaches for the disk in
 * a log, in the order in which it took effect, with its data: names, bytes, holes, sizes, syncs. recording.py reads the log.
 *
 * One lock is held around each call and its record, so the order of the records is the true one. A process that is killed between
 * the two leaves an effect without a record; whoever killed it compares the files with the log and adds what is missing.
 *
 * CRASH_ROOT is the folder that is recorded, by its real path; CRASH_LOG the log, to which records are appended; CRASH_CONTROL, mapped,
 * holds numbers that the test changes while the server runs: which sync is to be met by which misfortune. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if __SIZEOF_LONG__ != 8
#error "system calls are made with 64-bit offsets in one register"
#endif

/* ---- The log ---- */

enum kind {
    KIND_CREATE = 2, /* ino gets a name: dir, name */
    KIND_MKDIR,
    KIND_TMPFILE, /* ino has none */
    KIND_WRITE,   /* offset, length, data; none when flags is 1: zeros */
    KIND_PUNCH,   /* offset, length: zeros, the size stays */
    KIND_SIZE,    /* length */
    KIND_LINK,    /* dir, name */
    KIND_RENAME,  /* dir, name, dir2, name2 */
    KIND_UNLINK,  /* dir, name */
    KIND_SYNC,    /* ino: a file or a folder */
    KIND_SYNC_FAILED,
    KIND_SYNC_ALL,
    KIND_UNKNOWN = 99, /* name tells of a call that the model does not know */
};

struct record {
    uint32_t magic, bytes; /* with all that follows */
    uint16_t kind, flags, name_bytes, name2_bytes;
    uint64_t time_ns, ino, dir, dir2, offset, length;
};

#define RECORD_MAGIC 0x43524c53u

/* What the test changes. */
struct control {
    atomic_int countdown; /* the n-th sync of that kind from now on; 0: none */
    atomic_int match;     /* enum file_kind */
    atomic_int action;    /* enum action */
    atomic_int delay_us;  /* before each sync: time for others to gather */
    atomic_int fired;     /* how often something was done */
};

enum file_kind {
    FILE_ANY,
    FILE_LOG,
    FILE_BLOB,
    FILE_DATABASE,
    FILE_SEQUENCE,
    FILE_FOLDER,
    FILE_LOG_MOVED /* by the checkpoint thread */
};
enum action { ACTION_KILL_BEFORE = 1, ACTION_KILL_AFTER, ACTION_FAIL };

#define DESCRIPTORS_MAX 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_bytes;
static atomic_uchar tracked[DESCRIPTORS_MAX]; /* whether a descriptor is of a file or folder below the root */
/* A sync of its file failed through another descriptor: its next sync says so. */
static atomic_uchar owes_error[DESCRIPTORS_MAX];
static struct control no_control, *control = &no_control;

__attribute__((constructor)) static void recorder_begin(void)
{
    const char *log = getenv("CRASH_LOG"), *folder = getenv("CRASH_ROOT"), *shared = getenv("CRASH_CONTROL");

    if (log == NULL || folder == NULL)
        return;
    root_bytes = (size_t)snprintf(root, sizeof(root), "%s", folder);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way */
    syscall(SYS_close, fd);
    if (log_fd < 0)
        abort();
    if (shared != NULL) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
        void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            abort();
        control = map;
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

/* Under the lock. The log lies in memory: a failure is a fault of the test's own. */
static void emit_bytes(const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t n = syscall(SYS_write, log_fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        at += n;
        bytes -= (size_t)n;
    }
}

static void emit(struct record record, const char *name, const char *name2, const struct iovec *list,
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

static void emit_unknown(const char *what)
{
    emit((struct record){.kind = KIND_UNKNOWN}, what, NULL, NULL, 0);
}

/* The call's errno stays as it was. */
static void unlock(int err)
{
    pthread_mutex_unlock(&lock);
    errno = err;
}

/* ---- Descriptors and paths ---- */

static bool is_below_root(const char *path)
{
    return strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == '\0');
}

/* The path of what a descriptor refers to, or "". */
static void path_of(int fd, char path[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = '\0';
}

static bool is_tracked(int fd)
{
    return log_fd >= 0 && fd >= 0 && fd < DESCRIPTORS_MAX && atomic_load(&tracked[fd]);
}

static uint64_t ino_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint64_t size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Where a name lies, if below the root: its folder's ino and the last part of the path. */
static bool place_find(int at, const char *path, uint64_t *dir, const char **name)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (log_fd < 0 || strlen(path) >= sizeof(folder))
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
    path_of(fd, real);
    *dir = ino_of(fd);
    syscall(SYS_close, fd);
    *name = slash == NULL ? path : slash + 1;
    return is_below_root(real);
}

static uint64_t ino_at(int at, const char *path)
{
    struct stat st;

    return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

/* ---- Opening ---- */

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    char real[PATH_MAX];
    uint64_t dir = 0;
    const char *name = "";

    if (log_fd < 0)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    bool is_new = (flags & O_CREAT) != 0 && ino_at(at, path) == 0 && errno == ENOENT;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int err = errno;
    if (fd >= 0 && fd < DESCRIPTORS_MAX) {
        path_of(fd, real);
        bool is_ours = is_below_root(real);
        atomic_store(&tracked[fd], is_ours);
        atomic_store(&owes_error[fd], 0);
        if (is_ours && (flags & O_TMPFILE) == O_TMPFILE)
            emit((struct record){.kind = KIND_TMPFILE, .ino = ino_of(fd)}, NULL, NULL, NULL, 0);
        else if (is_ours && is_new && place_find(at, path, &dir, &name))
            emit((struct record){.kind = KIND_CREATE, .ino = ino_of(fd), .dir = dir}, name, NULL, NULL, 0);
        else if (is_ours && (flags & O_TRUNC) != 0)
            emit((struct record){.kind = KIND_SIZE, .ino = ino_of(fd)}, NULL, NULL, NULL, 0);
    }
    unlock(err);
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
    return open_at(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

int open64(const char *path, int flags, ...)
{
    return open_at(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

int openat(int at, const char *path, int flags, ...)
{
    return open_at(at, path, flags, MODE_OF(flags, flags));
}

int openat64(int at, const char *path, int flags, ...)
{
    return open_at(at, path, flags, MODE_OF(flags, flags));
}

int creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* As programs call them that were compiled with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

int __openat_2(int at, const char *path, int flags)
{
    return open_at(at, path, flags, 0);
}

int __openat64_2(int at, const char *path, int flags)
{
    return open_at(at, path, flags, 0);
}

int close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS_MAX)
        atomic_store(&tracked[fd], 0);
    return (int)syscall(SYS_close, fd);
}

/* From now on the descriptor is the C library's, which closes it without calling close() above: its number would stay in the
 * table, and the next socket or event descriptor that gets it would be taken for a file. */
static int give_away(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS_MAX)
        atomic_store(&tracked[fd], 0);
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
    if (is_tracked(fd) && strchr(mode, 'r') != mode) {
        pthread_mutex_lock(&lock);
        emit_unknown("a stream that writes");
        pthread_mutex_unlock(&lock);
    }
    return real(give_away(fd), mode);
}

int dup(int fd)
{
    int copy = (int)syscall(SYS_dup, fd);

    if (copy >= 0 && copy < DESCRIPTORS_MAX) {
        atomic_store(&tracked[copy], is_tracked(fd));
        atomic_store(&owes_error[copy], 0);
    }
    return copy;
}

int dup3(int fd, int as, int flags)
{
    int copy = (int)syscall(SYS_dup3, fd, as, flags);

    if (copy >= 0 && copy < DESCRIPTORS_MAX) {
        atomic_store(&tracked[copy], is_tracked(fd));
        atomic_store(&owes_error[copy], 0);
    }
    return copy;
}

int dup2(int fd, int as)
{
    return fd == as ? fd : dup3(fd, as, 0);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if ((protection & PROT_WRITE) != 0 && (flags & MAP_TYPE) != MAP_PRIVATE && is_tracked(fd)) {
        pthread_mutex_lock(&lock);
        emit_unknown("mmap of a file for writing");
        pthread_mutex_unlock(&lock);
    }
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, bytes, protection, flags, fd, offset);
}

/* ---- Bytes ---- */

static void emit_write(int fd, uint64_t offset, ssize_t n, const struct iovec *list, int count)
{
    if (n > 0)
        emit((struct record){.kind = KIND_WRITE, .ino = ino_of(fd), .offset = offset, .length = (uint64_t)n},
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
    pthread_mutex_lock(&lock);
    ssize_t n = syscall(SYS_pwritev, fd, list, count, offset, 0);
    int err = errno;
    emit_write(fd, (uint64_t)offset, n, list, count);
    unlock(err);
    return n;
}

/* At the descriptor's own place. */
static ssize_t append_list(int fd, const struct iovec *list, int count)
{
    pthread_mutex_lock(&lock);
    ssize_t n = syscall(SYS_writev, fd, list, count);
    int err = errno;
    if (n > 0)
        emit_write(fd, (uint64_t)(syscall(SYS_lseek, fd, 0, SEEK_CUR) - n), n, list, count);
    unlock(err);
    return n;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    struct iovec list = {(void *)data, bytes};

    return is_tracked(fd) ? append_list(fd, &list, 1) : syscall(SYS_write, fd, data, bytes);
}

ssize_t writev(int fd, const struct iovec *list, int count)
{
    return is_tracked(fd) ? append_list(fd, list, count) : syscall(SYS_writev, fd, list, count);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    struct iovec list = {(void *)data, bytes};

    return is_tracked(fd) ? write_list(fd, &list, 1, offset) : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset)
{
    return pwrite(fd, data, bytes, offset);
}

ssize_t pwritev(int fd, const struct iovec *list, int count, off_t offset)
{
    return is_tracked(fd) ? write_list(fd, list, count, offset)
                          : syscall(SYS_pwritev, fd, list, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec *list, int count, off64_t offset)
{
    return pwritev(fd, list, count, offset);
}

/* Some programs of tests call it so. */
ssize_t pwritev2(int fd, const struct iovec *list, int count, off_t offset, int flags)
{
    if (!is_tracked(fd))
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
    if (!is_tracked(to))
        return syscall(SYS_splice, from, from_at, to, to_at, bytes, flags);
    pthread_mutex_lock(&lock);
    off64_t begin = to_at != NULL ? *to_at : syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_splice, from, from_at, to, to_at, bytes, flags);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    unlock(err);
    return n;
}

ssize_t sendfile(int to, int from, off_t *from_at, size_t bytes)
{
    if (!is_tracked(to))
        return syscall(SYS_sendfile, to, from, from_at, bytes);
    pthread_mutex_lock(&lock);
    off64_t begin = syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_sendfile, to, from, from_at, bytes);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    unlock(err);
    return n;
}

ssize_t sendfile64(int to, int from, off64_t *from_at, size_t bytes)
{
    return sendfile(to, from, from_at, bytes);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags)
{
    if (!is_tracked(to))
        return syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags);
    pthread_mutex_lock(&lock);
    off64_t begin = to_at != NULL ? *to_at : syscall(SYS_lseek, to, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags);
    int err = errno;
    emit_written(to, (uint64_t)begin, n);
    unlock(err);
    return n;
}

/* ---- Holes and sizes ---- */

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    if (!is_tracked(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    pthread_mutex_lock(&lock);
    uint64_t before = size_of(fd);
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    int err = errno;
    if (result == 0) {
        if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
            emit_unknown("fallocate of a kind of its own");
        if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
            emit((struct record){.kind = KIND_PUNCH,
                                 .ino = ino_of(fd),
                                 .offset = (uint64_t)offset,
                                 .length = (uint64_t)bytes},
                 NULL, NULL, NULL, 0);
        if (size_of(fd) != before)
            emit((struct record){.kind = KIND_SIZE, .ino = ino_of(fd), .length = size_of(fd)}, NULL, NULL,
                 NULL, 0);
    }
    unlock(err);
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
    if (!is_tracked(fd))
        return (int)syscall(SYS_ftruncate, fd, bytes);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_ftruncate, fd, bytes);
    int err = errno;
    if (result == 0)
        emit((struct record){.kind = KIND_SIZE, .ino = ino_of(fd), .length = (uint64_t)bytes}, NULL, NULL,
             NULL, 0);
    unlock(err);
    return result;
}

int ftruncate64(int fd, off64_t bytes)
{
    return ftruncate(fd, bytes);
}

int truncate(const char *path, off_t bytes)
{
    int fd = open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
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

/* ---- Names ---- */

int mkdirat(int at, const char *path, mode_t mode)
{
    uint64_t dir;
    const char *name;

    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_mkdirat, at, path, mode);
    int err = errno;
    if (result == 0 && place_find(at, path, &dir, &name))
        emit((struct record){.kind = KIND_MKDIR, .ino = ino_at(at, path), .dir = dir}, name, NULL, NULL, 0);
    unlock(err);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int from, const char *path, int to, const char *as, int flags)
{
    uint64_t dir;
    const char *name;

    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_linkat, from, path, to, as, flags);
    int err = errno;
    if (result == 0 && place_find(to, as, &dir, &name))
        emit((struct record){.kind = KIND_LINK, .ino = ino_at(to, as), .dir = dir}, name, NULL, NULL, 0);
    unlock(err);
    return result;
}

int link(const char *path, const char *as)
{
    return linkat(AT_FDCWD, path, AT_FDCWD, as, 0);
}

int symlinkat(const char *target, int to, const char *as)
{
    uint64_t dir;
    const char *name;

    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_symlinkat, target, to, as);
    int err = errno;
    if (result == 0 && place_find(to, as, &dir, &name))
        emit_unknown("symlink");
    unlock(err);
    return result;
}

int symlink(const char *target, const char *as)
{
    return symlinkat(target, AT_FDCWD, as);
}

int renameat2(int from, const char *path, int to, const char *as, unsigned flags)
{
    uint64_t dir, dir2;
    const char *name, *name2;

    pthread_mutex_lock(&lock);
    bool was_ours = place_find(from, path, &dir, &name);
    int result = (int)syscall(SYS_renameat2, from, path, to, as, flags);
    int err = errno;
    bool is_ours = result == 0 && place_find(to, as, &dir2, &name2);
    if (result == 0 && was_ours && is_ours && (flags & ~1u /* RENAME_NOREPLACE */) == 0)
        emit((struct record){.kind = KIND_RENAME, .ino = ino_at(to, as), .dir = dir, .dir2 = dir2}, name,
             name2, NULL, 0);
    else if (result == 0 && (was_ours || is_ours))
        emit_unknown("rename across the root, or an exchange");
    unlock(err);
    return result;
}

int renameat(int from, const char *path, int to, const char *as)
{
    return renameat2(from, path, to, as, 0);
}

int rename(const char *path, const char *as)
{
    return renameat2(AT_FDCWD, path, AT_FDCWD, as, 0);
}

int unlinkat(int at, const char *path, int flags)
{
    uint64_t dir;
    const char *name;

    pthread_mutex_lock(&lock);
    bool is_ours = place_find(at, path, &dir, &name);
    uint64_t ino = ino_at(at, path);
    int result = (int)syscall(SYS_unlinkat, at, path, flags);
    int err = errno;
    if (result == 0 && is_ours)
        emit((struct record){.kind = KIND_UNLINK, .ino = ino, .dir = dir}, name, NULL, NULL, 0);
    unlock(err);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* ---- Syncs ---- */

static enum file_kind kind_of(int fd)
{
    char path[PATH_MAX];
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return FILE_FOLDER;
    path_of(fd, path);
    if (strstr(path, "-wal") != NULL) {
        char thread[16] = "";
        (void)prctl(PR_GET_NAME, thread);
        return strstr(thread, "checkpt") != NULL ? FILE_LOG_MOVED : FILE_LOG;
    }
    if (strstr(path, "SEQUENCE") != NULL)
        return FILE_SEQUENCE;
    return strstr(path, "/blobs/") != NULL ? FILE_BLOB : FILE_DATABASE;
}

/* What is to be done at this sync, once. */
static int action_now(int fd)
{
    int match = atomic_load(&control->match);

    if (atomic_load(&control->countdown) <= 0 || (match != FILE_ANY && match != (int)kind_of(fd)))
        return 0;
    if (atomic_fetch_sub(&control->countdown, 1) != 1)
        return 0;
    atomic_fetch_add(&control->fired, 1);
    return atomic_load(&control->action);
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Under the lock. Linux tells each open descriptor of a file once that bytes of it were lost. */
static void note_failed(int failed)
{
    uint64_t ino = ino_of(failed);

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        if (fd != failed && is_tracked(fd) && ino_of(fd) == ino)
            atomic_store(&owes_error[fd], 1);
}

static int sync_file(long call, int fd)
{
    if (!is_tracked(fd))
        return (int)syscall(call, fd);
    int delay = atomic_load(&control->delay_us);
    if (delay > 0)
        usleep((useconds_t)delay);
    pthread_mutex_lock(&lock);
    int action = action_now(fd);
    if (action == ACTION_KILL_BEFORE)
        die();
    int result = action == ACTION_FAIL ? -1 : (int)syscall(call, fd);
    int err = action == ACTION_FAIL ? EIO : errno;
    emit((struct record){.kind = result == 0 ? KIND_SYNC : KIND_SYNC_FAILED, .ino = ino_of(fd)}, NULL, NULL,
         NULL, 0);
    if (action == ACTION_KILL_AFTER)
        die();
    if (result != 0) {
        note_failed(fd);
    } else if (atomic_exchange(&owes_error[fd], 0)) {
        result = -1;
        err = EIO;
    }
    unlock(err);
    return result;
}

int fsync(int fd)
{
    return sync_file(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_file(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    if (!is_tracked(fd))
        return (int)syscall(SYS_syncfs, fd);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_syncfs, fd);
    int err = errno;
    if (result == 0)
        emit((struct record){.kind = KIND_SYNC_ALL}, NULL, NULL, NULL, 0);
    unlock(err);
    return result;
}

void sync(void)
{
    if (log_fd < 0) {
        syscall(SYS_sync);
        return;
    }
    pthread_mutex_lock(&lock);
    syscall(SYS_sync);
    emit((struct record){.kind = KIND_SYNC_ALL}, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
}

/* A beginning only: nothing is durable by it. */
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags)
{
    return is_tracked(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

int msync(void *at, size_t bytes, int flags)
{
    return (int)syscall(SYS_msync, at, bytes, flags);
}
