/* SPDX-License-Identifier: MIT
 *
 * What s3_credentials*.c and session/s3_session_identity.c share: the set's insides. Nobody else includes this. */
#ifndef API_S3_AUTH_S3_CREDENTIALS_INTERNAL_H
#define API_S3_AUTH_S3_CREDENTIALS_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/http/limits.h"
#include "api/core/quota.h"
#include "api/s3/limits.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_grants.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/access/s3_rate.h"
#include "api/s3/access/s3_scopes.h"
#include "api/s3/web_auth/s3_certificates.h"
#include "api/s3/web_auth/s3_roles.h"

#define S3_ACCOUNT_DIGITS 12u

/* What an identity has of its session. */
struct s3_identity_session {
    struct s3_policy *policy;  /* NULL: the session may do what its parent may */
    struct slice name, parent; /* as the session's; its parent's access key, or its role */
    unsigned char signing_key[S3_SIGV4_KEY_BYTES]; /* room for the last one asked for */
};

struct s3_identity {
    char *access_key;                   /* of a token, its name */
    char *secret;                       /* NULL of a token: its digest tells whether one is it */
    unsigned char digest[32];           /* of the secret; of a role's line */
    bool is_token, is_nameless;         /* the latter: a key without a user, whose name is made from it */
    char name[S3_OWNER_BYTES_MAX + 1];  /* the user's */
    char owner[S3_OWNER_BYTES_MAX + 1]; /* the user's canonical id */
    char account[S3_ACCOUNT_DIGITS + 1];
    char arn[S3_OWNER_BYTES_MAX + 40];
    struct s3_principal principal; /* points to the four above */
    struct s3_grants grants;
    struct s3_rate *rate;     /* NULL: no bound; what is made of an identity for one request shares it */
    unsigned own_rights;      /* in the buckets that the user owns */
    struct s3_scopes *scopes; /* NULL: none */
    struct s3_role *role; /* of an identity that tokens of an issuer get; NULL: it has a secret of its own */
    struct s3_identity_session *session; /* of one that lasts for a request, made of its parent; NULL: none */
};

struct s3_user {
    char name[S3_OWNER_BYTES_MAX + 1], id[S3_OWNER_BYTES_MAX + 1];
    struct meta_quota quota; /* of all buckets that are his */
};

struct s3_credentials {
    atomic_uint references;
    struct s3_identity *
        *identities; /* once sealed: the keys by access key, the tokens by digest, the roles in their order */
    size_t count, key_count,
        token_count;       /* of all; of the keys and of the tokens among them: the rest are roles */
    struct s3_user *users; /* those with a line of their own; by id, once sealed */
    size_t user_count;
    struct s3_grants anonymous;
    struct s3_rate *anonymous_rate; /* NULL: no bound */
    struct s3_issuer *issuers;
    struct s3_certificates certificates;
    bool is_open; /* neither a key nor a file */
    /* Each is its worker's alone until the last reference goes. NULL: that worker has not asked. */
    struct s3_signing_keys *signing_keys[HTTP_WORKERS_MAX];
};

/* The orders of a sealed set, for bsearch: of pointers to identities, keys before tokens before roles; of users by id. */
int s3_credentials_compare_identities(const void *a, const void *b);
int s3_credentials_compare_ids(const void *a, const void *b);

struct s3_credentials *s3_credentials_new(void);
int s3_credentials_add(struct s3_credentials *set, const char *access_key, const char *secret,
                       struct s3_identity **added);
/* Without a secret: nobody can show it, but a token may get it. */
int s3_credentials_add_role(struct s3_credentials *set, const char *name, struct s3_identity **added);
int s3_credentials_add_token(struct s3_credentials *set, const char *name, const char *secret,
                             struct s3_identity **added);
/* id NULL: made from the name. */
int s3_credentials_add_user(struct s3_credentials *set, const char *name, const char *id,
                            const struct meta_quota *quota);
#define S3_SEAL_MESSAGE_BYTES 320u
/* Sorts, and gives each key its user's id. 0, or -EBADMSG and the reason: something is there twice. */
int s3_credentials_seal(struct s3_credentials *set, char message[S3_SEAL_MESSAGE_BYTES]);

#endif
