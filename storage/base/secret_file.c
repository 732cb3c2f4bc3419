/* SPDX-License-Identifier: MIT
 *
 * A secret in a file: one line. Any thread; blocks. */
#include "storage/base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"

bool secret_file_is_private(const struct stat *status)
{
    if (!S_ISREG(status->st_mode) || (status->st_mode & (S_IRGRP | S_IROTH)) == 0)
        return true;
    return (status->st_mode & S_IROTH) == 0 && status->st_uid == 0;
}

/* As much as there is, or fits. */
static int read_bytes(int fd, char *text, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t count = read(fd, text + *length, size - *length);

        if (count == 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
        *length += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* Cuts the end of the line off, of either kind. */
static int take_line(char *text, size_t size, size_t length)
{
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length == size)
        return -EMSGSIZE;
    text[length] = '\0';
    return length > 0 && strcspn(text, "\r\n") == length ? 0 : -EBADMSG;
}

static int read_secret(int fd, char *text, size_t size)
{
    struct stat status;
    size_t length;
    int err;

    if (fstat(fd, &status) != 0)
        return -errno;
    if (!secret_file_is_private(&status))
        return -EPERM;
    if ((err = read_bytes(fd, text, size, &length)) != 0)
        return err;
    return take_line(text, size, length);
}

int secret_file_read(const char *path, char *text, size_t size)
{
    int fd = io_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err;

    if (fd < 0)
        return -errno;
    err = read_secret(fd, text, size);
    (void)close(fd); /* was only read from */
    if (err != 0)
        explicit_bzero(text, size);
    return err;
}
