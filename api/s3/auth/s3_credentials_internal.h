/* SPDX-License-Identifier: MIT
 *
 * What s3_credentials.c and s3_credentials_parse.c share: the set's insides. Nobody else includes this. */
#ifndef API_S3_AUTH_S3_CREDENTIALS_INTERNAL_H
#define API_S3_AUTH_S3_CREDENTIALS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/s3/limits.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/access/s3_policy.h"

#define S3_RIGHTS_ALL        63u
#define S3_PATTERN_BYTES_MAX 63u /* a bucket name's */

struct s3_grant {
    char pattern[S3_PATTERN_BYTES_MAX + 1];
    size_t length;  /* without the '*' */
    bool is_prefix; /* it ended in '*' */
    unsigned rights;
};

struct s3_grants {
    struct s3_grant *list;
    size_t count;
};

#define S3_ACCOUNT_DIGITS 12u

struct s3_identity {
    char *access_key, *secret;
    char name[S3_OWNER_BYTES_MAX + 1];  /* the user's */
    char owner[S3_OWNER_BYTES_MAX + 1]; /* the user's canonical id */
    char account[S3_ACCOUNT_DIGITS + 1];
    char arn[S3_OWNER_BYTES_MAX + 40];
    struct s3_principal principal; /* points to the four above */
    struct s3_grants grants;
    unsigned own_rights;  /* in the buckets that the user owns */
    pthread_mutex_t lock; /* guards what is below */
    char key_date[8];     /* all zero: none yet */
    char key_region[S3_SIGV4_REGION_BYTES_MAX + 1];
    unsigned char key[32];
};

struct s3_user {
    char name[S3_OWNER_BYTES_MAX + 1], id[S3_OWNER_BYTES_MAX + 1];
};

struct s3_credentials {
    atomic_uint references;
    struct s3_identity **identities; /* by access key, once sealed */
    size_t count;
    struct s3_user *users; /* those with a line of their own; by id, once sealed */
    size_t user_count;
    struct s3_grants anonymous;
    bool is_open; /* neither a key nor a file */
};

struct s3_credentials *s3_credentials_new(void);
int s3_credentials_add(struct s3_credentials *set, const char *access_key, const char *secret,
                       struct s3_identity **added);
int s3_grants_add(struct s3_grants *grants, const char *pattern, size_t length, unsigned rights);
/* id NULL: made from the name. */
int s3_credentials_add_user(struct s3_credentials *set, const char *name, const char *id);
#define S3_SEAL_MESSAGE_BYTES 320u
/* Sorts, and gives each key its user's id. 0, or -EBADMSG and the reason: something is there twice. */
int s3_credentials_seal(struct s3_credentials *set, char message[S3_SEAL_MESSAGE_BYTES]);

#endif
