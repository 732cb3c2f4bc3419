/* SPDX-License-Identifier: MIT
 *
 * x-minio-internal-crc: a number of bits (what kind of checksum), the checksum, and of a multipart object how many parts it has and, if a bit says so,
 * their checksums. Numbers have seven bits a byte, the lowest first. */
#include <string.h>

#include "api/import/xl_object.h"
#include "api/s3/body/s3_checksum.h"

enum { /* bits */
       KIND_SHA256 = 1 << 1,
       KIND_SHA1 = 1 << 2,
       KIND_CRC32 = 1 << 3,
       KIND_CRC32C = 1 << 4,
       KIND_MULTIPART = 1 << 6,
       KIND_HAS_PARTS = 1 << 7,
       KIND_CRC64NVME = 1 << 8,
       KIND_FULL_OBJECT = 1 << 9,
};

static const struct {
    unsigned bit;
    enum s3_checksum_algorithm algorithm;
} kinds[] = {
    {KIND_CRC32, S3_CHECKSUM_CRC32},   {KIND_CRC32C, S3_CHECKSUM_CRC32C},       {KIND_SHA1, S3_CHECKSUM_SHA1},
    {KIND_SHA256, S3_CHECKSUM_SHA256}, {KIND_CRC64NVME, S3_CHECKSUM_CRC64NVME},
};

static bool take_number(struct slice *bytes, uint32_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 32 && bytes->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)*bytes->base++;

        bytes->len--;
        *value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool take_parts(struct slice packed, unsigned bits, enum s3_checksum_algorithm algorithm,
                       size_t length, struct meta_object *object)
{
    uint32_t parts;

    if (!take_number(&packed, &parts))
        return false;
    if ((bits & KIND_HAS_PARTS) == 0 || parts != object->part_count)
        return true; /* they are not kept */
    if (packed.len < parts * length)
        return false;
    object->part_checksums = (struct meta_part_checksums){.algorithm = (uint8_t)algorithm,
                                                          .length = (uint8_t)length,
                                                          .values = (const unsigned char *)packed.base};
    return true;
}

bool xl_checksum_read(struct slice packed, struct meta_object *object)
{
    enum s3_checksum_algorithm algorithm = S3_CHECKSUM_NONE;
    uint32_t bits;

    if (!take_number(&packed, &bits))
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && algorithm == S3_CHECKSUM_NONE; i++)
        if ((bits & kinds[i].bit) != 0)
            algorithm = kinds[i].algorithm;
    if (algorithm == S3_CHECKSUM_NONE)
        return false;
    size_t length = s3_checksum_bytes(algorithm);
    if (packed.len < length)
        return false;
    bool is_composite = (bits & KIND_MULTIPART) != 0 && (bits & (KIND_FULL_OBJECT | KIND_CRC64NVME)) == 0;
    object->checksum = (struct meta_checksum){
        .algorithm = (uint8_t)algorithm,
        .type = is_composite ? S3_CHECKSUM_COMPOSITE : S3_CHECKSUM_FULL_OBJECT,
        .length = (uint8_t)length,
    };
    memcpy(object->checksum.value, packed.base, length);
    packed = slice_of(packed.base + length, packed.len - length);
    return (bits & KIND_MULTIPART) == 0 || take_parts(packed, bits, algorithm, length, object);
}
