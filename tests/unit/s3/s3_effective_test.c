/* SPDX-License-Identifier: MIT
 *
 * What a request effectively says, of lists of headers: one value each, lists joined, copy sources decoded. */
#include "api/s3/s3_effective.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEADERS_MAX 8u

static struct arena arena;
static struct http_header entries[HEADERS_MAX];
static struct http_headers headers = {entries, 0, HEADERS_MAX};
static struct s3_effective effective;
static struct slice repeated;

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
    entries[headers.size++] = (struct http_header){slice_text(name), slice_text(value)};
}

static bool collect(void)
{
    return s3_effective_collect(&arena, &headers, &effective, &repeated);
}

static void assert_said(enum s3_effective_name name, const char *value)
{
    struct slice said = effective.values[name];

    if (value == NULL) {
        assert_null(said.base);
        return;
    }
    assert_non_null(said.base);
    assert_int_equal(said.len, strlen(value));
    assert_memory_equal(said.base, value, said.len);
}

static void reads_each_name(void **state)
{
    assert_true(collect());
    for (enum s3_effective_name name = 0; name < S3_EFFECTIVE_COUNT; name++)
        assert_said(name, NULL);
    header("host", "h");
    header("x-amz-acl", "private");
    header("x-amz-tagging", "");
    header("x-amz-object-lock-mode", "GOVERNANCE");
    header("x-amz-acls", "no such header");
    assert_true(collect());
    assert_said(S3_EFFECTIVE_ACL, "private");
    assert_said(S3_EFFECTIVE_TAGGING, "");
    assert_said(S3_EFFECTIVE_LOCK_MODE, "GOVERNANCE");
    assert_said(S3_EFFECTIVE_LOCK_HOLD, NULL);
    assert_false(effective.encrypts || effective.decrypts_source);
}

static void refuses_what_comes_twice(void **state)
{
    static const struct {
        const char *name;
        bool may;
    } cases[] = {
        {"x-amz-acl", false},
        {"x-amz-grant-read", false},
        {"x-amz-tagging", false},
        {"x-amz-copy-source", false},
        {"x-amz-date", false},
        {"x-amz-of-another-year", false},
        {"x-amz-checksum-crc32", false},
        {"content-md5", false},
        {"content-type", false},
        {"authorization", false},
        {"range", false},
        {"date", false},
        {"x-amz-meta-a", true},
        {"if-match", true},
        {"if-none-match", true},
        {"cache-control", true},
        {"x-amz-object-attributes", true},
        {"x-forwarded-for", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        headers.size = 0;
        header(cases[i].name, "a");
        header("accept", "b");
        header(cases[i].name, "a");
        if (collect() != cases[i].may)
            fail_msg("%s", cases[i].name);
        if (!cases[i].may)
            assert_true(slice_is(repeated, cases[i].name));
    }
}

static void joins_lists(void **state)
{
    header("if-none-match", "\"a\"");
    header("if-none-match", "\"b\"");
    assert_true(collect());
    assert_said(S3_EFFECTIVE_IF_NONE_MATCH, "\"a\", \"b\"");
}

static void decodes_copy_sources(void **state)
{
    static const struct {
        const char *text, *path, *version;
    } cases[] = {
        {"b/k", "b/k", NULL},
        {"/b/k", "b/k", NULL},
        {"%2Fb%2fk", "b/k", NULL},
        {"%62/%73rc", "b/src", NULL},
        {"b/a+b", "b/a b", NULL},
        {"b%2Fa+b?versionId=null", "b/a b", "null"},
        {"b/a%2Bb", "b/a+b", NULL},
        {"b/a%20b", "b/a b", NULL},
        {"b/k?versionId=null", "b/k", "null"},
        {"b/k%3FversionId=null", "b/k?versionId=null", NULL},
        {"b/k?version=1", "b/k?version=1", NULL},
        {"b/%zz", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        headers.size = 0;
        header("x-amz-copy-source", cases[i].text);
        assert_true(collect());
        assert_said(S3_EFFECTIVE_COPY_SOURCE, cases[i].path);
        assert_int_equal(effective.copy_version.base != NULL, cases[i].version != NULL);
        if (cases[i].version != NULL)
            assert_true(slice_is(effective.copy_version, cases[i].version));
    }
}

static void sees_encryption(void **state)
{
    header("x-amz-server-side-encryption-of-tomorrow", "1");
    assert_true(collect());
    assert_true(effective.encrypts && !effective.decrypts_source);
    headers.size = 0;
    header("x-amz-copy-source-server-side-encryption-customer-key", "1");
    assert_true(collect());
    assert_true(!effective.encrypts && effective.decrypts_source);
}

static void knows_what_urls_may_say(void **state)
{
    static const char *const may[] = {"x-amz-acl",         "x-amz-meta-a",        "if-match",
                                      "x-amz-copy-source", "x-amz-checksum-mode", "x-amz-object-attributes"};
    static const char *const may_not[] = {
        "x-amz-trailer", "x-amz-checksum-crc32", "range",         "x-amz-date",
        "content-type",  "x-amz-unknown",        "authorization", ""};

    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++)
        assert_true(s3_effective_may_be_presigned(slice_text(may[i])));
    for (size_t i = 0; i < sizeof(may_not) / sizeof(may_not[0]); i++)
        assert_false(s3_effective_may_be_presigned(slice_text(may_not[i])));
    assert_int_equal(s3_effective_find(slice_text("x-amz-acl")), S3_EFFECTIVE_ACL);
    assert_int_equal(s3_effective_find(slice_text("x-amz-date")), S3_EFFECTIVE_COUNT);
    assert_int_equal(s3_effective_find(slice_text("referer")), S3_EFFECTIVE_COUNT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_each_name),      TEST(refuses_what_comes_twice), TEST(joins_lists),
        TEST(decodes_copy_sources), TEST(sees_encryption),          TEST(knows_what_urls_may_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
