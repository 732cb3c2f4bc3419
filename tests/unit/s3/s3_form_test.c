/* SPDX-License-Identifier: MIT
 *
 * Posted forms: whole, cut at every place, with files that look like their boundary; and the policies of such forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/body/s3_form_policy.h"
#include "storage/base/text/base64.h"

#define TYPE "multipart/form-data; boundary=XyZ"

static struct arena arena;
static struct s3_form form;
static char file[4096];
static size_t file_length, room; /* room: bytes that each call of take takes; 0: all */

static struct slice vec(const char *text)
{
    return slice_text(text);
}

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

static ssize_t take(void *ctx, const void *data, size_t length)
{
    if (room != 0 && length > room)
        length = room;
    assert_true(file_length + length <= sizeof(file));
    memcpy(file + file_length, data, length);
    file_length += length;
    return (ssize_t)length;
}

/* In memory of exactly that size, so that a sanitizer sees every step beyond. */
static ssize_t feed(const char *data, size_t length)
{
    char *exact = malloc(length > 0 ? length : 1);
    ssize_t n;

    memcpy(exact, data, length);
    n = form.state == S3_FORM_FILE ? s3_form_feed_file(&form, exact, length, take, NULL)
                                   : s3_form_feed(&form, exact, length);
    free(exact);
    return n;
}

/* Feeds pieces of `piece` bytes; 0 or the error. */
static int parse(const char *body, size_t length, size_t piece)
{
    file_length = 0;
    assert_int_equal(s3_form_init(&form, &arena, vec(TYPE)), 0);
    for (size_t at = 0; at < length && form.state != S3_FORM_END;) {
        ssize_t n = feed(body + at, length - at < piece ? length - at : piece);

        if (n < 0)
            return (int)n;
        at += (size_t)n;
    }
    return 0;
}

#define PART(name, value) "--XyZ\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_HEAD                                                                                            \
    "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\a "                         \
    "b.txt\"\r\nContent-Type: text/x\r\n\r\n"

static void assert_file(const char *body, size_t length, const char *content, size_t content_length)
{
    for (size_t piece = 1; piece <= length; piece++) {
        for (room = 0; room < 4; room++) {
            assert_int_equal(parse(body, length, piece), 0);
            assert_int_equal(form.state, S3_FORM_END);
            assert_int_equal(file_length, content_length);
            assert_memory_equal(file, content, content_length);
        }
    }
    room = 0;
}

static void reads_forms_cut_anywhere(void **state)
{
    static const char body[] =
        "preamble\r\n" PART("Key", "a/${filename}") PART("empty", "") PART("two", "lines\r\n--Xy\r\nhere")
            FILE_HEAD "\r\nthe \r\n--XyY\r\r\n--X\n file\r\r\n--XyZ--\r\nepilogue";

    assert_file(body, sizeof(body) - 1, "\r\nthe \r\n--XyY\r\r\n--X\n file\r", 26);
    assert_int_equal(form.field_count, 3);
    assert_string_equal(
        arena_dup(&arena, s3_form_field(&form, "key").base, s3_form_field(&form, "key").len).base,
        "a/${filename}");
    assert_int_equal(s3_form_field(&form, "empty").len, 0);
    assert_non_null(s3_form_field(&form, "empty").base);
    assert_int_equal(s3_form_field(&form, "two").len, strlen("lines\r\n--Xy\r\nhere"));
    assert_null(s3_form_field(&form, "absent").base);
    assert_memory_equal(form.filename.base, "a b.txt", 7);
    assert_memory_equal(form.content_type.base, "text/x", 6);
}

static void reads_files_of_little(void **state)
{
    static const char empty[] = FILE_HEAD "\r\n--XyZ--", one[] = FILE_HEAD "\r\r\n--XyZ\r\nwhatever";

    assert_file(empty, sizeof(empty) - 1, "", 0);
    assert_file(one, sizeof(one) - 1, "\r", 1);
}

static void refuses_what_is_no_form(void **state)
{
    static const char *const bad[] = {"--XyZ\r\n\r\nno name\r\n--XyZ--",
                                      "--XyZ\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XyZ--",
                                      "--XyZjunk\r\n\r\n"};
    static const char *const types[] = {
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a\x01\"",
        "multipart/mixed; boundary=a",
        "multipart/form-data; "
        "boundary=0123456789012345678901234567890123456789012345678901234567890123456789X"};
    static char large[S3_FORM_BYTES_MAX + 100];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i], strlen(bad[i]), 1000), -EBADMSG);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        assert_int_equal(s3_form_init(&form, &arena, vec(types[i])), -EINVAL);
    assert_int_equal(s3_form_init(&form, &arena, vec("Multipart/Form-Data; charset=x; boundary=\"a b\"")), 0);
    memset(large, 'x', sizeof(large));
    assert_int_equal(parse(large, sizeof(large), 1000), -EMSGSIZE);
    char *many = malloc(200 * 80);
    many[0] = '\0';
    for (int i = 0; i < 150; i++)
        strcat(many, PART("x", ""));
    assert_int_equal(parse(many, strlen(many), 4096), -EMSGSIZE);
    free(many);
}

/* ---- Policies ---- */

static struct s3_form_limits limits;
static const char *message;

static enum s3_error judge(const char *document)
{
    char *text = arena_alloc(&arena, strlen(document) * 2 + 8);

    base64_encode(document, strlen(document), text);
    limits = (struct s3_form_limits){0, UINT64_MAX};
    message = NULL;
    return s3_form_policy_check(&form, vec(text), vec("shop"), 1000000000, &limits, &message);
}

#define POLICY(conditions) "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[" conditions "]}"
#define FIELDS             "[\"starts-with\",\"$key\",\"user/\"],[\"eq\",\"$Content-Type\",\"image/png\"]"
#define ALL                "{\"bucket\":\"shop\"}," FIELDS

static void judges_policies(void **state)
{
    static const char body[] = PART("key", "user/x") PART("Content-Type", "image/png")
        PART("x-ignore-me", "1") PART("policy", "p") PART("x-amz-signature", "s") FILE_HEAD "\r\n--XyZ--";
    static const struct {
        const char *document;
        enum s3_error error;
    } cases[] = {
        {POLICY(ALL), S3_ERROR_NONE},
        {POLICY(ALL ",[\"content-length-range\",5,\"10\"],[\"content-length-range\",1,8]"), S3_ERROR_NONE},
        {POLICY(ALL ",[\"starts-with\",\"$absent\",\"\"]"), S3_ERROR_NONE},
        {POLICY("[\"starts-with\",\"$bucket\",\"\"]," FIELDS), S3_ERROR_NONE},
        {POLICY(FIELDS), S3_ERROR_ACCESS_DENIED}, /* good for any bucket */
        {POLICY("{\"bucket\":\"other\"}," ALL), S3_ERROR_ACCESS_DENIED},
        {POLICY("{\"bucket\":\"shop\"},[\"starts-with\",\"$key\",\"user/\"]"),
         S3_ERROR_ACCESS_DENIED}, /* says nothing of Content-Type */
        {POLICY(ALL ",{\"key\":\"user/y\"}"), S3_ERROR_ACCESS_DENIED},
        {POLICY(ALL ",[\"eq\",\"$absent\",\"x\"]"), S3_ERROR_ACCESS_DENIED},
        {POLICY(ALL ",[\"starts-with\",\"$key\",\"user/xx\"]"), S3_ERROR_ACCESS_DENIED},
        {"{\"expiration\":\"2001-09-09T01:46:40Z\",\"conditions\":[" ALL "]}", S3_ERROR_ACCESS_DENIED},
        {"{\"conditions\":[" ALL "]}", S3_ERROR_INVALID_POLICY_DOCUMENT},
        {"{\"expiration\":\"2030-01-01T00:00:00Z\"}", S3_ERROR_INVALID_POLICY_DOCUMENT},
        {"{\"expiration\":\"soon\",\"conditions\":[]}", S3_ERROR_INVALID_POLICY_DOCUMENT},
        {POLICY("[\"ends-with\",\"$key\",\"x\"]"), S3_ERROR_INVALID_POLICY_DOCUMENT},
        {POLICY("[\"eq\",\"$key\"]"), S3_ERROR_INVALID_POLICY_DOCUMENT},
        {POLICY("[\"content-length-range\",-1,5]"), S3_ERROR_INVALID_POLICY_DOCUMENT},
        {POLICY("7"), S3_ERROR_INVALID_POLICY_DOCUMENT},
        {POLICY("{\"key\":7}"), S3_ERROR_INVALID_POLICY_DOCUMENT},
        {"[]", S3_ERROR_INVALID_POLICY_DOCUMENT},
        {"{", S3_ERROR_INVALID_POLICY_DOCUMENT},
    };

    assert_int_equal(parse(body, sizeof(body) - 1, 1000), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (judge(cases[i].document) != cases[i].error)
            fail_msg("judged wrongly: %s (%s)", cases[i].document, message != NULL ? message : "no message");
        assert_true((cases[i].error == S3_ERROR_NONE) == (message == NULL));
    }
    assert_int_equal(judge(cases[1].document), S3_ERROR_NONE);
    assert_int_equal(limits.bytes_min, 5);
    assert_int_equal(limits.bytes_max, 8);
    assert_int_equal(s3_form_policy_check(&form, vec("no base64"), vec("shop"), 0, &limits, &message),
                     S3_ERROR_INVALID_POLICY_DOCUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_forms_cut_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_files_of_little, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(judges_policies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
