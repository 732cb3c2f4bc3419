/* SPDX-License-Identifier: MIT
 *
 * The ring's second engine: up to RING_THREADS_MAX threads per ring that make the blocking system calls one
 * by one.
 *
 * Operations started on the ring's thread gather in `batch` without a lock; flush gives them to a work pool. A thread takes the oldest
 * operation, carries it out, and hands the result to ring_complete. Order between operations is not kept, exactly as with io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/work_pool.h"
#include "storage/limits.h"
#include "storage/ring/ring_engine.h"
#include "storage/base/sys.h"

struct ring_threads {
    struct ring *ring;
    struct work_pool *pool;
    struct queue batch; /* started and not flushed; the ring's thread only */
    int null_fd;        /* /dev/null, where warmed pages go */
};

/* ---- The system calls ---- */

/* Repeats a call that a signal cut short, and gives what it returned as a count or a negative errno. */
#define RING_CALL(call)                                                                                      \
    __extension__({                                                                                          \
        ssize_t call_result = IO_RETRY(call);                                                                \
        call_result < 0 ? -errno : (int32_t)call_result;                                                     \
    })

static int32_t run_read(const struct ring_op *op)
{
    if (op->offset == UINT64_MAX)
        return RING_CALL(read(op->fd, op->buffer, op->length));
    return RING_CALL(sys.pread(op->fd, op->buffer, op->length, (off_t)op->offset));
}

static int32_t run_write(const struct ring_op *op)
{
    if (op->offset == UINT64_MAX)
        return RING_CALL(write(op->fd, op->buffer, op->length));
    return RING_CALL(sys.pwrite(op->fd, op->buffer, op->length, (off_t)op->offset));
}

static int32_t run_splice(const struct ring_op *op)
{
    off_t offset = (off_t)op->offset;
    off_t *at = op->offset == UINT64_MAX ? NULL : &offset;

    return RING_CALL(sys.splice(op->fd2, NULL, op->fd, at, op->length, SPLICE_F_MOVE));
}

static int32_t run_linkat(const struct ring_op *op)
{
    int32_t result = RING_CALL(linkat(AT_FDCWD, op->fd_path, op->fd2, op->path, AT_SYMLINK_FOLLOW));

    if (result == -ENOENT) /* no /proc here; this form asks for a capability instead */
        result = RING_CALL(linkat(op->fd, "", op->fd2, op->path, AT_EMPTY_PATH));
    return result;
}

static int32_t run_close(const struct ring_op *op)
{
    /* Linux has released the descriptor by the time it says EINTR: trying again could close somebody else's. */
    return close(op->fd) == 0 || errno == EINTR ? 0 : -errno;
}

/* sendfile to /dev/null waits for each page, copying none. The kernel reads ahead of it, better than it is told to. */
static int32_t run_warm(const struct ring_op *op, int null_fd)
{
    uint64_t end = op->offset + op->length;
    off_t offset = (off_t)op->offset;
    ssize_t n;

    while ((uint64_t)offset < end) {
        n = IO_RETRY(sys.sendfile(null_fd, op->fd, &offset, end - (uint64_t)offset));
        if (n == 0)
            return 0; /* end of file */
        if (n > 0)
            continue;
        /* EINVAL: a file system without splice has nothing to warm that this way could reach. */
        return errno == EINVAL ? 0 : -EIO;
    }
    return 0;
}

static int32_t ring_threads_run(struct ring_threads *engine, const struct ring_op *op)
{
    switch (op->kind) {
    case RING_OP_READ:
        return run_read(op);
    case RING_OP_WRITE:
        return run_write(op);
    case RING_OP_SPLICE:
        return run_splice(op);
    case RING_OP_FDATASYNC:
        return RING_CALL(sys.fdatasync(op->fd));
    case RING_OP_FSYNC:
        return RING_CALL(sys.fsync(op->fd));
    case RING_OP_FALLOCATE:
        return RING_CALL(fallocate(op->fd, op->flags, (off_t)op->offset, (off_t)op->length));
    case RING_OP_OPENAT:
        return RING_CALL(sys.openat(op->fd, op->path, op->flags, (mode_t)op->mode));
    case RING_OP_LINKAT:
        return run_linkat(op);
    case RING_OP_RENAMEAT:
        return RING_CALL(renameat(op->fd, op->path, op->fd2, op->path2));
    case RING_OP_UNLINKAT:
        return RING_CALL(unlinkat(op->fd, op->path, 0));
    case RING_OP_CLOSE:
        return run_close(op);
    case RING_OP_WARM:
        return run_warm(op, engine->null_fd);
    default:
        assert(!"an operation no engine knows");
        return -EINVAL;
    }
}

/* ---- Threads ---- */

static bool ring_threads_work(void *ctx, struct queue_link *work, void *own)
{
    struct ring_threads *engine = ctx;
    struct ring_op *op = OWNER_OF(work, struct ring_op, link);

    ring_complete(engine->ring, op, ring_threads_run(engine, op));
    return false;
}

static void ring_threads_start(struct ring *ring, struct ring_op *op)
{
    struct ring_threads *engine = ring->engine;

    queue_push(&engine->batch, &op->link);
}

static void ring_threads_flush(struct ring *ring)
{
    struct ring_threads *engine = ring->engine;

    work_pool_add_all(engine->pool, &engine->batch);
}

static void ring_threads_collect(struct ring *ring, struct queue *ready)
{
    (void)ring; /* results come through ring_complete */
    (void)ready;
}

static void ring_threads_free(struct ring_threads *engine)
{
    work_pool_destroy(engine->pool);
    if (engine->null_fd >= 0)
        close(engine->null_fd);
    free(engine);
}

static void ring_threads_destroy(struct ring *ring)
{
    struct ring_threads *engine = ring->engine;

    assert(queue_is_empty(&engine->batch));
    ring_threads_free(engine);
}

static const struct ring_engine_calls ring_threads_calls = {
    .engine = RING_ENGINE_THREADS,
    .start = ring_threads_start,
    .flush = ring_threads_flush,
    .collect = ring_threads_collect,
    .destroy = ring_threads_destroy,
};

int ring_threads_attach(struct ring *ring)
{
    struct ring_threads *engine = calloc(1, sizeof(*engine));
    const struct work_pool_options options = {
        .name = "sluice-disk",
        .thread_max = RING_THREADS_MAX,
        .run = ring_threads_work,
        .ctx = engine,
    };
    int err;

    if (engine == NULL)
        return -ENOMEM;
    engine->ring = ring;
    engine->null_fd = io_open(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC);
    err = engine->null_fd < 0 ? -errno : work_pool_create(&engine->pool, &options);
    if (err == 0)
        err = work_pool_begin(engine->pool); /* now: so that no operation fails for want of a thread */
    if (err != 0) {
        ring_threads_free(engine);
        return err;
    }
    ring->calls = &ring_threads_calls;
    ring->engine = engine;
    return 0;
}
