/* SPDX-License-Identifier: MIT
 *
 * The calls about users: sluice_user_* on the server's own credentials file, which is read again at once. */
#include <errno.h>
#include <string.h>

#include "api/s3/service/s3_service.h"
#include "api/server/control/control_calls.h"
#include "api/sluice.h"

/* What the work on the file has to say, which belongs to whoever asked. */
static void note_message(void *ctx, enum sluice_log_level level, const char *message)
{
    json_t *messages = ctx;

    /* Without memory, a message less. */
    (void)json_array_append_new(messages,
                                json_pack("{s:i, s:o*}", "level", (int)level, "text", control_text(message)));
}

/* The answer with the messages, of which this takes a reference over. */
static json_t *with_messages(json_t *answer, json_t *messages)
{
    if (answer != NULL && json_array_size(messages) > 0 &&
        json_object_set(answer, "messages", messages) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    json_decref(messages);
    return answer;
}

static json_t *no_file(void)
{
    return control_refusal(-EOPNOTSUPP, "the server was started without a credentials file");
}

/* A failure to read the changed file again is in the log: the change is made, and the file is right. */
static void take_change(const struct control_subject *subject, const struct control_asker *asker,
                        const char *what, const char *name)
{
    control_log(subject, asker, "%s the user %s", what, name);
    (void)s3_service_reload(subject->service);
}

/* The secret is wiped where it can be: in the answer it goes to whoever asked. */
static json_t *key_answer(int err, struct sluice_user_key *key)
{
    json_t *answer = err != 0 ? control_refusal(err, NULL)
                              : control_success(json_pack("{s:s, s:s}", "access_key", key->access_key,
                                                          "secret_key", key->secret_key));

    explicit_bzero(key, sizeof(*key));
    return answer;
}

json_t *control_call_user_add(const struct control_subject *subject, json_t *request,
                              const struct control_asker *asker)
{
    struct sluice_user_options options = {.id = NULL};
    struct sluice_user_key key = {.access_key = ""};
    int err, is_token = 0;
    const char *name;
    json_t *messages;

    if (subject->credentials == NULL)
        return no_file();
    if (json_unpack(request, "{s:s, s:s, s?s, s?s, s?b !}", "call", &name, "name", &name, "id", &options.id,
                    "rights", &options.rights, "token", &is_token) != 0)
        return control_refusal(
            -EINVAL, "expected: call, name, and id and rights, all of them texts; and token, true or false");
    options.is_token = is_token != 0;
    if ((messages = json_array()) == NULL)
        return NULL;
    err = sluice_user_add(subject->credentials, name, &options, &key, note_message, messages);
    if (err == 0)
        take_change(subject, asker, "added", name);
    return with_messages(key_answer(err, &key), messages);
}

json_t *control_call_user_rotate(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker)
{
    struct sluice_user_key key = {.access_key = ""};
    const char *name;
    int keep_old = 0, err;
    json_t *messages;

    if (subject->credentials == NULL)
        return no_file();
    if (json_unpack(request, "{s:s, s:s, s?b !}", "call", &name, "name", &name, "keep_old", &keep_old) != 0)
        return control_refusal(-EINVAL, "expected: call, name, and keep_old, true or false");
    if ((messages = json_array()) == NULL)
        return NULL;
    err = sluice_user_rotate(subject->credentials, name, keep_old, &key, note_message, messages);
    if (err == 0)
        take_change(subject, asker, "gave a new key to", name);
    return with_messages(key_answer(err, &key), messages);
}

json_t *control_call_user_remove(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker)
{
    const char *name;
    json_t *messages;
    int err;

    if (subject->credentials == NULL)
        return no_file();
    if (json_unpack(request, "{s:s, s:s !}", "call", &name, "name", &name) != 0)
        return control_refusal(-EINVAL, "expected: call and name");
    if ((messages = json_array()) == NULL)
        return NULL;
    err = sluice_user_remove(subject->credentials, name, note_message, messages);
    if (err == 0)
        take_change(subject, asker, "removed", name);
    return with_messages(err != 0 ? control_refusal(err, NULL) : control_success(json_object()), messages);
}

static int on_user(void *ctx, const struct sluice_user *user)
{
    const struct control_asker *asker = ctx;

    return asker->item(asker->ctx,
                       json_pack("{s:s, s:s, s:s, s:s*, s:s, s:o*}", "user", user->name, "id", user->id,
                                 "account", user->account, "access_key", user->access_key, "rights",
                                 user->rights, "token", user->is_token ? json_true() : NULL));
}

json_t *control_call_user_list(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker)
{
    json_t *messages;
    int err;

    (void)request;
    if (subject->credentials == NULL)
        return no_file();
    if ((messages = json_array()) == NULL)
        return NULL;
    err = sluice_user_list(subject->credentials, on_user, (void *)asker, note_message, messages);
    return with_messages(err != 0 ? control_refusal(err, NULL) : control_success(json_object()), messages);
}
