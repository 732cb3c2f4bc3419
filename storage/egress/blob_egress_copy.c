/* SPDX-License-Identifier: MIT
 *
 * The buffered way of sending blobs, for TLS, standard copy mode, packed units, and small ones, which are verified in memory: bytes are
 * read into a buffer, at once when the page cache has them, else in the ring. On the thread of the egress's ring. */
#include "storage/base/io.h"
#include "storage/egress/blob_egress_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "storage/base/sys.h"

/* Bytes read at once by the buffered way. */
#define EGRESS_BUFFER_BYTES (256u << 10)

int egress_buffer_reserve(struct blob_egress *egress, uint64_t bytes)
{
    assert(egress->buffer_start == egress->buffer_end);
    if (egress->buffer_bytes >= bytes)
        return 0;
    assert(egress->unit_filled == 0);
    free(egress->buffer);
    egress->buffer_bytes = 0;
    egress->buffer = malloc((size_t)bytes);
    if (egress->buffer == NULL)
        return -ENOMEM;
    egress->buffer_bytes = (size_t)bytes;
    return 0;
}

/* Bytes of the first range that one read into the buffer may fetch. */
static size_t egress_read_bytes(struct blob_egress *egress)
{
    uint64_t left = egress_range(egress)->length;

    return left < EGRESS_BUFFER_BYTES ? (size_t)left : EGRESS_BUFFER_BYTES;
}

ssize_t egress_read_nowait(struct blob_egress *egress, void *buffer, uint64_t offset, size_t length)
{
    struct blob_store *store = egress->store;
    struct iovec iov = {buffer, length};
    ssize_t n = -1;

    if (store->residency == BLOB_RESIDENCY_UNKNOWN)
        return 0;
    if (!atomic_load_explicit(&store->no_nowait, memory_order_relaxed)) {
        n = preadv2(egress->file->fd, &iov, 1, (off_t)offset, RWF_NOWAIT);
        if (n < 0 && errno == EOPNOTSUPP)
            atomic_store_explicit(&store->no_nowait, true, memory_order_relaxed);
    } else if (blob_residency_check(store->residency, egress->file->fd, offset, length)) {
        n = sys.pread(egress->file->fd, buffer, length, (off_t)offset);
    }
    return n > 0 ? n : 0;
}

/* The buffer holds that many bytes from the front of the range. 1, or a failure. */
static ssize_t egress_filled(struct blob_egress *egress, size_t count)
{
    int err = egress_pass(egress, egress->buffer, count);

    if (err != 0)
        return err;
    egress->buffer_start = 0;
    egress->buffer_end = count;
    return 1;
}

void egress_read_done(struct blob_egress *egress, enum egress_step step, int32_t result)
{
    if (result <= 0)
        egress_fail(egress, result == 0 ? -ENODATA : result, result == 0 ? "is too short" : "cannot be read");
    else if (step == EGRESS_RECORD || blob_sum_is_small(&egress_range(egress)->sum))
        egress->unit_filled += (size_t)result;
    else
        (void)egress_filled(egress, (size_t)result); /* the next call tells of a failure */
}

ssize_t egress_fill(struct blob_egress *egress)
{
    ssize_t n;

    if (egress->buffer_start < egress->buffer_end)
        return 1;
    if ((n = egress_file(egress)) != 1)
        return n;
    if (egress->step != EGRESS_NONE)
        return egress_busy(egress);
    if (blob_sum_is_small(&egress_range(egress)->sum))
        return egress_fill_unit(egress);

    size_t bytes = egress_read_bytes(egress);
    if (egress_buffer_reserve(egress, bytes) != 0)
        return egress_fail(egress, -ENOMEM, "cannot be read");
    if ((n = egress_read_nowait(egress, egress->buffer, egress_range(egress)->offset, bytes)) > 0)
        return egress_filled(egress, (size_t)n);
    ring_read(egress->ring, egress_step_begin(egress, EGRESS_READ), egress->file->fd, egress->buffer,
              (uint32_t)bytes, egress_range(egress)->offset);
    return egress_busy(egress);
}

void egress_consume(struct blob_egress *egress, size_t count)
{
    egress->buffer_start += count;
    assert(egress->buffer_start <= egress->buffer_end);
    egress_forward(egress, count);
}

ssize_t egress_send_buffer(struct blob_egress *egress, int socket_fd, size_t max)
{
    ssize_t n = egress_fill(egress);

    if (n != 1)
        return n;
    size_t have = egress->buffer_end - egress->buffer_start;
    n = IO_RETRY(send(socket_fd, egress->buffer + egress->buffer_start, max < have ? max : have,
                      MSG_NOSIGNAL | MSG_DONTWAIT));
    if (n < 0)
        return egress_send_failed(egress);
    egress_consume(egress, (size_t)n);
    return n;
}

/* Past the buffer, where the page cache has the bytes. > 0, 0: it is not to be, or a failure. */
static ssize_t egress_read_direct(struct blob_egress *egress, void *buffer, size_t length)
{
    const struct blob_range *range = egress_range(egress);
    ssize_t n;
    int err;

    if (egress->step != EGRESS_NONE || blob_sum_is_small(&range->sum))
        return 0;
    n = egress_read_nowait(egress, buffer, range->offset,
                           length < range->length ? length : (size_t)range->length);
    if (n <= 0)
        return 0;
    if ((err = egress_pass(egress, buffer, (size_t)n)) != 0)
        return err;
    egress_forward(egress, (uint64_t)n);
    return n;
}

ssize_t blob_egress_read(struct blob_egress *egress, void *buffer, size_t length)
{
    ssize_t n;

    assert(egress != NULL && egress->magic == EGRESS_MAGIC);
    assert(length > 0);
    if (egress->lease.chunk != NULL)
        return egress_hot_read(egress, buffer, length);
    if (egress->buffer_start == egress->buffer_end) {
        if ((n = egress_file(egress)) != 1)
            return n;
        if ((n = egress_read_direct(egress, buffer, length)) != 0)
            return n;
    }
    if ((n = egress_fill(egress)) != 1)
        return n;
    size_t have = egress->buffer_end - egress->buffer_start;
    size_t count = length < have ? length : have;
    memcpy(buffer, egress->buffer + egress->buffer_start, count);
    egress_consume(egress, count);
    return (ssize_t)count;
}
