/* SPDX-License-Identifier: MIT
 *
 * See blob_tail.h. A window at a time: is it in memory? Mostly it was written a moment ago; else the ring brings it in. */
#include "storage/egress/blob_tail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/owner.h"
#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

struct blob_tail {
    struct blob_store *store;
    struct ring *ring;
    int fd;
    void (*on_ready)(void *ctx);
    void *ctx;
    struct ring_op op;
    bool is_warming, is_detached;
    uint64_t ready, ready_end; /* is in memory, or was a moment ago */
    uint64_t warm, warm_end;   /* is being brought in */
    int error;
};

static void tail_free(struct blob_tail *tail)
{
    struct blob_store *store = tail->store;

    blob_close_later(store, tail->ring, tail->fd);
    free(tail);
    blob_store_release(store);
}

static void on_warm(struct ring_op *op, int32_t result)
{
    struct blob_tail *tail = OWNER_OF(op, struct blob_tail, op);

    tail->is_warming = false;
    if (tail->is_detached) {
        tail_free(tail);
        return;
    }
    if (result < 0)
        tail->error = -EIO;
    tail->ready = tail->warm; /* even if memory is so short that it is gone again: no endless loop */
    tail->ready_end = tail->warm_end;
    tail->on_ready(tail->ctx);
}

static uint64_t window_end(uint64_t at, uint64_t end, uint64_t bytes)
{
    uint64_t window = at - at % bytes + bytes;

    return window < end ? window : end;
}

/* How far may be read from there without waiting for a disk; -EBUSY, or the failure. */
static int64_t tail_ready(struct blob_tail *tail, uint64_t at, uint64_t end)
{
    assert(at < end && !tail->is_detached);
    if (tail->error != 0)
        return tail->error;
    if (tail->is_warming)
        return -EBUSY;
    if (at >= tail->ready && at < tail->ready_end)
        return (int64_t)(tail->ready_end < end ? tail->ready_end : end);
    tail->ready = at;
    tail->ready_end = window_end(at, end, EGRESS_HOT_WINDOW_BYTES);
    if (blob_residency_check(tail->store->residency, tail->fd, at, tail->ready_end - at))
        return (int64_t)tail->ready_end;
    tail->ready_end = at;
    tail->warm = at;
    tail->warm_end = window_end(at, end, EGRESS_WINDOW_BYTES);
    tail->is_warming = true;
    tail->op.done = on_warm;
    ring_warm(tail->ring, &tail->op, tail->fd, at, (uint32_t)(tail->warm_end - at));
    return -EBUSY;
}

ssize_t blob_tail_send(struct blob_tail *tail, uint64_t at, uint64_t end, int socket_fd, size_t max)
{
    int64_t ready_end = tail_ready(tail, at, end);
    off_t offset = (off_t)at;
    ssize_t count;
    uint64_t left;

    if (ready_end < 0)
        return (ssize_t)ready_end;
    left = (uint64_t)ready_end - at;
    count = IO_RETRY(sys.sendfile(socket_fd, tail->fd, &offset, max < left ? max : (size_t)left));
    if (count == 0)
        return -EIO;
    return count < 0 ? -errno : count;
}

ssize_t blob_tail_read(struct blob_tail *tail, uint64_t at, uint64_t end, void *buffer, size_t length)
{
    int64_t ready_end = tail_ready(tail, at, end);
    uint64_t left;
    int err;

    if (ready_end < 0)
        return (ssize_t)ready_end;
    left = (uint64_t)ready_end - at;
    if (length > left)
        length = (size_t)left;
    err = read_whole(tail->fd, buffer, length, at);
    return err != 0 ? err : (ssize_t)length;
}

int blob_tail_begin(struct blob_tail **out, struct blob_store *store, struct ring *ring, int fd,
                    void (*on_ready)(void *ctx), void *ctx)
{
    struct blob_tail *tail = calloc(1, sizeof(*tail));

    if (tail == NULL)
        return -ENOMEM;
    if ((tail->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        free(tail);
        return -EMFILE;
    }
    tail->store = store;
    tail->ring = ring;
    tail->on_ready = on_ready;
    tail->ctx = ctx;
    blob_store_hold(store);
    *out = tail;
    return 0;
}

void blob_tail_end(struct blob_tail *tail)
{
    if (tail == NULL)
        return;
    assert(!tail->is_detached);
    tail->is_detached = true;
    if (!tail->is_warming)
        tail_free(tail);
}

void blob_tail_close(struct blob_store *store, struct ring *ring, int fd)
{
    blob_close_later(store, ring, fd);
}
