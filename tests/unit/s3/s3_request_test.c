/* SPDX-License-Identifier: MIT
 *
 * From a raw path, host and query to bucket, key and parameters; what answers look like; the server's own
 * names. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/s3_selector.h"
#include "tests/unit/s3/s3_fixture.h"

static void check_vec(struct slice vec, const char *expected)
{
    assert_int_equal(vec.len, strlen(expected));
    assert_memory_equal(vec.base, expected, strlen(expected));
}

static struct s3_request *check_parse(const char *path, enum s3_error expected)
{
    struct s3_request *request;

    fixture_request("GET", path);
    request = fixture_bare();
    assert_int_equal(s3_request_parse(request), expected);
    return request;
}

static void check_address(const char *path, const char *bucket, const char *key)
{
    struct s3_request *request = check_parse(path, S3_ERROR_NONE);

    check_vec(request->bucket_name, bucket);
    check_vec(request->key, key);
    assert_false(request->virtual_hosted);
}

static void test_paths(void **state)
{
    fixture_begin(NULL);
    check_address("/", "", "");
    check_address("/?x-id=ListBuckets", "", "");
    check_address("/bucket", "bucket", "");
    check_address("/bucket/", "bucket", "");
    check_address("/bucket?list-type=2", "bucket", "");
    check_address("/bucket/key", "bucket", "key");
    check_address("/bucket/a//b/./../c/", "bucket", "a//b/./../c/");
    check_address("/bucket//", "bucket", "/");
    check_address("/bucket//key", "bucket", "/key");
    check_address("/bucket/..", "bucket", "..");
    check_address("/bucket/a+b%20c%2Bd%2525%0A", "bucket", "a+b c+d%25\n");
    check_address("/bucket/a%2Fb%3Fc?d", "bucket", "a/b?c");
    check_address("/buck%65t/k", "bucket", "k");
    check_address("/bucket/%F0%9F%98%80", "bucket", "\xf0\x9f\x98\x80");
    fixture_end();
}

static void test_refused_paths(void **state)
{
    char path[3200] = "/bucket/";
    struct s3_request *request;

    fixture_begin(NULL);
    check_parse("", S3_ERROR_INVALID_URI);
    check_parse("*", S3_ERROR_INVALID_URI);
    check_parse("bucket/key", S3_ERROR_INVALID_URI);
    check_parse("/bucket/%", S3_ERROR_INVALID_URI);
    check_parse("/bucket/a%2", S3_ERROR_INVALID_URI);
    check_parse("/bucket/a%zz", S3_ERROR_INVALID_URI);
    check_parse("/bucket/a%00b", S3_ERROR_INVALID_URI);
    check_parse("/bucket/%ff", S3_ERROR_INVALID_URI);
    check_parse("/bucket/%ed%a0%80", S3_ERROR_INVALID_URI);
    check_parse("/bu%ket/a", S3_ERROR_INVALID_URI);
    check_parse("/bucket?a=%", S3_ERROR_INVALID_URI);
    check_parse("//", S3_ERROR_INVALID_BUCKET_NAME);
    check_parse("//key", S3_ERROR_INVALID_BUCKET_NAME);
    check_parse("/Bucket/key", S3_ERROR_INVALID_BUCKET_NAME);
    check_parse("/ab", S3_ERROR_INVALID_BUCKET_NAME);
    memset(path + 8, 'k', 1024);
    request = check_parse(path, S3_ERROR_NONE);
    assert_int_equal(request->key.len, 1024);
    strcat(path, "k");
    check_parse(path, S3_ERROR_KEY_TOO_LONG);
    path[8] = '\0';
    for (int i = 0; i < 1024; i++)
        strcat(path, "%6B");
    check_parse(path, S3_ERROR_NONE); /* the bound is on decoded bytes */
    fixture_end();
}

static void test_query(void **state)
{
    struct s3_request *request;
    char path[512] = "/bucket?";

    fixture_begin(NULL);
    request = check_parse("/bucket?acl&prefix=a+b%2Bc%20d&empty=&&x=1&x=2&k%65y=v=w", S3_ERROR_NONE);
    assert_int_equal(request->parameter_count, 6);
    assert_true(s3_request_has(request, "acl"));
    assert_false(s3_request_has(request, "ac"));
    assert_false(s3_request_parameter(request, "acl")->has_value);
    assert_true(s3_request_parameter(request, "empty")->has_value);
    check_vec(s3_request_parameter(request, "empty")->value, "");
    check_vec(s3_request_parameter(request, "prefix")->value, "a b+c d");
    check_vec(s3_request_parameter(request, "x")->value, "1");
    check_vec(s3_request_parameter(request, "key")->value, "v=w");
    for (unsigned i = 0; i < S3_QUERY_PARAMETERS_MAX; i++)
        strcat(path, "a&");
    request = check_parse(path, S3_ERROR_NONE);
    assert_int_equal(request->parameter_count, S3_QUERY_PARAMETERS_MAX);
    strcat(path, "a");
    check_parse(path, S3_ERROR_INVALID_URI);
    fixture_end();
}

/* expected NULL: nothing selects. */
static void check_selector(const char *path, const char *host, const char *expected)
{
    const struct s3_selector *selector, *other;
    struct s3_request *request;

    fixture_request("PUT", path);
    if (host != NULL)
        fixture_header("host", host);
    request = fixture_bare();
    assert_int_equal(s3_request_parse(request), S3_ERROR_NONE);
    selector = s3_selector_find(request, request->method, &other);
    assert_null(other);
    if (expected == NULL)
        assert_null(selector);
    else
        assert_string_equal(selector->name, expected);
}

/* However a parameter is written; its value, place and count do not matter, its case does. */
static void test_selectors(void **state)
{
    static const char *const domains[] = {"s3.example.org", NULL};
    const struct s3_service_options options = {.region = "us-east-1", .domains = domains};
    static const char *const selecting[] = {"acl",   "acl=",      "acl=x", "%61cl",   "ac%6C=1",   "acl&acl",
                                            "a&acl", "x-id=&acl", "&&acl", "acl&&&b", "acl=a=b&=c"};
    static const char *const others[] = {"",     "ACL",  "Acl=",  "%41cl",  "acl%20", "+acl",
                                         "acl;", "=acl", "a=acl", "x=?acl", "%2561cl"};
    static const char *const hosts[] = {NULL, "bucket.s3.example.org"};
    static const char *const paths[][2] = {{"/bucket/key?", "/bucket?"}, {"/key?", "/?"}};
    char path[64];

    fixture_begin(&options);
    for (size_t host = 0; host < 2; host++) {
        for (size_t resource = 0; resource < 2; resource++) {
            for (size_t i = 0; i < sizeof(selecting) / sizeof(selecting[0]); i++) {
                snprintf(path, sizeof(path), "%s%s", paths[host][resource], selecting[i]);
                check_selector(path, hosts[host], "acl");
            }
            for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
                snprintf(path, sizeof(path), "%s%s", paths[host][resource], others[i]);
                check_selector(path, hosts[host], NULL);
            }
        }
    }
    fixture_end();
}

static void check_host(const char *host, const char *path, const char *bucket, const char *key)
{
    struct s3_request *request;

    fixture_request("GET", path);
    fixture_header("host", host);
    request = fixture_bare();
    assert_int_equal(s3_request_parse(request), S3_ERROR_NONE);
    check_vec(request->bucket_name, bucket);
    check_vec(request->key, key);
}

static void test_virtual_hosts(void **state)
{
    static const char *const domains[] = {"example.com", "s3.example.com", NULL};
    const struct s3_service_options options = {.region = "us-east-1", .domains = domains};

    fixture_begin(&options);
    check_host("bucket.example.com", "/key/a", "bucket", "key/a");
    check_host("bucket.example.com:9000", "/", "bucket", "");
    check_host("Bucket.EXAMPLE.com", "//a", "bucket", "/a");
    check_host("my.bucket.s3.example.com", "/a", "my.bucket", "a");
    check_host("bucket.s3.example.com", "/-/healthy", "bucket", "-/healthy");
    check_host("s3.example.com", "/bucket/a", "bucket", "a");
    check_host("example.com:80", "/bucket/a", "bucket", "a");
    check_host("notexample.com", "/bucket/a", "bucket", "a");
    check_host("[::1]:9000", "/bucket/a", "bucket", "a");
    check_host("", "/bucket/a", "bucket", "a");
    fixture_request("GET", "/key");
    fixture_header("host", "bad_name.example.com");
    assert_int_equal(s3_request_parse(fixture_bare()), S3_ERROR_INVALID_BUCKET_NAME);
    fixture_end();
}

static void test_headers(void **state)
{
    struct s3_request *request;

    fixture_begin(NULL);
    fixture_request("GET", "/bucket");
    fixture_header("content-type", "text/plain");
    fixture_header("x-amz-meta-a", "1");
    fixture_header("x-amz-meta-a", "2");
    fixture_header("x-amz-empty", "");
    request = fixture_bare();
    check_vec(s3_request_header(request, "content-type"), "text/plain");
    check_vec(s3_request_header(request, "x-amz-meta-a"), "1");
    check_vec(s3_request_header(request, "host"), "localhost:9000");
    assert_non_null(s3_request_header(request, "x-amz-empty").base);
    assert_null(s3_request_header(request, "x-amz").base);
    fixture_end();
}

/* ---- Answers ---- */

static void test_error_document(void **state)
{
    struct s3_request *request;

    fixture_begin(NULL);
    fixture_request("GET", "/bucket/a%20b?X-Amz-Signature=secret");
    fixture_serve();
    request = fixture.dispatched;
    assert_non_null(request);
    s3_request_explain(request, S3_ERROR_INVALID_REQUEST, "not for this one");
    s3_request_element(request, S3_ELEMENT_UPLOAD_ID, SLICE("nor this"));
    s3_answer_error(request, S3_ERROR_NO_SUCH_KEY);
    assert_int_equal(fixture.status, 404);
    assert_string_equal(fixture_answer_header("content-type"), "application/xml");
    assert_string_equal(fixture_answer_header("x-amz-request-id"), request->request_id);
    assert_non_null(fixture_answer_header("x-amz-id-2"));
    assert_non_null(strstr(fixture.body,
                           "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
                           "<Key>a b</Key><RequestId>"));
    assert_non_null(strstr(fixture.body, request->request_id));
    assert_null(strstr(fixture.body, "secret"));
    fixture_end();
}

static void test_answers_without_body(void **state)
{
    fixture_begin(NULL);
    fixture_request("HEAD", "/bucket/a");
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_NO_SUCH_KEY);
    assert_int_equal(fixture.status, 404);
    assert_string_equal(fixture.body, "");
    fixture_request("GET", "/bucket/a");
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_NOT_MODIFIED);
    assert_int_equal(fixture.status, 304);
    assert_false(fixture.has_length);
    fixture_request("DELETE", "/bucket/a");
    fixture_serve();
    s3_answer_empty(fixture.dispatched, 204);
    assert_false(fixture.has_length);
    fixture_request("PUT", "/bucket/a");
    fixture_serve();
    s3_answer_empty(fixture.dispatched, 200);
    assert_true(fixture.has_length);
    assert_int_equal(fixture.length, 0);
    fixture_end();
}

/* botocore must not use the connection again after a refusal that it got instead of 100 Continue; others may. */
static void test_refusal_before_continue(void **state)
{
    fixture_begin(NULL);
    for (int is_expected = 0; is_expected <= 1; is_expected++) {
        for (int is_botocore = 0; is_botocore <= 1; is_botocore++) {
            fixture.is_expected = is_expected;
            fixture_request("PUT", "/Bad/a");
            fixture_header("user-agent", is_botocore ? "Boto3/1.26 Botocore/1.29" : "curl/8");
            fixture_check_error(400, "InvalidBucketName");
            assert_int_equal(fixture.closes_after, is_expected && is_botocore);
        }
    }
    fixture_end();
}

static void test_results(void **state)
{
    fixture_begin(NULL);
    assert_int_equal(s3_error_of_result(META_E_NO_BUCKET), S3_ERROR_NO_SUCH_BUCKET);
    assert_int_equal(s3_error_of_result(META_E_PRECONDITION), S3_ERROR_PRECONDITION_FAILED);
    assert_int_equal(s3_error_of_result(-ENOSPC), S3_ERROR_STORAGE_FULL);
    assert_int_equal(s3_error_of_result(-EDQUOT), S3_ERROR_STORAGE_FULL);
    /* Only whoever was receiving a body may call it the client's fault. */
    const int words[] = {EROFS, EACCES,     EBADMSG,  EUCLEAN, ENODATA, ETIMEDOUT,
                         EPIPE, ECONNRESET, EMSGSIZE, EFBIG,   ENOENT};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_int_equal(s3_error_of_result(-words[i]), S3_ERROR_INTERNAL_ERROR);
    assert_int_equal(s3_error_of_body(-ECONNRESET), S3_ERROR_INCOMPLETE_BODY);
    assert_int_equal(s3_error_of_body(-EMSGSIZE), S3_ERROR_ENTITY_TOO_LARGE);
    assert_int_equal(s3_error_of_body(-EROFS), S3_ERROR_INTERNAL_ERROR);
    assert_int_equal(s3_error_of_body(META_E_UNSYNCED), S3_ERROR_SYNC_FAILED);
    assert_int_equal(s3_error_of_result(-EIO), S3_ERROR_INTERNAL_ERROR);
    fixture_request("GET", "/bucket/a");
    fixture_serve();
    s3_answer_result(fixture.dispatched, -ENOSPC);
    assert_int_equal(fixture.status, 507);
    assert_string_equal(fixture.log, "");
    for (int i = 0; i < 100; i++) { /* logged, but not a hundred times */
        fixture_request("GET", "/bucket/a");
        fixture_serve();
        s3_answer_result(fixture.dispatched, -EIO);
        assert_int_equal(fixture.status, 500);
    }
    assert_non_null(strstr(fixture.log, "failed"));
    assert_true(strlen(fixture.log) < 40 * 60);
    fixture_end();
}

static void test_open_bucket(void **state)
{
    struct s3_request *request;

    fixture_begin(NULL);
    request = check_parse("/bucket", S3_ERROR_NONE);
    assert_int_equal(s3_request_open_bucket(request), S3_ERROR_NONE);
    assert_int_equal(request->bucket.id, 1);
    request = check_parse("/other", S3_ERROR_NONE);
    assert_int_equal(s3_request_open_bucket(request), S3_ERROR_NO_SUCH_BUCKET);
    fixture.bucket_result = -EIO;
    assert_int_equal(s3_request_open_bucket(request), S3_ERROR_INTERNAL_ERROR);
    assert_true(strlen(fixture.log) > 0);
    fixture_end();
}

static void test_request_ids(void **state)
{
    char first[17], second[17];

    fixture_begin(NULL);
    s3_service_make_request_id(fixture.service, first);
    s3_service_make_request_id(fixture.service, second);
    assert_int_equal(strspn(first, "0123456789ABCDEF"), 16);
    assert_string_not_equal(first, second);
    fixture_end();
}

/* ---- The server's own names ---- */

static void set_peer(const char *address)
{
    struct in_addr parsed = {0};

    assert_int_equal(inet_pton(AF_INET, address, &parsed), 1);
    ((struct sockaddr_in *)&fixture.peer)->sin_addr = parsed;
}

static void test_healthy(void **state)
{
    const struct s3_service_options options = {.region = "us-east-1", .access_key = "A", .secret_key = "b"};

    fixture_begin(&options);
    set_peer("192.0.2.1");
    fixture_request("GET", "/-/healthy");
    fixture_serve();
    assert_int_equal(fixture.status, 200);
    assert_string_equal(fixture.body, "ok\n");
    fixture.bucket_result = -EIO;
    fixture_request("GET", "/-/healthy");
    fixture_serve();
    assert_int_equal(fixture.status, 503);
    fixture.bucket_result = 0;
    fixture.health = META_E_UNSYNCED;
    fixture_request("GET", "/-/healthy");
    fixture_serve();
    assert_int_equal(fixture.status, 503);
    assert_non_null(strstr(fixture.body, "no changes are taken"));
    fixture.health = 0;
    fixture_request("PUT", "/-/healthy");
    fixture_check_error(405, "MethodNotAllowed");
    fixture_request("GET", "/-/other");
    fixture_check_error(404, "NoSuchKey");
    fixture_request("GET", "/-");
    fixture_check_error(404, "NoSuchKey");
    fixture_end();
}

static void test_metrics(void **state)
{
    const struct s3_service_options options = {.region = "us-east-1", .access_key = "A", .secret_key = "b"};

    fixture_begin(&options);
    fixture_request("GET", "/-/metrics");
    fixture_check_error(401, "AccessDenied"); /* from loopback, as behind a proxy */
    fixture_request("GET", "/-/metrics");
    fixture_sign("A", "b", "us-east-1", "UNSIGNED-PAYLOAD", 0);
    fixture_serve();
    assert_int_equal(fixture.status, 200);
    assert_non_null(strstr(fixture.body, "\nsluice_http_requests_total 42\n"));
    assert_non_null(strstr(fixture.body, "\nsluice_http_responses_total{class=\"4xx\"} 7\n"));
    assert_non_null(
        strstr(fixture.body, "\nsluice_http_tls_handshake_failures_total{reason=\"plain_http\"} 3\n"));
    assert_non_null(strstr(fixture.body, "\nsluice_storage_free_bytes 123456\n"));
    fixture_request("GET", "/-/metrics");
    fixture_sign("A", "wrong", "us-east-1", "UNSIGNED-PAYLOAD", 0);
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_end();
}

static void test_metrics_for_all(void **state)
{
    const struct s3_service_options open = {.region = "us-east-1"};
    const struct s3_service_options public = {
        .region = "us-east-1", .access_key = "A", .secret_key = "b", .public_metrics = true};

    fixture_begin(&open);
    fixture_request("GET", "/-/metrics");
    fixture_serve();
    assert_int_equal(fixture.status, 200);
    fixture_end();
    fixture_begin(&public);
    fixture_request("GET", "/-/metrics");
    set_peer("192.0.2.1");
    fixture_serve();
    assert_int_equal(fixture.status, 200);
    fixture_end();
}

static void check_name(const char *method, const char *path, const char *name)
{
    fixture_request(method, path);
    fixture_serve();
    if (name == NULL)
        assert_null(fixture.req->name);
    else
        assert_string_equal(fixture.req->name, name);
}

static void check_count(const char *name, unsigned count)
{
    char line[128];

    snprintf(line, sizeof(line), "\nsluice_s3_requests_total{operation=\"%s\"} %u\n", name, count);
    assert_non_null(strstr(fixture.body, line));
}

/* Every request has the name of its operation in log and metrics, also when it is refused: here nobody signs. */
static void test_operations(void **state)
{
    const struct s3_service_options options = {
        .region = "us-east-1", .access_key = "A", .secret_key = "b", .public_metrics = true};

    fixture_begin(&options);
    check_name("GET", "/bucket/key", "GetObject");
    fixture.worker = 3;
    check_name("GET", "/bucket/key?uploads", "GetObject");
    check_name("PUT", "/bucket/key?uploadId=1", "UploadPart");
    check_name("GET", "/", "ListBuckets");
    check_name("DELETE", "/bucket?metrics", "DeleteBucketMetricsConfiguration");
    check_name("DELETE", "/bucket?metrics&id=1", "DeleteBucketMetricsConfiguration");
    check_name("OPTIONS", "/bucket/key", "OPTIONS");
    check_name("PUT", "/bucket?location", NULL);
    check_name("GET", "/-/metrics", NULL);
    assert_int_equal(fixture.status, 200);
    check_count("GetObject", 2);
    check_count("UploadPart", 1);
    check_count("ListBuckets", 1);
    check_count("DeleteBucketMetricsConfiguration", 2);
    check_count("PutObject", 0);
    check_count("OPTIONS", 1);
    fixture_end();
}

/* Paths and hosts of any bytes: parsed or refused. */
static void test_anything(void **state)
{
    static const char *const domains[] = {"d", NULL};
    const struct s3_service_options options = {.region = "us-east-1", .domains = domains};
    static const char alphabet[] = "//%%%02bc.-?&==+d:\xc3\xa9";

    srandom(7);
    fixture_begin(&options);
    for (int round = 0; round < 20000; round++) {
        char path[48] = "/", host[16] = "";
        struct s3_request *request;
        enum s3_error error;

        for (size_t i = 1; i < 1 + (size_t)random() % 40; i++)
            path[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        for (size_t i = 0; i < (size_t)random() % 12; i++)
            host[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        fixture_request("GET", path);
        fixture_header("host", host);
        request = fixture_bare();
        error = s3_request_parse(request);
        assert_non_null(request->bucket_name.base);
        assert_non_null(request->key.base);
        if (error == S3_ERROR_NONE && request->bucket_name.len != 0)
            assert_true(bucket_name_is_valid(request->bucket_name.base, request->bucket_name.len));
    }
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_refused_paths),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_virtual_hosts),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_error_document),
        cmocka_unit_test(test_answers_without_body),
        cmocka_unit_test(test_refusal_before_continue),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_open_bucket),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_metrics_for_all),
        cmocka_unit_test(test_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
