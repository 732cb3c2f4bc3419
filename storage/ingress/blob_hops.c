/* SPDX-License-Identifier: MIT
 *
 * Hops: the two pipes and two buffers of a writer. The calling thread fills one (splice from a socket, or
 * memcpy) while the ring drains another into the file (splice, or write). Bytes keep their order because hops
 * drain in the order in which they were filled, one at a time.
 *
 * Pipes go back to the pool whenever they are empty, so that a slow upload holds none while it waits for its
 * client.
 *
 * On the thread of the writer's ring. Nothing here blocks: socket and pipe are non-blocking. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/ingress/blob_writer_parts.h"
#include "storage/base/sys.h"

/* A pipe with less in it waits for more as long as its socket has more: each drain costs a round through the
 * ring. */
#define HOP_DRAIN_BYTES_MIN (256u << 10)

#define HOP_BUFFER_BYTES_MIN (4u << 10)

static const struct pipe_pair no_pipe = {.read_fd = -1, .write_fd = -1};

void writer_hops_init(struct blob_writer *writer)
{
    for (unsigned i = 0; i < HOP_COUNT; ++i) {
        writer->hops[i].kind = i < 2 ? HOP_PIPE : HOP_BUFFER;
        writer->hops[i].pipe = no_pipe;
    }
}

/* Empty and idle. */
static void hop_reset(struct blob_writer *writer, struct blob_hop *hop)
{
    assert(hop->drained == hop->filled);
    if (hop->pipe.read_fd >= 0)
        pipe_pool_give(writer->pipes, &hop->pipe, 0);
    hop->pipe = no_pipe;
    hop->filled = hop->drained = hop->taken_out = hop->put_in = 0;
    hop->state = HOP_FREE;
}

void writer_hop_end(struct blob_writer *writer)
{
    struct blob_hop *hop = writer->filling;

    if (hop == NULL)
        return;
    assert(hop->state == HOP_FILLING && hop->drained == 0);
    writer->filling = NULL;
    if (hop->filled == 0) {
        hop_reset(writer, hop);
        return;
    }
    hop->state = HOP_QUEUED;
    queue_push(&writer->queued, &hop->link);
}

static size_t hop_room(const struct blob_hop *hop)
{
    if (hop->kind == HOP_BUFFER)
        return HOP_BUFFER_BYTES_MAX - hop->filled;
    return hop->pipe.read_fd < 0 ? PIPE_BYTES : hop->pipe.capacity - hop->filled;
}

bool writer_hop_available(const struct blob_writer *writer, enum hop_kind kind)
{
    for (unsigned i = 0; i < HOP_COUNT; ++i)
        if (writer->hops[i].kind == kind && writer->hops[i].state == HOP_FREE)
            return true;
    return false;
}

struct blob_hop *writer_hop_open(struct blob_writer *writer, enum hop_kind kind)
{
    struct blob_hop *hop = writer->filling;

    if (hop != NULL && hop->kind == kind && hop_room(hop) > 0)
        return hop;
    writer_hop_end(writer);
    for (unsigned i = 0; i < HOP_COUNT; ++i) {
        hop = &writer->hops[i];
        if (hop->kind == kind && hop->state == HOP_FREE) {
            hop->state = HOP_FILLING;
            writer->filling = hop;
            return hop;
        }
    }
    return NULL;
}

/* ---- Filling ---- */

static ssize_t hop_splice_refused(struct blob_writer *writer, atomic_bool *said, const char *message)
{
    blob_store_log_once(writer->store, said, message);
    writer->way = WAY_COPY_IN;
    writer_hop_end(writer);
    return -EOPNOTSUPP;
}

ssize_t writer_hop_splice(struct blob_writer *writer, int socket_fd, size_t max)
{
    for (;;) {
        struct blob_hop *hop = writer_hop_open(writer, HOP_PIPE);
        if (hop == NULL)
            return -EBUSY;
        if (hop->pipe.read_fd < 0 && pipe_pool_take(writer->pipes, &hop->pipe) != 0) {
            hop->pipe = no_pipe;
            return hop_splice_refused(writer, &writer->store->no_pipes,
                                      "no more pipes to be had; copying uploads instead of splicing them");
        }
        size_t room = hop_room(hop), want = max < room ? max : room;
        ssize_t n = IO_RETRY(
            sys.splice(socket_fd, NULL, hop->pipe.write_fd, NULL, want, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
        if (n > 0) {
            hop->filled += (size_t)n;
            /* Less than asked: the socket is empty or the pipe out of slots, and it should drain. */
            writer->hop_due = (size_t)n < want;
            return n;
        }
        int err = n == 0 ? 0 : -errno;
        if (err == -EINVAL)
            return hop_splice_refused(writer, &writer->store->no_splice_in,
                                      "sockets cannot be spliced here; copying uploads instead");
        bool was_empty = hop->filled == 0;
        writer->hop_due = true;
        if (err == -EAGAIN && !was_empty) {
            /* Many small segments fill a pipe's slots before its bytes: only an empty pipe can tell whether
             * it was the socket that had nothing. */
            writer_hop_end(writer);
            continue;
        }
        if (was_empty)
            writer_hop_end(writer);
        return err;
    }
}

/* Grows with what arrives: a body of 4 KiB costs no 128 KiB. */
static int hop_buffer_reserve(struct blob_hop *hop, size_t length)
{
    size_t need = hop->filled + length, capacity = hop->capacity;

    if (need > HOP_BUFFER_BYTES_MAX)
        need = HOP_BUFFER_BYTES_MAX;
    if (need <= capacity)
        return 0;
    if (capacity == 0)
        capacity = HOP_BUFFER_BYTES_MIN;
    while (capacity < need)
        capacity *= 2;
    unsigned char *grown = realloc(hop->data, capacity);
    if (grown == NULL)
        return -ENOMEM;
    hop->data = grown;
    hop->capacity = capacity;
    return 0;
}

ssize_t writer_hop_copy(struct blob_writer *writer, const void *data, size_t length)
{
    struct blob_hop *hop = writer_hop_open(writer, HOP_BUFFER);

    if (hop == NULL)
        return -EBUSY;
    if (hop_buffer_reserve(hop, length) != 0)
        return -ENOMEM;
    size_t n = hop_room(hop) < length ? hop_room(hop) : length;
    memcpy(hop->data + hop->filled, data, n);
    hop->filled += n;
    return (ssize_t)n;
}

/* ---- Draining ---- */

static bool hop_filling_due(const struct blob_writer *writer)
{
    const struct blob_hop *hop = writer->filling;

    if (hop == NULL || hop->filled == 0)
        return false;
    return hop->kind == HOP_BUFFER || hop->filled >= HOP_DRAIN_BYTES_MIN || hop_room(hop) == 0 ||
           writer->hop_due || writer->bytes != BYTES_COMING || writer->taken == writer->length;
}

/* The file system refused the second hop: takes bytes out of the pipe, from where they are written like a
 * buffer's. They are there, so the read does not wait. */
static int hop_take_out(struct blob_hop *hop)
{
    size_t left = hop->filled - hop->drained;

    if (hop->data == NULL) {
        hop->data = malloc(HOP_BUFFER_BYTES_MAX);
        if (hop->data == NULL)
            return -ENOMEM;
        hop->capacity = HOP_BUFFER_BYTES_MAX;
    }
    ssize_t n = IO_RETRY(read(hop->pipe.read_fd, hop->data, left < hop->capacity ? left : hop->capacity));
    if (n <= 0)
        return n == 0 ? -EIO : -errno;
    hop->taken_out = (size_t)n;
    hop->put_in = 0;
    return 0;
}

/* The one that drains, or NULL. */
static struct blob_hop *hop_first(const struct blob_writer *writer)
{
    return queue_is_empty(&writer->queued) ? NULL : OWNER_OF(writer->queued.first, struct blob_hop, link);
}

bool writer_drain_start(struct blob_writer *writer)
{
    int err;

    if (queue_is_empty(&writer->queued) && hop_filling_due(writer))
        writer_hop_end(writer);

    struct blob_hop *hop = hop_first(writer);
    if (hop == NULL)
        return false;
    size_t left = hop->filled - hop->drained;
    assert(hop->state == HOP_QUEUED && left > 0 && writer->fd >= 0);
    if (hop->kind == HOP_BUFFER) {
        struct ring_op *op = writer_step_begin(writer, STEP_DRAIN);
        ring_write(writer->ring, op, writer->fd, hop->data + hop->drained, (uint32_t)left, writer->written);
        return true;
    }
    if (writer->way != WAY_COPY) {
        struct ring_op *op = writer_step_begin(writer, STEP_DRAIN);
        ring_splice_to_file(writer->ring, op, hop->pipe.read_fd, writer->fd, writer->written, (uint32_t)left);
        return true;
    }
    if (hop->put_in == hop->taken_out && (err = hop_take_out(hop)) != 0) {
        writer_fail_disk(writer, err);
        return false;
    }
    struct ring_op *op = writer_step_begin(writer, STEP_DRAIN);
    ring_write(writer->ring, op, writer->fd, hop->data + hop->put_in,
               (uint32_t)(hop->taken_out - hop->put_in), writer->written);
    return true;
}

void writer_drain_done(struct blob_writer *writer, int32_t result)
{
    struct blob_hop *hop = hop_first(writer);

    if (result == -EINVAL && hop->kind == HOP_PIPE && writer->way != WAY_COPY) {
        blob_store_log_once(writer->store, &writer->store->no_splice_out,
                            "this file system takes no splice; copying uploads instead");
        writer->way = WAY_COPY; /* what is in the pipes still gets through */
        return;
    }
    if (result <= 0) {
        writer_fail_disk(writer, result == 0 ? -EIO : result);
        return;
    }
    hop->drained += (size_t)result;
    assert(hop->drained <= hop->filled);
    if (hop->taken_out > 0)
        hop->put_in += (size_t)result;
    assert(hop->put_in <= hop->taken_out);
    writer->written += (uint64_t)result;
    if (hop->drained < hop->filled)
        return;
    (void)queue_pop(&writer->queued); /* this one */
    hop_reset(writer, hop);
}

void writer_hops_free(struct blob_writer *writer)
{
    for (unsigned i = 0; i < HOP_COUNT; ++i) {
        struct blob_hop *hop = &writer->hops[i];
        /* Closed, not given back: the writer may outlive the pool, and bytes may be left in it. */
        if (hop->pipe.read_fd >= 0) {
            close(hop->pipe.read_fd);
            close(hop->pipe.write_fd);
        }
        hop->pipe = no_pipe;
        free(hop->data);
        hop->data = NULL;
    }
}
