/* SPDX-License-Identifier: MIT
 *
 * The buffered way of sending blobs, for TLS and standard copy mode: bytes are read into a buffer, at once when the page
 * cache has them, else in the ring. On the thread of the egress's ring. */
#include "storage/blob_egress_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "storage/sys.h"

/* Bytes read at once by the buffered way. */
#define EGRESS_BUFFER_BYTES (256u << 10)

static int egress_buffer_reserve(struct blob_egress *egress)
{
    if (egress->buffer != NULL)
        return 0;
    egress->buffer_bytes =
        egress->remaining < EGRESS_BUFFER_BYTES ? (size_t)egress->remaining : EGRESS_BUFFER_BYTES;
    egress->buffer = malloc(egress->buffer_bytes);
    return egress->buffer == NULL ? -ENOMEM : 0;
}

/* Bytes of the first range that one read into the buffer may fetch. */
static size_t egress_read_bytes(struct blob_egress *egress)
{
    uint64_t left = egress_range(egress)->length;

    return left < egress->buffer_bytes ? (size_t)left : egress->buffer_bytes;
}

ssize_t egress_read_nowait(struct blob_egress *egress, void *buffer, size_t length)
{
    const struct blob_range *range = egress_range(egress);
    struct blob_store *store = egress->store;
    struct iovec iov = {buffer, length < range->length ? length : (size_t)range->length};
    ssize_t n = -1;

    if (store->residency == BLOB_RESIDENCY_UNKNOWN)
        return 0;
    if (!atomic_load_explicit(&store->no_nowait, memory_order_relaxed)) {
        n = preadv2(egress->file->fd, &iov, 1, (off_t)range->offset, RWF_NOWAIT);
        if (n < 0 && errno == EOPNOTSUPP)
            atomic_store_explicit(&store->no_nowait, true, memory_order_relaxed);
    } else if (blob_residency_check(store->residency, egress->file->fd, range->offset, iov.iov_len)) {
        n = sys.pread(egress->file->fd, buffer, iov.iov_len, (off_t)range->offset);
    }
    return n > 0 ? n : 0;
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
    if (egress_buffer_reserve(egress) != 0)
        return egress_fail(egress, -ENOMEM, "cannot be read");
    if ((n = egress_read_nowait(egress, egress->buffer, egress->buffer_bytes)) > 0) {
        egress->buffer_start = 0;
        egress->buffer_end = (size_t)n;
        return 1;
    }
    ring_read(egress->ring, egress_step_begin(egress, EGRESS_READ), egress->file->fd, egress->buffer,
              (uint32_t)egress_read_bytes(egress), egress_range(egress)->offset);
    return egress_busy(egress);
}

void egress_consume(struct blob_egress *egress, size_t count)
{
    egress->buffer_start += count;
    assert(egress->buffer_start <= egress->buffer_end);
    egress_forward(egress, count);
}

ssize_t egress_send_copy(struct blob_egress *egress, int socket_fd, size_t max)
{
    size_t sent = 0;

    while (sent < max) {
        ssize_t n = egress_fill(egress);
        if (n == 1) {
            size_t have = egress->buffer_end - egress->buffer_start;
            n = send(socket_fd, egress->buffer + egress->buffer_start, max - sent < have ? max - sent : have,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                n = -errno;
            else
                egress_consume(egress, (size_t)n);
        }
        if (n <= 0) {
            if (sent > 0)
                egress->want_ready = false;
            return sent > 0 ? (ssize_t)sent : n;
        }
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}
