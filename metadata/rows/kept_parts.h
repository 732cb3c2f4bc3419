/* SPDX-License-Identifier: MIT
 *
 * Which parts of a finished upload the object was made of, as `finished.kept` holds it: a bit for each number, trailing zeros left
 * out. Their references are the object's. Private to metadata/; pure functions. */
#ifndef METADATA_ROWS_KEPT_PARTS_H
#define METADATA_ROWS_KEPT_PARTS_H

#include "metadata/meta.h"

static inline void kept_parts_add(unsigned char *kept, uint32_t number)
{
    kept[number / 8] |= (unsigned char)(1u << number % 8);
}

static inline bool kept_parts_have(struct slice kept, int64_t number)
{
    const unsigned char *bits = (const unsigned char *)kept.base;

    return number >= 0 && (uint64_t)number / 8 < kept.len && (bits[number / 8] >> number % 8 & 1) != 0;
}

#endif
