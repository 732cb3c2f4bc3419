/* SPDX-License-Identifier: MIT
 *
 * What is encoded decodes to the same; what is damaged is refused, never read out of bounds (run it with a
 * sanitizer). */
#include "meta_test_support.h"

#include "metadata/rows/codec.h"

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct meta_extent random_extent(void)
{
    struct meta_extent extent = {0};

    extent.file = 1 + (random_next() >> (2 + random_next() % 62));
    extent.unit_length = 1 + (random_next() >> (8 + random_next() % 48));
    extent.unit_offset = random_next() % 2 ? 0 : random_next() >> (8 + random_next() % 48);
    uint64_t in_unit = random_next() % 2 ? 0 : random_next() % extent.unit_length;
    extent.offset = extent.unit_offset + in_unit;
    extent.length =
        random_next() % 2 ? extent.unit_length - in_unit : 1 + random_next() % (extent.unit_length - in_unit);
    extent.unit_crc_kind = random_next() % 2 ? META_UNIT_CRC64NVME : META_UNIT_CRC32C;
    extent.unit_crc = extent.unit_crc_kind == META_UNIT_CRC32C ? (uint32_t)random_next() : random_next();
    return extent;
}

static void assert_extent_equal(const struct meta_extent *a, const struct meta_extent *b)
{
    assert_int_equal(a->file, b->file);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->unit_offset, b->unit_offset);
    assert_int_equal(a->unit_length, b->unit_length);
    assert_int_equal(a->unit_crc_kind, b->unit_crc_kind);
    assert_true(a->unit_crc == b->unit_crc);
}

static void extents_come_back(void **state)
{
    for (int round = 0; round < 2000; round++) {
        struct meta_extent extents[8], decoded;
        uint32_t count = (uint32_t)(random_next() % 9);
        for (uint32_t i = 0; i < count; i++)
            extents[i] = random_extent();
        unsigned char *bytes = malloc(codec_extents_bound(count));
        size_t length = codec_extents_encode(bytes, extents, count);
        assert_true(length <= codec_extents_bound(count));
        struct codec_list list;
        assert_int_equal(codec_extents_begin(&list, slice_of(bytes, length)), 0);
        assert_int_equal(list.count, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(codec_extents_next(&list, &decoded), 1);
            assert_extent_equal(&decoded, &extents[i]);
        }
        assert_int_equal(codec_extents_next(&list, &decoded), 0);
        free(bytes);
    }
}

static void attributes_come_back(void **state)
{
    struct meta_attribute in[3] = {{slice_text("content-type"), slice_text("text/plain")},
                                   {slice_text("x-amz-meta-colour"), slice_text("")},
                                   {slice_text("x-amz-meta-bytes"), {"a\0b", 3}}};
    struct meta_attributes attributes = {in, 3};
    unsigned char bytes[256];
    size_t length = codec_attributes_encode(bytes, &attributes);
    struct codec_list list;
    struct meta_attribute out;

    assert_true(length <= codec_attributes_bound(&attributes));
    assert_int_equal(codec_attributes_begin(&list, slice_of(bytes, length)), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(codec_attributes_next(&list, &out), 1);
        assert_int_equal(out.name.len, in[i].name.len);
        assert_memory_equal(out.name.base, in[i].name.base, in[i].name.len);
        assert_int_equal(out.value.len, in[i].value.len);
        assert_memory_equal(out.value.base, in[i].value.base, in[i].value.len);
    }
    assert_int_equal(codec_attributes_next(&list, &out), 0);
}

static void etags_come_back(void **state)
{
    static const char *const etags[] = {
        "",
        "d41d8cd98f00b204e9800998ecf8427e",
        "d41d8cd98f00b204e9800998ecf8427e-1",
        "d41d8cd98f00b204e9800998ecf8427e-10000",
        "d41d8cd98f00b204e9800998ecf8427e-999999999",
        "d41d8cd98f00b204e9800998ecf8427e-9999999999",
        "d41d8cd98f00b204e9800998ecf8427e-01",
        "d41d8cd98f00b204e9800998ecf8427e-0",
        "d41d8cd98f00b204e9800998ecf8427e-",
        "d41d8cd98f00b204e9800998ecf8427e-1x",
        "d41d8cd98f00b204e9800998ecf8427e0",
        "D41D8CD98F00B204E9800998ECF8427E",
        "d41d8cd98f00b204e9800998ecf8427",
        "any text at all",
        "0123456789012345678901234567890123456789012345678901234567890123",
    };
    unsigned char bytes[CODEC_ETAG_BYTES_MAX];
    char etag[META_ETAG_BYTES_MAX + 1];

    for (size_t i = 0; i < sizeof(etags) / sizeof(etags[0]); i++) {
        size_t length = codec_etag_encode(bytes, etags[i]);
        assert_int_equal(codec_etag_decode(slice_of(bytes, length), etag), 0);
        assert_string_equal(etag, etags[i]);
    }
    assert_int_equal(codec_etag_encode(bytes, etags[1]), 17); /* packed */
}

static void checksums_come_back(void **state)
{
    struct meta_checksum in = {.algorithm = 3, .type = 1, .length = 4, .value = {1, 2, 3, 4}}, out;
    unsigned char bytes[CODEC_CHECKSUM_BYTES_MAX];

    size_t length = codec_checksum_encode(bytes, &in);
    assert_int_equal(codec_checksum_decode(slice_of(bytes, length), &out), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    in = (struct meta_checksum){0};
    assert_int_equal(codec_checksum_encode(bytes, &in), 0);
    assert_int_equal(codec_checksum_decode(slice_of(bytes, 0), &out), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(codec_checksum_decode(slice_of(bytes, 1), &out), META_E_CORRUPT);
    assert_int_equal(codec_checksum_decode(slice_of(bytes, CODEC_CHECKSUM_BYTES_MAX + 1), &out),
                     META_E_CORRUPT);
}

/* Runs every decoder over the bytes; what they accept must keep the promises that callers rely on. The copy
 * has exactly the right size, so that a sanitizer sees a step too far. */
static int decode_all(const unsigned char *data, size_t length)
{
    unsigned char *exact = malloc(length > 0 ? length : 1);
    struct slice bytes = slice_of(exact, length);
    struct codec_list list;
    struct meta_extent extent;
    struct meta_attribute attribute;
    struct meta_part_size part;
    struct meta_checksum checksum;
    struct meta_part_checksums checksums;
    char etag[META_ETAG_BYTES_MAX + 1];
    int accepted = 0, more;

    memcpy(exact, data, length);
    for (more = codec_extents_begin(&list, bytes);
         more >= 0 && (more = codec_extents_next(&list, &extent)) > 0;) {
        assert_true(extent.file > 0 && extent.file <= INT64_MAX);
        assert_true(extent.length > 0 && extent.unit_offset <= extent.offset);
        assert_true(extent.offset + extent.length <= extent.unit_offset + extent.unit_length);
        assert_true(extent.unit_offset + extent.unit_length <= INT64_MAX);
    }
    accepted += more == 0;
    assert_true(more == 0 || more == META_E_CORRUPT);
    for (more = codec_attributes_begin(&list, bytes);
         more >= 0 && (more = codec_attributes_next(&list, &attribute)) > 0;) {
        assert_true((const unsigned char *)attribute.name.base + attribute.name.len <= exact + length);
        assert_true((const unsigned char *)attribute.value.base + attribute.value.len <= exact + length);
    }
    assert_true(more == 0 || more == META_E_CORRUPT);
    for (more = codec_parts_begin(&list, bytes, &checksums);
         more >= 0 && (more = codec_parts_next(&list, &part)) > 0;)
        assert_in_range(part.number, 1, META_PART_NUMBER_MAX);
    if (more == 0 && checksums.algorithm != 0)
        assert_true(checksums.values + (size_t)list.count * checksums.length == exact + length);
    assert_true(more == 0 || more == META_E_CORRUPT);
    if (codec_etag_decode(bytes, etag) == 0)
        assert_true(strlen(etag) <= META_ETAG_BYTES_MAX);
    if (codec_checksum_decode(bytes, &checksum) == 0)
        assert_true(checksum.length <= META_CHECKSUM_BYTES_MAX);
    free(exact);
    return accepted;
}

static void part_checksums_survive(void **state)
{
    static const struct meta_part_size parts[] = {{1, 5 << 20}, {2, 300}, {10000, 0}};
    static const unsigned char values[] = "aaaabbbbcccc";
    const struct meta_part_checksums given = {7, 4, values}, none = {0};
    struct meta_part_checksums got;
    struct meta_part_size part;
    unsigned char bytes[256];
    struct codec_list list;
    size_t plain = codec_parts_encode(bytes, parts, 3, &none);

    assert_int_equal(codec_parts_begin(&list, slice_of(bytes, plain), &got), 0);
    assert_int_equal(got.algorithm, 0);

    size_t length = codec_parts_encode(bytes, parts, 3, &given);
    assert_int_equal(length, plain + 2 + 12);
    assert_true(length <= codec_parts_bound(3, &given));
    assert_int_equal(codec_parts_begin(&list, slice_of(bytes, length), &got), 0);
    assert_int_equal(got.algorithm, 7);
    assert_int_equal(got.length, 4);
    assert_memory_equal(got.values, values, 12);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(codec_parts_next(&list, &part), 1);
        assert_int_equal(part.number, parts[i].number);
        assert_int_equal(part.size, parts[i].size);
    }
    assert_int_equal(codec_parts_next(&list, &part), 0);
    for (size_t cut = 1; cut < length; cut++) {
        int more = codec_parts_begin(&list, slice_of(bytes, cut), NULL);
        while (more == 0 && (more = codec_parts_next(&list, &part)) > 0)
            more = 0;
        assert_int_equal(more, META_E_CORRUPT);
    }
}

static void damage_is_refused(void **state)
{
    struct meta_extent extents[3];
    unsigned char good[256], bad[256];

    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 3; i++)
            extents[i] = random_extent();
        size_t length = codec_extents_encode(good, extents, 3);
        assert_int_equal(decode_all(good, length), 1);
        for (size_t cut = 1; cut < length; cut++)
            assert_int_equal(decode_all(good, cut), 0);
        memcpy(bad, good, length);
        bad[length] = 0;
        assert_int_equal(decode_all(bad, length + 1), 0); /* something after the end */
        for (int flips = 0; flips < 50; flips++) {
            memcpy(bad, good, length);
            for (uint64_t n = 1 + random_next() % 3; n > 0; n--)
                bad[random_next() % length] ^= (unsigned char)(1u << random_next() % 8);
            (void)decode_all(bad, length);
        }
    }
    for (int round = 0; round < 20000; round++) {
        size_t length = random_next() % 64;
        for (size_t i = 0; i < length; i++)
            bad[i] = (unsigned char)random_next();
        if (length > 2 && random_next() % 2) {
            bad[0] = 1;
            bad[1] = (unsigned char)(random_next() % 8);
        }
        (void)decode_all(bad, length);
    }
}

static void a_huge_count_is_refused(void **state)
{
    static const unsigned char bytes[] = {1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0};

    assert_int_equal(decode_all(bytes, sizeof(bytes)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extents_come_back),       cmocka_unit_test(attributes_come_back),
        cmocka_unit_test(etags_come_back),         cmocka_unit_test(checksums_come_back),
        cmocka_unit_test(part_checksums_survive),  cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_huge_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
