/* SPDX-License-Identifier: MIT
 *
 * xl.meta: a recorded file of the form 1.3, written ones of 1.0 and 1.1, their order, whose inline data is what; and files that are cut, changed, or none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/import/xl_meta.h"
#include "tests/unit/import/xl_builder.h"

static struct build versions, file, inline_data;
static struct arena arena;

static int setup(void **state)
{
    versions.length = file.length = inline_data.length = 0;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

static struct slice recorded(const char *name)
{
    static unsigned char bytes[8192];
    char path[512];
    FILE *stream;
    size_t length;

    snprintf(path, sizeof(path), "%s/%s", IMPORT_CORPUS, name);
    assert_non_null(stream = fopen(path, "rb"));
    length = fread(bytes, 1, sizeof(bytes), stream);
    fclose(stream);
    return slice_of(bytes, length);
}

static int read_file(struct slice bytes, struct xl_meta *meta, const char **why)
{
    *why = "";
    return xl_meta_read(&arena, bytes, meta, why);
}

static void test_recorded_versions(void **state)
{
    struct xl_meta meta;
    const char *why;
    char id[XL_UUID_BYTES + 1];

    assert_int_equal(read_file(recorded("k.xl.meta"), &meta, &why), 0);
    assert_int_equal(meta.count, 4);
    assert_int_equal(meta.versions[0].type, XL_MARKER);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(meta.versions[i].type, XL_OBJECT);
        assert_int_equal(meta.versions[i].size, 2003 - i);
        assert_true(meta.versions[i].is_inline);
        assert_int_equal(meta.versions[i].inline_data.len, 2003 - i + 32);
        assert_true(meta.versions[i - 1].modified_ns > meta.versions[i].modified_ns);
    }
    xl_id_format(meta.versions[3].id, id);
    assert_string_equal(id, "4ca56ab1-0e90-44a3-9406-3a554f8cd144");
    assert_true(slice_is(xl_pairs_find(&meta.versions[3].user, "x-amz-meta-N"), "0"));
    assert_null(xl_pairs_find(&meta.versions[3].user, "x-amz-meta").base);
}

/* Its checksum covers all but inline data; cut anywhere, it is refused. */
static void test_recorded_and_damaged(void **state)
{
    struct slice whole = recorded("gone.xl.meta");
    unsigned char copy[8192];
    struct xl_meta meta;
    const char *why;

    for (size_t length = 0; length < whole.len; length++) {
        int err = read_file(slice_of(whole.base, length), &meta, &why);
        assert_true(err == -EBADMSG || (err == 0 && meta.count == 2 && !meta.versions[1].is_inline));
    }
    for (size_t at = 14; at < 400; at += 7) {
        memcpy(copy, whole.base, whole.len);
        copy[at] ^= 0x10;
        assert_int_equal(read_file(slice_of(copy, whole.len), &meta, &why), -EBADMSG);
        assert_string_equal(why, "its checksum does not fit");
    }
}

static void test_older_forms(void **state)
{
    struct xl_meta meta;
    const char *why;

    build_object(&versions, 1, 1000, 5);
    build_marker(&versions, 2, 3000);
    build_object(&versions, 0, 2000, 7);
    for (unsigned minor = 0; minor < 2; minor++) {
        build_file(&file, minor, &versions, 3, &inline_data);
        assert_int_equal(read_file(build_slice(&file), &meta, &why), 0);
        assert_int_equal(meta.count, 3);
        assert_int_equal(meta.versions[0].modified_ns, 3000); /* sorted */
        assert_int_equal(meta.versions[1].modified_ns, 2000);
        assert_int_equal(meta.versions[2].id[0], 1);
        assert_true(xl_id_is_null(meta.versions[1].id));
    }
}

static void test_equal_times_keep_their_order(void **state)
{
    struct xl_meta meta;
    const char *why;

    build_object(&versions, 9, 1, 0);
    for (unsigned char id = 1; id < 6; id++)
        build_object(&versions, id, 1000, 0);
    build_file(&file, 1, &versions, 6, &inline_data);
    assert_int_equal(read_file(build_slice(&file), &meta, &why), 0);
    for (unsigned char i = 0; i < 5; i++)
        assert_int_equal(meta.versions[i].id[0], i + 1);
    assert_int_equal(meta.versions[5].id[0], 9);
}

static void test_inline_data_is_found_by_id(void **state)
{
    struct xl_meta meta;
    const char *why;

    build_object(&versions, 0x0a, 2, 3);
    build_object(&versions, 0, 1, 3);
    build_object(&versions, 0x0b, 0, 3);
    build_map(&inline_data, 2);
    build_text(&inline_data, "null");
    build_bin(&inline_data, "of null", 7);
    build_text(&inline_data, "0a000000-0000-0000-0000-000000000000");
    build_bin(&inline_data, "of 0a", 5);
    build_file(&file, 1, &versions, 3, &inline_data);
    assert_int_equal(read_file(build_slice(&file), &meta, &why), 0);
    assert_true(meta.versions[0].is_inline && slice_is(meta.versions[0].inline_data, "of 0a"));
    assert_true(meta.versions[1].is_inline && slice_is(meta.versions[1].inline_data, "of null"));
    assert_false(meta.versions[2].is_inline);
}

static void test_what_is_not_read(void **state)
{
    static const struct {
        struct slice bytes;
        int err;
    } files[] = {
        {SLICE(""), -EBADMSG},
        {SLICE("XL2 \1\0\3\0"), -EBADMSG},
        {SLICE("XL1 \1\0\3\0\xc4\x00\x01"), -EBADMSG},
        {SLICE("{\"version\":\"1.0.1\",\"format\":\"xl\"}"), -EBADMSG},
        {SLICE("XL2 \2\0\3\0\xc4\x00\x01"), -ENOTSUP},
        {SLICE("XL2 \1\0\4\0\xc4\x00\x01"), -ENOTSUP},
        {SLICE("XL2 1   \x80"), -EBADMSG}, /* no versions */
        {SLICE("XL2 1   \x81\xa8Versions\xdd\xff\xff\xff\xff"), -EBADMSG},
        {SLICE("XL2 1   \x81\xa8Versions\x91\x81\xa4Type\x03"), -ENOTSUP}, /* before 2020 */
        {SLICE("XL2 1   \x81\xa8Versions\x91\x81\xa4Type\x09"), -ENOTSUP},
        {SLICE("XL2 1   \x81\xa8Versions\x91\x81\xa4Type\x01"), -EBADMSG}, /* without an object */
        {SLICE("XL2 1   \x81\xa8Versions\x91\x82\xa4Type\x01\xa5V2Obj\x05"), -EBADMSG},
        {SLICE("XL2 1   \x81\xa8Versions\x91\x82\xa4Type\x01\xa5V2Obj\x81\xa2ID\xa1x"), -EBADMSG},
        {SLICE("XL2 1   "
               "\x81\xa8Versions\x91\x82\xa4Type\x01\xa5V2Obj\x82\xa8PartNums\x91\x01\xa9PartSizes\x92\x01"
               "\x01"),
         -EBADMSG},
        {SLICE("XL2 1   \x81\xa8Versions\x91\x82\xa4Type\x01\xa5V2Obj\x81\xa4Size\xff"), -EBADMSG},
        {SLICE("XL2 1   \x81\xa8Versions\x91\x82\xa4Type\x01\xa5V2Obj\x81\xa8PartNums\x91\xcd\x27\x11"),
         -EBADMSG}, /* 10,001 */
        {SLICE("XL2 \1\0\1\0\xc4\x0b\x81\xa8Versions\x90\x02\x80"),
         -ENOTSUP}, /* inline data of another form */
        {SLICE("XL2 \1\0\1\0\xc4\x0b\x81\xa8Versions\x90\x01\x81"), -EBADMSG},
    };
    struct xl_meta meta;
    const char *why;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(read_file(files[i].bytes, &meta, &why), files[i].err);
        assert_true(strlen(why) > 0);
    }
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_recorded_versions),
        test(test_recorded_and_damaged),
        test(test_older_forms),
        test(test_equal_times_keep_their_order),
        test(test_inline_data_is_found_by_id),
        test(test_what_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
