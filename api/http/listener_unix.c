/* SPDX-License-Identifier: MIT
 *
 * Socket files. One that a killed server has left is in the way of the next: where nobody answers at it, it is replaced. Two that start at the same time
 * would both find it so, and one would remove the other's; so a lock on the folder is held meanwhile. Any thread, at start and end. */
#include "api/http/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http/limits.h"
#include "storage/base/io.h"

#define SOCKET_MODE_DEFAULT 0600
#define FOLDER_LOCK_TRIES                                                                                    \
    50 /* somebody may hold it for other reasons, and for ever: it is done without then */
#define FOLDER_LOCK_WAIT_MS 20

static int unix_lock_folder(const char *path)
{
    char copy[PATH_MAX];
    int fd;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    if ((fd = io_open(AT_FDCWD, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
        return -1; /* whom a folder lets make a file it may not let read it */
    for (unsigned i = 0; i < FOLDER_LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        (void)poll(NULL, 0, FOLDER_LOCK_WAIT_MS);
    return fd;
}

static int unix_address(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof(address->sun_path))
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    return 0;
}

/* 0 where a socket is in the way at which nobody listens any more; -EADDRINUSE: somebody does; -EEXIST: it is something else. */
static int unix_probe(const struct sockaddr_un *address)
{
    struct stat status;
    int fd, err;

    if (lstat(address->sun_path, &status) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
        return -errno;
    err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    close(fd);
    return err == ECONNREFUSED || err == ENOENT ? 0 : -EADDRINUSE;
}

static int unix_bind(int fd, const struct sockaddr_un *address)
{
    int err;

    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if ((err = unix_probe(address)) != 0)
        return err;
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return -errno;
    return bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
}

/* The mode of the socket is that of the name it gets, less the umask: nobody can connect for a moment who may not for good. */
static int unix_open_bound(struct listener *listener, const struct sockaddr_un *address, mode_t mode)
{
    struct stat status;
    int err = fchmod(listener->fd, mode) == 0 ? unix_bind(listener->fd, address) : -errno;

    if (err != 0)
        return err;
    if (chmod(address->sun_path, mode) != 0 || lstat(address->sun_path, &status) != 0 ||
        listen(listener->fd, HTTP_LISTEN_BACKLOG) != 0) {
        err = -errno;
        (void)unlink(address->sun_path);
        return err;
    }
    listener->file.is_made = true;
    listener->file.device = status.st_dev;
    listener->file.inode = status.st_ino;
    return 0;
}

int listener_unix_open(struct listener *listener, const char *path, unsigned mode)
{
    struct sockaddr_un address;
    int folder_fd, err = unix_address(path, &address);

    if (err != 0)
        return err;
    if ((listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
        return -errno;
    folder_fd = unix_lock_folder(path);
    err = unix_open_bound(listener, &address, mode != 0 ? (mode_t)mode : SOCKET_MODE_DEFAULT);
    if (folder_fd != -1)
        close(folder_fd);
    if (err != 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    return err;
}

/* Another server may have replaced it, whose it is then. */
void listener_unix_remove(struct listener *listener, const char *path)
{
    struct stat status;

    if (lstat(path, &status) == 0 && status.st_dev == listener->file.device &&
        status.st_ino == listener->file.inode)
        (void)unlink(path); /* if it stays, the next server replaces it */
}
