/* SPDX-License-Identifier: MIT
 *
 * A bijection of 64 bits that looks random (the finalizer of splitmix64): distinct numbers stay distinct. Pure; any thread. */
#ifndef STORAGE_BASE_SCRAMBLE_H
#define STORAGE_BASE_SCRAMBLE_H

#include <stdint.h>

static inline uint64_t scramble(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

#endif
