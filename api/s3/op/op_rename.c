/* SPDX-License-Identifier: MIT
 *
 * RenameObject: an object gets another key in its bucket, in one change of rows. A client's token makes it repeatable: the key that
 * was renamed to remembers it, for as long as it holds what was renamed. Worker's thread. */
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_copy_source.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/s3_operation.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/slice.h"

struct renaming {
    struct s3_request *request;
    struct core_change change;
    struct meta_object_rename op;
    struct s3_pinned source;
    struct s3_write_condition condition;
    char if_match[META_ETAG_BYTES_MAX + 1], if_none_match[META_ETAG_BYTES_MAX + 1]; /* on the source */
    unsigned char parameters[32]; /* that go with the token */
};

/* Whether the caller may know that there is nothing under the old key. */
static enum s3_error judge_absence(struct renaming *renaming)
{
    struct s3_request *request = renaming->request;
    struct s3_pinned source = s3_pinned_named(&request->bucket, renaming->op.source.key, NULL);
    const struct s3_access access = {
        .object = &source, .action = S3_ACTION_GET_OBJECT, .rights = S3_RIGHT_READ};
    enum s3_error error = s3_authorize_access(request, &access);

    s3_pinned_end(&source);
    return error;
}

static void renaming_judge_again(struct renaming *renaming);

static void on_renamed(struct core_change *change)
{
    struct renaming *renaming = change->ctx;
    struct s3_request *request = renaming->request;
    const struct slice *source = &renaming->op.source.key;
    enum s3_error error;

    if (renaming->op.op.result == META_E_JUDGED) {
        renaming_judge_again(renaming);
        return;
    }
    if (renaming->op.op.result == 0) {
        s3_answer_empty(request, 200);
        return;
    }
    if (renaming->op.op.result == META_E_NO_KEY && (error = judge_absence(renaming)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    /* Only an If-Match can miss the new key. */
    if (!renaming->condition.condition.if_match_any && renaming->condition.condition.if_match == NULL)
        request->subject_key = arena_dup(&request->http->arena, source->base, source->len);
    s3_answer_result(request, renaming->op.op.result);
}

/* Whoever renames reads the object under its old key and takes it away from there. */
static enum s3_error authorize_source(struct renaming *renaming, struct slice key)
{
    struct s3_request *request = renaming->request;
    struct s3_access access = {
        .object = &renaming->source,
        .action = S3_ACTION_GET_OBJECT,
        .rights = S3_RIGHT_READ,
        /* A repetition, which a token makes possible, is done though nothing is there any more. */
        .absence_is_asked_later = s3_request_header(request, "x-amz-client-token").base != NULL,
    };
    enum s3_error error;

    renaming->source = s3_pinned_named(&request->bucket, key, NULL);
    error = s3_authorize_access(request, &access);
    if (error == S3_ERROR_NONE) {
        access.action = S3_ACTION_DELETE_OBJECT;
        access.rights = S3_RIGHT_WRITE;
        error = s3_authorize_access(request, &access);
    }
    s3_pinned_end(&renaming->source);
    if (error != S3_ERROR_NONE)
        return error;
    /* What an ACL allows hangs on whose the objects are, and S3 renames only where there are no ACLs. */
    return request->only_over == NULL ? S3_ERROR_NONE : S3_ERROR_ACCESS_DENIED;
}

static void renaming_submit(struct renaming *renaming)
{
    struct s3_request *request = renaming->request;

    s3_pinned_end(&request->pinned);
    renaming->op.source.judged = s3_pinned_judged(&renaming->source);
    renaming->op.condition.judged = s3_pinned_judged(&request->pinned);
    renaming->change = (struct core_change){.op = &renaming->op.op, .done = on_renamed, .ctx = renaming};
    core_change_submit(request->worker, &renaming->change);
}

static void renaming_judge_again(struct renaming *renaming)
{
    struct slice key = renaming->op.source.key;
    struct s3_request *request = renaming->request;
    enum s3_error error;

    if ((error = s3_authorize_again(request)) != S3_ERROR_NONE ||
        (error = authorize_source(renaming, key)) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &renaming->op.default_lock)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        renaming_submit(renaming);
}

/* "/bucket/key" or "bucket/key", as for copies. */
static enum s3_error read_source(struct renaming *renaming, const char **message)
{
    struct s3_request *request = renaming->request;
    struct slice text = s3_request_header(request, "x-amz-rename-source"), bucket, key;
    struct s3_version version;
    enum s3_error error;

    if (text.base == NULL || text.len == 0)
        return s3_request_argument(request, SLICE("x-amz-rename-source"), SLICE(""),
                                   "x-amz-rename-source must name the object to rename.");
    error = s3_copy_source_parse(&request->http->arena, text, &bucket, &key, &version, message);
    if (error == S3_ERROR_INVALID_ARGUMENT)
        return s3_request_argument(request, SLICE("x-amz-rename-source"), text, NULL);
    if (error == S3_ERROR_NONE && !slice_equals(bucket, request->bucket_name)) {
        *message =
            "An object can be renamed within its bucket only; x-amz-rename-source must be /BUCKET/KEY.";
        error = S3_ERROR_INVALID_REQUEST;
    }
    if (error == S3_ERROR_NONE && slice_equals(key, request->key)) {
        *message = "The new key is the old one.";
        error = S3_ERROR_INVALID_REQUEST;
    }
    if (error == S3_ERROR_NONE && version.given) {
        *message = "Only the current version of an object can be renamed.";
        error = S3_ERROR_INVALID_REQUEST;
    }
    if (error == S3_ERROR_NONE)
        error = authorize_source(renaming, key);
    renaming->op.source.bucket = request->bucket.id;
    renaming->op.source.key = key;
    return error;
}

static enum s3_error read_etag(struct s3_request *request, const char *header,
                               char room[META_ETAG_BYTES_MAX + 1], const char **etag)
{
    struct slice text = s3_request_header(request, header);

    if (text.base == NULL)
        return S3_ERROR_NONE;
    *etag = room;
    return s3_etag_parse(text, room) == 0 ? S3_ERROR_NONE : s3_request_argument_header(request, header, NULL);
}

/* Unlike for reads, a date that cannot be read is an error: the rename would happen unconditionally. */
static enum s3_error read_date(struct s3_request *request, const char *header, int64_t *unix_ms)
{
    struct slice text = s3_request_header(request, header);

    *unix_ms = INT64_MIN;
    if (text.base == NULL)
        return S3_ERROR_NONE;
    return s3_time_parse(text.base, text.len, unix_ms) == 0
               ? S3_ERROR_NONE
               : s3_request_argument_header(request, header, NULL);
}

static enum s3_error read_conditions(struct renaming *renaming)
{
    struct s3_request *request = renaming->request;
    struct meta_copy_source *source = &renaming->op.source;
    enum s3_error error;

    if ((error = read_etag(request, "x-amz-rename-source-if-match", renaming->if_match, &source->if_match)) !=
            0 ||
        (error = read_etag(request, "x-amz-rename-source-if-none-match", renaming->if_none_match,
                           &source->if_none_match)) != 0 ||
        (error = read_date(request, "x-amz-rename-source-if-modified-since",
                           &source->if_modified_since_ms)) != 0 ||
        (error = read_date(request, "x-amz-rename-source-if-unmodified-since",
                           &source->if_unmodified_since_ms)) != 0 ||
        (error = read_date(request, "if-modified-since", &renaming->op.if_modified_since_ms)) != 0 ||
        (error = read_date(request, "if-unmodified-since", &renaming->op.if_unmodified_since_ms)) != 0)
        return error;
    if (s3_write_condition_parse(&renaming->condition, s3_request_effective(request, S3_EFFECTIVE_IF_MATCH),
                                 s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH)) != 0)
        return s3_refuse_condition(request);
    renaming->op.condition = renaming->condition.condition;
    return S3_ERROR_NONE;
}

/* What a repetition must have in common with the rename that it repeats, beside bucket, key and token. */
static void digest_parameters(struct renaming *renaming)
{
    static const char *const headers[] = {
        "x-amz-rename-source-if-match",
        "x-amz-rename-source-if-none-match",
        "x-amz-rename-source-if-modified-since",
        "x-amz-rename-source-if-unmodified-since",
        "if-modified-since",
        "if-unmodified-since",
    };
    enum { HEADERS = sizeof(headers) / sizeof(headers[0]) };
    struct s3_request *request = renaming->request;
    struct slice texts[2 * (4 + HEADERS)]; /* each with a separator that none of them has inside */
    size_t count = 0;

    texts[count++] = slice_text(request->owner_id);
    texts[count++] = slice_of("", 1);
    texts[count++] = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH);
    texts[count++] = slice_of("", 1);
    texts[count++] = s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH);
    texts[count++] = slice_of("", 1);
    for (size_t i = 0; i < HEADERS; i++) {
        texts[count++] = s3_request_header(request, headers[i]);
        texts[count++] = slice_of("", 1);
    }
    texts[count++] = renaming->op.source.key;
    struct slice all = arena_join(&request->http->arena, texts, count);
    s3_sha256(all.base, all.len, renaming->parameters);
}

static enum s3_error read_token(struct renaming *renaming)
{
    struct s3_request *request = renaming->request;
    struct slice token = s3_request_header(request, "x-amz-client-token");

    if (token.base == NULL)
        return S3_ERROR_NONE;
    for (size_t i = 0; i < token.len; i++)
        if (token.base[i] < 33 || token.base[i] > 126)
            token.len = 0;
    if (token.len == 0 || token.len > META_TOKEN_BYTES_MAX)
        return s3_request_argument_header(request, "x-amz-client-token",
                                          "x-amz-client-token must be 1 to 64 visible ASCII characters.");
    digest_parameters(renaming);
    renaming->op.token = token;
    renaming->op.parameters = slice_of(renaming->parameters, sizeof(renaming->parameters));
    return S3_ERROR_NONE;
}

void s3_op_rename_object(struct s3_request *request)
{
    struct renaming *renaming = s3_request_alloc(request, sizeof(*renaming));
    const char *message = NULL;
    enum s3_error error;

    renaming->request = request;
    if ((error = read_source(renaming, &message)) != S3_ERROR_NONE ||
        (error = read_conditions(renaming)) != S3_ERROR_NONE ||
        (error = read_token(renaming)) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &renaming->op.default_lock)) != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    renaming->op.op.kind = META_OP_OBJECT_RENAME;
    renaming->op.op.origin = s3_origin(request);
    renaming->op.key = request->key;
    renaming->op.owner = slice_text(request->owner_id);
    renaming_submit(renaming);
}
