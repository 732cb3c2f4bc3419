/* SPDX-License-Identifier: MIT
 *
 * Putting back bytes that the disk has lost, from another store's file of the same blob.
 *
 * Where the file is there, is the one that its name says and long enough, the unit's bytes are written in their place: whoever reads them
 * meanwhile is refused either way, until the last of them is right. Else the whole file is copied aside and takes the name. So no row
 * changes, all objects that share the unit are mended by it, and a crash leaves a unit that is still damaged, and found again.
 *
 * Blocks; background threads. The unit is pinned by the caller, so that nobody gives its place back meanwhile. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

#define MEND_PIECE_BYTES (1u << 20)

int blob_elsewhere_open(int folder_fd, uint64_t blob)
{
    char path[BLOB_PATH_BYTES], whole[BLOB_PATH_BYTES + 8];
    int fd;

    blob_path_format(path, blob);
    (void)snprintf(whole, sizeof(whole), "blobs/%s", path);
    fd = io_open(folder_fd, whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? disk_error(-errno) : fd;
}

/* Bytes [offset, end). 0, -EIO where the source is shorter, or a negative errno. */
static int copy_bytes(int from, int to, uint64_t offset, uint64_t end)
{
    unsigned char *bytes = malloc(MEND_PIECE_BYTES);
    int err = bytes == NULL ? -ENOMEM : 0;

    while (err == 0 && offset < end) {
        size_t piece = end - offset < MEND_PIECE_BYTES ? (size_t)(end - offset) : MEND_PIECE_BYTES;

        err = read_whole(from, bytes, piece, offset);
        if (err == 0)
            err = write_whole(to, bytes, piece, offset);
        offset += piece;
    }
    free(bytes);
    return err;
}

/* Of a file with holes, as a segment is, what is between them. */
static int copy_data(int from, int to, uint64_t size)
{
    int err = ftruncate(to, (off_t)size) == 0 ? 0 : -errno;
    off_t at = 0;

    while (err == 0 && at < (off_t)size) {
        off_t begin = lseek(from, at, SEEK_DATA), end;

        if (begin < 0)
            return errno == ENXIO ? 0 : -errno;
        if ((end = lseek(from, begin, SEEK_HOLE)) < 0)
            return -errno;
        if (end > (off_t)size)
            end = (off_t)size;
        err = copy_bytes(from, to, (uint64_t)begin, (uint64_t)end);
        at = end;
    }
    return err;
}

static int sync_and_close(int fd, int err)
{
    if (err == 0 && sys.fdatasync(fd) != 0)
        err = -errno;
    close(fd); /* synced, or of no use */
    return err;
}

/* 1: there is no such file, or it is not the one, or too short. */
static int mend_in_place(struct blob_store *store, struct blob_unit unit, uint64_t length, int from)
{
    char path[BLOB_PATH_BYTES];
    struct stat status;
    int fd, err;

    blob_path_format(path, unit.blob);
    fd = io_open(store->blobs_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 1 : -errno;
    if (fstat(fd, &status) != 0)
        err = -errno;
    else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size < unit.offset + length ||
             blob_store_judge(store, unit, length, fd) != 0)
        err = 1;
    else
        err = copy_bytes(from, fd, unit.offset, unit.offset + length);
    return sync_and_close(fd, err);
}

static int mend_by_copy(struct blob_store *store, uint64_t blob, int from)
{
    char name[40], path[BLOB_PATH_BYTES];
    struct stat status;
    int fd, err, cached;

    if (fstat(from, &status) != 0)
        return disk_error(-errno);
    (void)snprintf(name, sizeof(name), "mend-%016llx", (unsigned long long)blob);
    fd = io_open(store->staging_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk_error(-errno);
    err = sync_and_close(fd, copy_data(from, fd, (uint64_t)status.st_size));
    blob_path_format(path, blob);
    if (err == 0 && renameat(store->staging_fd, name, store->blobs_fd, path) != 0)
        err = -errno;
    if (err != 0) {
        (void)unlinkat(store->staging_fd, name, 0); /* a start clears it away */
        return err;
    }
    cached = blob_cache_drop(&store->cache, blob);
    if (cached >= 0)
        close(cached); /* was only read from */
    return blob_layout_sync_name(store, blob);
}

/* Units of a segment that came after the copy was made are in the file that is there, if it is: it is never replaced then. */
static bool may_replace(struct blob_store *store, struct blob_unit unit, int from)
{
    struct blob_claim claim = blob_claim_of(unit.blob, unit.offset);
    struct blob_contents contents;
    int fd;

    if (blob_contents_read(store, &claim, from, &contents) != 0)
        return false;
    if (contents.kind != BLOB_FILE_SEGMENT)
        return true;
    if ((fd = blob_store_open_fd(store, unit.blob)) < 0)
        return fd == -ENOENT;
    close(fd); /* was not even read from */
    return false;
}

int blob_store_mend(struct blob_store *store, struct blob_unit unit, uint64_t length, int from)
{
    int err;

    assert(store->magic == BLOB_STORE_MAGIC && !store->options.read_only && length > 0);
    err = mend_in_place(store, unit, length, from);
    if (err != 1)
        return err < 0 ? disk_error(err) : err;
    if (!may_replace(store, unit, from))
        return -ESTALE;
    err = mend_by_copy(store, unit.blob, from);
    return err < 0 ? disk_error(err) : err;
}
