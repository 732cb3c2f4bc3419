/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 has it. Pure functions; any thread. */
#ifndef STORAGE_BASE_UTF8_H
#define STORAGE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are well-formed: no surrogates, nothing over U+10FFFF, no overlong forms. */
bool utf8_is_valid(const char *bytes, size_t length);
/* The character at bytes[0]: its length in bytes, or 0 where the bytes are not well-formed; *code receives it. */
size_t utf8_next(const char *bytes, size_t length, uint32_t *code);

/* The same of a text that comes in pieces. All zero: the beginning. */
struct utf8_stream {
    unsigned char rest[4]; /* of a character that the last piece began */
    unsigned char rest_length;
    bool is_broken;
};
void utf8_stream_add(struct utf8_stream *stream, const void *bytes, size_t length);
/* Whether all that was added is well-formed, and ends with a whole character. */
bool utf8_stream_is_valid(const struct utf8_stream *stream);

#endif
