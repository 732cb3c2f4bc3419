/* SPDX-License-Identifier: MIT
 *
 * The new text grows line by line in memory; what a commit puts in the old one's place has passed the parser that servers read it with. */
#include "api/s3/auth/users/s3_users_edit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/users/s3_users_lines.h"

int s3_users_say(const struct s3_credentials_options *options, int result, const char *format, ...)
{
    char message[512];
    va_list arguments;

    if (options->log != NULL) {
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        options->log(options->log_ctx, 2, message);
    }
    return result;
}

/* ---- The new text ---- */

int s3_users_append(struct s3_users_edit *edit, const char *text, size_t length)
{
    if (length == 0)
        return 0;
    if (edit->length + length > edit->capacity) {
        size_t capacity = 2 * (edit->length + length) + 4096;
        char *grown = malloc(capacity);

        if (grown == NULL)
            return -ENOMEM;
        memcpy(grown, edit->text != NULL ? edit->text : "", edit->length);
        if (edit->text != NULL)
            OPENSSL_cleanse(edit->text, edit->length);
        free(edit->text);
        edit->text = grown;
        edit->capacity = capacity;
    }
    memcpy(edit->text + edit->length, text, length);
    edit->length += length;
    return 0;
}

int s3_users_append_line(struct s3_users_edit *edit, const char *format, ...)
{
    char line[S3_USERS_RIGHTS_MAX + 1024];
    va_list arguments;
    int length, result = 0;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(line))
        return -E2BIG;
    if (edit->length > 0 && edit->text[edit->length - 1] != '\n')
        result = s3_users_append(edit, "\n", 1);
    if (result == 0)
        result = s3_users_append(edit, line, (size_t)length);
    OPENSSL_cleanse(line, sizeof(line));
    return result;
}

static int check(const struct s3_users_edit *edit, const char *text, size_t length)
{
    struct s3_credentials *set;
    int result = s3_credentials_parse(
        &set, text, length, edit->options->path,
        &(struct s3_credentials_options){.log = edit->options->log, .log_ctx = edit->options->log_ctx});

    if (result == 0)
        s3_credentials_unref(set);
    return result;
}

int s3_users_edit_begin(struct s3_users_edit *edit, const struct s3_credentials_options *options)
{
    int result;

    *edit = (struct s3_users_edit){.options = options};
    result = s3_users_file_begin(&edit->file, options->path);
    if (result != 0)
        return s3_users_say(options, result, "%s: %s", options->path, strerror(-result));
    return check(edit, edit->file.text, edit->file.length);
}

int s3_users_edit_commit(struct s3_users_edit *edit)
{
    int result = check(edit, edit->text, edit->length);

    if (result != 0)
        return result == -EBADMSG ? -EINVAL : result;
    result = s3_users_file_replace(&edit->file, edit->text, edit->length);
    return result == 0
               ? 0
               : s3_users_say(edit->options, result, "%s: %s", edit->options->path, strerror(-result));
}

void s3_users_edit_end(struct s3_users_edit *edit)
{
    if (edit->text != NULL)
        OPENSSL_cleanse(edit->text, edit->length);
    free(edit->text);
    s3_users_file_end(&edit->file);
}
