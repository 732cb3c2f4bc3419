/* SPDX-License-Identifier: MIT
 *
 * Which headers are stored with an object, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_attributes.h"

#define HEADERS_MAX 16

static struct arena arena;
static struct http_header entries[HEADERS_MAX];
static struct http_headers headers = {.entries = entries};
static struct meta_attributes attributes;

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    headers.size = 0;
    return 0;
}

static int tear_down(void **state)
{
    arena_free(&arena);
    return 0;
}

static void header(const char *name, const char *value)
{
    assert_true(headers.size < HEADERS_MAX);
    entries[headers.size] = (struct http_header){.name = slice_text(name), .value = slice_text(value)};
    headers.size++;
}

static const struct s3_effective *said(void)
{
    static struct s3_effective effective;
    struct slice repeated;

    (void)s3_effective_collect(&arena, &headers, &effective, &repeated);
    return &effective;
}

static enum s3_error collect(void)
{
    return s3_attributes_collect(&arena, &headers, said(), &attributes);
}

static void assert_stored(const char *name, const char *value)
{
    struct slice stored = s3_attribute_get(&attributes, name);

    if (stored.base == NULL)
        fail_msg("not stored: %s", name);
    assert_int_equal(stored.len, strlen(value));
    assert_memory_equal(stored.base, value, stored.len);
}

static void stores_the_descriptive_headers(void **state)
{
    header("content-type", "text/plain; charset=utf-8");
    header("cache-control", "max-age=60");
    header("content-disposition", "attachment");
    header("content-language", "de");
    header("expires", "Thu, 01 Jan 2099 00:00:00 GMT");
    header("x-amz-storage-class", "STANDARD_IA");
    header("x-amz-website-redirect-location", "/elsewhere");
    header("X-Amz-Meta-Colour", "gr\xc3\xbcn");
    header("x-amz-date", "20260101T000000Z");
    header("authorization", "secret");
    header("content-length", "5");
    assert_int_equal(collect(), S3_ERROR_NONE);
    assert_int_equal(attributes.count, 8);
    assert_stored("content-type", "text/plain; charset=utf-8");
    assert_stored("expires", "Thu, 01 Jan 2099 00:00:00 GMT");
    assert_stored("x-amz-storage-class", "STANDARD_IA");
    assert_stored("x-amz-meta-colour", "gr\xc3\xbcn");
}

static void leaves_defaults_out(void **state)
{
    header("content-type", "");
    header("x-amz-storage-class", "STANDARD");
    header("content-encoding", "aws-chunked");
    assert_int_equal(collect(), S3_ERROR_NONE);
    assert_int_equal(attributes.count, 0);
}

static void strips_aws_chunked(void **state)
{
    static const struct {
        const char *given, *kept;
    } cases[] = {
        {"gzip", "gzip"},
        {"aws-chunked", ""},
        {"aws-chunked,gzip", "gzip"},
        {"gzip, aws-chunked", "gzip"},
        {"gzip , AWS-Chunked, br", "gzip,br"},
        {"aws-chunked, aws-chunked", ""},
        {"gzip, br", "gzip, br"},
        {"aws-chunked-not", "aws-chunked-not"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice kept =
            s3_content_encoding_strip(&arena, slice_of(cases[i].given, strlen(cases[i].given)));

        assert_int_equal(kept.len, strlen(cases[i].kept));
        assert_memory_equal(kept.base, cases[i].kept, kept.len);
    }
}

static void joins_repeated_metadata(void **state)
{
    header("x-amz-meta-a", "1");
    header("x-amz-meta-b", "");
    header("X-AMZ-META-A", "2");
    header("content-type", "first");
    header("content-type", "second");
    assert_int_equal(collect(), S3_ERROR_NONE);
    assert_int_equal(attributes.count, 3);
    assert_stored("x-amz-meta-a", "1,2");
    assert_stored("x-amz-meta-b", "");
    assert_stored("content-type", "first");
}

/* RFC 9110 5.3. */
static void joins_repeated_lists(void **state)
{
    header("cache-control", "no-cache");
    header("content-encoding", "aws-chunked");
    header("content-language", "de");
    header("Cache-Control", "max-age=60, private");
    header("content-encoding", "gzip");
    header("content-language", "");
    header("content-encoding", "aws-chunked, br");
    header("content-language", "en");
    assert_int_equal(collect(), S3_ERROR_NONE);
    assert_int_equal(attributes.count, 3);
    assert_stored("cache-control", "no-cache, max-age=60, private");
    assert_stored("content-encoding", "gzip, br");
    assert_stored("content-language", "de, en");
}

static void bounds_user_metadata(void **state)
{
    char value[S3_USER_METADATA_BYTES_MAX + 1];

    memset(value, 'x', sizeof(value));
    value[S3_USER_METADATA_BYTES_MAX - 1] = '\0'; /* and one byte of name */
    header("x-amz-meta-a", value);
    assert_int_equal(collect(), S3_ERROR_NONE);
    header("x-amz-meta-b", "");
    assert_int_equal(collect(), S3_ERROR_METADATA_TOO_LARGE);
}

static void bounds_what_a_row_can_hold(void **state)
{
    char value[META_ATTRIBUTES_BYTES_MAX];

    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    header("content-disposition", value);
    assert_int_equal(collect(), S3_ERROR_METADATA_TOO_LARGE);
    value[sizeof(value) - 100] = '\0';
    headers.size = 0;
    header("content-disposition", value);
    assert_int_equal(collect(), S3_ERROR_NONE);
}

static void refuses_what_cannot_be_kept(void **state)
{
    static const struct {
        const char *name, *value;
        enum s3_error error;
    } cases[] = {
        {"x-amz-storage-class", "GLACIER", S3_ERROR_INVALID_STORAGE_CLASS},
        {"x-amz-storage-class", "", S3_ERROR_INVALID_STORAGE_CLASS},
        {"x-amz-website-redirect-location", "elsewhere", S3_ERROR_INVALID_REDIRECT_LOCATION},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        headers.size = 0;
        header(cases[i].name, cases[i].value);
        assert_int_equal(collect(), cases[i].error);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stores_the_descriptive_headers), TEST(leaves_defaults_out),         TEST(strips_aws_chunked),
        TEST(joins_repeated_metadata),        TEST(joins_repeated_lists),        TEST(bounds_user_metadata),
        TEST(bounds_what_a_row_can_hold),     TEST(refuses_what_cannot_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
