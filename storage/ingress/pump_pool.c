/* SPDX-License-Identifier: MIT
 *
 * Pump threads: a work pool. A thread takes the oldest job, and for each piece of it waits for the socket, splices into its pipe,
 * splices on into the file, digests what it wrote; then hands the result to the job's ring.
 *
 * A thread's pipe is empty between jobs; where bytes had to be left in it, it is replaced. Blocks by design: the file may wait for the
 * disk. */
#include "storage/base/io.h"
#include "storage/ingress/pump_pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/work_pool.h"
#include "storage/limits.h"
#include "storage/ring/pipe_pool.h"
#include "storage/base/sys.h"

/* Bytes through the second hop when it cannot be spliced: rare, and once per upload. */
#define PUMP_COPY_BYTES (64u << 10)

struct pump_pool {
    struct work_pool *works;
};

/* Both are only duplicates: whatever there is to lose shows in the sync of the file. */
static void pump_close(struct pump_job *job)
{
    close(job->own_fd);
    close(job->socket_fd);
}

/* ---- One job, on a pump thread ---- */

/* The file system refused the splice: what is in the pipe takes the other way. It is there, so read never waits. */
static int pump_copy_out(const struct pump_job *job, const struct pipe_pair *pipe, size_t length,
                         uint64_t offset)
{
    unsigned char *buffer = malloc(PUMP_COPY_BYTES);
    int err = buffer == NULL ? -ENOMEM : 0;

    while (length > 0 && err == 0) {
        ssize_t n =
            IO_RETRY(read(pipe->read_fd, buffer, length < PUMP_COPY_BYTES ? length : PUMP_COPY_BYTES));

        err = n > 0 ? write_whole(job->own_fd, buffer, (size_t)n, offset) : n == 0 ? -EIO : -errno;
        if (err == 0) {
            length -= (size_t)n;
            offset += (uint64_t)n;
        }
    }
    free(buffer);
    return err;
}

/* Empties the pipe of `length` bytes into the file. */
static int pump_out(struct pump_job *job, const struct pipe_pair *pipe, size_t length, uint64_t offset)
{
    while (length > 0) {
        off_t at = (off_t)offset;
        ssize_t n = IO_RETRY(sys.splice(pipe->read_fd, NULL, job->own_fd, &at, length, SPLICE_F_MOVE));

        if (n < 0 && errno == EINVAL) {
            job->refusal = PUMP_REFUSED_SPLICE_OUT;
            return pump_copy_out(job, pipe, length, offset);
        }
        if (n <= 0)
            return n == 0 ? -EIO : -errno;
        assert((size_t)n <= length);
        length -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Bytes now in the pipe; 0 the peer closed; -EAGAIN nothing came for as long as it is worth waiting; others. */
static ssize_t pump_in(struct pump_pool *pool, struct pump_job *job, const struct pipe_pair *pipe, size_t max)
{
    struct pollfd wait = {.fd = job->socket_fd, .events = POLLIN};
    ssize_t n;

    n = IO_RETRY(poll(&wait, 1, work_pool_has_waiting(pool->works) ? 0 : PUMP_PATIENCE_MS));
    if (n <= 0)
        return n == 0 ? -EAGAIN : -errno;
    n = IO_RETRY(
        sys.splice(job->socket_fd, NULL, pipe->write_fd, NULL, max, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
    if (n < 0 && errno == EINVAL)
        job->refusal = PUMP_REFUSED_SPLICE_IN;
    return n < 0 ? (errno == EINVAL ? -EOPNOTSUPP : -errno) : n;
}

/* `length` bytes at offset were written: starts writing back the last whole stretch of the file that they end.
 * Only a hint: the sync that follows meets and reports whatever is wrong. */
static void pump_write_back(const struct pump_job *job, uint64_t offset, uint64_t length)
{
    uint64_t end = (offset + length) - (offset + length) % PUMP_WRITE_BACK_BYTES;

    if (job->write_back && end > offset)
        (void)sync_file_range(job->own_fd, (off_t)(end - PUMP_WRITE_BACK_BYTES), PUMP_WRITE_BACK_BYTES,
                              SYNC_FILE_RANGE_WRITE);
}

/* What op.done will get. *dirty: bytes were left in the pipe. */
static int32_t pump_run(struct pump_pool *pool, struct pump_job *job, const struct pipe_pair *pipe,
                        const struct digest_map *map, bool *dirty)
{
    uint32_t piece_max = pipe->capacity < PUMP_PIECE_BYTES ? pipe->capacity : PUMP_PIECE_BYTES;
    uint32_t moved = 0;
    int err;

    while (moved < job->max && job->refusal == PUMP_REFUSED_NOTHING) {
        uint64_t offset = job->offset + moved;
        ssize_t n = pump_in(pool, job, pipe, job->max - moved < piece_max ? job->max - moved : piece_max);

        if (n <= 0) /* whatever it is, it is found again by the next job */
            return moved > 0 ? (int32_t)moved : (int32_t)n;
        *dirty = true;
        job->is_of_file = true;
        if ((err = pump_out(job, pipe, (size_t)n, offset)) != 0)
            return err;
        *dirty = false;
        if ((err = digest_map_update(map, job->digest, offset, (size_t)n)) != 0)
            return err == -ENODATA ? -EIO : err; /* what was just written is not there */
        job->is_of_file = false;
        moved += (uint32_t)n;
        assert(moved <= job->max);
        pump_write_back(job, offset, (uint64_t)n);
    }
    return (int32_t)moved;
}

static void pump_job_run(struct pump_pool *pool, struct pump_job *job, struct pipe_pool *pipes)
{
    struct pipe_pair pipe;
    struct digest_map map;
    bool dirty = false;
    int32_t result = -EOPNOTSUPP;

    if (pipe_pool_take(pipes, &pipe) != 0) {
        job->refusal = PUMP_REFUSED_PIPE;
    } else {
        digest_map_open(&map, job->own_fd, job->offset, job->max);
        result = pump_run(pool, job, &pipe, &map, &dirty);
        digest_map_close(&map);
        pipe_pool_give(pipes, &pipe, dirty);
    }
    pump_close(job);
    ring_return(job->ring, &job->op, result); /* the job is its owner's again */
}

/* ---- The pool; each of its threads has a pipe ---- */

static int pump_open_pipes(void **own)
{
    struct pipe_pool *pipes = NULL;
    int err = pipe_pool_create(&pipes);

    *own = pipes;
    return err;
}

static void pump_close_pipes(void *own)
{
    pipe_pool_destroy(own);
}

static bool pump_work(void *ctx, struct queue_link *work, void *own)
{
    pump_job_run(ctx, OWNER_OF(work, struct pump_job, link), own);
    return false;
}

int pump_pool_create(struct pump_pool **out, unsigned threads)
{
    struct pump_pool *pool = calloc(1, sizeof(*pool));
    const struct work_pool_options options = {
        .name = "sluice-pump",
        .thread_max = threads,
        .run = pump_work,
        .open_own = pump_open_pipes,
        .close_own = pump_close_pipes,
        .ctx = pool,
    };
    int err;

    assert(threads >= 1 && threads <= PUMP_THREADS_MAX);
    if (pool == NULL)
        return -ENOMEM;
    if ((err = work_pool_create(&pool->works, &options)) != 0) {
        free(pool);
        return err;
    }
    *out = pool;
    return 0;
}

void pump_pool_destroy(struct pump_pool *pool)
{
    if (pool == NULL)
        return;
    work_pool_destroy(pool->works);
    free(pool);
}

/* ---- Jobs, on their ring's thread ---- */

int pump_start(struct pump_pool *pool, struct ring *ring, struct pump_job *job, int socket_fd)
{
    assert(job->max > 0 && job->max <= PUMP_JOB_BYTES_MAX);
    assert(job->op.done != NULL && job->digest != NULL && job->file_fd >= 0 && socket_fd >= 0);
    job->ring = ring;
    job->refusal = PUMP_REFUSED_NOTHING;
    job->is_of_file = false;
    job->socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 0);
    if (job->socket_fd < 0)
        return -EMFILE;
    job->own_fd = fcntl(job->file_fd, F_DUPFD_CLOEXEC, 0);
    if (job->own_fd < 0) {
        close(job->socket_fd);
        return -EMFILE;
    }
    if (work_pool_begin(pool->works) != 0) {
        pump_close(job);
        return -ENOMEM;
    }
    if (ring_lend(ring, &job->op, job->file_fd, job->max))
        work_pool_add(pool->works, &job->link);
    else
        pump_close(job);
    return 0;
}
