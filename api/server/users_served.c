/* SPDX-License-Identifier: MIT
 *
 * Users of a running server, by its control socket. */
#include "api/server/users_served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/library/control_client.h"

typedef void (*log_fn)(void *ctx, enum sluice_log_level level, const char *message);

/* Ends a call that may have made a key. */
static int finish(int result, json_t *answer, struct sluice_user_key *key, log_fn log, void *log_ctx)
{
    control_client_tell(answer, log, log_ctx);
    if (result == 0 && key != NULL) {
        snprintf(key->access_key, sizeof(key->access_key), "%s", control_client_text(answer, "access_key"));
        snprintf(key->secret_key, sizeof(key->secret_key), "%s", control_client_text(answer, "secret_key"));
    }
    json_decref(answer);
    return result;
}

int users_served_add(const char *directory, const char *name, const struct sluice_user_options *options,
                     struct sluice_user_key *key, log_fn log, void *log_ctx)
{
    json_t *answer;
    int result = control_client_call(directory,
                                     json_pack("{s:s, s:s, s:s*, s:s*, s:o*}", "call", "user-add", "name",
                                               name, "id", options->id, "rights", options->rights, "token",
                                               options->is_token ? json_true() : NULL),
                                     NULL, NULL, &answer);

    return finish(result, answer, key, log, log_ctx);
}

int users_served_rotate(const char *directory, const char *name, bool keep_old, struct sluice_user_key *key,
                        log_fn log, void *log_ctx)
{
    json_t *answer;
    int result = control_client_call(
        directory,
        json_pack("{s:s, s:s, s:b}", "call", "user-rotate", "name", name, "keep_old", (int)keep_old), NULL,
        NULL, &answer);

    return finish(result, answer, key, log, log_ctx);
}

int users_served_remove(const char *directory, const char *name, log_fn log, void *log_ctx)
{
    json_t *answer;
    int result = control_client_call(directory, json_pack("{s:s, s:s}", "call", "user-remove", "name", name),
                                     NULL, NULL, &answer);

    return finish(result, answer, NULL, log, log_ctx);
}

struct visitor {
    int (*visit)(void *ctx, const struct sluice_user *user);
    void *ctx;
};

static int take_user(void *ctx, const json_t *item)
{
    const struct visitor *visitor = ctx;
    const struct sluice_user user = {
        .name = control_client_text(item, "user"),
        .id = control_client_text(item, "id"),
        .account = control_client_text(item, "account"),
        .access_key = json_string_value(json_object_get(item, "access_key")),
        .rights = control_client_text(item, "rights"),
        .is_token = json_is_true(json_object_get(item, "token")),
    };

    return visitor->visit(visitor->ctx, &user);
}

int users_served_list(const char *directory, int (*visit)(void *ctx, const struct sluice_user *user),
                      void *ctx, log_fn log, void *log_ctx)
{
    struct visitor visitor = {visit, ctx};
    json_t *answer;
    int result =
        control_client_call(directory, json_pack("{s:s}", "call", "user-list"), take_user, &visitor, &answer);

    return finish(result, answer, NULL, log, log_ctx);
}
