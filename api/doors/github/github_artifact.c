/* SPDX-License-Identifier: MIT
 *
 * Calls of the service for artifacts. See github_artifact.h. Worker's thread. */
#include "api/doors/github/github_artifact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/core/core.h"
#include "api/s3/access/s3_pinned.h"
#include "api/s3/notification/s3_origin.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"
#include "storage/base/text/utf8.h"

#define TAKEN "an artifact with this name already exists on the workflow run"

/* ---- Keys and numbers ---- */

struct slice github_artifact_key(const struct github_request *github, unsigned scope, struct slice name)
{
    return github_key(github, scope, github->artifact->message.run, name);
}

uint64_t github_artifact_id(const unsigned char upload[GITHUB_UPLOAD_ID_BYTES])
{
    uint64_t milliseconds = 0;

    for (unsigned i = 0; i < 8; i++)
        milliseconds = milliseconds << 8 | upload[i];
    return (milliseconds << 10 | (upload[8] & 3u) << 8 | upload[9]) & ((UINT64_C(1) << 53) - 1);
}
_Static_assert(GITHUB_UPLOAD_ID_BYTES >= 10, "eight bytes of time, then random ones");

/* ---- What is refused ---- */

/* As GitHub's own client has it, for file systems. */
static bool name_is_good(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.base[i] < 0x20 || name.base[i] == 0x7f || strchr("\":<>|*?\\/", name.base[i]))
            return false;
    return name.len > 0 && name.len <= GITHUB_ARTIFACT_NAME_BYTES_MAX && !slice_is(name, ".") &&
           !slice_is(name, "..") && utf8_is_valid(name.base, name.len);
}

static bool type_is_good(struct slice type)
{
    for (size_t i = 0; i < type.len; i++)
        if (type.base[i] < 0x20 || type.base[i] > 0x7e)
            return false;
    return type.len > 0 && type.len <= GITHUB_ARTIFACT_TYPE_BYTES_MAX;
}

/* "sha256:" and 64 digits. */
static bool take_hash(struct github_request *github, struct slice hash)
{
    static const char kind[] = "sha256:";

    github->has_digest = slice_has_prefix(hash, kind) &&
                         hex_decode(hash.base + sizeof(kind) - 1, hash.len - (sizeof(kind) - 1),
                                    github->digest, sizeof(github->digest));
    return github->has_digest;
}

/* NULL, or what is wrong. */
static const char *check(struct github_request *github)
{
    const struct github_artifact *artifact = github->artifact;
    const struct github_artifact_message *message = &artifact->message;
    bool lists = artifact->what == GITHUB_ARTIFACT_LIST;

    if (!door_name_is_plain(message->run, GITHUB_ARTIFACT_ID_BYTES_MAX) ||
        !door_name_is_plain(message->job, GITHUB_ARTIFACT_ID_BYTES_MAX))
        return "a run and a job have ids of 1 to 64 letters, digits, hyphens, dots and underscores";
    if ((!lists || message->name.base != NULL) && !name_is_good(message->name))
        return "a name has 1 to 256 bytes, and nothing that file systems do not take";
    if (message->type.base != NULL && !type_is_good(message->type))
        return "a media type has 1 to 128 characters";
    if (artifact->what == GITHUB_ARTIFACT_FINALIZE && message->hash.base != NULL &&
        !take_hash(github, message->hash))
        return "a hash is sha256: and 64 hexadecimal digits";
    return message->expires_ms <= clock_real_ms() ? "it would have expired already" : NULL;
}

/* A token of an issuer says which run and job it is for: "... Actions.Results:RUN:JOB ...". What the client says cannot be more. A job makes
 * artifacts of its own; it may read and delete those of its run. A key or token of this server's own is for whatever its scope holds. */
static bool claims_allow(const struct github_request *github)
{
    static const char kind[] = "Actions.Results:";
    const struct s3_request *request = github->call->request;
    const struct github_artifact *artifact = github->artifact;
    struct slice scopes = request->claims.scopes, scope, run;
    bool is_own = artifact->what == GITHUB_ARTIFACT_CREATE || artifact->what == GITHUB_ARTIFACT_FINALIZE;

    if (!request->claims.are_there)
        return true;
    while (scopes.base != NULL && slice_next_part(&scopes, ' ', &scope)) {
        if (!slice_has_prefix(scope, kind))
            continue;
        scope = slice_from(scope, sizeof(kind) - 1);
        return slice_next_part(&scope, ':', &run) && slice_equals(run, artifact->message.run) &&
               (!is_own || slice_equals(scope, artifact->message.job));
    }
    return false;
}

/* ---- Answers ---- */

void github_artifact_send(struct github_request *github, const struct github_artifact_answer *answer)
{
    struct arena *arena = &github->call->request->http->arena;
    enum github_artifact_call what = github->artifact->what;
    struct slice text = github->is_wire ? github_artifact_wire(arena, what, answer)
                                        : github_artifact_json(arena, what, answer);

    if (text.base == NULL)
        github_fail(github, 503, "unavailable", "there is no memory");
    else
        github_send(github, text);
}

static void answer_upload(struct github_request *github, const struct github_answer *answer)
{
    if (!answer->ok)
        github_fail(github, 409, "already_exists", TAKEN);
    else
        github_artifact_send(github,
                             &(struct github_artifact_answer){
                                 .ok = true,
                                 .url = answer->url,
                                 .id = answer->upload != NULL ? github_artifact_id(answer->upload) : 0});
}

/* ---- Making one ---- */

static void add_attribute(struct github_request *github, const char *name, struct slice value)
{
    struct meta_attributes *attributes = &github->attributes;

    attributes->list[attributes->count++] = (struct meta_attribute){slice_text(name), value};
}

/* A file is called as the artifact is; an archive, as browsers and clients save it. */
static struct slice disposition_of(struct arena *arena, struct slice name, bool is_zip)
{
    bool has_ending = name.len > 4 && memcmp(name.base + name.len - 4, ".zip", 4) == 0;
    struct slice ending = is_zip && !has_ending ? SLICE(".zip") : SLICE("");

    return arena_concat(arena, SLICE("attachment; filename*=UTF-8''"), percent_encode_in(arena, name, false),
                        ending);
}

static void create(struct github_request *github)
{
    const struct github_artifact_message *message = &github->artifact->message;
    struct s3_request *request = github->call->request;
    struct arena *arena = &request->http->arena;
    struct slice type = message->type.base != NULL ? message->type : SLICE("application/zip");
    char number[CORE_EXPIRES_DIGITS_MAX + 8];

    github->attributes.list = s3_request_alloc(request, 4 * sizeof(*github->attributes.list));
    add_attribute(github, "content-type", type);
    add_attribute(github, "content-disposition",
                  disposition_of(arena, message->name, slice_is(type, "application/zip")));
    add_attribute(github, GITHUB_ARTIFACT_JOB, message->job);
    if (message->expires_ms != INT64_MAX) {
        snprintf(number, sizeof(number), "%" PRId64, message->expires_ms);
        add_attribute(github, CORE_EXPIRES_ATTRIBUTE, arena_dup_text(arena, number));
    }
    github_create(github);
}

static void finalize(struct github_request *github)
{
    const struct github_artifact_message *message = &github->artifact->message;

    github->message.has_size = true; /* what is zero is left out */
    github->message.size = message->size;
    github_finalize(github);
}

/* ---- Reading one ---- */

/* The artifact that a call is about, in a scope that who asks reads: his own goes first. 0, and its key; META_E_NO_KEY. */
static int find(struct github_request *github, struct slice *key)
{
    struct s3_request *request = github->call->request;
    int result = META_E_NO_KEY;

    for (unsigned place = 0; place < door_places(github->call) && s3_pinned_is_absence(result); place++) {
        struct s3_pinned there;
        bool is_over;

        *key = github_artifact_key(github, place, github->artifact->message.name);
        if (key->base == NULL)
            continue;
        there = s3_pinned_named(&request->bucket, *key, NULL);
        result = s3_pinned_look(request, &there);
        is_over = result == 0 && core_expires_of(&there.object->attributes) <= clock_real_ms();
        s3_pinned_end(&there);
        if (is_over)
            result = META_E_NO_KEY; /* it is to be removed any moment */
    }
    return result;
}

static void answer_absent(struct github_request *github, int result)
{
    if (s3_pinned_is_absence(result))
        github_fail(github, 404, "not_found", "there is no such artifact");
    else
        s3_answer_result(github->call->request, result);
}

static void tell_url(struct github_request *github)
{
    enum s3_error error = github_may(github, github->key, false);
    struct slice key, url;
    int result;

    /* Who may read nothing does not hear either what there is. */
    if (error == S3_ERROR_NONE && (result = find(github, &key)) != 0)
        answer_absent(github, result);
    else if (error != S3_ERROR_NONE || (error = github_may(github, key, false)) != S3_ERROR_NONE)
        s3_answer_error(github->call->request, error);
    else if ((url = github_url_of_entry(github, key)).len > 0)
        github_artifact_send(github, &(struct github_artifact_answer){.url = url});
}

/* ---- Removing one ---- */

struct removal {
    struct github_request *github;
    struct core_change change;
    struct meta_object_delete op;
    struct meta_delete_entry entry;
    char etag[META_ETAG_BYTES_MAX + 1];
    uint64_t id;
};

static void on_removed(struct core_change *change)
{
    struct removal *removal = change->ctx;
    struct github_request *github = removal->github;
    int result = removal->op.op.result != 0 ? removal->op.op.result : removal->entry.result;

    if (result == META_E_NO_KEY || result == META_E_PRECONDITION)
        answer_absent(github, META_E_NO_KEY); /* somebody else has removed it */
    else if (result != 0)
        s3_answer_result(github->call->request, result);
    else
        github_artifact_send(github, &(struct github_artifact_answer){.ok = true, .id = removal->id});
}

static void remove_found(struct github_request *github, struct slice key, const struct meta_object *object)
{
    struct s3_request *request = github->call->request;
    struct removal *removal = s3_request_alloc(request, sizeof(*removal));

    removal->github = github;
    removal->id = github_artifact_id(object->upload_id);
    strcpy(removal->etag, object->etag);
    removal->entry = (struct meta_delete_entry){.key = key, .if_match = removal->etag};
    removal->op = (struct meta_object_delete){.op.kind = META_OP_OBJECT_DELETE,
                                              .op.origin = s3_origin(request),
                                              .bucket = request->bucket.id,
                                              .entries = &removal->entry,
                                              .count = 1,
                                              .owner = slice_text(request->owner_id)};
    removal->change = (struct core_change){.op = &removal->op.op, .done = on_removed, .ctx = removal};
    core_change_submit(request->worker, &removal->change);
}

static void remove_one(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    enum s3_error error = github_may_do(github, github->key, S3_ACTION_DELETE_OBJECT, S3_RIGHT_WRITE);
    struct s3_pinned there = s3_pinned_named(&request->bucket, github->key, NULL);
    int result;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if ((result = s3_pinned_look(request, &there)) == 0)
        remove_found(github, github->key, there.object);
    else
        answer_absent(github, result);
    s3_pinned_end(&there);
}

/* ---- Calls ---- */

void github_artifact_serve(struct github_request *github, struct slice body)
{
    static void (*const functions[GITHUB_ARTIFACT_CALLS])(struct github_request * github) = {
        [GITHUB_ARTIFACT_CREATE] = create,
        [GITHUB_ARTIFACT_FINALIZE] = finalize,
        [GITHUB_ARTIFACT_LIST] = github_artifact_list,
        [GITHUB_ARTIFACT_URL] = tell_url,
        [GITHUB_ARTIFACT_DELETE] = remove_one};
    struct github_artifact *artifact = github->artifact;
    struct arena *arena = &github->call->request->http->arena;
    const char *problem;

    if ((github->is_wire ? github_artifact_read_wire(artifact->what, body, &artifact->message)
                         : github_artifact_read_json(arena, body, &artifact->message)) != 0) {
        github_fail(github, 400, "malformed", "the body is no such message");
        return;
    }
    if ((problem = check(github)) != NULL) {
        github_fail(github, 400, "invalid_argument", problem);
        return;
    }
    if (!claims_allow(github)) {
        github_fail(github, 403, "permission_denied", "the token is of another run, or of another job of it");
        return;
    }
    if (artifact->what != GITHUB_ARTIFACT_LIST &&
        (github->key = github_artifact_key(github, 0, artifact->message.name)).base == NULL)
        github_fail(github, 400, "invalid_argument", "the name is too long for where it is kept");
    else
        functions[artifact->what](github);
}

enum s3_door_way github_artifact_enter(struct github_request *github, struct slice name)
{
    static const struct {
        const char *name;
        enum s3_method method; /* what it does is what its rights and scopes are asked for */
    } calls[GITHUB_ARTIFACT_CALLS] = {[GITHUB_ARTIFACT_CREATE] = {"CreateArtifact", S3_PUT},
                                      [GITHUB_ARTIFACT_FINALIZE] = {"FinalizeArtifact", S3_PUT},
                                      [GITHUB_ARTIFACT_LIST] = {"ListArtifacts", S3_GET},
                                      [GITHUB_ARTIFACT_URL] = {"GetSignedArtifactURL", S3_GET},
                                      [GITHUB_ARTIFACT_DELETE] = {"DeleteArtifact", S3_DELETE}};
    struct door_call *call = github->call;
    struct github_artifact *artifact = s3_request_alloc(call->request, sizeof(*artifact));

    /* GitHub's importer has these two. There is no other store to bring artifacts from. */
    if (slice_is(name, "MigrateArtifact") || slice_is(name, "FinalizeMigratedArtifact"))
        return github_refuse(call, 501, "unimplemented", "artifacts of other stores are not taken over");
    while (artifact->what < GITHUB_ARTIFACT_CALLS && !slice_is(name, calls[artifact->what].name))
        artifact->what++;
    if (artifact->what == GITHUB_ARTIFACT_CALLS)
        return github_refuse(call, 404, "bad_route", "there is no such call");
    github->artifact = artifact;
    github->answer = answer_upload;
    call->area = SLICE(GITHUB_ARTIFACT_AREA);
    call->request->method = calls[artifact->what].method;
    return door_go_to_key(call, SLICE("-"));
}
