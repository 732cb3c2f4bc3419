/* SPDX-License-Identifier: MIT
 *
 * Pipes that carry bodies from socket to file. Making a 1 MiB pipe costs more than using one, so each worker keeps
 * a few. One pool per ring, used on the ring's thread only. */
#ifndef STORAGE_RING_PIPE_POOL_H
#define STORAGE_RING_PIPE_POOL_H

#include <stdint.h>

struct pipe_pool;

struct pipe_pair {
    int read_fd, write_fd; /* both O_CLOEXEC; write_fd O_NONBLOCK; -1 when none */
    uint32_t capacity;     /* bytes the kernel granted, at most PIPE_BYTES */
};

int pipe_pool_create(struct pipe_pool **pool);
void pipe_pool_destroy(struct pipe_pool *pool);

/* Returns 0, or -EMFILE / -ENFILE / -ENOMEM. A pipe is always empty when taken. */
int pipe_pool_take(struct pipe_pool *pool, struct pipe_pair *pipe);

/* Gives a pipe back. dirty: bytes may still be in it, so it is closed instead of kept. */
void pipe_pool_give(struct pipe_pool *pool, struct pipe_pair *pipe, int dirty);

#endif
