/* SPDX-License-Identifier: MIT
 *
 * Requests as they are signed, by AWS's own examples ("Signature Calculations for the Authorization Header", "Using Query Parameters"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/client/request.h"
#include "api/client/uploads.h"

#define UNIX_S 1369353600 /* 20130524T000000Z */

static struct client_target target = {
    .origin = "https://examplebucket.s3.amazonaws.com",
    .identity = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                 .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                 .region = "us-east-1"},
};

static const char *header(const struct client_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (slice_is(request->headers[i].name, name))
            return request->headers[i].value.base;
    return NULL;
}

static void test_header(void **state)
{
    struct arena arena;
    struct client_request request;
    const char *authorization;

    arena_init(&arena, NULL);
    client_request_begin(&request, &arena, "GET", "test.txt", NULL);
    client_request_header(&request, "range", "bytes=0-9");
    for (unsigned i = 0; i < 2; i++) { /* signing again gives the same */
        client_request_sign(&request, &target, UNIX_S);
        authorization = header(&request, "authorization");
        assert_non_null(authorization);
        assert_non_null(strstr(authorization, "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"));
        assert_non_null(strstr(authorization,
                               "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
        assert_int_equal(request.header_count, 5);
    }
    arena_free(&arena);
}

static void test_query(void **state)
{
    struct arena arena;
    struct client_request request;
    struct slice url;

    arena_init(&arena, NULL);
    client_request_begin(&request, &arena, "GET", "test.txt", NULL);
    url = client_request_presign(&request, &target, UNIX_S, 86400);
    assert_non_null(strstr(
        url.base, "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
    assert_non_null(strstr(
        url.base, "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
    arena_free(&arena);
}

static void test_path_and_body(void **state)
{
    static char large[CLIENT_SIGNED_BODY_BYTES_MAX + 1];
    struct client_target open = {.origin = "http://h:80", .identity = {.region = "us-east-1"}};
    struct arena arena;
    struct client_request request;

    arena_init(&arena, NULL);
    client_request_begin(&request, &arena, "PUT", "b", "a b/../%?#\xc3\xbc//");
    assert_true(slice_is(request.path, "/b/a%20b/../%25%3F%23%C3%BC//"));
    client_request_query(&request, "uploads", NULL);
    client_request_query(&request, "prefix", "x&y=z");
    assert_true(slice_is(request.query, "uploads=&prefix=x%26y%3Dz"));
    client_request_body(&request, large, sizeof(large));
    client_request_sign(&request, &target, UNIX_S);
    assert_string_equal(header(&request, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    client_request_body(&request, "", 0);
    client_request_sign(&request, &target, UNIX_S);
    assert_string_equal(header(&request, "x-amz-content-sha256"),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    client_request_sign(&request, &open, UNIX_S); /* without a key, nobody signs */
    assert_null(header(&request, "authorization"));
    assert_string_equal(header(&request, "host"), "h");
    arena_free(&arena);
}

static void test_too_many_headers(void **state)
{
    struct arena arena;
    struct client_request request;

    arena_init(&arena, NULL);
    client_request_begin(&request, &arena, "PUT", "b", "k");
    for (unsigned i = 0; i < CLIENT_HEADERS_MAX; i++)
        client_request_header(&request, "x-amz-meta-a", "b");
    assert_false(request.is_too_large);
    client_request_sign(&request, &target, UNIX_S);
    assert_true(request.is_too_large);
    arena_free(&arena);
}

static void test_crc(void **state)
{
    struct client_sum whole = {0}, left = {0}, right = {0};
    char text[CLIENT_CRC_TEXT_BYTES];
    uint64_t crc;

    client_sum_add(&whole, "hello, world", 12);
    client_sum_add(&left, "hello", 5);
    client_sum_add(&right, ", world", 7);
    assert_true(client_crc_combine(left.crc, right.crc, 7) == whole.crc);
    client_crc_format(whole.crc, text);
    assert_true(client_crc_parse(text, &crc) && crc == whole.crc);
    assert_true(client_sum_is(&whole, text));
    assert_false(client_sum_is(&left, text));
    assert_true(client_sum_is(&left, NULL)); /* who says nothing cannot be compared with */
    assert_false(client_crc_parse("AAAA", &crc));
    assert_false(client_crc_parse(NULL, &crc));
}

/* AWS's own example, said in the other way: the bucket is a word of its own, and the signature comes out the same. */
static void test_addressing(void **state)
{
    static const struct {
        enum client_addressing addressing;
        const char *bucket, *key, *origin, *path;
    } rows[] = {
        {CLIENT_ADDRESS_PATH, "examplebucket", "a b", "https://s3.amazonaws.com", "/examplebucket/a%20b"},
        {CLIENT_ADDRESS_VIRTUAL, "examplebucket", "a b", "https://examplebucket.s3.amazonaws.com", "/a%20b"},
        {CLIENT_ADDRESS_VIRTUAL, "examplebucket", NULL, "https://examplebucket.s3.amazonaws.com", "/"},
        {CLIENT_ADDRESS_VIRTUAL, NULL, NULL, "https://s3.amazonaws.com", "/"},
        {CLIENT_ADDRESS_VIRTUAL, "Not A Bucket", "k", "https://s3.amazonaws.com", "/Not%20A%20Bucket/k"},
        {CLIENT_ADDRESS_VIRTUAL, "two.labels", "k", "https://two.labels.s3.amazonaws.com", "/k"},
        {CLIENT_ADDRESS_VIRTUAL_LABEL, "two.labels", "k", "https://s3.amazonaws.com", "/two.labels/k"},
        {CLIENT_ADDRESS_VIRTUAL_LABEL, "one", "k", "https://one.s3.amazonaws.com", "/k"},
    };
    struct client_target general = target;
    struct client_request request;
    struct arena arena;

    general.origin = "https://s3.amazonaws.com";
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        general.addressing = rows[i].addressing;
        client_request_begin(&request, &arena, "GET", rows[i].bucket, rows[i].key);
        client_request_address(&request, &general);
        assert_true(slice_is(client_request_origin(&request, &general), rows[i].origin));
        assert_true(slice_is(request.path, rows[i].path));
    }
    general.addressing = CLIENT_ADDRESS_VIRTUAL;
    client_request_begin(&request, &arena, "GET", "examplebucket", "test.txt");
    client_request_address(&request, &general);
    client_request_header(&request, "range", "bytes=0-9");
    client_request_sign(&request, &general, UNIX_S);
    assert_non_null(strstr(header(&request, "authorization"),
                           "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),        cmocka_unit_test(test_query),
        cmocka_unit_test(test_path_and_body), cmocka_unit_test(test_too_many_headers),
        cmocka_unit_test(test_crc),           cmocka_unit_test(test_addressing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
