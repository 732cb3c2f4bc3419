/* SPDX-License-Identifier: MIT
 *
 * Turborepo, version 8 of its API (turborepo.dev, "remote caching", and what turbo 2 sends):
 *
 *      v8/artifacts/status       GET: {"status":"enabled"}, for whoever has a key
 *      v8/artifacts/events       POST: hits and misses, taken and forgotten
 *      v8/artifacts/HASH         GET, HEAD, PUT; x-artifact-duration and x-artifact-tag (its signature) come back as they were sent
 *      OPTIONS of any of them    what TURBO_PREFLIGHT asks for
 *
 * A team, by slug or teamId, is a folder of its own. Errors are JSON; on 5xx the client tries again. */
#include <string.h>

#include "api/doors/door.h"

#define DURATION_STORED "x-amz-meta-artifact-duration"
#define TAG_STORED      "x-amz-meta-artifact-tag"

static enum s3_door_way answer_json(struct door_call *call, const char *text)
{
    return door_authenticate(call) == S3_DOOR_ENTERED ? door_answer(call, 200, "application/json", text)
                                                      : S3_DOOR_ANSWERED;
}

/* The client leaves its token out of the request itself unless it may send it. */
static enum s3_door_way answer_preflight(struct door_call *call)
{
    s3_answer_header_string(call->request, "access-control-allow-methods", "GET, HEAD, PUT, POST, OPTIONS");
    s3_answer_header_string(call->request, "access-control-allow-headers",
                            "Authorization, Content-Type, User-Agent, x-artifact-duration, x-artifact-tag");
    return door_answer(call, 200, "text/plain", "");
}

/* base NULL: there is none. */
static struct slice team_of(const struct door_call *call)
{
    struct slice team = door_parameter(call, "teamId");

    return team.len > 0 ? team : door_parameter(call, "slug");
}

/* S3 keeps what is called x-amz-meta-, so that is how it is stored. */
static void keep_header(struct s3_request *request, const char *name, const char *stored)
{
    struct slice value = s3_request_header(request, name);

    if (value.base != NULL)
        door_add_header(request, slice_text(stored), value);
}

static enum s3_door_way enter_artifact(struct door_call *call, struct slice hash)
{
    struct s3_request *request = call->request;
    struct slice team = team_of(call), name = hash;
    enum s3_door_way way;

    if (request->method != S3_GET && request->method != S3_HEAD && request->method != S3_PUT)
        return door_answer_method(call, "GET, HEAD, PUT, OPTIONS");
    if (team.len > 0) {
        if (!door_name_is_plain(team, DOOR_TEAM_BYTES_MAX))
            return door_answer(call, 400, "application/json",
                               "{\"error\":{\"code\":\"bad_request\",\"message\":\"no such team\"}}");
        name = arena_concat(&request->http->arena, team, SLICE("/"), hash);
    }
    way = door_go_to_key(call, name);
    if (way == S3_DOOR_ENTERED && request->method == S3_PUT) {
        keep_header(request, "x-artifact-duration", DURATION_STORED);
        keep_header(request, "x-artifact-tag", TAG_STORED);
    }
    return way;
}

static enum s3_door_way enter_turbo(struct door_call *call)
{
    static const char prefix[] = "v8/artifacts/";
    enum s3_method method = call->request->method;
    struct slice what;

    if (!slice_has_prefix(call->path, prefix))
        return door_answer_absent(call);
    if (method == S3_OPTIONS)
        return answer_preflight(call);
    what = slice_from(call->path, sizeof(prefix) - 1);
    if (slice_is(what, "status") && method == S3_GET)
        return answer_json(call, "{\"status\":\"enabled\"}");
    if (slice_is(what, "events") && method == S3_POST)
        return answer_json(call, "{}");
    if (!door_name_is_plain(what, DOOR_HASH_BYTES_MAX))
        return door_answer_absent(call);
    return enter_artifact(call, what);
}

static void give_header_back(struct s3_request *request, const char *stored, const char *name)
{
    struct slice value = http_headers_find(&request->http->answer.headers, stored);

    if (value.base != NULL)
        s3_answer_header(request, name, value.base, value.len);
}

static void on_answer(struct s3_request *request)
{
    give_header_back(request, DURATION_STORED, "x-artifact-duration");
    give_header_back(request, TAG_STORED, "x-artifact-tag");
}

/* Messages are S3's, which have no quotes in them; what has is left out. */
static bool on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    struct door_call *call = door_call_of(request);
    bool is_quotable = strpbrk(message, "\"\\") == NULL;
    struct slice text = arena_concat(&request->http->arena, SLICE("{\"error\":{\"code\":\""),
                                     slice_text(s3_error_code(error)), SLICE("\",\"message\":\""),
                                     is_quotable ? slice_text(message) : SLICE(""), SLICE("\"}}"));
    int status = door_status_of(call, error);

    if (status == 401)
        s3_answer_header_string(request, "www-authenticate", "Bearer");
    (void)door_answer(call, status, "application/json", text.base);
    return true;
}

const struct door_kind door_turbo = {.name = "turbo",
                                     .enter = enter_turbo,
                                     .on_error = on_error,
                                     .on_answer = on_answer,
                                     .status_of_taken = 200};
