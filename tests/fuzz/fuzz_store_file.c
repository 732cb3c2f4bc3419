/* SPDX-License-Identifier: MIT
 *
 * What a start reads of the files of a store before it trusts any: SEQUENCE, and the heads of segments. The first byte chooses which, and
 * whether the checksums are made right, for without that nearly all inputs end at the first of them. Whatever is taken is within its bounds,
 * and written again it is read as the same. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"
#include "storage/blob/record.h"
#include "storage/digest/digest.h"
#include "storage/segment/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOT_BYTES = 4096, RECORD_BYTES = 80, CRC_AT = 40, CRC_2_AT = 76 };

static void require(int condition)
{
    if (!condition)
        abort();
}

static void sum_at(unsigned char *record, size_t at)
{
    uint32_t crc = digest_crc32c(0, record, at);

    for (int i = 0; i < 4; i++)
        record[at + (size_t)i] = (unsigned char)(crc >> (8 * i));
}

/* Two slots, each of half of the data. */
static void fuzz_sequence(const uint8_t *data, size_t size, bool is_summed)
{
    static int fd = -1;
    struct blob_sequence found, again;

    if (fd < 0)
        require((fd = memfd_create("sequence", MFD_CLOEXEC)) >= 0);
    require(ftruncate(fd, 0) == 0);
    for (size_t slot = 0; slot < 2; slot++) {
        unsigned char record[RECORD_BYTES] = {0};
        const uint8_t *from = data + slot * (size / 2);
        size_t length = size / 2 < sizeof(record) ? size / 2 : sizeof(record);
        memcpy(record, from, length);
        if (is_summed && length > 0) {
            memcpy(record, "SLUICSEQ", 8);
            sum_at(record, CRC_AT);
            sum_at(record, CRC_2_AT);
        }
        if (length > 0)
            require(pwrite(fd, record, sizeof(record), (off_t)(slot * SLOT_BYTES)) == sizeof(record));
    }
    if (blob_sequence_read(fd, &found) != 0)
        return;
    require(found.settled >= BLOB_ID_FIRST && found.settled <= found.promised &&
            found.promised <= BLOB_ID_MAX && found.slot < 2);
    if (found.generation == UINT64_MAX)
        return;
    /* The other slot is written next; from then on that one counts. */
    struct blob_sequence next = found;
    next.slot ^= 1;
    next.generation++;
    require(blob_sequence_write(fd, &next) == 0);
    require(blob_sequence_read(fd, &again) == 0);
    require(again.slot == next.slot && again.generation == next.generation &&
            again.settled == found.settled && again.promised == found.promised &&
            again.synced == found.synced && again.marked == found.marked && again.has_log == found.has_log &&
            again.records_from == found.records_from && again.identity.epoch == found.identity.epoch &&
            !again.torn);
}

/* A block that ends with the data; or, summed, with the data as the items of a record. */
static void fuzz_head(const uint8_t *data, size_t size, bool is_summed, bool has_line)
{
    static unsigned char block[SEGMENT_ALIGN_BYTES], made[SEGMENT_ALIGN_BYTES];
    struct segment_head head, again;
    size_t room = sizeof(block) - 64;

    memset(block, 0, sizeof(block));
    if (has_line)
        memcpy(block, "Sluice segment 1\n", 18);
    if (is_summed) {
        struct {
            uint32_t version, bytes;
            uint64_t crc, magic;
        } foot = {1, 0, 0, UINT64_C(0x3164726365526c53)};
        size_t length = size < room - sizeof(foot) ? size : room - sizeof(foot);
        foot.bytes = (uint32_t)(length + sizeof(foot));
        foot.crc = crc64nvme_update(crc64nvme_update(0, data, length), &foot, 8);
        memcpy(block + sizeof(block) - sizeof(foot) - length, data, length);
        memcpy(block + sizeof(block) - sizeof(foot), &foot, sizeof(foot));
    } else {
        size_t length = size < room ? size : room;
        memcpy(block + sizeof(block) - length, data, length);
    }
    int found = segment_head_parse(block, sizeof(block), &head);
    require(found == 1 || found == 0 || found == -EBADMSG);
    if (found != 1)
        return;
    memset(made, 0, sizeof(made));
    segment_head_make(&head, made);
    require(segment_head_parse(made, sizeof(made), &again) == 1 && again.blob == head.blob);
    if (blob_identity_is_known(&head.identity))
        require(memcmp(again.identity.store, head.identity.store, sizeof(head.identity.store)) == 0 &&
                again.identity.epoch == head.identity.epoch);
}

/* A record at the end of a file, of whatever it has: no item may lead out of it. */
static void fuzz_record(const uint8_t *data, size_t size)
{
    struct record record;
    size_t needed = 0, length;
    const void *value;
    uint64_t number;

    if (record_read(data, size, &record, &needed) != 0)
        return;
    require(record.items >= data && record.items + record.length <= data + size);
    for (int type = 0; type < 8; type++) {
        if (record_get(&record, (enum record_type)type, &value, &length))
            require((const unsigned char *)value >= record.items &&
                    (const unsigned char *)value + length <= record.items + record.length);
        (void)record_get_number(&record, (enum record_type)type, &number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] & 1)
        fuzz_sequence(data + 1, size - 1, (data[0] & 2) != 0);
    else if (data[0] & 8)
        fuzz_record(data + 1, size - 1);
    else
        fuzz_head(data + 1, size - 1, (data[0] & 2) != 0, (data[0] & 4) != 0);
    return 0;
}
