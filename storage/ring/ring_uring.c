/* SPDX-License-Identifier: MIT
 *
 * The ring's first engine: io_uring. The kernel writes the ring's event descriptor for every completion, so
 * the ring sleeps in one place whatever it waits for.
 *
 * Operations queue in `backlog` until flush turns them into submission entries. Never more are in the kernel
 * than its completion queue holds, so completions cannot overflow; the rest stay in the backlog, whose length
 * has no bound.
 *
 * The kernel's ring itself is made in ring_uring_make.c, and takes no operations but those of this file.
 *
 * Warming is the one operation of several steps; it comes first below. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/ring/pipe_pool.h"
#include "storage/base/io.h"
#include "storage/ring/ring_engine.h"
#include "storage/ring/ring_uring.h"
#include "storage/base/sys.h"

/* Ranges warmed at the same time; more wait. Each holds a pipe. */
#define URING_WARM_MAX 4u

struct warm_slot {
    bool busy;
    struct pipe_pair pipe;
};

struct ring_uring {
    struct ring *ring;
    struct io_uring uring;
    unsigned in_kernel, in_kernel_max;
    struct queue backlog;

    int null_fd; /* /dev/null, where warmed pages go */
    struct pipe_pool *pipes;
    struct warm_slot warm[URING_WARM_MAX];
    unsigned warm_busy;
    struct queue warm_waiting;
};

/* What link_fd has come to, kept in op->flags. */
enum { LINK_BY_PROC, LINK_BY_EMPTY_PATH };

/* ---- Warming: file -> pipe on a kernel thread, pipe -> /dev/null here ---------------------------
 *
 * splice waits until a page is read and moves a reference to it, not its bytes. Emptying the pipe drops the
 * references and never waits, so it is done in place.
 *
 * Reading ahead is left to the kernel, which goes further with each window of a file that is read from its beginning to its
 * end, and in large folios. POSIX_FADV_WILLNEED in front had it bring in page by page what it was told, and nothing else. */

/* Returns a slot with an empty pipe, NULL with *err == 0 when one will become free, or NULL with *err. */
static struct warm_slot *warm_slot_take(struct ring_uring *engine, int *err)
{
    struct warm_slot *slot = engine->warm;

    *err = 0;
    if (engine->warm_busy == URING_WARM_MAX)
        return NULL;
    while (slot->busy)
        slot++;
    *err = pipe_pool_take(engine->pipes, &slot->pipe);
    if (*err != 0) {
        if (engine->warm_busy > 0)
            *err = 0; /* out of descriptors for now: take turns */
        return NULL;
    }
    slot->busy = true;
    engine->warm_busy++;
    return slot;
}

static void warm_end(struct ring_uring *engine, struct ring_op *op, int32_t result, bool dirty,
                     struct queue *ready)
{
    struct warm_slot *slot = op->engine;
    struct ring_op *waiting = ring_op_pop(&engine->warm_waiting);

    pipe_pool_give(engine->pipes, &slot->pipe, dirty);
    slot->busy = false;
    engine->warm_busy--;
    if (waiting != NULL)
        queue_push(&engine->backlog, &waiting->link);
    op->engine = NULL;
    op->result = result;
    queue_push(ready, &op->link);
}

/* Empties the pipe of `length` bytes that are in it. */
static int warm_pipe_drain(const struct ring_uring *engine, const struct pipe_pair *pipe, uint32_t length)
{
    ssize_t n;

    while (length > 0) {
        n = sys.splice(pipe->read_fd, NULL, engine->null_fd, NULL, length, SPLICE_F_NONBLOCK);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return -EIO;
        if (n > 0)
            length -= (uint32_t)n;
    }
    return 0;
}

static void warm_on_spliced(struct ring_uring *engine, struct ring_op *op, int32_t result,
                            struct queue *ready)
{
    const struct warm_slot *slot = op->engine;

    /* EINVAL: a file system without splice has nothing to warm that this way could reach. 0: end of file. */
    if (result == -EINVAL || result == 0) {
        warm_end(engine, op, 0, false, ready);
    } else if (result < 0 || warm_pipe_drain(engine, &slot->pipe, (uint32_t)result) != 0) {
        warm_end(engine, op, -EIO, true, ready);
    } else {
        op->offset += (uint32_t)result;
        op->length -= (uint32_t)result;
        if (op->length == 0)
            warm_end(engine, op, 0, false, ready);
        else
            queue_push(&engine->backlog, &op->link);
    }
}

/* Writes the entry of an operation's next step, or none where it has to wait or is over. */
static void warm_prepare(struct ring_uring *engine, struct ring_op *op)
{
    struct warm_slot *slot = op->engine;
    struct io_uring_sqe *sqe;
    int err;

    if (op->length == 0) {
        ring_complete(engine->ring, op, 0);
        return;
    }
    if (slot == NULL) { /* first step */
        slot = warm_slot_take(engine, &err);
        if (slot == NULL) {
            if (err != 0)
                ring_complete(engine->ring, op, err);
            else
                queue_push(&engine->warm_waiting, &op->link);
            return;
        }
        op->engine = slot;
    }
    sqe = io_uring_get_sqe(&engine->uring);
    io_uring_prep_splice(sqe, op->fd, (int64_t)op->offset, slot->pipe.write_fd, -1,
                         op->length < slot->pipe.capacity ? (unsigned)op->length : slot->pipe.capacity, 0);
    io_uring_sqe_set_data(sqe, op);
    engine->in_kernel++;
}

/* ---- Operations of one step ---- */

static void linkat_prepare(struct io_uring_sqe *sqe, const struct ring_op *op)
{
    if (op->flags == LINK_BY_PROC)
        io_uring_prep_linkat(sqe, AT_FDCWD, op->fd_path, op->fd2, op->path, AT_SYMLINK_FOLLOW);
    else
        io_uring_prep_linkat(sqe, op->fd, "", op->fd2, op->path, AT_EMPTY_PATH);
}

static void op_prepare(struct ring_uring *engine, struct ring_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&engine->uring);

    switch (op->kind) {
    case RING_OP_READ:
        io_uring_prep_read(sqe, op->fd, op->buffer, (unsigned)op->length, op->offset);
        break;
    case RING_OP_WRITE:
        io_uring_prep_write(sqe, op->fd, op->buffer, (unsigned)op->length, op->offset);
        break;
    case RING_OP_SPLICE:
        io_uring_prep_splice(sqe, op->fd2, -1, op->fd, (int64_t)op->offset, (unsigned)op->length,
                             SPLICE_F_MOVE);
        break;
    case RING_OP_FDATASYNC:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case RING_OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        break;
    case RING_OP_FALLOCATE:
        io_uring_prep_fallocate(sqe, op->fd, op->flags, (off_t)op->offset, (off_t)op->length);
        break;
    case RING_OP_OPENAT:
        io_uring_prep_openat(sqe, op->fd, op->path, op->flags, op->mode);
        break;
    case RING_OP_LINKAT:
        linkat_prepare(sqe, op);
        break;
    case RING_OP_RENAMEAT:
        io_uring_prep_renameat(sqe, op->fd, op->path, op->fd2, op->path2, 0);
        break;
    case RING_OP_UNLINKAT:
        io_uring_prep_unlinkat(sqe, op->fd, op->path, 0);
        break;
    case RING_OP_CLOSE:
        io_uring_prep_close(sqe, op->fd);
        break;
    default:
        assert(!"an operation no engine knows");
    }
    io_uring_sqe_set_data(sqe, op);
    engine->in_kernel++;
}

/* Turns backlog into submission entries while there is room. */
static void ring_uring_fill(struct ring_uring *engine)
{
    struct ring_op *op;

    while (engine->in_kernel < engine->in_kernel_max && io_uring_sq_space_left(&engine->uring) > 0 &&
           (op = ring_op_pop(&engine->backlog)) != NULL) {
        if (op->kind == RING_OP_WARM)
            warm_prepare(engine, op);
        else
            op_prepare(engine, op);
    }
}

static void ring_uring_start(struct ring *ring, struct ring_op *op)
{
    struct ring_uring *engine = ring->engine;

    queue_push(&engine->backlog, &op->link);
}

static void ring_uring_flush(struct ring *ring)
{
    struct ring_uring *engine = ring->engine;
    int submitted;

    for (;;) {
        ring_uring_fill(engine);
        if (io_uring_sq_ready(&engine->uring) == 0)
            return;
        submitted = io_uring_submit(&engine->uring);
        if (submitted > 0 || submitted == -EINTR)
            continue;
        /* The kernel is short of memory just now. The entries stay where they are; the ring wakes itself, so
         * that the next turn of the loop tries again. */
        assert(submitted == 0 || submitted == -EAGAIN || submitted == -EBUSY || submitted == -ENOMEM);
        ring_wake(ring);
        return;
    }
}

static void ring_uring_on_completed(struct ring_uring *engine, struct ring_op *op, int32_t result,
                                    struct queue *ready)
{
    if (result == -EINTR && op->kind == RING_OP_CLOSE) {
        result = 0; /* the descriptor is gone all the same */
    } else if (result == -EINTR) {
        queue_push(&engine->backlog, &op->link);
        return;
    } else if (op->kind == RING_OP_WARM) {
        warm_on_spliced(engine, op, result, ready);
        return;
    } else if (op->kind == RING_OP_LINKAT && result == -ENOENT && op->flags == LINK_BY_PROC) {
        op->flags = LINK_BY_EMPTY_PATH; /* no /proc here; this form asks for a capability instead */
        queue_push(&engine->backlog, &op->link);
        return;
    }
    op->result = result;
    queue_push(ready, &op->link);
}

static void ring_uring_collect(struct ring *ring, struct queue *ready)
{
    struct ring_uring *engine = ring->engine;
    struct io_uring_cqe *cqe;
    struct ring_op *op;
    int32_t result;

    while (io_uring_peek_cqe(&engine->uring, &cqe) == 0) {
        op = io_uring_cqe_get_data(cqe);
        result = cqe->res;
        io_uring_cqe_seen(&engine->uring, cqe);
        assert(engine->in_kernel > 0);
        engine->in_kernel--;
        ring_uring_on_completed(engine, op, result, ready);
    }
}

/* ---- Making and ending ---- */

static void ring_uring_destroy(struct ring *ring)
{
    struct ring_uring *engine = ring->engine;

    assert(queue_is_empty(&engine->backlog) && engine->warm_busy == 0);
    io_uring_queue_exit(&engine->uring);
    pipe_pool_destroy(engine->pipes);
    close(engine->null_fd);
    free(engine);
}

static const struct ring_engine_calls ring_uring_calls = {
    .engine = RING_ENGINE_URING,
    .start = ring_uring_start,
    .flush = ring_uring_flush,
    .collect = ring_uring_collect,
    .destroy = ring_uring_destroy,
};

int ring_uring_attach(struct ring *ring)
{
    struct ring_uring *engine = calloc(1, sizeof(*engine));
    int err;

    if (engine == NULL)
        return -ENOMEM;
    engine->ring = ring;
    engine->null_fd = io_open(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC);
    err = engine->null_fd < 0 ? -errno : pipe_pool_create(&engine->pipes);
    if (err != 0)
        goto fail;
    if ((err = uring_make(&engine->uring, ring->event_fd, &engine->in_kernel_max)) != 0)
        goto fail;
    ring->calls = &ring_uring_calls;
    ring->engine = engine;
    return 0;

fail:
    pipe_pool_destroy(engine->pipes);
    if (engine->null_fd >= 0)
        close(engine->null_fd);
    free(engine);
    return err;
}
