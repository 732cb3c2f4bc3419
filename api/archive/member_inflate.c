/* SPDX-License-Identifier: MIT
 *
 * Inflating by zlib. The last bytes are held until the stream has ended and the CRC is known to be right. */
#include "api/archive/member_inflate.h"

#include <assert.h>
#include <errno.h>

#define RAW_DEFLATE (-15) /* without a header of zlib's; the window may be the largest */

void member_inflate_begin(struct member_inflate *work, const struct member *member, uint64_t first,
                          uint64_t length)
{
    assert(first <= member->size && length <= member->size - first);
    work->in_length = work->out_begin = work->out_end = work->count = 0;
    work->stream = (z_stream){0};
    work->size = member->size;
    work->first = first;
    work->end = first + length;
    work->made = 0;
    work->crc = 0;
    work->crc_wanted = member->crc;
    work->is_begun = work->is_held = work->is_over = false;
}

void member_inflate_end(struct member_inflate *work)
{
    if (work->is_begun)
        inflateEnd(&work->stream); /* fails for what is no stream only */
    work->is_begun = false;
}

/* Z_OK, Z_STREAM_END, Z_BUF_ERROR where it cannot go on without input; or a negative errno, less than any of these. */
static int call(struct member_inflate *work, unsigned char *out, size_t room)
{
    int result;

    work->stream.next_out = out;
    work->stream.avail_out = (uInt)room;
    result = inflate(&work->stream, Z_NO_FLUSH);
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return result;
    return result == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

/* What of the last piece, which ends at `made`, is wanted. */
static int give(struct member_inflate *work)
{
    uint64_t begin = work->made - work->count;

    work->is_held = false;
    work->is_over = work->end <= work->made;
    work->out_begin = work->first > begin ? (size_t)(work->first - begin) : 0;
    work->out_end = work->is_over ? (size_t)(work->end - begin) : work->count;
    if (work->out_begin < work->out_end)
        return INFLATE_GIVES;
    return work->is_over ? INFLATE_OVER : INFLATE_AGAIN;
}

/* All bytes are there: nothing but the stream's end may follow. */
static int finish(struct member_inflate *work, int result)
{
    unsigned char more;

    if (result != Z_STREAM_END) {
        if ((result = call(work, &more, sizeof(more))) < Z_BUF_ERROR)
            return result;
        if (work->stream.avail_out == 0)
            return -EBADMSG;
    }
    work->is_held = result != Z_STREAM_END;
    if (work->is_held)
        return INFLATE_WANTS;
    return work->crc == work->crc_wanted ? give(work) : -EBADMSG;
}

static int take_input(struct member_inflate *work)
{
    if (!work->is_begun && inflateInit2(&work->stream, RAW_DEFLATE) != Z_OK)
        return -ENOMEM;
    work->is_begun = true;
    if (work->in_length == 0)
        return 0;
    assert(work->stream.avail_in == 0 && work->in_length <= sizeof(work->in));
    work->stream.next_in = work->in;
    work->stream.avail_in = (uInt)work->in_length;
    work->in_length = 0;
    return 0;
}

int member_inflate_step(struct member_inflate *work)
{
    int result;

    if (work->is_over)
        return INFLATE_OVER;
    if ((result = take_input(work)) != 0)
        return result;
    if (work->is_held)
        return finish(work, Z_OK);
    if ((result = call(work, work->out, sizeof(work->out))) < Z_BUF_ERROR)
        return result;
    work->count = sizeof(work->out) - work->stream.avail_out;
    if (work->count > work->size - work->made)
        return -EBADMSG;
    work->made += work->count;
    work->crc = (uint32_t)crc32(work->crc, work->out, (uInt)work->count);
    if (work->made == work->size)
        return finish(work, result);
    if (result == Z_STREAM_END)
        return -EBADMSG; /* fewer than the directory says */
    return work->count == 0 ? INFLATE_WANTS : give(work);
}
