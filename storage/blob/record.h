/* SPDX-License-Identifier: MIT
 *
 * What a file of the store says of itself: whose it is, which blob, of which time. A record lies beside the payload, at the end of
 * a block or of a file, and is read from its end:
 *
 *   | item | item | ... | foot |        item: type (2), flags (2), length (4), value
 *                                       foot: version (4), bytes of the whole record (4), CRC-64/NVME of all before (8), magic (8)
 *
 * Numbers are little-endian. A reader passes over items that it does not know, unless their flag says that without them the file
 * would be misunderstood. So later versions can add items, and no file has to be written again.
 *
 * Pure; any thread. */
#ifndef STORAGE_BLOB_RECORD_H
#define STORAGE_BLOB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest record; a reader needs one buffer of this size. */
#define RECORD_BYTES_MAX  (16u << 10)
#define RECORD_FOOT_BYTES 24u
/* Around each value. */
#define RECORD_ITEM_BYTES 8u

#define RECORD_STORE_ID_BYTES 16u

/* Never used anew for something else. */
enum record_type {
    RECORD_STORE = 1,   /* RECORD_STORE_ID_BYTES: the store that the file belongs to */
    RECORD_KIND = 2,    /* number: enum record_kind */
    RECORD_BLOB = 3,    /* number: the id of the blob */
    RECORD_EPOCH = 4,   /* number: the store's epoch when the file was made */
    RECORD_PAYLOAD = 5, /* number: bytes of payload before the record */
};

enum record_kind { RECORD_KIND_BLOB = 1, RECORD_KIND_SEGMENT = 2 };

/* A reader that does not know the type must not use the file. */
#define RECORD_FLAG_NEEDED 1u

/* ---- Writing ---- */

struct record_writer {
    unsigned char *bytes;
    size_t capacity, length;
    bool is_full; /* something did not fit */
};

/* bytes: the caller's, `capacity` of them, at least RECORD_FOOT_BYTES. */
void record_begin(struct record_writer *writer, void *bytes, size_t capacity);
void record_put(struct record_writer *writer, enum record_type type, unsigned flags, const void *value,
                size_t length);
void record_put_number(struct record_writer *writer, enum record_type type, unsigned flags, uint64_t value);
/* The record's length, or 0 when it did not fit. */
size_t record_end(struct record_writer *writer);

/* ---- Reading ---- */

/* Borrows the bytes that it was read from. */
struct record {
    const unsigned char *items;
    size_t length;
};

/* The record whose foot ends at bytes + length. *needed: bytes of the whole record, once its foot is known. 0; -ENODATA: there is
 * none; -ENOBUFS: it is longer than `length`, come again with *needed bytes; -EBADMSG: there is a foot and the rest is damaged;
 * -ENOTSUP: a later version's, or it has an item that must be understood and is not. */
int record_read(const void *bytes, size_t length, struct record *record, size_t *needed);
/* The first item of that type. False: there is none. */
bool record_get(const struct record *record, enum record_type type, const void **value, size_t *length);
/* The same for a number. False also for an item of another length. */
bool record_get_number(const struct record *record, enum record_type type, uint64_t *value);

#endif
