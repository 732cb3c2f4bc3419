/* SPDX-License-Identifier: MIT
 *
 * Entries of the journal (meta_journal.h) as bytes:
 *
 *   entry   version byte, time of the batch in ms, version sequence and seed (what made ids), count, then the puts
 *   put     flags, bucket, key, size, time in ms or 0 for the batch's, ETag, checksum, owner, extents, attributes, and the ETags of
 *           If-Match and If-None-Match and the origin (kind of event, who) where the flags say so
 *
 * Numbers and bytes are those of codec.h. A put is as it was handed in, not what came of it: run on the same rows it comes to
 * the same. Decoders trust nothing. Pure functions; any thread. */
#ifndef METADATA_WRITE_JOURNAL_ENTRY_H
#define METADATA_WRITE_JOURNAL_ENTRY_H

#include "metadata/meta_outbox.h"
#include "metadata/rows/codec.h"

/* What a batch draws on besides the rows. */
struct journal_batch {
    int64_t now_ms;
    uint64_t version_sequence; /* as before the batch */
    uint64_t version_seed;
};

/* Room for the put, or 0 when it has no place in an entry: it appends, is made of parts, or will be refused by its form alone. file:
 * where its bytes must lie. */
size_t journal_put_bound(const struct meta_object_put *put, uint64_t file);
unsigned char *journal_put_encode(unsigned char *out, const struct meta_object_put *put);

#define JOURNAL_HEAD_BYTES_MAX (1u + 4u * CODEC_NUMBER_BYTES_MAX)
unsigned char *journal_head_encode(unsigned char *out, const struct journal_batch *batch, uint32_t count);

/* Whether a change that came to this would come to it again when it is replayed: a success, or a refusal of its own. All else (no
 * memory, no room) is trouble of the moment, and must be that of the whole batch. */
bool journal_result_is_lasting(int result);

/* A put as it is read back; all bytes point into the entry, but for the ETags, which are decoded. */
struct journal_put {
    int64_t bucket;
    struct slice key, owner, extents, attributes;
    uint64_t size;
    int64_t modified_ms; /* 0: the batch's */
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct meta_condition condition; /* its ETags are the two below */
    char if_match[META_ETAG_BYTES_MAX + 1], if_none_match[META_ETAG_BYTES_MAX + 1];
    struct meta_origin origin; /* zeroed: it has none */
};

int journal_head_decode(struct codec_list *list, struct slice entry, struct journal_batch *batch);
/* 1 with a put, 0 at the end, or META_E_CORRUPT. */
int journal_put_decode(struct codec_list *list, struct journal_put *put);

#endif
