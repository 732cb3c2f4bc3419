/* SPDX-License-Identifier: MIT
 *
 * Numbers in ZIP: little-endian, at any place. */
#ifndef API_ARCHIVE_ZIP_BYTES_H
#define API_ARCHIVE_ZIP_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t zip_u16(const unsigned char *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return le16toh(value);
}

static inline uint32_t zip_u32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static inline uint64_t zip_u64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

#endif
