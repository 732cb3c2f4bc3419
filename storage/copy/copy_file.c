/* SPDX-License-Identifier: MIT
 *
 * Whole files of blobs. The copy is made in the target's staging/, which its next opening empties, and gets its name when all of it is
 * there. It has the time of the source's file, so that the next copy knows it again by time and size: a blob's file is written once. */
#include "storage/copy/copy_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

#define STAGED "copy"

/* 1: the target has it; 0: it does not, or another file; or a negative errno. */
static int is_there(struct blob_copy *copy, const char *path, const struct stat *source)
{
    struct stat found;

    if (fstatat(copy->to->blobs_fd, path, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : disk_error(-errno);
    if (found.st_dev == source->st_dev && found.st_ino == source->st_ino)
        return 1;
    return S_ISREG(found.st_mode) && found.st_size == source->st_size &&
           found.st_mtim.tv_sec == source->st_mtim.tv_sec && found.st_mtim.tv_nsec == source->st_mtim.tv_nsec;
}

/* Which links are refused: another file system, one that has none, too many of one file, a file of somebody else's. */
static bool is_no_link(int error)
{
    return error == EXDEV || error == EPERM || error == EMLINK || error == EOPNOTSUPP || error == EACCES ||
           error == ENOSYS;
}

/* 1: done; 0: it cannot be done here. */
static int file_link(struct blob_copy *copy, const char *path)
{
    if (linkat(copy->from_blobs_fd, path, copy->to->staging_fd, STAGED, 0) == 0)
        return 1;
    return is_no_link(errno) ? 0 : disk_error(-errno);
}

static int file_fill(struct blob_copy *copy, int from_fd, int to_fd, const struct stat *source,
                     bool *is_clone)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, source->st_mtim};
    int err = 0;

    *is_clone = copy->may_share && ioctl(to_fd, FICLONE, from_fd) == 0;
    if (!*is_clone)
        err = copy_whole(from_fd, to_fd, (uint64_t)source->st_size, &copy->counts.bytes);
    if (err == 0 && futimens(to_fd, times) != 0)
        err = disk_error(-errno);
    return err;
}

static int file_write(struct blob_copy *copy, int from_fd, const struct stat *source, bool *is_clone)
{
    int fd = io_open(copy->to->staging_fd, STAGED, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;

    if (fd < 0)
        return disk_error(-errno);
    err = file_fill(copy, from_fd, fd, source, is_clone);
    if (close(fd) != 0 && err == 0)
        err = disk_error(-errno);
    return err;
}

/* A clone before a link: then each has bytes of its own as soon as one of them is written to. */
static int file_make(struct blob_copy *copy, const char *path, const struct stat *source, bool may_link)
{
    bool is_clone = false;
    int linked = 0, err, fd;

    if (may_link && !copy->can_clone && (linked = file_link(copy, path)) < 0)
        return linked;
    if (linked == 0) {
        if ((fd = io_open(copy->from_blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
            return disk_error(-errno);
        err = file_write(copy, fd, source, &is_clone);
        close(fd); /* was read from alone */
        if (err != 0)
            return err;
    }
    copy->counts.files++;
    copy->counts.linked_files += linked > 0;
    copy->counts.cloned_files += is_clone;
    return 0;
}

int copy_folder_make(struct blob_copy *copy, uint64_t blob)
{
    struct blob_folder *folder = &copy->to->folders[blob_folder_of(blob)];

    if (folder->exists)
        return 0;
    if (mkdirat(copy->to->blobs_fd, folder->path, 0700) != 0 && errno != EEXIST)
        return disk_error(-errno);
    folder->exists = true;
    return 0;
}

int blob_copy_file(struct blob_copy *copy, uint64_t blob, bool is_shared)
{
    char path[BLOB_PATH_BYTES];
    struct stat source;
    int err;

    assert(blob != 0);
    blob_path_format(path, blob);
    if (fstatat(copy->from_blobs_fd, path, &source, AT_SYMLINK_NOFOLLOW) != 0)
        return disk_error(-errno);
    if (!S_ISREG(source.st_mode))
        return -EIO;
    if ((err = is_there(copy, path, &source)) != 0) {
        copy->counts.kept_files += err > 0;
        return err > 0 ? 0 : err;
    }
    if (unlinkat(copy->to->staging_fd, STAGED, 0) != 0 && errno != ENOENT)
        return disk_error(-errno);
    if ((err = copy_folder_make(copy, blob)) != 0 ||
        (err = file_make(copy, path, &source, copy->may_share && !is_shared)) != 0)
        return err;
    return renameat(copy->to->staging_fd, STAGED, copy->to->blobs_fd, path) == 0 ? 0 : disk_error(-errno);
}

/* Whether the target takes clones of the source's files, tried once with an empty file. */
bool copy_can_clone(struct blob_copy *copy)
{
    int from = io_open(copy->from_fd, "sluice.db", O_RDONLY | O_CLOEXEC);
    int to =
        from < 0 ? -1 : io_open(copy->to->staging_fd, STAGED, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool can = to >= 0 && ioctl(to, FICLONE, from) == 0;

    if (from >= 0)
        close(from); /* was not even read from */
    if (to >= 0) {
        close(to); /* it goes */
        (void)unlinkat(copy->to->staging_fd, STAGED, 0);
    }
    return can;
}
