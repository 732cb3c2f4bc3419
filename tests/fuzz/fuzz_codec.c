/* SPDX-License-Identifier: MIT
 *
 * The forms in which lists, ETags and checksums lie in rows: the first byte chooses the decoder. Whatever is accepted has sane
 * values, and encoded again it decodes to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes != 0 ? bytes : 1);

    require(memory != NULL);
    return memory;
}

/* Reads all items with next into items (item_bytes each). Their number, or -1. */
#define READ_LIST(list, items, next)                                                                         \
    ({                                                                                                       \
        long read_count = 0;                                                                                 \
        int more;                                                                                            \
        while ((more = next(&(list), &(items)[read_count])) == 1)                                            \
            require(++read_count <= (long)(list).count);                                                     \
        more == 0 ? read_count : -1;                                                                         \
    })

static void check_extents(struct slice bytes)
{
    struct codec_list list;

    if (codec_extents_begin(&list, bytes) != 0)
        return;
    require(list.count <= bytes.len);
    struct meta_extent *extents = allocate((list.count + 1) * sizeof(*extents));
    struct meta_extent *again = allocate((list.count + 1) * sizeof(*again));
    memset(extents, 0, (list.count + 1) * sizeof(*extents));
    memset(again, 0, (list.count + 1) * sizeof(*again));
    long count = READ_LIST(list, extents, codec_extents_next);
    for (long i = 0; i < count; i++)
        require(extents[i].length > 0 && extents[i].offset >= extents[i].unit_offset &&
                extents[i].offset + extents[i].length <= extents[i].unit_offset + extents[i].unit_length &&
                extents[i].unit_offset + extents[i].unit_length <= INT64_MAX);
    if (count >= 0) {
        unsigned char *encoded = allocate(codec_extents_bound((uint32_t)count));
        size_t length = codec_extents_encode(encoded, extents, (uint32_t)count);
        require(length <= codec_extents_bound((uint32_t)count));
        require(codec_extents_begin(&list, slice_of(encoded, length)) == 0);
        require(READ_LIST(list, again, codec_extents_next) == count);
        require(memcmp(extents, again, (size_t)count * sizeof(*again)) == 0);
        free(encoded);
    }
    free(extents);
    free(again);
}

static void check_attributes(struct slice bytes)
{
    struct codec_list list;

    if (codec_attributes_begin(&list, bytes) != 0)
        return;
    struct meta_attribute *attributes = allocate((list.count + 1) * sizeof(*attributes));
    struct meta_attribute *again = allocate((list.count + 1) * sizeof(*again));
    long count = READ_LIST(list, attributes, codec_attributes_next);
    if (count >= 0) {
        struct meta_attributes all = {.list = attributes, .count = (uint32_t)count};
        unsigned char *encoded = allocate(codec_attributes_bound(&all));
        size_t length = codec_attributes_encode(encoded, &all);
        require(length <= codec_attributes_bound(&all));
        require(codec_attributes_begin(&list, slice_of(encoded, length)) == 0);
        require(READ_LIST(list, again, codec_attributes_next) == count);
        for (long i = 0; i < count; i++)
            require(attributes[i].name.len == again[i].name.len &&
                    attributes[i].value.len == again[i].value.len &&
                    memcmp(attributes[i].value.base, again[i].value.base, again[i].value.len) == 0);
        free(encoded);
    }
    free(attributes);
    free(again);
}

static void check_parts(struct slice bytes)
{
    struct meta_part_checksums checksums, copied;
    struct codec_list list;

    if (codec_parts_begin(&list, bytes, &checksums) != 0)
        return;
    struct meta_part_size *parts = allocate((list.count + 1) * sizeof(*parts));
    struct meta_part_size *again = allocate((list.count + 1) * sizeof(*again));
    long count = READ_LIST(list, parts, codec_parts_next);
    if (count >= 0) {
        unsigned char *encoded = allocate(codec_parts_bound((uint32_t)count, &checksums));
        size_t length = codec_parts_encode(encoded, parts, (uint32_t)count, &checksums);
        require(length <= codec_parts_bound((uint32_t)count, &checksums));
        require(codec_parts_begin(&list, slice_of(encoded, length), &copied) == 0);
        require(READ_LIST(list, again, codec_parts_next) == count);
        for (long i = 0; i < count; i++)
            require(parts[i].number == again[i].number && parts[i].size == again[i].size);
        require(checksums.algorithm == copied.algorithm && checksums.length == copied.length);
        require(checksums.algorithm == 0 ||
                memcmp(checksums.values, copied.values, (size_t)count * checksums.length) == 0);
        free(encoded);
    }
    free(parts);
    free(again);
}

static void check_etag(struct slice bytes)
{
    char etag[META_ETAG_BYTES_MAX + 1], again[META_ETAG_BYTES_MAX + 1];
    unsigned char encoded[CODEC_ETAG_BYTES_MAX];

    if (codec_etag_decode(bytes, etag) != 0)
        return;
    require(strlen(etag) <= META_ETAG_BYTES_MAX);
    size_t length = codec_etag_encode(encoded, etag);
    require(length <= sizeof(encoded));
    require(codec_etag_decode(slice_of(encoded, length), again) == 0 && strcmp(etag, again) == 0);
}

static void check_checksum(struct slice bytes)
{
    struct meta_checksum checksum, again;
    unsigned char encoded[CODEC_CHECKSUM_BYTES_MAX];

    if (codec_checksum_decode(bytes, &checksum) != 0)
        return;
    size_t length = codec_checksum_encode(encoded, &checksum);
    require(length <= sizeof(encoded));
    require(codec_checksum_decode(slice_of(encoded, length), &again) == 0);
    require(memcmp(&checksum, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct slice) = {check_extents, check_attributes, check_parts, check_etag,
                                                   check_checksum};

    if (size < 1)
        return 0;
    checks[data[0] % (sizeof(checks) / sizeof(checks[0]))](slice_of(data + 1, size - 1));
    return 0;
}
