/* SPDX-License-Identifier: MIT
 *
 * What s3_credentials.c and s3_credentials_parse.c share: the set's insides. Nobody else includes this. */
#ifndef API_S3_S3_CREDENTIALS_INTERNAL_H
#define API_S3_S3_CREDENTIALS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/s3/limits.h"
#include "api/s3/s3_credentials.h"

#define S3_RIGHTS_ALL 15u
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

struct s3_identity {
    char *access_key, *secret;
    char owner[S3_OWNER_BYTES_MAX + 1];
    struct s3_grants grants;
    pthread_mutex_t lock; /* guards the two below */
    char key_date[8];     /* all zero: none yet */
    unsigned char key[32];
};

struct s3_credentials {
    atomic_uint references;
    struct s3_identity **identities; /* by access key, once sealed */
    size_t count;
    struct s3_grants anonymous;
    bool is_open; /* neither a key nor a file */
};

struct s3_credentials *s3_credentials_new(void);
int s3_credentials_add(struct s3_credentials *set, const char *access_key, const char *secret, struct s3_identity **added);
int s3_grants_add(struct s3_grants *grants, const char *pattern, size_t length, unsigned rights);
/* Sorts; returns an access key that occurs twice, or NULL. */
const char *s3_credentials_seal(struct s3_credentials *set);

#endif
