/* SPDX-License-Identifier: MIT
 *
 * The door of GitHub's services: its configuration, its scopes, its paths. See github.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/doors/github/github.h"
#include "api/doors/github/github_artifact.h"
#include "api/s3/body/s3_document.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"

#define CACHE     "twirp/github.actions.results.api.v1.CacheService/"
#define ARTIFACTS "twirp/github.actions.results.api.v1.ArtifactService/"
#define V1        "_apis/artifactcache/"

/* ---- Configuration ---- */

static void close_github(struct door *door)
{
    struct github *github = door->state;

    if (github == NULL)
        return;
    github_uploads_destroy(github->uploads);
    free(github->public_url);
    explicit_bzero(github->secret, sizeof(github->secret));
    free(github);
}

static int open_github(struct door *door, const char *public_url)
{
    struct github *github = door->state = calloc(1, sizeof(*github));

    if (github == NULL || (github->uploads = github_uploads_create()) == NULL)
        return -ENOMEM;
    if (getrandom(github->secret, sizeof(github->secret), 0) != (ssize_t)sizeof(github->secret))
        return -EIO;
    if (public_url == NULL)
        return 0;
    return (github->public_url = door_public_url_copy(public_url)) != NULL ? 0 : -ENOMEM;
}

/* May come several times: commas stand between the lines of a list of caches. */
static int take_word(struct door *door, const char *word, const char **problem)
{
    static const char name[] = "repository=";
    struct github *github = door->state;
    struct slice id = slice_text(word);

    if (!slice_has_prefix(id, name))
        return 1;
    id = slice_from(id, sizeof(name) - 1);
    *problem = "repository=ID: a number, as GitHub's API tells it; at most 32 of them";
    if (id.len == 0 || id.len >= sizeof(github->repositories[0]) ||
        github->repository_count == GITHUB_REPOSITORIES_MAX || strspn(id.base, "0123456789") != id.len)
        return -EINVAL;
    (void)slice_copy(github->repositories[github->repository_count++], id);
    return 0;
}

/* ---- Scopes ---- */

static bool is_listed(const struct github *github, struct slice repository)
{
    for (unsigned i = 0; i < github->repository_count; i++)
        if (slice_is(repository, github->repositories[i]))
            return true;
    return false;
}

/* One of the claim: false where it is none. The whole of a ref is one segment, so that no ref is a folder of another's entries. */
static bool add_scope(struct s3_request *request, const json_t *entry, struct s3_scopes *scopes)
{
    struct arena *arena = &request->http->arena;
    const json_t *ref = json_object_get(entry, "Scope");
    long long permission = json_integer_value(json_object_get(entry, "Permission"));
    struct slice scope;

    if (!json_is_string(ref) || json_string_length(ref) == 0 || permission < 1 || permission > 3)
        return false;
    scope = arena_concat(
        arena, request->claims.repository, SLICE("/"),
        percent_encode_in(arena, slice_of(json_string_value(ref), json_string_length(ref)), false));
    if ((permission & 2) != 0 && !scopes->writes)
        return s3_scopes_set_own(scopes, scope);
    return s3_scopes_add_read(scopes, scope);
}

/* The claim `ac` is the text of a list: [{"Scope":"refs/heads/main","Permission":3}]. */
static bool read_claim(struct s3_request *request, struct s3_scopes *scopes)
{
    struct slice text = request->claims.access;
    json_t *list = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool is_good = json_is_array(list) && json_array_size(list) > 0;

    for (size_t i = 0; is_good && i < json_array_size(list); i++)
        is_good = add_scope(request, json_array_get(list, i), scopes);
    json_decref(list);
    return is_good;
}

/* GitHub's runner gets its scopes from GitHub. Whose they are says the repository: anybody's token says something of the kind. */
static enum s3_error scopes_of(struct door_call *call)
{
    struct s3_request *request = call->request;
    struct s3_scopes *scopes;

    if (request->claims.access.base == NULL || !is_listed(call->door->state, request->claims.repository))
        return S3_ERROR_NONE;
    scopes = s3_request_alloc(request, sizeof(*scopes));
    call->scopes = scopes;
    if (read_claim(request, scopes))
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_ACCESS_DENIED, "The token's claim ac is no list of scopes.");
    return S3_ERROR_ACCESS_DENIED;
}

/* ---- Errors ---- */

static const char *code_of(int status)
{
    switch (status) {
    case 401:
        return "unauthenticated";
    case 403:
        return "permission_denied";
    case 404:
        return "not_found";
    case 429:
        return "resource_exhausted";
    case 503:
        return "unavailable";
    default:
        return status < 500 ? "invalid_argument" : "internal";
    }
}

static bool on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    struct door_call *call = door_call_of(request);
    int status = door_status_of(call, error);

    if (github_of(request) != NULL && !github_of(request)->is_call)
        return github_blob_on_error(request, error, message);
    if (status == 401)
        s3_answer_header_string(request, "www-authenticate", "Bearer realm=\"sluice\"");
    (void)github_refuse(call, status, code_of(status), message);
    return true;
}

static void on_answer(struct s3_request *request)
{
    if (!github_of(request)->is_call)
        github_blob_on_answer(request);
}

/* ---- Calls ---- */

static void on_body(struct s3_request *request, struct slice body, void *ctx)
{
    static void (*const functions[GITHUB_CALLS])(struct github_request * github) = {
        [GITHUB_CREATE] = github_create, [GITHUB_FINALIZE] = github_finalize, [GITHUB_GET] = github_find};
    struct github_request *github = ctx;
    struct github_message *message = &github->message;
    bool has_key = !github->is_v1 || github->what != GITHUB_FINALIZE;
    const char *problem;
    int err;

    if (github->artifact != NULL) {
        github_artifact_serve(github, body);
        return;
    }
    err = github->is_wire ? github_message_read_wire(github->what, body, message)
                          : github_message_read_json(&request->http->arena, github->what, body, message);
    problem = err == 0 && has_key ? github_message_check(message) : NULL;
    if (err == -E2BIG)
        github_fail(github, 400, "invalid_argument", "there are more than ten keys");
    else if (err != 0)
        github_fail(github, 400, "malformed", "the body is no such message");
    else if (problem != NULL)
        github_fail(github, 400, "invalid_argument", problem);
    else if (has_key || github_v1_list(github))
        functions[github->what](github);
}

static void serve(struct s3_request *request)
{
    struct github_request *github = github_of(request);
    enum s3_error error;

    if (!github->is_call) {
        github_blob_serve(github);
        return;
    }
    if ((error = s3_request_open_bucket(request)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else if (github->is_bytes)
        github_v1_serve_bytes(github);
    else if (github->is_v1 && github->what == GITHUB_GET)
        github_find(github);
    else
        s3_document_collect(request, GITHUB_MESSAGE_BYTES_MAX, on_body, github);
}

static enum s3_door_way enter_call(struct github_request *github, struct slice name)
{
    static const char *const names[GITHUB_CALLS] = {[GITHUB_CREATE] = "CreateCacheEntry",
                                                    [GITHUB_FINALIZE] = "FinalizeCacheEntryUpload",
                                                    [GITHUB_GET] = "GetCacheEntryDownloadURL"};
    struct door_call *call = github->call;
    struct s3_request *request = call->request;

    for (github->what = 0; github->what < GITHUB_CALLS && !slice_is(name, names[github->what]);)
        github->what++;
    if (github->what == GITHUB_CALLS)
        return github_refuse(call, 404, "bad_route", "there is no such call");
    /* What it does is what its rights and scopes are asked for. */
    request->method = github->what == GITHUB_GET ? S3_GET : S3_PUT;
    return door_go_to_key(call, SLICE("-"));
}

static enum s3_door_way enter_service(struct github_request *github)
{
    struct door_call *call = github->call;
    struct slice type = s3_request_header(call->request, "content-type");

    if (call->request->method != S3_POST)
        return github_refuse(call, 404, "bad_route", "calls are made by POST");
    github->is_wire = slice_has_prefix_nocase(type, "application/protobuf");
    if (!github->is_wire && !slice_has_prefix_nocase(type, "application/json"))
        return github_refuse(call, 404, "bad_route", "calls are application/json or application/protobuf");
    github->is_call = true;
    return slice_has_prefix(call->path, CACHE)
               ? enter_call(github, slice_from(call->path, sizeof(CACHE) - 1))
               : github_artifact_enter(github, slice_from(call->path, sizeof(ARTIFACTS) - 1));
}

static enum s3_door_way enter_github(struct door_call *call)
{
    struct github_request *github = s3_request_alloc(call->request, sizeof(*github));

    github->call = call;
    call->own = github;
    if (slice_has_prefix(call->path, CACHE) || slice_has_prefix(call->path, ARTIFACTS))
        return enter_service(github);
    if (slice_has_prefix(call->path, V1))
        return github_v1_enter(github, slice_from(call->path, sizeof(V1) - 1));
    if (slice_has_prefix(call->path, "upload/"))
        return github_blob_enter(github, GITHUB_UPLOAD, slice_from(call->path, strlen("upload/")));
    if (slice_has_prefix(call->path, "download/"))
        return github_blob_enter(github, GITHUB_DOWNLOAD, slice_from(call->path, strlen("download/")));
    return github_refuse(call, 404, "bad_route", "this service is not kept here");
}

const struct door_kind door_github = {.name = "github",
                                      .open = open_github,
                                      .close = close_github,
                                      .take_word = take_word,
                                      .enter = enter_github,
                                      .scopes_of = scopes_of,
                                      .serve = serve,
                                      .on_error = on_error,
                                      .on_answer = on_answer,
                                      .status_of_taken = 409,
                                      .expiring = GITHUB_ARTIFACT_AREA,
                                      .is_called = true};
