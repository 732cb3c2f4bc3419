/* SPDX-License-Identifier: MIT
 *
 * See wal_file.h. */
#include "metadata/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The name of a file is durable once its folder was synced. */
static int folder_sync(const char *file_path)
{
    char *path = strdup(file_path);
    int err = 0;

    if (path == NULL)
        return -ENOMEM;
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        err = -errno;
    if (fd >= 0)
        (void)close(fd); /* a folder: nothing is lost */
    free(path);
    return err;
}

int wal_file_settle(const char *log_path)
{
    int fd = open(log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int err = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fsync(fd) != 0)
        err = -errno;
    (void)close(fd); /* read only */
    return err != 0 ? err : folder_sync(log_path);
}
