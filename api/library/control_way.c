/* SPDX-License-Identifier: MIT
 *
 * The socket in the data folder. Any thread. */
#include "api/library/control_way.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/library/limits.h"
#include "storage/base/io.h"

/* /proc/self/fd/N leads to the folder, whatever its path, and by which names it was reached. */
static void way_address(int folder_fd, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/" CONTROL_NAME, folder_fd);
}

/* Removes the socket of a server that was killed. */
static int way_clear(int folder_fd)
{
    struct stat status;

    if (fstatat(folder_fd, CONTROL_NAME, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    return unlinkat(folder_fd, CONTROL_NAME, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int control_way_listen(int folder_fd)
{
    struct sockaddr_un address;
    int fd, err = way_clear(folder_fd);

    if (err != 0)
        return err;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    way_address(folder_fd, &address);
    /* The mode of the socket is that of the name it gets: nobody else can connect before it is narrowed. */
    if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        if (listen(fd, CONTROL_LISTEN_BACKLOG) == 0)
            return fd;
        err = -errno;
        control_way_remove(folder_fd);
    } else {
        err = -errno;
    }
    close(fd);
    return err;
}

void control_way_remove(int folder_fd)
{
    (void)unlinkat(folder_fd, CONTROL_NAME, 0); /* if it stays, the next server replaces it */
}

int control_way_connect(const char *folder)
{
    struct sockaddr_un address;
    int folder_fd = io_open(AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, err;

    if (folder_fd < 0)
        return -errno;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    err = fd < 0 ? -errno : 0;
    way_address(folder_fd, &address);
    while (err == 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        err = errno == EINTR ? 0 : -errno;
    close(folder_fd);
    if (err == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return err;
}
