/* SPDX-License-Identifier: MIT
 *
 * Lifecycle configurations: which documents are taken, why others are refused, and that what was taken is told
 * back in the form it was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/object/s3_lifecycle.h"

static struct arena arena;
static struct core_lifecycle lifecycle;
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

static enum s3_error read_xml(const char *xml)
{
    refusal = (struct s3_refusal){0};
    return s3_lifecycle_read(&arena, slice_text(xml), &lifecycle, &refusal);
}

#define LIFECYCLE(rules) "<LifecycleConfiguration>" rules "</LifecycleConfiguration>"
#define RULE(inside)     "<Rule><ID>r</ID>" inside "</Rule>"
#define ENABLED          "<Status>Enabled</Status>"
#define ALL              "<Filter/>"
#define DAYS(n)          "<Expiration><Days>" n "</Days></Expiration>"
#define TAG(key, value)  "<Tag><Key>" key "</Key><Value>" value "</Value></Tag>"
#define FILTER(inside)   "<Filter>" inside "</Filter>"
#define AND(inside)      FILTER("<And>" inside "</And>")
#define ABORT(n)                                                                                             \
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>" n                                                \
    "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
#define NONCURRENT(inside) "<NoncurrentVersionExpiration>" inside "</NoncurrentVersionExpiration>"
#define MARKER(value)                                                                                        \
    "<Expiration><ExpiredObjectDeleteMarker>" value "</ExpiredObjectDeleteMarker></Expiration>"

/* What is written back is what was read. */
static void tells_back_what_it_takes(void **state)
{
    static const char *const rules[] = {
        RULE("<Prefix></Prefix>" ENABLED DAYS("1")),
        RULE("<Prefix>logs/</Prefix><Status>Disabled</Status>" DAYS("2147483647")),
        RULE("<Filter></Filter>" ENABLED DAYS("30") ABORT("7")),
        RULE(FILTER("<Prefix></Prefix>") ENABLED DAYS("30")),
        RULE(FILTER("<Prefix>a &amp; b/</Prefix>") ENABLED
             "<Expiration><Date>2030-01-31T00:00:00.000Z</Date></Expiration>"),
        RULE(FILTER(TAG("k", "")) ENABLED DAYS("30")),
        RULE(FILTER("<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>") ENABLED DAYS("30")),
        RULE(FILTER("<ObjectSizeLessThan>500</ObjectSizeLessThan>") ENABLED DAYS("30")),
        RULE(AND("<Prefix>p</Prefix>" TAG("a", "1") TAG("b", "2")) ENABLED DAYS("30")),
        RULE(AND("<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>7</ObjectSizeLessThan>")
                 ENABLED DAYS("30")),
        RULE("<Filter></Filter>" ENABLED MARKER("true")),
        RULE("<Filter></Filter>" ENABLED MARKER("false")),
        RULE("<Filter></Filter>" ENABLED NONCURRENT("<NoncurrentDays>3</NoncurrentDays>")),
        RULE("<Filter></Filter>" ENABLED NONCURRENT(
            "<NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>100</NewerNoncurrentVersions>")),
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        char xml[1024];
        struct s3_xml out;

        snprintf(xml, sizeof(xml), LIFECYCLE("%s"), rules[i]);
        if (read_xml(xml) != S3_ERROR_NONE)
            fail_msg("%s: refused (%s)", xml, refusal.message != NULL ? refusal.message : "");
        s3_xml_init(&out, &arena);
        s3_lifecycle_write(&out, &lifecycle);
        if (memmem(out.data, out.length, rules[i], strlen(rules[i])) == NULL)
            fail_msg("%s became %.*s", rules[i], (int)out.length, out.data);
    }
}

static void refuses_what_s3_refuses(void **state)
{
    static const struct {
        const char *xml;
        enum s3_error error;
    } cases[] = {
        {LIFECYCLE(""), S3_ERROR_MALFORMED_XML},
        {"<Lifecycle/>", S3_ERROR_MALFORMED_XML},
        {LIFECYCLE("<Rules/>"), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL DAYS("1"))), S3_ERROR_MALFORMED_XML}, /* no status */
        {LIFECYCLE(RULE(ALL "<Status>enabled</Status>" DAYS("1"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ENABLED DAYS("1"))), S3_ERROR_MALFORMED_XML},                 /* no filter */
        {LIFECYCLE(RULE("<Prefix/>" ALL ENABLED DAYS("1"))), S3_ERROR_MALFORMED_XML}, /* two */
        {LIFECYCLE(RULE(FILTER("<Prefix>a</Prefix>" TAG("k", "v")) ENABLED DAYS("1"))),
         S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(AND("<Prefix>a</Prefix>") ENABLED DAYS("1"))), S3_ERROR_MALFORMED_XML}, /* one */
        {LIFECYCLE(RULE(FILTER("<Suffix>a</Suffix>") ENABLED DAYS("1"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(FILTER("<Tag><Key>k</Key></Tag>") ENABLED DAYS("1"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED "<Expiration/>")), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(
             RULE(ALL ENABLED "<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>")),
         S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED DAYS("one"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED DAYS("99999999999"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED "<Expiration><Date>soon</Date></Expiration>")), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED MARKER("yes"))), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED NONCURRENT("<NewerNoncurrentVersions>1</NewerNoncurrentVersions>"))),
         S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED "<AbortIncompleteMultipartUpload/>")), S3_ERROR_MALFORMED_XML},
        {LIFECYCLE(RULE(ALL ENABLED DAYS("0"))), S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED DAYS("-1"))), S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED ABORT("0"))), S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED NONCURRENT("<NoncurrentDays>0</NoncurrentDays>"))),
         S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED NONCURRENT(
             "<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions>"))),
         S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED "<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>")),
         S3_ERROR_INVALID_ARGUMENT},
        {LIFECYCLE(RULE(ALL ENABLED DAYS("1")) RULE(ALL ENABLED DAYS("2"))),
         S3_ERROR_INVALID_ARGUMENT},                              /* one ID */
        {LIFECYCLE(RULE(ALL ENABLED)), S3_ERROR_INVALID_REQUEST}, /* no action */
        {LIFECYCLE(RULE(FILTER(TAG("k", "v")) ENABLED ABORT("1"))), S3_ERROR_INVALID_REQUEST},
        {LIFECYCLE(RULE(FILTER("<ObjectSizeLessThan>5</ObjectSizeLessThan>") ENABLED ABORT("1"))),
         S3_ERROR_INVALID_REQUEST},
        {LIFECYCLE(RULE(FILTER(TAG("k", "v")) ENABLED MARKER("true"))), S3_ERROR_INVALID_REQUEST},
        {LIFECYCLE(RULE(AND(TAG("k", "v") TAG("k", "w")) ENABLED DAYS("1"))), S3_ERROR_INVALID_REQUEST},
        {LIFECYCLE(RULE(
             AND("<ObjectSizeGreaterThan>7</ObjectSizeGreaterThan><ObjectSizeLessThan>7</ObjectSizeLessThan>")
                 ENABLED DAYS("1"))),
         S3_ERROR_INVALID_REQUEST},
        {LIFECYCLE(RULE(FILTER(TAG("aws:k", "v")) ENABLED DAYS("1"))), S3_ERROR_INVALID_TAG},
        {LIFECYCLE(
             RULE(ALL ENABLED "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>")),
         S3_ERROR_NOT_IMPLEMENTED},
        {LIFECYCLE(RULE(ALL ENABLED "<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays></"
                                    "NoncurrentVersionTransition>")),
         S3_ERROR_NOT_IMPLEMENTED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum s3_error error = read_xml(cases[i].xml);

        if (error != cases[i].error)
            fail_msg("%s: error %d, not %d", cases[i].xml, error, cases[i].error);
        if (error != S3_ERROR_MALFORMED_XML)
            assert_non_null(refusal.message);
        if (error == S3_ERROR_INVALID_ARGUMENT) { /* which element it is, when the parser is gone */
            assert_in_range(refusal.name.base[0], 'A', 'Z');
            assert_true(refusal.name.len ==
                        strspn(refusal.name.base, "DaysDateIDNoncurrentNewerVersionsAfterInitiation"));
        }
    }
}

static void names_rules_that_have_no_name(void **state)
{
    assert_int_equal(
        read_xml(LIFECYCLE("<Rule>" ALL ENABLED DAYS("1") "</Rule><Rule>" ALL ENABLED DAYS("2") "</Rule>")),
        S3_ERROR_NONE);
    assert_int_equal(lifecycle.count, 2);
    assert_int_equal(lifecycle.rules[0].id.len, 32);
    assert_int_equal(lifecycle.rules[1].id.len, 32);
    assert_memory_not_equal(lifecycle.rules[0].id.base, lifecycle.rules[1].id.base, 32);
}

static void bounds_rules_names_and_prefixes(void **state)
{
    static const char rule[] =
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    static char xml[100 + 1002 * sizeof(rule)];
    char *at;
    char text[1100];

    for (unsigned count = 1000; count <= 1001; count++) {
        at = stpcpy(xml, "<LifecycleConfiguration>");
        for (unsigned i = 0; i < count; i++)
            at = stpcpy(at, rule);
        stpcpy(at, "</LifecycleConfiguration>");
        assert_int_equal(read_xml(xml), count == 1000 ? S3_ERROR_NONE : S3_ERROR_MALFORMED_XML);
    }
    for (unsigned length = 255; length <= 256; length++) {
        memset(text, 'i', length);
        text[length] = '\0';
        sprintf(xml, LIFECYCLE("<Rule><ID>%s</ID>" ALL ENABLED DAYS("1") "</Rule>"), text);
        assert_int_equal(read_xml(xml), length == 255 ? S3_ERROR_NONE : S3_ERROR_INVALID_ARGUMENT);
    }
    for (unsigned length = 1024; length <= 1025; length++) {
        memset(text, 'p', length);
        text[length] = '\0';
        sprintf(xml, LIFECYCLE(RULE("<Prefix>%s</Prefix>" ENABLED DAYS("1"))), text);
        assert_int_equal(read_xml(xml), length == 1024 ? S3_ERROR_NONE : S3_ERROR_INVALID_REQUEST);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_back_what_it_takes),
        TEST(refuses_what_s3_refuses),
        TEST(names_rules_that_have_no_name),
        TEST(bounds_rules_names_and_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
