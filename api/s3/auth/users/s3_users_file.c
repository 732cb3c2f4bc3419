/* SPDX-License-Identifier: MIT
 *
 * The credentials file as something to edit. Blocks; not for workers. */
#include "api/s3/auth/users/s3_users_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "api/s3/limits.h"
#include "storage/base/io.h"

/* "." for a path without a slash. NULL without memory. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* One editor at a time. The folder is locked, for the file itself is about to be another one. */
static int lock_directory(struct s3_users_file *file)
{
    char *directory = directory_of(file->path);

    if (directory == NULL)
        return -ENOMEM;
    file->directory = io_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (file->directory < 0)
        return -errno;
    while (flock(file->directory, LOCK_EX) != 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static int read_all(struct s3_users_file *file, int fd)
{
    while (file->length <= S3_CREDENTIALS_FILE_BYTES_MAX) {
        ssize_t got = read(fd, file->text + file->length, S3_CREDENTIALS_FILE_BYTES_MAX + 1 - file->length);

        if (got == 0) {
            file->text[file->length] = '\0';
            return 0;
        }
        if (got < 0 && errno != EINTR)
            return -errno;
        file->length += got > 0 ? (size_t)got : 0;
    }
    return -EFBIG;
}

int s3_users_file_begin(struct s3_users_file *file, const char *path)
{
    int fd, result;

    *file = (struct s3_users_file){.directory = -1};
    file->path = realpath(path, NULL);
    if (file->path == NULL && errno == ENOENT)
        file->path = strdup(path);
    file->text = calloc(1, S3_CREDENTIALS_FILE_BYTES_MAX + 2);
    if (file->path == NULL || file->text == NULL)
        return errno != 0 ? -errno : -ENOMEM;
    if ((result = lock_directory(file)) != 0)
        return result;
    fd = io_open(AT_FDCWD, file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    result = fstat(fd, &file->status) == 0 ? read_all(file, fd) : -errno;
    (void)close(fd); /* read only: nothing can be lost */
    return result;
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, text, length);

        if (put < 0 && errno != EINTR)
            return -errno;
        text += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

/* Whoever could read the old file (a service's own user) can read the new one; others can read neither. */
static int take_over(const struct s3_users_file *file, int fd)
{
    if (file->status.st_nlink == 0)
        return 0; /* mkostemp made it 0600 */
    if ((file->status.st_uid != geteuid() || file->status.st_gid != getegid()) &&
        fchown(fd, file->status.st_uid, file->status.st_gid) != 0)
        return -errno;
    return fchmod(fd, file->status.st_mode & (S_IRWXU | S_IRWXG)) == 0 ? 0 : -errno;
}

int s3_users_file_replace(const struct s3_users_file *file, const char *text, size_t length)
{
    size_t size = strlen(file->path) + sizeof(".XXXXXX");
    char *aside = malloc(size);
    int fd, result;

    if (aside == NULL)
        return -ENOMEM;
    snprintf(aside, size, "%s.XXXXXX", file->path);
    fd = mkostemp(aside, O_CLOEXEC);
    if (fd < 0) {
        result = -errno;
        free(aside);
        return result;
    }
    result = take_over(file, fd);
    if (result == 0)
        result = write_all(fd, text, length);
    if (close(fd) != 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(aside, file->path) != 0)
        result = -errno;
    if (result != 0)
        (void)unlink(aside); /* it holds secrets; the first error is told */
    else if (fsync(file->directory) != 0)
        result = -errno;
    free(aside);
    return result;
}

void s3_users_file_end(struct s3_users_file *file)
{
    if (file->text != NULL)
        OPENSSL_cleanse(file->text, file->length);
    free(file->text);
    free(file->path);
    if (file->directory >= 0)
        (void)close(file->directory); /* and unlocks */
}
