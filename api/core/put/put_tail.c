/* SPDX-License-Identifier: MIT
 *
 * See put_tail.h. The half that looks into a put is in put.c. */
#include "api/core/put/put_tail.h"

#include "api/core/core_internal.h"
#include "storage/egress/blob_tail.h"

int core_tail_begin(struct core_worker *worker, int fd, void (*on_ready)(void *ctx), void *ctx,
                    struct blob_tail **tail)
{
    return blob_tail_begin(tail, worker->core->blobs, worker->ring, fd, on_ready, ctx);
}

ssize_t core_tail_send(struct blob_tail *tail, uint64_t at, uint64_t end, int socket_fd, size_t max)
{
    return blob_tail_send(tail, at, end, socket_fd, max);
}

ssize_t core_tail_read(struct blob_tail *tail, uint64_t at, uint64_t end, void *buffer, size_t length)
{
    return blob_tail_read(tail, at, end, buffer, length);
}

void core_tail_end(struct blob_tail *tail)
{
    blob_tail_end(tail);
}

void core_tail_close(struct core_worker *worker, int fd)
{
    blob_tail_close(worker->core->blobs, worker->ring, fd);
}
