/* SPDX-License-Identifier: MIT
 *
 * The form of the chronicle, which tells what every blob is: each row that came, changed or went, one after the other, in files beside the
 * blobs (chronicle.h). A file is a run of frames, and a frame is what one or several batches have done:
 *
 *   | frame | frame | ...            frame: magic (4), bytes of its entries (4), time in ms (8), CRC-64/XZ (8), entries
 *                                    entry: kind (1), table (1), count of values, values
 *                                    value: type (1), then a number, or a length and bytes
 *
 * Numbers in a frame's head are little-endian, others as in rows/codec.h. The checksum begins with the salt that the file's name holds, its
 * number and the place of the frame: so what a client wrote into a key or a header is never taken for a frame, where a reader has to look
 * for the next one behind damage.
 *
 * An entry is absolute: a row as it is, or the key of one that is gone. So to do some of them twice is to do them once.
 *
 * Pure; any thread. Private to metadata/. */
#ifndef METADATA_CHRONICLE_CHRONICLE_FORM_H
#define METADATA_CHRONICLE_CHRONICLE_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

#define CHRONICLE_FRAME_HEAD_BYTES 24u
#define CHRONICLE_SALT_BYTES       8u
/* More than any table has columns. */
#define CHRONICLE_VALUES_MAX 20u

/* Never used anew for something else, as the tables. */
enum chronicle_kind {
    CHRONICLE_PUT = 1,   /* the whole row */
    CHRONICLE_GONE = 2,  /* its key */
    CHRONICLE_STORE = 3, /* table 0; the store's id, its epoch: at the beginning of each file */
    CHRONICLE_END = 4,   /* table 0; the epoch: nothing is missing up to here */
};

enum chronicle_type {
    CHRONICLE_NULL = 0,
    CHRONICLE_NUMBER = 1, /* signed */
    CHRONICLE_BYTES = 2,
    CHRONICLE_TEXT = 3,
};

struct chronicle_value {
    enum chronicle_type type;
    int64_t number;
    struct slice bytes;
};

struct chronicle_entry {
    unsigned kind, table;
    unsigned count;
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
};

static inline struct chronicle_value chronicle_number(int64_t number)
{
    return (struct chronicle_value){.type = CHRONICLE_NUMBER, .number = number};
}

static inline struct chronicle_value chronicle_bytes(struct slice bytes)
{
    return (struct chronicle_value){.type = CHRONICLE_BYTES, .bytes = bytes};
}

static inline struct chronicle_value chronicle_bytes_or_null(struct slice bytes)
{
    return (struct chronicle_value){.type = bytes.len > 0 ? CHRONICLE_BYTES : CHRONICLE_NULL, .bytes = bytes};
}

/* ---- Writing ---- */

/* Bytes that grow. All zero: empty. */
struct chronicle_buffer {
    unsigned char *bytes;
    size_t length, capacity;
};

/* Room for so many more. False: no memory; it is as it was. */
bool chronicle_buffer_reserve(struct chronicle_buffer *buffer, size_t more);
void chronicle_buffer_free(struct chronicle_buffer *buffer);
/* Appends an entry. False: no memory. */
bool chronicle_entry_put(struct chronicle_buffer *buffer, enum chronicle_kind kind, unsigned table,
                         const struct chronicle_value *values, unsigned count);

/* Where a file's frames are. */
struct chronicle_place {
    unsigned char salt[CHRONICLE_SALT_BYTES];
    uint64_t number; /* of the file */
    uint64_t offset; /* of the frame in it */
};

/* Fills the head of a frame: frame has CHRONICLE_FRAME_HEAD_BYTES for it, then `length` bytes of entries. */
void chronicle_frame_seal(unsigned char *frame, size_t length, int64_t time_ms,
                          const struct chronicle_place *place);

/* ---- Reading ---- */

/* What a head announces: the bytes of the entries. False: it is no head. */
bool chronicle_frame_look(const unsigned char head[CHRONICLE_FRAME_HEAD_BYTES], size_t *length,
                          int64_t *time_ms);
/* Whether the frame, head and entries, is whole and lies where it was written. */
bool chronicle_frame_is_whole(const unsigned char *frame, size_t length, const struct chronicle_place *place);
/* The entry at the front, which is cut off; its bytes are borrowed. 1; 0: none is left; META_E_CORRUPT. */
int chronicle_entry_get(struct slice *entries, struct chronicle_entry *entry);

#endif
