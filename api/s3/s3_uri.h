/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding as S3 uses it, and the UTF-8 rule for keys. Pure functions; any thread. */
#ifndef API_S3_S3_URI_H
#define API_S3_S3_URI_H

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

/* Whether the bytes are well-formed UTF-8: no surrogates, nothing over U+10FFFF, no overlong forms. */
bool s3_utf8_is_valid(const char *bytes, size_t length);
/* The character at bytes[0]: its length in bytes, or 0 where the bytes are not well-formed; *code receives it. */
size_t s3_utf8_next(const char *bytes, size_t length, uint32_t *code);

/* 64 lower-case digits and the like. Two digits per byte; hex gets no NUL. */
void s3_hex_encode(const unsigned char *bytes, size_t count, char *hex);
/* Exactly 2 * count digits of either case. Returns false for anything else. */
bool s3_hex_decode(const char *hex, size_t length, unsigned char *bytes, size_t count);

#endif
