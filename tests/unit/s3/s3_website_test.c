/* SPDX-License-Identifier: MIT
 *
 * Website configurations: which documents are taken, which rule applies to a request, where it leads, and which rules are passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/website/s3_website.h"

static struct arena arena;
static struct s3_website *website;
static struct s3_refusal refusal;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    website = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (website != NULL)
        s3_website_free(website);
    arena_free(&arena);
    return 0;
}

#define SITE(inside)                                                                                         \
    "<WebsiteConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" inside                        \
    "</WebsiteConfiguration>"
#define INDEX             "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
#define ERROR_KEY(key)    "<ErrorDocument><Key>" key "</Key></ErrorDocument>"
#define RULES(inside)     SITE(INDEX "<RoutingRules>" inside "</RoutingRules>")
#define RULE(when, where) "<RoutingRule>" when "<Redirect>" where "</Redirect></RoutingRule>"
#define WHEN(inside)      "<Condition>" inside "</Condition>"
#define PREFIX(text)      "<KeyPrefixEquals>" text "</KeyPrefixEquals>"
#define ERROR(code)       "<HttpErrorCodeReturnedEquals>" code "</HttpErrorCodeReturnedEquals>"
#define HOST(name)        "<HostName>" name "</HostName>"
#define PROTOCOL(name)    "<Protocol>" name "</Protocol>"
#define STATUS(code)      "<HttpRedirectCode>" code "</HttpRedirectCode>"
#define KEY(text)         "<ReplaceKeyWith>" text "</ReplaceKeyWith>"
#define INSTEAD(text)     "<ReplaceKeyPrefixWith>" text "</ReplaceKeyPrefixWith>"
#define ALL(inside)       "<RedirectAllRequestsTo>" inside "</RedirectAllRequestsTo>"

static void read_website(const char *xml)
{
    if (website != NULL)
        s3_website_free(website);
    website = NULL;
    assert_int_equal(s3_website_read(&arena, slice_text(xml), &website, &refusal), S3_ERROR_NONE);
}

static void assert_text(struct slice text, const char *expected)
{
    char copy[4096];

    assert_true(text.len < sizeof(copy));
    memcpy(copy, text.base, text.len);
    copy[text.len] = '\0';
    assert_string_equal(copy, expected);
}

/* ---- Documents ---- */

static void checks_documents(void **state)
{
    static const struct {
        const char *xml;
        enum s3_error error;
        const char *message; /* contained */
    } cases[] = {
        {SITE(INDEX), S3_ERROR_NONE, NULL},
        {SITE(INDEX ERROR_KEY("404.html")), S3_ERROR_NONE, NULL},
        {SITE(ALL(HOST("example.org"))), S3_ERROR_NONE, NULL},
        {SITE(ALL(HOST("example.org:8080/docs") PROTOCOL("https"))), S3_ERROR_NONE, NULL},
        {RULES(RULE("", KEY("a"))), S3_ERROR_NONE, NULL},
        {RULES(RULE(WHEN(PREFIX("")), KEY("a"))), S3_ERROR_NONE, NULL},
        {RULES(RULE(WHEN(PREFIX("a/") ERROR("404")), HOST("[::1]:80") STATUS("307"))), S3_ERROR_NONE, NULL},
        {SITE(""), S3_ERROR_INVALID_ARGUMENT, "A value for IndexDocument Suffix must be provided"},
        {SITE(ERROR_KEY("404.html")), S3_ERROR_INVALID_ARGUMENT, "A value for IndexDocument"},
        {SITE("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"), S3_ERROR_INVALID_ARGUMENT,
         "not well formed"},
        {SITE("<IndexDocument><Suffix/></IndexDocument>"), S3_ERROR_INVALID_ARGUMENT, "not well formed"},
        {SITE("<IndexDocument/>"), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(INDEX INDEX), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(INDEX ERROR_KEY("")), S3_ERROR_INVALID_ARGUMENT, "ErrorDocument Key"},
        {SITE(INDEX "<ErrorDocument/>"), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(INDEX "<Other/>"), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(INDEX "<RoutingRules/>"), S3_ERROR_MALFORMED_XML, NULL},
        {"<Website>" INDEX "</Website>", S3_ERROR_MALFORMED_XML, NULL},
        {"", S3_ERROR_MALFORMED_XML, NULL},
        {SITE(ALL("")), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(ALL(PROTOCOL("http"))), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(ALL(HOST("a") PROTOCOL("ftp"))), S3_ERROR_INVALID_REQUEST, "protocol can be http or https"},
        {SITE(ALL(HOST("a")) ALL(HOST("a"))), S3_ERROR_MALFORMED_XML, NULL},
        {SITE(ALL(HOST("a")) INDEX), S3_ERROR_INVALID_REQUEST, "in conjunction"},
        {SITE(ALL(HOST("a")) ERROR_KEY("e")), S3_ERROR_INVALID_REQUEST, "in conjunction"},
        {SITE(ALL(HOST("a b"))), S3_ERROR_INVALID_REQUEST, "HostName"},
        {SITE(ALL(HOST("user@evil.example"))), S3_ERROR_INVALID_REQUEST, "HostName"},
        {SITE(ALL(HOST("a&#13;&#10;Set-Cookie: x=y"))), S3_ERROR_INVALID_REQUEST, "HostName"},
        {SITE(ALL(HOST("/path"))), S3_ERROR_INVALID_REQUEST, "HostName"},
        {RULES(RULE("", HOST("a/path"))), S3_ERROR_INVALID_REQUEST, "HostName"},
        {RULES(RULE("", "")), S3_ERROR_MALFORMED_XML, NULL},
        {RULES("<RoutingRule/>"), S3_ERROR_MALFORMED_XML, NULL},
        {RULES(RULE(WHEN(""), KEY("a"))), S3_ERROR_INVALID_REQUEST, "Condition cannot be empty"},
        {RULES(RULE(WHEN(ERROR("302")), KEY("a"))), S3_ERROR_INVALID_REQUEST,
         "error code (302) is not valid"},
        {RULES(RULE(WHEN(ERROR("600")), KEY("a"))), S3_ERROR_INVALID_REQUEST, "Valid codes are 4XX or 5XX."},
        {RULES(RULE(WHEN(ERROR("4xx")), KEY("a"))), S3_ERROR_INVALID_REQUEST, "error code (4xx)"},
        {RULES(RULE("", STATUS("300"))), S3_ERROR_INVALID_REQUEST,
         "redirect code (300) is not valid. Valid codes are 3XX except 300."},
        {RULES(RULE("", STATUS("304"))), S3_ERROR_INVALID_REQUEST, "redirect code (304)"},
        {RULES(RULE("", STATUS("200"))), S3_ERROR_INVALID_REQUEST, "redirect code (200)"},
        {RULES(RULE("", PROTOCOL("javascript"))), S3_ERROR_INVALID_REQUEST, "protocol can be http or https"},
        {RULES(RULE("", KEY("a") INSTEAD("b"))), S3_ERROR_INVALID_REQUEST,
         "ReplaceKeyPrefix or ReplaceKey but not both"},
        {RULES(RULE("", KEY("a") KEY("b"))), S3_ERROR_MALFORMED_XML, NULL},
        {RULES(RULE(WHEN(PREFIX("a") PREFIX("b")), KEY("a"))), S3_ERROR_MALFORMED_XML, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct s3_website *read = NULL;
        enum s3_error error = s3_website_read(&arena, slice_text(cases[i].xml), &read, &refusal);

        if (error != cases[i].error)
            fail_msg("%s: %d, not %d", cases[i].xml, error, cases[i].error);
        if (cases[i].message != NULL)
            assert_non_null(strstr(refusal.message, cases[i].message));
        if (error == S3_ERROR_NONE)
            s3_website_free(read);
    }
}

static void takes_fifty_rules(void **state)
{
    char *xml = calloc(1, 60 * sizeof(RULE("", KEY("a"))) + sizeof(RULES("")));
    struct s3_website *read;

    (void)state;
    for (unsigned count = 50; count <= 51; count++) {
        strcpy(xml, "<WebsiteConfiguration>" INDEX "<RoutingRules>");
        for (unsigned i = 0; i < count; i++)
            strcat(xml, RULE("", KEY("a")));
        strcat(xml, "</RoutingRules></WebsiteConfiguration>");
        enum s3_error error = s3_website_read(&arena, slice_text(xml), &read, &refusal);
        assert_int_equal(error, count == 50 ? S3_ERROR_NONE : S3_ERROR_INVALID_REQUEST);
        if (error == S3_ERROR_NONE)
            s3_website_free(read);
    }
    free(xml);
}

static void writes_what_it_read(void **state)
{
    static const char *const documents[] = {
        SITE(INDEX ERROR_KEY("a&amp;b")),
        SITE(ALL(HOST("example.org") PROTOCOL("https"))),
        RULES(RULE(WHEN(ERROR("404") PREFIX("a/")), HOST("h") STATUS("302") PROTOCOL("http") INSTEAD("b/"))
                  RULE("", KEY(""))),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct s3_xml xml;

        read_website(documents[i]);
        s3_xml_init_rest(&xml, &arena);
        s3_website_write(&xml, website);
        assert_text(slice_of(xml.data, xml.length), documents[i]);
    }
}

/* ---- Rules ---- */

static const struct s3_website_place here = {"http", {"site.example:8080", 17}};

static const char *location_for(const char *key, unsigned error)
{
    const struct s3_website_rule *rule = s3_website_match(website, slice_text(key), error);

    return rule != NULL ? arena_dup(&arena, s3_website_location(&arena, rule, slice_text(key), &here).base,
                                    s3_website_location(&arena, rule, slice_text(key), &here).len)
                              .base
                        : NULL;
}

static void finds_the_first_rule(void **state)
{
    (void)state;
    read_website(RULES(RULE(WHEN(PREFIX("docs/")), INSTEAD("documents/")) RULE(
        WHEN(PREFIX("docs/old")), KEY("never")) RULE(WHEN(ERROR("404") PREFIX("images/")), KEY("missing.png"))
                           RULE(WHEN(ERROR("404")), HOST("other.example"))));
    assert_string_equal(location_for("docs/old", 0), "/documents/old");
    assert_null(location_for("doc", 0));
    assert_null(location_for("images/a", 0));
    assert_string_equal(location_for("images/a", 404), "/missing.png");
    assert_string_equal(location_for("a", 404), "http://other.example/a");
    assert_null(location_for("images/a", 403));
}

static void says_where_it_leads(void **state)
{
    static const struct {
        const char *where, *prefix, *key, *location;
    } cases[] = {
        {HOST("other.example"), NULL, "a b/\xc3\xa9?#", "http://other.example/a%20b/%C3%A9%3F%23"},
        {HOST("other.example") PROTOCOL("https"), NULL, "", "https://other.example/"},
        {PROTOCOL("https"), NULL, "a", "https://site.example:8080/a"},
        {PROTOCOL("http"), NULL, "a", "/a"},
        {INSTEAD("new/"), "old/", "old/page", "/new/page"},
        {INSTEAD(""), "old/", "old/page", "/page"},
        {INSTEAD("#!/"), NULL, "route/1", "/#!/route/1"},
        {INSTEAD("resize?key="), "img/", "img/a&b=c", "/resize?key=a%26b%3Dc"},
        {KEY("gone.html"), "old/", "old/page", "/gone.html"},
        {KEY(""), NULL, "a", "/"},
        /* Nothing leads to a host that nobody configured, and nothing ends the header. */
        {KEY("/evil.example/"), NULL, "a", "/%2Fevil.example/"},
        {KEY("\\evil.example/"), NULL, "a", "/%5Cevil.example/"},
        {INSTEAD(""), "old", "old/evil.example", "/%2Fevil.example"},
        {INSTEAD("/"), "a", "a/evil.example", "/%2F/evil.example"},
        {KEY("a&#13;&#10;Set-Cookie: a=b"), NULL, "a", "/a%0D%0ASet-Cookie:%20a=b"},
        {INSTEAD("b"), "a", "a\r\nSet-Cookie: a=b", "/b%0D%0ASet-Cookie%3A%20a%3Db"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char xml[1024];

        snprintf(xml, sizeof(xml), RULES("<RoutingRule>%s%s%s<Redirect>%s</Redirect></RoutingRule>"),
                 cases[i].prefix != NULL ? "<Condition><KeyPrefixEquals>" : "",
                 cases[i].prefix != NULL ? cases[i].prefix : "",
                 cases[i].prefix != NULL ? "</KeyPrefixEquals></Condition>" : "", cases[i].where);
        read_website(xml);
        assert_string_equal(location_for(cases[i].key, 0), cases[i].location);
    }
}

static void leads_all_requests(void **state)
{
    const struct slice path = SLICE("/a%20b//c?x=1\"<");

    (void)state;
    read_website(SITE(ALL(HOST("other.example"))));
    assert_text(s3_website_location_of_all(&arena, &website->all, path, &here),
                "http://other.example/a%20b//c?x=1%22%3C");
    assert_false(s3_website_is_here(&website->all, &here));
    read_website(SITE(ALL(HOST("other.example/base/") PROTOCOL("https"))));
    assert_text(s3_website_location_of_all(&arena, &website->all, path, &here),
                "https://other.example/base/a%20b//c?x=1%22%3C");
    read_website(SITE(ALL(HOST("SITE.example:8080"))));
    assert_true(s3_website_is_here(&website->all, &here));
    read_website(SITE(ALL(HOST("site.example:8080") PROTOCOL("https"))));
    assert_false(s3_website_is_here(&website->all, &here));
}

static void leads_to_folders_and_objects(void **state)
{
    (void)state;
    assert_text(s3_website_location_of_folder(&arena, SLICE("a b/c"), SLICE("?x=1")), "/a%20b/c/?x=1");
    assert_text(s3_website_location_of_folder(&arena, SLICE("/evil.example"), SLICE("")),
                "/%2Fevil.example/");
    assert_text(s3_website_location_of_object(&arena, SLICE("/page?x=1#y")), "/page?x=1#y");
    assert_text(s3_website_location_of_object(&arena, SLICE("//evil.example/")), "/%2Fevil.example/");
    assert_text(s3_website_location_of_object(&arena, SLICE("https://a.example/b\r\nc")),
                "https://a.example/b%0D%0Ac");
    assert_null(s3_website_location_of_object(&arena, SLICE("javascript:x")).base);
    assert_null(s3_website_location_of_object(&arena, SLICE("")).base);
}

static void resolves_dots(void **state)
{
    static const char *const cases[][2] = {{"debian/./Packages", "debian/Packages"},
                                           {"./a", "a"},
                                           {"a/.", "a/"},
                                           {"a/b/..", "a/"},
                                           {"a/b/../c", "a/c"},
                                           {"../../a", "a"},
                                           {"..", ""},
                                           {"a//./b/", "a//b/"},
                                           {"a/../../b//../c", "b/c"},
                                           {"a..b/.c/d./...", "a..b/.c/d./..."},
                                           {"", ""},
                                           {"a//b/", "a//b/"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_text(s3_website_resolve(&arena, slice_text(cases[i][0])), cases[i][1]);
}

/* ---- Loops ---- */

static enum s3_website_end follow(const char *key, unsigned error, struct slice *target)
{
    const struct s3_website_rule *rule = s3_website_match(website, slice_text(key), error);

    assert_non_null(rule);
    return s3_website_follow(&arena, website, rule, slice_text(key), error, &here, target);
}

static void passes_loops_over(void **state)
{
    struct slice target;

    (void)state;
    read_website(RULES(RULE(WHEN(PREFIX("a/")), INSTEAD("b/")) RULE(WHEN(PREFIX("b/")), INSTEAD("c/"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_ON);
    assert_text(target, "c/x");
    read_website(RULES(RULE(WHEN(PREFIX("a/")), INSTEAD("b/")) RULE(WHEN(PREFIX("b/")), INSTEAD("a/"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_BACK);
    assert_int_equal(follow("b/x", 0, &target), S3_WEBSITE_LEADS_BACK);
    read_website(RULES(RULE(WHEN(PREFIX("a/")), INSTEAD("a/a/"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_BACK);
    read_website(RULES(RULE("", KEY("one"))));
    assert_int_equal(follow("one", 0, &target), S3_WEBSITE_LEADS_BACK);
    read_website(RULES(RULE("", STATUS("302"))));
    assert_int_equal(follow("x", 0, &target), S3_WEBSITE_LEADS_BACK);
    read_website(RULES(RULE(WHEN(PREFIX("a/")), HOST("site.EXAMPLE:8080"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_BACK);
    read_website(RULES(RULE(WHEN(PREFIX("a/")), PROTOCOL("https"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_ON);
    read_website(RULES(RULE(WHEN(PREFIX("a/")), KEY("a%2Fx?y=1"))));
    assert_int_equal(follow("a/x", 0, &target), S3_WEBSITE_LEADS_BACK);
}

static void asks_for_the_object_behind_an_error(void **state)
{
    struct slice target;

    (void)state;
    read_website(RULES(RULE(WHEN(ERROR("404")), INSTEAD("#!/"))));
    assert_int_equal(follow("route", 404, &target), S3_WEBSITE_LEADS_TO_OBJECT);
    assert_text(target, "");
    read_website(RULES(RULE(WHEN(ERROR("404") PREFIX("a/")), KEY("b"))));
    assert_int_equal(follow("a/x", 404, &target), S3_WEBSITE_LEADS_ON);
    read_website(RULES(RULE(WHEN(ERROR("404")), KEY("missing"))));
    assert_int_equal(follow("missing", 404, &target), S3_WEBSITE_LEADS_BACK);
    assert_int_equal(follow("other", 404, &target), S3_WEBSITE_LEADS_TO_OBJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_fifty_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_what_it_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_the_first_rule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_where_it_leads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leads_all_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leads_to_folders_and_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resolves_dots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passes_loops_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_for_the_object_behind_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
