/* SPDX-License-Identifier: MIT
 *
 * One edit of the file of users: begun, lines added, committed or not, ended. Blocks; one thread. All return 0 or a negative errno, and say
 * to the log of the options what was wrong. */
#ifndef S3_USERS_EDIT_H
#define S3_USERS_EDIT_H

#include <stddef.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/users/s3_users_file.h"

struct s3_users_edit {
    const struct s3_credentials_options *options; /* the caller's, until the end */
    struct s3_users_file file;                    /* as it is now, held against other editors */
    char *text;                                   /* as it is to be; wiped at the end */
    size_t length, capacity;
};

/* Tells the log of the options, as an error. Returns result. */
int s3_users_say(const struct s3_credentials_options *options, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -EBADMSG: the file that is there makes no sense. Whatever it returns, s3_users_edit_end() follows. */
int s3_users_edit_begin(struct s3_users_edit *edit, const struct s3_credentials_options *options);

/* -ENOMEM. */
int s3_users_append(struct s3_users_edit *edit, const char *text, size_t length);

/* On a line of its own, whatever the text before ends with. format: ends with a line feed. -E2BIG: more than a line may have. */
int s3_users_append_line(struct s3_users_edit *edit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* -EINVAL: the new text makes no sense, and the old one stays. */
int s3_users_edit_commit(struct s3_users_edit *edit);

void s3_users_edit_end(struct s3_users_edit *edit);

#endif
