/* SPDX-License-Identifier: MIT
 *
 * A ring runs disk work that may block, off the thread that asked for it, and hands the results back there.
 *
 * Two engines stand behind one interface: io_uring, and a small pool of threads for places where io_uring is
 * forbidden (container seccomp profiles, kernel.io_uring_disabled). Which one is in use changes no result.
 *
 * Life cycle: ring_create, then ring_* operations and ring_reap on ONE thread, ring_destroy on the same thread.
 * Only ring_post and ring_return may be called from another thread. An event loop watches ring_event_fd, calls ring_reap when it is
 * readable, and calls ring_flush once before it sleeps: operations are batched until then.
 *
 * Every operation takes a caller-owned struct ring_op which must stay valid, with every buffer and path it names,
 * until its `done` runs. `done` runs inside ring_reap (or ring_wait), never inside the call that starts the operation,
 * exactly once, with what the system call returned: a count or 0, or a negative errno. There is no cancel; callers
 * that lose interest detach in `done`.
 *
 * With io_uring the kernel borrows the ring's thread now and then for its own work: epoll_wait, poll and the like may
 * then return EINTR although no signal came. An event loop treats that as "try again".
 *
 * The ring retries nothing: short counts are the caller's to continue. -EINTR is never reported. */
#ifndef STORAGE_RING_RING_H
#define STORAGE_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/queue.h"

struct ring;
struct ring_op;

typedef void (*ring_done_fn)(struct ring_op *op, int32_t result);

enum ring_engine {
    RING_ENGINE_AUTO,    /* io_uring when the kernel allows it, else threads */
    RING_ENGINE_URING,   /* io_uring or fail */
    RING_ENGINE_THREADS, /* the pool of threads */
};

enum ring_op_kind {
    RING_OP_NONE,
    RING_OP_READ,
    RING_OP_WRITE,
    RING_OP_SPLICE,
    RING_OP_FDATASYNC,
    RING_OP_FSYNC,
    RING_OP_FALLOCATE,
    RING_OP_OPENAT,
    RING_OP_LINKAT,
    RING_OP_RENAMEAT,
    RING_OP_UNLINKAT,
    RING_OP_CLOSE,
    RING_OP_WARM,
    RING_OP_LENT,
    RING_OP_POSTED,
    RING_OP_KIND_COUNT,
};

/* Embed it in the object that waits. `done` is set by the caller; the rest belongs to the ring while in flight. */
struct ring_op {
    ring_done_fn done;
    /* private to the ring */
    struct queue_link link;
    enum ring_op_kind kind;
    uint8_t begun; /* which of the ring's two counts it is in */
    int fd, fd2;
    int flags;
    int32_t result;
    unsigned mode;
    uint64_t offset, length;
    void *buffer;
    const char *path, *path2;
    char fd_path[28]; /* ring_link_fd: "/proc/self/fd/N" */
    void *engine;     /* scratch of the engine */
};

/* engine: which one; AUTO never fails for want of io_uring.
 * Returns 0, -ENOMEM, -EMFILE, or with RING_ENGINE_URING the errno of io_uring_setup (-EPERM, -ENOSYS). */
int ring_create(struct ring **ring, enum ring_engine engine);

/* Waits for what is in flight (running its `done`s), then frees. NULL is allowed. */
void ring_destroy(struct ring *ring);

/* RING_ENGINE_URING or RING_ENGINE_THREADS: the engine chosen. */
enum ring_engine ring_engine_in_use(const struct ring *ring);

/* An eventfd, readable while completions wait; owned by the ring. ring_reap resets it. */
int ring_event_fd(const struct ring *ring);
/* From now on ring_reap leaves that out, which saves a call at each wake-up: for a loop that hears of each write to the descriptor
 * (EPOLLET), whatever is in it. */
void ring_watch_edges(struct ring *ring);

/* Hands queued operations to the kernel or the threads. Cheap when nothing is queued. */
void ring_flush(struct ring *ring);

/* Runs `done` of everything that has completed; never blocks. Returns how many ran. */
unsigned ring_reap(struct ring *ring);

/* ring_flush, blocks until something has completed, ring_reap. For threads without an event loop. Returns 0 at once
 * when nothing is in flight AND expect_post is false; with expect_post it also waits for a ring_post. */
unsigned ring_wait(struct ring *ring, bool expect_post);

/* Operations in flight or queued, posted ones not counted. */
unsigned ring_pending(const struct ring *ring);

/* Whether an operation, other than a sync or a lent one, has been pending for RING_STALL_MS at least (of twice that it is certain): the disk hangs, and
 * who has the choice begins nothing that needs it. */
bool ring_is_stalled(struct ring *ring);

/* offset: position in the file, or UINT64_MAX for "current position" (pipes, sockets). */
void ring_read(struct ring *ring, struct ring_op *op, int fd, void *buffer, uint32_t length, uint64_t offset);
void ring_write(struct ring *ring, struct ring_op *op, int fd, const void *buffer, uint32_t length,
                uint64_t offset);

/* Moves up to `length` bytes from a pipe into a file at `offset`. The file must not be O_APPEND. */
void ring_splice_to_file(struct ring *ring, struct ring_op *op, int pipe_fd, int file_fd, uint64_t offset,
                         uint32_t length);

void ring_fdatasync(struct ring *ring, struct ring_op *op, int fd);
void ring_fsync(struct ring *ring, struct ring_op *op, int fd);
void ring_fallocate(struct ring *ring, struct ring_op *op, int fd, int mode, uint64_t offset,
                    uint64_t length);
void ring_openat(struct ring *ring, struct ring_op *op, int dir_fd, const char *path, int flags,
                 unsigned mode);

/* Gives an O_TMPFILE descriptor a name: linkat(AT_FDCWD, "/proc/self/fd/N", dir_fd, path, AT_SYMLINK_FOLLOW), or the
 * AT_EMPTY_PATH form where /proc is missing. */
void ring_link_fd(struct ring *ring, struct ring_op *op, int fd, int dir_fd, const char *path);
void ring_renameat(struct ring *ring, struct ring_op *op, int from_dir_fd, const char *from, int to_dir_fd,
                   const char *to);
void ring_unlinkat(struct ring *ring, struct ring_op *op, int dir_fd, const char *path);
void ring_close(struct ring *ring, struct ring_op *op, int fd);

/* Brings [offset, offset + length) of a file into the page cache, and completes when it is there (0) or could not
 * be read (-EIO). No byte passes through this program's memory. What lies after the end of the file counts as there.
 * -EMFILE, -ENFILE: no descriptor was left to do it with. */
void ring_warm(struct ring *ring, struct ring_op *op, int fd, uint64_t offset, uint32_t length);

/* Counts an operation in that somebody else carries out: it is pending like any other, and ring_destroy waits for it. true:
 * whoever has it owes one ring_return; false: a test made it fail instead, `done` follows, and nothing is to be done. fd and
 * length: told to sys_fault (ring_fault.h). */
bool ring_lend(struct ring *ring, struct ring_op *op, int fd, uint64_t length);
/* From ANY thread: the lent operation is over. `done` runs on the ring's thread and may free op. */
void ring_return(struct ring *ring, struct ring_op *op, int32_t result);

/* From ANY thread: makes op->done(op, result) run on the ring's thread at its next ring_reap. */
void ring_post(struct ring *ring, struct ring_op *op, int32_t result);

/* What the calling thread posts between these two reaches each ring at once, at the end: its thread is woken for all of it, not
 * for the first, which would have it compete for the CPU and the lock with the rest. Not nested. */
void ring_posts_hold(void);
void ring_posts_release(void);

#endif
