/* SPDX-License-Identifier: MIT
 *
 * Sealing a body a batch of records at a time: the plain bytes are gathered in the places where their records will stand, then digested,
 * compared with the signatures of their chunks, and encrypted there. What takes CPU is seal_batch_run, which any thread may do; nothing
 * of one body may be done by two threads at once, and its batches are run in their order.
 *
 *   sealing_create -> [seal_batch_add, seal_batch_chunk_end ..., seal_batch_run, seal_batch_bytes] ... -> sealing_finish -> sealing_free */
#ifndef STORAGE_SEAL_SEAL_BATCH_H
#define STORAGE_SEAL_SEAL_BATCH_H

#include "storage/digest/digest.h"
#include "storage/digest/digest_pool.h"
#include "storage/seal/seal.h"

/* Records of a batch: a batch takes a thread about 0.1 ms to encrypt, and 0.4 ms more where an MD5 is wanted. */
#define SEAL_BATCH_RECORDS 4u
#define SEAL_BATCH_BYTES   (SEAL_BATCH_RECORDS * SEALED_RECORD_BYTES) /* plain */

/* What goes on from batch to batch of a body. */
struct sealing;

struct sealing_options {
    const struct seal_key *key; /* the object's; copied into the cipher alone */
    uint32_t part;              /* as in a head */
    uint32_t digest_mask;       /* of the plain bytes */
    /* kinds in addition, if the body turns out to be at most so long */
    uint32_t digest_mask_small;
    uint64_t digest_small_bytes_max;
    const struct digest_chunk_ops *chunks; /* signed chunks, or NULL; copied, and released by sealing_free */
};

/* 0, -ENOMEM, -EIO. On failure the chunks' owner keeps them. */
int sealing_create(struct sealing **sealing, const struct sealing_options *options);
void sealing_free(struct sealing *sealing); /* NULL allowed */
/* SEALED_HEAD_BYTES, which go before the first record. As long as the sealing. */
const unsigned char *sealing_head(const struct sealing *sealing);
/* All batches are run: the digests of the plain bytes. 0; -EBADMSG: bytes belong to no signed chunk; -EIO. */
int sealing_finish(struct sealing *sealing, struct digest_values *values);

struct seal_batch {
    unsigned char *bytes; /* SEAL_BATCH_RECORDS slots of a record and its tag */
    size_t length;        /* plain bytes in it */
    uint64_t begin;       /* of the body's plain bytes, where it begins */
    bool is_last;
    int result; /* of seal_batch_run */
    struct digest_chunk *ends;
    uint32_t end_count, end_capacity;
};

int seal_batch_init(struct seal_batch *batch);     /* 0 or -ENOMEM */
void seal_batch_release(struct seal_batch *batch); /* of all zeros, too */
/* Empties it, for the bytes from `begin` on, a multiple of SEAL_BATCH_BYTES. */
void seal_batch_reset(struct seal_batch *batch, uint64_t begin);
/* How many bytes it took: 0 when it is full. */
size_t seal_batch_add(struct seal_batch *batch, const void *data, size_t length);
/* A signed chunk ends in it, or just at its end. 0 or -ENOMEM. */
int seal_batch_chunk_end(struct seal_batch *batch, const struct digest_chunk *chunk);
/* batch->is_last is set before. Returns batch->result: 0, -EBADMSG: a signed chunk was refused; -EIO. */
int seal_batch_run(struct seal_batch *batch, struct sealing *sealing);
/* What is to be stored of a batch that was run. */
size_t seal_batch_stored(const struct seal_batch *batch);

#endif
