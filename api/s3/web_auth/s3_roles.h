/* SPDX-License-Identifier: MIT
 *
 * Issuers of tokens and the roles that their tokens get, as lines of the credentials file:
 *
 *      oidc ISSUER audience=NAME,NAME jwks=FILE|URL
 *      role NAME [issuer=ISSUER] claim:NAME=PATTERN ... [scope=TEXT read=TEXT,TEXT] and rights as a key has them
 *
 * Part of a set of credentials: made by its reader, and not changed once it is sealed. */
#ifndef API_S3_WEB_AUTH_S3_ROLES_H
#define API_S3_WEB_AUTH_S3_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/identity/role.h"
#include "api/s3/access/s3_scopes.h"
#include "api/s3/limits.h"

struct key_source;
struct key_sources;

struct s3_issuer {
    struct s3_issuer *next; /* in the order of the file */
    char *name;             /* the whole of `iss` */
    unsigned audience_count;
    struct slice audiences[S3_AUDIENCES_MAX]; /* in `words` */
    char *words;
    struct key_source *keys; /* NULL where the set is only looked at */
};

struct s3_role {
    size_t number; /* they are tried in the order of the file */
    const struct s3_issuer *issuer;
    size_t claim_count;
    struct role_claim claims[S3_ROLE_CLAIMS_MAX]; /* in `words`, as the scopes are */
    const char *own;                              /* NULL: it writes into no scope */
    unsigned read_count;
    const char *reads[S3_SCOPES_MAX - 1];
    size_t word_count;
    char *words[S3_ROLE_CLAIMS_MAX + 3];
};

/* What is wrong with a line: a text that stays. */
#define S3_ROLES_PROBLEM "expected: oidc ISSUER audience=NAME jwks=FILE-OR-URL"

/* The words after "oidc". sources NULL: the keys are not read. 0, with *made; -EBADMSG and *problem; -ENOMEM. */
int s3_issuer_read(const struct s3_issuer *others, char **rest, struct key_sources *sources,
                   struct s3_issuer **made, const char **problem);
void s3_issuers_free(struct s3_issuer *issuers);

/* One word of a role's line, if it is about claims or scopes: 0; 1: it is not, and means what it means for a key; -EBADMSG and *problem; -ENOMEM. */
int s3_role_take(struct s3_role *role, const struct s3_issuer *issuers, const char *word,
                 const char **problem);
/* After the last word. 0; -EBADMSG and *problem: it would be everybody's, or no issuer is known. */
int s3_role_finish(struct s3_role *role, const struct s3_issuer *issuers, const char **problem);
void s3_role_free(struct s3_role *role); /* NULL allowed */

/* The scopes that a token gets by the role. 0; -EINVAL: a claim that they need is missing, or makes no scope. */
int s3_role_scopes(const struct s3_role *role, const struct jwt_claims *claims, struct s3_scopes *scopes);

#endif
