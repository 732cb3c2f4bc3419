/* SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 4648): the ordinary form with padding, and the one for URLs without. Pure functions; any thread. */
#ifndef STORAGE_BASE_BASE64_H
#define STORAGE_BASE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

#include "storage/base/slice.h"

/* Length of what base64_encode writes, without the NUL; base64url_encode writes no more. */
#define BASE64_ENCODED_BYTES(length) (((length) + 2) / 3 * 4)
/* Room that base64url_decode may need for a text of that length. */
#define BASE64URL_DECODED_BYTES(length) ((length) / 4 * 3 + (length) % 4)

/* Writes digits, padding and a NUL. Returns their length without the NUL. */
size_t base64_encode(const void *data, size_t length, char *text);
/* Strict, with padding: exactly `length` bytes must come out. 0 or -EINVAL; data may have changed then. */
int base64_decode(struct slice text, void *data, size_t length);
/* How many bytes a text with padding stands for, should it be valid; -EINVAL when its length or its padding cannot be. */
ssize_t base64_decoded_length(struct slice text);

/* The same with '-' and '_' and without padding. */
size_t base64url_encode(const void *data, size_t length, char *text);
/* Strict: left-over bits are zero. Returns the bytes in data, or -EINVAL; data may have changed then. */
ssize_t base64url_decode(struct slice text, void *data);

#endif
