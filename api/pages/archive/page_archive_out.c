/* SPDX-License-Identifier: MIT
 *
 * See page_archive.h. */
#include "api/pages/archive/page_archive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(PAGE_ZIP_HEAD_BYTES_MAX + 64 <= OUT_BYTES && PAGE_TAR_END_BYTES + 64 <= OUT_BYTES,
               "a head fits with the framing around it");

/* ---- What leaves from memory ---- */

static void put(struct archive *archive, const void *bytes, size_t length)
{
    memcpy(archive->out + archive->out_length, bytes, length);
    archive->out_length += length;
}

static void put_zeros(struct archive *archive, size_t length)
{
    memset(archive->out + archive->out_length, 0, length);
    archive->out_length += length;
}

/* A chunk of so many bytes begins (RFC 9112 7.1). */
void archive_begin_chunk(struct archive *archive, uint64_t length)
{
    char text[24];

    if (archive->is_chunked)
        put(archive, text, (size_t)snprintf(text, sizeof(text), "%llx\r\n", (unsigned long long)length));
}

void archive_end_chunk(struct archive *archive)
{
    if (archive->is_chunked)
        put(archive, "\r\n", 2);
}

/* ---- Members ---- */

/* In front of `size` bytes. 0, or -ENOMEM. */
int archive_put_head(struct archive *archive, uint64_t size, int64_t modified_ms)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX > PAGE_ZIP_HEAD_BYTES_MAX ? PAGE_TAR_HEAD_BYTES_MAX
                                                                         : PAGE_ZIP_HEAD_BYTES_MAX];
    struct slice name = slice_of(archive->name, archive->name_length);
    const struct page_zip_member member = {name, size, archive->crc, modified_ms};
    size_t length = archive->is_zip ? page_zip_head(&archive->zip, &member, head)
                                    : page_tar_head(name, size, modified_ms, head);

    if (length == 0)
        return -ENOMEM;
    archive_begin_chunk(archive, length + size + (archive->is_zip ? 0 : page_tar_padding(size)));
    put(archive, head, length);
    archive->left = size;
    archive->members++;
    return 0;
}

void archive_end_member(struct archive *archive, uint64_t size)
{
    if (!archive->is_zip)
        put_zeros(archive, page_tar_padding(size));
    archive_end_chunk(archive);
}

void archive_put_end(struct archive *archive)
{
    unsigned char end[PAGE_ZIP_END_BYTES_MAX];
    size_t length = PAGE_TAR_END_BYTES;

    if (archive->is_zip)
        length = page_zip_end(&archive->zip, end);
    archive_begin_chunk(archive, length);
    if (archive->is_zip)
        put(archive, end, length);
    else
        put_zeros(archive, length);
    archive_end_chunk(archive);
    if (archive->is_chunked)
        put(archive, "0\r\n\r\n", 5);
    archive->phase = PHASE_OVER;
}
