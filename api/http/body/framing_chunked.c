/* SPDX-License-Identifier: MIT
 *
 * Chunked framing (RFC 9112 7.1), parsed one byte at a time so that it can stop and go on anywhere. Any
 * thread; no I/O.
 *
 *      size-line payload CRLF  size-line payload CRLF ...  "0" CRLF  trailer-lines  CRLF
 *
 * Strict where leniency lets two parsers disagree: lines end in CRLF only, a size is bare hexadecimal digits,
 * blanks are allowed only between the size and a `;`. Extensions and trailers are checked for form, bounded
 * and dropped. */
#include "api/http/body/framing.h"

#include <assert.h>
#include <errno.h>

#include "api/http/limits.h"
#include "storage/base/text/hex.h"

enum chunked_state {
    CHUNKED_SIZE_FIRST, /* first digit of a size */
    CHUNKED_SIZE,       /* further digits */
    CHUNKED_BLANK,      /* blanks between size and ';' */
    CHUNKED_EXTENSION,  /* after ';', to the end of the line */
    CHUNKED_SIZE_LF,
    CHUNKED_PAYLOAD, /* `remaining` bytes that are not ours to read */
    CHUNKED_PAYLOAD_CR,
    CHUNKED_PAYLOAD_LF,
    CHUNKED_TRAILER_FIRST, /* first byte of a trailer line, or the CR of the last empty line */
    CHUNKED_TRAILER_NAME,
    CHUNKED_TRAILER_VALUE,
    CHUNKED_TRAILER_LF,
    CHUNKED_LAST_LF,
    CHUNKED_DONE,
    CHUNKED_MALFORMED, /* sticky */
    CHUNKED_TOO_LONG,  /* sticky */
};

#define CHUNKED_DIGITS_MAX         16u  /* of a 64-bit size */
#define CHUNKED_TRAILER_READ_BYTES 256u /* no payload follows trailers: reading too far does no harm */

static struct framing_chunked *chunked_of(const struct framing *framing)
{
    return (struct framing_chunked *)framing;
}

static size_t chunked_hint(const struct framing *framing)
{
    const struct framing_chunked *chunked = chunked_of(framing);
    /* The next size line is probably as long as the last; the shortest is one digit and CRLF. */
    size_t line = chunked->last_line != 0 ? chunked->last_line : 3;

    switch (chunked->state) {
    case CHUNKED_PAYLOAD_CR:
        return 2 + line;
    case CHUNKED_PAYLOAD_LF:
        return 1 + line;
    case CHUNKED_SIZE_FIRST:
        return line;
    case CHUNKED_SIZE:
    case CHUNKED_BLANK:
    case CHUNKED_EXTENSION:
        return chunked->line_bytes + 2 < line ? line - chunked->line_bytes : 2;
    case CHUNKED_SIZE_LF:
        return 1;
    default:
        return CHUNKED_TRAILER_READ_BYTES;
    }
}

static bool is_text(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool is_name(unsigned char c)
{
    return c > 0x20 && c < 0x7f && c != ':';
}

static enum chunked_state chunked_size_byte(struct framing_chunked *chunked, unsigned char c)
{
    int value = hex_value((char)c);

    if (value >= 0) {
        if (++chunked->digits > CHUNKED_DIGITS_MAX)
            return CHUNKED_TOO_LONG;
        if (chunked->remaining > (UINT64_MAX >> 5)) /* stays below 2^63: sums with it must not wrap */
            return CHUNKED_TOO_LONG;
        chunked->remaining = chunked->remaining << 4 | (unsigned)value;
        return CHUNKED_SIZE;
    }
    if (chunked->digits == 0)
        return CHUNKED_MALFORMED;
    switch (c) {
    case '\r':
        return CHUNKED_SIZE_LF;
    case ';':
        return CHUNKED_EXTENSION;
    case ' ':
    case '\t':
        return CHUNKED_BLANK;
    default:
        return CHUNKED_MALFORMED;
    }
}

static enum chunked_state chunked_size_end(struct framing_chunked *chunked, unsigned char c)
{
    if (c != '\n')
        return CHUNKED_MALFORMED;
    chunked->last_line = chunked->line_bytes;
    chunked->line_bytes = 0;
    chunked->digits = 0;
    return chunked->remaining > 0 ? CHUNKED_PAYLOAD : CHUNKED_TRAILER_FIRST;
}

/* The state after one byte of framing. */
static enum chunked_state chunked_next(struct framing_chunked *chunked, unsigned char c)
{
    switch ((enum chunked_state)chunked->state) {
    case CHUNKED_SIZE_FIRST:
    case CHUNKED_SIZE:
        return chunked_size_byte(chunked, c);
    case CHUNKED_BLANK:
        return c == ';' ? CHUNKED_EXTENSION : c == ' ' || c == '\t' ? CHUNKED_BLANK : CHUNKED_MALFORMED;
    case CHUNKED_EXTENSION:
        return c == '\r' ? CHUNKED_SIZE_LF : is_text(c) ? CHUNKED_EXTENSION : CHUNKED_MALFORMED;
    case CHUNKED_SIZE_LF:
        return chunked_size_end(chunked, c);
    case CHUNKED_PAYLOAD_CR:
        return c == '\r' ? CHUNKED_PAYLOAD_LF : CHUNKED_MALFORMED;
    case CHUNKED_PAYLOAD_LF:
        chunked->line_bytes = 0; /* the bound is one of size lines */
        return c == '\n' ? CHUNKED_SIZE_FIRST : CHUNKED_MALFORMED;
    case CHUNKED_TRAILER_FIRST:
        return c == '\r' ? CHUNKED_LAST_LF : is_name(c) ? CHUNKED_TRAILER_NAME : CHUNKED_MALFORMED;
    case CHUNKED_TRAILER_NAME:
        return c == ':' ? CHUNKED_TRAILER_VALUE : is_name(c) ? CHUNKED_TRAILER_NAME : CHUNKED_MALFORMED;
    case CHUNKED_TRAILER_VALUE:
        return c == '\r' ? CHUNKED_TRAILER_LF : is_text(c) ? CHUNKED_TRAILER_VALUE : CHUNKED_MALFORMED;
    case CHUNKED_TRAILER_LF:
        return c == '\n' ? CHUNKED_TRAILER_FIRST : CHUNKED_MALFORMED;
    case CHUNKED_LAST_LF:
        return c == '\n' ? CHUNKED_DONE : CHUNKED_MALFORMED;
    default:
        return CHUNKED_MALFORMED;
    }
}

static uint32_t chunked_line_max(const struct framing_chunked *chunked)
{
    return chunked->state >= CHUNKED_TRAILER_FIRST ? HTTP_TRAILER_BYTES_MAX : HTTP_CHUNK_LINE_MAX;
}

static ssize_t chunked_feed(struct framing *framing, const char *data, size_t length)
{
    struct framing_chunked *chunked = chunked_of(framing);
    size_t used = 0;

    assert(chunked->state != CHUNKED_PAYLOAD);
    while (used < length && chunked->state < CHUNKED_DONE && chunked->state != CHUNKED_PAYLOAD) {
        if (chunked->line_bytes++ >= chunked_line_max(chunked))
            chunked->state = CHUNKED_TOO_LONG;
        else
            chunked->state = chunked_next(chunked, (unsigned char)data[used++]);
    }
    if (chunked->state == CHUNKED_TOO_LONG)
        return -EMSGSIZE;
    return chunked->state == CHUNKED_MALFORMED ? -EBADMSG : (ssize_t)used;
}

static uint64_t chunked_run(const struct framing *framing)
{
    return chunked_of(framing)->state == CHUNKED_PAYLOAD ? chunked_of(framing)->remaining : 0;
}

static int chunked_take(struct framing *framing, uint64_t count)
{
    struct framing_chunked *chunked = chunked_of(framing);

    assert(chunked->state == CHUNKED_PAYLOAD);
    assert(count <= chunked->remaining);
    chunked->remaining -= count;
    if (chunked->remaining == 0)
        chunked->state = CHUNKED_PAYLOAD_CR;
    return 0;
}

static bool chunked_done(const struct framing *framing)
{
    return chunked_of(framing)->state == CHUNKED_DONE;
}

void framing_chunked_init(struct framing_chunked *framing)
{
    static const struct framing_ops ops = {chunked_hint, chunked_feed, chunked_run, chunked_take,
                                           chunked_done};

    *framing = (struct framing_chunked){.base = {&ops}, .state = CHUNKED_SIZE_FIRST};
}
