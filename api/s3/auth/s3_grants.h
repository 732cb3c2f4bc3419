/* SPDX-License-Identifier: MIT
 *
 * Rights by pattern, as a line of the credentials file lists them: on buckets as a whole, or on some of their keys. Not for
 * others than s3_credentials*.c. A list does not change once its set is sealed; any thread. */
#ifndef API_S3_AUTH_S3_GRANTS_H
#define API_S3_AUTH_S3_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/limits.h"

#define S3_RIGHTS_ALL        63u
#define S3_PATTERN_BYTES_MAX 63u /* a bucket name's */

struct s3_grant {
    char pattern[S3_PATTERN_BYTES_MAX + 1];
    size_t length;  /* without the '*' */
    bool is_prefix; /* it ended in '*' */
    /* Of keys: base NULL for the bucket as a whole, and all that is in it. */
    char *keys;
    size_t keys_length;
    bool keys_are_prefix;
    unsigned rights;
};

struct s3_grants {
    struct s3_grant *list;
    size_t count;
};

/* "*" */
bool s3_grant_is_everywhere(const struct s3_grant *grant);
/* Bits of enum s3_right that they have there together. */
unsigned s3_grants_rights(const struct s3_grants *grants, struct slice bucket, struct s3_reach reach);
/* BUCKET[/KEYS]=RIGHT,RIGHT, which is cut up. 0, -ENOMEM, or -EBADMSG and what is wrong with it in *problem. */
int s3_grants_read(struct s3_grants *grants, char *field, const char **problem);
/* RIGHT,RIGHT, which is cut up, into *rights. The same. */
int s3_rights_read(char *names, unsigned *rights, const char **problem);
/* Rights on buckets whose names fit the pattern; it is valid. -ENOMEM. */
int s3_grants_add(struct s3_grants *grants, struct slice pattern, unsigned rights);
void s3_grants_free(struct s3_grants *grants);

#endif
