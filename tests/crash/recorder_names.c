/* SPDX-License-Identifier: MIT
 *
 * Calls that give, change and take names. */
#include "recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int mkdirat(int at, const char *path, mode_t mode)
{
    uint64_t dir;
    const char *name;

    pthread_mutex_lock(&recorder_lock);
    int result = (int)syscall(SYS_mkdirat, at, path, mode);
    int err = errno;
    if (result == 0 && recorder_place_find(at, path, &dir, &name))
        recorder_emit((struct record){.kind = KIND_MKDIR, .ino = recorder_ino_at(at, path), .dir = dir}, name,
                      NULL, NULL, 0);
    recorder_unlock(err);
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

    pthread_mutex_lock(&recorder_lock);
    int result = (int)syscall(SYS_linkat, from, path, to, as, flags);
    int err = errno;
    if (result == 0 && recorder_place_find(to, as, &dir, &name))
        recorder_emit((struct record){.kind = KIND_LINK, .ino = recorder_ino_at(to, as), .dir = dir}, name,
                      NULL, NULL, 0);
    recorder_unlock(err);
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

    pthread_mutex_lock(&recorder_lock);
    int result = (int)syscall(SYS_symlinkat, target, to, as);
    int err = errno;
    if (result == 0 && recorder_place_find(to, as, &dir, &name))
        recorder_emit_unknown("symlink");
    recorder_unlock(err);
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

    pthread_mutex_lock(&recorder_lock);
    bool was_ours = recorder_place_find(from, path, &dir, &name);
    int result = (int)syscall(SYS_renameat2, from, path, to, as, flags);
    int err = errno;
    bool is_ours = result == 0 && recorder_place_find(to, as, &dir2, &name2);
    if (result == 0 && was_ours && is_ours && (flags & ~1u /* RENAME_NOREPLACE */) == 0)
        recorder_emit(
            (struct record){.kind = KIND_RENAME, .ino = recorder_ino_at(to, as), .dir = dir, .dir2 = dir2},
            name, name2, NULL, 0);
    else if (result == 0 && (was_ours || is_ours))
        recorder_emit_unknown("rename across the root, or an exchange");
    recorder_unlock(err);
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

    pthread_mutex_lock(&recorder_lock);
    bool is_ours = recorder_place_find(at, path, &dir, &name);
    uint64_t ino = recorder_ino_at(at, path);
    int result = (int)syscall(SYS_unlinkat, at, path, flags);
    int err = errno;
    if (result == 0 && is_ours)
        recorder_emit((struct record){.kind = KIND_UNLINK, .ino = ino, .dir = dir}, name, NULL, NULL, 0);
    recorder_unlock(err);
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
