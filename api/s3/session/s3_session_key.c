/* SPDX-License-Identifier: MIT
 *
 * See s3_session_key.h. The file is written aside, synced and linked to its name: whoever finds the name finds all of it. */
#include "api/s3/session/s3_session_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "storage/base/io.h"
#include "storage/base/secret_file.h"

#define NAME     "session.key"
#define NEW_NAME "session.key.new"

static void tell(const struct s3_session_key_place *place, const char *what, int err)
{
    char message[512];

    if (place->log == NULL)
        return;
    snprintf(message, sizeof(message),
             "%s/" NAME ": %s%s%s: session tokens of STS are good until this process ends", place->directory,
             what, err != 0 ? ": " : "", err != 0 ? strerror(-err) : "");
    place->log(place->log_ctx, 1, message);
}

/* One byte more than a key is asked for, so that a longer file is seen. 0; -ENOENT; -EPERM: others may read it; -EBADMSG: it is no key. */
static int read_key(int directory, unsigned char key[S3_SESSION_KEY_BYTES])
{
    unsigned char bytes[S3_SESSION_KEY_BYTES + 1];
    struct stat status;
    int fd = io_open(directory, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = -EBADMSG;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0)
        length = -errno;
    else if (!secret_file_is_private(&status))
        length = -EPERM;
    else if (S_ISREG(status.st_mode))
        length = read_up_to(fd, bytes, sizeof(bytes), 0);
    (void)close(fd); /* read only: nothing can be lost */
    if (length == (ssize_t)S3_SESSION_KEY_BYTES)
        memcpy(key, bytes, S3_SESSION_KEY_BYTES);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return length < 0 ? (int)length : length == (ssize_t)S3_SESSION_KEY_BYTES ? 0 : -EBADMSG;
}

static int write_new(int directory, const unsigned char key[S3_SESSION_KEY_BYTES])
{
    int fd, err;

    if (unlinkat(directory, NEW_NAME, 0) != 0 && errno != ENOENT) /* of a process that was killed here */
        return -errno;
    fd = io_open(directory, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    err = write_whole(fd, key, S3_SESSION_KEY_BYTES, 0);
    if (err == 0 && fsync(fd) != 0)
        err = -errno;
    if (close(fd) != 0 && err == 0)
        err = -errno;
    return err;
}

/* A name that is there by now stays what it is: -EEXIST. */
static int make_key(int directory, const unsigned char key[S3_SESSION_KEY_BYTES])
{
    int err = write_new(directory, key);

    if (err == 0 && linkat(directory, NEW_NAME, directory, NAME, 0) != 0)
        err = -errno;
    (void)unlinkat(directory, NEW_NAME, 0); /* the next start takes it away otherwise */
    if (err == 0 && fsync(directory) != 0)
        err = -errno;
    return err;
}

int s3_session_key_load(const struct s3_session_key_place *place, unsigned char key[S3_SESSION_KEY_BYTES])
{
    int directory, err;

    if (getrandom(key, S3_SESSION_KEY_BYTES, 0) != (ssize_t)S3_SESSION_KEY_BYTES)
        return -EIO;
    if (place->directory == NULL)
        return 0;
    directory = io_open(AT_FDCWD, place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        tell(place, "the directory cannot be opened", -errno);
        return 0;
    }
    err = read_key(directory, key);
    if (err == -ENOENT && !place->read_only) {
        if ((err = make_key(directory, key)) != 0)
            tell(place, "cannot be made", err);
    } else if (err == -EPERM) {
        tell(place, "others than its owner may read it (chmod 600), and it is not used", 0);
    } else if (err != 0 && err != -ENOENT) {
        tell(place, "cannot be used", err);
    }
    (void)close(directory);
    return 0;
}
