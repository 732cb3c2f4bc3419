/* SPDX-License-Identifier: MIT
 *
 * The aws-chunked framing: driven as the HTTP front drives it, in pieces of every size; what it accepts, what
 * it refuses, and how little payload its hints pull through memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/body/aws_chunked.h"

#define S "5555555555555555555555555555555555555555555555555555555555555555"
#define T "6666666666666666666666666666666666666666666666666666666666666666"
#define Z "7777777777777777777777777777777777777777777777777777777777777777"

struct run {
    struct aws_chunked chunked;
    char payload[4096];
    size_t payload_length;
    size_t through_memory; /* payload that arrived because a hint was too large */
    size_t used;           /* of the wire */
    /* from events */
    char events[2048];
    int fail_event;
};

static int add_event(struct run *run, const char *name, uint64_t end, const unsigned char *claimed,
                     const unsigned char *previous)
{
    size_t at = strlen(run->events);

    snprintf(run->events + at, sizeof(run->events) - at, "%s %u %02x %02x;", name, (unsigned)end, claimed[0],
             previous[0]);
    return run->fail_event;
}

static int on_chunk(void *ctx, uint64_t end, const unsigned char claimed[32],
                    const unsigned char previous[32])
{
    return add_event(ctx, "chunk", end, claimed, previous);
}

static int on_final(void *ctx, const unsigned char claimed[32], const unsigned char previous[32])
{
    return add_event(ctx, "final", 0, claimed, previous);
}

static int on_trailers(void *ctx, const char *trailers, size_t length, const unsigned char claimed[32],
                       const unsigned char previous[32])
{
    return add_event(ctx, "trailers", length, claimed, previous);
}

static struct aws_chunked_options options_of(struct run *run, bool is_signed, bool has_trailer,
                                             uint64_t decoded_length)
{
    struct aws_chunked_options options = {
        .is_signed = is_signed,
        .has_trailer = has_trailer,
        .decoded_length = decoded_length,
        .wire_length = UINT64_MAX,
        .events = {.on_chunk = on_chunk, .on_final = on_final, .on_trailers = on_trailers, .ctx = run},
    };

    options.trailer_names = "x-amz-checksum-crc32, X-Other";
    options.trailer_names_length = strlen(options.trailer_names);
    memset(options.seed, 0x44, sizeof(options.seed));
    return options;
}

static int take_payload(struct run *run, const char *wire, size_t length, size_t piece)
{
    struct framing *framing = &run->chunked.base;
    uint64_t count = framing->ops->run(framing);

    count = count < length ? count : length;
    count = count < piece ? count : piece;
    assert_true(run->payload_length + count <= sizeof(run->payload));
    memcpy(run->payload + run->payload_length, wire, count);
    run->payload_length += count;
    run->used += count;
    return framing->ops->take(framing, count);
}

/* Reads as the front does: exactly what the hint asks for, or less; what is left of a read after feed is more
 * of the body. */
static int drive(struct run *run, const char *wire, size_t length, size_t piece)
{
    struct framing *framing = &run->chunked.base;
    size_t held = 0; /* bytes read for framing and not used yet */

    while (!framing->ops->done(framing)) {
        size_t left = length - run->used, want;
        ssize_t fed;
        int result;

        if (left == 0)
            return -ECONNRESET;
        if (framing->ops->run(framing) > 0) {
            size_t before = run->payload_length;

            result = take_payload(run, wire + run->used, held != 0 ? held : left, held != 0 ? held : piece);
            if (held != 0)
                run->through_memory += run->payload_length - before;
            held -= held != 0 ? run->payload_length - before : 0;
            if (result != 0)
                return result;
            continue;
        }
        want = framing->ops->hint(framing);
        assert_true(want >= 1);
        want = want < piece ? want : piece;
        want = held != 0 ? held : want < left ? want : left;
        fed = framing->ops->feed(framing, wire + run->used, want);
        if (fed < 0) {
            assert_int_equal(framing->ops->feed(framing, "0", 1), fed); /* sticky */
            assert_int_equal(framing->ops->run(framing), 0);
            assert_false(framing->ops->done(framing));
            return (int)fed;
        }
        assert_true((size_t)fed <= want);
        run->used += (size_t)fed;
        held = want - (size_t)fed;
    }
    return 0;
}

static int drive_string(struct run *run, const struct aws_chunked_options *options, const char *wire,
                        size_t piece)
{
    memset(run->payload, 0, sizeof(run->payload));
    run->payload_length = run->through_memory = run->used = 0;
    run->events[0] = '\0';
    aws_chunked_init(&run->chunked, options);
    return drive(run, wire, strlen(wire), piece);
}

/* Accepted in pieces of every size, with the same payload and events. */
static void check_accepts(struct run *run, const struct aws_chunked_options *options, const char *wire,
                          const char *payload, const char *events)
{
    for (size_t piece = 1; piece <= strlen(wire); piece++) {
        assert_int_equal(drive_string(run, options, wire, piece), 0);
        assert_int_equal(run->payload_length, strlen(payload));
        assert_memory_equal(run->payload, payload, strlen(payload));
        assert_string_equal(run->events, events);
    }
}

static void check_refuses(const struct aws_chunked_options *options, struct run *run, const char *wire,
                          int expected)
{
    assert_int_equal(drive_string(run, options, wire, 1), expected);
    assert_int_equal(drive_string(run, options, wire, 4096), expected);
}

static void test_signed(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, true, false, 19);
    const char *wire = "10;chunk-signature=" S "\r\n0123456789abcdef\r\n3;chunk-signature=" T "\r\nxyz\r\n"
                       "0;chunk-signature=" Z "\r\n\r\n";

    check_accepts(&run, &options, wire, "0123456789abcdefxyz",
                  "chunk 16 55 44;chunk 19 66 55;final 0 77 66;");
    assert_int_equal(run.used, strlen(wire));
    options.wire_length = strlen(wire);
    check_accepts(&run, &options, wire, "0123456789abcdefxyz",
                  "chunk 16 55 44;chunk 19 66 55;final 0 77 66;");
    /* Pipelined requests after the body stay where they are. */
    assert_int_equal(drive_string(&run, &options, wire, 4096), 0);
}

static void test_signed_empty(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, true, false, 0);

    check_accepts(&run, &options, "0;chunk-signature=" S "\r\n\r\n", "", "final 0 55 44;");
}

static void check_trailer(const struct run *run, const char *name, const char *expected)
{
    size_t length;
    const char *value = aws_chunked_trailer(&run->chunked, name, &length);

    if (expected == NULL) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(value, expected, length);
}

static void test_unsigned_trailer(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, false, true, 5);

    check_accepts(&run, &options, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "hello", "");
    check_trailer(&run, "x-amz-checksum-crc32", "NhCmhg==");
    check_trailer(&run, "x-amz-checksum-crc3", NULL);
    check_trailer(&run, "x-other", NULL);
}

static void test_trailer_forms(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, false, true, 5);
    const char *wire = "00005\r\nhello\r\n000\r\nX-Other: \t two words \r\nx-amz-checksum-crc32:\r\n\r\n";

    check_accepts(&run, &options, wire, "hello", "");
    check_trailer(&run, "x-other", "two words");
    check_trailer(&run, "x-amz-checksum-crc32", "");
    /* No trailer although some were allowed. */
    check_accepts(&run, &options, "5\r\nhello\r\n0\r\n\r\n", "hello", "");
    /* minio-go: bare line feeds, and an empty line too many. */
    wire = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n\r\n";
    options.wire_length = strlen(wire);
    check_accepts(&run, &options, wire, "hello", "");
    assert_int_equal(run.used, strlen(wire));
    options.wire_length = UINT64_MAX;
    assert_int_equal(drive_string(&run, &options, wire, 4096), 0);
    assert_int_equal(run.used, strlen(wire));
}

static void test_signed_trailer(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, true, true, 1);
    const char *events = "chunk 1 55 44;final 0 66 55;trailers 30 77 66;";

    check_accepts(&run, &options,
                  "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T
                  "\r\nx-amz-checksum-crc32:NhCmhg==\r\n"
                  "x-amz-trailer-signature:" Z "\r\n\r\n",
                  "a", events);
    check_accepts(&run, &options, /* minio-go */
                  "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T
                  "\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n"
                  "x-amz-trailer-signature:" Z "\r\n\r\n",
                  "a", events);
    check_trailer(&run, "x-amz-checksum-crc32", "NhCmhg==");
    check_trailer(&run, "x-amz-trailer-signature", NULL);
}

static void test_refuses_unsigned(void **state)
{
    static const char *const bad[] = {
        "\r\nhello\r\n0\r\n\r\n",
        "g\r\n",
        "-5\r\n",
        "+5\r\n",
        " 5\r\n",
        "5 \r\n",
        "0x5\r\n",
        "5\n",
        "5;chunk-signature=" S "\r\n",
        "5;a=b\r\n",
        "6\r\n",                  /* more than announced */
        "4\r\nhell\r\n0\r\n\r\n", /* less */
        "5\r\nhelloX0\r\n",
        "5\r\nhello\rX",
        "5\r\nhello\r\n1\r\n",
        "5\r\nhello\r\n0\r\nno-colon\r\n\r\n",
        "5\r\nhello\r\n0\r\n:empty\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32 :a\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-not-announced:a\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-other:a\x01\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-other:a\r\nx-other:b\r\n\r\n",
        "5\r\nhello\r\n0\r\n x-other:a\r\n\r\n",
        "00000000000000005\r\n",
    };
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, false, true, 5);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refuses(&options, &run, bad[i], -EBADMSG);
    check_refuses(&options, &run, "140000001\r\n", -EMSGSIZE);
    check_refuses(&options, &run, "ffffffffffffffff\r\n", -EMSGSIZE);
    check_refuses(&options, &run, "5\r\nhell", -ECONNRESET);
    check_refuses(&options, &run, "5\r\nhello\r\n0\r\n", -ECONNRESET);
    options.wire_length = 100;
    check_refuses(&options, &run, "5\r\nhello\r\n0\r\n\r\n", -EBADMSG); /* then rubbish up to 100 */
    options.wire_length = strlen("5\r\nhello\r\n0\r\n\r\nXX");
    check_refuses(&options, &run, "5\r\nhello\r\n0\r\n\r\nXX", -EBADMSG);
}

static void test_refuses_signed(void **state)
{
    static const char *const bad[] = {
        "1\r\na\r\n",
        "1;chunk-signature=" S "0\r\n",
        "1;chunk-signature=555\r\n",
        "1;chunk-signaturE=" S "\r\n",
        "1;chunk-signature=" S ";x=y\r\n",
        ";chunk-signature=" S "\r\n",
        "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T "\r\n\r\n\r\n", /* no trailer signature */
        "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T "\r\nx-other:1\r\n\r\n\r\n",
        "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T "\r\nx-amz-trailer-signature:55\r\n\r\n",
        "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T "\r\nx-amz-trailer-signature:" Z
        "\r\nx-other:1\r\n\r\n",
    };
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, true, true, 1);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refuses(&options, &run, bad[i], -EBADMSG);
    options.has_trailer = false;
    check_refuses(&options, &run,
                  "1;chunk-signature=" S "\r\na\r\n0;chunk-signature=" T "\r\nx-other:1\r\n\r\n", -EBADMSG);
    run.fail_event = -EIO;
    check_refuses(&options, &run, "1;chunk-signature=" S "\r\na\r\n", -EIO);
}

static void test_bounds(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, false, true, 0);
    char *wire = calloc(1, 3 * S3_TRAILER_BYTES_MAX), names[S3_TRAILER_BYTES_MAX] = "";
    size_t at = 0;

    memset(wire, '0', S3_CHUNK_LINE_BYTES_MAX + 1);
    check_refuses(&options, &run, wire, -EMSGSIZE);
    memset(wire, 0, S3_CHUNK_LINE_BYTES_MAX + 1);
    at = (size_t)sprintf(wire, "0\r\n");
    for (int i = 0; i < 20; i++) {
        sprintf(names + strlen(names), "n%d,", i);
        at += (size_t)sprintf(wire + at, "n%d:%0300d\r\n", i, 0);
    }
    sprintf(wire + at, "\r\n");
    options.trailer_names = names;
    options.trailer_names_length = strlen(names);
    check_refuses(&options, &run, wire, -EMSGSIZE);
    free(wire);
}

/* With chunks of one size no payload at all passes through memory, but for what follows a last, shorter
 * chunk's longer guess. */
static void test_hints(void **state)
{
    struct run run = {.fail_event = 0};
    struct aws_chunked_options options = options_of(&run, true, false, 4 * 256 + 16);
    char wire[4096], block[257];
    size_t at = 0;

    memset(block, 'p', 256);
    block[256] = '\0';
    for (int i = 0; i < 4; i++)
        at += (size_t)sprintf(wire + at, "100;chunk-signature=" S "\r\n%s\r\n", block);
    sprintf(wire + at, "10;chunk-signature=" S "\r\n%.16s\r\n0;chunk-signature=" S "\r\n\r\n", block);
    assert_int_equal(drive_string(&run, &options, wire, 4096), 0);
    assert_int_equal(run.payload_length, 4 * 256 + 16);
    assert_int_equal(run.through_memory, 0);
    options.is_signed = false;
    at = 0;
    for (int i = 0; i < 4; i++)
        at += (size_t)sprintf(wire + at, "100\r\n%s\r\n", block);
    sprintf(wire + at, "10\r\n%.16s\r\n0\r\n\r\n", block);
    assert_int_equal(drive_string(&run, &options, wire, 4096), 0);
    assert_int_equal(run.payload_length, 4 * 256 + 16);
    assert_int_equal(run.through_memory, 0);
}

/* Valid bodies with bytes changed, in random pieces: whatever comes out, bounds hold. */
static void test_mutated(void **state)
{
    static const char *const seeds[] = {
        "10;chunk-signature=" S "\r\n0123456789abcdef\r\n3;chunk-signature=" T
        "\r\nxyz\r\n0;chunk-signature=" Z "\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:" Z
        "\r\n\r\n",
        "10\r\n0123456789abcdef\r\n3\r\nxyz\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-other:1\r\n\r\n",
    };
    unsigned accepted = 0;

    srandom(5);
    for (int round = 0; round < 40000; round++) {
        struct run run = {.fail_event = 0};
        struct aws_chunked_options options = options_of(&run, round % 2 == 0, true, 19);
        char wire[512];
        size_t length = strlen(seeds[round % 2]);

        memcpy(wire, seeds[round % 2], length);
        for (int changes = (int)(random() % 3); changes > 0; changes--)
            wire[(size_t)random() % length] = "\r\n0;:a\x01"[random() % 7];
        aws_chunked_init(&run.chunked, &options);
        if (drive(&run, wire, length, 1 + (size_t)random() % 64) == 0) {
            accepted++;
            assert_int_equal(run.payload_length, 19);
        }
    }
    assert_true(accepted > 10000 && accepted < 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed),         cmocka_unit_test(test_signed_empty),
        cmocka_unit_test(test_trailer_forms),  cmocka_unit_test(test_unsigned_trailer),
        cmocka_unit_test(test_signed_trailer), cmocka_unit_test(test_refuses_unsigned),
        cmocka_unit_test(test_refuses_signed), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_hints),          cmocka_unit_test(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
