/* SPDX-License-Identifier: MIT
 *
 * Streams, on their caller's thread: what becomes known of a body is noted under the pool's lock, and a thread is called when
 * there is enough of it. What the threads do is in digest_pool.c. Nothing here blocks. */
#include "storage/digest/digest_pool_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

int digest_stream_open(struct digest_pool *pool, uint32_t mask, const struct digest_chunk_ops *chunks,
                       struct digest_stream **out)
{
    struct digest_stream *stream = calloc(1, sizeof(*stream));
    int err;

    if (stream == NULL)
        return -ENOMEM;
    stream->pool = pool;
    stream->fd = -1;
    if (chunks != NULL) {
        assert(chunks->verify != NULL);
        stream->chunked = true;
        stream->chunk_ops = *chunks;
    }
    err = mask == 0 ? 0 : digest_set_create(&stream->set, mask);
    if (err == 0)
        err = digest_pool_admit(pool);
    if (err != 0) {
        digest_set_free(stream->set);
        free(stream);
        return err;
    }
    *out = stream;
    return 0;
}

void digest_stream_limit(struct digest_stream *stream, uint32_t mask, uint64_t bytes_max)
{
    pthread_mutex_lock(&stream->pool->lock);
    assert(stream->end == 0);
    stream->small_mask = mask;
    stream->small_bytes_max = bytes_max;
    pthread_mutex_unlock(&stream->pool->lock);
}

int digest_stream_bind(struct digest_stream *stream, int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0)
        return -errno;
    pthread_mutex_lock(&stream->pool->lock);
    assert(stream->fd < 0);
    stream->fd = own;
    digest_stream_schedule(stream);
    pthread_mutex_unlock(&stream->pool->lock);
    return 0;
}

void digest_stream_advance(struct digest_stream *stream, uint64_t end)
{
    pthread_mutex_lock(&stream->pool->lock);
    assert(end >= stream->end && !stream->finishing);
    stream->end = end;
    digest_stream_schedule(stream);
    pthread_mutex_unlock(&stream->pool->lock);
}

int digest_stream_chunk_end(struct digest_stream *stream, const struct digest_chunk *chunk)
{
    struct chunk_node *node = malloc(sizeof(*node));

    if (node == NULL)
        return -ENOMEM;
    node->chunk = *chunk;
    pthread_mutex_lock(&stream->pool->lock);
    assert(stream->chunked && !stream->finishing && chunk->end >= stream->chunks_end);
    stream->chunks_end = chunk->end;
    if (stream->result != 0) {
        free(node); /* the verdict has fallen */
    } else {
        queue_push(&stream->chunks, &node->link);
        stream->chunk_count++;
        digest_stream_schedule(stream);
    }
    pthread_mutex_unlock(&stream->pool->lock);
    return 0;
}

void digest_stream_finish(struct digest_stream *stream, uint64_t length, digest_done_fn done, void *ctx)
{
    struct digest_pool *pool = stream->pool;

    pthread_mutex_lock(&pool->lock);
    assert(length >= stream->end && !stream->finishing && !stream->cancelled);
    assert(stream->fd >= 0 || length == 0);
    stream->end = length;
    stream->finishing = true;
    stream->done = done;
    stream->done_ctx = ctx;
    digest_stream_schedule(stream);
    pthread_mutex_unlock(&pool->lock);
}

void digest_stream_cancel(struct digest_stream *stream)
{
    struct digest_pool *pool = stream->pool;
    bool idle;

    pthread_mutex_lock(&pool->lock);
    assert(!stream->finishing && !stream->cancelled);
    idle = !stream->scheduled;
    stream->cancelled = true; /* a scheduled one is dropped by its thread */
    pthread_mutex_unlock(&pool->lock);
    if (idle)
        digest_stream_end_cancelled(stream);
}
