/* SPDX-License-Identifier: MIT
 *
 * Base64, both alphabets. Decoding takes one text for each value and no other: left-over bits must be zero.
 * No allocation, no state; any thread. */
#include "storage/base/text/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char digits_plain[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits_url[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- Encoding ---- */

/* Digits alone, no padding. Returns the end of what was written. */
static char *encode(const char *digits, const unsigned char *in, size_t length, char *at)
{
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits =
            (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        if (left > 1)
            *at++ = digits[bits >> 6 & 63];
        if (left > 2)
            *at++ = digits[bits & 63];
    }
    return at;
}

size_t base64_encode(const void *data, size_t length, char *text)
{
    char *at = encode(digits_plain, data, length, text);

    while ((at - text) % 4 != 0)
        *at++ = '=';
    *at = '\0';
    return (size_t)(at - text);
}

size_t base64url_encode(const void *data, size_t length, char *text)
{
    char *at = encode(digits_url, data, length, text);

    *at = '\0';
    return (size_t)(at - text);
}

/* ---- Decoding ---- */

/* The bytes that the digits stand for, or -EINVAL. */
static ssize_t decode(const char *digits, const char *text, size_t length, unsigned char *out)
{
    size_t got = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;

    if (length % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < length; i++) {
        const char *at = text[i] == '\0' ? NULL : strchr(digits, text[i]);

        if (at == NULL)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)(at - digits);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[got++] = (unsigned char)(bits >> bit_count);
            bits &= (1u << bit_count) - 1;
        }
    }
    return bits == 0 ? (ssize_t)got : -EINVAL; /* left-over bits would make two texts of one value */
}

ssize_t base64_decoded_length(struct slice text)
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return -EINVAL;
    while (padding < 2 && padding < text.len && text.base[text.len - 1 - padding] == '=')
        padding++;
    return (ssize_t)(text.len / 4 * 3 - padding);
}

int base64_decode(struct slice text, void *data, size_t length)
{
    if (base64_decoded_length(text) != (ssize_t)length)
        return -EINVAL;
    return decode(digits_plain, text.base, (length * 8 + 5) / 6, data) == (ssize_t)length ? 0 : -EINVAL;
}

ssize_t base64url_decode(struct slice text, void *data)
{
    return decode(digits_url, text.base, text.len, data);
}
