/* SPDX-License-Identifier: MIT
 *
 * Making and unmaking a loop of libh2o inside a process that goes on living, and what it cannot be told otherwise.
 *
 * libh2o 2.2.5 was written for a program that ends with its loops. Two things it leaves behind, and a
 * library that starts and stops servers cannot: the epoll descriptor of a destroyed loop, and the free lists
 * that each thread keeps. They are released here, each guarded so that a changed library leads to a leak at
 * worst.
 *
 * All on the worker's thread. */
#include "api/http/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "storage/base/io.h"

/* libh2o aborts when it gets no descriptor for its poller. */
#define LOOP_DESCRIPTORS 2

int loop_create(h2o_loop_t **loop)
{
    int fds[LOOP_DESCRIPTORS];
    int count = 0, err = 0;

    while (count < LOOP_DESCRIPTORS && err == 0) {
        fds[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (fds[count] == -1 && errno == EBADF) /* a daemon without standard error */
            fds[count] = io_open(AT_FDCWD, "/", O_PATH | O_CLOEXEC);
        if (fds[count] == -1)
            err = -errno;
        else
            count++;
    }
    while (count > 0)
        close(fds[--count]);
    if (err != 0)
        return err;
    *loop = h2o_evloop_create();
    return 0;
}

/* The loop's epoll descriptor, or -1. It stands after the public part of the loop. It is the right one if
 * it refuses to take registered_fd a second time, which the loop polls already. */
int loop_poller(h2o_loop_t *loop, int registered_fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = *(const int *)(const void *)((const char *)loop + sizeof(*loop));

    if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, registered_fd, &event) == 0 || errno != EEXIST)
        return -1;
    return fd;
}

/* Has the loop hear of each write to an eventfd that is the only one it polls which is readable: then nobody has to read it. What the
 * loop knows of the descriptor is what its poller says of it just now. False: nothing was changed. */
bool loop_watch_edges(int poller_fd, int event_fd)
{
    static const uint64_t one = 1;
    struct epoll_event events[2];

    if (write(event_fd, &one, sizeof(one)) != sizeof(one) || epoll_wait(poller_fd, events, 2, 0) != 1)
        return false;
    events[0].events = EPOLLIN | EPOLLET;
    return epoll_ctl(poller_fd, EPOLL_CTL_MOD, event_fd, &events[0]) == 0;
}

void loop_destroy(h2o_loop_t *loop, int poller_fd)
{
    h2o_evloop_destroy(loop);
    if (poller_fd != -1)
        close(poller_fd);
}

/* Empties the thread's free lists: of input buffers, and of pool chunks (at most 16). */
void loop_thread_release(void)
{
    h2o_mem_recycle_t *buffers = &h2o_socket_buffer_prototype.allocator;

    while (buffers->cnt > 0)
        free(h2o_mem_alloc_recycle(buffers, 1));
    for (unsigned i = 0; i < 16; i++) {
        h2o_mem_pool_t pool;

        h2o_mem_init_pool(&pool);
        (void)h2o_mem_alloc_pool(&pool, 16);
        free(pool.chunks);
    }
}
