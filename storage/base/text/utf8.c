/* SPDX-License-Identifier: MIT
 *
 * See utf8.h. */
#include "storage/base/text/utf8.h"

#include <assert.h>
#include <string.h>

size_t utf8_next(const char *bytes, size_t length, uint32_t *code)
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

bool utf8_is_valid(const char *bytes, size_t length)
{
    uint32_t code;

    for (size_t i = 0, count; i < length; i += count) {
        count = utf8_next(bytes + i, length - i, &code);
        if (count == 0)
            return false;
    }
    return true;
}

/* ---- In pieces ---- */

/* How many bytes the character has that begins so; 1 for what begins none. */
static size_t length_of(unsigned char first)
{
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* How many bytes at the beginning are ASCII, eight at a time. */
static size_t ascii_length(const char *bytes, size_t length)
{
    uint64_t word;
    size_t at = 0;

    for (; length - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return at;
}

/* Completes the character that an earlier piece began: how many bytes that took. */
static size_t rest_complete(struct utf8_stream *stream, const char *bytes, size_t length)
{
    size_t wanted = length_of(stream->rest[0]) - stream->rest_length;
    size_t taken = wanted < length ? wanted : length;
    uint32_t code;

    assert(wanted > 0 && stream->rest_length + taken <= sizeof(stream->rest));
    memcpy(stream->rest + stream->rest_length, bytes, taken);
    stream->rest_length += (unsigned char)taken;
    if (taken == wanted) {
        stream->is_broken = utf8_next((const char *)stream->rest, stream->rest_length, &code) == 0;
        stream->rest_length = 0;
    }
    return taken;
}

void utf8_stream_add(struct utf8_stream *stream, const void *data, size_t length)
{
    const char *bytes = data;
    size_t at = stream->rest_length > 0 && length > 0 ? rest_complete(stream, bytes, length) : 0;
    uint32_t code;

    while (at < length && !stream->is_broken) {
        if ((at += ascii_length(bytes + at, length - at)) == length)
            break;
        size_t left = length - at, count = utf8_next(bytes + at, left, &code);
        if (count == 0 && left < length_of((unsigned char)bytes[at])) {
            memcpy(stream->rest, bytes + at, left);
            stream->rest_length = (unsigned char)left;
            return;
        }
        stream->is_broken = count == 0;
        at += count;
    }
}

bool utf8_stream_is_valid(const struct utf8_stream *stream)
{
    return !stream->is_broken && stream->rest_length == 0;
}
