/* SPDX-License-Identifier: MIT
 *
 * Reading and replacing a file as a whole, under a lock: for s3_users.c. */
#ifndef API_S3_AUTH_S3_USERS_FILE_H
#define API_S3_AUTH_S3_USERS_FILE_H

#include <stddef.h>
#include <sys/stat.h>

struct s3_users_file {
    char *path;         /* with links resolved */
    int directory;      /* locked until the end */
    struct stat status; /* of the file; st_nlink 0: there is none yet */
    char *text;         /* length bytes and a NUL; holds secrets */
    size_t length;
};

/* Locks and reads. 0, -EFBIG, or an errno; always followed by s3_users_file_end. */
int s3_users_file_begin(struct s3_users_file *file, const char *path);
/* Puts `text` in the file's place: owner, group and mode stay but for what others may do. 0 or an errno. */
int s3_users_file_replace(const struct s3_users_file *file, const char *text, size_t length);
/* Unlocks, wipes and frees. */
void s3_users_file_end(struct s3_users_file *file);

#endif
