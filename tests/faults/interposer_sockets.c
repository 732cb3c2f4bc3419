/* SPDX-License-Identifier: MIT
 *
 * Calls on sockets and pipes, what a loop waits with, and threads. */
#include "interposer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

SHORTENED(CALL_RECEIVE, recv, n, (int fd, void *data, size_t n, int flags), (fd, data, n, flags))
SHORTENED(CALL_SEND, send, n, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags))
SHORTENED(CALL_SEND, sendto, n,
          (int fd, const void *data, size_t n, int flags, const struct sockaddr *to, socklen_t size),
          (fd, data, n, flags, to, size))

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    struct msghdr half = *message;
    struct iovec first;
    int action = faults_decide(CALL_SEND, 0);

    if (action > 0) {
        errno = action;
        return -1;
    }
    if (action == ACTION_HALF && half.msg_iovlen > 0 && half.msg_iov[0].iov_len > 1) {
        first = (struct iovec){half.msg_iov[0].iov_base, half.msg_iov[0].iov_len / 2};
        half.msg_iov = &first;
        half.msg_iovlen = 1;
    }
    return real(fd, &half, flags);
}

WRITES(CALL_SPLICE, to, splice, n,
       (int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags),
       (from, from_at, to, to_at, n, flags))
SHORTENED(CALL_SPLICE, tee, n, (int from, int to, size_t n, unsigned flags), (from, to, n, flags))
SHORTENED(CALL_SPLICE, sendfile, n, (int to, int from, off_t *at, size_t n), (to, from, at, n))
SHORTENED(CALL_SPLICE, sendfile64, n, (int to, int from, off64_t *at, size_t n), (to, from, at, n))
WRITES(CALL_SPLICE, to, copy_file_range, n,
       (int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags),
       (from, from_at, to, to_at, n, flags))
FAULTY(CALL_SPLICE, ssize_t, -1, vmsplice, (int fd, const struct iovec *list, size_t n, unsigned flags),
       (fd, list, n, flags))

FAULTY(CALL_ACCEPT, int, -1, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags),
       (fd, from, size, flags))
FAULTY(CALL_ACCEPT, int, -1, accept, (int fd, struct sockaddr *from, socklen_t *size), (fd, from, size))
FAULTY(CALL_SOCKET, int, -1, socket, (int family, int type, int protocol), (family, type, protocol))
FAULTY(CALL_SOCKET, int, -1, bind, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
FAULTY(CALL_SOCKET, int, -1, listen, (int fd, int backlog), (fd, backlog))
FAULTY(CALL_SOCKET, int, -1, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
FAULTY(CALL_SOCKET, int, -1, getsockname, (int fd, struct sockaddr *name, socklen_t *size), (fd, name, size))
FAULTY(CALL_SOCKET, int, -1, getpeername, (int fd, struct sockaddr *name, socklen_t *size), (fd, name, size))
FAULTY(CALL_SOCKET, int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
       (fd, level, name, value, size))
FAULTY(CALL_SOCKET, int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
       (fd, level, name, value, size))

/* ---- Events ---- */

#define EVENTS_MAX 4096

static _Atomic bool events[EVENTS_MAX]; /* by descriptor */

bool faults_is_event(int fd)
{
    return fd >= 0 && fd < EVENTS_MAX && atomic_load(&events[fd]);
}

int eventfd(unsigned count, int flags)
{
    REAL(eventfd);
    int fd = faults_fail(CALL_EVENT) ? -1 : real(count, flags);

    if (fd >= 0 && fd < EVENTS_MAX)
        atomic_store(&events[fd], true);
    return fd;
}

int close(int fd)
{
    REAL(close);
    if (faults_is_event(fd))
        atomic_store(&events[fd], false);
    return real(fd);
}

FAULTY(CALL_EVENT, int, -1, pipe2, (int fds[2], int flags), (fds, flags))
FAULTY(CALL_DUPLICATE, int, -1, dup, (int fd), (fd))
FAULTY(CALL_DUPLICATE, int, -1, dup3, (int fd, int to, int flags), (fd, to, flags))
FAULTY(CALL_EVENT, int, -1, epoll_create, (int size), (size))
FAULTY(CALL_EVENT, int, -1, epoll_create1, (int flags), (flags))
FAULTY(CALL_EVENT, int, -1, epoll_ctl, (int fd, int what, int on, struct epoll_event *event),
       (fd, what, on, event))
FAULTY(CALL_EVENT, int, -1, inotify_init1, (int flags), (flags))
FAULTY(CALL_EVENT, int, -1, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
FAULTY(CALL_WAIT, int, -1, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout),
       (fd, events, n, timeout))
FAULTY(CALL_WAIT, int, -1, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))

/* ---- Threads ---- */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *ctx)
{
    REAL(pthread_create);
    int action = faults_decide(CALL_THREAD, 0);

    return action > 0 ? action : real(thread, attributes, run, ctx);
}
