/* SPDX-License-Identifier: MIT
 *
 * See frames.h. */
#include "api/import/frames.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/import/highway.h"
#include "api/import/limits.h"
#include "storage/base/io.h"

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EBADMSG;
}

/* With the hashes. Sizes were compared with that of the object, which is below 2^63. */
static uint64_t stored_bytes(uint64_t size, uint64_t frame_bytes)
{
    return size + (size / frame_bytes + (size % frame_bytes != 0)) * HIGHWAY_BYTES;
}

static bool frame_is_whole(const unsigned char *frame, size_t length)
{
    unsigned char hash[HIGHWAY_BYTES];

    highway_hash_minio(frame + HIGHWAY_BYTES, length, hash);
    return memcmp(hash, frame, sizeof(hash)) == 0;
}

/* Where the disk, or what stands in its place, cannot be spliced from, what is in memory is written. */
static int frame_move(struct sluice_writer *writer, int fd, uint64_t offset, const unsigned char *payload,
                      size_t length)
{
    int err = -EOPNOTSUPP;

    if (fd >= 0 && lseek(fd, (off_t)offset, SEEK_SET) == (off_t)offset)
        err = library_writer_fill(writer, fd, length);
    return err == -EOPNOTSUPP ? sluice_writer_write(writer, payload, length) : err;
}

/* fd -1: the bytes are in memory, at `memory`. */
static int frames_walk(struct frames *frames, int fd, const unsigned char *memory, uint64_t size,
                       uint64_t frame_bytes, struct sluice_writer *writer, const char **why)
{
    uint64_t at = 0;
    int err = 0;

    for (uint64_t done = 0; done < size && err == 0;) {
        size_t length = size - done < frame_bytes ? (size_t)(size - done) : (size_t)frame_bytes;
        const unsigned char *frame = fd < 0 ? memory + at : frames->buffer;

        if (frames->is_over != NULL && frames->is_over(frames->ctx))
            return -ECANCELED;
        if (fd >= 0 && (err = read_whole(fd, frames->buffer, HIGHWAY_BYTES + length, at)) != 0)
            return err;
        if (!frame_is_whole(frame, length))
            return refuse(why, "its bytes are not those that its hashes were made of");
        if (writer != NULL)
            err = frame_move(writer, fd, at + HIGHWAY_BYTES, frame + HIGHWAY_BYTES, length);
        if (writer != NULL && err == 0 && frames->took != NULL)
            frames->took(frames->ctx, length);
        at += HIGHWAY_BYTES + length;
        done += length;
    }
    return err;
}

static int frames_reserve(struct frames *frames, uint64_t size, uint64_t frame_bytes)
{
    size_t room = HIGHWAY_BYTES + (size_t)(size < frame_bytes ? size : frame_bytes);
    unsigned char *buffer;

    assert(frame_bytes > 0 && frame_bytes <= XL_FRAME_BYTES_MAX);
    if (room <= frames->room)
        return 0;
    if ((buffer = realloc(frames->buffer, room)) == NULL)
        return -ENOMEM;
    frames->buffer = buffer;
    frames->room = room;
    return 0;
}

/* Of the version, or -1; neither it nor its folder may be a symbolic link. */
static int part_open(int folder, const struct xl_version *version, uint32_t number)
{
    char name[XL_UUID_BYTES + 1];
    int parts, fd = -1, err;

    xl_id_format(version->folder, name);
    parts = io_open(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (parts < 0)
        return -errno;
    (void)snprintf(name, sizeof(name), "part.%" PRIu32, number);
    fd = io_open(parts, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    err = errno;
    (void)close(parts);
    return fd < 0 ? -err : fd;
}

static int part_run(struct frames *frames, int folder, const struct xl_version *version,
                    const struct xl_part *part, struct sluice_writer *writer, const char **why)
{
    uint64_t frame_bytes = version->frame_bytes;
    struct stat status;
    int err = frames_reserve(frames, part->size, frame_bytes), fd;

    if (err != 0 || part->size == 0)
        return err;
    if ((fd = part_open(folder, version, part->number)) < 0)
        return fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR ? refuse(why, "a file of its bytes is missing")
                                                               : fd;
    if (fstat(fd, &status) != 0)
        err = -errno;
    else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != stored_bytes(part->size, frame_bytes))
        err = refuse(why, "a file of its bytes is not as long as it is said to be");
    else
        err = frames_walk(frames, fd, NULL, part->size, frame_bytes, writer, why);
    (void)close(fd);
    return err;
}

int frames_run(struct frames *frames, int folder, const struct xl_version *version,
               struct sluice_writer *writer, const char **why)
{
    int err = 0;

    if (version->is_inline && version->size > 0) {
        if (version->inline_data.len != stored_bytes(version->size, version->frame_bytes))
            return refuse(why, "its inline bytes are not as many as they are said to be");
        return frames_walk(frames, -1, (const unsigned char *)version->inline_data.base, version->size,
                           version->frame_bytes, writer, why);
    }
    for (uint32_t i = 0; i < version->part_count && err == 0; i++)
        err = part_run(frames, folder, version, &version->parts[i], writer, why);
    return err;
}

void frames_free(struct frames *frames)
{
    free(frames->buffer);
    frames->buffer = NULL;
    frames->room = 0;
}
