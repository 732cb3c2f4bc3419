/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding. No allocation, no state; any thread. It knows nothing of requests. */
#include "storage/base/percent.h"

#include <errno.h>

#include "storage/base/hex.h"

static const char digits_upper[] = "0123456789ABCDEF";

/* What a byte of a text is, to either side. */
enum { UNRESERVED = 1, SPECIAL = 2 /* may not stand for itself in what is decoded */ };
static const unsigned char kinds[256] = {
    ['A' ... 'Z'] = UNRESERVED,
    ['a' ... 'z'] = UNRESERVED,
    ['0' ... '9'] = UNRESERVED,
    ['-'] = UNRESERVED,
    ['_'] = UNRESERVED,
    ['.'] = UNRESERVED,
    ['~'] = UNRESERVED,
    ['%'] = SPECIAL,
    ['+'] = SPECIAL,
    ['\0'] = SPECIAL,
};

static bool is_unreserved(char byte)
{
    return kinds[(unsigned char)byte] == UNRESERVED;
}

/* The byte that an escape at the beginning of the text stands for, or -1. */
static int escaped_byte(const char *text, size_t length)
{
    int high = length > 2 ? hex_value(text[1]) : -1;
    int low = high >= 0 ? hex_value(text[2]) : -1;

    return low >= 0 ? high << 4 | low : -1;
}

ssize_t percent_decode(const char *text, size_t length, bool plus_is_space, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];

        if (kinds[byte] != SPECIAL) {
            out[written++] = text[i];
            continue;
        }
        if (byte == '%') {
            byte = escaped_byte(text + i, length - i);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        if (byte <= 0)
            return -EINVAL;
        out[written++] = (char)byte;
    }
    return (ssize_t)written;
}

bool percent_is_encoded(struct slice text, bool keep_slash)
{
    for (size_t i = 0; i < text.len; i++) {
        int byte;

        if (is_unreserved(text.base[i]) || (text.base[i] == '/' && keep_slash))
            continue;
        byte = text.base[i] == '%' ? escaped_byte(text.base + i, text.len - i) : -1;
        if (byte <= 0 || is_unreserved((char)byte) || (byte == '/' && keep_slash) ||
            text.base[i + 1] != digits_upper[byte >> 4] || text.base[i + 2] != digits_upper[byte & 15])
            return false;
        i += 2;
    }
    return true;
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
