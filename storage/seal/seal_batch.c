/* SPDX-License-Identifier: MIT
 *
 * Batches of records, and what of a body goes on from one to the next; see seal_batch.h. */
#include "storage/seal/seal_batch.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BYTES (SEALED_RECORD_BYTES + SEALED_TAG_BYTES)

struct sealing {
    struct seal_run *run;
    struct digest_set *digests;
    struct digest_set *chunk; /* of the signed chunk that is going on; NULL: no chunks, or none begun */
    struct digest_chunk_ops chunks;
    uint64_t done, chunk_end; /* plain bytes: run so far; where the last chunk ended */
    uint32_t mask_small;
    uint64_t small_bytes_max;
    unsigned char head[SEALED_HEAD_BYTES];
};

/* ---- The body ---- */

static int sealing_init(struct sealing *sealing, const struct sealing_options *options)
{
    int err;

    if ((err = seal_head_make(sealing->head, options->part)) != 0 ||
        (err = seal_run_begin(&sealing->run, options->key, sealing->head, true)) != 0)
        return err;
    return digest_set_create(&sealing->digests, options->digest_mask | options->digest_mask_small);
}

int sealing_create(struct sealing **out, const struct sealing_options *options)
{
    struct sealing *sealing = calloc(1, sizeof(*sealing));
    int err;

    assert(options->key != NULL);
    if (sealing == NULL)
        return -ENOMEM;
    if ((err = sealing_init(sealing, options)) != 0) {
        sealing_free(sealing);
        return err;
    }
    sealing->mask_small = options->digest_mask_small & ~options->digest_mask;
    sealing->small_bytes_max = options->digest_small_bytes_max;
    if (options->chunks != NULL)
        sealing->chunks = *options->chunks;
    *out = sealing;
    return 0;
}

void sealing_free(struct sealing *sealing)
{
    if (sealing == NULL)
        return;
    if (sealing->chunks.released != NULL)
        sealing->chunks.released(sealing->chunks.ctx);
    if (sealing->chunk != NULL)
        digest_set_free(sealing->chunk);
    if (sealing->digests != NULL)
        digest_set_free(sealing->digests);
    seal_run_free(sealing->run);
    free(sealing);
}

const unsigned char *sealing_head(const struct sealing *sealing)
{
    return sealing->head;
}

int sealing_finish(struct sealing *sealing, struct digest_values *values)
{
    if (sealing->chunks.verify != NULL && sealing->chunk_end != sealing->done)
        return -EBADMSG;
    return digest_set_final(sealing->digests, values);
}

/* ---- A batch ---- */

int seal_batch_init(struct seal_batch *batch)
{
    *batch = (struct seal_batch){.bytes = malloc((size_t)SEAL_BATCH_RECORDS * SLOT_BYTES)};
    return batch->bytes != NULL ? 0 : -ENOMEM;
}

void seal_batch_release(struct seal_batch *batch)
{
    if (batch->bytes != NULL)
        OPENSSL_cleanse(batch->bytes, (size_t)SEAL_BATCH_RECORDS * SLOT_BYTES);
    free(batch->bytes);
    free(batch->ends);
    *batch = (struct seal_batch){0};
}

void seal_batch_reset(struct seal_batch *batch, uint64_t begin)
{
    assert(begin % SEAL_BATCH_BYTES == 0);
    batch->length = 0;
    batch->begin = begin;
    batch->is_last = false;
    batch->result = 0;
    batch->end_count = 0;
}

static unsigned char *batch_at(const struct seal_batch *batch, size_t position)
{
    return batch->bytes + position / SEALED_RECORD_BYTES * SLOT_BYTES + position % SEALED_RECORD_BYTES;
}

/* Plain bytes from `position` on that lie together, at most `length`. */
static size_t batch_piece(size_t position, size_t length)
{
    size_t left = SEALED_RECORD_BYTES - position % SEALED_RECORD_BYTES;

    return length < left ? length : left;
}

size_t seal_batch_add(struct seal_batch *batch, const void *data, size_t length)
{
    size_t room = SEAL_BATCH_BYTES - batch->length, taken = 0;

    if (length > room)
        length = room;
    while (taken < length) {
        size_t piece = batch_piece(batch->length, length - taken);

        memcpy(batch_at(batch, batch->length), (const char *)data + taken, piece);
        batch->length += piece;
        taken += piece;
    }
    return taken;
}

int seal_batch_chunk_end(struct seal_batch *batch, const struct digest_chunk *chunk)
{
    if (batch->end_count == batch->end_capacity) {
        uint32_t capacity = batch->end_capacity == 0 ? 8 : batch->end_capacity * 2;
        struct digest_chunk *grown = realloc(batch->ends, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        batch->ends = grown;
        batch->end_capacity = capacity;
    }
    batch->ends[batch->end_count++] = *chunk;
    return 0;
}

/* ---- Running one ---- */

static int batch_digest(const struct seal_batch *batch, struct digest_set *set, size_t from, size_t to)
{
    int err = 0;

    while (err == 0 && from < to) {
        size_t piece = batch_piece(from, to - from);

        err = digest_set_update(set, batch_at(batch, from), piece);
        from += piece;
    }
    return err;
}

static int chunk_begin(struct sealing *sealing)
{
    return sealing->chunk != NULL ? 0 : digest_set_create(&sealing->chunk, DIGEST_BIT(DIGEST_SHA256));
}

static int chunk_verify(struct sealing *sealing, const struct digest_chunk *chunk)
{
    struct digest_values values;
    int err = digest_set_final(sealing->chunk, &values);

    digest_set_free(sealing->chunk);
    sealing->chunk = NULL;
    sealing->chunk_end = chunk->end;
    if (err != 0)
        return err;
    return sealing->chunks.verify(sealing->chunks.ctx, values.value[DIGEST_SHA256], chunk) == 0 ? 0
                                                                                                : -EBADMSG;
}

static int batch_verify_chunks(const struct seal_batch *batch, struct sealing *sealing)
{
    size_t at = 0;
    int err = 0;

    if (sealing->chunks.verify == NULL)
        return 0;
    for (uint32_t i = 0; i < batch->end_count && err == 0; i++) {
        uint64_t end = batch->ends[i].end;

        if (end < batch->begin + at || end > batch->begin + batch->length)
            return -EBADMSG;
        if ((err = chunk_begin(sealing)) != 0 ||
            (err = batch_digest(batch, sealing->chunk, at, (size_t)(end - batch->begin))) != 0)
            return err;
        err = chunk_verify(sealing, &batch->ends[i]);
        at = (size_t)(end - batch->begin);
    }
    if (err == 0 && at < batch->length && (err = chunk_begin(sealing)) == 0)
        err = batch_digest(batch, sealing->chunk, at, batch->length);
    return err;
}

static int batch_close(struct seal_batch *batch, struct sealing *sealing)
{
    int err = 0;

    for (size_t at = 0; at < batch->length && err == 0; at += SEALED_RECORD_BYTES) {
        size_t piece = batch_piece(at, batch->length - at);
        unsigned char *slot = batch_at(batch, at);
        bool is_last = batch->is_last && at + piece == batch->length;

        err = seal_record_close(sealing->run, (batch->begin + at) / SEALED_RECORD_BYTES, is_last, slot, piece,
                                slot);
    }
    return err;
}

int seal_batch_run(struct seal_batch *batch, struct sealing *sealing)
{
    uint64_t end = batch->begin + batch->length;
    int err;

    assert(batch->begin == sealing->done);
    if (end > sealing->small_bytes_max && sealing->mask_small != 0) {
        digest_set_drop(sealing->digests, sealing->mask_small);
        sealing->mask_small = 0;
    }
    if ((err = batch_digest(batch, sealing->digests, 0, batch->length)) == 0 &&
        (err = batch_verify_chunks(batch, sealing)) == 0)
        err = batch_close(batch, sealing);
    sealing->done = end;
    batch->result = err;
    return err;
}

size_t seal_batch_stored(const struct seal_batch *batch)
{
    return batch->length + (size_t)sealed_records(batch->length) * SEALED_TAG_BYTES;
}
