/* SPDX-License-Identifier: MIT
 *
 * The sluice_user_* part of sluice.h: on a credentials file, or, where a directory is named, by the server that has it open
 * (users_served.c). Any thread; blocks. */
#include "api/library/library.h"
#include "api/s3/auth/users/s3_users.h"
#include "api/server/users_served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(sizeof(((struct sluice_user_key *)0)->secret_key) > S3_SECRET_KEY_BYTES_MAX &&
                   sizeof(((struct sluice_user_key *)0)->access_key) > S3_ACCESS_KEY_BYTES_MAX,
               "the public struct holds every key");

struct users_log {
    void (*line)(void *ctx, enum sluice_log_level level, const char *message); /* NULL: silent */
    void *ctx;
};

static void log_line(void *ctx, enum log_level level, const char *message)
{
    const struct users_log *log = ctx;

    if (log->line != NULL)
        log->line(log->ctx, (enum sluice_log_level)level, message);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int finish(int result, const struct s3_user_key *made, struct sluice_user_key *key)
{
    if (result == 0) {
        strcpy(key->access_key, made->access_key);
        strcpy(key->secret_key, made->secret_key);
    }
    return result == -EBADMSG ? SLUICE_E_CREDENTIALS : result;
}

int sluice_key_make(struct sluice_user_key *key)
{
    struct s3_user_key made;

    return finish(s3_users_make_key(&made), &made, key);
}

static int refuse_token(void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                        void *log_ctx)
{
    if (log != NULL)
        log(log_ctx, SLUICE_LOG_ERROR, "a token has no id of its own, and needs rights");
    return -EINVAL;
}

int sluice_user_add(const char *credentials, const char *name, const struct sluice_user_options *options,
                    struct sluice_user_key *key,
                    void (*log)(void *ctx, enum sluice_log_level level, const char *message), void *log_ctx)
{
    static const struct sluice_user_options defaults;
    struct users_log lines = {log, log_ctx};
    struct s3_credentials_options file = {.path = credentials, .log = log_line, .log_ctx = &lines};
    struct s3_user_key made;
    int result;

    if (options == NULL)
        options = &defaults;
    if (is_folder(credentials))
        return users_served_add(credentials, name, options, key, log, log_ctx);
    if (options->is_token && (options->id != NULL || options->rights == NULL))
        return refuse_token(log, log_ctx);
    result = options->is_token ? s3_users_add_token(&file, name, options->rights, &made)
                               : s3_users_add(&file, name, options->id, options->rights, &made);
    result = finish(result, &made, key);
    explicit_bzero(&made, sizeof(made));
    return result;
}

int sluice_user_rotate(const char *credentials, const char *name, bool keep_old, struct sluice_user_key *key,
                       void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                       void *log_ctx)
{
    struct users_log lines = {log, log_ctx};
    struct s3_credentials_options file = {.path = credentials, .log = log_line, .log_ctx = &lines};
    struct s3_user_key made;
    int result;

    if (is_folder(credentials))
        return users_served_rotate(credentials, name, keep_old, key, log, log_ctx);
    result = finish(s3_users_rotate(&file, name, keep_old, &made), &made, key);
    explicit_bzero(&made, sizeof(made));
    return result;
}

int sluice_user_remove(const char *credentials, const char *name,
                       void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                       void *log_ctx)
{
    struct users_log lines = {log, log_ctx};
    struct s3_credentials_options file = {.path = credentials, .log = log_line, .log_ctx = &lines};
    int result = is_folder(credentials) ? users_served_remove(credentials, name, log, log_ctx)
                                        : s3_users_remove(&file, name);

    return result == -EBADMSG ? SLUICE_E_CREDENTIALS : result;
}

struct users_visit {
    int (*visit)(void *ctx, const struct sluice_user *user);
    void *ctx;
};

static int visit_line(void *ctx, const struct s3_user_line *line)
{
    const struct users_visit *visit = ctx;
    const struct sluice_user user = {line->name,       line->id,     line->account,
                                     line->access_key, line->rights, line->is_token};

    return visit->visit(visit->ctx, &user);
}

int sluice_user_list(const char *credentials, int (*visit)(void *ctx, const struct sluice_user *user),
                     void *ctx, void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                     void *log_ctx)
{
    struct users_log lines = {log, log_ctx};
    struct s3_credentials_options file = {.path = credentials, .log = log_line, .log_ctx = &lines};
    struct users_visit each = {visit, ctx};
    int result = is_folder(credentials) ? users_served_list(credentials, visit, ctx, log, log_ctx)
                                        : s3_users_list(&file, visit_line, &each);

    return result == -EBADMSG ? SLUICE_E_CREDENTIALS : result;
}
