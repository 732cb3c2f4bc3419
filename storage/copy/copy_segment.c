/* SPDX-License-Identifier: MIT
 *
 * Segments: their head, and the units that somebody names. Units lie where they lie in the source, so that rows need not change; between
 * them are holes. The journal is left behind: it is for a start after a crash, and a copy's rows lack nothing.
 *
 * The last segment stays open, since its units come in several calls. */
#include "storage/copy/copy_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

static int blob_open(int blobs_fd, uint64_t blob, int flags)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    blob_path_format(path, blob);
    fd = io_open(blobs_fd, path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? disk_error(-errno) : fd;
}

/* One of the two may say nothing: from before a store had an id. */
static bool is_same_store(const struct blob_copy *copy, const struct blob_identity *found)
{
    return !blob_identity_is_known(found) || !blob_identity_is_known(&copy->identity) ||
           memcmp(found->store, copy->identity.store, sizeof(found->store)) == 0;
}

/* A client's bytes may look like a head, but for the store's id; of a store from before it had one, nothing is told from another. */
int blob_copy_is_segment(struct blob_copy *copy, uint64_t blob)
{
    int fd = blob_open(copy->from_blobs_fd, blob, O_RDONLY), found;
    struct segment_head head = {.blob = 0};

    if (fd < 0)
        return fd;
    found = segment_head_read(fd, &head);
    close(fd); /* was read from alone */
    if (found != 1)
        return found == -EBADMSG ? 0 : found;
    return (head.blob == 0 || head.blob == blob) && is_same_store(copy, &head.identity);
}

int copy_segment_close(struct blob_copy *copy)
{
    int err = 0;

    if (copy->open_blob == 0)
        return 0;
    close(copy->open_from); /* was read from alone */
    if (close(copy->open_to) != 0)
        err = disk_error(-errno);
    copy->open_blob = 0;
    return err;
}

/* 1: both have the same head; 0: the other has none, or another; or a negative errno. */
static int heads_match(int from_fd, int to_fd)
{
    unsigned char head[SEGMENT_ALIGN_BYTES], found[SEGMENT_ALIGN_BYTES];
    ssize_t length;
    int err = read_whole(from_fd, head, sizeof(head), 0);

    if (err != 0)
        return err;
    if ((length = read_up_to(to_fd, found, sizeof(found), 0)) < 0)
        return (int)length;
    return length == sizeof(found) && memcmp(head, found, sizeof(head)) == 0;
}

int blob_copy_knows_segment(struct blob_copy *copy, uint64_t blob)
{
    int from = blob_open(copy->from_blobs_fd, blob, O_RDONLY), to, result;

    if (from < 0)
        return from;
    to = blob_open(copy->to->blobs_fd, blob, O_RDONLY);
    result = to >= 0 ? heads_match(from, to) : to == -ENOENT ? 0 : to;
    if (to >= 0)
        close(to); /* was read from alone */
    close(from);
    return result;
}

static int head_copy(int from_fd, int to_fd)
{
    unsigned char head[SEGMENT_ALIGN_BYTES];
    int err = read_whole(from_fd, head, sizeof(head), 0);

    return err != 0 ? err : write_whole(to_fd, head, sizeof(head), 0);
}

static int segment_open(struct blob_copy *copy, uint64_t blob, bool is_new)
{
    int err = copy_segment_close(copy), from, to;

    if (err != 0 || (err = copy_folder_make(copy, blob)) != 0)
        return err;
    if ((from = blob_open(copy->from_blobs_fd, blob, O_RDONLY)) < 0)
        return from;
    if ((to = blob_open(copy->to->blobs_fd, blob, O_RDWR | (is_new ? O_CREAT | O_TRUNC : 0))) < 0) {
        close(from); /* was read from alone */
        return to;
    }
    copy->open_blob = blob;
    copy->open_from = from;
    copy->open_to = to;
    copy->counts.files++;
    return is_new ? head_copy(from, to) : 0;
}

/* Whole blocks: what lies behind a unit up to the next block is zero, and its file has it. */
static int segment_extend(int fd, uint64_t end)
{
    struct stat st;

    end = (end + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES * SEGMENT_ALIGN_BYTES;
    if (fstat(fd, &st) != 0)
        return disk_error(-errno);
    return (uint64_t)st.st_size >= end || ftruncate(fd, (off_t)end) == 0 ? 0 : disk_error(-errno);
}

int blob_copy_units(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count,
                    bool is_new)
{
    int err = copy->open_blob == blob ? 0 : segment_open(copy, blob, is_new);

    assert(blob != 0 && count > 0);
    for (uint32_t i = 0; err == 0 && i < count; i++) {
        if ((err = copy_range(copy->open_from, copy->open_to, runs[i].offset, runs[i].length)) == 0)
            copy->counts.bytes += runs[i].length;
    }
    return err == 0 ? segment_extend(copy->open_to, runs[count - 1].offset + runs[count - 1].length) : err;
}

int blob_copy_gather(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count,
                     int fd)
{
    int from = blob_open(copy->from_blobs_fd, blob, O_RDONLY), err;

    if (from < 0)
        return from;
    err = head_copy(from, fd);
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = copy_range(from, fd, runs[i].offset, runs[i].length);
    close(from); /* was read from alone */
    return err;
}

void blob_copy_forget(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count)
{
    int fd = blob_open(copy->to->blobs_fd, blob, O_RDWR);

    if (fd < 0)
        return; /* the file has gone with all of its units */
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length =
            (runs[i].length + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES * SEGMENT_ALIGN_BYTES;

        if (sys.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)runs[i].offset,
                          (off_t)length) != 0)
            break;
    }
    close(fd); /* holes that are lost cost room alone */
}
