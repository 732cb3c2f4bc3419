/* SPDX-License-Identifier: MIT
 *
 * Blobs of one store into the folder of another that is made anew: by a second name where both may have the file, which costs nothing, else by
 * a copy that leaves holes as they are. The first store is only read from.
 *
 * Blocks. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

#define CARRY_BYTES (1u << 20)

/* What is data between two holes. */
static int copy_stretch(int from, int to, off_t begin, off_t end, unsigned char *buffer)
{
    int err = 0;

    while (begin < end && err == 0) {
        size_t length = (uint64_t)(end - begin) < CARRY_BYTES ? (size_t)(end - begin) : CARRY_BYTES;

        if ((err = read_whole(from, buffer, length, (uint64_t)begin)) == 0)
            err = write_whole(to, buffer, length, (uint64_t)begin);
        begin += (off_t)length;
    }
    return err;
}

static int copy_file(int from, int to, off_t bytes)
{
    unsigned char *buffer;
    off_t at = 0;
    int err = 0;

    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    if ((buffer = malloc(CARRY_BYTES)) == NULL)
        return -ENOMEM;
    while (err == 0 && at < bytes) {
        off_t begin = lseek(from, at, SEEK_DATA);
        off_t end = begin < 0 ? -1 : lseek(from, begin, SEEK_HOLE);

        if (begin < 0 && errno == ENXIO) /* a hole to the end */
            break;
        if (begin < 0 || end < 0) { /* a file system that knows no holes */
            begin = at;
            end = bytes;
        }
        err = copy_stretch(from, to, begin, end, buffer);
        at = end;
    }
    free(buffer);
    if (err == 0 && ftruncate(to, bytes) != 0)
        err = disk_error(-errno);
    return err;
}

static int carry_copy(struct blob_store *from, struct blob_store *to, const char *path)
{
    int in = io_open(from->blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out, err;
    struct stat st;

    if (in < 0)
        return disk_error(-errno);
    out = io_open(to->blobs_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0 || fstat(in, &st) != 0)
        err = disk_error(-errno);
    else
        err = copy_file(in, out, st.st_size);
    (void)close(in); /* was only read from */
    if (out >= 0 && close(out) != 0 && err == 0)
        err = disk_error(-errno);
    if (err != 0 && out >= 0)
        (void)unlinkat(to->blobs_fd, path, 0); /* else it is found by the check, and nobody's */
    return err;
}

/* 1: the file has more names than this one. */
static int is_shared_name(struct blob_store *to, const char *path)
{
    struct stat st;

    if (fstatat(to->blobs_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? -ENOENT : disk_error(-errno);
    return st.st_nlink > 1;
}

int blob_store_carry(struct blob_store *from, struct blob_store *to, uint64_t blob, bool changes)
{
    char path[BLOB_PATH_BYTES];
    int there;

    assert(!to->options.read_only);
    blob_path_format(path, blob);
    there = is_shared_name(to, path);
    if (there < 0 && there != -ENOENT)
        return there;
    if (there == 0 || (there == 1 && !changes))
        return 0;
    if (there == 1 && unlinkat(to->blobs_fd, path, 0) != 0)
        return disk_error(-errno);
    path[2] = '\0';
    if (mkdirat(to->blobs_fd, path, 0700) != 0 && errno != EEXIST)
        return disk_error(-errno);
    path[2] = '/';
    if (!changes && linkat(from->blobs_fd, path, to->blobs_fd, path, 0) == 0)
        return 0;
    return carry_copy(from, to, path);
}

bool blob_store_has(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    struct stat st;

    blob_path_format(path, blob);
    return fstatat(store->blobs_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
