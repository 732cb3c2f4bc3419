/* SPDX-License-Identifier: MIT
 *
 * The aws-chunked parser: a state per kind of byte, a line buffer, and events. Pure: no I/O, no allocation,
 * no signature is computed here; one thread at a time.
 *
 *      LINE -> PAYLOAD -> PAYLOAD_END -> LINE ... LINE (size 0) -> TRAILER -> [TAIL] -> DONE */
#include "api/s3/body/aws_chunked.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/http/http.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

enum state {
    LINE,        /* in a chunk's size line */
    PAYLOAD,     /* `remaining` payload bytes come next */
    PAYLOAD_END, /* the CRLF after them */
    TRAILER,     /* lines after the final chunk, up to an empty one */
    TAIL, /* one more CRLF: minio-go ends unsigned trailers with two empty lines. Where the coded length is
                    unknown it shows only by being there, and the body may as well be over. */
    DONE,
    STATE_COUNT,
};

#define SIGNATURE_FIELD       ";chunk-signature="
#define SIGNATURE_FIELD_BYTES (sizeof(SIGNATURE_FIELD) - 1)
#define TRAILER_SIGNATURE     "x-amz-trailer-signature"

static struct aws_chunked *chunked_of(struct framing *framing)
{
    return (struct aws_chunked *)framing;
}

static const struct aws_chunked *const_chunked_of(const struct framing *framing)
{
    return (const struct aws_chunked *)framing;
}

static uint64_t payload_left(const struct aws_chunked *chunked)
{
    return chunked->options.decoded_length - chunked->taken;
}

/* ---- Hints ---- */

static size_t hex_digits(uint64_t value)
{
    size_t digits = 1;

    while ((value >>= 4) != 0)
        digits++;
    return digits;
}

/* How long the size line being read will be at least; exact once its size is known or as foreseen. */
static size_t line_foreseen(const struct aws_chunked *chunked)
{
    size_t tail = chunked->options.is_signed ? SIGNATURE_FIELD_BYTES + 64 + 2 : 2;
    size_t length = chunked->state == LINE ? chunked->line_length : 0; /* read of it so far */
    const char *stop = memchr(chunked->line, chunked->options.is_signed ? ';' : '\r', length);
    size_t digits = 1;

    if (stop != NULL)
        return (size_t)(stop - chunked->line) + tail;
    if (chunked->last_size != 0)
        digits = hex_digits(chunked->last_size < payload_left(chunked) ? chunked->last_size
                                                                       : payload_left(chunked));
    return (digits > length ? digits : length) + tail;
}

static size_t on_hint(const struct framing *framing)
{
    const struct aws_chunked *chunked = const_chunked_of(framing);
    size_t length;

    /* With all the payload taken only framing can follow, and it may be read as one. */
    if (payload_left(chunked) == 0 && chunked->state != TAIL) {
        uint64_t wire_left = chunked->options.wire_length - chunked->fed - chunked->taken;

        if (chunked->options.wire_length == UINT64_MAX || wire_left > S3_TRAILER_BYTES_MAX || wire_left == 0)
            return S3_TRAILER_BYTES_MAX;
        return (size_t)wire_left;
    }
    switch (chunked->state) {
    case PAYLOAD_END: /* line_length counts the CRLF here, so the line itself has not begun */
        return 2 - chunked->line_length + line_foreseen(chunked);
    case TAIL:
        return 2 - chunked->line_length;
    default:
        length = line_foreseen(chunked);
        return length > chunked->line_length ? length - chunked->line_length : 1;
    }
}

/* ---- Size lines ---- */

static int parse_size(const char *digits, size_t count, uint64_t *size)
{
    uint64_t value = 0;

    if (count == 0 || count > 16)
        return -EBADMSG;
    for (size_t i = 0; i < count; i++) {
        char digit = slice_lower(digits[i]);

        if (digit >= '0' && digit <= '9')
            value = value << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = value << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return -EBADMSG;
    }
    *size = value;
    return value > S3_CHUNK_BYTES_MAX ? -EMSGSIZE : 0;
}

static int end_final_chunk(struct aws_chunked *chunked)
{
    const struct aws_chunked_events *events = &chunked->options.events;
    int result = 0;

    if (payload_left(chunked) != 0)
        return -EBADMSG;
    if (chunked->options.is_signed && events->on_final != NULL)
        result = events->on_final(events->ctx, chunked->claimed, chunked->previous);
    memcpy(chunked->previous, chunked->claimed, 32);
    chunked->state = TRAILER;
    return result;
}

static int end_size_line(struct aws_chunked *chunked)
{
    const char *line = chunked->line, *semicolon;
    size_t length = chunked->line_length, digits;
    uint64_t size;
    int result;

    if (length < 2 || line[length - 2] != '\r')
        return -EBADMSG;
    length -= 2;
    semicolon = memchr(line, ';', length);
    digits = semicolon != NULL ? (size_t)(semicolon - line) : length;
    if (chunked->options.is_signed != (semicolon != NULL))
        return -EBADMSG;
    if (semicolon != NULL && (length - digits != SIGNATURE_FIELD_BYTES + 64 ||
                              memcmp(semicolon, SIGNATURE_FIELD, SIGNATURE_FIELD_BYTES) != 0 ||
                              !hex_decode(semicolon + SIGNATURE_FIELD_BYTES, 64, chunked->claimed, 32)))
        return -EBADMSG;
    result = parse_size(line, digits, &size);
    if (result != 0)
        return result;
    if (size == 0)
        return end_final_chunk(chunked);
    if (size > payload_left(chunked))
        return -EBADMSG;
    chunked->remaining = chunked->last_size = size;
    chunked->state = PAYLOAD;
    return 0;
}

/* ---- Trailers ---- */

/* name: NUL-terminated. */
static bool is_announced(const struct aws_chunked *chunked, struct slice name)
{
    struct slice list = {(char *)chunked->options.trailer_names, chunked->options.trailer_names_length}, item;

    if (list.base == NULL)
        return false;
    while (slice_next_item(&list, &item))
        if (slice_is_nocase(item, name.base))
            return true;
    return false;
}

static int keep_trailer(struct aws_chunked *chunked, struct slice name, struct slice value)
{
    char *at = chunked->trailers + chunked->trailers_length;
    size_t length;

    if (!is_announced(chunked, name) || aws_chunked_trailer(chunked, name.base, &length) != NULL)
        return -EBADMSG;
    if (name.len + value.len + 2 > sizeof(chunked->trailers) - chunked->trailers_length)
        return -EMSGSIZE;
    (void)slice_copy(at, name);
    at[name.len] = ':';
    if (value.len != 0)
        (void)slice_copy(at + name.len + 1, value);
    at[name.len + 1 + value.len] = '\n';
    chunked->trailers_length += (uint32_t)(name.len + value.len + 2);
    return 0;
}

/* length: of the line without its end. Lower-cases and terminates the name in place. */
static int take_trailer(struct aws_chunked *chunked, size_t length)
{
    char *line = chunked->line, *colon = memchr(line, ':', length);
    struct slice value;

    chunked->met_trailer = chunked->options.has_trailer;
    if (!chunked->options.has_trailer || chunked->has_trailer_signature || colon == NULL || colon == line)
        return -EBADMSG;
    for (char *at = line; at < colon; at++) {
        *at = slice_lower(*at);
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-'))
            return -EBADMSG;
    }
    *colon = '\0';
    value = slice_trim(slice_of(colon + 1, length - (size_t)(colon + 1 - line)));
    if (!http_value_is_safe(value))
        return -EBADMSG;
    if (!chunked->options.is_signed || strcmp(line, TRAILER_SIGNATURE) != 0)
        return keep_trailer(chunked, slice_of(line, (size_t)(colon - line)), value);
    chunked->has_trailer_signature = true;
    return hex_decode(value.base, value.len, chunked->trailer_signature, 32) ? 0 : -EBADMSG;
}

static int end_trailers(struct aws_chunked *chunked)
{
    const struct aws_chunked_events *events = &chunked->options.events;
    uint64_t wire_left = chunked->options.wire_length - chunked->fed - chunked->taken;

    chunked->state = wire_left == 0 ? DONE : TAIL;
    if (chunked->options.wire_length != UINT64_MAX && wire_left != 0 && wire_left != 2)
        return -EBADMSG;
    if (!chunked->options.is_signed || !chunked->options.has_trailer || events->on_trailers == NULL)
        return 0;
    return events->on_trailers(events->ctx, chunked->trailers, chunked->trailers_length,
                               chunked->trailer_signature, chunked->previous);
}

static int end_trailer_line(struct aws_chunked *chunked)
{
    size_t length = chunked->line_length - 1; /* a bare line feed will do: minio-go sends one */

    if (length != 0 && chunked->line[length - 1] == '\r')
        length--;
    if (length != 0)
        return take_trailer(chunked, length);
    if (chunked->options.is_signed && chunked->options.has_trailer && !chunked->has_trailer_signature) {
        bool is_allowed = chunked->trailers_length != 0 && !chunked->has_empty_line;

        chunked->has_empty_line = true; /* minio-go puts one between the trailers and their signature */
        return is_allowed ? 0 : -EBADMSG;
    }
    return end_trailers(chunked);
}

/* ---- The framing ---- */

/* One byte of a line. */
static int take_line_byte(struct aws_chunked *chunked, char byte)
{
    int result = 0;

    if (chunked->line_length == sizeof(chunked->line))
        return -EMSGSIZE;
    chunked->line[chunked->line_length++] = byte;
    if (byte != '\n')
        return 0;
    result = chunked->state == LINE ? end_size_line(chunked) : end_trailer_line(chunked);
    chunked->line_length = 0;
    return result;
}

/* One byte of a CRLF that has a fixed place; line_length counts. */
static int take_end_byte(struct aws_chunked *chunked, char byte)
{
    if (byte != "\r\n"[chunked->line_length])
        return -EBADMSG;
    if (++chunked->line_length == 2) {
        chunked->line_length = 0;
        chunked->state = chunked->state == PAYLOAD_END ? LINE : DONE;
    }
    return 0;
}

static bool may_be_over(const struct aws_chunked *chunked)
{
    return chunked->state == TAIL && chunked->line_length == 0 && chunked->options.wire_length == UINT64_MAX;
}

static ssize_t on_feed(struct framing *framing, const char *data, size_t length)
{
    struct aws_chunked *chunked = chunked_of(framing);
    size_t used = 0;

    while (used < length && chunked->failure == 0 && chunked->state != PAYLOAD && chunked->state != DONE) {
        bool is_line = chunked->state == LINE || chunked->state == TRAILER;

        if (may_be_over(chunked) && data[used] != '\r')
            break; /* not ours */
        chunked->fed++;
        chunked->failure = is_line ? take_line_byte(chunked, data[used]) : take_end_byte(chunked, data[used]);
        used++;
    }
    return chunked->failure != 0 ? chunked->failure : (ssize_t)used;
}

static uint64_t on_run(const struct framing *framing)
{
    const struct aws_chunked *chunked = const_chunked_of(framing);

    return chunked->failure == 0 && chunked->state == PAYLOAD ? chunked->remaining : 0;
}

static int on_take(struct framing *framing, uint64_t count)
{
    struct aws_chunked *chunked = chunked_of(framing);
    const struct aws_chunked_events *events = &chunked->options.events;

    assert(count <= on_run(framing));
    chunked->remaining -= count;
    chunked->taken += count;
    if (chunked->remaining != 0)
        return 0;
    chunked->state = PAYLOAD_END;
    if (chunked->options.is_signed && events->on_chunk != NULL)
        chunked->failure = events->on_chunk(events->ctx, chunked->taken, chunked->claimed, chunked->previous);
    memcpy(chunked->previous, chunked->claimed, 32);
    return chunked->failure;
}

static bool on_done(const struct framing *framing)
{
    const struct aws_chunked *chunked = const_chunked_of(framing);

    return chunked->failure == 0 && (chunked->state == DONE || may_be_over(chunked));
}

void aws_chunked_init(struct aws_chunked *chunked, const struct aws_chunked_options *options)
{
    static const struct framing_ops ops = {
        .hint = on_hint, .feed = on_feed, .run = on_run, .take = on_take, .done = on_done};

    memset(chunked, 0, sizeof(*chunked));
    chunked->base.ops = &ops;
    chunked->options = *options;
    memcpy(chunked->previous, options->seed, 32);
}

const char *aws_chunked_trailer(const struct aws_chunked *chunked, const char *name, size_t *length)
{
    const char *at = chunked->trailers, *end = at + chunked->trailers_length;
    size_t name_length = strlen(name);

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        assert(stop != NULL);
        if ((size_t)(stop - at) > name_length && memcmp(at, name, name_length) == 0 &&
            at[name_length] == ':') {
            *length = (size_t)(stop - at) - name_length - 1;
            return at + name_length + 1;
        }
        at = stop + 1;
    }
    return NULL;
}

bool aws_chunked_met_trailers(const struct aws_chunked *chunked)
{
    return chunked->met_trailer;
}
