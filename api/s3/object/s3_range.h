/* SPDX-License-Identifier: MIT
 *
 * Which bytes of an object an answer carries. Pure functions, any thread. */
#ifndef API_S3_OBJECT_S3_RANGE_H
#define API_S3_OBJECT_S3_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct s3_range {
    uint64_t first, length; /* length > 0 when S3_RANGE_PARTIAL */
};

enum s3_range_result {
    /* no range, or one that S3 ignores: other units, several ranges, bad syntax; or the end of what is empty */
    S3_RANGE_WHOLE,
    /* *range is set; it may cover the whole object, and the answer is 206 all the same */
    S3_RANGE_PARTIAL,
    S3_RANGE_UNSATISFIABLE, /* 416 */
};

/* A Range header against an object of `size` bytes. On S3_RANGE_WHOLE *range covers all of it. text may be NULL. */
enum s3_range_result s3_range_parse(const char *text, size_t length, uint64_t size, struct s3_range *range);

/* x-amz-copy-source-range: exactly "bytes=first-last". 0 or -EINVAL. Whether it fits the source is not known here. */
int s3_range_parse_copy(const char *text, size_t length, struct s3_range *range);

/* "bytes 0-9/100"; 64 bytes are enough. Returns the length. */
size_t s3_range_format(const struct s3_range *range, uint64_t size, char text[64]);

/* A decimal number of at most `max`, digits only, no empty text. 0, -EINVAL, or -ERANGE when it is larger. */
int s3_number_parse(const char *text, size_t length, uint64_t max, uint64_t *value);

#endif
