/* SPDX-License-Identifier: MIT
 *
 * Body framings: every split position of well-formed streams, a table of malformed ones, bounds, and the
 * hints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/body/framing.h"
#include "api/http/limits.h"

struct outcome {
    char payload[4096];
    size_t length;
    size_t used; /* of the input */
    int error;
    bool done;
};

/* Offers [data, data + length) as the pump does. Returns how much was used before it ended or wanted more. */
static size_t offer(struct framing *framing, const char *data, size_t length, struct outcome *outcome)
{
    size_t at = 0;

    while (at < length && !framing->ops->done(framing)) {
        uint64_t run = framing->ops->run(framing);

        if (run > 0) {
            size_t count = length - at < run ? length - at : (size_t)run;

            assert_true(outcome->length + count <= sizeof(outcome->payload));
            memcpy(outcome->payload + outcome->length, data + at, count);
            outcome->length += count;
            at += count;
            assert_int_equal(framing->ops->take(framing, count), 0);
        } else {
            ssize_t count;

            assert_true(framing->ops->hint(framing) >= 1);
            count = framing->ops->feed(framing, data + at, length - at);
            if (count < 0) {
                outcome->error = (int)count;
                /* errors are sticky */
                assert_int_equal(framing->ops->feed(framing, "0", 1), count);
                return at;
            }
            assert_true(count > 0);
            at += (size_t)count;
        }
    }
    return at;
}

/* Runs data in two pieces, split at `split`. */
static struct outcome run_split(const char *data, size_t length, size_t split)
{
    struct framing_chunked framing;
    struct outcome outcome = {.length = 0};

    framing_chunked_init(&framing);
    outcome.used = offer(&framing.base, data, split, &outcome);
    if (outcome.error == 0 && outcome.used == split)
        outcome.used += offer(&framing.base, data + split, length - split, &outcome);
    outcome.done = framing.base.ops->done(&framing.base);
    return outcome;
}

static struct outcome run_bytewise(const char *data, size_t length)
{
    struct framing_chunked framing;
    struct outcome outcome = {.length = 0};

    framing_chunked_init(&framing);
    for (size_t i = 0; i < length && outcome.error == 0 && !framing.base.ops->done(&framing.base); i++)
        outcome.used += offer(&framing.base, data + i, 1, &outcome);
    outcome.done = framing.base.ops->done(&framing.base);
    return outcome;
}

static void chunked_accepts_every_split(void **state)
{
    static const struct {
        const char *stream, *payload;
    } cases[] = {
        {"0\r\n\r\n", ""},
        {"000\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
        {"00005\r\nhello\r\n0\r\n\r\n", "hello"},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
        {"5;name=value\r\nhello\r\n0;last\r\n\r\n", "hello"},
        {"5 \t;name=\"quoted ; text\"\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n0\r\nX-Trailer: 1\r\nY:\r\n\r\n", "hello"},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
    };
    static const char next[] = "GET / HTTP/1.1\r\n";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char stream[512];
        size_t body = strlen(cases[i].stream), length;
        struct outcome outcome;

        length = (size_t)snprintf(stream, sizeof(stream), "%s%s", cases[i].stream, next);
        for (size_t split = 0; split <= length; split++) {
            outcome = run_split(stream, length, split);
            assert_int_equal(outcome.error, 0);
            assert_true(outcome.done);
            assert_int_equal(outcome.used, body); /* not one byte of what follows */
            assert_int_equal(outcome.length, strlen(cases[i].payload));
            assert_memory_equal(outcome.payload, cases[i].payload, outcome.length);
        }
        outcome = run_bytewise(stream, length);
        assert_true(outcome.done);
        assert_int_equal(outcome.used, body);
        assert_memory_equal(outcome.payload, cases[i].payload, strlen(cases[i].payload));
    }
}

static void chunked_refuses_malformed(void **state)
{
    static const char *const streams[] = {
        "\r\n",
        "x\r\n",
        "-5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "5\nhello\r\n",
        "5\rhello\r\n",
        "5 \r\nhello\r\n",
        "5 5\r\nhello\r\n",
        "5;a\nb\r\n",
        "5;a\x01\r\n",
        ";a\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\rX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\n: x\r\n\r\n",
        "0\r\n folded: x\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\r\n",
        "0\r\n\n",
        "0\r\n\rX",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        for (size_t split = 0; split <= strlen(streams[i]); split++) {
            struct outcome outcome = run_split(streams[i], strlen(streams[i]), split);

            if (outcome.error != -EBADMSG)
                fail_msg("accepted: %s", streams[i]);
            assert_false(outcome.done);
        }
        assert_int_equal(run_bytewise(streams[i], strlen(streams[i])).error, -EBADMSG);
    }
}

static void chunked_bounds_its_lines(void **state)
{
    char stream[HTTP_TRAILER_BYTES_MAX + 64];
    struct outcome outcome;

    (void)state;
    /* A size of 17 digits, zeros or not. */
    outcome = run_split("00000000000000001\r\n", 19, 0);
    assert_int_equal(outcome.error, -EMSGSIZE);
    outcome = run_split("ffffffffffffffff\r\n", 18, 0);
    assert_int_equal(outcome.error, -EMSGSIZE);
    outcome = run_split("7fffffffffffffff\r\n", 18, 0);
    assert_int_equal(outcome.error, 0);

    memset(stream, 'e', sizeof(stream));
    memcpy(stream, "5;", 2);
    assert_int_equal(run_split(stream, HTTP_CHUNK_LINE_MAX, 0).error, 0);
    assert_int_equal(run_split(stream, HTTP_CHUNK_LINE_MAX + 1, 0).error, -EMSGSIZE);

    memcpy(stream, "0\r\na:", 5);
    assert_int_equal(run_split(stream, 3 + HTTP_TRAILER_BYTES_MAX, 0).error, 0);
    assert_int_equal(run_split(stream, 3 + HTTP_TRAILER_BYTES_MAX + 1, 0).error, -EMSGSIZE);
}

/* The bound is one of single lines: any number of chunks may follow each other. */
static void chunked_takes_many_chunks(void **state)
{
    struct framing_chunked framing;
    struct outcome outcome = {.length = 0};

    (void)state;
    framing_chunked_init(&framing);
    for (unsigned i = 0; i < 10000; i++) {
        outcome.length = 0;
        assert_int_equal(offer(&framing.base, "3\r\nabc\r\n", 8, &outcome), 8);
        assert_int_equal(outcome.error, 0);
    }
}

/* With equal chunks the hint covers exactly the framing between two payloads: no payload is read by guess. */
static void chunked_hint_is_exact_for_equal_chunks(void **state)
{
    struct framing_chunked framing;
    struct outcome outcome = {.length = 0};

    (void)state;
    framing_chunked_init(&framing);
    assert_int_equal(offer(&framing.base, "10000\r\n", 7, &outcome), 7);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(framing.base.ops->run(&framing.base), 65536);
        assert_int_equal(framing.base.ops->take(&framing.base, 65536), 0);
        assert_int_equal(framing.base.ops->hint(&framing.base), 9);
        assert_int_equal(offer(&framing.base, "\r\n10000\r\n", 9, &outcome), 9);
    }
    assert_int_equal(outcome.length, 0);
}

static void length_counts_down(void **state)
{
    struct framing_length framing;

    (void)state;
    framing_length_init(&framing, 0);
    assert_true(framing.base.ops->done(&framing.base));
    framing_length_init(&framing, 10);
    assert_int_equal(framing.base.ops->run(&framing.base), 10);
    assert_int_equal(framing.base.ops->take(&framing.base, 4), 0);
    assert_int_equal(framing.base.ops->run(&framing.base), 6);
    assert_false(framing.base.ops->done(&framing.base));
    assert_int_equal(framing.base.ops->take(&framing.base, 6), 0);
    assert_true(framing.base.ops->done(&framing.base));
    assert_int_equal(framing.base.ops->run(&framing.base), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_accepts_every_split),
        cmocka_unit_test(chunked_refuses_malformed),
        cmocka_unit_test(chunked_bounds_its_lines),
        cmocka_unit_test(chunked_takes_many_chunks),
        cmocka_unit_test(chunked_hint_is_exact_for_equal_chunks),
        cmocka_unit_test(length_counts_down),
    };

    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
