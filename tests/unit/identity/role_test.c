/* SPDX-License-Identifier: MIT
 *
 * Patterns of roles, scopes out of claims, and roles that would be everybody's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/identity/jwt_internal.h"
#include "api/identity/role.h"

static struct jwt_claims claims_of(const char *json)
{
    struct jwt_claims claims = {json_loads(json, 0, NULL)};

    assert_non_null(claims.object);
    return claims;
}

static void matches_patterns(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"main", "main", true},
        {"main", "mainx", false},
        {"main", "xmain", false},
        {"", "", true},
        {"", "x", false},
        {"*", "", true},
        {"*", "any/thing", true},
        {"refs/heads/*", "refs/heads/", true},
        {"refs/heads/*", "refs/head", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"*a", "ba", true},
        {"*ab", "aab", true},
        {"**", "x", true},
        {"a?c", "abc", false},
        {"a.c", "abc", false},
        {"*aaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (role_pattern_matches(slice_text(cases[i].pattern), slice_text(cases[i].text)) != cases[i].matches)
            fail_msg("%s, %s", cases[i].pattern, cases[i].text);
}

static void fits_all_claims_or_none(void **state)
{
    struct jwt_claims token =
        claims_of("{\"repository\":\"acme/app\",\"id\":7,\"protected\":true,\"list\":[\"x\"]}");
    const struct role_claim fits[] = {{"repository", "acme/*"}, {"id", "7"}, {"protected", "true"}};
    const struct role_claim lacks[] = {{"repository", "acme/*"}, {"ref", "*"}};
    const struct role_claim is_list[] = {{"list", "*"}};

    (void)state;
    assert_true(role_fits(fits, 3, &token));
    assert_false(role_fits(lacks, 2, &token));
    assert_false(role_fits(is_list, 1, &token));
    json_decref(token.object);
}

static void wants_a_tenant_named(void **state)
{
    static const struct {
        const char *issuer, *name, *pattern;
        bool is_enough;
    } cases[] = {
        {"https://token.actions.githubusercontent.com", "ref", "refs/heads/main", false},
        {"https://token.actions.githubusercontent.com", "repository", "*", false},
        {"https://token.actions.githubusercontent.com", "repository", "*/app", false},
        {"https://token.actions.githubusercontent.com", "repository", "acme*", false}, /* acme-evil, too */
        {"https://token.actions.githubusercontent.com", "repository", "/app", false},
        {"https://token.actions.githubusercontent.com", "repository", "acme/*", true},
        {"https://token.actions.githubusercontent.com", "repository", "acme/app", true},
        {"https://token.actions.githubusercontent.com", "repository_owner", "acme", true},
        {"https://token.actions.githubusercontent.com", "repository_owner", "acme*", false},
        {"https://token.actions.githubusercontent.com", "repository_id", "", false},
        {"https://token.actions.githubusercontent.com", "sub", "repo:acme/app:*", true},
        {"https://token.actions.githubusercontent.com", "sub", "repo:*", false},
        {"https://token.actions.githubusercontent.com", "sub", "repo:/x", false},
        {"https://token.actions.githubusercontent.com", "sub", "*", false},
        {"https://token.actions.githubusercontent.com/acme", "ref", "main",
         false}, /* an enterprise's own is no other kind */
        {"https://gitlab.com", "ref", "main", false},
        {"https://gitlab.com", "project_path", "acme/*", true},
        {"https://gitlab.example", "ref", "main", true},
    };
    const char *wanted;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct role_claim claim = {cases[i].name, cases[i].pattern};

        if (role_names_its_tenant(slice_text(cases[i].issuer), &claim, 1, &wanted) != cases[i].is_enough)
            fail_msg("%s %s %s", cases[i].issuer, cases[i].name, cases[i].pattern);
        assert_non_null(wanted);
    }
    assert_false(role_names_its_tenant(SLICE("https://gitlab.example"), NULL, 0, &wanted));
}

static ptrdiff_t fill(const char *template, const char *json, char *out, size_t room)
{
    struct jwt_claims token = claims_of(json);
    ptrdiff_t length = role_template_fill(slice_text(template), &token, out, room);

    json_decref(token.object);
    return length;
}

static void assert_filled(const char *template, const char *json, const char *expected)
{
    char out[64];

    assert_int_equal(fill(template, json, out, sizeof(out)), strlen(expected));
    assert_string_equal(out, expected);
}

static void fills_templates(void **state)
{
    char out[64];

    (void)state;
    assert_filled("main", "{}", "main");
    assert_filled("pr/{n}", "{\"n\":17}", "pr/17");
    assert_filled("{a}/{b}", "{\"a\":\"x\",\"b\":\"y\"}", "x/y");
    /* One segment, whatever stands in the claim. */
    assert_filled("pr/{ref}", "{\"ref\":\"refs/pull/17/merge\"}", "pr/refs%2Fpull%2F17%2Fmerge");
    assert_filled("pr/{ref}", "{\"ref\":\"../main\"}", "pr/..%2Fmain");
    assert_filled("pr/{ref}", "{\"ref\":\"..\"}", "pr/%2E%2E");
    assert_filled("pr/{ref}", "{\"ref\":\".\"}", "pr/%2E");
    assert_filled("pr/{ref}", "{\"ref\":\"%2e\"}", "pr/%252e");
    assert_int_equal(fill("pr/{ref}", "{}", out, sizeof(out)), -ENOENT);
    assert_int_equal(fill("pr/{ref}", "{\"ref\":\"\"}", out, sizeof(out)),
                     -ENOENT); /* that would be pr/ itself */
    assert_int_equal(fill("pr/{ref}", "{\"ref\":[]}", out, sizeof(out)), -ENOENT);
    assert_int_equal(fill("pr/{ref}", "{\"ref\":\"123456\"}", out, 9), -E2BIG);
    assert_int_equal(fill("pr/{ref}", "{\"ref\":\"12345\"}", out, 9), 8);
    assert_int_equal(fill("main", "{}", out, 0), -E2BIG);
}

static void knows_templates(void **state)
{
    (void)state;
    assert_true(role_template_is_valid(SLICE("pr/{a}/{b}")));
    assert_true(role_template_is_valid(SLICE("main")));
    assert_false(role_template_is_valid(SLICE("pr/{a")));
    assert_false(role_template_is_valid(SLICE("pr/{}")));
    assert_false(role_template_is_valid(SLICE("pr/a}")));
    assert_false(role_template_is_valid(SLICE("pr/{{a}}")));
    assert_true(role_template_has_claims(SLICE("pr/{a}")));
    assert_false(role_template_has_claims(SLICE("main")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_patterns),     cmocka_unit_test(fits_all_claims_or_none),
        cmocka_unit_test(wants_a_tenant_named), cmocka_unit_test(fills_templates),
        cmocka_unit_test(knows_templates),
    };

    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
