/* SPDX-License-Identifier: MIT
 *
 * What the tests of a segment's journal share: entries whose bytes follow from their sequence, put and found again. Header only;
 * every test is one program. */
#ifndef TESTS_SEGMENT_JOURNAL_SUPPORT_H
#define TESTS_SEGMENT_JOURNAL_SUPPORT_H

#include "tests/unit/storage/segment_support.h"

#define UNIT    SEGMENT_UNIT_BYTES_MAX
#define BLOCK   SEGMENT_ALIGN_BYTES
#define TRAILER 32u

static const unsigned char token[SEGMENT_TOKEN_BYTES] = "0123456789abcde";

/* ---- Entries with known bytes ---- */

UNUSED static int entry_put(struct pen *pen, uint64_t sequence, uint32_t length)
{
    unsigned char *data = make_bytes(length, sequence);
    struct segment_entry entry = {.sequence = sequence, .data = data, .length = length};
    int err;

    memcpy(entry.token, token, sizeof(token));
    err = segment_entry_write(pen->writer, &entry);
    free(data);
    return err;
}

struct reading {
    const uint32_t *lengths; /* expected; NULL: any */
    uint64_t count;
    uint64_t stop_at; /* 0: never */
};

UNUSED static int on_entry(void *ctx, const struct segment_entry *entry)
{
    struct reading *reading = ctx;
    unsigned char *expected = make_bytes(entry->length, entry->sequence);

    assert_int_equal(entry->sequence, reading->count + 1);
    assert_memory_equal(entry->token, token, sizeof(token));
    if (reading->lengths != NULL)
        assert_int_equal(entry->length, reading->lengths[reading->count]);
    assert_memory_equal(entry->data, expected, entry->length);
    free(expected);
    return ++reading->count == reading->stop_at ? 77 : 0;
}

/* How many are found, all of them as they were put. */
UNUSED static uint64_t entries_found(struct pen *pen, uint64_t blob)
{
    struct reading reading = {0};

    assert_int_equal(segment_entries_read(pen->rig.store, blob, token, on_entry, &reading), 0);
    return reading.count;
}

/* A segment with one unit and three entries, sealed. Its blob. */
UNUSED static uint64_t three_entries(struct pen *pen, const uint32_t lengths[3])
{
    struct batch batch;
    uint64_t blob;

    batch_make_equal(&batch, 1, 100, 1);
    batch_store(pen, &batch);
    blob = batch.units[0].at.blob;
    for (uint32_t i = 0; i < 3; ++i)
        assert_int_equal(entry_put(pen, i + 1, lengths[i]), 0);
    segment_writer_seal(pen->writer);
    assert_int_equal(segment_sync_end(pen->writer), 0);
    segment_batch_end(pen->writer, true);
    batch_free(&batch);
    return blob;
}

#endif
