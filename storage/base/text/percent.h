/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding (RFC 3986 2.1), as S3 uses it. Pure functions; any thread. */
#ifndef STORAGE_BASE_PERCENT_H
#define STORAGE_BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/arena.h"

/* Room that percent_encode may need. */
#define PERCENT_ENCODED_BYTES(length) (3 * (length))

/* Decodes once. out needs `length` bytes (no NUL is added) and may be text itself. plus_is_space: for query parts only.
 * Returns the decoded length, or -EINVAL for a bad escape or a NUL byte (plain or encoded). */
ssize_t percent_decode(const char *text, size_t length, bool plus_is_space, char *out);

/* Encodes all but RFC 3986's unreserved characters, with upper-case digits (S3's canonical form). out needs
 * PERCENT_ENCODED_BYTES(length) bytes. Returns the encoded length. */
size_t percent_encode(const char *bytes, size_t length, bool keep_slash, char *out);
/* Whether the text is what percent_encode writes: decoding it and encoding that again gives the same. */
bool percent_is_encoded(struct slice text, bool keep_slash);

/* The same into the arena. Decoding gives base NULL for what cannot be decoded. */
struct slice percent_decode_in(struct arena *arena, struct slice text, bool plus_is_space);
struct slice percent_encode_in(struct arena *arena, struct slice bytes, bool keep_slash);

#endif
