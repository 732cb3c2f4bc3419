/* SPDX-License-Identifier: MIT
 *
 * The way of a deflated member to a client that takes no gzip: stored bytes are read as a GET reads them, inflated on a thread of the shelf
 * 64 KiB at a time, and sent when the socket takes them. Nothing runs ahead of the client. Worker's thread. */
#ifndef API_S3_ARCHIVE_S3_INFLATE_H
#define API_S3_ARCHIVE_S3_INFLATE_H

#include "api/archive/member_index.h"
#include "api/s3/s3_request.h"

struct s3_inflate_options {
    struct s3_request *request;
    struct core_get *get; /* ended when all is over */
    const struct member *member;
    uint64_t offset;         /* of its stored bytes, in the object */
    uint64_t first, length;  /* of the file: what is wanted; length > 0 */
    void (*head)(void *ctx); /* status and headers, when it is known that there will be bytes */
    void *ctx;
};

/* Answers, with the bytes or with why there are none. options: copied. */
void s3_inflate_start(const struct s3_inflate_options *options);

#endif
