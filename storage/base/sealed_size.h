/* SPDX-License-Identifier: MIT
 *
 * How long a sealed body is (storage/seal/): a head, then its bytes in records, each with a tag. Rows know bodies by the length of what is
 * stored, and objects by that of what was sealed; the one follows from the other. Pure; any thread. */
#ifndef STORAGE_BASE_SEALED_SIZE_H
#define STORAGE_BASE_SEALED_SIZE_H

#include <stdint.h>

#define SEALED_HEAD_BYTES   32u
#define SEALED_RECORD_BYTES (64u << 10) /* of plain bytes; the last record of a body may have fewer */
#define SEALED_TAG_BYTES    16u

/* Records of a body of so many plain bytes. */
static inline uint64_t sealed_records(uint64_t plain)
{
    return plain / SEALED_RECORD_BYTES + (plain % SEALED_RECORD_BYTES != 0);
}

/* What is stored of so many plain bytes, at most INT64_MAX: nothing of none. */
static inline uint64_t sealed_size(uint64_t plain)
{
    return plain == 0 ? 0 : SEALED_HEAD_BYTES + plain + sealed_records(plain) * SEALED_TAG_BYTES;
}

/* The plain bytes of a body of which so many are stored; 0: no body is so long. */
static inline uint64_t sealed_plain_size(uint64_t stored)
{
    const uint64_t whole = SEALED_RECORD_BYTES + SEALED_TAG_BYTES;
    uint64_t records, rest;

    if (stored <= SEALED_HEAD_BYTES + SEALED_TAG_BYTES)
        return 0;
    records = (stored - SEALED_HEAD_BYTES) / whole;
    rest = (stored - SEALED_HEAD_BYTES) % whole;
    if (rest == 0)
        return records * SEALED_RECORD_BYTES;
    return rest > SEALED_TAG_BYTES ? records * SEALED_RECORD_BYTES + rest - SEALED_TAG_BYTES : 0;
}

#endif
