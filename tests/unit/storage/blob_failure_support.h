/* SPDX-License-Identifier: MIT
 *
 * A store as a crash has left it, and one call that fails: the n-th, of those that the module makes to the system or the allocator while a test has armed it. The linker leads these
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

/* ---- A store, as a crash has left it ---- */

#define TEXT_LIVE   "what a row names"
#define TEXT_ORPHAN "what no row names, and a power failure may have taken the row of"

UNUSED static char saved[80]; /* its folder */
UNUSED static uint64_t live, orphan;
UNUSED static struct batch units; /* in a segment; the first one has a row */

UNUSED static int row_of(void *ctx, uint64_t blob)
{
    return blob == live || blob == units.units[0].at.blob;
}

UNUSED static int units_of(void *ctx, uint64_t blob,
                           int (*visit)(void *ctx, uint64_t offset, uint64_t length), void *visit_ctx)
{
    return visit(visit_ctx, units.units[0].at.offset, units.units[0].length);
}

UNUSED static void copy_folder(const char *from, const char *to)
{
    char command[256];

    snprintf(command, sizeof(command), "cp -a %s %s", from, to);
    assert_int_equal(system(command), 0);
}

UNUSED static int folder_make(void **state)
{
    struct pen pen;
    char path[160];

    engine = RING_ENGINE_THREADS;
    pen_begin(&pen, true);
    live = put_bytes(&pen.rig, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
    blob_store_settle(pen.rig.store, live);
    orphan = put_bytes(&pen.rig, (const unsigned char *)TEXT_ORPHAN, strlen(TEXT_ORPHAN));
    batch_make_equal(&units, 3, 5000, 1);
    batch_store(&pen, &units);
    segment_writer_destroy(pen.writer);
    snprintf(path, sizeof(path), "%s/sluice.db", pen.rig.dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs("rows", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    snprintf(saved, sizeof(saved), "%s-saved", pen.rig.dir);
    copy_folder(pen.rig.dir, saved);
    rig_end(&pen.rig);
    return 0;
}

UNUSED static int folder_remove(void **state)
{
    batch_free(&units);
    remove_tree(saved);
    return 0;
}

#endif
