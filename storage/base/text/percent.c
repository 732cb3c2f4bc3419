/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding. No allocation, no state; any thread. It knows nothing of requests. */
#include "storage/base/text/percent.h"

#include <errno.h>
#include <string.h>

#include "storage/base/text/hex.h"

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

/* The top bit of each byte that is zero; above one, also of others. */
static uint64_t zero_bytes(uint64_t bytes)
{
    return (bytes - 0x0101010101010101u) & ~bytes & 0x8080808080808080u;
}

static bool has_special(uint64_t bytes)
{
    return (zero_bytes(bytes) | zero_bytes(bytes ^ 0x2525252525252525u /* "%%%%%%%%" */) |
            zero_bytes(bytes ^ 0x2b2b2b2b2b2b2b2bu /* "++++++++" */)) != 0;
}

/* Copies eight bytes at a time as long as they stand for themselves. How many. */
static size_t copy_plain(const char *text, size_t length, char *out)
{
    uint64_t bytes;
    size_t i = 0;

    for (; length - i >= sizeof(bytes); i += sizeof(bytes)) {
        memcpy(&bytes, text + i, sizeof(bytes));
        if (has_special(bytes))
            break;
        memcpy(out + i, &bytes, sizeof(bytes)); /* out is text itself, or before it, or somewhere else */
    }
    return i;
}

ssize_t percent_decode(const char *text, size_t length, bool plus_is_space, char *out)
{
    size_t plain = copy_plain(text, length, out), written = plain;

    for (size_t i = plain; i < length; i++) {
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
        plain = copy_plain(text + i + 1, length - i - 1, out + written);
        written += plain;
        i += plain;
    }
    return (ssize_t)written;
}

bool percent_is_encoded(struct slice text, bool keep_slash)
{
    for (size_t i = 0; i < text.len; i++) {
        int byte;

        while (i < text.len && is_unreserved(text.base[i]))
            i++;
        if (i == text.len)
            return true;
        if (text.base[i] == '/' && keep_slash)
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
