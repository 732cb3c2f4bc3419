/* SPDX-License-Identifier: MIT
 *
 * Who is let in: signatures in header and query, their refusals with S3's codes, anonymous requests, rights,
 * reload. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/auth/s3_signing_keys.h"
#include "storage/base/text/hex.h"
#include "tests/unit/s3/s3_fixture.h"

#define KEY      "AKIAEXAMPLE"
#define SECRET   "s3cr3t/+key"
#define REGION   "eu-test-1"
#define UNSIGNED "UNSIGNED-PAYLOAD"
#define EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct s3_service_options closed = {.region = REGION, .access_key = KEY, .secret_key = SECRET};

static void check_accepted(void)
{
    fixture_serve();
    if (fixture.dispatched == NULL)
        print_error("refused: %s\n", fixture.body);
    assert_non_null(fixture.dispatched);
    assert_true(fixture.dispatched->is_signed);
    assert_non_null(fixture.dispatched->identity);
    assert_int_equal(strlen(fixture.dispatched->owner_id), 64);
}

/* ---- Header ---- */

static void test_signed(void **state)
{
    static const char *const paths[] = {"/",
                                        "/bucket/a/b",
                                        "/bucket//a/../b%20c%2B+",
                                        "/bucket/~(x)*'!",
                                        "/bucket?prefix=a+b&delimiter=%2F&list-type=2",
                                        "/bucket?acl",
                                        "/bucket/k?partNumber=1&uploadId=x%3D%3D"};

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        fixture_request("GET", paths[i]);
        fixture_header("x-amz-meta-a", " a  b ");
        fixture_header("content-type", "text/plain");
        fixture_sign(KEY, SECRET, REGION, EMPTY, 0);
        fixture_header("accept", "*/*"); /* not signed, not x-amz */
        check_accepted();
        assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_SHA256);
        assert_int_equal(fixture.dispatched->payload_sha256[0], 0xe3);
        assert_int_equal(s3_authorize(fixture.dispatched, SLICE("bucket"), S3_RIGHT_ADMIN), S3_ERROR_NONE);
    }
    fixture_end();
}

/* What the HTTP side takes out of the header list may have been signed all the same. */
static void test_signed_framing_headers(void **state)
{
    const char *authorization;

    fixture_begin(&closed);
    fixture_request("PUT", "/bucket/a");
    fixture_header("content-length", "5");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    authorization = arena_dup_text(&fixture.req->arena, fixture.req->headers.entries[3].value.base).base;
    fixture.req->headers.entries[0] = fixture.req->headers.entries[3]; /* content-length is gone */
    fixture.req->headers.size = 3;
    assert_non_null(strstr(authorization, "content-length;host"));
    fixture.body_length = 5;
    check_accepted();
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_UNSIGNED);
    fixture_end();
}

static void test_refused_signatures(void **state)
{
    fixture_begin(&closed);
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, "wrong", REGION, UNSIGNED, 0);
    fixture_check_error(403, "SignatureDoesNotMatch");
    assert_non_null(
        strstr(fixture.body, "<AWSAccessKeyId>" KEY "</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n"));
    assert_non_null(strstr(fixture.body, "<CanonicalRequest>GET\n/bucket/a\n"));
    fixture_request("GET", "/bucket/a");
    fixture_sign("NOBODY", SECRET, REGION, UNSIGNED, 0);
    fixture_check_error(403, "InvalidAccessKeyId");
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture.req->path = SLICE("/bucket/b");
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture.req->method = SLICE("DELETE");
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture_header("host", "elsewhere");
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture_header("x-amz-copy-source", "/other/secret");
    fixture_check_error(403, "AccessDenied");
    assert_non_null(strstr(fixture.body, "<HeadersNotSigned>x-amz-copy-source</HeadersNotSigned>"));
    fixture_end();
}

static void test_scope_and_clock(void **state)
{
    fixture_begin(&closed);
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, "us-east-1", UNSIGNED, 0);
    fixture_check_error(400, "AuthorizationHeaderMalformed");
    assert_non_null(strstr(fixture.body, "the region 'us-east-1' is wrong; expecting '" REGION "'"));
    assert_non_null(strstr(fixture.body, "<Region>" REGION "</Region>"));
    for (int sign = -1; sign <= 1; sign += 2) {
        fixture_request("GET", "/bucket/a");
        fixture_sign(KEY, SECRET, REGION, UNSIGNED, sign * 800);
        check_accepted();
        fixture_request("GET", "/bucket/a");
        fixture_sign(KEY, SECRET, REGION, UNSIGNED, sign * 1000);
        fixture_check_error(403, "RequestTimeTooSkewed");
        assert_non_null(strstr(fixture.body, "<MaxAllowedSkewMilliseconds>900000<"));
    }
    fixture_end();
}

static void check_authorization(const char *value, int status, const char *code)
{
    fixture_request("GET", "/bucket/a");
    fixture_header("x-amz-date", "20130524T000000Z");
    fixture_header("x-amz-content-sha256", UNSIGNED);
    fixture_header("authorization", value);
    fixture_check_error(status, code);
}

static void test_malformed(void **state)
{
#define SCOPED(key, date, service, end)                                                                      \
    "AWS4-HMAC-SHA256 Credential=" key "/" date "/" REGION "/" service "/" end
#define REST ",SignedHeaders=host;x-amz-date,Signature=" EMPTY

    fixture_begin(&closed);
    check_authorization("AWS " KEY ":c2lnbmF0dXJl", 400, "InvalidArgument"); /* no signature of version 2 */
    check_authorization("AWS4-ECDSA-P256-SHA256 Credential=a", 400, "InvalidRequest");
    check_authorization("Digest username=\"u\"", 400, "InvalidArgument");
    assert_null(strstr(fixture.body, "username")); /* what it shows may be a secret */
    check_authorization("AWS4-HMAC-SHA256 ", 400, "AuthorizationHeaderMalformed");
    check_authorization("AWS4-HMAC-SHA256 Credential=x" REST, 400, "AuthorizationHeaderMalformed");
    check_authorization(SCOPED(KEY, "20130525", "s3", "aws4_request") REST, 400,
                        "AuthorizationHeaderMalformed");
    check_authorization(SCOPED(KEY, "20130524", "sns", "aws4_request") REST, 400,
                        "AuthorizationHeaderMalformed");
    check_authorization(SCOPED(KEY, "20130524", "s3", "aws3_request") REST, 400,
                        "AuthorizationHeaderMalformed");
    check_authorization(SCOPED(KEY, "20130524", "s3", "aws4_request") REST, 403, "RequestTimeTooSkewed");
    fixture_request("PUT", "/bucket?acl");
    fixture_header("authorization", SCOPED(KEY, "20130524", "s3", "aws4_request") REST);
    fixture.body_length = 5;
    fixture_check_error(400, "InvalidRequest"); /* no x-amz-content-sha256 */
    fixture_request("GET", "/bucket/a");
    fixture_header("x-amz-content-sha256", UNSIGNED);
    fixture_header("authorization", SCOPED(KEY, "20130524", "s3", "aws4_request") REST);
    fixture_check_error(403, "AccessDenied"); /* no date */
    fixture_request("GET", "/bucket/a?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture_check_error(400, "InvalidArgument"); /* two at once */
    fixture_request("GET", "/bucket/a");
    fixture_header("x-amz-security-token", "t");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture_check_error(400, "InvalidToken");
    fixture_end();
}

static void test_payloads(void **state)
{
    static const struct {
        const char *text;
        enum s3_payload payload;
    } good[] = {
        {UNSIGNED, S3_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", S3_PAYLOAD_CHUNKS_SIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", S3_PAYLOAD_CHUNKS_SIGNED_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", S3_PAYLOAD_CHUNKS_UNSIGNED_TRAILER},
    };

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bool has_signer = good[i].payload == S3_PAYLOAD_CHUNKS_SIGNED ||
                          good[i].payload == S3_PAYLOAD_CHUNKS_SIGNED_TRAILER;

        fixture_request("PUT", "/bucket/a");
        fixture_sign(KEY, SECRET, REGION, good[i].text, 0);
        check_accepted();
        assert_int_equal(fixture.dispatched->payload, good[i].payload);
        assert_int_equal(fixture.dispatched->chunk_signer != NULL, has_signer);
        if (has_signer)
            assert_memory_equal(s3_chunk_signer_seed(fixture.dispatched->chunk_signer), fixture_signature,
                                32);
    }
    fixture_request("PUT", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 0);
    fixture_check_error(501, "NotImplemented");
    fixture_request("PUT", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, "e3b0", 0);
    fixture_check_error(400, "InvalidArgument");
    fixture_end();
}

/* ---- Query ---- */

/* A presigned request made as a client would, by hand. */
static void presign(const char *path, const char *expires, int64_t age, const char *secret)
{
    char timestamp[17], query[1024], signed_path[2048], scope[128], hex[65] = {0};
    struct s3_sigv4_header host = {SLICE("host"), SLICE("localhost:9000")};
    struct s3_sigv4_input input = {.headers = &host, .header_count = 1};
    struct arena arena;
    struct slice canonical, to_sign;
    unsigned char key[32], signature[32];

    s3_sigv4_format_time((int64_t)time(NULL) - age, timestamp);
    snprintf(scope, sizeof(scope), "%.8s/" REGION "/s3/aws4_request", timestamp);
    snprintf(query, sizeof(query),
             "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY "%%2F%.8s%%2F" REGION
             "%%2Fs3%%2Faws4_request&"
             "X-Amz-Date=%s&X-Amz-Expires=%s&X-Amz-SignedHeaders=host&response-content-type=text%%2Fplain",
             timestamp, timestamp, expires);
    input.method = SLICE("GET");
    input.path = slice_text(path);
    input.query = slice_text(query);
    input.payload_hash = SLICE(UNSIGNED);
    arena_init(&arena, NULL);
    assert_true(s3_sigv4_canonical_request(&arena, &input, host.name, 0, &canonical));
    to_sign = s3_sigv4_string_to_sign(&arena, NULL, timestamp, scope, canonical);
    s3_sigv4_signing_key(NULL, slice_text(secret), slice_of(timestamp, 8), SLICE(REGION), key);
    s3_sigv4_sign(NULL, key, to_sign, signature);
    arena_free(&arena);
    hex_encode(signature, 32, hex);
    snprintf(signed_path, sizeof(signed_path), "%s?%s&X-Amz-Signature=%s", path, query, hex);
    fixture_request("GET", signed_path);
}

static void test_presigned(void **state)
{
    fixture_begin(&closed);
    presign("/bucket/a%20b", "60", 0, SECRET);
    check_accepted();
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_UNSIGNED);
    presign("/bucket/a", "604800", 604000, SECRET);
    check_accepted();
    presign("/bucket/a", "60", 120, SECRET);
    fixture_check_error(403, "AccessDenied");
    assert_non_null(strstr(fixture.body, "<Message>Request has expired</Message>"));
    assert_non_null(strstr(fixture.body, "</Message><X-Amz-Expires>"));
    assert_non_null(strstr(fixture.body, "</X-Amz-Expires><Expires>"));
    assert_non_null(strstr(fixture.body, "Z</Expires><ServerTime>"));
    presign("/bucket/a", "60", -1000, SECRET);
    fixture_check_error(403, "AccessDenied");
    assert_non_null(strstr(fixture.body, "not yet valid"));
    presign("/bucket/a", "60", 0, "wrong");
    fixture_check_error(403, "SignatureDoesNotMatch");
    presign("/bucket/a", "60", 0, SECRET);
    fixture.req->method = SLICE("PUT");
    fixture_check_error(403, "SignatureDoesNotMatch");
    presign("/bucket/a", "60", 0, SECRET);
    fixture_header("x-amz-acl", "public-read");
    fixture_check_error(403, "AccessDenied");
    fixture_end();
}

static void test_presigned_malformed(void **state)
{
    static const char *const expires[] = {"604801", "-1", "x", "", "99999999"};

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(expires) / sizeof(expires[0]); i++) {
        presign("/bucket/a", expires[i], 0, SECRET);
        fixture_check_error(400, "AuthorizationQueryParametersError");
    }
    presign("/bucket/a", "0", 0, SECRET); /* good for no time */
    fixture_check_error(403, "AccessDenied");
    assert_non_null(strstr(fixture.body, "<Message>Request has expired</Message>"));
    fixture_request("GET", "/bucket/a?X-Amz-Signature=" EMPTY);
    fixture_check_error(400, "AuthorizationQueryParametersError");
    fixture_end();
}

/* ---- The hash of the payload ---- */

/* Older releases of curl send no x-amz-content-sha256, and sign the hash of nothing whatever they send. */
static void test_without_payload_hash(void **state)
{
    static const struct {
        const char *method, *path;
        uint64_t body_length;
        bool is_accepted;
    } requests[] = {
        {"GET", "/bucket/a", 0, true},
        {"HEAD", "/bucket/a", 0, true},
        {"DELETE", "/bucket/a", 0, true},
        {"PUT", "/bucket", 0, true},
        {"POST", "/bucket/a?uploads", 0, true},
        {"PUT", "/bucket/a", 5, true},
        {"PUT", "/bucket/a", UINT64_MAX, true},
        {"PUT", "/bucket/a?partNumber=1&uploadId=x", 5, true},
        {"PUT", "/bucket/a?partNumber=1", 5, false},
        {"PUT", "/bucket/a?tagging", 5, false},
        {"PUT", "/bucket/a?tagging", UINT64_MAX, false},
        {"PUT", "/bucket", 5, false},
        {"PUT", "/bucket?policy", 5, false},
        {"POST", "/bucket?delete", 5, false},
        {"POST", "/bucket/a?uploadId=x", 5, false},
        {"POST", "/bucket", 5, false},
        {"POST", "/bucket/a", 5, false}, /* no operation */
    };

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        fixture_request(requests[i].method, requests[i].path);
        fixture.body_length = requests[i].body_length;
        fixture_sign(KEY, SECRET, REGION, NULL, 0);
        if (!requests[i].is_accepted) {
            fixture_check_error(400, "InvalidRequest");
            continue;
        }
        check_accepted();
        assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_UNSIGNED);
        assert_true(
            slice_is(s3_request_effective(fixture.dispatched, S3_EFFECTIVE_CONTENT_SHA256), UNSIGNED));
    }
    fixture_request("PUT", "/bucket/a");
    fixture_sign(KEY, "wrong", REGION, NULL, 0);
    fixture_check_error(403, "SignatureDoesNotMatch");
    /* The query of a presigned URL says nothing about another request. */
    fixture_request("PUT", "/bucket/a?X-Amz-Content-Sha256=STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    fixture_sign(KEY, SECRET, REGION, NULL, 0);
    check_accepted();
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_UNSIGNED);
    assert_true(slice_is(s3_request_effective(fixture.dispatched, S3_EFFECTIVE_CONTENT_SHA256), UNSIGNED));
    fixture_end();
}

/* The hash is signed whether or not its header is listed. */
static void test_payload_hash_not_listed(void **state)
{
    fixture_begin(&closed);
    fixture_request("PUT", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, NULL, 0);
    fixture_header("x-amz-content-sha256", EMPTY);
    check_accepted();
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_SHA256);
    assert_int_equal(fixture.dispatched->payload_sha256[0], 0xe3);
    fixture_request("PUT", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, NULL, 0);
    fixture_header("x-amz-content-sha256", UNSIGNED); /* another than was signed */
    fixture_check_error(403, "SignatureDoesNotMatch");
    presign("/bucket/a", "60", 0, SECRET);
    fixture_header("x-amz-content-sha256", EMPTY);
    fixture_check_error(403, "AccessDenied");
    fixture_end();
}

/* ---- Without a signature ---- */

static void test_open(void **state)
{
    fixture_begin(NULL);
    assert_true(s3_service_is_open(fixture.service));
    fixture_request("PUT", "/bucket/a");
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_false(fixture.dispatched->is_signed);
    assert_string_equal(fixture.dispatched->owner_id, "");
    assert_int_equal(s3_authorize(fixture.dispatched, SLICE("any"), S3_RIGHT_ADMIN | S3_RIGHT_WRITE),
                     S3_ERROR_NONE);
    fixture_request("PUT", "/bucket/a"); /* whatever key the client has configured */
    fixture_sign("ANY", "thing", "any-region", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 100000);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_true(fixture.dispatched->is_signed);
    assert_null(fixture.dispatched->identity);
    assert_null(fixture.dispatched->chunk_signer);
    assert_int_equal(fixture.dispatched->payload, S3_PAYLOAD_CHUNKS_SIGNED);
    fixture_end();
}

/* What stands empty in a request claims nothing. */
static void test_empty_authorization(void **state)
{
    fixture_begin(&closed);
    fixture_request("GET", "/bucket/a");
    fixture_header("authorization", "");
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_false(fixture.dispatched->is_signed);
    assert_null(fixture.dispatched->identity);
    assert_int_equal(s3_authorize(fixture.dispatched, SLICE("bucket"), S3_RIGHT_READ),
                     S3_ERROR_ACCESS_DENIED);
    presign("/bucket/a", "60", 0, SECRET);
    fixture_header("authorization", "");
    check_accepted();
    fixture_end();
    fixture_begin(NULL);
    fixture_request("GET", "/bucket/a");
    fixture_header("authorization", "");
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_false(fixture.dispatched->is_signed);
    fixture_end();
}

static void write_keys(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void check_anonymous(const char *bucket, unsigned rights, enum s3_error expected)
{
    fixture_request("GET", "/bucket/a");
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_false(fixture.dispatched->is_signed);
    assert_int_equal(s3_authorize(fixture.dispatched, slice_text(bucket), rights), expected);
}

static void test_rights_and_reload(void **state)
{
    char path[] = "/tmp/sluice-keys-XXXXXX";
    struct s3_service_options options = {.region = REGION, .credentials_path = path};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    write_keys(path, "key " KEY " " SECRET " a-*=read\nanonymous public-*=read\n");
    fixture_begin(&options);
    assert_false(s3_service_is_open(fixture.service));
    check_anonymous("public-x", S3_RIGHT_READ, S3_ERROR_NONE);
    check_anonymous("public-x", S3_RIGHT_WRITE, S3_ERROR_ACCESS_DENIED);
    check_anonymous("a-1", S3_RIGHT_READ, S3_ERROR_ACCESS_DENIED);
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    check_accepted();
    write_keys(path, "key OTHER secret *=all\n");
    assert_int_equal(s3_service_reload(fixture.service), 0);
    /* The request in flight keeps its rights ... */
    assert_int_equal(s3_authorize(fixture.dispatched, SLICE("a-1"), S3_RIGHT_READ), S3_ERROR_NONE);
    assert_int_equal(s3_authorize(fixture.dispatched, SLICE("a-1"), S3_RIGHT_READ | S3_RIGHT_LIST),
                     S3_ERROR_ACCESS_DENIED);
    /* ... the next one does not. */
    fixture_request("GET", "/bucket/a");
    fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
    fixture_check_error(403, "InvalidAccessKeyId");
    write_keys(path, "nonsense\n");
    assert_int_not_equal(s3_service_reload(fixture.service), 0);
    fixture_request("GET", "/bucket/a");
    fixture_sign("OTHER", "secret", REGION, UNSIGNED, 0);
    check_accepted();
    fixture_end();
    assert_int_equal(unlink(path), 0);
}

/* Reloads beside requests: each request has one whole set, and the sets go when nobody holds them (the sanitizers watch). */
static void *reload_often(void *service)
{
    for (int i = 0; i < 300; i++)
        assert_int_equal(s3_service_reload(service), 0);
    return NULL;
}

static void test_reload_beside_requests(void **state)
{
    pthread_t reloader;

    fixture_begin(&closed);
    assert_int_equal(pthread_create(&reloader, NULL, reload_often, fixture.service), 0);
    for (int i = 0; i < 300; i++) {
        fixture_request("GET", "/bucket/a");
        fixture_sign(KEY, SECRET, REGION, UNSIGNED, 0);
        check_accepted();
    }
    assert_int_equal(pthread_join(reloader, NULL), 0);
    fixture_end();
}

/* Two workers have one key sign for different days, each with what it keeps itself. */
static void *derive_often(void *set)
{
    struct s3_signing_keys *keys = s3_credentials_signing_keys(set, 1);

    assert_non_null(keys);
    for (int i = 0; i < 300; i++)
        (void)s3_identity_signing_key(s3_credentials_find(set, KEY, strlen(KEY)), keys,
                                      i % 2 == 0 ? "20130524" : "20130525", SLICE(REGION));
    return NULL;
}

static void test_signing_key_beside_another(void **state)
{
    struct s3_credentials *set;
    struct s3_signing_keys *keys;
    unsigned char expected[32];
    pthread_t other;

    fixture_begin(&closed);
    set = s3_service_credentials(fixture.service);
    keys = s3_credentials_signing_keys(set, 0);
    assert_non_null(keys);
    assert_int_equal(pthread_create(&other, NULL, derive_often, set), 0);
    s3_sigv4_signing_key(NULL, SLICE(SECRET), SLICE("20130524"), SLICE(REGION), expected);
    for (int i = 0; i < 300; i++)
        assert_memory_equal(s3_identity_signing_key(s3_credentials_find(set, KEY, strlen(KEY)), keys,
                                                    "20130524", SLICE(REGION)),
                            expected, 32);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(s3_signing_keys_derived(keys), 1);
    s3_credentials_unref(set);
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_signed_framing_headers),
        cmocka_unit_test(test_refused_signatures),
        cmocka_unit_test(test_scope_and_clock),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_presigned),
        cmocka_unit_test(test_presigned_malformed),
        cmocka_unit_test(test_without_payload_hash),
        cmocka_unit_test(test_payload_hash_not_listed),
        cmocka_unit_test(test_empty_authorization),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_rights_and_reload),
        cmocka_unit_test(test_reload_beside_requests),
        cmocka_unit_test(test_signing_key_beside_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
