/* SPDX-License-Identifier: MIT
 *
 * Request bodies: which coding and length the headers mean, signed chunks end to end, and which error a
 * failure becomes. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/body/s3_body.h"
#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/hex.h"
#include "tests/unit/s3/s3_fixture.h"

#define KEY     "AKIAEXAMPLE"
#define SECRET  "s3cr3t"
#define REGION  "us-east-1"
#define HELLO   "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* SHA-256 of "hello" */
#define SIGNED  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define TRAILED "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

static const struct s3_service_options closed = {.region = REGION, .access_key = KEY, .secret_key = SECRET};

/* A signed PUT with that payload text; body_length on the wire. decoded: x-amz-decoded-content-length or
 * NULL. */
static struct s3_request *put(const char *payload, const char *decoded, uint64_t body_length)
{
    fixture_request("PUT", "/bucket/a");
    fixture.body_length = body_length;
    if (decoded != NULL)
        fixture_header("x-amz-decoded-content-length", decoded);
    fixture_header("x-amz-trailer", "x-amz-checksum-crc32");
    fixture_sign(KEY, SECRET, REGION, payload, 0);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    return fixture.dispatched;
}

static void check_prepare(const char *payload, const char *decoded, uint64_t body_length,
                          enum s3_error expected, bool is_coded, uint64_t length)
{
    struct s3_body *body;

    assert_int_equal(s3_body_prepare(put(payload, decoded, body_length), &body), expected);
    if (expected != S3_ERROR_NONE)
        return;
    assert_int_equal(s3_body_coding(body) != NULL, is_coded);
    assert_int_equal(s3_body_length(body), length);
}

static void test_prepare(void **state)
{
    fixture_begin(&closed);
    check_prepare("UNSIGNED-PAYLOAD", NULL, 7, S3_ERROR_NONE, false, 7);
    check_prepare("UNSIGNED-PAYLOAD", NULL, UINT64_MAX, S3_ERROR_NONE, false, UINT64_MAX);
    check_prepare(HELLO, NULL, 5, S3_ERROR_NONE, false, 5);
    check_prepare("UNSIGNED-PAYLOAD", NULL, S3_PUT_BYTES_MAX + 1, S3_ERROR_ENTITY_TOO_LARGE, false, 0);
    check_prepare(SIGNED, "5", 200, S3_ERROR_NONE, true, 5);
    check_prepare(SIGNED, "5", UINT64_MAX, S3_ERROR_NONE, true, 5);
    check_prepare(SIGNED, NULL, 200, S3_ERROR_MISSING_CONTENT_LENGTH, true, 0);
    check_prepare(SIGNED, "x", 200, S3_ERROR_INVALID_ARGUMENT, true, 0);
    check_prepare(SIGNED, "", 200, S3_ERROR_INVALID_ARGUMENT, true, 0);
    check_prepare(SIGNED, "-1", 200, S3_ERROR_INVALID_ARGUMENT, true, 0);
    check_prepare(SIGNED, "99999999999999999999", 200, S3_ERROR_INVALID_ARGUMENT, true, 0);
    check_prepare(SIGNED, "200", 200, S3_ERROR_INVALID_REQUEST, true, 0);
    check_prepare(SIGNED, "5368709121", UINT64_MAX, S3_ERROR_ENTITY_TOO_LARGE, true, 0);
    fixture_end();
}

/* An SDK that does not sign names the coding only in Content-Encoding. */
static void test_prepare_unsigned(void **state)
{
    struct s3_body *body;

    fixture_begin(NULL);
    fixture_request("PUT", "/bucket/a");
    fixture.body_length = UINT64_MAX;
    fixture_header("content-encoding", "gzip, AWS-chunked");
    fixture_header("x-amz-decoded-content-length", "5");
    fixture_header("x-amz-trailer", "x-amz-checksum-crc32");
    fixture_serve();
    assert_int_equal(s3_body_prepare(fixture.dispatched, &body), S3_ERROR_NONE);
    assert_non_null(s3_body_coding(body));
    assert_int_equal(s3_body_length(body), 5);
    assert_true(s3_body_has_trailer(body, "x-amz-checksum-crc32"));
    assert_false(s3_body_has_trailer(body, "x-amz-checksum-crc32c"));
    assert_null(s3_body_chunk_ops(body));
    fixture_end();
}

/* ---- Bodies as a client writes them ---- */

struct writer {
    char wire[4096];
    size_t length;
    unsigned char previous[32];
};

static void sign_next(struct writer *writer, const char *algorithm, const char *lines,
                      unsigned char signature[32])
{
    char text[1024], hex[65] = {0};
    unsigned char key[32];

    hex_encode(writer->previous, 32, hex);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-%s\n%s\n%.8s/" REGION "/s3/aws4_request\n%s\n%s",
             algorithm, fixture_timestamp, fixture_timestamp, hex, lines);
    s3_sigv4_signing_key(NULL, SLICE(SECRET), slice_of(fixture_timestamp, 8), SLICE(REGION), key);
    s3_sigv4_sign(NULL, key, slice_text(text), signature);
    memcpy(writer->previous, signature, 32);
}

static void hash_hex(const char *data, size_t length, char hex[65])
{
    unsigned char digest[32];

    s3_sha256(data, length, digest);
    hex_encode(digest, 32, hex);
    hex[64] = '\0';
}

static void write_chunk(struct writer *writer, const char *data)
{
    char lines[160], empty[65], hex[65], signature_hex[65] = {0};
    unsigned char signature[32];

    hash_hex("", 0, empty);
    hash_hex(data, strlen(data), hex);
    snprintf(lines, sizeof(lines), "%s\n%s", empty, hex);
    sign_next(writer, "PAYLOAD", lines, signature);
    hex_encode(signature, 32, signature_hex);
    writer->length += (size_t)sprintf(writer->wire + writer->length, "%zx;chunk-signature=%s\r\n%s%s",
                                      strlen(data), signature_hex, data, *data != '\0' ? "\r\n" : "");
}

static void write_trailer(struct writer *writer, const char *trailer)
{
    char text[128], hex[65], signature_hex[65] = {0};
    unsigned char signature[32];

    snprintf(text, sizeof(text), "%s\n", trailer);
    hash_hex(text, strlen(text), hex);
    sign_next(writer, "TRAILER", hex, signature);
    hex_encode(signature, 32, signature_hex);
    writer->length += (size_t)sprintf(writer->wire + writer->length, "%s\r\nx-amz-trailer-signature:%s\r\n",
                                      trailer, signature_hex);
}

struct collected {
    int calls;
    enum s3_error error;
    char text[64];
};

static void on_collected(struct s3_request *request, enum s3_error error, struct slice body, void *ctx)
{
    struct collected *collected = ctx;

    collected->calls++;
    collected->error = error;
    if (error == S3_ERROR_NONE)
        snprintf(collected->text, sizeof(collected->text), "%.*s", (int)body.len, body.base);
}

static struct collected collect(struct s3_request *request, const char *wire, size_t length)
{
    struct collected collected = {.calls = 0};

    fixture.wire = wire;
    fixture.wire_length = length;
    s3_body_collect(request, 32, on_collected, &collected);
    assert_int_equal(collected.calls, 1);
    return collected;
}

/* tamper: offset into the wire of a byte to change, or -1. */
static struct collected collect_signed(bool has_trailer, ssize_t tamper)
{
    struct writer writer = {.length = 0};
    struct s3_request *request = put(has_trailer ? TRAILED : SIGNED, "11", UINT64_MAX);

    memcpy(writer.previous, fixture_signature, 32);
    write_chunk(&writer, "hello ");
    write_chunk(&writer, "world");
    write_chunk(&writer, "");
    if (has_trailer)
        write_trailer(&writer, "x-amz-checksum-crc32:DUoRhQ==");
    writer.length += (size_t)sprintf(writer.wire + writer.length, "\r\n");
    if (tamper >= 0) {
        char *at = writer.wire + tamper;

        assert_true((size_t)tamper < writer.length);
        *at = *at == '0' ? '1' : '0';
    }
    return collect(request, writer.wire, writer.length);
}

static void test_signed_chunks(void **state)
{
    struct collected collected;
    size_t first = strlen("6;chunk-signature="), second = first + 64 + 2 + 6 + 2 + first;

    fixture_begin(&closed);
    collected = collect_signed(false, -1);
    assert_int_equal(collected.error, S3_ERROR_NONE);
    assert_string_equal(collected.text, "hello world");
    assert_int_equal(collect_signed(false, (ssize_t)first).error, S3_ERROR_CHUNK_SIGNATURE);
    assert_int_equal(collect_signed(false, (ssize_t)first + 66).error,
                     S3_ERROR_CHUNK_SIGNATURE); /* payload */
    assert_int_equal(collect_signed(false, (ssize_t)second).error, S3_ERROR_CHUNK_SIGNATURE);
    assert_int_equal(collect_signed(false, (ssize_t)second + 66 + 5 + 2 + (ssize_t)first).error,
                     S3_ERROR_CHUNK_SIGNATURE); /* the final chunk */
    collected = collect_signed(true, -1);
    assert_int_equal(collected.error, S3_ERROR_NONE);
    assert_string_equal(collected.text, "hello world");
    assert_int_equal(collect_signed(true, (ssize_t)second + 66 + 5 + 2 + (ssize_t)first + 66 + 23).error,
                     S3_ERROR_CHUNK_SIGNATURE); /* the trailer's value */
    fixture_end();
}

static struct collected collect_text(const char *payload, const char *decoded, const char *wire)
{
    struct s3_request *request = put(payload, decoded, decoded != NULL ? UINT64_MAX : strlen(wire));

    return collect(request, wire, strlen(wire));
}

static void test_collect(void **state)
{
#define TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    struct collected collected;

    fixture_begin(&closed);
    collected = collect_text(HELLO, NULL, "hello");
    assert_int_equal(collected.error, S3_ERROR_NONE);
    assert_string_equal(collected.text, "hello");
    assert_int_equal(collect_text(HELLO, NULL, "hellO").error, S3_ERROR_CONTENT_SHA256_MISMATCH);
    assert_int_equal(collect_text("UNSIGNED-PAYLOAD", NULL, "").error, S3_ERROR_NONE);
    assert_int_equal(collect_text("UNSIGNED-PAYLOAD", NULL, "123456789012345678901234567890123").error,
                     S3_ERROR_MESSAGE_TOO_LONG);
    assert_int_equal(
        collect_text(TRAILER, "5", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n").error,
        S3_ERROR_NONE);
    assert_int_equal(collect_text(TRAILER, "5", "5\r\nhello\r\n0\r\n\r\n").error, S3_ERROR_MALFORMED_TRAILER);
    assert_int_equal(/* another than was announced */
                     collect_text(TRAILER, "5", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:mnG7TA==\r\n\r\n")
                         .error,
                     S3_ERROR_MALFORMED_TRAILER);
    assert_int_equal(
        collect_text(TRAILER, "5", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-b:1\r\n\r\n").error,
        S3_ERROR_MALFORMED_TRAILER);
    assert_int_equal(collect_text(TRAILER, "5", "5\r\nhel").error, S3_ERROR_INCOMPLETE_BODY);
    assert_int_equal(collect_text(TRAILER, "5", "zz\r\nhello").error, S3_ERROR_INVALID_REQUEST);
    assert_int_equal(collect_text(TRAILER, "6", "5\r\nhello\r\n0\r\n\r\n").error, S3_ERROR_INVALID_REQUEST);
    fixture_end();
}

/* Two chunks of a streamed body, told with the tags that the digest threads will check. */
struct told {
    int count;
    struct digest_chunk chunk[4];
};

static int on_chunk_end(void *ctx, const struct digest_chunk *chunk)
{
    struct told *told = ctx;

    assert_true(told->count < 4);
    told->chunk[told->count++] = *chunk;
    return 0;
}

static void test_streamed_chunks(void **state)
{
    struct writer writer = {.length = 0};
    struct told told = {.count = 0};
    const struct digest_chunk_ops *ops;
    struct framing *coding;
    struct s3_body *body;
    unsigned char sha256[32];
    size_t used = 0;

    fixture_begin(&closed);
    assert_int_equal(s3_body_prepare(put(SIGNED, "11", UINT64_MAX), &body), S3_ERROR_NONE);
    memcpy(writer.previous, fixture_signature, 32);
    write_chunk(&writer, "hello ");
    write_chunk(&writer, "world");
    write_chunk(&writer, "");
    writer.length += (size_t)sprintf(writer.wire + writer.length, "\r\n");
    s3_body_attach(body, on_chunk_end, &told);
    ops = s3_body_chunk_ops(body);
    assert_non_null(ops);
    coding = s3_body_coding(body);
    while (!coding->ops->done(coding)) {
        uint64_t run = coding->ops->run(coding);

        if (run > 0)
            assert_int_equal(coding->ops->take(coding, run), 0);
        used += run > 0 ? run : (size_t)coding->ops->feed(coding, writer.wire + used, 1);
    }
    assert_int_equal(s3_body_finish(body), S3_ERROR_NONE);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.chunk[0].end, 6);
    assert_int_equal(told.chunk[1].end, 11);
    fixture_request("GET", "/"); /* the request is gone; the digest stream is still at work */
    s3_sha256("hello ", 6, sha256);
    assert_int_equal(ops->verify(ops->ctx, sha256, &told.chunk[0]), 0);
    assert_int_equal(ops->verify(ops->ctx, sha256, &told.chunk[1]), -EBADMSG);
    s3_sha256("world", 5, sha256);
    assert_int_equal(ops->verify(ops->ctx, sha256, &told.chunk[1]), 0);
    ops->released(ops->ctx);
    fixture_end();
}

static void test_errors(void **state)
{
    struct s3_body *body;

    fixture_begin(&closed);
    assert_int_equal(s3_body_prepare(put("UNSIGNED-PAYLOAD", NULL, 5), &body), S3_ERROR_NONE);
    assert_int_equal(s3_body_error(body, -ECONNRESET), S3_ERROR_INCOMPLETE_BODY);
    assert_int_equal(s3_body_error(body, -ETIMEDOUT), S3_ERROR_REQUEST_TIMEOUT);
    assert_int_equal(s3_body_error(body, -ENOSPC), S3_ERROR_STORAGE_FULL);
    assert_int_equal(s3_body_error(body, -EIO), S3_ERROR_INTERNAL_ERROR);
    assert_int_equal(s3_body_error(body, -EBADMSG), S3_ERROR_INVALID_REQUEST);
    assert_int_equal(s3_body_finish(body), S3_ERROR_NONE);
    assert_int_equal(s3_body_error(body, -EBADMSG), S3_ERROR_CHUNK_SIGNATURE); /* the seal's word */
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare),         cmocka_unit_test(test_prepare_unsigned),
        cmocka_unit_test(test_signed_chunks),   cmocka_unit_test(test_collect),
        cmocka_unit_test(test_streamed_chunks), cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
