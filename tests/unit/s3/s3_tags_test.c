/* SPDX-License-Identifier: MIT
 *
 * Tags: what the header and the XML may say, which limits hold, and the stored form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/object/s3_tags.h"

static struct arena arena;
static struct s3_tags tags;
static struct s3_refusal refusal;

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    refusal = (struct s3_refusal){0};
    return 0;
}

static int tear_down(void **state)
{
    arena_free(&arena);
    return 0;
}

static struct slice text(const char *string)
{
    return slice_text(string);
}

static void assert_text(struct slice got, const char *expected)
{
    assert_non_null(got.base);
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.base, expected, got.len);
}

static void assert_packed(const char *expected)
{
    struct slice packed = s3_tags_pack(&arena, &tags);

    assert_text(packed, expected);
}

static void reads_headers(void **state)
{
    static const struct {
        const char *header;
        enum s3_error error;
        const char *packed;
    } cases[] = {
        {"a=b", S3_ERROR_NONE, "a=b"},
        {"a=b&c=d", S3_ERROR_NONE, "a=b&c=d"},
        {"a=&b", S3_ERROR_NONE, "a=&b="},
        {"a=b&", S3_ERROR_NONE, "a=b"},
        {"", S3_ERROR_NONE, ""},
        {"the+key=the%20value", S3_ERROR_NONE, "the%20key=the%20value"},
        {"a=b%2Bc%3Dd", S3_ERROR_NONE, "a=b%2Bc%3Dd"},
        {"a=b=c", S3_ERROR_NONE, "a=b%3Dc"},
        {"gr%C3%BCn=ja", S3_ERROR_NONE, "gr\xc3\xbcn=ja"},
        {"a=1&a=2", S3_ERROR_INVALID_ARGUMENT, NULL},
        {"a=1&%61=2", S3_ERROR_INVALID_ARGUMENT, NULL},
        {"a=%G1", S3_ERROR_INVALID_ARGUMENT, NULL},
        {"a=%00", S3_ERROR_INVALID_ARGUMENT, NULL},
        {"a=%FF", S3_ERROR_INVALID_TAG, NULL},
        {"=b", S3_ERROR_INVALID_TAG, NULL},
        {"a=b,c=d", S3_ERROR_INVALID_ARGUMENT, NULL},
        {"a=b%2Cc", S3_ERROR_INVALID_TAG, NULL},
        {"a=b!", S3_ERROR_INVALID_TAG, NULL},
        {"a%26=b", S3_ERROR_INVALID_TAG, NULL},
        {"aws:x=1", S3_ERROR_INVALID_TAG, NULL},
        {"1&2&3&4&5&6&7&8&9&10", S3_ERROR_NONE, "1=&2=&3=&4=&5=&6=&7=&8=&9=&10="},
        {"1&2&3&4&5&6&7&8&9&10&11", S3_ERROR_BAD_REQUEST, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refusal = (struct s3_refusal){0};
        enum s3_error error = s3_tags_read_header(&arena, text(cases[i].header), &tags, &refusal);

        if (error != cases[i].error)
            fail_msg("%s: error %d", cases[i].header, error);
        if (error == S3_ERROR_NONE)
            assert_packed(cases[i].packed);
        else
            assert_non_null(refusal.message);
    }
}

static void counts_characters_not_bytes(void **state)
{
    char header[2 * 400 + 2 * 300 + 2], *at = header;

    for (unsigned i = 0; i < S3_TAG_KEY_CHARACTERS_MAX; i++)
        at = stpcpy(at, "\xc3\xa4");
    at = stpcpy(at, "=");
    for (unsigned i = 0; i < S3_TAG_VALUE_CHARACTERS_MAX; i++)
        at = stpcpy(at, "\xc3\xb6");
    assert_int_equal(s3_tags_read_header(&arena, text(header), &tags, &refusal), S3_ERROR_NONE);
    stpcpy(at, "v");
    assert_int_equal(s3_tags_read_header(&arena, text(header), &tags, &refusal), S3_ERROR_INVALID_TAG);
    *strchr(header, '=') = 'x';
    assert_int_equal(s3_tags_read_header(&arena, text(header), &tags, &refusal), S3_ERROR_INVALID_TAG);
}

#define TAGGING(inside) "<Tagging><TagSet>" inside "</TagSet></Tagging>"
#define TAG(key, value) "<Tag><Key>" key "</Key><Value>" value "</Value></Tag>"

static void reads_xml(void **state)
{
    static const struct {
        const char *xml;
        enum s3_error error;
        const char *packed;
    } cases[] = {
        {TAGGING(""), S3_ERROR_NONE, ""},
        {TAGGING(TAG("a", "b") TAG("c", "")), S3_ERROR_NONE, "a=b&c="},
        {TAGGING("<Tag><Value>first</Value><Key>k</Key></Tag>"), S3_ERROR_NONE, "k=first"},
        {TAGGING(TAG("a", "b") TAG("a", "c")), S3_ERROR_INVALID_TAG, NULL},
        {TAGGING(TAG("", "b")), S3_ERROR_INVALID_TAG, NULL},
        {TAGGING(TAG("a", "&lt;")), S3_ERROR_INVALID_TAG, NULL},
        {TAGGING(TAG("AWS:a", "b")), S3_ERROR_INVALID_TAG, NULL},
        {TAGGING("<Tag><Key>k</Key></Tag>"), S3_ERROR_MALFORMED_XML, NULL},
        {TAGGING("<Tag><Value>v</Value></Tag>"), S3_ERROR_MALFORMED_XML, NULL},
        {TAGGING("<Tug/>"), S3_ERROR_MALFORMED_XML, NULL},
        {"<Tagging/>", S3_ERROR_NONE, ""},
        {"<TagSet/>", S3_ERROR_MALFORMED_XML, NULL},
        {"<Tagging><TagSet>", S3_ERROR_MALFORMED_XML, NULL},
        {TAGGING(TAG("1", "") TAG("2", "") TAG("3", "")), S3_ERROR_BAD_REQUEST, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum s3_error error = s3_tags_read_xml(&arena, text(cases[i].xml), 2, &tags, &refusal);

        if (error != cases[i].error)
            fail_msg("%s: error %d", cases[i].xml, error);
        if (error == S3_ERROR_NONE)
            assert_packed(cases[i].packed);
    }
}

static void comes_back_from_the_stored_form(void **state)
{
    struct slice packed;
    struct s3_tags again;

    tags.count = 3;
    tags.list[0] = (struct s3_tag){text("a b"), text("c&d=e%f+g")};
    tags.list[1] = (struct s3_tag){text("empty"), text("")};
    tags.list[2] = (struct s3_tag){text("gr\xc3\xbcn"), text("x\x7f\x01")};
    packed = s3_tags_pack(&arena, &tags);
    assert_int_equal(s3_tags_count(packed), 3);
    assert_true(s3_tags_unpack(&arena, packed, &again));
    assert_int_equal(again.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(again.list[i].key.len, tags.list[i].key.len);
        assert_memory_equal(again.list[i].key.base, tags.list[i].key.base, tags.list[i].key.len);
        assert_int_equal(again.list[i].value.len, tags.list[i].value.len);
        assert_memory_equal(again.list[i].value.base, tags.list[i].value.base, tags.list[i].value.len);
    }
    assert_text(s3_tags_find(&arena, packed, text("a b")), "c&d=e%f+g");
    assert_text(s3_tags_find(&arena, packed, text("empty")), "");
    assert_null(s3_tags_find(&arena, packed, text("a")).base);
    assert_int_equal(s3_tags_count((struct slice){NULL, 0}), 0);
    assert_false(s3_tags_unpack(&arena, SLICE("a=%"), &again));
}

static void writes_xml(void **state)
{
    struct s3_xml xml;

    tags.count = 1;
    tags.list[0] = (struct s3_tag){text("k"), text("<v>")};
    s3_xml_init(&xml, &arena);
    size_t head = xml.length;
    s3_tags_write(&xml, &tags);
    assert_text(slice_of(xml.data + head, xml.length - head),
                "<Tag><Key>k</Key><Value>&lt;v&gt;</Value></Tag>");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_headers), TEST(counts_characters_not_bytes),     TEST(reads_xml),
        TEST(writes_xml),    TEST(comes_back_from_the_stored_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
