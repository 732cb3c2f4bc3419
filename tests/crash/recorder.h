/* SPDX-License-Identifier: MIT
 *
 * What the files of the recorder share: the records, what the test changes while the server runs, the lock that is held around each
 * call and its record, and what is known of a descriptor. All of it stays inside the library: its names must not meet the server's. */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if __SIZEOF_LONG__ != 8
#error "system calls are made with 64-bit offsets in one register"
#endif

#pragma GCC visibility push(hidden)

enum kind {
    KIND_CREATE = 2, /* ino gets a name: dir, name */
    KIND_MKDIR,
    KIND_TMPFILE, /* ino has none */
    KIND_WRITE,   /* offset, length, data; none when flags is 1: zeros */
    KIND_PUNCH,   /* offset, length: zeros, the size stays */
    KIND_SIZE,    /* length */
    KIND_LINK,    /* dir, name */
    KIND_RENAME,  /* dir, name, dir2, name2 */
    KIND_UNLINK,  /* dir, name */
    KIND_SYNC,    /* ino: a file or a folder */
    KIND_SYNC_FAILED,
    KIND_SYNC_ALL,
    KIND_UNKNOWN = 99, /* name tells of a call that the model does not know */
};

struct record {
    uint32_t magic, bytes; /* with all that follows */
    uint16_t kind, flags, name_bytes, name2_bytes;
    uint64_t time_ns, ino, dir, dir2, offset, length;
};

#define RECORD_MAGIC 0x43524c53u

/* What the test changes. */
struct control {
    atomic_int countdown; /* the n-th sync of that kind from now on; 0: none */
    atomic_int match;     /* enum file_kind */
    atomic_int action;    /* enum action */
    atomic_int delay_us;  /* before each sync: time for others to gather */
    atomic_int fired;     /* how often something was done */
};

enum file_kind {
    FILE_ANY,
    FILE_LOG,
    FILE_BLOB,
    FILE_DATABASE,
    FILE_SEQUENCE,
    FILE_FOLDER,
    FILE_LOG_MOVED /* by the checkpoint thread */
};
enum action { ACTION_KILL_BEFORE = 1, ACTION_KILL_AFTER, ACTION_FAIL };

#define DESCRIPTORS_MAX 65536

extern pthread_mutex_t recorder_lock; /* held around a call and its record */
extern int recorder_log_fd;           /* -1: nothing is recorded */
/* Whether a descriptor is of a file or folder below the root. */
extern atomic_uchar recorder_tracked[DESCRIPTORS_MAX];
/* A sync of its file failed through another descriptor: its next sync says so. */
extern atomic_uchar recorder_owes_error[DESCRIPTORS_MAX];
extern struct control *recorder_control;

/* Writes a record; under the lock. The list is the data of a KIND_WRITE, else NULL and 0. Ends the process if the log cannot be
 * written: the log lies in memory, so that is a fault of the test's own. */
void recorder_emit(struct record record, const char *name, const char *name2, const struct iovec *list,
                   int count);

/* A call was made that the model does not know; under the lock. */
void recorder_emit_unknown(const char *what);

/* Gives the lock back. The call's errno stays as it was. */
void recorder_unlock(int err);

bool recorder_is_below_root(const char *path);

/* The path of what a descriptor refers to, or "". */
void recorder_path_of(int fd, char path[PATH_MAX]);
bool recorder_is_tracked(int fd);
uint64_t recorder_ino_of(int fd); /* 0: there is none */
uint64_t recorder_size_of(int fd);

/* Where a name lies, if below the root: its folder's ino and the last part of the path. */
bool recorder_place_find(int at, const char *path, uint64_t *dir, const char **name);
uint64_t recorder_ino_at(int at, const char *path); /* 0, with errno, when the name is not there */

/* Opens as openat() does, and records what came of it. */
int recorder_open_at(int at, const char *path, int flags, mode_t mode);

#pragma GCC visibility pop
