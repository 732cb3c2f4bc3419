/* SPDX-License-Identifier: MIT
 *
 * The engine-independent half of the ring: choosing an engine, describing operations, and bringing results
 * home.
 *
 * Results reach the ring's thread in two ways: the engine's own (`collect`), and the list `arrived`, which
 * any thread may append to: ring_post, the thread engine, and injected faults. The event descriptor is
 * written when `arrived` stops being empty, outside the lock, which the woken thread wants next. The ring may be
 * destroyed as soon as the operation's done has run, for that waits until no poster is left.
 *
 * It makes no system call for an operation; that is the engines' work. */
#include "storage/base/io.h"
#include "storage/ring/ring.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/base/clock.h"
#include "storage/limits.h"
#include "storage/ring/ring_engine.h"
#include "storage/ring/ring_fault.h"

int (*sys_fault)(enum ring_op_kind kind, int fd, uint64_t length);

static int ring_attach(struct ring *ring, enum ring_engine engine)
{
    int err;

    if (engine == RING_ENGINE_THREADS)
        return ring_threads_attach(ring);
    err = ring_uring_attach(ring);
    if (err != 0 && engine == RING_ENGINE_AUTO)
        err = ring_threads_attach(ring);
    return err;
}

int ring_create(struct ring **out, enum ring_engine engine)
{
    struct ring *ring = calloc(1, sizeof(*ring));
    int err;

    if (ring == NULL)
        return -ENOMEM;
    ring->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->event_fd < 0) {
        err = -errno;
        free(ring);
        return err;
    }
    pthread_mutex_init(&ring->lock, NULL);
    err = ring_attach(ring, engine);
    if (err != 0) {
        pthread_mutex_destroy(&ring->lock);
        close(ring->event_fd);
        free(ring);
        return err;
    }
    *out = ring;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (ring == NULL)
        return;
    assert(!ring->reaping);
    do /* what was posted before is not counted in pending, and its `done` may start something new */
        while (ring->pending > 0)
            ring_wait(ring, false);
    while (ring_reap(ring) > 0 || ring->pending > 0);
    assert(ring->pending == 0 && queue_is_empty(&ring->arrived));
    while (atomic_load(&ring->posters) > 0)
        (void)sched_yield();
    ring->calls->destroy(ring);
    pthread_mutex_destroy(&ring->lock);
    close(ring->event_fd);
    free(ring);
}

enum ring_engine ring_engine_in_use(const struct ring *ring)
{
    return ring->calls->engine;
}

int ring_event_fd(const struct ring *ring)
{
    return ring->event_fd;
}

void ring_watch_edges(struct ring *ring)
{
    ring->watches_edges = true;
}

unsigned ring_pending(const struct ring *ring)
{
    return ring->pending;
}

void ring_wake(struct ring *ring)
{
    static const uint64_t one = 1;
    ssize_t n = IO_RETRY(write(ring->event_fd, &one, sizeof(one)));

    /* EAGAIN: the counter is full, so the descriptor is readable, which is all that is wanted. */
    assert(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

static void ring_arrive(struct ring *ring, struct queue *queue)
{
    bool was_empty;

    (void)atomic_fetch_add(&ring->posters, 1);
    pthread_mutex_lock(&ring->lock);
    was_empty = queue_is_empty(&ring->arrived);
    queue_append(&ring->arrived, queue);
    pthread_mutex_unlock(&ring->lock);
    if (was_empty)
        ring_wake(ring);
    (void)atomic_fetch_sub(&ring->posters, 1);
}

void ring_complete(struct ring *ring, struct ring_op *op, int32_t result)
{
    struct queue one = {NULL, NULL};

    assert(op->done != NULL);
    op->result = result;
    queue_push(&one, &op->link);
    ring_arrive(ring, &one);
}

/* ---- Posts ---- */

static _Thread_local struct {
    bool is_holding;
    struct queue queue; /* each with its ring in `engine` */
} held;

void ring_post(struct ring *ring, struct ring_op *op, int32_t result)
{
    assert(op->done != NULL);
    op->kind = RING_OP_POSTED;
    if (!held.is_holding) {
        ring_complete(ring, op, result);
        return;
    }
    op->result = result;
    op->engine = ring;
    queue_push(&held.queue, &op->link);
}

void ring_posts_hold(void)
{
    assert(!held.is_holding);
    held.is_holding = true;
}

/* Takes those of the first one's ring out of the queue, in their order. */
static struct ring *held_take(struct queue *taken)
{
    struct queue rest = {NULL, NULL};
    struct ring *ring = OWNER_OF(held.queue.first, struct ring_op, link)->engine;
    struct ring_op *op;

    while ((op = ring_op_pop(&held.queue)) != NULL)
        queue_push(op->engine == ring ? taken : &rest, &op->link);
    held.queue = rest;
    return ring;
}

void ring_posts_release(void)
{
    assert(held.is_holding);
    held.is_holding = false;
    while (!queue_is_empty(&held.queue)) {
        struct queue taken = {NULL, NULL};
        struct ring *ring = held_take(&taken);

        ring_arrive(ring, &taken);
    }
}

/* ---- How long they take ----
 *
 * Two counts are cheaper than the time of each operation: when all of the older one are back, and it has been the older one for long enough,
 * the two change places. What is left in the older one after that time again has been under way for it. */

static void ring_count_turn(struct ring *ring)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (ring->begun[1 - ring->begun_now] > 0 || now_ms < ring->begun_turned_ms + RING_STALL_MS)
        return;
    ring->begun_now = 1 - ring->begun_now;
    ring->begun_turned_ms = now_ms;
}

/* The sync of a large file may take its time on a disk that is well; and who has a lent operation may wait for more than the disk. */
static bool ring_is_counted(const struct ring_op *op)
{
    return op->kind != RING_OP_LENT && op->kind != RING_OP_FDATASYNC && op->kind != RING_OP_FSYNC;
}

static void ring_count_in(struct ring *ring, struct ring_op *op)
{
    if (!ring_is_counted(op))
        return;
    ring_count_turn(ring);
    op->begun = (uint8_t)ring->begun_now;
    ring->begun[op->begun]++;
}

static void ring_count_out(struct ring *ring, const struct ring_op *op)
{
    if (!ring_is_counted(op))
        return;
    assert(ring->begun[op->begun] > 0);
    ring->begun[op->begun]--;
}

bool ring_is_stalled(struct ring *ring)
{
    ring_count_turn(ring);
    return ring->begun[1 - ring->begun_now] > 0 &&
           clock_monotonic_ms() >= ring->begun_turned_ms + RING_STALL_MS;
}

/* ---- The ring's thread ---- */

void ring_flush(struct ring *ring)
{
    if (ring->pending > 0)
        ring->calls->flush(ring);
}

/* Nothing to read (EAGAIN) is as good. */
static void ring_reset(struct ring *ring)
{
    uint64_t wakes;

    (void)IO_RETRY(read(ring->event_fd, &wakes, sizeof(wakes)));
}

unsigned ring_reap(struct ring *ring)
{
    struct queue ready = {NULL, NULL};
    struct ring_op *op;
    unsigned count = 0;

    assert(!ring->reaping);
    ring->reaping = true;
    /* Reset first, look afterwards: what arrives in between makes the descriptor readable again, or is one more edge. */
    if (!ring->watches_edges)
        ring_reset(ring);
    ring->calls->collect(ring, &ready);
    pthread_mutex_lock(&ring->lock);
    queue_append(&ready, &ring->arrived);
    pthread_mutex_unlock(&ring->lock);

    while ((op = ring_op_pop(&ready)) != NULL) {
        if (op->kind != RING_OP_POSTED) {
            assert(ring->pending > 0);
            ring->pending--;
            ring_count_out(ring, op);
        }
        op->done(op, op->result); /* may free or reuse op */
        count++;
    }
    ring->reaping = false;
    return count;
}

unsigned ring_wait(struct ring *ring, bool expect_post)
{
    struct pollfd wait = {.fd = ring->event_fd, .events = POLLIN};
    unsigned count;

    for (;;) {
        ring_flush(ring);
        if (ring->watches_edges) /* poll asks what is in it */
            ring_reset(ring);
        count = ring_reap(ring);
        if (count > 0)
            return count;
        if (ring->pending == 0 && !expect_post)
            return 0;
        ring_flush(ring); /* the reap may have moved an operation on to its next step */
        if (poll(&wait, 1, -1) < 0)
            assert(errno == EINTR || errno == ENOMEM || errno == EAGAIN);
    }
}

/* ---- Operations ---- */

/* Counts the operation in. false: a test makes it fail, and its result is on the way. */
static bool ring_admit(struct ring *ring, struct ring_op *op, enum ring_op_kind kind)
{
    int fault = 0;

    assert(op->done != NULL);
    op->kind = kind;
    op->engine = NULL;
    ring->pending++;
    ring_count_in(ring, op);
    if (sys_fault != NULL)
        fault = sys_fault(kind, op->fd, op->length);
    if (fault < 0)
        ring_complete(ring, op, fault);
    return fault >= 0;
}

static void ring_start(struct ring *ring, struct ring_op *op, enum ring_op_kind kind)
{
    if (ring_admit(ring, op, kind))
        ring->calls->start(ring, op);
}

bool ring_lend(struct ring *ring, struct ring_op *op, int fd, uint64_t length)
{
    op->fd = fd;
    op->length = length;
    return ring_admit(ring, op, RING_OP_LENT);
}

void ring_return(struct ring *ring, struct ring_op *op, int32_t result)
{
    assert(op->kind == RING_OP_LENT);
    ring_complete(ring, op, result);
}

void ring_read(struct ring *ring, struct ring_op *op, int fd, void *buffer, uint32_t length, uint64_t offset)
{
    assert(length <= RING_TRANSFER_BYTES_MAX);
    op->fd = fd;
    op->buffer = buffer;
    op->length = length;
    op->offset = offset;
    ring_start(ring, op, RING_OP_READ);
}

void ring_write(struct ring *ring, struct ring_op *op, int fd, const void *buffer, uint32_t length,
                uint64_t offset)
{
    assert(length <= RING_TRANSFER_BYTES_MAX);
    op->fd = fd;
    op->buffer = (void *)buffer; /* only read from */
    op->length = length;
    op->offset = offset;
    ring_start(ring, op, RING_OP_WRITE);
}

void ring_splice_to_file(struct ring *ring, struct ring_op *op, int pipe_fd, int file_fd, uint64_t offset,
                         uint32_t length)
{
    assert(pipe_fd >= 0 && length > 0 && length <= RING_TRANSFER_BYTES_MAX);
    op->fd = file_fd;
    op->fd2 = pipe_fd;
    op->offset = offset;
    op->length = length;
    ring_start(ring, op, RING_OP_SPLICE);
}

void ring_fdatasync(struct ring *ring, struct ring_op *op, int fd)
{
    op->fd = fd;
    op->length = 0;
    ring_start(ring, op, RING_OP_FDATASYNC);
}

void ring_fsync(struct ring *ring, struct ring_op *op, int fd)
{
    op->fd = fd;
    op->length = 0;
    ring_start(ring, op, RING_OP_FSYNC);
}

void ring_fallocate(struct ring *ring, struct ring_op *op, int fd, int mode, uint64_t offset, uint64_t length)
{
    op->fd = fd;
    op->flags = mode;
    op->offset = offset;
    op->length = length;
    ring_start(ring, op, RING_OP_FALLOCATE);
}

void ring_openat(struct ring *ring, struct ring_op *op, int dir_fd, const char *path, int flags,
                 unsigned mode)
{
    op->fd = dir_fd;
    op->path = path;
    op->flags = flags;
    op->mode = mode;
    op->length = 0;
    ring_start(ring, op, RING_OP_OPENAT);
}

void ring_link_fd(struct ring *ring, struct ring_op *op, int fd, int dir_fd, const char *path)
{
    assert(fd >= 0 && path != NULL);
    op->fd = fd;
    op->fd2 = dir_fd;
    op->path = path;
    op->flags = 0;
    op->length = 0;
    snprintf(op->fd_path, sizeof(op->fd_path), "/proc/self/fd/%d", fd);
    ring_start(ring, op, RING_OP_LINKAT);
}

void ring_renameat(struct ring *ring, struct ring_op *op, int from_dir_fd, const char *from, int to_dir_fd,
                   const char *to)
{
    assert(from != NULL && to != NULL);
    op->fd = from_dir_fd;
    op->fd2 = to_dir_fd;
    op->path = from;
    op->path2 = to;
    op->length = 0;
    ring_start(ring, op, RING_OP_RENAMEAT);
}

void ring_unlinkat(struct ring *ring, struct ring_op *op, int dir_fd, const char *path)
{
    op->fd = dir_fd;
    op->path = path;
    op->length = 0;
    ring_start(ring, op, RING_OP_UNLINKAT);
}

void ring_close(struct ring *ring, struct ring_op *op, int fd)
{
    assert(fd >= 0);
    op->fd = fd;
    op->length = 0;
    ring_start(ring, op, RING_OP_CLOSE);
}

void ring_warm(struct ring *ring, struct ring_op *op, int fd, uint64_t offset, uint32_t length)
{
    op->fd = fd;
    op->offset = offset;
    op->length = length;
    ring_start(ring, op, RING_OP_WARM);
}
