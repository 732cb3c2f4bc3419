/* SPDX-License-Identifier: MIT
 *
 * What calls have in common: keys, rights, answers. See github.h. Worker's thread. */
#include <string.h>

#include "api/doors/github/github.h"

struct github_request *github_of(const struct s3_request *request)
{
    return door_call_of(request)->own;
}

struct github *github_door(const struct github_request *github)
{
    return github->call->door->state;
}

/* ---- Rights ---- */

struct slice github_key(const struct github_request *github, unsigned scope, struct slice version,
                        struct slice key)
{
    const struct door_call *call = github->call;
    struct arena *arena = &call->request->http->arena;
    struct slice whole =
        arena_concat(arena, slice_text(call->door->prefix), call->area,
                     call->scopes != NULL ? slice_text(call->scopes->names[scope]) : SLICE(""),
                     call->scopes != NULL ? SLICE(S3_SCOPE_END) : SLICE(""), version, SLICE("/"), key);

    return whole.len <= KEY_BYTES_MAX ? whole : slice_of(NULL, 0);
}

enum s3_error github_may(struct github_request *github, struct slice key, bool writes)
{
    return github_may_do(github, key, writes ? S3_ACTION_PUT_OBJECT : S3_ACTION_GET_OBJECT,
                         writes ? S3_RIGHT_WRITE : S3_RIGHT_READ);
}

enum s3_error github_may_do(struct github_request *github, struct slice key, enum s3_action action,
                            unsigned rights)
{
    return door_may(github->call, key, action, rights);
}

/* ---- Answers of calls ---- */

void github_answer(struct github_request *github, const struct github_answer *answer)
{
    struct arena *arena = &github->call->request->http->arena;

    if (github->answer != NULL)
        github->answer(github, answer);
    else
        github_send(github, github->is_wire ? github_answer_wire(arena, github->what, answer)
                                            : github_answer_json(arena, github->what, answer));
}

/* What speaks JSON passes over `ok: false`. OpenDAL, which speaks protobuf, takes it for a failure: sccache stores nothing from then on.
 * It knows GitHub's 409. */
void github_answer_taken(struct github_request *github)
{
    if (github->is_wire && github->answer == NULL)
        github_fail(github, 409, "already_exists", "there is an entry of that key, or it is being uploaded");
    else
        github_answer(github, &(struct github_answer){.ok = false});
}

void github_send(struct github_request *github, struct slice text)
{
    struct s3_request *request = github->call->request;

    request->http->answer.status = 200;
    s3_answer_header_string(request, "content-type",
                            github->is_wire ? "application/protobuf" : "application/json");
    http_send_memory(request->http, text.base, text.len);
}

/* Errors are JSON, whatever was asked. Neither text has quotes. */
enum s3_door_way github_refuse(struct door_call *call, int status, const char *code, const char *message)
{
    struct slice text = arena_concat(
        &call->request->http->arena, SLICE("{\"code\":\""), slice_text(code), SLICE("\",\"msg\":\""),
        strpbrk(message, "\"\\\n") == NULL ? slice_text(message) : SLICE(""), SLICE("\"}"));

    return door_answer(call, status, "application/json", text.base);
}

void github_fail(struct github_request *github, int status, const char *code, const char *message)
{
    (void)github_refuse(github->call, status, code, message);
}
