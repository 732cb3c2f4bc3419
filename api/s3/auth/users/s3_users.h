/* SPDX-License-Identifier: MIT
 *
 * Users and tokens in a credentials file: adding, rotating, removing and listing them, as `sluice user` does. Only the lines of the user
 * are touched; comments and everything else stay. A new file takes the place of the old one at once (written aside with mode
 * 0600, synced, renamed), so that a server never reads half of it, and only if it can be read as a whole. Edits at the same
 * time wait for each other.
 *
 * All calls block, and say in options->log why they failed; options->path names the file. Secrets are never logged. */
#ifndef API_S3_AUTH_S3_USERS_H
#define API_S3_AUTH_S3_USERS_H

#include "api/s3/limits.h"
#include "api/s3/auth/s3_credentials.h"

/* Of a token: its name, and its secret. */
struct s3_user_key {
    char access_key[S3_ACCESS_KEY_BYTES_MAX + 1], secret_key[S3_SECRET_KEY_BYTES_MAX + 1];
};

struct s3_user_line {
    const char *name, *id, *account;
    const char *access_key; /* NULL: the user has no key, or it is a token */
    const char *rights;     /* as written: "@own=all artifacts-*=read" */
    bool is_token;
};

/* A random one, which is in no file. 0 or -EIO. */
int s3_users_make_key(struct s3_user_key *key);
/* id: NULL for a random one. rights: NULL for "@own=all"; else PATTERN=RIGHT,RIGHT separated by blanks. Makes a missing file.
 * -EEXIST: there is such a user, or one with that id; -EINVAL: a name, id or right that cannot be; -EBADMSG: the file cannot be understood. */
int s3_users_add(const struct s3_credentials_options *options, const char *name, const char *id,
                 const char *rights, struct s3_user_key *key);
/* A token, whose name is its user's. rights: not NULL. The same results. */
int s3_users_add_token(const struct s3_credentials_options *options, const char *name, const char *rights,
                       struct s3_user_key *key);
/* A new key with the rights of the first; of who has no key, but a token of that name, a new token. keep_old: the keys that are there stay valid, until the next rotation.
 * -ENOENT: no such user. */
int s3_users_rotate(const struct s3_credentials_options *options, const char *name, bool keep_old,
                    struct s3_user_key *key);
/* With all its keys and tokens, and those of its name. What it owns stays, for whoever has rights there by configuration. -ENOENT. */
int s3_users_remove(const struct s3_credentials_options *options, const char *name);
/* A line for each key and token, and for each user without one. visit non-zero stops and is returned. */
int s3_users_list(const struct s3_credentials_options *options,
                  int (*visit)(void *ctx, const struct s3_user_line *line), void *ctx);

#endif
