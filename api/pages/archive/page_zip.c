/* SPDX-License-Identifier: MIT
 *
 * See page_zip.h. */
#include "api/pages/archive/page_zip.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LARGE_32          0xffffffffu
#define LARGE_16          0xffffu
#define IS_UTF8           0x0800u
#define VERSION           20u
#define VERSION_64        45u
#define MADE_BY_UNIX      (3u << 8)
#define ENTRY_BYTES_EXTRA (28u + 9u)
#define ATTRIBUTES        (0100644u << 16)

static unsigned char *put16(unsigned char *at, unsigned value)
{
    uint16_t bytes = htole16((uint16_t)value);

    memcpy(at, &bytes, sizeof(bytes));
    return at + sizeof(bytes);
}

static unsigned char *put32(unsigned char *at, uint64_t value)
{
    uint32_t bytes = htole32((uint32_t)value);

    memcpy(at, &bytes, sizeof(bytes));
    return at + sizeof(bytes);
}

static unsigned char *put64(unsigned char *at, uint64_t value)
{
    uint64_t bytes = htole64(value);

    memcpy(at, &bytes, sizeof(bytes));
    return at + sizeof(bytes);
}

/* ---- Members ---- */

/* In UTC, for nobody knows the reader's zone; the exact time is in a field of its own. */
static uint32_t dos_time(int64_t modified_ms)
{
    time_t seconds = (time_t)(modified_ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < 80 || tm.tm_year > 207)
        return (1u << 21) | (1u << 16); /* the first day that it can tell */
    return ((uint32_t)(tm.tm_year - 80) << 25) | ((uint32_t)(tm.tm_mon + 1) << 21) |
           ((uint32_t)tm.tm_mday << 16) | ((uint32_t)tm.tm_hour << 11) | ((uint32_t)tm.tm_min << 5) |
           (uint32_t)(tm.tm_sec / 2);
}

/* What head and entry have in common, from the version to the lengths of name and extra fields. */
static unsigned char *put_common(unsigned char *at, const struct page_zip_member *member, bool is_large,
                                 unsigned extra)
{
    at = put16(at, is_large ? VERSION_64 : VERSION);
    at = put16(at, IS_UTF8);
    at = put16(at, 0); /* stored */
    at = put32(at, dos_time(member->modified_ms));
    at = put32(at, member->crc);
    at = put32(at, member->size >= LARGE_32 ? LARGE_32 : member->size);
    at = put32(at, member->size >= LARGE_32 ? LARGE_32 : member->size);
    at = put16(at, (unsigned)member->name.len);
    return put16(at, extra);
}

static unsigned char *put_time_field(unsigned char *at, int64_t modified_ms)
{
    at = put16(at, 0x5455);
    at = put16(at, 5);
    *at++ = 1;
    return put32(at, (uint64_t)(modified_ms / 1000));
}

static bool add_entry(struct page_zip *zip, const struct page_zip_member *member)
{
    bool is_large = member->size >= LARGE_32, is_far = zip->at >= LARGE_32;
    unsigned large = (is_large ? 16 : 0) + (is_far ? 8 : 0), extra = 9 + (large > 0 ? 4 + large : 0);
    size_t wanted = zip->length + 46 + member->name.len + ENTRY_BYTES_EXTRA;
    unsigned char *at;

    if (wanted > zip->capacity) {
        size_t capacity = zip->capacity != 0 ? zip->capacity * 2 : 16384;
        unsigned char *grown = realloc(zip->directory, capacity > wanted ? capacity : wanted);

        if (grown == NULL)
            return false;
        zip->directory = grown;
        zip->capacity = capacity > wanted ? capacity : wanted;
    }
    at = zip->directory + zip->length;
    at = put32(at, 0x02014b50);
    at = put16(at, MADE_BY_UNIX | VERSION_64);
    at = put_common(at, member, large > 0, extra);
    at = put16(at, 0); /* comment */
    at = put16(at, 0); /* disk */
    at = put16(at, 0);
    at = put32(at, ATTRIBUTES);
    at = put32(at, is_far ? LARGE_32 : zip->at);
    (void)slice_copy(at, member->name);
    at = put_time_field(at + member->name.len, member->modified_ms);
    if (large > 0) {
        at = put16(at, 1);
        at = put16(at, large);
    }
    if (is_large) {
        at = put64(at, member->size);
        at = put64(at, member->size);
    }
    if (is_far)
        at = put64(at, zip->at);
    zip->length = (size_t)(at - zip->directory);
    zip->count++;
    return true;
}

size_t page_zip_head(struct page_zip *zip, const struct page_zip_member *member,
                     unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX])
{
    bool is_large = member->size >= LARGE_32;
    unsigned char *at = head;

    if (!add_entry(zip, member))
        return 0;
    at = put32(at, 0x04034b50);
    at = put_common(at, member, is_large, 9 + (is_large ? 20 : 0));
    (void)slice_copy(at, member->name);
    at = put_time_field(at + member->name.len, member->modified_ms);
    if (is_large) {
        at = put16(at, 1);
        at = put16(at, 16);
        at = put64(at, member->size);
        at = put64(at, member->size);
    }
    zip->at += (uint64_t)(at - head) + member->size;
    return (size_t)(at - head);
}

/* ---- The end ---- */

size_t page_zip_end(const struct page_zip *zip, unsigned char end[PAGE_ZIP_END_BYTES_MAX])
{
    bool is_large = zip->count >= LARGE_16 || zip->at >= LARGE_32 || zip->length >= LARGE_32;
    unsigned char *at = end;

    if (is_large) {
        at = put32(at, 0x06064b50);
        at = put64(at, 44);
        at = put16(at, MADE_BY_UNIX | VERSION_64);
        at = put16(at, VERSION_64);
        at = put32(at, 0);
        at = put32(at, 0);
        at = put64(at, zip->count);
        at = put64(at, zip->count);
        at = put64(at, zip->length);
        at = put64(at, zip->at);
        at = put32(at, 0x07064b50);
        at = put32(at, 0);
        at = put64(at, zip->at + zip->length);
        at = put32(at, 1);
    }
    at = put32(at, 0x06054b50);
    at = put16(at, 0);
    at = put16(at, 0);
    at = put16(at, zip->count >= LARGE_16 ? LARGE_16 : (unsigned)zip->count);
    at = put16(at, zip->count >= LARGE_16 ? LARGE_16 : (unsigned)zip->count);
    at = put32(at, zip->length >= LARGE_32 ? LARGE_32 : zip->length);
    at = put32(at, zip->at >= LARGE_32 ? LARGE_32 : zip->at);
    at = put16(at, 0);
    return (size_t)(at - end);
}

void page_zip_free(struct page_zip *zip)
{
    free(zip->directory);
    *zip = (struct page_zip){0};
}
