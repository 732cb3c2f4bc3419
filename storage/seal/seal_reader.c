/* SPDX-License-Identifier: MIT
 *
 * Records become plain bytes again; see seal_reader.h. */
#include "storage/seal/seal_reader.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define STORED_RECORD_BYTES (SEALED_RECORD_BYTES + SEALED_TAG_BYTES)

struct seal_reader {
    struct seal_key key;
    seal_read_fn read;
    void *ctx;
    struct seal_piece *pieces;
    uint32_t count, at;   /* the piece that is being read */
    uint32_t last_part;   /* of the body before it */
    struct seal_run *run; /* NULL: its head is not read yet */
    uint64_t number;      /* of the next record */
    size_t gathered;      /* of that record, or of the head, stored bytes in `bytes` */
    size_t plain, taken;  /* of the record that is open: bytes in `bytes` up to here are wanted; given out */
    int error;            /* sticky */
    unsigned char bytes[STORED_RECORD_BYTES];
};

/* ---- Where things are ---- */

static uint64_t last_record(const struct seal_piece *piece)
{
    return (piece->first + piece->length - 1) / SEALED_RECORD_BYTES;
}

static size_t record_length(const struct seal_piece *piece, uint64_t number)
{
    uint64_t left = piece->size - number * SEALED_RECORD_BYTES;

    assert(number * SEALED_RECORD_BYTES < piece->size);
    return left < SEALED_RECORD_BYTES ? (size_t)left : SEALED_RECORD_BYTES;
}

unsigned seal_piece_stored(const struct seal_piece *piece, struct seal_stored stored[2])
{
    uint64_t begin = piece->first / SEALED_RECORD_BYTES, last = last_record(piece);
    uint64_t from = SEALED_HEAD_BYTES + begin * STORED_RECORD_BYTES;
    uint64_t to =
        SEALED_HEAD_BYTES + last * STORED_RECORD_BYTES + record_length(piece, last) + SEALED_TAG_BYTES;

    assert(piece->length > 0 && piece->length <= piece->size && piece->first <= piece->size - piece->length);
    if (begin == 0) {
        stored[0] = (struct seal_stored){0, to};
        return 1;
    }
    stored[0] = (struct seal_stored){0, SEALED_HEAD_BYTES};
    stored[1] = (struct seal_stored){from, to - from};
    return 2;
}

/* ---- Life ---- */

int seal_reader_create(struct seal_reader **out, const struct seal_key *key, const struct seal_piece *pieces,
                       uint32_t count, seal_read_fn read, void *ctx)
{
    struct seal_reader *reader = calloc(1, sizeof(*reader));

    assert(count > 0);
    if (reader == NULL || (reader->pieces = malloc(count * sizeof(*pieces))) == NULL) {
        free(reader);
        return -ENOMEM;
    }
    memcpy(reader->pieces, pieces, count * sizeof(*pieces));
    reader->key = *key;
    reader->count = count;
    reader->read = read;
    reader->ctx = ctx;
    *out = reader;
    return 0;
}

void seal_reader_free(struct seal_reader *reader)
{
    if (reader == NULL)
        return;
    seal_run_free(reader->run);
    free(reader->pieces);
    OPENSSL_cleanse(reader, sizeof(*reader));
    free(reader);
}

uint32_t seal_reader_at(const struct seal_reader *reader)
{
    return reader->at < reader->count ? reader->at : reader->count - 1;
}

/* ---- Reading ---- */

/* Until so many stored bytes are gathered. 0, or a failure. */
static int gather(struct seal_reader *reader, size_t length)
{
    while (reader->gathered < length) {
        ssize_t count =
            reader->read(reader->ctx, reader->bytes + reader->gathered, length - reader->gathered);

        if (count <= 0)
            return count == 0 ? reader->error = -EIO : (int)count;
        reader->gathered += (size_t)count;
    }
    return 0;
}

/* The parts of an upload come in their order, each once. */
static bool part_is_right(const struct seal_reader *reader, uint32_t part)
{
    const struct seal_piece *piece = &reader->pieces[reader->at];

    if (piece->part != 0 && part != piece->part)
        return false;
    return reader->at == 0 || part > reader->last_part;
}

static int open_body(struct seal_reader *reader)
{
    uint32_t part;
    int err = gather(reader, SEALED_HEAD_BYTES);

    if (err != 0)
        return err;
    if (seal_head_read(reader->bytes, &part) != 0 || !part_is_right(reader, part))
        return reader->error = -EBADMSG;
    if ((err = seal_run_begin(&reader->run, &reader->key, reader->bytes, false)) != 0)
        return err;
    reader->last_part = part;
    reader->gathered = 0;
    reader->number = reader->pieces[reader->at].first / SEALED_RECORD_BYTES;
    return 0;
}

/* Opens the next record into `bytes`. What of it is wanted lies from `taken` to `plain`. */
static int open_record(struct seal_reader *reader)
{
    const struct seal_piece *piece = &reader->pieces[reader->at];
    size_t length = record_length(piece, reader->number);
    uint64_t begin = reader->number * SEALED_RECORD_BYTES, end = piece->first + piece->length;
    bool is_last = begin + length == piece->size;
    int err = gather(reader, length + SEALED_TAG_BYTES);

    if (err != 0)
        return err;
    if (seal_record_open(reader->run, reader->number, is_last, reader->bytes, length, reader->bytes) != 0)
        return reader->error = -EBADMSG;
    reader->gathered = 0;
    reader->taken = piece->first > begin ? (size_t)(piece->first - begin) : 0;
    reader->plain = end - begin < length ? (size_t)(end - begin) : length;
    assert(reader->taken < reader->plain);
    reader->number++;
    return 0;
}

static void leave_body(struct seal_reader *reader)
{
    seal_run_free(reader->run);
    reader->run = NULL;
    reader->at++;
}

ssize_t seal_reader_read(struct seal_reader *reader, void *buffer, size_t length)
{
    size_t count;
    int err;

    while (reader->taken == reader->plain && reader->error == 0) {
        if (reader->at == reader->count)
            return 0;
        if (reader->run == NULL && (err = open_body(reader)) != 0)
            return err;
        if (reader->number > last_record(&reader->pieces[reader->at]))
            leave_body(reader);
        else if ((err = open_record(reader)) != 0)
            return err;
    }
    if (reader->error != 0)
        return reader->error;
    count = reader->plain - reader->taken;
    if (count > length)
        count = length;
    memcpy(buffer, reader->bytes + reader->taken, count);
    reader->taken += count;
    return (ssize_t)count;
}
