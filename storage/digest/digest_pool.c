/* SPDX-License-Identifier: MIT
 *
 * Digest threads: a work pool of runnable streams; digest_stream.c is what their callers do with a stream.
 *
 * A stream is idle, or `scheduled`: in the pool's queue or in the hands of one thread, which digests one window (or up to the end of a
 * chunk) and puts the stream after the others while there is more to do. So one stream is never on two threads, and a long upload does
 * not starve a short one. Streams that want an MD5 and wait for a thread anyway are taken along: three windows take hardly longer than one.
 *
 * Threads are not woken for every few bytes: a stream becomes runnable when a window is full, when many
 * chunks have gathered, or at its end. One lock guards what callers tell a stream; digesting and callbacks run outside it. */
#include "storage/digest/digest_pool_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/limits.h"

/* Complete chunks that wait for verification before a stream is run for their sake: bounds the memory that
 * tiny chunks can take between two runs. */
#define CHUNKS_WAITING_MAX 64u

/* ---- Scheduling; the pool's lock is held ---- */

/* Up to where bytes may be digested: not past the last chunk told, for the next chunk may end anywhere after
 * it. */
static uint64_t stream_limit(const struct digest_stream *stream)
{
    return stream->chunked && stream->chunks_end < stream->end ? stream->chunks_end : stream->end;
}

/* The oldest that is complete and not verified, or NULL. */
static struct chunk_node *stream_first_chunk(const struct digest_stream *stream)
{
    return queue_is_empty(&stream->chunks) ? NULL : OWNER_OF(stream->chunks.first, struct chunk_node, link);
}

static bool stream_has_work(const struct digest_stream *stream)
{
    if (stream->finishing)
        return true;
    if (stream->fd < 0 || stream->result != 0)
        return false;
    if (stream_limit(stream) - stream->position >= DIGEST_WINDOW_BYTES)
        return true;
    return stream->chunk_count >= CHUNKS_WAITING_MAX && stream_first_chunk(stream)->chunk.end <= stream->end;
}

void digest_stream_schedule(struct digest_stream *stream)
{
    assert(!stream->cancelled);
    if (stream->scheduled || !stream_has_work(stream))
        return;
    stream->scheduled = true;
    work_pool_add(stream->pool->works, &stream->link);
}

static struct chunk_node *stream_pop_chunk(struct digest_stream *stream)
{
    struct queue_link *link = queue_pop(&stream->chunks);

    if (link == NULL)
        return NULL;
    stream->chunk_count--;
    return OWNER_OF(link, struct chunk_node, link);
}

static void stream_fail(struct digest_stream *stream, int result)
{
    struct chunk_node *node;

    if (stream->result == 0)
        stream->result = result;
    while ((node = stream_pop_chunk(stream)) != NULL)
        free(node);
}

/* ---- On a digest thread ---- */

/* Nobody else knows the stream any more. Without the lock. */
static void stream_free(struct digest_stream *stream)
{
    struct digest_pool *pool = stream->pool;
    struct chunk_node *node;

    while ((node = stream_pop_chunk(stream)) != NULL)
        free(node);
    digest_set_free(stream->set);
    digest_set_free(stream->chunk_set);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream);
    pthread_mutex_lock(&pool->lock);
    assert(pool->stream_count > 0);
    pool->stream_count--;
    pthread_mutex_unlock(&pool->lock);
}

static void stream_release_ctx(const struct digest_stream *stream)
{
    if (stream->chunked && stream->chunk_ops.released != NULL)
        stream->chunk_ops.released(stream->chunk_ops.ctx);
}

void digest_stream_end_cancelled(struct digest_stream *stream)
{
    stream_release_ctx(stream);
    stream_free(stream);
}

static void stream_end_finished(struct digest_stream *stream)
{
    struct digest_values values = {0};
    digest_done_fn done = stream->done;
    void *ctx = stream->done_ctx;
    int result = stream->result;

    assert(stream->finishing && done != NULL && queue_is_empty(&stream->chunks));
    if (result == 0 && stream->set != NULL)
        result = digest_set_final(stream->set, &values);
    stream_release_ctx(stream);
    stream_free(stream); /* first: done may be what lets the pool be destroyed */
    done(ctx, result, &values);
}

/* The body is too long for the kinds that were wanted only of a small one. Without the lock. */
static void stream_drop_small(struct digest_stream *stream)
{
    if (stream->set != NULL && stream->small_mask != 0)
        digest_set_drop(stream->set, stream->small_mask);
    stream->small_mask = 0;
}

/* Digests [from, to) of the file. Without the lock. */
static int stream_digest(struct digest_stream *stream, int fd, uint64_t from, uint64_t to)
{
    struct digest_set *sets[2];
    unsigned count = 0;
    int err = 0;

    if (from == to)
        return 0;
    if (stream->set != NULL)
        sets[count++] = stream->set;
    if (stream->chunked && stream->chunk_set == NULL)
        err = digest_set_create(&stream->chunk_set, DIGEST_BIT(DIGEST_SHA256));
    if (stream->chunked)
        sets[count++] = stream->chunk_set;
    if (err == 0 && count > 0)
        err = digest_sets_update_file(sets, count, fd, from, to - from);
    return err == -ENODATA ? -EIO : err; /* what was announced as written is not there */
}

/* Without the lock. */
static int stream_verify_chunk(struct digest_stream *stream, const struct digest_chunk *chunk)
{
    struct digest_values values;
    int err;

    if (stream->chunk_set != NULL) {
        err = digest_set_final(stream->chunk_set, &values);
        digest_set_free(stream->chunk_set);
        stream->chunk_set = NULL;
    } else {
        err = digest_buffer(DIGEST_BIT(DIGEST_SHA256), NULL, 0, &values);
    }
    if (err == 0 && stream->chunk_ops.verify(stream->chunk_ops.ctx, values.value[DIGEST_SHA256], chunk) != 0)
        err = -EBADMSG;
    return err;
}

/* A window at most, not past the end of the chunk, and the chunk's verdict if it is complete. */
struct step {
    struct digest_stream *stream;
    struct chunk_node *node;
    uint64_t from, to; /* the same: there is nothing to digest */
    int fd, err;
    bool is_due, is_large, is_together;
};

/* The lock is held. */
static void step_begin(struct step *step)
{
    struct digest_stream *stream = step->stream;
    uint64_t limit = stream_limit(stream);

    step->from = stream->position;
    step->to = step->from + DIGEST_WINDOW_BYTES - step->from % DIGEST_WINDOW_BYTES;
    step->is_due = true;
    step->is_large = stream->end > stream->small_bytes_max;
    step->fd = stream->fd;
    assert(step->from <= limit && limit <= stream->end);
    step->to = limit < step->to ? limit : step->to;
    if (stream_first_chunk(stream) != NULL && stream_first_chunk(stream)->chunk.end <= step->to) {
        step->node = stream_pop_chunk(stream);
        step->to = step->node->chunk.end;
    }
}

/* Whose thread may take others along. */
static bool stream_goes_together(const struct digest_stream *stream)
{
    return !stream->chunked && stream->set != NULL && digest_set_has(stream->set, DIGEST_MD5);
}

/* Without the lock. */
static void steps_digest_together(struct step *steps, unsigned count)
{
    struct digest_file_piece pieces[DIGEST_TOGETHER_MAX];
    struct step *of[DIGEST_TOGETHER_MAX];
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        struct step *step = &steps[i];

        if (step->is_due && step->is_large)
            stream_drop_small(step->stream);
        step->is_together = step->is_due && step->from < step->to && stream_goes_together(step->stream);
        if (!step->is_together)
            continue;
        of[found] = step;
        pieces[found++] = (struct digest_file_piece){.set = step->stream->set,
                                                     .fd = step->fd,
                                                     .offset = step->from,
                                                     .length = (size_t)(step->to - step->from)};
    }
    digest_file_pieces_update(pieces, found);
    for (unsigned i = 0; i < found; i++) /* what was announced as written is not there */
        of[i]->err = pieces[i].result == -ENODATA ? -EIO : pieces[i].result;
}

/* Without the lock. */
static void step_digest_alone(struct step *step)
{
    step->err = stream_digest(step->stream, step->fd, step->from, step->to);
    if (step->err == 0 && step->node != NULL)
        step->err = stream_verify_chunk(step->stream, &step->node->chunk);
    free(step->node);
}

/* The lock is held. */
static void step_end(const struct step *step)
{
    struct digest_stream *stream = step->stream;

    assert(stream->scheduled && step->to >= step->from);
    stream->position = step->to;
    if (step->err != 0)
        stream_fail(stream, step->err);
}

/* Whether a finishing stream has nothing left to do. */
static bool stream_is_over(struct digest_stream *stream)
{
    if (!stream->finishing)
        return false;
    if (stream->chunked && stream->chunks_end != stream->end)
        stream_fail(stream, -EBADMSG); /* bytes that no chunk vouches for */
    return stream->result != 0 || (stream->position == stream->end && queue_is_empty(&stream->chunks));
}

static void streams_step(struct digest_pool *pool, struct step *steps, unsigned count)
{
    pthread_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < count; i++) {
        struct digest_stream *stream = steps[i].stream;

        assert(stream->scheduled);
        if (!stream->cancelled && stream->result == 0 && !stream_is_over(stream))
            step_begin(&steps[i]);
    }
    pthread_mutex_unlock(&pool->lock);
    steps_digest_together(steps, count);
    for (unsigned i = 0; i < count; i++)
        if (steps[i].is_due && !steps[i].is_together)
            step_digest_alone(&steps[i]);
    pthread_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < count; i++)
        if (steps[i].is_due)
            step_end(&steps[i]);
    pthread_mutex_unlock(&pool->lock);
}

/* After a step. true: there is more to do. */
static bool stream_go_on(struct digest_stream *stream)
{
    struct digest_pool *pool = stream->pool;

    pthread_mutex_lock(&pool->lock);
    bool cancelled = stream->cancelled, over = cancelled || stream_is_over(stream);
    bool has_more = !over && stream_has_work(stream);
    stream->scheduled = over || has_more;
    pthread_mutex_unlock(&pool->lock);
    if (cancelled)
        digest_stream_end_cancelled(stream);
    else if (over)
        stream_end_finished(stream);
    return has_more;
}

static bool digest_work(void *ctx, struct queue_link *work, void *own)
{
    struct digest_pool *pool = ctx;
    struct step steps[DIGEST_TOGETHER_MAX] = {{.stream = OWNER_OF(work, struct digest_stream, link)}};
    unsigned count = 1;

    while (count < DIGEST_TOGETHER_MAX && stream_goes_together(steps[count - 1].stream) &&
           (work = work_pool_take(pool->works)) != NULL)
        steps[count++].stream = OWNER_OF(work, struct digest_stream, link);
    streams_step(pool, steps, count);
    for (unsigned i = 1; i < count; i++)
        if (stream_go_on(steps[i].stream))
            work_pool_give_back(pool->works, &steps[i].stream->link);
    return stream_go_on(steps[0].stream);
}

/* ---- The pool ---- */

int digest_pool_create(struct digest_pool **out, unsigned threads)
{
    struct digest_pool *pool;
    struct work_pool_options options = {
        .name = "sluice-digest",
        .thread_max = threads,
        .run = digest_work,
    };
    int err;

    assert(threads >= 1 && threads <= DIGEST_THREADS_MAX);
    pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return -ENOMEM;
    options.ctx = pool;
    if ((err = work_pool_create(&pool->works, &options)) != 0) {
        free(pool);
        return err;
    }
    pthread_mutex_init(&pool->lock, NULL);
    *out = pool;
    return 0;
}

void digest_pool_destroy(struct digest_pool *pool)
{
    if (pool == NULL)
        return;
    work_pool_destroy(pool->works);
    assert(pool->stream_count == 0); /* else one was neither finished nor cancelled */
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int digest_pool_admit(struct digest_pool *pool)
{
    int err = work_pool_begin(pool->works);

    if (err != 0)
        return err;
    pthread_mutex_lock(&pool->lock);
    pool->stream_count++;
    pthread_mutex_unlock(&pool->lock);
    return 0;
}
