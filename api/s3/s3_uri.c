/* SPDX-License-Identifier: MIT
 *
 * Percent-encoding, UTF-8 and hexadecimal digits. No allocation, no state; any thread. It knows nothing of
 * requests. */
#include "api/s3/s3_uri.h"

#include <errno.h>

static const char digits_upper[] = "0123456789ABCDEF";
static const char digits_lower[] = "0123456789abcdef";

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

ssize_t s3_uri_decode(const char *text, size_t length, bool plus_is_space, char *out)
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

size_t s3_uri_encode(const char *bytes, size_t length, bool keep_slash, char *out)
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

size_t s3_utf8_next(const char *bytes, size_t length, uint32_t *code)
{
    /* The smallest code that may use each length: anything below is an overlong form. */
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first;
    size_t count;
    uint32_t value;

    if (length == 0)
        return 0;
    first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    count = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first >= 0xf8 || length < count)
        return 0;
    value = first & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if (((unsigned char)bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
    }
    if (value < smallest[count] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return count;
}

bool s3_utf8_is_valid(const char *bytes, size_t length)
{
    uint32_t code;

    for (size_t i = 0, count; i < length; i += count) {
        count = s3_utf8_next(bytes + i, length - i, &code);
        if (count == 0)
            return false;
    }
    return true;
}

void s3_hex_encode(const unsigned char *bytes, size_t count, char *hex)
{
    for (size_t i = 0; i < count; i++) {
        hex[2 * i] = digits_lower[bytes[i] >> 4];
        hex[2 * i + 1] = digits_lower[bytes[i] & 15];
    }
}

bool s3_hex_decode(const char *hex, size_t length, unsigned char *bytes, size_t count)
{
    if (length != 2 * count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
