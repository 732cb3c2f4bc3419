/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding. No allocation, no state; any thread. It knows nothing of requests. */
#include "storage/base/percent.h"

#include <errno.h>

#include "storage/base/hex.h"

static const char digits_upper[] = "0123456789ABCDEF";

ssize_t percent_decode(const char *text, size_t length, bool plus_is_space, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        char byte = text[i];

        if (byte == '%') {
            int high = length - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;

            if (low < 0)
                return -EINVAL;
            byte = (char)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        if (byte == '\0')
            return -EINVAL;
        out[written++] = byte;
    }
    return (ssize_t)written;
}

static bool is_unreserved(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

size_t percent_encode(const char *bytes, size_t length, bool keep_slash, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (is_unreserved(bytes[i]) || (byte == '/' && keep_slash)) {
            out[written++] = bytes[i];
            continue;
        }
        out[written++] = '%';
        out[written++] = digits_upper[byte >> 4];
        out[written++] = digits_upper[byte & 15];
    }
    return written;
}

/* ---- Into an arena ---- */

struct slice percent_decode_in(struct arena *arena, struct slice text, bool plus_is_space)
{
    char *decoded = arena_alloc(arena, text.len + 1);
    ssize_t length = decoded != NULL ? percent_decode(text.base, text.len, plus_is_space, decoded) : -1;

    return length >= 0 ? slice_of(decoded, (size_t)length) : slice_of(NULL, 0);
}

struct slice percent_encode_in(struct arena *arena, struct slice bytes, bool keep_slash)
{
    char *encoded = arena_alloc(arena, PERCENT_ENCODED_BYTES(bytes.len) + 1);

    if (encoded == NULL)
        return slice_of(NULL, 0);
    return slice_of(encoded, percent_encode(bytes.base, bytes.len, keep_slash, encoded));
}
