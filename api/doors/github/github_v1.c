/* SPDX-License-Identifier: MIT
 *
 * Version 1 of the service, as Gitea, Forgejo and act have it, and @actions/cache beside them:
 *
 *      GET   _apis/artifactcache/cache?keys=K,K&version=V    the entry's key, and a signed URL; 204: a miss
 *      POST  _apis/artifactcache/caches                      {key, version}: an id for the upload; 409: the key is taken
 *      PATCH _apis/artifactcache/caches/ID                   bytes, at the place that Content-Range says
 *      POST  _apis/artifactcache/caches/ID                   {size}: the entry is whole
 *
 * What comes at one place is a block, called by its place, so that the order of their names is that of the bytes. Worker's thread. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/doors/github/github.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/clock.h"

#define NUMBER_BYTES 6u /* of an upload's id: clients keep numbers as doubles */

/* ---- Answers ---- */

static uint64_t number_of(const unsigned char id[GITHUB_UPLOAD_ID_BYTES])
{
    uint64_t number = 0;

    for (unsigned i = 0; i < NUMBER_BYTES; i++)
        number = number << 8 | id[GITHUB_UPLOAD_ID_BYTES - NUMBER_BYTES + i];
    return number;
}

static struct slice found_text(struct arena *arena, const struct github_answer *answer)
{
    json_t *object = json_pack("{s:s,s:s%,s:s%}", "result", "hit", "cacheKey", answer->matched.base,
                               answer->matched.len, "archiveLocation", answer->url.base, answer->url.len);
    char *dumped = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    struct slice text = dumped != NULL ? arena_dup_text(arena, dumped) : slice_of(NULL, 0);

    free(dumped);
    json_decref(object);
    return text;
}

static void answer_call(struct github_request *github, const struct github_answer *answer)
{
    struct door_call *call = github->call;
    struct slice text;
    char made[48];

    if (github->what == GITHUB_GET && !answer->ok) {
        s3_answer_empty(call->request, 204);
    } else if (github->what == GITHUB_GET) {
        text = found_text(&call->request->http->arena, answer);
        if (text.base == NULL)
            github_fail(github, 503, "unavailable", "there is no memory");
        else
            (void)door_answer(call, 200, "application/json", text.base);
    } else if (!answer->ok) {
        github_fail(github, 409, "already_exists", "there is an entry of that key, or it is being uploaded");
    } else {
        snprintf(made, sizeof(made), "{\"cacheId\":%" PRIu64 "}",
                 github->what == GITHUB_CREATE ? number_of(answer->upload) : 0);
        (void)door_answer(call, 200, "application/json", github->what == GITHUB_CREATE ? made : "{}");
    }
}

/* ---- Looking up ---- */

static enum s3_door_way enter_find(struct github_request *github)
{
    struct door_call *call = github->call;
    struct github_message *message = &github->message;
    struct slice keys = door_parameter(call, "keys"), key;

    github->what = GITHUB_GET;
    message->version = door_parameter(call, "version");
    while (keys.base != NULL && slice_next_part(&keys, ',', &key)) {
        if (message->key_count == GITHUB_KEYS_MAX)
            return github_refuse(call, 400, "invalid_argument", "there are more than ten keys");
        message->keys[message->key_count++] = slice_trim(key);
    }
    message->key = message->keys[0];
    if (message->key_count == 0 || github_message_check(message) != NULL)
        return github_refuse(call, 400, "invalid_argument", "keys=KEY,KEY and version=64 hexadecimal digits");
    return door_go_to_key(call, SLICE("-"));
}

/* ---- Uploads ---- */

/* "FIRST-LAST" */
static bool read_ends(struct slice text, uint64_t *first, uint64_t *last)
{
    const char *dash = memchr(text.base, '-', text.len);
    struct slice rest = dash != NULL ? slice_from(text, (size_t)(dash - text.base) + 1) : slice_of("", 0);

    return dash != NULL && s3_number_parse(text.base, (size_t)(dash - text.base), INT64_MAX, first) == 0 &&
           s3_number_parse(rest.base, rest.len, INT64_MAX, last) == 0 && *first <= *last;
}

/* "bytes FIRST-LAST/SIZE", whose size is not looked at. */
static bool read_place(struct slice text, uint64_t *first, uint64_t *last)
{
    static const char unit[] = "bytes ";
    const char *slash;

    if (!slice_has_prefix_nocase(text, unit))
        return false;
    text = slice_from(text, sizeof(unit) - 1);
    slash = memchr(text.base, '/', text.len);
    return read_ends(slice_of(text.base, slash != NULL ? (size_t)(slash - text.base) : text.len), first,
                     last);
}

/* Whether no byte is missing between two blocks, and none is there twice. */
static bool follows(struct slice before, struct slice name)
{
    uint64_t first, last, first_before, last_before;

    if (!read_ends(name, &first, &last))
        return false;
    return before.base == NULL ? first == 0
                               : read_ends(before, &first_before, &last_before) && first == last_before + 1;
}

static enum s3_door_way enter_bytes(struct github_request *github)
{
    struct door_call *call = github->call;

    if (!read_place(s3_request_header(call->request, "content-range"), &github->first, &github->last))
        return github_refuse(call, 400, "invalid_argument", "Content-Range says where the bytes belong");
    call->request->method = S3_PUT;
    github->is_bytes = true;
    return door_go_to_key(call, SLICE("-"));
}

static enum s3_door_way enter_upload(struct github_request *github, struct slice text)
{
    struct door_call *call = github->call;
    struct s3_request *request = call->request;
    uint64_t number;

    if (s3_number_parse(text.base, text.len, UINT64_MAX >> 16, &number) == 0)
        github->key = github_uploads_find(github_door(github)->uploads, number_of, number,
                                          &request->http->arena, github->upload);
    if (github->key.base == NULL)
        return github_refuse(call, 404, "not_found", "there is no such upload");
    if (slice_is(request->http->method, "PATCH"))
        return enter_bytes(github);
    if (request->method != S3_POST)
        return door_answer_method(call, "PATCH, POST");
    github->what = GITHUB_FINALIZE;
    request->method = S3_PUT;
    return door_go_to_key(call, SLICE("-"));
}

enum s3_door_way github_v1_enter(struct github_request *github, struct slice path)
{
    struct door_call *call = github->call;
    struct s3_request *request = call->request;

    github->is_call = github->is_v1 = true;
    github->answer = answer_call;
    if (slice_is(path, "cache") && request->method == S3_GET)
        return enter_find(github);
    if (slice_has_prefix(path, "caches/"))
        return enter_upload(github, slice_from(path, strlen("caches/")));
    if (!slice_is(path, "caches") || request->method != S3_POST)
        return github_refuse(call, 404, "bad_route", "there is no such call");
    github->what = GITHUB_CREATE;
    request->method = S3_PUT;
    return door_go_to_key(call, SLICE("-"));
}

/* ---- Serving ---- */

/* A block is one only once it is known that its sender may put it: another's would spoil the entry. */
void github_v1_serve_bytes(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    enum s3_error error = github_may(github, github->key, true);
    char name[48];
    int length;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    length = snprintf(name, sizeof(name), "%020" PRIu64 "-%020" PRIu64, github->first, github->last);
    if (github_blob_put_block(github, github->key, slice_of(name, (size_t)length)) != S3_DOOR_ENTERED)
        return;
    door_dispatch_anew(request);
}

/* All that has come, in the order of its places. */
bool github_v1_list(struct github_request *github)
{
    enum s3_error error = github_may(github, github->key, true);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(github->call->request, error);
        return false;
    }
    if (github_uploads_list_all(github_door(github)->uploads, github->upload, follows, clock_real_ms()) == 0)
        return true;
    github_fail(github, 400, "failed_precondition", "bytes of the entry have not come, or twice");
    return false;
}
