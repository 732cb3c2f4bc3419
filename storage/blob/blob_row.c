/* SPDX-License-Identifier: MIT
 *
 * Units that are no files: rows of whoever brings several processes together (struct blob_shared). Small ones alone, so their bytes are always
 * in memory as a whole. What wants a descriptor gets one of a file in memory. Any thread; everything blocks. */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

_Static_assert(BLOB_ROW_FIRST > BLOB_ID_MAX, "no file has the id of a row");

int blob_row_read(struct blob_store *store, uint64_t id, void *bytes)
{
    const struct blob_shared *shared = store->options.shared;
    int count;

    assert(blob_is_row(id));
    if (shared == NULL || shared->read_row == NULL)
        return -ENOENT; /* a damaged row names one */
    count = shared->read_row(shared->ctx, id, bytes);
    assert(count <= (int)BLOB_ROW_BYTES_MAX);
    return count;
}

int blob_row_open(struct blob_store *store, uint64_t id)
{
    unsigned char bytes[BLOB_ROW_BYTES_MAX];
    int count = blob_row_read(store, id, bytes), fd;

    if (count < 0)
        return count;
    if ((fd = memfd_create("sluice-row", MFD_CLOEXEC)) < 0)
        return -errno;
    if (count == 0 || sys.pwrite(fd, bytes, (size_t)count, 0) == (ssize_t)count)
        return fd;
    close(fd); /* nobody knows of it */
    return -ENOMEM;
}

int blob_row_judge(int fd, uint64_t length)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return -errno;
    return (uint64_t)status.st_size == length ? 0 : -ESTALE;
}
