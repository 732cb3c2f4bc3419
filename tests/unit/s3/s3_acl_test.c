/* SPDX-License-Identifier: MIT
 *
 * ACLs as data: canned names, headers, XML, the stored form, and whom they grant what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/access/s3_acl.h"

#define HEADERS_MAX 8

static struct arena arena;
static struct http_header entries[HEADERS_MAX];
static struct http_headers headers = {.entries = entries};
static struct s3_acl acl;
static struct s3_refusal refusal;
static const struct s3_acl_owners owners = {SLICE("alice"), SLICE("bob")};

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    headers.size = 0;
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

static void header(const char *name, const char *value)
{
    entries[headers.size] = (struct http_header){.name = text(name), .value = text(value)};
    headers.size++;
}

static void assert_packed(const char *expected)
{
    struct slice packed = s3_acl_pack(&arena, &acl, owners.owner);

    if (expected == NULL) {
        assert_null(packed.base);
        return;
    }
    assert_non_null(packed.base);
    if (packed.len != strlen(expected) || memcmp(packed.base, expected, packed.len) != 0)
        fail_msg("%.*s, not %s", (int)packed.len, packed.base, expected);
}

static void canned_names(void **state)
{
    static const struct {
        const char *name, *packed;
    } cases[] = {
        {"private", NULL},
        {"public-read", "FULL_CONTROL@id:alice READ@all"},
        {"public-read-write", "FULL_CONTROL@id:alice READ@all WRITE@all"},
        {"authenticated-read", "FULL_CONTROL@id:alice READ@authenticated"},
        {"aws-exec-read", NULL},
        {"bucket-owner-read", "FULL_CONTROL@id:alice READ@id:bob"},
        {"bucket-owner-full-control", "FULL_CONTROL@id:alice FULL_CONTROL@id:bob"},
        {"log-delivery-write", "FULL_CONTROL@id:alice WRITE@log READ_ACP@log"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(s3_acl_canned(text(cases[i].name), &owners, &acl));
        assert_packed(cases[i].packed);
    }
    assert_false(s3_acl_canned(text("public"), &owners, &acl));
    assert_false(s3_acl_canned(text(""), &owners, &acl));
    const struct s3_acl_owners same = {owners.owner, owners.owner};
    assert_true(s3_acl_canned(text("bucket-owner-full-control"), &same, &acl));
    assert_packed(NULL);
}

static enum s3_error read_said(bool *given)
{
    struct s3_effective effective;
    struct slice repeated;

    assert_true(s3_effective_collect(&arena, &headers, &effective, &repeated));
    return s3_acl_read_said(&arena, &effective, &owners, &acl, given, &refusal);
}

static void reads_headers(void **state)
{
    bool given;

    assert_int_equal(read_said(&given), S3_ERROR_NONE);
    assert_false(given);
    assert_packed(NULL);
    header("x-amz-grant-read", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\", id=\"carol d\"");
    header("x-amz-grant-full-control", "ID=alice");
    assert_int_equal(read_said(&given), S3_ERROR_NONE);
    assert_true(given);
    assert_packed("FULL_CONTROL@id:alice READ@all READ@id:carol%20d");
    header("x-amz-acl", "private");
    assert_int_equal(read_said(&given), S3_ERROR_INVALID_REQUEST);
}

static void refuses_headers(void **state)
{
    static const struct {
        const char *name, *value;
        enum s3_error error;
    } cases[] = {
        {"x-amz-acl", "nonsense", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-acl", "Public-Read", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-grant-read", "carol", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-grant-read", "name=carol", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-grant-read", "id=\"\"", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-grant-write", "uri=http://example.org/", S3_ERROR_INVALID_ARGUMENT},
        {"x-amz-grant-read-acp", "emailAddress=\"a@b.c\"", S3_ERROR_UNRESOLVABLE_GRANT},
        {"x-amz-grant-write-acp", "id=11111111111111111111111111111111111111111111111111111111111111111",
         S3_ERROR_INVALID_ARGUMENT},
    };
    bool given;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        headers.size = 0;
        header(cases[i].name, cases[i].value);
        if (read_said(&given) != cases[i].error)
            fail_msg("%s: %s", cases[i].name, cases[i].value);
    }
}

#define POLICY(inside) "<AccessControlPolicy>" inside "</AccessControlPolicy>"
#define LIST(inside)   "<AccessControlList>" inside "</AccessControlList>"
#define GRANT(grantee, permission)                                                                           \
    "<Grant><Grantee>" grantee "</Grantee><Permission>" permission "</Permission></Grant>"
#define TYPED(type, grantee)                                                                                 \
    "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"" type "\">" grantee \
    "</Grantee><Permission>READ</Permission></Grant>"
#define OWNER  "<Owner><ID>alice</ID></Owner>"
#define ID(id) "<ID>" id "</ID><DisplayName>x</DisplayName>"
#define ALL    "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"

static void reads_xml(void **state)
{
    static const struct {
        const char *xml;
        enum s3_error error;
        const char *packed;
    } cases[] = {
        {POLICY("<Owner><ID>alice</ID></Owner>" LIST(GRANT(ID("alice"), "FULL_CONTROL"))), S3_ERROR_NONE,
         NULL},
        {POLICY(OWNER LIST(GRANT(ID("carol"), "READ_ACP") GRANT(ALL, "WRITE_ACP"))), S3_ERROR_NONE,
         "READ_ACP@id:carol WRITE_ACP@all"},
        {POLICY(OWNER LIST("")), S3_ERROR_NONE, "-"},
        {POLICY("<Owner><ID>mallory</ID></Owner>" LIST("")), S3_ERROR_ACCESS_DENIED, NULL},
        {POLICY(OWNER), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(GRANT(ID("a"), "ALL"))), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(GRANT("", "READ"))), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST("<Grant><Grantee>" ID("a") "</Grantee></Grant>")), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(GRANT(ID("a") ALL, "READ"))), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(GRANT("<URI>http://example.org</URI>", "READ"))), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(GRANT("<EmailAddress>a@b.c</EmailAddress>", "READ"))), S3_ERROR_UNRESOLVABLE_GRANT,
         NULL},
        {POLICY(OWNER "<Other/>" LIST("")), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(LIST("")), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY("<Owner/>" LIST("")), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(TYPED("CanonicalUser", ID("a")))), S3_ERROR_NONE, "READ@id:a"},
        {POLICY(OWNER LIST(TYPED("Group", ALL))), S3_ERROR_NONE, "READ@all"},
        {POLICY(OWNER LIST(TYPED("Nonsense", ID("a")))), S3_ERROR_MALFORMED_ACL, NULL},
        {POLICY(OWNER LIST(TYPED("", ID("a")))), S3_ERROR_MALFORMED_ACL, NULL},
        {"<Acl/>", S3_ERROR_MALFORMED_ACL, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum s3_error error = s3_acl_read_xml(&arena, text(cases[i].xml), &owners, &acl);

        if (error != cases[i].error)
            fail_msg("%s: %d", cases[i].xml, error);
        if (error == S3_ERROR_NONE)
            assert_packed(cases[i].packed);
    }
}

static void comes_back_from_the_stored_form(void **state)
{
    static const char *const forms[] = {"FULL_CONTROL@id:alice READ@all", "READ_ACP@id:a%20b WRITE@log", "-"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_true(s3_acl_unpack(&arena, slice_text(forms[i]), owners.owner, &acl));
        assert_packed(forms[i]);
    }
    assert_true(s3_acl_unpack(&arena, (struct slice){NULL, 0}, owners.owner, &acl));
    assert_int_equal(acl.count, 1);
    static const char *const bad[] = {
        "", "READ", "READ@", "EVERYTHING@all", "READ@id", "READ@id:%", "READ@all  READ@all", "READ@nobody"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (s3_acl_unpack(&arena, slice_text(bad[i]), owners.owner, &acl))
            fail_msg("%s was taken", bad[i]);
}

static void grants_what_it_says(void **state)
{
    static const char form[] =
        "FULL_CONTROL@id:alice READ@all WRITE@authenticated READ_ACP@id:carol WRITE@log READ@id:";
    const struct slice anybody = {NULL, 0};

    assert_true(s3_acl_unpack(&arena, slice_text(form), owners.owner, &acl));
    assert_int_equal(s3_acl_granted(&acl, text("alice"), true), S3_PERMISSION_FULL_CONTROL);
    assert_int_equal(s3_acl_granted(&acl, text("carol"), true),
                     S3_PERMISSION_READ | S3_PERMISSION_WRITE | S3_PERMISSION_READ_ACP);
    assert_int_equal(s3_acl_granted(&acl, text("dave"), true), S3_PERMISSION_READ | S3_PERMISSION_WRITE);
    assert_int_equal(s3_acl_granted(&acl, anybody, true), S3_PERMISSION_READ);
    assert_int_equal(s3_acl_granted(&acl, anybody, false), 0);
    assert_int_equal(s3_acl_granted(&acl, text("dave"), false), 0);
    assert_int_equal(s3_acl_granted(&acl, text("carol"), false), S3_PERMISSION_READ_ACP);
    assert_int_equal(s3_acl_granted(&acl, text(""), false), 0); /* what nobody owns is nobody's */
    assert_true(s3_acl_is_public(&acl));
    assert_true(s3_acl_canned(text("bucket-owner-read"), &owners, &acl));
    assert_false(s3_acl_is_public(&acl));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(canned_names),
        TEST(reads_headers),
        TEST(refuses_headers),
        TEST(reads_xml),
        TEST(comes_back_from_the_stored_form),
        TEST(grants_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
