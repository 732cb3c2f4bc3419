/* SPDX-License-Identifier: MIT
 *
 * Which key a member of a tar becomes and with which headers, which is refused, and what the request says about it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/archive/s3_unpack.h"
#include "api/s3/object/s3_attributes.h"

static struct arena arena;

static int begin(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int end(void **state)
{
    arena_free(&arena);
    return 0;
}

static int take(struct s3_unpack *unpack, enum tar_kind kind, const char *name, size_t length,
                struct slice *key)
{
    const struct tar_member member = {.kind = kind, .name = slice_of(name, length)};

    return s3_unpack_take(unpack, &member, &arena, key);
}

static void assert_key(const char *prefix, enum tar_kind kind, const char *name, const char *wanted)
{
    struct s3_unpack unpack = {.prefix = slice_text(prefix)};
    struct slice key;

    assert_int_equal(take(&unpack, kind, name, strlen(name), &key), 1);
    assert_true(slice_is(key, wanted));
}

static void assert_refused(enum tar_kind kind, const char *name, size_t length, enum s3_error error)
{
    struct s3_unpack unpack = {.prefix = SLICE("p/")};
    struct slice key;

    assert_int_equal(take(&unpack, kind, name, length, &key), -ECANCELED);
    assert_int_equal(unpack.error, error);
    assert_non_null(unpack.why);
    unpack = (struct s3_unpack){.prefix = SLICE("p/"), .ignores_errors = true};
    assert_int_equal(take(&unpack, kind, name, length, &key), 0);
    assert_int_equal(unpack.error, S3_ERROR_NONE);
}

static void keys(void **state)
{
    static char name[1025];

    assert_key("", TAR_FILE, "a/b", "a/b");
    assert_key("p/", TAR_FILE, "a/b", "p/a/b");
    assert_key("", TAR_FILE, "././a", "a");
    assert_key("", TAR_FILE, "...", "...");
    assert_key("", TAR_FILE, "a..b/.c", "a..b/.c");
    assert_key("", TAR_FOLDER, "a", "a/");
    assert_key("p/", TAR_FOLDER, "./a/b//", "p/a/b/");
    memset(name, 'k', 1024);
    assert_key("", TAR_FILE, name, name);
    assert_refused(TAR_FILE, name, 1024, S3_ERROR_KEY_TOO_LONG);   /* the prefix counts */
    assert_refused(TAR_FOLDER, name, 1022, S3_ERROR_KEY_TOO_LONG); /* and the slash */
}

static void refusals(void **state)
{
    static const char *const names[] = {"",
                                        ".",
                                        "./",
                                        "..",
                                        "../a",
                                        "a/..",
                                        "a/../b",
                                        "/",
                                        "/a",
                                        "//a",
                                        "a//b",
                                        "a/./b",
                                        "a/",
                                        "./../a",
                                        "./"
                                        "/a"};
    static const enum tar_kind kinds[] = {TAR_HARD_LINK, TAR_SYMBOLIC_LINK, TAR_DEVICE, TAR_SPARSE,
                                          TAR_OTHER};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_refused(TAR_FILE, names[i], strlen(names[i]), S3_ERROR_INVALID_REQUEST);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        assert_refused(kinds[i], "a", 1, S3_ERROR_INVALID_REQUEST);
    assert_refused(TAR_FOLDER, "../a", 4, S3_ERROR_INVALID_REQUEST);
    assert_refused(TAR_FOLDER, "/", 1, S3_ERROR_INVALID_REQUEST);
    assert_refused(TAR_FILE, "a\0b", 3, S3_ERROR_INVALID_REQUEST);
    assert_refused(TAR_FILE, "\xff", 1, S3_ERROR_INVALID_REQUEST);
}

static void folders(void **state)
{
    struct s3_unpack unpack = {.ignores_folders = true};
    struct slice key;

    assert_int_equal(take(&unpack, TAR_FOLDER, "a/", 2, &key), 0);
    assert_int_equal(take(&unpack, TAR_FOLDER, "../a/", 5, &key), 0);
    unpack.ignores_folders = false;
    assert_int_equal(take(&unpack, TAR_FOLDER, "./", 2, &key), 0); /* the one that the archive is of */
    assert_int_equal(take(&unpack, TAR_FOLDER, ".", 1, &key), 0);
}

static enum s3_error read_prefix(const char *text, struct s3_unpack *unpack)
{
    struct http_header header = {.name = SLICE(S3_UNPACK_PREFIX), .value = slice_text(text)};
    const struct http_headers headers = {.entries = &header, .size = 1, .capacity = 1};
    const char *message = NULL;
    enum s3_error error = s3_unpack_read(&arena, &headers, unpack, &message);

    assert_int_equal(error != S3_ERROR_NONE, message != NULL);
    return error;
}

static void prefixes(void **state)
{
    static const char *const none[] = {"..", "a/../b", "a//b", "./a", "a/.", "a\xff"};
    struct s3_unpack unpack;

    assert_int_equal(read_prefix("a/b", &unpack), S3_ERROR_NONE);
    assert_true(slice_is(unpack.prefix, "a/b/"));
    assert_int_equal(read_prefix("//a/", &unpack), S3_ERROR_NONE);
    assert_true(slice_is(unpack.prefix, "a/"));
    assert_int_equal(read_prefix("/", &unpack), S3_ERROR_NONE);
    assert_int_equal(unpack.prefix.len, 0);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(read_prefix(none[i], &unpack), S3_ERROR_INVALID_ARGUMENT);
}

/* ---- Headers ---- */

/* Records of these texts, "KEY=VALUE", each with its length. */
static struct slice records_of(const char *const *texts, size_t count)
{
    struct slice records = SLICE("");

    for (size_t i = 0; i < count; i++) {
        char length[24];
        size_t bytes = strlen(texts[i]) + 4; /* two digits, a blank, the end of the line */

        assert_true(bytes >= 10 && bytes < 100);
        snprintf(length, sizeof(length), "%zu ", bytes);
        records = arena_concat(&arena, records, slice_text(length), slice_text(texts[i]), SLICE("\n"));
    }
    return records;
}

static bool has(const struct meta_attributes *attributes, const char *name, const char *value)
{
    return slice_is(s3_attribute_get(attributes, name), value);
}

static void headers_of_members(void **state)
{
    static const char *const own[] = {
        "minio.metadata.X-Amz-Meta-Own=member's", "minio.metadata.Content-Type=text/x",
        "minio.metadata.x-amz-acl=private", "minio.metadata.x-amz-meta-mtime=7", "path=other"};
    struct meta_attribute list[16] = {
        {SLICE("content-type"), SLICE("application/x-tar")},
        {SLICE("x-amz-meta-all"), SLICE("1")},
        {SLICE(S3_UNPACK_HEADER), SLICE("true")},
        {SLICE("x-amz-meta-own"), SLICE("request's")},
        {SLICE(S3_UNPACK_PREFIX), SLICE("p")},
        {SLICE("content-encoding"), SLICE("x")},
    };
    struct meta_attributes common = {list, 6}, attributes;
    struct core_member member = {.key = SLICE("a/b.html"), .modified_ms = 1500};

    s3_unpack_attributes_common(&common);
    assert_int_equal(common.count, 2);
    assert_int_equal(s3_unpack_attributes(&arena, &member, &common, &attributes), S3_ERROR_NONE);
    assert_int_equal(attributes.count, 4);
    assert_true(has(&attributes, "content-type", "text/html; charset=utf-8"));
    assert_true(has(&attributes, "x-amz-meta-mtime", "1.500"));
    assert_true(has(&attributes, "x-amz-meta-own", "request's"));
    member.key = SLICE("a/b.html/c");
    member.modified_ms = 2000;
    member.records = records_of(own, 5);
    assert_int_equal(s3_unpack_attributes(&arena, &member, &common, &attributes), S3_ERROR_NONE);
    assert_true(has(&attributes, "x-amz-meta-own", "member's"));
    assert_true(has(&attributes, "x-amz-meta-all", "1"));
    assert_true(has(&attributes, "content-type", "text/x"));
    assert_true(has(&attributes, "x-amz-meta-mtime", "7"));
    assert_int_equal(attributes.count, 4);
    member.records = (struct slice){0};
    member.modified_ms = -1;
    assert_int_equal(s3_unpack_attributes(&arena, &member, &common, &attributes), S3_ERROR_NONE);
    assert_true(has(&attributes, "content-type", "application/octet-stream"));
    assert_null(s3_attribute_get(&attributes, "x-amz-meta-mtime").base);
}

static void headers_that_could_not_be_answered(void **state)
{
    static const char *const texts[] = {
        "minio.metadata.x-amz-meta-a=b\nc: d", "minio.metadata.x-amz-meta-a: b=c",
        "minio.metadata.x-amz-meta-a b=c",     "minio.metadata.x-amz-meta-a=\x01",
        "minio.metadata.x-amz-meta-a=\xff",    "minio.metadata.=b",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct tar_member member = {
            .kind = TAR_FILE, .name = SLICE("a"), .records = records_of(&texts[i], 1)};
        struct s3_unpack unpack = {.ignores_errors = false};
        struct slice text = member.records, name, value, key;

        assert_int_equal(tar_record_next(&text, &name, &value), 1); /* it is a record */
        assert_int_equal(s3_unpack_take(&unpack, &member, &arena, &key), -ECANCELED);
    }
}

static void compressions(void **state)
{
    assert_string_equal(s3_unpack_compression((const unsigned char *)"\x1f\x8b\x08", 3), "gzip");
    assert_string_equal(s3_unpack_compression((const unsigned char *)"\x28\xb5\x2f\xfd", 4), "zstd");
    assert_null(s3_unpack_compression((const unsigned char *)"\x28\xb5\x2f\xfd", 3));
    assert_null(s3_unpack_compression((const unsigned char *)"name", 4));
    assert_null(s3_unpack_compression(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
        cmocka_unit_test_setup_teardown(folders, begin, end),
        cmocka_unit_test_setup_teardown(prefixes, begin, end),
        cmocka_unit_test_setup_teardown(headers_of_members, begin, end),
        cmocka_unit_test_setup_teardown(headers_that_could_not_be_answered, begin, end),
        cmocka_unit_test_setup_teardown(compressions, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
