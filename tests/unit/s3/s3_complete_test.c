/* SPDX-License-Identifier: MIT
 *
 * Completing a multipart upload, without the upload: the list in XML, the parts held against it, the checksum
 * of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_complete.h"

#define BODY_BYTES (2 * S3_PART_BYTES_MIN + 12345)

static struct arena arena;
static struct s3_part_list list;
static char *body; /* of three parts: two of the smallest size, and a rest */

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    if ((body = malloc(BODY_BYTES)) == NULL)
        return -1;
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)(i * 2654435761u >> 13);
    return 0;
}

static int tear_down(void **state)
{
    free(body);
    arena_free(&arena);
    return 0;
}

static enum s3_error parse(const char *parts)
{
    size_t bytes = strlen(parts) + 100;
    char *xml = arena_alloc(&arena, bytes);

    snprintf(xml, bytes, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>", parts);
    return s3_part_list_parse(&list, &arena, slice_text(xml));
}

#define PART(number, etag) "<Part><PartNumber>" #number "</PartNumber><ETag>" etag "</ETag></Part>"
#define THREE_PARTS        PART(1, "a") PART(2, "\"b\"") PART(7, "&quot;c&quot;")

static void reads_the_list(void **state)
{
    assert_int_equal(parse("\n" THREE_PARTS "\n"), S3_ERROR_NONE);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.parts[2].number, 7);
    assert_string_equal(list.parts[1].etag, "b");
    assert_string_equal(list.parts[2].etag, "c");
}

static void reads_the_longest_list(void **state)
{
    char *parts = arena_alloc(&arena, 10001 * 80), *at = parts;

    for (int i = 1; i <= 10000; i++)
        at += sprintf(at, "<Part><ETag>e%d</ETag><PartNumber>%d</PartNumber></Part>", i, i);
    assert_int_equal(parse(parts), S3_ERROR_NONE);
    assert_int_equal(list.count, 10000);
    assert_string_equal(list.parts[9999].etag, "e10000");
    strcpy(at, "<Part/>");
    assert_int_equal(parse(parts), S3_ERROR_MALFORMED_XML);
}

static void refuses_bad_lists(void **state)
{
    assert_int_equal(parse(""), S3_ERROR_MALFORMED_XML);
    assert_int_equal(parse("<Part>"), S3_ERROR_MALFORMED_XML);
    assert_int_equal(parse("<Part/>"), S3_ERROR_MALFORMED_XML);
    assert_int_equal(parse("<Part><PartNumber>1</PartNumber></Part>"), S3_ERROR_MALFORMED_XML);
    assert_int_equal(parse("<Part><ETag>a</ETag></Part>"), S3_ERROR_MALFORMED_XML);
    /* The number of one part does not serve for the next. */
    assert_int_equal(parse(PART(1, "a") "<Part><ETag>b</ETag></Part>"), S3_ERROR_MALFORMED_XML);
    assert_int_equal(parse(PART(0, "a")), S3_ERROR_INVALID_PART);
    assert_int_equal(parse(PART(10001, "a")), S3_ERROR_INVALID_PART);
    assert_int_equal(parse(PART(x, "a")), S3_ERROR_INVALID_PART);
    assert_int_equal(parse(PART(1, "")), S3_ERROR_INVALID_PART);
    assert_int_equal(parse(PART(2, "a") PART(1, "b")), S3_ERROR_INVALID_PART_ORDER);
    assert_int_equal(parse(PART(1, "a") PART(1, "a")), S3_ERROR_INVALID_PART_ORDER);
    assert_int_equal(
        parse("<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>"),
        S3_ERROR_INVALID_PART);
    assert_int_equal(s3_part_list_parse(&list, &arena, slice_of("<Delete/>", 9)), S3_ERROR_MALFORMED_XML);
    assert_int_equal(s3_part_list_parse(&list, &arena, slice_of(NULL, 0)), S3_ERROR_MALFORMED_XML);
}

/* A stored part over bytes [first, first + size) of the body. */
static struct meta_part stored(uint32_t number, const char *etag, uint64_t first, uint64_t size,
                               enum s3_checksum_algorithm algorithm)
{
    struct meta_part part = {.number = number, .size = size};
    struct digest_values values;

    strcpy(part.etag, etag);
    if (algorithm != S3_CHECKSUM_NONE) {
        assert_int_equal(
            digest_buffer(DIGEST_BIT(s3_checksum_digest(algorithm)), body + first, size, &values), 0);
        s3_checksum_from_digests(&part.checksum, algorithm, &values);
    }
    return part;
}

/* Assembles the three parts of the body, and one that nobody listed. */
static enum s3_error assemble(enum s3_checksum_algorithm algorithm, enum s3_checksum_type type,
                              struct meta_checksum *checksum)
{
    const struct meta_part parts[] = {
        stored(1, "a", 0, S3_PART_BYTES_MIN, algorithm),
        stored(2, "b", S3_PART_BYTES_MIN, S3_PART_BYTES_MIN, algorithm),
        stored(5, "unlisted", 0, 1, S3_CHECKSUM_NONE),
        stored(7, "c", 2 * S3_PART_BYTES_MIN, BODY_BYTES - 2 * S3_PART_BYTES_MIN, algorithm),
    };
    struct s3_assembly assembly;
    enum s3_error error = S3_ERROR_NONE;

    assert_int_equal(parse(THREE_PARTS), S3_ERROR_NONE);
    assert_int_equal(s3_assembly_begin(&assembly, &list, algorithm, type), 0);
    for (size_t i = 0; i < 4 && error == S3_ERROR_NONE; i++)
        error = s3_assembly_add(&assembly, &parts[i]);
    if (error == S3_ERROR_NONE)
        error = s3_assembly_finish(&assembly, checksum);
    if (error == S3_ERROR_NONE)
        assert_int_equal(assembly.size, BODY_BYTES);
    s3_assembly_end(&assembly);
    return error;
}

static void combines_full_object_checksums(void **state)
{
    static const enum s3_checksum_algorithm algorithms[] = {S3_CHECKSUM_CRC32, S3_CHECKSUM_CRC32C,
                                                            S3_CHECKSUM_CRC64NVME};

    for (size_t i = 0; i < 3; i++) {
        enum digest_kind kind = s3_checksum_digest(algorithms[i]);
        struct meta_checksum checksum;
        struct digest_values whole;

        assert_int_equal(digest_buffer(DIGEST_BIT(kind), body, BODY_BYTES, &whole), 0);
        assert_int_equal(assemble(algorithms[i], S3_CHECKSUM_FULL_OBJECT, &checksum), S3_ERROR_NONE);
        assert_int_equal(checksum.algorithm, algorithms[i]);
        assert_int_equal(checksum.type, S3_CHECKSUM_FULL_OBJECT);
        assert_memory_equal(checksum.value, whole.value[kind], digest_kind_bytes(kind));
    }
}

static void composes_checksums_of_checksums(void **state)
{
    unsigned char parts[3 * 32];
    struct meta_checksum checksum;
    struct digest_values values;

    for (size_t i = 0; i < 3; i++) {
        struct meta_part part =
            stored(1, "a", i * S3_PART_BYTES_MIN, i < 2 ? S3_PART_BYTES_MIN : 12345, S3_CHECKSUM_SHA256);

        memcpy(parts + 32 * i, part.checksum.value, 32);
    }
    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), parts, sizeof(parts), &values), 0);
    assert_int_equal(assemble(S3_CHECKSUM_SHA256, S3_CHECKSUM_COMPOSITE, &checksum), S3_ERROR_NONE);
    assert_int_equal(checksum.type, S3_CHECKSUM_COMPOSITE);
    assert_memory_equal(checksum.value, values.value[DIGEST_SHA256], 32);
}

static void goes_without_checksums(void **state)
{
    struct meta_checksum checksum;

    assert_int_equal(assemble(S3_CHECKSUM_NONE, S3_CHECKSUM_FULL_OBJECT, &checksum), S3_ERROR_NONE);
    assert_int_equal(checksum.algorithm, S3_CHECKSUM_NONE);
}

/* The outcome of one or two stored parts against a list. */
static enum s3_error add_asked(enum s3_checksum_algorithm algorithm, const char *xml,
                               const struct meta_part *part, const struct meta_part *second)
{
    struct s3_assembly assembly;
    struct meta_checksum checksum;
    enum s3_error error;

    assert_int_equal(parse(xml), S3_ERROR_NONE);
    assert_int_equal(s3_assembly_begin(&assembly, &list, algorithm, S3_CHECKSUM_FULL_OBJECT), 0);
    error = s3_assembly_add(&assembly, part);
    if (error == S3_ERROR_NONE && second != NULL)
        error = s3_assembly_add(&assembly, second);
    if (error == S3_ERROR_NONE)
        error = s3_assembly_finish(&assembly, &checksum);
    s3_assembly_end(&assembly);
    return error;
}

static enum s3_error add_two(const char *xml, const struct meta_part *part, const struct meta_part *second)
{
    return add_asked(S3_CHECKSUM_NONE, xml, part, second);
}

static enum s3_error add_one(const char *xml, const struct meta_part *part)
{
    return add_two(xml, part, NULL);
}

static void refuses_wrong_parts(void **state)
{
    struct meta_part part = stored(1, "a", 0, 100, S3_CHECKSUM_CRC32);
    struct meta_part last = stored(2, "b", 0, 100, S3_CHECKSUM_CRC32);

    assert_int_equal(add_one(PART(1, "a"), &part), S3_ERROR_NONE); /* the last may be small */
    assert_int_equal(add_one(PART(1, "b"), &part), S3_ERROR_INVALID_PART);
    assert_int_equal(add_one(PART(2, "a"), &part), S3_ERROR_INVALID_PART);
    assert_int_equal(add_two(PART(1, "a") PART(2, "b"), &part, &last), S3_ERROR_ENTITY_TOO_SMALL);
    assert_int_equal(add_one(PART(1, "a") PART(2, "b"), &part), S3_ERROR_INVALID_PART); /* weighs more */
    part.number = 3;
    assert_int_equal(add_one(PART(1, "a") PART(3, "a"), &part),
                     S3_ERROR_INVALID_PART); /* 1 was never stored */
    part.number = 1;
    part.size = S3_PART_BYTES_MIN;
    assert_int_equal(add_one(PART(1, "a") PART(2, "b"), &part), S3_ERROR_INVALID_PART); /* nor was 2 */
}

static void holds_listed_checksums_against_stored_ones(void **state)
{
    struct meta_part part = stored(1, "a", 0, 100, S3_CHECKSUM_CRC32);
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1], xml[300];

    s3_checksum_format(&part.checksum, 0, text);
    snprintf(xml, sizeof(xml),
             "<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>%s</ChecksumCRC32></Part>", text);
    assert_int_equal(add_asked(S3_CHECKSUM_CRC32, xml, &part, NULL), S3_ERROR_NONE);
    assert_int_equal(add_one(xml, &part), S3_ERROR_INVALID_PART); /* the upload did not ask for it */
    part.checksum.value[3] ^= 1;
    assert_int_equal(add_asked(S3_CHECKSUM_CRC32, xml, &part, NULL), S3_ERROR_CHECKSUM_MISMATCH);
    part.checksum.algorithm = S3_CHECKSUM_NONE;
    assert_int_equal(add_asked(S3_CHECKSUM_CRC32, xml, &part, NULL), S3_ERROR_INVALID_PART);
}

static void matches_claims_about_the_object(void **state)
{
    struct meta_checksum checksum = {S3_CHECKSUM_CRC32, S3_CHECKSUM_COMPOSITE, 4, {0, 0, 0, 1}};
    struct s3_checksum_claim claim = {.algorithm = S3_CHECKSUM_NONE};

    assert_true(s3_checksum_claim_matches(&claim, &checksum, 3));
    claim.algorithm = S3_CHECKSUM_CRC32;
    claim.text = SLICE("AAAAAQ==-3");
    assert_true(s3_checksum_claim_matches(&claim, &checksum, 3));
    assert_false(s3_checksum_claim_matches(&claim, &checksum, 4));
    claim.text = SLICE("AAAAAQ==");
    assert_true(s3_checksum_claim_matches(&claim, &checksum, 3));
    claim.text = SLICE("AAAAAg==");
    assert_false(s3_checksum_claim_matches(&claim, &checksum, 3));
    claim.algorithm = S3_CHECKSUM_SHA1;
    assert_false(s3_checksum_claim_matches(&claim, &checksum, 3));
}

/* What is legal fits, in the longest way that clients write it: each of the bounds follows from one of its entries. */
static void fits_what_is_legal(void **state)
{
    char part[1024], key[S3_XML_REFERENCE_BYTES * S3_KEY_BYTES_MAX + 1] = "", *object = malloc(16384);
    int length = snprintf(
        part, sizeof(part),
        "        <Part>\r\n            <ETag>&quot;%032d-1&quot;</ETag>\r\n            "
        "<PartNumber>10000</PartNumber>\r\n            <ChecksumSHA512>%088d</ChecksumSHA512>\r\n        "
        "</Part>\r\n",
        0, 0);

    assert_true(length <= (int)S3_COMPLETE_PART_BYTES);
    assert_true(S3_PARTS_MAX * (size_t)length + 1000 <= S3_COMPLETE_BYTES_MAX);
    assert_true(S3_COMPLETE_BYTES_MAX < 2 * S3_PARTS_MAX * (size_t)length);
    for (size_t i = 0; i < S3_KEY_BYTES_MAX; i++)
        memcpy(key + i * S3_XML_REFERENCE_BYTES, i % 2 == 0 ? "&quot;" : "&#x26;",
               S3_XML_REFERENCE_BYTES + 1);
    length = snprintf(object, 16384,
                      "        <Object>\r\n            <Key>%s</Key>\r\n            "
                      "<VersionId>%032d</VersionId>\r\n            "
                      "<ETag>&quot;%032d&quot;</ETag>\r\n        </Object>\r\n",
                      key, 0, 0);
    assert_true(length <= (int)S3_DELETE_KEY_BYTES);
    assert_true(S3_DELETE_KEYS_MAX * (size_t)length + 1000 <= S3_DELETE_BYTES_MAX);
    assert_true(S3_DELETE_BYTES_MAX < 2 * S3_DELETE_KEYS_MAX * (size_t)length);
    free(object);
}

/* The list is made in the size that its document can fill, where that is known. */
static void makes_the_list_in_its_size(void **state)
{
    s3_part_list_begin(&list, &arena, 0);
    assert_int_equal(list.expected, 64);
    s3_part_list_begin(&list, &arena, 1000);
    assert_in_range(list.expected, 10, 30);
    s3_part_list_begin(&list, &arena, S3_COMPLETE_BYTES_MAX);
    assert_int_equal(list.expected, S3_PARTS_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_the_list),
        TEST(reads_the_longest_list),
        TEST(fits_what_is_legal),
        TEST(makes_the_list_in_its_size),
        TEST(refuses_bad_lists),
        TEST(combines_full_object_checksums),
        TEST(composes_checksums_of_checksums),
        TEST(goes_without_checksums),
        TEST(refuses_wrong_parts),
        TEST(holds_listed_checksums_against_stored_ones),
        TEST(matches_claims_about_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
