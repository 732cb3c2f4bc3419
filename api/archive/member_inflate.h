/* SPDX-License-Identifier: MIT
 *
 * A deflated member becomes the file that it was, a step at a time, with memory that does not depend on its size.
 *
 * What comes out is compared with what the directory says: more bytes, fewer, or another CRC, and the last of them are not given out. Where
 * only a range is wanted that ends before the member does, its CRC is not known.
 *
 *     loop: member_inflate_step
 *             INFLATE_WANTS    put at most ARCHIVE_STEP_BYTES of the member's next stored bytes into `in` and set in_length
 *             INFLATE_GIVES    take out[out_begin .. out_end) before the next step
 *             INFLATE_AGAIN    nothing of it was wanted: step again
 *             INFLATE_OVER     all was given
 *
 * One thread at a time. */
#ifndef API_ARCHIVE_MEMBER_INFLATE_H
#define API_ARCHIVE_MEMBER_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "api/archive/member_index.h"

enum inflate_step { INFLATE_WANTS, INFLATE_GIVES, INFLATE_AGAIN, INFLATE_OVER };

struct member_inflate {
    unsigned char in[ARCHIVE_STEP_BYTES], out[ARCHIVE_STEP_BYTES];
    size_t in_length; /* of new bytes, from in[0] on */
    size_t out_begin, out_end;

    /* private */
    z_stream stream;
    uint64_t size, first, end; /* of the file, and what is wanted of it */
    uint64_t made;
    size_t count; /* of these, in `out` */
    uint32_t crc, crc_wanted;
    bool is_begun, is_held, is_over;
};

/* What zlib takes beside it: a window of 32 KiB, and tables. */
#define MEMBER_INFLATE_BYTES (sizeof(struct member_inflate) + (48u << 10))

/* Bytes [first, first + length) of the file, which has them. */
void member_inflate_begin(struct member_inflate *work, const struct member *member, uint64_t first,
                          uint64_t length);
/* An enum inflate_step; -EBADMSG: not what the directory says; -ENOMEM. After an error only member_inflate_end. */
int member_inflate_step(struct member_inflate *work);
void member_inflate_end(struct member_inflate *work);

#endif
