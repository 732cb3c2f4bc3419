/* SPDX-License-Identifier: MIT
 *
 * Origins, as far as they need no server: the operator's file, and the judgement of an answer's head. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/origin/answer.h"
#include "api/origin/origins.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_attributes.h"

static char line[512]; /* the last one of the log */

static void on_line(void *ctx, enum log_level level, const char *text)
{
    (void)snprintf(line, sizeof(line), "%s", text);
}

/* ---- The file ---- */

static int parse(const char *text, struct origins **origins)
{
    const struct target_source source = {
        .path = "file", .text = text, .length = strlen(text), .log = on_line};

    line[0] = '\0';
    return origins_read(origins, &source);
}

static void test_file(void **state)
{
    struct origins *origins;
    const struct origin_target *target;

    assert_int_equal(
        parse("[one]\nendpoint = http://a:1\nbuckets = exact, ci-*\nbucket = there\nprefix = x/\n"
              "connections = 3\ntimeout = 7\netag = opaque\n"
              "[two]\nendpoint = https://b\nbuckets = *\n",
              &origins),
        0);
    target = origins_find(origins, SLICE("ci-7"));
    assert_ptr_equal(target, &origins->list[0]);
    assert_string_equal(target->bucket, "there");
    assert_string_equal(target->prefix, "x/");
    assert_int_equal(target->connections, 3);
    assert_int_equal(target->client.patience.silence_s, 7);
    assert_true(target->etags_are_opaque);
    assert_ptr_equal(origins_find(origins, SLICE("exact")), target);
    target = origins_find(origins, SLICE("exactly"));
    assert_ptr_equal(target, &origins->list[1]);
    assert_null(target->bucket);
    assert_false(target->etags_are_opaque);
    assert_int_equal(target->connections, ORIGIN_CONNECTIONS);
    origins_unref(origins);

    assert_int_equal(parse("[one]\nendpoint = http://a:1\nbuckets = exact\n", &origins), 0);
    assert_null(origins_find(origins, SLICE("other")));
    origins_unref(origins);
}

static void test_file_mistakes(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"[one]\nendpoint = http://a:1\n", "which buckets"},
        {"[one]\nbuckets = a\n", "no endpoint"},
        {"[one]\nendpoint = http://a:1/path\nbuckets = a\n", "endpoint must be"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\naccess-key = k\n", "both access-key"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\nbucket = No\n", "the name of one"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\netag = crc\n", "md5 or opaque"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\nconnections = 65\n", "connections"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\ntimeout = 0\n", "timeout"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\nusers = a\n", "no such setting"},
        {"[one]\nendpoint = http://a:1\nbuckets = a\n[one]\n", "two origins"},
    };
    struct origins *origins;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].text, &origins), -EBADMSG);
        assert_non_null(strstr(line, rows[i].said));
    }
}

/* ---- The head of an answer ---- */

struct head {
    struct arena arena;
    struct s3_sigv4_header headers[16];
    struct client_answer answer;
    struct origin_answer read;
    char why[ORIGIN_WHY_BYTES];
};

/* "name: value" each, up to NULL. */
static int read_head(struct head *head, bool is_opaque, const char *const *lines)
{
    arena_init(&head->arena, NULL);
    head->answer = (struct client_answer){.status = 200, .headers = head->headers};
    for (; *lines != NULL; lines++) {
        struct slice value = slice_text(*lines), name;

        assert_true(slice_next_part(&value, ':', &name));
        head->headers[head->answer.header_count++] = (struct s3_sigv4_header){name, slice_trim(value)};
    }
    return origin_answer_read(&head->arena, &head->answer, is_opaque, &head->read, head->why);
}

#define READ(head, is_opaque, ...) read_head(head, is_opaque, (const char *const[]){__VA_ARGS__, NULL})

static void test_head(void **state)
{
    struct head head;

    assert_int_equal(READ(&head, false, "content-length: 5", "etag: \"5d41402abc4b2a76b9719d911017c592\"",
                          "last-modified: Sun, 06 Nov 1994 08:49:37 GMT", "content-type: a/b", "server: x",
                          "x-amz-meta-a: b", "x-amz-storage-class: GLACIER"),
                     0);
    assert_int_equal(head.read.object.size, 5);
    assert_int_equal(head.read.object.modified_ms, INT64_C(784111777000));
    assert_string_equal(head.read.object.etag, "5d41402abc4b2a76b9719d911017c592");
    assert_true(head.read.has_md5);
    assert_int_equal(head.read.digest_mask, DIGEST_BIT(DIGEST_MD5));
    assert_int_equal(head.read.object.attributes.count, 2);
    assert_true(slice_is(s3_attribute_get(&head.read.object.attributes, "x-amz-meta-a"), "b"));
    arena_free(&head.arena);
}

static void test_head_etags(void **state)
{
    static const struct {
        const char *etag, *other;
        bool is_opaque, is_kept, has_md5;
    } rows[] = {
        {"etag: \"5d41402abc4b2a76b9719d911017c592\"", "a: b", false, true, true},
        {"etag: 5d41402abc4b2a76b9719d911017c592", "a: b", false, true, true},
        {"etag: \"5d41402abc4b2a76b9719d911017c592\"", "a: b", true, true, false},
        {"etag: \"5d41402abc4b2a76b9719d911017c592\"", "x-amz-server-side-encryption: aws:kms", false, true,
         false},
        {"etag: \"5d41402abc4b2a76b9719d911017c592\"", "x-amz-server-side-encryption: AES256", false, true,
         true},
        {"etag: \"5d41402abc4b2a76b9719d911017c592\"",
         "x-amz-server-side-encryption-customer-algorithm: AES256", false, true, false},
        {"etag: \"5d41402abc4b2a76b9719d911017c592-2\"", "a: b", false, true, false},
        {"etag: \"zd41402abc4b2a76b9719d911017c592\"", "a: b", false, true, false},
        {"etag: W/\"5d41402abc4b2a76b9719d911017c592\"", "a: b", false, false, false},
        {"etag: \"\"", "a: b", false, false, false},
        {"etag: \"a b\"", "a: b", false, false, false},
        {"etag: \"01234567890123456789012345678901234567890123456789012345678901234\"", "a: b", false, false,
         false},
    };
    struct head head;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(READ(&head, rows[i].is_opaque, "content-length: 5", rows[i].etag, rows[i].other), 0);
        assert_int_equal(head.read.object.etag[0] != '\0', rows[i].is_kept);
        assert_int_equal(head.read.has_md5, rows[i].has_md5);
        assert_int_equal(head.read.object.modified_ms, 0);
        arena_free(&head.arena);
    }
}

static void test_head_refused(void **state)
{
    static const char *const lengths[] = {"content-length: ",
                                          "content-length: -1",
                                          "content-length: 5x",
                                          "content-length: 99999999999999999999",
                                          "content-length: 5497558138881",
                                          "x: y"};
    struct head head;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(READ(&head, false, lengths[i]), -EPROTO);
        arena_free(&head.arena);
    }
    assert_int_equal(READ(&head, false, "content-length: 5", "x-amz-checksum-crc32: AAAA"), -EPROTO);
    arena_free(&head.arena);
    head.answer.status = 206;
    assert_int_equal(READ(&head, false, "content-length: 5", "x-amz-meta-a\x01: b", "x-amz-meta-b: a\x01"),
                     0);
    assert_int_equal(head.read.object.attributes.count, 0);
    head.answer.status = 206;
    assert_int_equal(origin_answer_read(&head.arena, &head.answer, false, &head.read, head.why), -EPROTO);
    arena_free(&head.arena);
}

static void test_compare(void **state)
{
    struct digest_values values;
    struct head head;

    assert_int_equal(READ(&head, false, "content-length: 5", "etag: \"5d41402abc4b2a76b9719d911017c592\"",
                          "x-amz-checksum-crc32c: mnG7TA=="),
                     0);
    assert_int_equal(head.read.digest_mask, DIGEST_BIT(DIGEST_MD5) | DIGEST_BIT(DIGEST_CRC32C));
    assert_int_equal(digest_buffer(head.read.digest_mask, "hello", 5, &values), 0);
    assert_int_equal(origin_answer_compare(&head.read, &values, head.why), 0);
    values.value[DIGEST_CRC32C][3] ^= 1;
    assert_int_equal(origin_answer_compare(&head.read, &values, head.why), -EBADMSG);
    values.value[DIGEST_CRC32C][3] ^= 1;
    values.value[DIGEST_MD5][15] ^= 1;
    assert_int_equal(origin_answer_compare(&head.read, &values, head.why), -EBADMSG);
    arena_free(&head.arena);

    /* That of parts says nothing of these bytes. */
    assert_int_equal(READ(&head, false, "content-length: 5", "x-amz-checksum-type: COMPOSITE",
                          "x-amz-checksum-crc32c: AAAAAA=="),
                     0);
    assert_int_equal(head.read.digest_mask, 0);
    arena_free(&head.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),         cmocka_unit_test(test_file_mistakes),
        cmocka_unit_test(test_head),         cmocka_unit_test(test_head_etags),
        cmocka_unit_test(test_head_refused), cmocka_unit_test(test_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
