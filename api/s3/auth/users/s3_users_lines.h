/* SPDX-License-Identifier: MIT
 *
 * The lines of the credentials file, for s3_users.c: told apart as s3_credentials_parse.c does. */
#ifndef API_S3_AUTH_S3_USERS_LINES_H
#define API_S3_AUTH_S3_USERS_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/s3/auth/s3_credentials_internal.h"

#define S3_USERS_RIGHTS_MAX     4096u
#define S3_USERS_LINE_WORDS_MAX (S3_GRANTS_MAX + 8u)

struct s3_users_line {
    char *copy; /* cut into the words */
    char *words[S3_USERS_LINE_WORDS_MAX];
    size_t count;
};

bool s3_users_line_is_user(const struct s3_users_line *line, const char *name);
/* A key or a token that says it is the user's; a token of that name. */
bool s3_users_line_is_key_of(const struct s3_users_line *line, const char *name);
bool s3_users_line_is_token_of(const struct s3_users_line *line, const char *name);
bool s3_users_line_is_token(const struct s3_users_line *line, const char *name);
/* The last owner: of the line, which counts when the file is read; NULL: it has none. */
const char *s3_users_line_owner(const struct s3_users_line *line);
void s3_users_line_rights(const struct s3_users_line *line, char rights[S3_USERS_RIGHTS_MAX]);
/* Calls visit with each line and its text; non-zero stops and is returned. -ENOMEM. */
int s3_users_line_walk(const char *text, size_t length,
                       int (*visit)(void *ctx, struct s3_users_line *line, const char *text, size_t length),
                       void *ctx);

#endif
