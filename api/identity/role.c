/* SPDX-License-Identifier: MIT
 *
 * See role.h. */
#include "api/identity/role.h"

#include <errno.h>
#include <string.h>

#include "storage/base/text/percent.h"

/* ---- Patterns ---- */

/* Goes back to the last star only, as far as needed: time is at most the product of both lengths. */
bool role_pattern_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, after_star = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.base[p] == '*') {
            star = p++;
            after_star = t;
        } else if (p < pattern.len && pattern.base[p] == text.base[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++after_star;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.base[p] == '*')
        p++;
    return p == pattern.len;
}

bool role_fits(const struct role_claim *claims, size_t count, const struct jwt_claims *token)
{
    char number[JWT_NUMBER_BYTES];

    for (size_t i = 0; i < count; i++) {
        struct slice value = jwt_claim(token, claims[i].name, number);

        if (value.base == NULL || !role_pattern_matches(slice_text(claims[i].pattern), value))
            return false;
    }
    return true;
}

/* ---- Issuers of many tenants ---- */

/* Claims that say whose a token is, by what their patterns have to begin with before the first star. */
enum tenant_form {
    TENANT_WHOLE, /* no star at all: a number, an account */
    TENANT_PATH,  /* "owner/": the owner is fixed */
    TENANT_SUB,   /* "word:owner/": GitHub's and GitLab's `sub` */
};

struct tenant_claim {
    const char *name;
    enum tenant_form form;
};

struct tenant_issuer {
    const char *prefix; /* of the issuer */
    const char *wanted;
    struct tenant_claim claims[8];
};

static const struct tenant_issuer tenant_issuers[] = {
    {"https://token.actions.githubusercontent.com",
     "claim:repository=OWNER/NAME (or OWNER/*), claim:repository_owner, their ids, or "
     "claim:sub=repo:OWNER/...",
     {{"repository", TENANT_PATH},
      {"repository_owner", TENANT_WHOLE},
      {"repository_id", TENANT_WHOLE},
      {"repository_owner_id", TENANT_WHOLE},
      {"sub", TENANT_SUB}}},
    {"https://gitlab.com",
     "claim:project_path=GROUP/NAME (or GROUP/*), claim:namespace_path, their ids, or "
     "claim:sub=project_path:GROUP/...",
     {{"project_path", TENANT_PATH},
      {"project_id", TENANT_WHOLE},
      {"namespace_path", TENANT_WHOLE},
      {"namespace_id", TENANT_WHOLE},
      {"sub", TENANT_SUB}}},
    {"https://agent.buildkite.com",
     "claim:organization_slug, or claim:organization_id",
     {{"organization_slug", TENANT_WHOLE}, {"organization_id", TENANT_WHOLE}}},
    {"https://app.terraform.io",
     "claim:terraform_organization_id, or claim:terraform_organization_name",
     {{"terraform_organization_id", TENANT_WHOLE}, {"terraform_organization_name", TENANT_WHOLE}}},
    {"https://accounts.google.com",
     "claim:sub, or claim:email, without a star",
     {{"sub", TENANT_WHOLE}, {"email", TENANT_WHOLE}}},
};

static bool has_form(struct slice pattern, enum tenant_form form)
{
    const char *star = memchr(pattern.base, '*', pattern.len), *slash;
    struct slice fixed = slice_of(pattern.base, star != NULL ? (size_t)(star - pattern.base) : pattern.len);

    if (form == TENANT_WHOLE)
        return star == NULL && fixed.len > 0;
    if (form == TENANT_SUB) {
        const char *colon = memchr(fixed.base, ':', fixed.len);

        if (colon == NULL)
            return false;
        fixed = slice_from(fixed, (size_t)(colon - fixed.base) + 1);
    }
    slash = memchr(fixed.base, '/', fixed.len);
    return slash != NULL && slash != fixed.base;
}

static bool is_claim_of_tenant(const struct tenant_issuer *issuer, const struct role_claim *claim)
{
    for (size_t i = 0; issuer->claims[i].name != NULL; i++) {
        if (strcmp(issuer->claims[i].name, claim->name) == 0 &&
            has_form(slice_text(claim->pattern), issuer->claims[i].form))
            return true;
    }
    return false;
}

bool role_names_its_tenant(struct slice issuer, const struct role_claim *claims, size_t count,
                           const char **wanted)
{
    *wanted = "a claim: claim:NAME=PATTERN";
    for (size_t i = 0; i < sizeof(tenant_issuers) / sizeof(tenant_issuers[0]); i++) {
        if (!slice_has_prefix(issuer, tenant_issuers[i].prefix))
            continue;
        *wanted = tenant_issuers[i].wanted;
        for (size_t j = 0; j < count; j++) {
            if (is_claim_of_tenant(&tenant_issuers[i], &claims[j]))
                return true;
        }
        return false;
    }
    return count > 0;
}

/* ---- Templates ---- */

/* The name in "{name}" at the beginning of the text; empty: there is none. */
static struct slice claim_name_at(struct slice text)
{
    const char *end = text.len > 0 && text.base[0] == '{' ? memchr(text.base, '}', text.len) : NULL;
    struct slice name =
        end != NULL ? slice_of(text.base + 1, (size_t)(end - text.base) - 1) : slice_of("", 0);

    return memchr(name.base, '{', name.len) == NULL ? name : slice_of("", 0);
}

bool role_template_has_claims(struct slice text)
{
    return memchr(text.base, '{', text.len) != NULL;
}

bool role_template_is_valid(struct slice text)
{
    while (text.len > 0) {
        struct slice name = claim_name_at(text);

        if (name.len == 0 && (text.base[0] == '{' || text.base[0] == '}'))
            return false;
        text = slice_from(text, name.len > 0 ? name.len + 2 : 1);
    }
    return true;
}

struct filling {
    char *out;
    size_t length, room;
};

static bool put(struct filling *filling, char c)
{
    if (filling->length + 1 >= filling->room)
        return false;
    filling->out[filling->length++] = c;
    return true;
}

static bool put_segment(struct filling *filling, struct slice value)
{
    static const char *const dots[] = {"", "%2E", "%2E%2E"}; /* no path may go up by a claim */
    char encoded[PERCENT_ENCODED_BYTES(ROLE_VALUE_BYTES_MAX)];
    struct slice segment = slice_of(encoded, 0);

    if (value.len > ROLE_VALUE_BYTES_MAX)
        return false;
    if (slice_is(value, ".") || slice_is(value, ".."))
        segment = slice_text(dots[value.len]);
    else
        segment.len = percent_encode(value.base, value.len, false, encoded);
    for (size_t i = 0; i < segment.len; i++) {
        if (!put(filling, segment.base[i]))
            return false;
    }
    return true;
}

ptrdiff_t role_template_fill(struct slice text, const struct jwt_claims *token, char *out, size_t room)
{
    struct filling filling = {out, 0, room};
    char number[JWT_NUMBER_BYTES], name[ROLE_CLAIM_BYTES_MAX + 1];

    while (text.len > 0) {
        struct slice claim = claim_name_at(text), value;

        if (claim.len == 0) {
            if (!put(&filling, text.base[0]))
                return -E2BIG;
            text = slice_from(text, 1);
            continue;
        }
        if (claim.len >= sizeof(name))
            return -ENOENT;
        (void)slice_copy(name, claim);
        name[claim.len] = '\0';
        value = jwt_claim(token, name, number);
        if (value.len == 0)
            return -ENOENT;
        if (!put_segment(&filling, value))
            return -E2BIG;
        text = slice_from(text, claim.len + 2);
    }
    if (room == 0)
        return -E2BIG;
    out[filling.length] = '\0';
    return (ptrdiff_t)filling.length;
}
