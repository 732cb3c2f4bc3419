/* SPDX-License-Identifier: MIT
 *
 * What digest_pool.c (the threads) and digest_stream.c (the callers) share. */
#ifndef STORAGE_DIGEST_DIGEST_POOL_INTERNAL_H
#define STORAGE_DIGEST_DIGEST_POOL_INTERNAL_H

#include <pthread.h>

#include "storage/base/work_pool.h"
#include "storage/digest/digest_pool.h"
#include "storage/limits.h"

struct chunk_node {
    struct queue_link link;
    struct digest_chunk chunk;
};

struct digest_stream {
    struct digest_pool *pool;
    bool chunked;
    struct digest_chunk_ops chunk_ops;

    /* The thread that runs the stream. */
    struct digest_set *set;       /* the whole body; NULL when no kind is wanted */
    struct digest_set *chunk_set; /* the current chunk; NULL before its first byte */
    uint32_t small_mask;          /* kinds to drop from set once end > small_bytes_max */
    uint64_t small_bytes_max;

    /* Under the pool's lock. */
    struct queue_link link; /* the work pool's while scheduled */
    bool scheduled, finishing, cancelled;
    int fd;              /* -1 before bind */
    int result;          /* first failure, 0 so far */
    uint64_t position;   /* digested up to here */
    uint64_t end;        /* bytes in the file */
    uint64_t chunks_end; /* end of the last chunk told */
    struct queue chunks; /* complete and not verified, the oldest first */
    unsigned chunk_count;
    digest_done_fn done;
    void *done_ctx;
};

struct digest_pool {
    struct work_pool *works;
    pthread_mutex_t lock;
    unsigned stream_count; /* under the lock */
};

/* Counts a stream in, and sees to it that a thread exists that will run it. 0 or -ENOMEM. */
int digest_pool_admit(struct digest_pool *pool);
/* Gives the stream to a thread if there is something to do for it. The pool's lock is held. */
void digest_stream_schedule(struct digest_stream *stream);
/* Frees a stream that no thread has. The lock is not held. */
void digest_stream_end_cancelled(struct digest_stream *stream);

#endif
