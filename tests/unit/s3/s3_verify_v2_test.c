/* SPDX-License-Identifier: MIT
 *
 * Who is let in by Signature Version 2: header and query as clients make them, and what they leave unsigned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/s3/auth/s3_sigv2.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/percent.h"
#include "tests/unit/s3/s3_fixture.h"

#define KEY    "AKIAEXAMPLE"
#define SECRET "s3cr3t/+key"
#define EMPTY  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char *const domains[] = {"s3.example.org", NULL};
static const struct s3_service_options closed = {
    .region = "eu-test-1", .access_key = KEY, .secret_key = SECRET, .domains = domains};

static void check_accepted(void)
{
    fixture_serve();
    if (fixture.dispatched == NULL)
        print_error("refused: %s\n", fixture.body);
    assert_non_null(fixture.dispatched);
    assert_true(fixture.dispatched->is_signed);
    assert_true(fixture.dispatched->is_signed_v2);
    assert_non_null(fixture.dispatched->identity);
    assert_int_equal(strlen(fixture.dispatched->owner_id), 64);
}

static void sign(const char *secret, const char *string, char text[BASE64_ENCODED_BYTES(S3_SIGV2_BYTES) + 1])
{
    unsigned char mac[S3_SIGV2_BYTES];

    assert_true(s3_hmac_sha1(secret, strlen(secret), string, strlen(string), mac));
    base64_encode(mac, sizeof(mac), text);
}

static void authorize(const char *secret, const char *string)
{
    char signature[BASE64_ENCODED_BYTES(S3_SIGV2_BYTES) + 1], value[128];

    sign(secret, string, signature);
    snprintf(value, sizeof(value), "AWS " KEY ":%s", signature);
    fixture_header("authorization", value);
}

static const char *date_of(int64_t age, char text[32])
{
    time_t then = time(NULL) - age;
    struct tm tm;

    assert_true(strftime(text, 32, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm)) > 0);
    return text;
}

/* Signed by its Date. resource: the end of the string to sign. */
static void by_header(const char *method, const char *path, const char *resource, int64_t age,
                      const char *secret)
{
    char date[32], string[1024];

    fixture_request(method, path);
    fixture_header("date", date_of(age, date));
    snprintf(string, sizeof(string), "%s\n\n\n%s\n%s", method, date, resource);
    authorize(secret, string);
}

/* Presigned. before, after: what stands around the time in the string to sign. */
static void by_query(const char *method, const char *target, const char *expires, const char *before,
                     const char *after)
{
    char signature[BASE64_ENCODED_BYTES(S3_SIGV2_BYTES) + 1], string[1024], url[2048], encoded[128];
    size_t length;

    snprintf(string, sizeof(string), "%s\n%s\n%s\n%s", method, before, expires, after);
    sign(SECRET, string, signature);
    length = percent_encode(signature, strlen(signature), false, encoded);
    snprintf(url, sizeof(url), "%s%cAWSAccessKeyId=" KEY "&Expires=%s&Signature=%.*s", target,
             strchr(target, '?') != NULL ? '&' : '?', expires, (int)length, encoded);
    fixture_request(method, url);
}

static const char *in_an_hour(void)
{
    static char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)time(NULL) + 3600);
    return text;
}

static void append_to_query(const char *text)
{
    char url[2048];

    snprintf(url, sizeof(url), "%.*s%s", (int)fixture.req->path.len, fixture.req->path.base, text);
    fixture.req->path = arena_dup_text(&fixture.req->arena, url);
}

/* ---- Header ---- */

static void takes_what_is_signed_by_header(void **state)
{
    static const struct {
        const char *path, *resource;
    } cases[] = {
        {"/", "/"},
        {"/bucket", "/bucket"},
        {"/bucket/", "/bucket/"},
        {"/bucket/a%20b/~c", "/bucket/a%20b/~c"},
        {"/bucket/a%20b%7Ec", "/bucket/a%20b~c"}, /* encoded again */
        {"/bucket?prefix=a&list-type=2&max-keys=3", "/bucket"},
        {"/bucket?acl", "/bucket?acl"},
        {"/bucket?acl=", "/bucket?acl"},
        {"/bucket?versions&prefix=x", "/bucket?versions"},
        {"/bucket/k?uploadId=x%3D%3D&partNumber=1", "/bucket/k?partNumber=1&uploadId=x=="},
    };

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        by_header("GET", cases[i].path, cases[i].resource, 0, SECRET);
        check_accepted();
        assert_false(fixture.dispatched->is_presigned);
        assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_UNSIGNED);
        assert_true(slice_is(s3_request_effective(fixture.dispatched, S3_EFFECTIVE_CONTENT_SHA256),
                             "UNSIGNED-PAYLOAD"));
        assert_true(time(NULL) - fixture.dispatched->signed_at_s < 100);
    }
    by_header("GET", "/k", "/bucket/k", 0, SECRET);
    fixture_header("host", "Bucket.s3.example.org:9000");
    check_accepted();
    fixture_end();
}

static void signs_all_amz_headers(void **state)
{
    char date[32], string[1024];

    fixture_begin(&closed);
    fixture_request("PUT", "/bucket/a");
    fixture_header("date", "whatever");
    fixture_header("x-amz-date", date_of(0, date));
    fixture_header("x-amz-meta-b", "1");
    fixture_header("content-type", "text/plain");
    fixture_header("x-amz-acl", "private");
    fixture_header("x-amz-meta-b", "2");
    fixture_header("x-amz-content-sha256", EMPTY);
    snprintf(string, sizeof(string),
             "PUT\n\ntext/plain\n\nx-amz-acl:private\nx-amz-content-sha256:" EMPTY
             "\nx-amz-date:%s\nx-amz-meta-b:1,2\n/bucket/a",
             date);
    authorize(SECRET, string);
    check_accepted();
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_SHA256);
    by_header("PUT", "/bucket/a", "/bucket/a", 0, SECRET);
    fixture_header("x-amz-acl", "public-read");
    fixture_check_error(403, "SignatureDoesNotMatch");
    assert_non_null(strstr(fixture.body, "x-amz-acl:public-read\n/bucket/a</StringToSign>"));
    by_header("PUT", "/bucket/a", "/bucket/a", 0, SECRET);
    fixture_header("content-md5", "4gJE4saaMU4BqNR0kLY+lw==");
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_end();
}

static void refuses_headers(void **state)
{
    fixture_begin(&closed);
    by_header("GET", "/bucket/a", "/bucket/a", 0, "wrong");
    fixture_check_error(403, "SignatureDoesNotMatch");
    by_header("GET", "/bucket/a", "/bucket/a", 0, SECRET);
    fixture.req->method = SLICE("PUT");
    fixture_check_error(403, "SignatureDoesNotMatch");
    by_header("GET", "/bucket/a", "/bucket/b", 0, SECRET);
    fixture_check_error(403, "SignatureDoesNotMatch");
    for (int sign = -1; sign <= 1; sign += 2) {
        by_header("GET", "/bucket/a", "/bucket/a", sign * 800, SECRET);
        check_accepted();
        by_header("GET", "/bucket/a", "/bucket/a", sign * 1000, SECRET);
        fixture_check_error(403, "RequestTimeTooSkewed");
    }
    fixture_request("GET", "/bucket/a");
    authorize(SECRET, "GET\n\n\n\n/bucket/a");
    fixture_check_error(403, "AccessDenied"); /* no date */
    fixture_request("GET", "/bucket/a");
    fixture_header("authorization", "AWS NOBODY:bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    fixture_header("date", "Thu, 01 Jan 1970 00:00:00 GMT");
    fixture_check_error(403, "InvalidAccessKeyId");
    fixture_request("GET", "/bucket/a");
    fixture_header("authorization", "AWS " KEY);
    fixture_check_error(400, "InvalidArgument");
    by_header("GET", "/bucket/a", "/bucket/a", 0, SECRET);
    fixture_header("x-amz-security-token", "t");
    fixture_check_error(400, "InvalidToken");
    by_header("PUT", "/bucket/a", "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n/bucket/a", 0,
              SECRET);
    fixture_header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    fixture_check_error(400, "InvalidRequest");
    fixture_end();
}

/* ---- Query ---- */

static void takes_presigned_urls(void **state)
{
    fixture_begin(&closed);
    by_query("GET", "/bucket/a%20b", in_an_hour(), "\n", "/bucket/a%20b");
    check_accepted();
    assert_true(fixture.dispatched->is_presigned);
    assert_true(fixture.dispatched->signed_at_s == S3_SIGNED_AT_UNKNOWN);
    by_query("GET", "/bucket/a?response-content-type=a%2Fb%20c&versionId=null", in_an_hour(), "\n",
             "/bucket/a?response-content-type=a/b c&versionId=null");
    check_accepted();
    by_query("GET", "/a", "99999999999", "\n", "/bucket/a");
    fixture_header("host", "bucket.s3.example.org");
    check_accepted();
    /* What SDKs hoist counts as the header that it was. */
    by_query("PUT",
             "/bucket/"
             "a?x-amz-meta-colour=deep%20blue&X-Amz-Acl=private&content-type=text%2Fplain&x-amz-checksum-"
             "crc32=AAAAAA%3D%3D",
             in_an_hour(), "\ntext/plain",
             "x-amz-acl:private\nx-amz-checksum-crc32:AAAAAA==\nx-amz-meta-colour:deep blue\n/bucket/a");
    check_accepted();
    assert_true(slice_is(s3_request_effective(fixture.dispatched, S3_EFFECTIVE_ACL), "private"));
    assert_true(slice_is(s3_request_header(fixture.dispatched, "x-amz-meta-colour"), "deep blue"));
    assert_true(slice_is(s3_request_header(fixture.dispatched, "content-type"), "text/plain"));
    assert_null(s3_request_header(fixture.dispatched, "x-amz-checksum-crc32").base);
    by_query("PUT", "/bucket/a?x-amz-acl=private", in_an_hour(), "\n", "x-amz-acl:private\n/bucket/a");
    fixture_header("x-amz-acl", "private"); /* as that header, too */
    check_accepted();
    fixture_end();
}

static void refuses_presigned_urls(void **state)
{
    static const char *const bad[] = {"", "-1", "x", "1e9", "Tue, 27 Mar 2007 19:36:42 GMT", "9999999999999"};

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        by_query("GET", "/bucket/a", bad[i], "\n", "/bucket/a");
        for (char *at = (char *)fixture.req->path.base; at < fixture.req->path.base + fixture.req->path.len;
             at++)
            *at = *at == ' ' ? '+' : *at;
        fixture_check_error(403, "AccessDenied");
    }
    by_query("GET", "/bucket/a", "1175139620", "\n", "/bucket/a");
    fixture_check_error(403, "AccessDenied");
    assert_non_null(strstr(fixture.body, "<Message>Request has expired</Message>"));
    assert_non_null(strstr(fixture.body, "<Expires>"));
    by_query("GET", "/bucket/a", in_an_hour(), "\n", "/bucket/b");
    fixture_check_error(403, "SignatureDoesNotMatch");
    by_query("GET", "/bucket/a", in_an_hour(), "\n", "/bucket/a");
    fixture.req->method = SLICE("DELETE");
    fixture_check_error(403, "SignatureDoesNotMatch");
    by_query("PUT", "/bucket/a", in_an_hour(), "\n", "/bucket/a");
    fixture_header("x-amz-acl", "public-read");
    fixture_check_error(403, "SignatureDoesNotMatch");
    by_query("PUT", "/bucket/a?x-amz-acl=private", in_an_hour(), "\n", "x-amz-acl:public-read\n/bucket/a");
    fixture_header("x-amz-acl", "public-read"); /* the header goes before, and they differ */
    fixture_check_error(400, "InvalidArgument");
    by_query("GET", "/bucket/a", in_an_hour(), "\n", "/bucket/a");
    append_to_query("&X-Amz-Algorithm=AWS4-HMAC-SHA256");
    fixture_check_error(400, "InvalidArgument"); /* two claims */
    by_query("GET", "/bucket/a?x-amz-security-token=t", in_an_hour(), "\n",
             "x-amz-security-token:t\n/bucket/a");
    fixture_check_error(400, "InvalidToken");
    fixture_request("GET", "/bucket/a?AWSAccessKeyId=" KEY "&Signature=y&Expires=99999999999");
    fixture_check_error(403, "AccessDenied");
    fixture_request("GET", "/bucket/a?AWSAccessKeyId=" KEY "&Signature=bWq2s1WEIj%2BYdj0vQ697zp%2BIXMU%3D");
    fixture_check_error(403, "AccessDenied");
    fixture_end();
}

/* ---- What is not signed ---- */

static void refuses_what_is_not_signed(void **state)
{
    static const struct {
        const char *method, *target, *appended;
    } cases[] = {
        {"PUT", "/bucket/a", "&annotation"},      {"PUT", "/bucket/a", "&renameObject"},
        {"PUT", "/bucket/a", "&%72enameObject"},  {"PUT", "/bucket", "&publicAccessBlock"},
        {"PUT", "/bucket", "&ownershipControls"}, {"PUT", "/bucket", "&abac"},
        {"GET", "/bucket/a", "&attributes"},      {"GET", "/bucket", "&policyStatus"},
        {"GET", "/bucket/a", "&response-x=y"},    {"GET", "/bucket/a", "&Response-Content-Type=text%2Fhtml"},
        {"PUT", "/bucket/a", "&If-None-Match=*"}, {"PUT", "/bucket/a", "&if-match=x"},
    };
    static const char *const signed_ones[] = {"&acl",
                                              "&tagging",
                                              "&uploadId=x",
                                              "&partNumber=1",
                                              "&versionId=null",
                                              "&response-content-type=text%2Fhtml",
                                              "&delete",
                                              "&x-amz-acl=private",
                                              "&X-Amz-Copy-Source=bucket%2Fother",
                                              "&x-amz-meta-a=b",
                                              "&content-type=a"};

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char after[64];

        snprintf(after, sizeof(after), "%s", cases[i].target);
        by_query(cases[i].method, cases[i].target, in_an_hour(), "\n", after);
        append_to_query(cases[i].appended);
        fixture_check_error(403, "AccessDenied");
        assert_non_null(strstr(fixture.body, "' is not signed by Signature Version 2."));
    }
    for (size_t i = 0; i < sizeof(signed_ones) / sizeof(signed_ones[0]); i++) {
        by_query("PUT", "/bucket/a", in_an_hour(), "\n", "/bucket/a");
        append_to_query(signed_ones[i]);
        fixture_check_error(403, "SignatureDoesNotMatch");
    }
    /* Headers that stand in the query of another request are about nothing. */
    by_header("PUT", "/bucket/a?x-amz-acl=public-read", "/bucket/a", 0, SECRET);
    fixture_check_error(403, "AccessDenied");
    /* Names of version 4's own parameters are not its own here. */
    by_query("GET", "/bucket/a?X-Amz-Date=x", in_an_hour(), "\n", "x-amz-date:x\n/bucket/a");
    fixture_check_error(400, "InvalidArgument");
    by_query("PUT", "/bucket/a?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", in_an_hour(), "\n",
             "x-amz-content-sha256:UNSIGNED-PAYLOAD\n/bucket/a");
    fixture_check_error(400, "InvalidArgument");
    fixture_end();
}

/* One signature, one request. */
static void refuses_second_meanings(void **state)
{
    fixture_begin(&closed);
    by_query("GET", "/bucket/a?response-content-type=x%26versionId%3Dnull", in_an_hour(), "\n",
             "/bucket/a?response-content-type=x&versionId=null");
    fixture_check_error(403, "AccessDenied");
    by_query("GET", "/bucket/a?versionId=null&versionId=x", in_an_hour(), "\n",
             "/bucket/a?versionId=null&versionId=x");
    fixture_check_error(403, "AccessDenied");
    by_query("GET", "/bucket/a?response-content-disposition=salt%26pepper", in_an_hour(), "\n",
             "/bucket/a?response-content-disposition=salt&pepper");
    check_accepted();
    fixture_end();
}

/* ---- Where it is not taken, and where nobody looks ---- */

static void can_be_switched_off(void **state)
{
    struct s3_service_options options = closed;

    options.refuses_v2 = true;
    fixture_begin(&options);
    by_header("GET", "/bucket/a", "/bucket/a", 0, SECRET);
    fixture_check_error(400, "InvalidRequest");
    by_query("GET", "/bucket/a", in_an_hour(), "\n", "/bucket/a");
    fixture_check_error(400, "InvalidRequest");
    fixture_end();
}

static void is_believed_by_open_servers(void **state)
{
    fixture_begin(NULL);
    fixture_request(
        "PUT",
        "/bucket/"
        "a?AWSAccessKeyId=x&Expires=1&Signature=y&x-amz-meta-a=b&content-type=c&x-amz-security-token=t");
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_true(fixture.dispatched->is_signed && fixture.dispatched->is_presigned);
    assert_null(fixture.dispatched->identity);
    assert_true(slice_is(s3_request_header(fixture.dispatched, "x-amz-meta-a"), "b"));
    assert_true(slice_is(s3_request_header(fixture.dispatched, "content-type"), "c"));
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_signed_by_header),
        cmocka_unit_test(signs_all_amz_headers),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(takes_presigned_urls),
        cmocka_unit_test(refuses_presigned_urls),
        cmocka_unit_test(refuses_what_is_not_signed),
        cmocka_unit_test(refuses_second_meanings),
        cmocka_unit_test(can_be_switched_off),
        cmocka_unit_test(is_believed_by_open_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
