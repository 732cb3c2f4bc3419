/* SPDX-License-Identifier: MIT
 *
 * The two ends of gzip. */
#include "api/archive/member_gzip.h"

#include <endian.h>

/* Deflate; no name, no time, of no known system: the same for everybody. */
const unsigned char member_gzip_head[MEMBER_GZIP_HEAD_BYTES] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

void member_gzip_tail(const struct member *member, unsigned char tail[MEMBER_GZIP_TAIL_BYTES])
{
    const uint32_t numbers[2] = {htole32(member->crc), htole32((uint32_t)member->size)};

    memcpy(tail, numbers, sizeof(numbers));
}
