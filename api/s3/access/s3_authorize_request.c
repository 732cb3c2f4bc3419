/* SPDX-License-Identifier: MIT
 *
 * Requests as a whole: the actions that one is made of, each judged by s3_authorize.c, and what is judged before there is a bucket or a
 * body. Worker's thread. */
#include "api/s3/access/s3_authorize.h"

#include <string.h>

#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize_internal.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/operations.h"
#include "storage/base/slice.h"

/* ---- A bucket that is to be ---- */

/* The bucket, and what the headers make of it, for which the policy has actions of their own. */
static enum s3_error authorize_session_creation(struct s3_request *request)
{
    static const struct {
        enum s3_effective_name name;
        enum s3_action action;
    } additions[] = {
        {S3_EFFECTIVE_ACL, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_GRANT_FULL_CONTROL, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_GRANT_READ, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_GRANT_WRITE, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_GRANT_READ_ACP, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_GRANT_WRITE_ACP, S3_ACTION_PUT_BUCKET_ACL},
        {S3_EFFECTIVE_OBJECT_OWNERSHIP, S3_ACTION_PUT_BUCKET_OWNERSHIP_CONTROLS},
    };
    struct meta_bucket bucket = {.id = 0};
    struct s3_pinned itself = s3_pinned_named(&bucket, slice_of(NULL, 0), NULL);
    struct s3_access access = {.object = &itself, .action = S3_ACTION_CREATE_BUCKET};
    bool allows;

    if (request->bucket_name.len > META_BUCKET_NAME_BYTES_MAX)
        return S3_ERROR_ACCESS_DENIED;
    (void)slice_copy(bucket.name, request->bucket_name);
    allows = s3_authorize_session(request, &access);
    for (size_t i = 0; allows && i < sizeof(additions) / sizeof(additions[0]); i++) {
        access.action = additions[i].action;
        allows = s3_request_effective(request, additions[i].name).base == NULL ||
                 s3_authorize_session(request, &access);
    }
    access.action = S3_ACTION_PUT_BUCKET_OBJECT_LOCK;
    if (s3_request_header(request, "x-amz-bucket-object-lock-enabled").base != NULL)
        allows = allows && s3_authorize_session(request, &access);
    return allows ? S3_ERROR_NONE : S3_ERROR_ACCESS_DENIED;
}

enum s3_error s3_authorize_creation(struct s3_request *request)
{
    /* It would be the caller's own. */
    unsigned rights = s3_credentials_rights(request->credentials, request->identity, request->bucket_name,
                                            s3_whole_bucket) |
                      s3_identity_own_rights(request->identity);

    if ((rights & S3_RIGHT_ADMIN) == 0)
        return S3_ERROR_ACCESS_DENIED;
    return s3_identity_session_policy(request->identity) != NULL ? authorize_session_creation(request)
                                                                 : S3_ERROR_NONE;
}

/* ---- What stands in a body ---- */

/* Whether a policy or an ACL could allow any of it. */
static bool document_has_hope(struct s3_request *request, const struct s3_operation *operation,
                              const struct s3_policy *policy)
{
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    const struct s3_principal *principal =
        request->identity != NULL ? s3_identity_principal(request->identity) : NULL;
    size_t count = s3_action_of_request(request, operation, actions);
    bool on_bucket;

    if (strcmp(operation->name, "PublishObjects") == 0) {
        actions[count++] = S3_ACTION_PUT_OBJECT;
    } else if (count == 0) { /* DeleteObjects: each key is one of these */
        actions[count++] = S3_ACTION_DELETE_OBJECT;
        actions[count++] = S3_ACTION_DELETE_OBJECT_VERSION;
    }
    for (size_t i = 0; i < count; i++) {
        enum s3_permission permission = s3_authorize_permission(actions[i], false, &on_bucket);

        if ((policy != NULL && s3_policy_could_allow(policy, actions[i], principal)) ||
            (permission != 0 && on_bucket && s3_access_bucket_grants(request, &request->bucket, permission)))
            return true;
    }
    return false;
}

/* Of what stands in the body, or in a copy's source, the operation asks itself (S3_OPERATION_DOCUMENT). Here it matters only whether
 * there is any hope: without it the body is not even read. */
static enum s3_error authorize_reading_body(struct s3_request *request, const struct s3_operation *operation)
{
    unsigned rights = request->key.len > 0 ? s3_authorize_rights_of_request(request)
                                           : s3_authorize_rights_anywhere(request, &request->bucket);
    const struct s3_policy *policy;

    if ((rights & operation->rights) == operation->rights)
        return S3_ERROR_NONE;
    if (s3_authorize_policy(request, request->bucket.id, &policy) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return document_has_hope(request, operation, policy) ? S3_ERROR_NONE : S3_ERROR_ACCESS_DENIED;
}

/* ---- The request ---- */

static enum s3_error judge_request(struct s3_request *request, const struct s3_operation *operation)
{
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    unsigned rights = operation->rights;
    struct s3_access access = {
        .object = &request->pinned, .rights = rights, .of_upload = operation->action == S3_ACTION_PUT_OBJECT};
    const struct s3_policy *policy;
    enum s3_error error = S3_ERROR_NONE;
    size_t count;

    /* The usual case: nobody has to know which action it is. */
    if ((s3_authorize_rights_of_request(request) & rights) == rights &&
        s3_identity_session_policy(request->identity) == NULL &&
        s3_authorize_policy(request, request->bucket.id, &policy) == 0 && policy == NULL)
        return S3_ERROR_NONE;
    if ((operation->flags & S3_OPERATION_DOCUMENT) != 0)
        return authorize_reading_body(request, operation);
    count = s3_action_of_request(request, operation, actions);
    if (count == 0) /* nothing a policy can speak of, so that no session's allows it */
        return (s3_authorize_rights_of_request(request) & rights) == rights &&
                       s3_identity_session_policy(request->identity) == NULL
                   ? S3_ERROR_NONE
                   : S3_ERROR_ACCESS_DENIED;
    for (size_t i = 0; i < count && error == S3_ERROR_NONE; i++) {
        access.action = actions[i];
        error = s3_authorize_access(request, &access);
    }
    if (error != S3_ERROR_NONE || rights != S3_RIGHT_READ)
        s3_pinned_end(&request->pinned); /* a change's transaction looks again, and compares */
    return error;
}

/* Who was let in by a policy or an ACL without saying who he is may not do everything that they allow. */
static enum s3_error refuse_stranger(struct s3_request *request, const struct s3_operation *operation)
{
    static const char *const messages[][2] = {
        {"CreateMultipartUpload", "Anonymous users cannot initiate multipart uploads.  Please authenticate."},
        {"CopyObject", "Anonymous users cannot copy objects.  Please authenticate."},
        {"UploadPartCopy", "Anonymous users cannot copy objects.  Please authenticate."},
        {"PutBucketAcl", "Anonymous users cannot invoke this API.  Please authenticate."},
    };
    const char *message = NULL;

    if (request->identity != NULL || operation->rights == S3_RIGHT_READ ||
        (s3_authorize_rights_of_request(request) & operation->rights) == operation->rights)
        return S3_ERROR_NONE;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        if (strcmp(operation->name, messages[i][0]) == 0)
            message = messages[i][1];
    if (message == NULL)
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_ACCESS_DENIED, message);
    return S3_ERROR_ACCESS_DENIED;
}

enum s3_error s3_authorize_request(struct s3_request *request, const struct s3_operation *operation)
{
    enum s3_error error = s3_request_open_bucket(request);

    if (error != S3_ERROR_NONE)
        return error;
    s3_pinned_begin(request);
    error = judge_request(request, operation);
    return error == S3_ERROR_NONE ? refuse_stranger(request, operation) : error;
}

enum s3_error s3_authorize_begin_again(struct s3_request *request)
{
    if (++request->judgements >= S3_JUDGEMENTS_MAX)
        return S3_ERROR_CONDITIONAL_REQUEST_CONFLICT;
    s3_pinned_begin(request);
    request->only_over = NULL;
    return S3_ERROR_NONE;
}

enum s3_error s3_authorize_as_of(struct s3_request *request, const struct meta_object *object)
{
    enum s3_error error = s3_authorize_begin_again(request);

    if (error != S3_ERROR_NONE)
        return error;
    request->pinned.is_looked_at = true;
    request->pinned.object = object;
    return judge_request(request, request->operation);
}

enum s3_error s3_authorize_again(struct s3_request *request)
{
    enum s3_error error = s3_authorize_begin_again(request);

    return error == S3_ERROR_NONE ? judge_request(request, request->operation) : error;
}
