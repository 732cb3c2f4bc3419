/* SPDX-License-Identifier: MIT
 *
 * CORS configurations: which documents are taken, and which requests a rule allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/object/s3_cors.h"

static struct arena arena;
static struct s3_cors *cors;
static const char *message;

static int set_up(void **state)
{
    arena_init(&arena, NULL);
    cors = NULL;
    message = NULL;
    return 0;
}

static int tear_down(void **state)
{
    if (cors != NULL)
        s3_cors_free(cors);
    arena_free(&arena);
    return 0;
}

static struct slice text(const char *string)
{
    return string != NULL ? slice_text(string) : slice_of(NULL, 0);
}

#define CORS(rules)                                                                                          \
    "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" rules "</CORSConfiguration>"
#define RULE(inside) "<CORSRule>" inside "</CORSRule>"
#define METHOD(name) "<AllowedMethod>" name "</AllowedMethod>"
#define ORIGIN(text) "<AllowedOrigin>" text "</AllowedOrigin>"
#define HEADER(text) "<AllowedHeader>" text "</AllowedHeader>"

static void checks_documents(void **state)
{
    static const struct {
        const char *xml;
        enum s3_error error;
        const char *message; /* contained */
    } cases[] = {
        {CORS(RULE(METHOD("GET") ORIGIN("*"))), S3_ERROR_NONE, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("https://*.example.org") HEADER(
             "x-amz-*") "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>0</MaxAgeSeconds><ID>r</ID>")),
         S3_ERROR_NONE, NULL},
        {CORS(""), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE("")), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("GET"))), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(ORIGIN("*"))), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN(""))), S3_ERROR_NONE, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("*") HEADER(""))), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("a&#13;&#10;b: c"))), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("*") "<Unknown/>")), S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("*") "<MaxAgeSeconds>-1</MaxAgeSeconds>")), S3_ERROR_NONE, NULL},
        {CORS(RULE(METHOD("GET") ORIGIN("*") "<MaxAgeSeconds>-</MaxAgeSeconds>")), S3_ERROR_MALFORMED_XML,
         NULL},
        {CORS("<CORSRules/>"), S3_ERROR_MALFORMED_XML, NULL},
        {"<Cors/>", S3_ERROR_MALFORMED_XML, NULL},
        {CORS(RULE(METHOD("PATCH") ORIGIN("*"))), S3_ERROR_INVALID_REQUEST, "Unsupported method is PATCH"},
        {CORS(RULE(METHOD("get") ORIGIN("*"))), S3_ERROR_INVALID_REQUEST, "Unsupported method is get"},
        {CORS(RULE(METHOD("GET") ORIGIN("http://*.*"))), S3_ERROR_INVALID_REQUEST,
         "\"http://*.*\" can not have"},
        {CORS(RULE(METHOD("GET") ORIGIN("*") HEADER("*-*"))), S3_ERROR_INVALID_REQUEST,
         "AllowedHeader \"*-*\""},
        {CORS(RULE(METHOD("GET") ORIGIN("*") "<ExposeHeader>x-*</ExposeHeader>")), S3_ERROR_INVALID_REQUEST,
         "ExposeHeader \"x-*\" contains wildcard"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        message = NULL;
        enum s3_error error = s3_cors_read(&arena, text(cases[i].xml), &cors, &message);

        if (error != cases[i].error)
            fail_msg("%s: error %d", cases[i].xml, error);
        if (error == S3_ERROR_NONE) {
            s3_cors_free(cors);
            cors = NULL;
        } else if (cases[i].message != NULL) {
            assert_non_null(message);
            assert_non_null(strstr(message, cases[i].message));
        }
    }
}

static void bounds_rules_and_ids(void **state)
{
    static const char rule[] = RULE(METHOD("GET") ORIGIN("*"));
    static char xml[1000 + 102 * sizeof(rule)];
    char *at;

    for (unsigned count = 100; count <= 101; count++) {
        at = stpcpy(xml, "<CORSConfiguration>");
        for (unsigned i = 0; i < count; i++)
            at = stpcpy(at, rule);
        stpcpy(at, "</CORSConfiguration>");
        assert_int_equal(s3_cors_read(&arena, text(xml), &cors, &message),
                         count == 100 ? S3_ERROR_NONE : S3_ERROR_INVALID_REQUEST);
        if (count == 100)
            s3_cors_free(cors);
        cors = NULL;
    }
    char id[300], long_id[1000];
    memset(id, 'i', 256);
    id[256] = '\0';
    snprintf(long_id, sizeof(long_id), CORS(RULE("<ID>%s</ID>" METHOD("GET") ORIGIN("*"))), id);
    assert_int_equal(s3_cors_read(&arena, text(long_id), &cors, &message), S3_ERROR_INVALID_ARGUMENT);
    snprintf(long_id, sizeof(long_id), CORS(RULE("<ID>%s</ID>" METHOD("GET") ORIGIN("*"))), id + 1);
    assert_int_equal(s3_cors_read(&arena, text(long_id), &cors, &message), S3_ERROR_NONE);
}

static void matches_patterns(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool ignore_case, matches;
    } cases[] = {
        {"*", "", false, true},
        {"*", "anything", false, true},
        {"a*", "a", false, true},
        {"a*", "abc", false, true},
        {"a*", "b", false, false},
        {"*c", "abc", false, true},
        {"*c", "abd", false, false},
        {"a*c", "ac", false, true},
        {"a*c", "abc", false, true},
        {"a*a", "a", false, false},
        {"abc", "abc", false, true},
        {"abc", "ABC", false, false},
        {"abc", "ABC", true, true},
        {"X-Amz-*", "x-amz-date", true, true},
        {"abc", "abcd", false, false},
        {"http://*.b", "http://a.b", false, true},
        {"http://*.b", "http://a.bc", false, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (s3_cors_pattern_matches(text(cases[i].pattern), text(cases[i].text), cases[i].ignore_case) !=
            cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].text);
    }
}

static void the_first_rule_that_fits_decides(void **state)
{
    static const char xml[] = CORS(RULE(
        "<ID>put</ID>" METHOD("PUT") METHOD("POST") ORIGIN("https://a.example") HEADER("x-amz-*")
            HEADER("content-type")) RULE("<ID>sub</ID>" METHOD("PUT") ORIGIN("https://*.example") HEADER("*"))
                                       RULE("<ID>get</ID>" METHOD("GET") ORIGIN("*")));
    static const struct {
        const char *origin, *method, *headers, *id;
    } cases[] = {
        {"https://a.example", "PUT", NULL, "put"},
        {"https://a.example", "PUT", "X-Amz-Date, Content-Type", "put"},
        {"https://a.example", "PUT", "authorization", "sub"},
        {"https://a.example", "POST", "authorization", NULL},
        {"https://b.example", "PUT", "anything,else", "sub"},
        {"http://b.example", "PUT", NULL, NULL},
        {"http://b.example", "GET", NULL, "get"},
        {"http://b.example", "GET", "range", NULL},
        {"http://b.example", "HEAD", NULL, NULL},
        {"http://b.example", "PATCH", NULL, NULL},
    };

    assert_int_equal(s3_cors_read(&arena, text(xml), &cors, &message), S3_ERROR_NONE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct s3_cors_rule *rule =
            s3_cors_match(cors, text(cases[i].origin), text(cases[i].method), text(cases[i].headers));

        if ((rule == NULL) != (cases[i].id == NULL))
            fail_msg("case %zu", i);
        if (rule != NULL) {
            assert_int_equal(rule->id.len, strlen(cases[i].id));
            assert_memory_equal(rule->id.base, cases[i].id, rule->id.len);
        }
    }
    assert_false(s3_cors_rule_is_public(&cors->rules[1], text("https://b.example")));
    assert_true(s3_cors_rule_is_public(&cors->rules[2], text("https://b.example")));
}

static void what_is_written_reads_the_same(void **state)
{
    static const char xml[] = CORS(RULE("<ID>a &amp; b</ID>" METHOD("PUT") METHOD("GET") ORIGIN(
        "https://*") HEADER("*") "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds>"));
    struct s3_xml first, second;
    struct s3_cors *again;

    assert_int_equal(s3_cors_read(&arena, text(xml), &cors, &message), S3_ERROR_NONE);
    s3_xml_init(&first, &arena);
    s3_cors_write(&first, cors);
    assert_int_equal(s3_cors_read(&arena, slice_of(first.data, first.length), &again, &message),
                     S3_ERROR_NONE);
    s3_xml_init(&second, &arena);
    s3_cors_write(&second, again);
    s3_cors_free(again);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    assert_non_null(memmem(first.data, first.length, "<ID>a &amp; b</ID>", 18));
    assert_non_null(
        memmem(first.data, first.length, LITERAL(METHOD("PUT") METHOD("GET")))); /* in their order */
    assert_non_null(memmem(first.data, first.length, "<MaxAgeSeconds>30</MaxAgeSeconds>", 33));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(checks_documents),
        TEST(bounds_rules_and_ids),
        TEST(matches_patterns),
        TEST(the_first_rule_that_fits_decides),
        TEST(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
