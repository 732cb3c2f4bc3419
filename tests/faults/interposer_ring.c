/* SPDX-License-Identifier: MIT
 *
 * Operations of an io_uring that fail, or do half. What waits in the submission queue is changed before the kernel sees it: into an
 * operation that does nothing and has the result that is wanted (Linux 6.12), or into one of half the length. The rings' restrictions
 * do not allow that, so there are none. */
#include "interposer.h"

#include <fcntl.h>
#include <liburing.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOP_INJECT_RESULT 1u /* flag of IORING_OP_NOP; the result is in len */

static bool has_length(const struct io_uring_sqe *sqe)
{
    return sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_SPLICE;
}

/* What the operation would be refused with where no file may be changed, or 0. */
static int refused(const struct io_uring_sqe *sqe)
{
    switch (sqe->opcode) {
    case IORING_OP_WRITE:
    case IORING_OP_SPLICE:
    case IORING_OP_FALLOCATE:
        return faults_refuse(sqe->fd);
    case IORING_OP_OPENAT:
        return (sqe->open_flags & (O_ACCMODE | O_CREAT)) != O_RDONLY ? faults_refuse(-1) : 0;
    case IORING_OP_LINKAT:
    case IORING_OP_RENAMEAT:
    case IORING_OP_UNLINKAT:
        return faults_refuse(-1);
    default:
        return 0;
    }
}

static void change(struct io_uring_sqe *sqe)
{
    uint64_t data = sqe->user_data;
    int action;

    if (sqe->opcode == IORING_OP_NOP || sqe->opcode == IORING_OP_CLOSE) /* a close that fails has closed */
        return;
    if ((action = refused(sqe)) == 0)
        action = faults_decide(CALL_RING, 0x100u + sqe->opcode);
    if (action > 0) {
        io_uring_prep_nop(sqe);
        sqe->rw_flags = NOP_INJECT_RESULT;
        sqe->len = (unsigned)-action;
        sqe->user_data = data;
    } else if (action == ACTION_HALF && has_length(sqe) && sqe->len > 1) {
        sqe->len /= 2;
    }
}

/* ---- Operations that do not come back ---- */

#define HELD_MAX 128u

/* A ring belongs to one thread. */
static _Thread_local struct {
    struct io_uring_sqe list[HELD_MAX];
    unsigned count;
} held __attribute__((tls_model("initial-exec")));

static bool hangs(void)
{
    return control != NULL && atomic_load(&control->hangs) == CALL_RING;
}

/* Kept for later; the kernel gets one that does nothing and says nothing. */
static void hold(struct io_uring_sqe *sqe)
{
    if (sqe->opcode == IORING_OP_NOP || held.count == HELD_MAX)
        return;
    held.list[held.count++] = *sqe;
    io_uring_prep_nop(sqe);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = 0;
}

static void let_go(struct io_uring *ring)
{
    struct io_uring_sqe *sqe;

    while (held.count > 0 && (sqe = io_uring_get_sqe(ring)) != NULL)
        *sqe = held.list[--held.count];
}

static void change_waiting(struct io_uring *ring)
{
    bool waits = hangs();

    if (!waits)
        let_go(ring);
    for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; at++) {
        struct io_uring_sqe *sqe = &ring->sq.sqes[at & *ring->sq.kring_mask];

        if (waits)
            hold(sqe);
        else
            change(sqe);
    }
}

int io_uring_submit(struct io_uring *ring)
{
    REAL(io_uring_submit);
    change_waiting(ring);
    return real(ring);
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
    REAL(io_uring_queue_init_params);
    return faults_fail(CALL_RING_MAKE) ? -errno : real(entries, ring, params);
}

int io_uring_register_eventfd(struct io_uring *ring, int fd)
{
    REAL(io_uring_register_eventfd);
    return faults_fail(CALL_RING_MAKE) ? -errno : real(ring, fd);
}

long syscall(long number, ...)
{
    REAL(syscall);
    va_list more;
    long argument[6];

    va_start(more, number);
    for (int i = 0; i < 6; i++)
        argument[i] = va_arg(more, long);
    va_end(more);
    if (control != NULL && number == SYS_io_uring_register && argument[1] == IORING_REGISTER_RESTRICTIONS)
        return 0;
    return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
