/* SPDX-License-Identifier: MIT
 *
 * Operations of an io_uring that fail, or do half. What waits in the submission queue is changed before the kernel sees it: into an
 * operation that does nothing and has the result that is wanted (Linux 6.12), or into one of half the length. The rings' restrictions
 * do not allow that, so there are none. */
#include "interposer.h"

#include <liburing.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOP_INJECT_RESULT 1u /* flag of IORING_OP_NOP; the result is in len */

static bool has_length(const struct io_uring_sqe *sqe)
{
    return sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_SPLICE;
}

static void change(struct io_uring_sqe *sqe)
{
    uint64_t data = sqe->user_data;
    int action;

    if (sqe->opcode == IORING_OP_NOP || sqe->opcode == IORING_OP_CLOSE) /* a close that fails has closed */
        return;
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

static void change_waiting(struct io_uring *ring)
{
    for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; at++)
        change(&ring->sq.sqes[at & *ring->sq.kring_mask]);
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
