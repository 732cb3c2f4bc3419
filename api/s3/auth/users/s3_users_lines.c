/* SPDX-License-Identifier: MIT
 *
 * Lines of the credentials file as words, and whose they are. They hold secrets, so copies are wiped. Any thread. */
#include "api/s3/auth/users/s3_users_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define BLANKS " \t\r"

/* False without memory. */
static bool line_split(struct s3_users_line *line, const char *text, size_t length)
{
    char *rest, *word;

    line->count = 0;
    if ((line->copy = strndup(text, length)) == NULL)
        return false;
    for (word = strtok_r(line->copy, BLANKS, &rest);
         word != NULL && word[0] != '#' && line->count < S3_USERS_LINE_WORDS_MAX;
         word = strtok_r(NULL, BLANKS, &rest))
        line->words[line->count++] = word;
    return true;
}

static void line_free(struct s3_users_line *line, size_t length)
{
    OPENSSL_cleanse(line->copy, length);
    free(line->copy);
}

bool s3_users_line_is_user(const struct s3_users_line *line, const char *name)
{
    return line->count >= 2 && strcmp(line->words[0], "user") == 0 && strcmp(line->words[1], name) == 0;
}

const char *s3_users_line_owner(const struct s3_users_line *line)
{
    const char *owner = NULL;

    for (size_t i = 3; i < line->count; i++)
        if (strncmp(line->words[i], "owner:", 6) == 0)
            owner = line->words[i] + 6;
    return owner;
}

static bool is_of(const struct s3_users_line *line, const char *kind, const char *owner)
{
    const char *own =
        line->count >= 3 && strcmp(line->words[0], kind) == 0 ? s3_users_line_owner(line) : NULL;

    return own != NULL && strcmp(own, owner) == 0;
}

bool s3_users_line_is_key_of(const struct s3_users_line *line, const char *name)
{
    return is_of(line, "key", name);
}

bool s3_users_line_is_token_of(const struct s3_users_line *line, const char *name)
{
    return is_of(line, "token", name);
}

bool s3_users_line_is_token(const struct s3_users_line *line, const char *name)
{
    return line->count >= 3 && strcmp(line->words[0], "token") == 0 && strcmp(line->words[1], name) == 0;
}

void s3_users_line_rights(const struct s3_users_line *line, char rights[S3_USERS_RIGHTS_MAX])
{
    size_t at = 0;

    rights[0] = '\0';
    for (size_t i = 3; i < line->count; i++) {
        if (strncmp(line->words[i], "owner:", 6) == 0 ||
            at + strlen(line->words[i]) + 2 > S3_USERS_RIGHTS_MAX)
            continue;
        at += (size_t)snprintf(rights + at, S3_USERS_RIGHTS_MAX - at, "%s%s", at > 0 ? " " : "",
                               line->words[i]);
    }
}

int s3_users_line_walk(const char *text, size_t length,
                       int (*visit)(void *ctx, struct s3_users_line *line, const char *text, size_t length),
                       void *ctx)
{
    const char *end = text + length;
    int result = 0;

    while (text < end && result == 0) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t bytes = (size_t)((newline != NULL ? newline + 1 : end) - text);
        struct s3_users_line line;

        if (!line_split(&line, text, newline != NULL ? bytes - 1 : bytes))
            return -ENOMEM;
        result = visit(ctx, &line, text, bytes);
        line_free(&line, bytes);
        text += bytes;
    }
    return result;
}
