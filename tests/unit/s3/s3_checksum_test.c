/* SPDX-License-Identifier: MIT
 *
 * S3's checksums: base64, names, what a request may claim, and which kinds a multipart upload may have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/body/s3_checksum.h"
#include "storage/base/text/base64.h"

#define HEADERS_MAX 4

static struct http_header entries[HEADERS_MAX];
static struct http_headers headers = {.entries = entries};
static struct s3_checksum_claim claim;
static const char *message;

static struct slice vec(const char *text)
{
    return text != NULL ? slice_text(text) : slice_of(NULL, 0);
}

static void header(const char *name, const char *value)
{
    assert_true(headers.size < HEADERS_MAX);
    entries[headers.size] = (struct http_header){.name = vec(name), .value = vec(value)};
    headers.size++;
}

/* Reads the headers given so far and forgets them. */
static enum s3_error read_claim(bool parts_allowed)
{
    enum s3_error error;

    message = NULL;
    error = s3_checksum_claim_read(&headers, parts_allowed, &claim, &message);
    if (error != S3_ERROR_NONE)
        assert_non_null(message);
    headers.size = 0;
    return error;
}

static void translates_base64(void **state)
{
    static const struct {
        const char *bytes, *text;
    } pairs[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                 {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t length = strlen(pairs[i].bytes);
        char text[32], bytes[32];

        assert_int_equal(base64_encode(pairs[i].bytes, length, text), strlen(pairs[i].text));
        assert_string_equal(text, pairs[i].text);
        assert_int_equal(base64_decode(vec(pairs[i].text), bytes, length), 0);
        assert_memory_equal(bytes, pairs[i].bytes, length);
    }
}

static void refuses_sloppy_base64(void **state)
{
    static const char *const bad[] = {
        "", "Zm8", "Zm8==", "Zm9v", "Zg==", "Zm9=", "Z=8=", "Zm8=\n", " Zm8", "Zm-=", "===="};
    char bytes[2];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (base64_decode(vec(bad[i]), bytes, sizeof(bytes)) != -EINVAL)
            fail_msg("taken for two bytes: \"%s\"", bad[i]);
    }
}

static void knows_its_algorithms(void **state)
{
    assert_int_equal(s3_checksum_of_name(vec("crc64nvme")), S3_CHECKSUM_CRC64NVME);
    assert_int_equal(s3_checksum_of_name(vec("SHA512")), S3_CHECKSUM_SHA512);
    assert_int_equal(s3_checksum_of_name(vec("SHA384")), S3_CHECKSUM_NONE);
    assert_int_equal(s3_checksum_of_name(vec(NULL)), S3_CHECKSUM_NONE);
    assert_int_equal(s3_checksum_of_header(vec("x-amz-checksum-crc32")), S3_CHECKSUM_CRC32);
    assert_int_equal(s3_checksum_of_element(vec("ChecksumSHA256")), S3_CHECKSUM_SHA256);
    assert_int_equal(s3_checksum_bytes(S3_CHECKSUM_SHA1), 20);
    assert_int_equal(s3_checksum_digest(S3_CHECKSUM_CRC32C), DIGEST_CRC32C);
    /* Stored numbers never change. */
    assert_int_equal(S3_CHECKSUM_CRC32, 1);
    assert_int_equal(S3_CHECKSUM_CRC64NVME, 5);
    assert_int_equal(S3_CHECKSUM_MD5, 6);
    assert_int_equal(S3_CHECKSUM_XXHASH128, 10);
}

static void knows_how_long_values_are(void **state)
{
    static const unsigned char bytes[S3_CHECKSUM_COUNT] = {0, 4, 4, 20, 32, 8, 16, 64, 8, 8, 16};

    for (int i = 1; i < S3_CHECKSUM_COUNT; i++)
        assert_int_equal(s3_checksum_bytes((enum s3_checksum_algorithm)i), bytes[i]);
}

static void reads_claims(void **state)
{
    assert_int_equal(read_claim(false), S3_ERROR_NONE);
    assert_int_equal(claim.algorithm, S3_CHECKSUM_NONE);

    header("x-amz-checksum-crc32", "AAAAAQ==");
    header("x-amz-sdk-checksum-algorithm", "CRC32");
    header("x-amz-checksum-mode", "ENABLED");
    assert_int_equal(read_claim(false), S3_ERROR_NONE);
    assert_int_equal(claim.algorithm, S3_CHECKSUM_CRC32);
    assert_false(claim.in_trailer);
    assert_memory_equal(claim.value, "\0\0\0\1", 4);

    header("x-amz-trailer", "x-amz-meta-x, X-Amz-Checksum-Crc64nvme");
    assert_int_equal(read_claim(false), S3_ERROR_NONE);
    assert_int_equal(claim.algorithm, S3_CHECKSUM_CRC64NVME);
    assert_true(claim.in_trailer);
}

static void refuses_contradictory_claims(void **state)
{
    header("x-amz-checksum-crc32", "AAAAAQ==");
    header("x-amz-checksum-crc32c", "AAAAAQ==");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);

    header("x-amz-checksum-crc32", "AAAAAQ==");
    header("x-amz-trailer", "x-amz-checksum-sha1");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);

    header("x-amz-checksum-crc32", "AAAAAQ==");
    header("x-amz-sdk-checksum-algorithm", "SHA256");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);

    header("x-amz-sdk-checksum-algorithm", "SHA256");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);

    header("x-amz-checksum-crc32", "AAAA");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);

    /* One that is not known would go unverified. */
    header("x-amz-checksum-xxhash32", "AAAAAA==");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);
}

static void takes_part_counts_where_allowed(void **state)
{
    header("x-amz-checksum-crc32", "AAAAAQ==-3");
    assert_int_equal(read_claim(false), S3_ERROR_INVALID_REQUEST);
    header("x-amz-checksum-crc32", "AAAAAQ==-3");
    assert_int_equal(read_claim(true), S3_ERROR_NONE);
    assert_int_equal(claim.text.len, strlen("AAAAAQ==-3"));
}

static void chooses_types_of_uploads(void **state)
{
    static const struct {
        const char *algorithm, *type;
        enum s3_checksum_algorithm chosen;
        int chosen_type; /* -1: refused */
    } cases[] = {
        {NULL, NULL, S3_CHECKSUM_NONE, S3_CHECKSUM_FULL_OBJECT},
        {"CRC32", NULL, S3_CHECKSUM_CRC32, S3_CHECKSUM_COMPOSITE},
        {"CRC32", "FULL_OBJECT", S3_CHECKSUM_CRC32, S3_CHECKSUM_FULL_OBJECT},
        {"CRC64NVME", NULL, S3_CHECKSUM_CRC64NVME, S3_CHECKSUM_FULL_OBJECT},
        {"SHA256", NULL, S3_CHECKSUM_SHA256, S3_CHECKSUM_COMPOSITE},
        {"SHA256", "FULL_OBJECT", 0, -1},
        {"CRC64NVME", "COMPOSITE", 0, -1},
        {"CRC32", "PARTIAL", 0, -1},
        {"MD5", NULL, S3_CHECKSUM_MD5, S3_CHECKSUM_COMPOSITE},
        {"XXHASH3", "COMPOSITE", S3_CHECKSUM_XXHASH3, S3_CHECKSUM_COMPOSITE},
        {"SHA512", "FULL_OBJECT", 0, -1},
        {"SHA384", NULL, 0, -1},
        {NULL, "COMPOSITE", 0, -1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum s3_checksum_algorithm algorithm;
        enum s3_checksum_type type;
        enum s3_error error = s3_checksum_upload_choose(vec(cases[i].algorithm), vec(cases[i].type),
                                                        &algorithm, &type, &message);

        assert_int_equal(error, cases[i].chosen_type < 0 ? S3_ERROR_INVALID_REQUEST : S3_ERROR_NONE);
        if (error == S3_ERROR_NONE) {
            assert_int_equal(algorithm, cases[i].chosen);
            assert_int_equal(type, cases[i].chosen_type);
        }
    }
}

static void formats_stored_checksums(void **state)
{
    struct digest_values values = {.mask = DIGEST_BIT(DIGEST_CRC32)};
    struct meta_checksum checksum;
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];

    memcpy(values.value[DIGEST_CRC32], "\0\0\0\1", 4);
    s3_checksum_from_digests(&checksum, S3_CHECKSUM_CRC32, &values);
    s3_checksum_format(&checksum, 3, text);
    assert_string_equal(text, "AAAAAQ==");
    checksum.type = S3_CHECKSUM_COMPOSITE;
    s3_checksum_format(&checksum, 10000, text);
    assert_string_equal(text, "AAAAAQ==-10000");
    checksum.length = META_CHECKSUM_BYTES_MAX;
    assert_true(s3_checksum_format(&checksum, UINT32_MAX, text) <= S3_CHECKSUM_TEXT_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translates_base64),
        cmocka_unit_test(refuses_sloppy_base64),
        cmocka_unit_test(knows_its_algorithms),
        cmocka_unit_test(knows_how_long_values_are),
        cmocka_unit_test(reads_claims),
        cmocka_unit_test(refuses_contradictory_claims),
        cmocka_unit_test(takes_part_counts_where_allowed),
        cmocka_unit_test(chooses_types_of_uploads),
        cmocka_unit_test(formats_stored_checksums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
