/* SPDX-License-Identifier: MIT
 *
 * Sending ranges of blobs. Per range: its descriptor from the cache or an open in the ring; then window after
 * window: is it in memory? then sendfile it, else let the ring bring it in first. Once one window of a range
 * was cold, the next is brought in while the present one is being sent.
 *
 *   |.... sent ....|.... may be sent ....|.... being warmed ....|........|
 *                  offset                ready_end              warm_end  end of the range
 *
 * Ranges of packed units go the same way but for the last hop, which copies: through the stack, so that a
 * client that reads slowly holds no memory here; what the socket did not take is read again.
 *
 * The buffered way (TLS, standard copy mode) is in blob_egress_copy.c.
 *
 * On the thread of its ring. Knows nothing of heads, of TLS, or of what a blob means. */
#include "storage/blob_egress.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "storage/blob_egress_parts.h"
#include "storage/sys.h"

static void egress_check(const struct blob_egress *egress)
{
    assert(egress != NULL);
    assert(egress->magic == EGRESS_MAGIC);
}

static void egress_close_file(struct blob_egress *egress)
{
    if (egress->file != NULL)
        blob_close_later(egress->store, egress->ring,
                         blob_cache_release(&egress->store->cache, egress->file));
    egress->file = NULL;
}

static void egress_destroy(struct blob_egress *egress)
{
    struct blob_store *store = egress->store;

    egress_close_file(egress);
    egress->magic = 0;
    free(egress->buffer);
    free(egress);
    blob_store_release(store);
}

int egress_fail(struct blob_egress *egress, int error, const char *what)
{
    assert(error < 0);
    if (egress->error == 0) {
        blob_store_log(egress->store, STORAGE_LOG_ERROR, "blob %016llx %s: %s",
                       (unsigned long long)egress_range(egress)->blob, what, strerror(-error));
        egress->error = error == -EMFILE || error == -ENFILE ? -EMFILE : error == -ENOMEM ? -ENOMEM : -EIO;
    }
    return egress->error;
}

ssize_t egress_busy(struct blob_egress *egress)
{
    egress->want_ready = true;
    return -EBUSY;
}

/* ---- Steps in the ring ---- */

static void egress_on_op(struct ring_op *op, int32_t result);

struct ring_op *egress_step_begin(struct blob_egress *egress, enum egress_step step)
{
    assert(egress->step == EGRESS_NONE);
    egress->step = step;
    egress->op.done = egress_on_op;
    return &egress->op;
}

static void egress_file_is(struct blob_egress *egress, struct blob_file *file)
{
    egress->file = file;
    egress->ready_end = egress->warm_end = egress_range(egress)->offset;
    egress->cold = false;
}

static void egress_open_start(struct blob_egress *egress)
{
    blob_path_format(egress->path, egress_range(egress)->blob);
    ring_openat(egress->ring, egress_step_begin(egress, EGRESS_OPEN), egress->store->blobs_fd, egress->path,
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
}

static void egress_open_done(struct blob_egress *egress, int32_t result)
{
    struct blob_file *file;

    if (result == -EMFILE && blob_cache_shed(&egress->store->cache) > 0) {
        egress_open_start(egress); /* there is room now */
        return;
    }
    if (result < 0) {
        egress_fail(egress, result, "cannot be opened");
        return;
    }
    int err = blob_cache_add(&egress->store->cache, egress_range(egress)->blob, result, &file);
    if (err != 0)
        egress_fail(egress, err, "cannot be opened");
    else
        egress_file_is(egress, file);
}

/* The end of the window that a position is in. Windows are aligned, so that readers share what is warmed. */
static uint64_t egress_window_end(struct blob_egress *egress, uint64_t from)
{
    const struct blob_range *range = egress_range(egress);
    uint64_t end = range->offset + range->length;
    uint64_t bytes = egress->cold ? EGRESS_WINDOW_BYTES : EGRESS_HOT_WINDOW_BYTES;
    uint64_t window = from - from % bytes + bytes;

    return window < end ? window : end;
}

static void egress_warm_start(struct blob_egress *egress)
{
    uint64_t from = egress->ready_end;

    egress->cold = true;
    egress->warm_end = egress_window_end(egress, from);
    ring_warm(egress->ring, egress_step_begin(egress, EGRESS_WARM), egress->file->fd, from,
              (uint32_t)(egress->warm_end - from));
}

static void egress_read_done(struct blob_egress *egress, int32_t result)
{
    if (result <= 0) {
        egress_fail(egress, result == 0 ? -ENODATA : result, result == 0 ? "is too short" : "cannot be read");
        return;
    }
    egress->buffer_start = 0;
    egress->buffer_end = (size_t)result;
}

static void egress_on_op(struct ring_op *op, int32_t result)
{
    struct blob_egress *egress = (struct blob_egress *)((char *)op - offsetof(struct blob_egress, op));
    enum egress_step step = egress->step;

    egress->step = EGRESS_NONE;
    if (egress->detached) {
        if (step == EGRESS_OPEN)
            blob_close_later(egress->store, egress->ring, result);
        egress_destroy(egress);
        return;
    }
    if (step == EGRESS_OPEN)
        egress_open_done(egress, result);
    else if (step == EGRESS_READ)
        egress_read_done(egress, result);
    else if (result < 0)
        egress_fail(egress, result, "cannot be read");
    else
        egress->ready_end =
            egress->warm_end; /* even if memory is so short that it is gone again: no endless loop */

    if (egress->step == EGRESS_NONE && egress->want_ready) {
        egress->want_ready = false;
        egress->on_ready(egress->ctx); /* may end the egress */
    }
}

/* ---- Where the next byte is ---- */

ssize_t egress_file(struct blob_egress *egress)
{
    if (egress->error != 0)
        return egress->error;
    if (egress->remaining == 0)
        return 0;
    if (egress->file != NULL)
        return 1;
    if (egress->step == EGRESS_NONE) {
        struct blob_file *file = blob_cache_get(&egress->store->cache, egress_range(egress)->blob);
        if (file != NULL) {
            egress_file_is(egress, file);
            return 1;
        }
        egress_open_start(egress);
    }
    return egress_busy(egress);
}

void egress_forward(struct blob_egress *egress, uint64_t count)
{
    struct blob_range *range = egress_range(egress);

    assert(count <= range->length);
    range->offset += count;
    range->length -= count;
    egress->remaining -= count;
    if (range->length > 0)
        return;
    /* Warming never goes past its range, so nothing in flight can refer to the file any more. */
    assert(egress->step == EGRESS_NONE);
    egress_close_file(egress);
    ++egress->range;
}

/* Makes sure that the next bytes are in memory. 1, -EBUSY or a failure. */
static ssize_t egress_ready(struct blob_egress *egress)
{
    uint64_t at = egress_range(egress)->offset;

    if (at >= egress->ready_end) {
        if (egress->step != EGRESS_NONE)
            return egress_busy(egress);
        egress->ready_end = at; /* behind it only after bytes went the buffered way */
        uint64_t end = egress_window_end(egress, at);
        if (!blob_residency_check(egress->store->residency, egress->file->fd, at, end - at)) {
            egress_warm_start(egress);
            return egress_busy(egress);
        }
        egress->ready_end = end;
    }
    /* A cold range is probably cold to its end: have the next window brought in meanwhile. */
    uint64_t next = egress->ready_end, range_end = at + egress_range(egress)->length;
    if (egress->cold && egress->step == EGRESS_NONE && next < range_end) {
        uint64_t end = egress_window_end(egress, next);
        if (!blob_residency_check(egress->store->residency, egress->file->fd, next, end - next))
            egress_warm_start(egress);
    }
    return 1;
}

/* ---- The zero-copy way ---- */

/* What a failed send says: -errno when it is the peer's side, else the blob's failure. */
static ssize_t egress_send_failed(struct blob_egress *egress)
{
    switch (errno) {
    case EAGAIN:
    case EPIPE:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOTCONN:
        return -errno;
    default:
        return egress_fail(egress, -errno, "cannot be sent");
    }
}

static ssize_t egress_sendfile(struct blob_egress *egress, int socket_fd, size_t max)
{
    struct blob_range *range = egress_range(egress);
    uint64_t left = egress->ready_end - range->offset;
    off_t offset = (off_t)range->offset;
    ssize_t n;

    assert(left > 0);
    do
        n = sys.sendfile(socket_fd, egress->file->fd, &offset, max < left ? max : (size_t)left);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return egress_fail(egress, -ENODATA, "is too short");
    if (n < 0)
        return egress_send_failed(egress);
    egress_forward(egress, (uint64_t)n);
    return n;
}

/* The same for a packed range: the bytes are copied out of the page cache, and what is in the socket's queue is the
 * socket's own. */
static ssize_t egress_send_packed(struct blob_egress *egress, int socket_fd, size_t max)
{
    struct blob_range *range = egress_range(egress);
    uint64_t left = egress->ready_end - range->offset;
    unsigned char bytes[EGRESS_PACKED_BYTES_MAX];
    ssize_t n, sent;

    assert(left > 0);
    max = max < left ? max : (size_t)left;
    do
        n = sys.pread(egress->file->fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes),
                      (off_t)range->offset);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return egress_fail(egress, n == 0 ? -ENODATA : -errno, n == 0 ? "is too short" : "cannot be read");
    do
        sent = send(socket_fd, bytes, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return egress_send_failed(egress);
    egress_forward(egress, (uint64_t)sent);
    return sent;
}

static ssize_t egress_send_file(struct blob_egress *egress, int socket_fd, size_t max)
{
    size_t sent = 0;

    while (sent < max) {
        ssize_t n = egress_file(egress);
        if (n == 1)
            n = egress_ready(egress);
        if (n == 1)
            n = egress_range(egress)->packed ? egress_send_packed(egress, socket_fd, max - sent)
                                             : egress_sendfile(egress, socket_fd, max - sent);
        if (n <= 0) {
            if (sent > 0)
                egress->want_ready =
                    false; /* this call does not say -EBUSY; the next one will, if it still is */
            return sent > 0 ? (ssize_t)sent : n;
        }
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

/* ---- Calls ---- */

int blob_egress_begin(struct blob_egress **out, struct blob_store *store, struct ring *ring,
                      const struct blob_range *ranges, uint32_t range_count, void (*on_ready)(void *ctx),
                      void *ctx)
{
    struct blob_egress *egress = calloc(1, sizeof(*egress) + range_count * sizeof(*ranges));

    if (egress == NULL)
        return -ENOMEM;
    egress->magic = EGRESS_MAGIC;
    egress->store = store;
    egress->ring = ring;
    egress->on_ready = on_ready;
    egress->ctx = ctx;
    for (uint32_t i = 0; i < range_count; ++i) {
        if (ranges[i].length == 0)
            continue;
        assert(ranges[i].blob != 0);
        assert(ranges[i].length <= INT64_MAX - ranges[i].offset);
        egress->ranges[egress->range_count++] = ranges[i];
        egress->remaining += ranges[i].length;
    }
    blob_store_hold(store);
    *out = egress;
    return egress_file(egress) == -EBUSY ? -EBUSY : 0;
}

int blob_egress_status(const struct blob_egress *egress)
{
    egress_check(egress);
    return egress->error;
}

uint64_t blob_egress_remaining(const struct blob_egress *egress)
{
    egress_check(egress);
    return egress->remaining;
}

ssize_t blob_egress_send(struct blob_egress *egress, int socket_fd, size_t max)
{
    egress_check(egress);
    assert(max > 0);
    /* Bytes that are already in the buffer come first, also for a caller that mixes the two ways. */
    if (egress->store->options.copy_mode || egress->buffer_start < egress->buffer_end ||
        egress->step == EGRESS_READ)
        return egress_send_copy(egress, socket_fd, max);
    /* Small requests beside it wait longer for a cold body than for a hot one: it gets shorter turns. */
    if (egress->cold && max > EGRESS_WINDOW_BYTES)
        max = EGRESS_WINDOW_BYTES;
    return egress_send_file(egress, socket_fd, max);
}

ssize_t blob_egress_read(struct blob_egress *egress, void *buffer, size_t length)
{
    ssize_t n;

    egress_check(egress);
    assert(length > 0);
    if (egress->buffer_start == egress->buffer_end) {
        if ((n = egress_file(egress)) != 1)
            return n;
        if (egress->step == EGRESS_NONE && (n = egress_read_nowait(egress, buffer, length)) > 0) {
            egress_forward(egress, (uint64_t)n);
            return n;
        }
    }
    if ((n = egress_fill(egress)) != 1)
        return n;
    size_t have = egress->buffer_end - egress->buffer_start;
    size_t count = length < have ? length : have;
    memcpy(buffer, egress->buffer + egress->buffer_start, count);
    egress_consume(egress, count);
    return (ssize_t)count;
}

void blob_egress_end(struct blob_egress *egress)
{
    if (egress == NULL)
        return;
    egress_check(egress);
    assert(!egress->detached);
    egress->detached = true;
    if (egress->step == EGRESS_NONE)
        egress_destroy(egress);
}
