/* SPDX-License-Identifier: MIT
 *
 * What the files of the interposer share. It is preloaded into a server, counts its calls of the system and of the allocator by place,
 * which is the kind of call and who called (the topmost frames of the stack), and lets chosen ones fail.
 *
 * All of it is steered by a file, FAULTS_CONTROL, that the test maps as well. */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* The same numbers are in control.py. */
enum call_kind {
    CALL_NONE,
    CALL_OPEN,
    CALL_READ,
    CALL_WRITE,
    CALL_SYNC,
    CALL_SPACE,  /* fallocate, ftruncate */
    CALL_NAME,   /* link, unlink, rename, mkdir */
    CALL_LOOK,   /* stat and its like, folders read */
    CALL_LOCK,   /* fcntl, flock */
    CALL_MAP,    /* mmap */
    CALL_SPLICE, /* splice, sendfile, copy_file_range, vmsplice, tee */
    CALL_RECEIVE,
    CALL_SEND,
    CALL_ACCEPT,
    CALL_SOCKET, /* socket, bind, listen, their options */
    CALL_EVENT,  /* eventfd, pipe2, epoll_ctl, inotify: what needs a descriptor or memory of the kernel */
    CALL_WAIT,   /* epoll_wait, poll */
    CALL_THREAD,
    CALL_MEMORY,
    CALL_RING, /* one operation of an io_uring; its place is the operation */
    CALL_RING_MAKE,
    CALL_STREAM,    /* fopen, opendir: the C library opens, and nothing interrupts that */
    CALL_DUPLICATE, /* dup, F_DUPFD */
    CALL_KINDS
};

#define PLACES_MAX  16384u /* a power of two */
#define FRAMES_MAX  14u
#define MODULES_MAX 64u
#define ACTION_HALF (-1) /* instead of an errno: the call does half of what it was asked for */

struct place {
    _Atomic uint64_t hash; /* 0: free */
    uint32_t kind;
    atomic_uint count;
    uint32_t frames; /* how many */
    uint32_t module[FRAMES_MAX];
    uint64_t offset[FRAMES_MAX];
};

struct control {
    atomic_int counts;       /* whether places are written down */
    atomic_int kind;         /* what is to fail; CALL_NONE: nothing */
    _Atomic uint64_t hash;   /* at which place; 0: at any */
    atomic_int skip;         /* that many go well before */
    atomic_int times;        /* that many fail then */
    atomic_int action;       /* an errno, or ACTION_HALF */
    atomic_int failed;       /* that many did */
    atomic_uint place_count; /* of the table below */
    atomic_uint dropped;     /* had no room there */
    atomic_int
        hangs; /* calls of this kind wait until it is another; operations of a ring do not come back until then */
    atomic_int refuses; /* every change of a file or a folder fails with this errno; 0: none */
    atomic_uint module_count;
    char modules[MODULES_MAX][128];
    struct place places[PLACES_MAX];
};

extern struct control *control;

/* 0: the call goes on; an errno, which is not set yet; or ACTION_HALF. `place`: 0, or what stands for the stack. */
int faults_decide(enum call_kind kind, uint64_t place);

/* 0, or the errno with which changes are refused now. `fd`: what is written to, -1 where that is no matter. Sockets, pipes, events and the
 * standard streams are no files. */
int faults_refuse(int fd);

/* Whether it is the descriptor of an event: reading and writing those does not fail. */
bool faults_is_event(int fd);

/* Whether the call fails, with errno set. For calls that cannot do half. */
static inline bool faults_fail(enum call_kind kind)
{
    int action = faults_decide(kind, 0);

    if (action <= 0)
        return false;
    errno = action;
    return true;
}

/* Whether it fails; else *length is halved when it is to do half. */
static inline bool faults_shorten(enum call_kind kind, size_t *length)
{
    int action = faults_decide(kind, 0);

    if (action > 0) {
        errno = action;
        return true;
    }
    if (action == ACTION_HALF && *length > 1)
        *length /= 2;
    return false;
}

#define REAL(name)                                                                                           \
    static __typeof__(name) *real;                                                                           \
    if (real == NULL)                                                                                        \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* A call that fails with `wrong` and errno. */
#define FAULTY(kind, result, wrong, name, parameters, arguments)                                             \
    result name parameters                                                                                   \
    {                                                                                                        \
        REAL(name);                                                                                          \
        return faults_fail(kind) ? (wrong) : real arguments;                                                 \
    }

/* One that changes a file or a folder. */
#define CHANGES(kind, fd, name, parameters, arguments)                                                       \
    int name parameters                                                                                      \
    {                                                                                                        \
        REAL(name);                                                                                          \
        return faults_refuse(fd) != 0 || faults_fail(kind) ? -1 : real arguments;                            \
    }

/* The same, which also may do half of `length`. */
#define WRITES(kind, fd, name, length, parameters, arguments)                                                \
    ssize_t name parameters                                                                                  \
    {                                                                                                        \
        REAL(name);                                                                                          \
        return faults_refuse(fd) != 0 || faults_shorten(kind, &(length)) ? -1 : real arguments;              \
    }

/* One that also may do half of `length`, a parameter of it. */
#define SHORTENED(kind, name, length, parameters, arguments)                                                 \
    ssize_t name parameters                                                                                  \
    {                                                                                                        \
        REAL(name);                                                                                          \
        return faults_shorten(kind, &(length)) ? -1 : real arguments;                                        \
    }

#pragma GCC visibility pop
