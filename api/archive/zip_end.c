/* SPDX-License-Identifier: MIT
 *
 * Finding the end record, from the last place where it can be backwards. The first whose comment ends with the archive counts. */
#include "api/archive/zip_end.h"

#include <errno.h>
#include <stdbool.h>

#include "api/archive/zip_bytes.h"

enum {
    END_BYTES = 22,
    END_DISK_AT = 4,
    END_DIRECTORY_DISK_AT = 6,
    END_COUNT_HERE_AT = 8,
    END_COUNT_AT = 10,
    END_LENGTH_AT = 12,
    END_OFFSET_AT = 16,
    END_COMMENT_AT = 20,
    LOCATOR_BYTES = 20,
    LOCATOR_DISKS_AT = 16,
    RECORD_BYTES = 56, /* of zip64, as everybody writes it */
    RECORD_LENGTH_AT = 4,
    RECORD_DISK_AT = 16,
    RECORD_DIRECTORY_DISK_AT = 20,
    RECORD_COUNT_HERE_AT = 24,
    RECORD_COUNT_AT = 32,
    RECORD_DIRECTORY_LENGTH_AT = 40,
    RECORD_DIRECTORY_OFFSET_AT = 48
};

#define END_MAGIC     0x06054b50u
#define LOCATOR_MAGIC 0x07064b50u
#define RECORD_MAGIC  0x06064b50u

/* As the records have it. */
struct claim {
    uint64_t offset, length, count, count_here;
    uint32_t disk, directory_disk;
};

/* Where in the tail the end record begins, or tail_length. */
static size_t end_seek(const unsigned char *tail, size_t tail_length)
{
    for (size_t at = tail_length - END_BYTES + 1; at-- > 0;) {
        if (tail[at] == 'P' && zip_u32(tail + at) == END_MAGIC &&
            zip_u16(tail + at + END_COMMENT_AT) == tail_length - at - END_BYTES)
            return at;
    }
    return tail_length;
}

/* Whether the end record leaves something to the zip64 record. */
static bool wants_record(const struct claim *claim)
{
    return claim->offset == UINT32_MAX || claim->length == UINT32_MAX || claim->count == UINT16_MAX ||
           claim->count_here == UINT16_MAX || claim->disk == UINT16_MAX ||
           claim->directory_disk == UINT16_MAX;
}

/* before: bytes of the tail before the end record. *begin: where the records begin, counted from the same place. 0 or an error. */
static int record_read(const unsigned char *tail, size_t before, struct claim *claim, size_t *begin)
{
    const unsigned char *locator = tail + before - LOCATOR_BYTES;
    const unsigned char *record = locator - RECORD_BYTES;

    *begin = before;
    if (before < LOCATOR_BYTES || zip_u32(locator) != LOCATOR_MAGIC)
        return 0; /* a plain ZIP, also with 65,535 members */
    if (zip_u32(locator + LOCATOR_DISKS_AT) > 1)
        return -ENOTSUP;
    if (before < LOCATOR_BYTES + RECORD_BYTES || zip_u32(record) != RECORD_MAGIC ||
        zip_u64(record + RECORD_LENGTH_AT) != RECORD_BYTES - 12)
        return -EBADMSG;
    *begin = before - LOCATOR_BYTES - RECORD_BYTES;
    *claim = (struct claim){
        .offset = zip_u64(record + RECORD_DIRECTORY_OFFSET_AT),
        .length = zip_u64(record + RECORD_DIRECTORY_LENGTH_AT),
        .count = zip_u64(record + RECORD_COUNT_AT),
        .count_here = zip_u64(record + RECORD_COUNT_HERE_AT),
        .disk = zip_u32(record + RECORD_DISK_AT),
        .directory_disk = zip_u32(record + RECORD_DIRECTORY_DISK_AT),
    };
    return 0;
}

int zip_end_find(const unsigned char *tail, size_t tail_length, uint64_t archive_length, struct zip_end *end)
{
    size_t at, begin;
    struct claim claim;
    uint64_t records; /* where they begin, in the archive */
    int err;

    if (tail_length < END_BYTES || (at = end_seek(tail, tail_length)) == tail_length)
        return -ENOENT;
    claim = (struct claim){
        .offset = zip_u32(tail + at + END_OFFSET_AT),
        .length = zip_u32(tail + at + END_LENGTH_AT),
        .count = zip_u16(tail + at + END_COUNT_AT),
        .count_here = zip_u16(tail + at + END_COUNT_HERE_AT),
        .disk = zip_u16(tail + at + END_DISK_AT),
        .directory_disk = zip_u16(tail + at + END_DIRECTORY_DISK_AT),
    };
    begin = at;
    if (wants_record(&claim) && (err = record_read(tail, at, &claim, &begin)) != 0)
        return err;
    if (claim.disk != 0 || claim.directory_disk != 0 || claim.count_here != claim.count)
        return -ENOTSUP;
    records = archive_length - tail_length + begin;
    if (claim.length > records || claim.offset > records - claim.length)
        return -EBADMSG;
    *end = (struct zip_end){
        .offset = records - claim.length,
        .length = claim.length,
        .count = claim.count,
        .shift = records - claim.length - claim.offset,
    };
    return 0;
}
