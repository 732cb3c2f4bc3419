/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding as S3 uses it. Pure functions; any thread. */
#ifndef API_S3_TEXT_S3_URI_H
#define API_S3_TEXT_S3_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Room that s3_uri_encode may need. */
#define S3_URI_ENCODED_BYTES(length) (3 * (length))

/* Decodes once. out needs `length` bytes (no NUL is added) and may be text itself. plus_is_space: for query parts only.
 * Returns the decoded length, or -EINVAL for a bad escape or a NUL byte (plain or encoded). */
ssize_t s3_uri_decode(const char *text, size_t length, bool plus_is_space, char *out);

/* Encodes all but RFC 3986's unreserved characters, with upper-case digits (S3's canonical form). out needs
 * S3_URI_ENCODED_BYTES(length) bytes. Returns the encoded length. */
size_t s3_uri_encode(const char *bytes, size_t length, bool keep_slash, char *out);

#endif
