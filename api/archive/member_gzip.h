/* SPDX-License-Identifier: MIT
 *
 * What makes gzip (RFC 1952) of a deflated member: ten bytes before what is stored, eight after it. */
#ifndef API_ARCHIVE_MEMBER_GZIP_H
#define API_ARCHIVE_MEMBER_GZIP_H

#include "api/archive/member_index.h"

#define MEMBER_GZIP_HEAD_BYTES 10u
#define MEMBER_GZIP_TAIL_BYTES 8u

extern const unsigned char member_gzip_head[MEMBER_GZIP_HEAD_BYTES];
/* CRC and size as the directory has them: whoever unpacks it compares. */
void member_gzip_tail(const struct member *member, unsigned char tail[MEMBER_GZIP_TAIL_BYTES]);

#endif
