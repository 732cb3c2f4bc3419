/* SPDX-License-Identifier: MIT
 *
 * A stack of idle pipes. Sizes are asked for from PIPE_BYTES downwards, because the kernel refuses, rather
 * than rounds down, a size beyond what the user may still own (fs.pipe-user-pages-soft). One thread; no
 * locking. */
#include "storage/ring/pipe_pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/limits.h"
#include "storage/base/sys.h"

struct pipe_pool {
    unsigned idle_count;
    struct pipe_pair idle[PIPE_POOL_IDLE_MAX];
};

static void pipe_pair_close(struct pipe_pair *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
    pipe->read_fd = pipe->write_fd = -1;
    pipe->capacity = 0;
}

/* Returns the capacity the kernel granted, or a negative errno. */
static int pipe_pair_grow(int fd)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    int wanted, granted;

    if (size < 0)
        return -errno;
    for (wanted = (int)PIPE_BYTES; wanted > size; wanted /= 2) {
        granted = fcntl(fd, F_SETPIPE_SZ, wanted);
        if (granted >= 0)
            return granted;
        if (errno != EPERM && errno != ENOMEM && errno != EBUSY)
            break;
    }
    return size; /* refused: slower, and nothing else */
}

static int pipe_pair_open(struct pipe_pair *pipe)
{
    int fds[2], size;

    if (sys.pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pipe->read_fd = fds[0];
    pipe->write_fd = fds[1];
    size = fcntl(pipe->write_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : pipe_pair_grow(pipe->write_fd);
    if (size < 0) {
        pipe_pair_close(pipe);
        return size;
    }
    pipe->capacity = size < (int)PIPE_BYTES ? (uint32_t)size : PIPE_BYTES;
    return 0;
}

int pipe_pool_create(struct pipe_pool **pool)
{
    struct pipe_pool *created = calloc(1, sizeof(*created));

    if (created == NULL)
        return -ENOMEM;
    *pool = created;
    return 0;
}

void pipe_pool_destroy(struct pipe_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->idle_count > 0)
        pipe_pair_close(&pool->idle[--pool->idle_count]);
    free(pool);
}

int pipe_pool_take(struct pipe_pool *pool, struct pipe_pair *pipe)
{
    if (pool->idle_count == 0) {
        pipe->read_fd = pipe->write_fd = -1;
        pipe->capacity = 0;
        return pipe_pair_open(pipe);
    }
    *pipe = pool->idle[--pool->idle_count];
    assert(pipe->read_fd >= 0 && pipe->write_fd >= 0 && pipe->capacity > 0);
    return 0;
}

void pipe_pool_give(struct pipe_pool *pool, struct pipe_pair *pipe, int dirty)
{
    assert(pipe->read_fd >= 0 && pipe->write_fd >= 0);
    if (dirty || pool->idle_count == PIPE_POOL_IDLE_MAX) {
        pipe_pair_close(pipe);
        return;
    }
    pool->idle[pool->idle_count++] = *pipe;
    pipe->read_fd = pipe->write_fd = -1;
    pipe->capacity = 0;
}
