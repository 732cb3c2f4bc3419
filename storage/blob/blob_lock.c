/* SPDX-License-Identifier: MIT
 *
 * One process at a time has a store open, whatever is done to the names in it.
 *
 * The lock that counts is on the folders themselves (DATA, blobs/, staging/): flock(2) belongs to the folder, not to its
 * name, so it is the same one by a symbolic link, by a bind mount and after a renaming, and nobody can put another
 * folder in its place while it is open. Two data folders that have the same volume mounted at blobs/ are told, too.
 *
 * A store that several processes share is locked by all of them, so that none has it alone; where that cannot be, DATA/CLUSTER has to do.
 *
 * LOCK is locked as well: releases before this one know only that file, and some file systems lock files across
 * machines but folders on one machine alone (NFS, SMB). A file can be removed or replaced while it is locked, so after the lock is taken
 * the name must still be that file's. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

/* Each further try means that somebody replaced LOCK in the moment between opening and locking it. */
#define LOCK_TRIES_MAX 16u

static int lock_try(const struct blob_store *store, int fd)
{
    int kind = store->options.shared != NULL ? LOCK_SH : LOCK_EX;

    while (sys.flock(fd, kind | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return -EBUSY;
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int blob_lock_folder(struct blob_store *store, int fd, const char *name)
{
    assert(fd >= 0);

    int err = lock_try(store, fd);
    if (err == 0 || err == -EBUSY)
        return err;
    if (store->options.shared != NULL)
        return 0;
    /* LOCK is left, which is all that there was before folders were locked. */
    blob_store_log(store, LOG_LEVEL_WARNING,
                   "cannot lock the folder %s (%s): do not remove the file LOCK while the store is open",
                   name, strerror(-err));
    return 0;
}

static int lock_open(struct blob_store *store)
{
    bool read_only = store->options.read_only;
    int fd = io_open(store->dir_fd, "LOCK", (read_only ? O_RDONLY : O_RDWR) | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 && read_only && errno == EROFS)
        fd = io_open(store->dir_fd, "LOCK", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* 1: the name LOCK is this file's. 0: it is another's or nobody's by now. Else a negative errno. */
static int lock_is_named(struct blob_store *store, int fd)
{
    struct stat file, name;

    if (fstat(fd, &file) != 0)
        return -errno;
    if (fstatat(store->dir_fd, "LOCK", &name, 0) != 0)
        return errno == ENOENT ? 0 : -errno;
    return file.st_dev == name.st_dev && file.st_ino == name.st_ino;
}

/* For the person who wonders who holds it; the lock itself does not depend on it. */
static void lock_sign(struct blob_store *store)
{
    char owner[32];
    int length = snprintf(owner, sizeof(owner), "%ld\n", (long)getpid());

    if (ftruncate(store->lock_fd, 0) != 0 || sys.pwrite(store->lock_fd, owner, (size_t)length, 0) < 0)
        blob_store_log(store, LOG_LEVEL_INFO, "cannot note the process number in LOCK: %s", strerror(errno));
}

int blob_lock_take(struct blob_store *store)
{
    assert(store->dir_fd >= 0 && store->lock_fd < 0);
    if (store->options.shared != NULL) {
        int err = (store->lock_fd = lock_open(store)) < 0 ? store->lock_fd : lock_try(store, store->lock_fd);
        return err == 0 || err == -EBUSY || store->lock_fd < 0 ? err : 0; /* as of the folders */
    }
    for (unsigned i = 0; i < LOCK_TRIES_MAX; ++i) {
        int fd = lock_open(store), result;

        if (fd < 0)
            return fd;
        if ((result = lock_try(store, fd)) == 0 && (result = lock_is_named(store, fd)) == 1) {
            store->lock_fd = fd; /* the lock lives as long as the descriptor */
            if (!store->options.read_only)
                lock_sign(store);
            return 0;
        }
        close(fd);
        if (result < 0)
            return result;
    }
    return -EBUSY;
}
