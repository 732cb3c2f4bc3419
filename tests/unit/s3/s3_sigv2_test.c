/* SPDX-License-Identifier: MIT
 *
 * Signature Version 2 as pure functions: the examples of AWS's documentation, what clients make of it, and what must not have two
 * meanings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/auth/s3_sigv2.h"

/* Of the documentation. */
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static struct arena arena;

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(&arena);
    return 0;
}

static struct slice string_of(const struct s3_sigv2_input *input, unsigned forms)
{
    struct slice string = {NULL, 0};

    assert_true(s3_sigv2_string_to_sign(&arena, input, forms, &string));
    return string;
}

static void check_signature(const struct s3_sigv2_input *input, const char *expected)
{
    struct slice string = string_of(input, 0);
    unsigned char wanted[S3_SIGV2_BYTES], made[S3_SIGV2_BYTES];

    assert_true(s3_sigv2_parse_signature(slice_text(expected), wanted));
    assert_true(s3_hmac_sha1(SECRET, strlen(SECRET), string.base, string.len, made));
    if (!s3_sigv2_is_equal(made, wanted))
        fail_msg("another signature of \"%.*s\"", (int)string.len, string.base);
}

static void check_string(const struct s3_sigv2_input *input, unsigned forms, const char *expected)
{
    struct slice string = string_of(input, forms);

    if (!slice_is(string, expected))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)string.len, string.base, expected);
}

static void signs_the_examples_of_the_documentation(void **state)
{
    const struct s3_sigv4_header image[] = {{SLICE("host"), SLICE("johnsmith.s3.amazonaws.com")},
                                            {SLICE("content-type"), SLICE("image/jpeg")}};
    const struct s3_sigv4_header upload[] = {
        {SLICE("x-amz-acl"), SLICE("public-read")},
        {SLICE("content-type"), SLICE("application/x-download")},
        {SLICE("content-md5"), SLICE("4gJE4saaMU4BqNR0kLY+lw==")},
        {SLICE("x-amz-meta-reviewedby"), SLICE("joe@johnsmith.net")},
        {SLICE("x-amz-meta-reviewedby"), SLICE(" jane@johnsmith.net ")},
        {SLICE("x-amz-meta-filechecksum"), SLICE("0x02661779")},
        {SLICE("x-amz-meta-checksumalgorithm"), SLICE("crc32")},
        {SLICE("content-disposition"), SLICE("attachment; filename=database.dat")},
    };
    struct s3_sigv2_input input = {.method = SLICE("GET"), .bucket = SLICE("johnsmith"), .query = SLICE("")};

    input.path = SLICE("/photos/puppy.jpg");
    input.date = SLICE("Tue, 27 Mar 2007 19:36:42 +0000");
    check_signature(&input, "bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    input.bucket = SLICE("awsexamplebucket1");
    check_signature(&input, "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");
    input.bucket = SLICE("johnsmith");
    input.date = SLICE("1175139620"); /* Expires */
    input.query = SLICE(
        "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620");
    check_signature(&input, "NpgCjnDzrM+WFzoENXmpNDUsSn8=");
    input.path = SLICE("/");
    input.query = SLICE("prefix=photos&max-keys=50&marker=puppy");
    input.date = SLICE("Tue, 27 Mar 2007 19:42:41 +0000");
    check_signature(&input, "htDYFYduRNen8P9ZfE/s9SuKy0U=");
    input.query = SLICE("acl");
    input.date = SLICE("Tue, 27 Mar 2007 19:44:46 +0000");
    check_signature(&input, "c2WLPFtWHVgbEmeEG93a4cG37dM=");
    input.bucket = input.query = SLICE("");
    input.date = SLICE("Wed, 28 Mar 2007 01:29:59 +0000");
    check_signature(&input, "qGdzdERIC03wnaRNKh6OqZehG9s=");
    input.path = SLICE("/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re");
    input.date = SLICE("Wed, 28 Mar 2007 01:49:49 +0000");
    check_signature(&input, "DNEZGsoieTZ92F3bUfSPQcbGmlM=");
    input.method = SLICE("PUT");
    input.bucket = SLICE("johnsmith");
    input.path = SLICE("/photos/puppy.jpg");
    input.date = SLICE("Tue, 27 Mar 2007 21:15:45 +0000");
    input.headers = image;
    input.header_count = 2;
    check_signature(&input, "MyyxeRY7whkBe+bq8fHCL/2kKUg=");
    input.bucket = SLICE("static.johnsmith.net");
    input.path = SLICE("/db-backup.dat.gz");
    input.date = SLICE("Tue, 27 Mar 2007 21:06:08 +0000");
    input.headers = upload;
    input.header_count = sizeof(upload) / sizeof(upload[0]);
    check_signature(&input, "ilyl83RwaSoYIEdixDQcA4OnAnc=");
}

static void takes_the_forms_of_clients(void **state)
{
    struct s3_sigv2_input input = {.method = SLICE("GET"), .path = SLICE("/b/a%2fb~"), .date = SLICE("1")};

    input.query = SLICE("versionId=a%2Bb+c&x=1&acl=&response-content-type=text%2Fplain&uploads&%61cl2");
    check_string(&input, 0,
                 "GET\n\n\n1\n/b/a%2fb~?acl=&response-content-type=text/plain&uploads&versionId=a+b+c");
    check_string(&input, S3_SIGV2_PLUS_IS_SPACE,
                 "GET\n\n\n1\n/b/a%2fb~?acl=&response-content-type=text/plain&uploads&versionId=a+b c");
    check_string(&input, S3_SIGV2_NO_EMPTY_VALUES,
                 "GET\n\n\n1\n/b/a%2fb~?acl&response-content-type=text/plain&uploads&versionId=a+b+c");
    check_string(&input, S3_SIGV2_ENCODED_PATH,
                 "GET\n\n\n1\n/b/a/b~?acl=&response-content-type=text/plain&uploads&versionId=a+b+c");
    check_string(&input, S3_SIGV2_BUCKET_SLASH,
                 "GET\n\n\n1\n/b/a%2fb~?acl=&response-content-type=text/plain&uploads&versionId=a+b+c");
    input.query = SLICE("%61cl&Acl&&=&acl2&partNumber=2");
    check_string(&input, 0, "GET\n\n\n1\n/b/a%2fb~?acl&partNumber=2");
    input.query = SLICE("");
    input.path = SLICE("/b");
    check_string(&input, S3_SIGV2_BUCKET_SLASH, "GET\n\n\n1\n/b/");
    input.path = SLICE("/");
    check_string(&input, S3_SIGV2_BUCKET_SLASH, "GET\n\n\n1\n/");
    input.bucket = SLICE("b");
    input.path = SLICE("/k");
    check_string(&input, S3_SIGV2_BUCKET_SLASH, "GET\n\n\n1\n/b/k");
}

static void refuses_what_cannot_be_decoded(void **state)
{
    struct s3_sigv2_input input = {
        .method = SLICE("GET"), .path = SLICE("/b/%zz"), .date = SLICE("1"), .query = SLICE("")};
    struct slice string;

    assert_true(s3_sigv2_string_to_sign(&arena, &input, 0, &string));
    assert_false(s3_sigv2_string_to_sign(&arena, &input, S3_SIGV2_ENCODED_PATH, &string));
    input.query = SLICE("acl=%zz");
    assert_false(s3_sigv2_string_to_sign(&arena, &input, 0, &string));
    input.query = SLICE("%zz");
    assert_false(s3_sigv2_string_to_sign(&arena, &input, 0, &string));
}

static void reads_claims(void **state)
{
    static const char *const bad[] = {"",
                                      "KEY",
                                      "KEY:",
                                      ":bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
                                      "KEY:bWq2s1WEIj+Ydj0vQ697zp+IXM=",
                                      "KEY:xyz",
                                      "KEY:bWq2s1WEIj+Ydj0vQ697zp+IXMU",
                                      "KEY:bWq2s1WEIj-Ydj0vQ697zp+IXMU="};
    unsigned char signature[S3_SIGV2_BYTES];
    struct slice key;

    assert_true(s3_sigv2_parse_authorization(SLICE("KEY:bWq2s1WEIj+Ydj0vQ697zp+IXMU="), &key, signature));
    assert_true(slice_is(key, "KEY"));
    assert_int_equal(signature[0], 0x6d);
    assert_true(s3_sigv2_parse_authorization(SLICE(" a:b : bWq2s1WEIj+Ydj0vQ697zp+IXMU= "), &key, signature));
    assert_true(slice_is(key, "a:b"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (s3_sigv2_parse_authorization(slice_text(bad[i]), &key, signature))
            fail_msg("taken for a claim: \"%s\"", bad[i]);
}

static void knows_what_it_signs(void **state)
{
    static const char *const signed_names[] = {"acl",      "delete",     "versionId",
                                               "uploadId", "partNumber", "response-expires"};
    static const char *const others[] = {"",           "ACL",        "prefix",
                                         "list-type",  "annotation", "renameObject",
                                         "response-x", "versionid",  "x-amz-acl"};

    for (size_t i = 0; i < sizeof(signed_names) / sizeof(signed_names[0]); i++)
        assert_true(s3_sigv2_signs_parameter(slice_text(signed_names[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(s3_sigv2_signs_parameter(slice_text(others[i])));
    assert_true(s3_sigv2_is_ambiguous(SLICE("x&versionId=y")));
    assert_true(s3_sigv2_is_ambiguous(SLICE("x&y&acl")));
    assert_true(s3_sigv2_is_ambiguous(SLICE("&acl=")));
    assert_false(s3_sigv2_is_ambiguous(SLICE("")));
    assert_false(s3_sigv2_is_ambiguous(SLICE("versionId=y")));
    assert_false(s3_sigv2_is_ambiguous(SLICE("attachment; filename=\"salt & pepper&c.txt\"")));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signs_the_examples_of_the_documentation),
        TEST(takes_the_forms_of_clients),
        TEST(refuses_what_cannot_be_decoded),
        TEST(reads_claims),
        TEST(knows_what_it_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
