/* SPDX-License-Identifier: MIT
 *
 * See s3_roles.h. */
#include "api/s3/web_auth/s3_roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/identity/fetch.h"
#include "api/identity/key_source.h"

#define BLANKS " \t\r"

static int refuse(const char **problem, const char *what)
{
    *problem = what;
    return -EBADMSG;
}

/* ---- Issuers ---- */

static int take_audiences(struct s3_issuer *issuer, const char *names, const char **problem)
{
    char *rest, *name;

    if (issuer->words != NULL)
        return refuse(problem, "audience= is there twice");
    if ((issuer->words = strdup(names)) == NULL)
        return -ENOMEM;
    for (name = strtok_r(issuer->words, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (issuer->audience_count == S3_AUDIENCES_MAX)
            return refuse(problem, "an issuer has at most 8 audiences");
        issuer->audiences[issuer->audience_count++] = slice_text(name);
    }
    return 0;
}

static int take_keys(struct s3_issuer *issuer, const char *location, struct key_sources *sources,
                     const char **problem)
{
    bool is_url = fetch_url_is_allowed(slice_text(location));

    if (!is_url && location[0] != '/')
        return refuse(
            problem,
            "jwks= is a URL that begins with https:// (or http:// of this machine), or a file's whole path");
    if (sources == NULL)
        return 0;
    issuer->keys = key_source_use(sources, location);
    return issuer->keys != NULL ? 0 : -ENOMEM;
}

static int take_issuer_words(struct s3_issuer *issuer, char **rest, struct key_sources *sources,
                             const char **problem)
{
    const char *location = NULL, *word;
    int err = 0;

    while (err == 0 && (word = strtok_r(NULL, BLANKS, rest)) != NULL) {
        if (strncmp(word, "audience=", 9) == 0)
            err = take_audiences(issuer, word + 9, problem);
        else if (strncmp(word, "jwks=", 5) == 0 && location == NULL)
            location = word + 5;
        else
            err = refuse(problem, S3_ROLES_PROBLEM);
    }
    if (err != 0)
        return err;
    if (issuer->audience_count == 0 || location == NULL)
        return refuse(problem, S3_ROLES_PROBLEM);
    return take_keys(issuer, location, sources, problem);
}

static const struct s3_issuer *find_issuer(const struct s3_issuer *issuers, const char *name)
{
    while (issuers != NULL && strcmp(issuers->name, name) != 0)
        issuers = issuers->next;
    return issuers;
}

int s3_issuer_read(const struct s3_issuer *others, char **rest, struct key_sources *sources,
                   struct s3_issuer **made, const char **problem)
{
    const char *name = strtok_r(NULL, BLANKS, rest);
    struct s3_issuer *issuer;
    int err;

    if (name == NULL)
        return refuse(problem, S3_ROLES_PROBLEM);
    if (find_issuer(others, name) != NULL)
        return refuse(problem, "there is that issuer already");
    if ((issuer = calloc(1, sizeof(*issuer))) == NULL)
        return -ENOMEM;
    err = (issuer->name = strdup(name)) == NULL ? -ENOMEM : take_issuer_words(issuer, rest, sources, problem);
    if (err == 0)
        *made = issuer;
    else
        s3_issuers_free(issuer);
    return err;
}

void s3_issuers_free(struct s3_issuer *issuers)
{
    for (struct s3_issuer *next; issuers != NULL; issuers = next) {
        next = issuers->next;
        key_source_release(issuers->keys);
        free(issuers->words);
        free(issuers->name);
        free(issuers);
    }
}

/* ---- Roles ---- */

/* The word stays as long as the role. */
static int keep(struct s3_role *role, const char *word, char **kept, const char **problem)
{
    if (role->word_count == sizeof(role->words) / sizeof(role->words[0]))
        return refuse(problem, "a role has at most 16 claims, one scope= and one read=");
    if ((*kept = strdup(word)) == NULL)
        return -ENOMEM;
    role->words[role->word_count++] = *kept;
    return 0;
}

static int take_claim(struct s3_role *role, const char *word, const char **problem)
{
    char *name, *equals;
    int err;

    if (role->claim_count == S3_ROLE_CLAIMS_MAX)
        return refuse(problem, "a role has at most 16 claims");
    if ((err = keep(role, word, &name, problem)) != 0)
        return err;
    equals = strchr(name, '=');
    if (equals == NULL || equals == name || equals - name > (ptrdiff_t)ROLE_CLAIM_BYTES_MAX)
        return refuse(problem, "expected: claim:NAME=PATTERN");
    *equals = '\0';
    role->claims[role->claim_count++] = (struct role_claim){name, equals + 1};
    return 0;
}

/* Whether it makes a scope when its claims are filled in as they should be. */
static bool scope_is_possible(const char *text)
{
    char probe[S3_SCOPE_BYTES_MAX + 1];
    size_t length = 0;

    if (!role_template_is_valid(slice_text(text)))
        return false;
    for (; *text != '\0'; text++) {
        if (length == S3_SCOPE_BYTES_MAX)
            return false;
        if (*text == '{') {
            text = strchr(text, '}');
            probe[length++] = 'x';
        } else {
            probe[length++] = *text;
        }
    }
    return s3_scope_is_valid(slice_of(probe, length));
}

#define SCOPE_PROBLEM                                                                                        \
    "a scope has names as main or pr/{ref} between slashes, of letters, digits, '.', '_', '~', '-' and "     \
    "claims in braces; a role has one scope=, and reads at most 8"

static int take_own_scope(struct s3_role *role, const char *text, const char **problem)
{
    char *kept;
    int err;

    if (role->own != NULL || !scope_is_possible(text))
        return refuse(problem, SCOPE_PROBLEM);
    if ((err = keep(role, text, &kept, problem)) == 0)
        role->own = kept;
    return err;
}

static int take_read_scopes(struct s3_role *role, const char *texts, const char **problem)
{
    char *rest, *text;
    int err;

    if (role->read_count > 0)
        return refuse(problem, SCOPE_PROBLEM);
    if ((err = keep(role, texts, &text, problem)) != 0)
        return err;
    for (text = strtok_r(text, ",", &rest); text != NULL; text = strtok_r(NULL, ",", &rest)) {
        if (role->read_count == S3_SCOPES_MAX - 1 || !scope_is_possible(text))
            return refuse(problem, SCOPE_PROBLEM);
        role->reads[role->read_count++] = text;
    }
    return role->read_count > 0 ? 0 : refuse(problem, SCOPE_PROBLEM);
}

int s3_role_take(struct s3_role *role, const struct s3_issuer *issuers, const char *word,
                 const char **problem)
{
    if (strncmp(word, "claim:", 6) == 0)
        return take_claim(role, word + 6, problem);
    if (strncmp(word, "scope=", 6) == 0)
        return take_own_scope(role, word + 6, problem);
    if (strncmp(word, "read=", 5) == 0)
        return take_read_scopes(role, word + 5, problem);
    if (strncmp(word, "issuer=", 7) != 0)
        return 1;
    role->issuer = find_issuer(issuers, word + 7);
    return role->issuer != NULL ? 0 : refuse(problem, "no oidc line before it has that issuer");
}

int s3_role_finish(struct s3_role *role, const struct s3_issuer *issuers, const char **problem)
{
    if (role->issuer == NULL) {
        if (issuers == NULL)
            return refuse(problem, "a role needs an oidc line before it");
        if (issuers->next != NULL)
            return refuse(problem,
                          "a role says whose tokens it is for, where there are several: issuer=ISSUER");
        role->issuer = issuers;
    }
    return role_names_its_tenant(slice_text(role->issuer->name), role->claims, role->claim_count, problem)
               ? 0
               : -EBADMSG;
}

void s3_role_free(struct s3_role *role)
{
    if (role == NULL)
        return;
    for (size_t i = 0; i < role->word_count; i++)
        free(role->words[i]);
    free(role);
}

/* ---- Tokens ---- */

/* False: a claim is missing, or what it makes is no scope, or one that is there already. */
static bool add_scope(struct s3_scopes *scopes, const char *text, bool is_own,
                      const struct jwt_claims *claims)
{
    char scope[S3_SCOPE_BYTES_MAX + 1];
    ptrdiff_t length = role_template_fill(slice_text(text), claims, scope, sizeof(scope));

    if (length < 0)
        return false;
    return is_own ? s3_scopes_set_own(scopes, slice_of(scope, (size_t)length))
                  : s3_scopes_add_read(scopes, slice_of(scope, (size_t)length));
}

int s3_role_scopes(const struct s3_role *role, const struct jwt_claims *claims, struct s3_scopes *scopes)
{
    scopes->count = 0;
    scopes->writes = false;
    if (role->own != NULL && !add_scope(scopes, role->own, true, claims))
        return -EINVAL;
    for (unsigned i = 0; i < role->read_count; i++) {
        if (!add_scope(scopes, role->reads[i], false, claims))
            return -EINVAL;
    }
    return 0;
}
