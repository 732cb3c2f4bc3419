/* SPDX-License-Identifier: MIT
 *
 * What is made up for new users. Blocks until the kernel has randomness; any thread. All return 0 or -EIO. */
#ifndef S3_USERS_SECRET_H
#define S3_USERS_SECRET_H

#include <stddef.h>

#include "api/s3/auth/users/s3_users.h"

/* length: up to 256, which getrandom(2) gives whole. */
int s3_users_random_bytes(unsigned char *bytes, size_t length);

/* name: a user's or token's, up to S3_OWNER_BYTES_MAX bytes; it becomes the access key. */
int s3_users_make_token(struct s3_user_key *key, const char *name);

#endif
