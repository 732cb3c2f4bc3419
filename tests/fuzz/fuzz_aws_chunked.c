/* SPDX-License-Identifier: MIT
 *
 * The aws-chunked coding in all its modes. Four bytes choose the mode, how the input is cut into pieces, and the announced
 * length; however it is cut, payload, events and verdict are the same as in one piece. So they are when exactly as much is
 * read as the framing asks for, which is how the HTTP front reads. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/body/aws_chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode {
    MODE_SIGNED = 1,
    MODE_TRAILER = 2,
    MODE_WIRE_LENGTH = 4, /* the coded length is known */
    MODE_REFUSE = 8,      /* an event refuses */
};

#define PIECE_AS_HINTED 0

struct outcome {
    uint64_t payload, sum; /* sum: over payload and events */
    long result;           /* 0 more, 1 done, negative refused */
};

static void add(struct outcome *outcome, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        outcome->sum = outcome->sum * 31 + ((const uint8_t *)bytes)[i];
}

struct listener {
    struct outcome *outcome;
    unsigned mode;
};

static int on_chunk(void *ctx, uint64_t end, const unsigned char claimed[32],
                    const unsigned char previous[32])
{
    struct listener *listener = ctx;

    if (end != listener->outcome->payload)
        abort(); /* told before or after its last byte was taken */
    add(listener->outcome, claimed, 32);
    add(listener->outcome, previous, 32);
    return listener->mode & MODE_REFUSE && end > 8 ? -9 : 0;
}

static int on_final(void *ctx, const unsigned char claimed[32], const unsigned char previous[32])
{
    struct listener *listener = ctx;

    add(listener->outcome, claimed, 32);
    add(listener->outcome, previous, 32);
    return 0;
}

static int on_trailers(void *ctx, const char *trailers, size_t length, const unsigned char claimed[32],
                       const unsigned char previous[32])
{
    struct listener *listener = ctx;

    if (length > S3_TRAILER_BYTES_MAX || (length != 0 && trailers[length - 1] != '\n'))
        abort();
    add(listener->outcome, trailers, length);
    add(listener->outcome, claimed, 32);
    add(listener->outcome, previous, 32);
    return 0;
}

static size_t smaller(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* As body.c drives a coding. */
static long drive(struct framing *framing, struct outcome *outcome, const char *data, size_t size,
                  size_t piece)
{
    size_t consumed = 0;

    while (consumed < size) {
        uint64_t run = framing->ops->run(framing);
        size_t hint = framing->ops->hint(framing), length;

        if (run > 0) {
            length = smaller(smaller(size - consumed, run), piece != PIECE_AS_HINTED ? piece : SIZE_MAX);
            add(outcome, data + consumed, length);
            outcome->payload += length;
            consumed += length;
            int result = framing->ops->take(framing, length);
            if (result != 0)
                return result;
            continue;
        }
        if (hint == 0 && !framing->ops->done(framing))
            abort();
        length = smaller(size - consumed, piece != PIECE_AS_HINTED ? piece : hint != 0 ? hint : 1);
        ssize_t count = framing->ops->feed(framing, data + consumed, length);
        if (count < 0)
            return count;
        if (count == 0 && framing->ops->done(framing))
            return -EBADMSG; /* bytes after the end */
        if ((size_t)count > length || (count == 0 && framing->ops->run(framing) == 0))
            abort(); /* no progress */
        consumed += (size_t)count;
    }
    return framing->ops->done(framing);
}

static struct outcome decode(unsigned mode, uint64_t decoded_length, const char *data, size_t size,
                             size_t piece)
{
    static struct aws_chunked chunked;
    static const char names[] = "x-amz-checksum-crc32, X-Amz-Checksum-Sha256,,a";
    struct outcome outcome = {0};
    struct listener listener = {&outcome, mode};
    struct aws_chunked_options options = {
        .is_signed = mode & MODE_SIGNED,
        .has_trailer = mode & MODE_TRAILER,
        .decoded_length = decoded_length,
        .wire_length = mode & MODE_WIRE_LENGTH ? size : UINT64_MAX,
        .trailer_names = mode & MODE_TRAILER ? names : NULL,
        .trailer_names_length = mode & MODE_TRAILER ? sizeof(names) - 1 : 0,
        .events = {on_chunk, on_final, on_trailers, &listener},
    };

    aws_chunked_init(&chunked, &options);
    outcome.result = drive(&chunked.base, &outcome, data, size, piece);
    if (outcome.payload > decoded_length || (outcome.result == 1 && outcome.payload != decoded_length))
        abort();
    for (const char *name = "x-amz-checksum-crc32"; outcome.result == 1 && name != NULL; name = NULL) {
        size_t length = 0;
        const char *value = aws_chunked_trailer(&chunked, name, &length);
        if (value != NULL)
            add(&outcome, value, length);
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const char *wire = (const char *)data + 4;
    uint64_t decoded_length = data[2] | (uint64_t)data[3] << 8;
    struct outcome whole = decode(data[0], decoded_length, wire, size - 4, SIZE_MAX);
    const size_t pieces[] = {1u + data[1] % 7, PIECE_AS_HINTED};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct outcome cut = decode(data[0], decoded_length, wire, size - 4, pieces[i]);
        if (whole.result != cut.result ||
            (whole.result == 1 && (whole.sum != cut.sum || whole.payload != cut.payload)))
            abort();
    }
    return 0;
}
