/* SPDX-License-Identifier: MIT
 *
 * Opening both folders, and what makes the target a store that was closed well: everything synced, and a SEQUENCE. */
#include "storage/copy/copy_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

#define SEQUENCE_NEW "SEQUENCE.new"

static int folder_open(int at, const char *name)
{
    int fd = io_open(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* What its files say of themselves is judged by that. A server that has it open writes one of two slots at a time, so the other can be read. */
static int source_look(struct blob_copy *copy)
{
    struct blob_sequence sequence = {.generation = 0};
    int fd = io_open(copy->from_blobs_fd, "SEQUENCE", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err;

    if (fd < 0)
        return errno == ENOENT ? 0 : disk_error(-errno);
    err = blob_sequence_read(fd, &sequence);
    close(fd); /* was read from alone */
    if (err != 0)
        return err == -ENODATA || err == -EBADMSG ? 0 : err;
    copy->identity = sequence.identity;
    copy->records_from = sequence.records_from;
    return 0;
}

static bool is_same_folder(int one, int other)
{
    struct stat a, b;

    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int source_open(struct blob_copy *copy, const char *from)
{
    if (from == NULL)
        return 0;
    if ((copy->from_path = strdup(from)) == NULL)
        return -ENOMEM;
    if ((copy->from_fd = folder_open(AT_FDCWD, from)) < 0)
        return copy->from_fd;
    if ((copy->from_blobs_fd = folder_open(copy->from_fd, "blobs")) < 0)
        return copy->from_blobs_fd;
    return source_look(copy);
}

/* Both may be one: the lock of the source would be met, but for a source that nobody has open. */
static int target_open(struct blob_copy *copy, const char *to)
{
    const struct blob_store_options options = {.durable = true, .shared_fs = true};
    int fd;

    if (to == NULL)
        return 0;
    if ((copy->to_path = strdup(to)) == NULL)
        return -ENOMEM;
    if (copy->from_fd >= 0 && (fd = folder_open(AT_FDCWD, to)) >= 0) {
        bool is_same = is_same_folder(fd, copy->from_fd);

        close(fd); /* was looked at alone */
        if (is_same)
            return -EXDEV;
    }
    return blob_store_open(&copy->to, to, &options);
}

int blob_copy_open(struct blob_copy **out, const char *from, const char *to, bool may_share)
{
    struct blob_copy *copy = calloc(1, sizeof(*copy));
    int err;

    if (copy == NULL)
        return -ENOMEM;
    copy->from_fd = copy->from_blobs_fd = -1;
    copy->may_share = may_share;
    if ((err = source_open(copy, from)) != 0 || (err = target_open(copy, to)) != 0) {
        blob_copy_close(copy);
        return err;
    }
    copy->can_clone = may_share && from != NULL && to != NULL && copy_can_clone(copy);
    *out = copy;
    return 0;
}

void blob_copy_close(struct blob_copy *copy)
{
    if (copy == NULL)
        return;
    (void)copy_segment_close(copy); /* after a failure: what it would tell is known */
    if (copy->from_blobs_fd >= 0)
        close(copy->from_blobs_fd);
    if (copy->from_fd >= 0)
        close(copy->from_fd);
    blob_store_close(copy->to); /* was not recovered, so its SEQUENCE stays as it is */
    free(copy->from_path);
    free(copy->to_path);
    free(copy);
}

const struct blob_copy_counts *blob_copy_counts(const struct blob_copy *copy)
{
    return &copy->counts;
}

uint64_t blob_copy_records_from(const struct blob_copy *copy)
{
    return copy->records_from;
}

int blob_copy_source_fd(const struct blob_copy *copy)
{
    return copy->from_fd;
}

struct blob_store *blob_copy_target(struct blob_copy *copy)
{
    return copy->to;
}

int blob_copy_sync(struct blob_copy *copy)
{
    int err = copy_segment_close(copy);

    /* The whole file system at once: nobody could sync a million files one by one. */
    return err != 0 || sys.syncfs(copy->to->dir_fd) == 0 ? err : disk_error(-errno);
}

static int sequence_name(struct blob_copy *copy)
{
    if (renameat(copy->to->blobs_fd, SEQUENCE_NEW, copy->to->blobs_fd, "SEQUENCE") != 0 ||
        sys.fsync(copy->to->blobs_fd) != 0)
        return disk_error(-errno);
    return 0;
}

int blob_copy_sequence(struct blob_copy *copy, const struct blob_identity *identity, uint64_t records_from,
                       uint64_t last, bool far)
{
    uint64_t next = (last < BLOB_ID_FIRST ? BLOB_ID_FIRST : last + 1) + (far ? BLOB_ID_JUMP : 0);
    const struct blob_sequence sequence = {
        .generation = 1,
        .settled = next,
        .promised = next,
        .synced = true,
        .identity = *identity,
        .records_from = records_from,
    };
    int fd, err;

    if (last > BLOB_ID_MAX - BLOB_ID_JUMP - BLOB_ID_BLOCK)
        return -EBADMSG;
    fd = io_open(copy->to->blobs_fd, SEQUENCE_NEW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk_error(-errno);
    err = blob_sequence_write(fd, &sequence);
    if (close(fd) != 0 && err == 0)
        err = disk_error(-errno);
    if (err == 0)
        err = sequence_name(copy);
    if (err != 0)
        (void)unlinkat(copy->to->blobs_fd, SEQUENCE_NEW, 0); /* the next one is written over it otherwise */
    return err;
}

int blob_copy_plain(struct blob_copy *copy, int from_fd, const char *name)
{
    uint64_t bytes = 0;
    struct stat st;
    int fd, err;

    if (fstat(from_fd, &st) != 0)
        return disk_error(-errno);
    fd = io_open(copy->to->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk_error(-errno);
    err = copy_whole(from_fd, fd, (uint64_t)st.st_size, &bytes);
    if (err == 0 && sys.fdatasync(fd) != 0)
        err = disk_error(-errno);
    if (close(fd) != 0 && err == 0)
        err = disk_error(-errno);
    return err;
}

static int path_make(const char *folder, uint64_t blob, char **path)
{
    char name[BLOB_PATH_BYTES];

    blob_path_format(name, blob);
    return asprintf(path, "%s/blobs/%s", folder, name) < 0 ? -ENOMEM : 0;
}

int blob_copy_source_path(struct blob_copy *copy, uint64_t blob, char **path, uint64_t *bytes)
{
    char name[BLOB_PATH_BYTES];
    struct stat st;

    blob_path_format(name, blob);
    if (fstatat(copy->from_blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return disk_error(-errno);
    *bytes = (uint64_t)st.st_size;
    return path_make(copy->from_path, blob, path);
}

int blob_copy_target_path(struct blob_copy *copy, uint64_t blob, char **path)
{
    int err = copy_folder_make(copy, blob);

    return err != 0 ? err : path_make(copy->to_path, blob, path);
}
