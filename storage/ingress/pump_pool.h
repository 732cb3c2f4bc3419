/* SPDX-License-Identifier: MIT
 *
 * Pump threads: they move a long run of bytes from a socket through a pipe into a file, and digest each piece right
 * after the move, while it still lies in the cache of the CPU that moved it. So a large body costs its worker one
 * wake-up for megabytes, and its digest costs a fraction of a second pass by another thread.
 *
 * A thread stays with a socket only as long as bytes keep coming: a slow client gets its job back after
 * PUMP_PATIENCE_MS, or at once when others wait for a thread.
 *
 * Jobs are started on the thread of their ring, and end there. */
#ifndef STORAGE_INGRESS_PUMP_POOL_H
#define STORAGE_INGRESS_PUMP_POOL_H

#include "storage/base/queue.h"
#include "storage/digest/digest.h"
#include "storage/ring/ring.h"

struct pump_pool;

/* What the kernel refused during a job, and what follows from it for the next one. */
enum pump_refusal {
    PUMP_REFUSED_NOTHING,
    PUMP_REFUSED_PIPE,       /* no pipe to be had */
    PUMP_REFUSED_SPLICE_IN,  /* this socket cannot be spliced */
    PUMP_REFUSED_SPLICE_OUT, /* this file cannot; what was in the pipe by then was written to it */
};

/* Owned by the caller, who sets the first part; the pool has it from pump_start until op.done runs. */
struct pump_job {
    /* done gets: bytes moved (> 0); 0 the peer closed; -EAGAIN the socket has nothing now; -EOPNOTSUPP see
     * refusal; another negative errno of socket, file or digest library */
    struct ring_op op;
    int file_fd;     /* duplicated for the job, too */
    uint64_t offset; /* of the first byte in the file */
    uint32_t max;    /* bytes to move, up to PUMP_JOB_BYTES_MAX */
    bool write_back; /* have the disk begin with the bytes at once: for a file that will be synced */
    struct digest_set *digest; /* follows the bytes; nobody else's during the job */

    enum pump_refusal refusal; /* valid in done; with a count > 0 too */
    bool is_of_file;           /* valid in done: a negative errno is not the socket's */

    /* private to the pool */
    struct queue_link link;
    struct ring *ring;
    /* duplicates: a descriptor that the kernel closes in a ring is never a thread's own */
    int socket_fd, own_fd;
};

/* threads: 1 .. PUMP_THREADS_MAX. They start on first use. Returns 0 or -ENOMEM. */
int pump_pool_create(struct pump_pool **pool, unsigned threads);
/* All jobs must be over; waits for the threads. NULL allowed. */
void pump_pool_destroy(struct pump_pool *pool);

/* socket_fd: non-blocking; duplicated for the job, so the caller may close its own at any time. SO_RCVLOWAT on it may delay a
 * job, and must not exceed what the peer is known to send. Returns 0 (op.done follows), -EMFILE, or -ENOMEM when there is no
 * thread. */
int pump_start(struct pump_pool *pool, struct ring *ring, struct pump_job *job, int socket_fd);

#endif
