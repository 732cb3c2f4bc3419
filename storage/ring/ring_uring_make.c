/* SPDX-License-Identifier: MIT
 *
 * Making the kernel's ring: its flags, whether it knows what is needed, and what it is held to.
 *
 * A seccomp filter sees system calls, and operations of a ring are none: by a ring a process may connect to somewhere although connect is
 * forbidden to it. So the ring begins disabled, is told the operations that the engine uses, and is enabled then; from there on the kernel
 * refuses every other operation with -EACCES, and every change of what was registered.
 *
 * A ring may be made on one thread and used on another (one at a time), which rules out
 * IORING_SETUP_SINGLE_ISSUER, DEFER_TASKRUN and a registered ring descriptor: all three belong to one thread. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage/limits.h"
#include "storage/ring/ring_uring.h"

/* Kernel threads that carry out blocking work for one ring's thread: on files, and on pipes (warming). Enough
 * to keep a disk's queue filled; by default it would be four per core, and without limit for pipes. */
#define URING_FILE_WORKERS_MAX 8u
#define URING_PIPE_WORKERS_MAX 4u

/* What ring_uring.c sends, and no more. */
static const uint8_t operations[] = {IORING_OP_NOP,    IORING_OP_READ,      IORING_OP_WRITE,
                                     IORING_OP_SPLICE, IORING_OP_FSYNC,     IORING_OP_OPENAT,
                                     IORING_OP_LINKAT, IORING_OP_FALLOCATE, IORING_OP_RENAMEAT,
                                     IORING_OP_CLOSE,  IORING_OP_UNLINKAT};
#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

/* Sets the kernel's ring up with as many of the wished-for flags as it knows. */
static int uring_setup(struct io_uring *uring, unsigned flags_needed, unsigned *completions_max)
{
    /* COOP_TASKRUN: completions wait for the thread's next system call instead of interrupting it; a thread
     * asleep on the event descriptor is woken as ever. */
    static const unsigned flags[] = {IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
                                     IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL, IORING_SETUP_CLAMP};
    struct io_uring_params params;
    int err = -EINVAL;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && err == -EINVAL; i++) {
        params = (struct io_uring_params){.flags = flags[i] | flags_needed};
        err = io_uring_queue_init_params(RING_ENTRIES, uring, &params);
    }
    if (err == 0)
        *completions_max = params.cq_entries;
    return err;
}

/* Whether the kernel knows every operation we need. The youngest, linkat, is of Linux 5.15, so everything
 * else the engine relies on (stable submission, native workers, results never dropped) is there too. */
static int uring_probe(struct io_uring *uring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
    int err = 0;

    if (probe == NULL)
        return -ENOSYS;
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        if (!io_uring_opcode_supported(probe, operations[i]))
            err = -ENOSYS;
    io_uring_free_probe(probe);
    return err;
}

/* liburing has these calls in its headers, and releases of it leave them out of the library. */
static int uring_register(const struct io_uring *uring, unsigned what, const void *list, unsigned count)
{
    return syscall(SYS_io_uring_register, uring->ring_fd, what, list, count) == 0 ? 0 : -errno;
}

/* Of a ring that begins disabled. What is registered later would need a restriction of its own: nothing is. */
static int uring_restrict(struct io_uring *uring)
{
    struct io_uring_restriction restrictions[OPERATION_COUNT] = {0};
    int err;

    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        restrictions[i].opcode = IORING_RESTRICTION_SQE_OP;
        restrictions[i].sqe_op = operations[i];
    }
    err = uring_register(uring, IORING_REGISTER_RESTRICTIONS, restrictions, OPERATION_COUNT);
    return err != 0 ? err : uring_register(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

/* Sends one empty operation round: a sandbox may allow the setup and forbid the rest, and then the threads
 * must take over while that is still possible. */
static int uring_try(struct io_uring *uring, int event_fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
    struct io_uring_cqe *cqe;
    uint64_t wakes;
    int err;

    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data(sqe, NULL);
    do
        err = io_uring_submit_and_wait(uring, 1);
    while (err == -EINTR);
    if (err < 0)
        return err;
    err = io_uring_wait_cqe(uring, &cqe);
    if (err < 0)
        return err;
    io_uring_cqe_seen(uring, cqe);
    return read(event_fd, &wakes, sizeof(wakes)) == (ssize_t)sizeof(wakes) ? 0 : -ENOSYS;
}

/* *lacks_restrictions: the kernel has none of these, or a sandbox forbids their call. */
static int uring_prepare(struct io_uring *uring, int event_fd, bool restricted, bool *lacks_restrictions)
{
    unsigned workers[2] = {URING_FILE_WORKERS_MAX, URING_PIPE_WORKERS_MAX};
    int err;

    if ((err = uring_probe(uring)) != 0)
        return err;
    if ((err = io_uring_register_eventfd(uring, event_fd)) != 0)
        return err;
    /* Harmless if refused: more threads than wished for. */
    (void)io_uring_register_iowq_max_workers(uring, workers);
    if (restricted && (err = uring_restrict(uring)) != 0) {
        *lacks_restrictions = err != -ENOMEM;
        return err;
    }
    return uring_try(uring, event_fd);
}

int uring_make(struct io_uring *uring, int event_fd, unsigned *completions_max)
{
    bool lacks_restrictions = false;
    int err;

    if ((err = uring_setup(uring, IORING_SETUP_R_DISABLED, completions_max)) == 0) {
        if ((err = uring_prepare(uring, event_fd, true, &lacks_restrictions)) == 0)
            return 0;
        io_uring_queue_exit(uring);
    }
    if (!lacks_restrictions && err != -EINVAL)
        return err;
    /* Such a kernel is served as ever. */
    if ((err = uring_setup(uring, 0, completions_max)) != 0)
        return err;
    if ((err = uring_prepare(uring, event_fd, false, &lacks_restrictions)) != 0)
        io_uring_queue_exit(uring);
    return err;
}
