/* SPDX-License-Identifier: MIT
 *
 * The way to a ZIP's directory: its tail, in which the end record is and often all of the directory; else the directory in a second
 * read. */
#include <errno.h>
#include <string.h>

#include "api/s3/archive/s3_archive.h"

/* The directory begins the room. */
static void read_directory(struct s3_archive *archive)
{
    archive->result = zip_directory_read(archive->room.bytes, &archive->end, archive->index);
}

static enum s3_archive_step on_directory(struct s3_archive *archive)
{
    return s3_archive_finish(archive, archive->end.length > S3_ARCHIVE_INLINE_BYTES, read_directory);
}

static enum s3_archive_step on_tail(struct s3_archive *archive)
{
    struct zip_end *end = &archive->end;
    uint64_t tail_offset = archive->object->size - archive->tail;
    int err = zip_end_find(archive->room.bytes, archive->tail, archive->object->size, end);

    if (err == 0 && (end->length > ARCHIVE_DIRECTORY_BYTES_MAX || end->count > ARCHIVE_MEMBERS_MAX))
        err = -E2BIG;
    if (err != 0)
        return s3_archive_refuse(archive, err);
    if (end->offset >= tail_offset) {
        memmove(archive->room.bytes, archive->room.bytes + (end->offset - tail_offset), end->length);
        return on_directory(archive);
    }
    if ((err = s3_archive_room(archive, (size_t)end->length)) != 0)
        return s3_archive_refuse(archive, err);
    archive->next = on_directory;
    return s3_archive_want(archive, end->offset, (size_t)end->length, archive->room.bytes);
}

enum s3_archive_step s3_archive_zip(struct s3_archive *archive)
{
    uint64_t size = archive->object->size;
    int err;

    archive->tail = size < ZIP_TAIL_BYTES ? (size_t)size : ZIP_TAIL_BYTES;
    if ((err = s3_archive_room(archive, archive->tail)) != 0)
        return s3_archive_refuse(archive, err);
    archive->next = on_tail;
    return s3_archive_want(archive, size - archive->tail, archive->tail, archive->room.bytes);
}
