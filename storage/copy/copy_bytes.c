/* SPDX-License-Identifier: MIT
 *
 * Bytes from file to file. copy_file_range leaves them in the kernel, and some file systems do not even move them; where it is refused (two
 * file systems of old kernels, FUSE), they go through memory. Any thread; blocks. */
#include "storage/copy/blob_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"

#define COPY_BUFFER_BYTES ((size_t)1 << 20)
/* One call must not be so long that nobody can end the program. */
#define COPY_CALL_BYTES ((uint64_t)64 << 20)

static int copy_through_memory(int from_fd, int to_fd, uint64_t offset, uint64_t length)
{
    unsigned char *buffer = malloc(COPY_BUFFER_BYTES);
    int err = buffer == NULL ? -ENOMEM : 0;

    while (err == 0 && length > 0) {
        size_t wanted = length < COPY_BUFFER_BYTES ? (size_t)length : COPY_BUFFER_BYTES;
        ssize_t found = read_up_to(from_fd, buffer, wanted, offset);

        if (found < 0)
            err = (int)found;
        else if (found == 0)
            err = -ENODATA;
        else
            err = write_whole(to_fd, buffer, (size_t)found, offset);
        if (err == 0) {
            offset += (uint64_t)found;
            length -= (uint64_t)found;
        }
    }
    free(buffer);
    return err;
}

static bool is_refused(int error)
{
    return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EBADF ||
           error == EPERM;
}

int copy_range(int from_fd, int to_fd, uint64_t offset, uint64_t length)
{
    while (length > 0) {
        off_t in = (off_t)offset, out = (off_t)offset;
        size_t wanted = (size_t)(length < COPY_CALL_BYTES ? length : COPY_CALL_BYTES);
        ssize_t moved = IO_RETRY(copy_file_range(from_fd, &in, to_fd, &out, wanted, 0));

        /* 0 also where the kernel finds nothing to do, as in files of /proc: memory tells the end from that. */
        if (moved == 0 || (moved < 0 && is_refused(errno)))
            return copy_through_memory(from_fd, to_fd, offset, length);
        if (moved < 0)
            return disk_error(-errno);
        offset += (uint64_t)moved;
        length -= (uint64_t)moved;
    }
    return 0;
}

int copy_whole(int from_fd, int to_fd, uint64_t size, uint64_t *bytes)
{
    uint64_t at = 0;
    int err = 0;

    while (err == 0 && at < size) {
        off_t data = lseek(from_fd, (off_t)at, SEEK_DATA);
        off_t hole = data < 0 ? -1 : lseek(from_fd, data, SEEK_HOLE);

        if (data < 0 && errno == ENXIO)
            break;                  /* the rest is a hole */
        if (data < 0 || hole < 0) { /* the file system knows no holes */
            data = (off_t)at;
            hole = (off_t)size;
        }
        if ((uint64_t)hole > size)
            hole = (off_t)size;
        if ((uint64_t)data >= size)
            break;
        err = copy_range(from_fd, to_fd, (uint64_t)data, (uint64_t)(hole - data));
        *bytes += (uint64_t)(hole - data);
        at = (uint64_t)hole;
    }
    if (err == 0 && ftruncate(to_fd, (off_t)size) != 0)
        err = disk_error(-errno);
    return err;
}
