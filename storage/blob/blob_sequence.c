/* SPDX-License-Identifier: MIT
 *
 * The SEQUENCE record on disk: two slots, one page apart, written in turn, so that a torn write spoils the
 * older of the two and never the one that counts. Numbers are little-endian:
 *
 *   0 "SLUICSEQ"   8 version (4)  12 flags (4)  16 generation (8)  24 settled (8)  32 promised (8)  40 crc32c
 * (4) of all before   44 store (16)  60 epoch (8)  68 records from (8)  76 crc32c (4) of all before
 *
 * Version 1 ended with the first sum. It is read, and the first write puts a record of version 2 into the other slot. The first sum stays
 * where it was, so that an earlier release finds a whole record of a version that it does not know, and leaves all as it is, and so will
 * this one with those of later versions.
 *
 * Flags: 1 a durable store wrote it; 2 one that is not durable wrote it, and synced it all the same, which earlier releases did not.
 *
 * Knows nothing of ids beyond their order. Blocks; any thread, one at a time per file. */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/digest/digest.h"
#include "storage/base/sys.h"

#define SEQUENCE_VERSION     2u
#define SEQUENCE_VERSION_1   1u
#define SEQUENCE_FLAG_SYNCED 1u
#define SEQUENCE_FLAG_MARKED 2u
#define SEQUENCE_FLAG_LOG    4u
#define SEQUENCE_SLOT_BYTES  4096u
#define SEQUENCE_BYTES       80u
#define SEQUENCE_CRC_AT      40u
#define SEQUENCE_STORE_AT    44u
#define SEQUENCE_EPOCH_AT    60u
#define SEQUENCE_RECORDS_AT  68u
#define SEQUENCE_CRC_2_AT    76u

_Static_assert(SEQUENCE_STORE_AT + RECORD_STORE_ID_BYTES == SEQUENCE_EPOCH_AT,
               "the id of a store has its place");

static const char sequence_magic[8] = "SLUICSEQ";

static void put32(unsigned char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static void put64(unsigned char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

/* 0, -EBADMSG for anything that this program did not write whole, -ENOTSUP for a later version's record. */
static int sequence_decode(const unsigned char record[SEQUENCE_BYTES], struct blob_sequence *sequence)
{
    if (memcmp(record, sequence_magic, sizeof(sequence_magic)) != 0)
        return -EBADMSG;
    if (get32(record + SEQUENCE_CRC_AT) != digest_crc32c(0, record, SEQUENCE_CRC_AT))
        return -EBADMSG;
    uint32_t version = get32(record + 8);
    if (version != SEQUENCE_VERSION && version != SEQUENCE_VERSION_1)
        return -ENOTSUP;
    if (version == SEQUENCE_VERSION) {
        if (get32(record + SEQUENCE_CRC_2_AT) != digest_crc32c(0, record, SEQUENCE_CRC_2_AT))
            return -EBADMSG;
        memcpy(sequence->identity.store, record + SEQUENCE_STORE_AT, RECORD_STORE_ID_BYTES);
        sequence->identity.epoch = get64(record + SEQUENCE_EPOCH_AT);
        sequence->records_from = get64(record + SEQUENCE_RECORDS_AT);
    }
    sequence->synced = (get32(record + 12) & SEQUENCE_FLAG_SYNCED) != 0;
    sequence->marked = (get32(record + 12) & SEQUENCE_FLAG_MARKED) != 0;
    sequence->has_log = (get32(record + 12) & SEQUENCE_FLAG_LOG) != 0;
    sequence->generation = get64(record + 16);
    sequence->settled = get64(record + 24);
    sequence->promised = get64(record + 32);
    if (sequence->settled < BLOB_ID_FIRST || sequence->settled > sequence->promised ||
        sequence->promised > BLOB_ID_MAX)
        return -EBADMSG;
    return 0;
}

int blob_sequence_read(int fd, struct blob_sequence *sequence)
{
    static const unsigned char nothing[SEQUENCE_BYTES];
    bool found = false, damaged = false;

    for (unsigned slot = 0; slot < 2; ++slot) {
        unsigned char record[SEQUENCE_BYTES] = {0};
        struct blob_sequence candidate = {.slot = slot};
        ssize_t n = read_up_to(fd, record, sizeof(record), (uint64_t)slot * SEQUENCE_SLOT_BYTES);
        if (n < 0)
            return (int)n;
        if (memcmp(record, nothing, sizeof(record)) == 0)
            continue; /* never written, or a hole */
        int err = sequence_decode(record, &candidate);
        if (err == -ENOTSUP)
            return err;
        if (err != 0) {
            damaged = true;
        } else if (!found || candidate.generation > sequence->generation) {
            *sequence = candidate;
            found = true;
        }
    }
    if (!found)
        return damaged ? -EBADMSG : -ENODATA;
    sequence->torn = damaged;
    return 0;
}

int blob_sequence_write(int fd, const struct blob_sequence *sequence)
{
    unsigned char record[SEQUENCE_BYTES];
    int err;

    assert(sequence->slot < 2);
    assert(sequence->settled >= BLOB_ID_FIRST);
    assert(sequence->settled <= sequence->promised);
    assert(sequence->promised <= BLOB_ID_MAX);
    memcpy(record, sequence_magic, sizeof(sequence_magic));
    put32(record + 8, SEQUENCE_VERSION);
    put32(record + 12, (sequence->synced ? SEQUENCE_FLAG_SYNCED : 0) |
                           (sequence->marked ? SEQUENCE_FLAG_MARKED : 0) |
                           (sequence->has_log ? SEQUENCE_FLAG_LOG : 0));
    put64(record + 16, sequence->generation);
    put64(record + 24, sequence->settled);
    put64(record + 32, sequence->promised);
    put32(record + SEQUENCE_CRC_AT, digest_crc32c(0, record, SEQUENCE_CRC_AT));
    memcpy(record + SEQUENCE_STORE_AT, sequence->identity.store, RECORD_STORE_ID_BYTES);
    put64(record + SEQUENCE_EPOCH_AT, sequence->identity.epoch);
    put64(record + SEQUENCE_RECORDS_AT, sequence->records_from);
    put32(record + SEQUENCE_CRC_2_AT, digest_crc32c(0, record, SEQUENCE_CRC_2_AT));

    err = write_whole(fd, record, sizeof(record), (uint64_t)sequence->slot * SEQUENCE_SLOT_BYTES);
    if (err != 0)
        return err;
    if (sys.fdatasync(fd) != 0)
        return -errno;
    return 0;
}
