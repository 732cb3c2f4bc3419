/* SPDX-License-Identifier: MIT
 *
 * The decision itself: whether one action on one object or bucket is allowed. Which actions a request is made of is s3_authorize_request.c's
 * matter, and what a policy's conditions may ask of it s3_authorize_context.c's. Worker's thread. */
#include "api/s3/access/s3_authorize.h"

#include <stdlib.h>
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize_context.h"
#include "api/s3/access/s3_authorize_internal.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/access/s3_ownership.h"
#include "api/s3/body/s3_fetch.h"
#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/operations.h"
#include "api/s3/s3_door.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/slice.h"

/* ---- Configuration and ownership ---- */

const struct s3_reach s3_whole_bucket = {.kind = S3_REACH_BUCKET};

static unsigned rights_in(const struct s3_request *request, const struct meta_bucket *bucket,
                          struct s3_reach reach)
{
    unsigned rights =
        s3_credentials_rights(request->credentials, request->identity, slice_text(bucket->name), reach);

    if (request->identity != NULL && strcmp(bucket->owner, request->owner_id) == 0)
        rights |= s3_identity_own_rights(request->identity);
    if (request->door != NULL && request->door->rights_of != NULL &&
        (reach.kind == S3_REACH_KEY || reach.kind == S3_REACH_PREFIX) && bucket->id == request->bucket.id)
        rights |= request->door->rights_of(request, reach.keys);
    return rights;
}

unsigned s3_authorize_rights(const struct s3_request *request, const struct meta_bucket *bucket)
{
    return rights_in(request, bucket, s3_whole_bucket);
}

unsigned s3_authorize_rights_anywhere(const struct s3_request *request, const struct meta_bucket *bucket)
{
    return rights_in(request, bucket, (struct s3_reach){.kind = S3_REACH_ANYWHERE});
}

/* Of an object, its key; of a listing, the keys that it may tell; else the bucket as a whole. */
static struct s3_reach reach_of(const struct s3_request *request, struct slice key, struct slice prefix)
{
    const struct s3_parameter *parameter;

    if (key.len > 0)
        return (struct s3_reach){S3_REACH_KEY, key};
    if (prefix.base != NULL)
        return (struct s3_reach){S3_REACH_PREFIX, prefix};
    if (request->operation == NULL || (request->operation->flags & S3_OPERATION_LISTS) == 0)
        return s3_whole_bucket;
    parameter = s3_request_parameter(request, "prefix");
    return (struct s3_reach){S3_REACH_PREFIX, parameter != NULL ? parameter->value : slice_of(NULL, 0)};
}

static unsigned rights_of_access(const struct s3_request *request, const struct s3_access *access)
{
    return rights_in(request, access->object->bucket, reach_of(request, access->object->key, access->prefix));
}

unsigned s3_authorize_rights_of_request(const struct s3_request *request)
{
    return rights_in(request, &request->bucket, reach_of(request, request->key, slice_of(NULL, 0)));
}

static bool is_account(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
    return text.len == S3_ACCOUNT_TEXT_BYTES - 1;
}

enum s3_error s3_authorize_expects(const struct meta_bucket *bucket, struct slice expected)
{
    struct slice owner = slice_text(bucket->owner);
    char account[S3_ACCOUNT_TEXT_BYTES];

    if (expected.base == NULL || slice_equals(expected, owner))
        return S3_ERROR_NONE;
    if (!is_account(expected))
        return S3_ERROR_INVALID_BUCKET_OWNER;
    s3_account_of_owner(owner.base, owner.len, account);
    return slice_is(expected, account) ? S3_ERROR_NONE : S3_ERROR_ACCESS_DENIED;
}

/* ---- Policies ---- */

static int parse_policy(struct slice document, void **parsed)
{
    char message[S3_POLICY_MESSAGE_MAX];

    return s3_policy_compile(document.base, document.len, NULL, (struct s3_policy **)parsed, message);
}

static void release_policy(void *parsed)
{
    s3_policy_free(parsed);
}

int s3_authorize_policy(struct s3_request *request, int64_t bucket, const struct s3_policy **policy)
{
    static const struct core_setting_form form = {META_SETTING_POLICY, parse_policy, release_policy};

    return core_setting_get(request->worker, bucket, &form, (const void **)policy);
}

static struct slice resource_of(struct s3_request *request, const struct s3_access *access)
{
    static const char prefix[] = "arn:aws:s3:::";
    const char *bucket = access->object->bucket->name;
    struct slice key = access->object->key;
    size_t name = strlen(bucket), length = sizeof(prefix) - 1;
    char *text = s3_request_alloc(request, sizeof(prefix) + name + 1 + key.len);

    memcpy(text, prefix, length);
    memcpy(text + length, bucket, name);
    length += name;
    if (key.len > 0) {
        text[length++] = '/';
        (void)slice_copy(text + length, key);
        length += key.len;
    }
    return slice_of(text, length);
}

/* SILENT where the bucket has no policy. */
static enum s3_error ask_policy(struct s3_request *request, const struct s3_access *access,
                                enum s3_policy_answer *answer, bool *is_public)
{
    const struct s3_policy *policy;
    struct s3_authorize_context context = {.request = request, .access = access};
    struct s3_policy_question question = {
        .action = access->action,
        .value = s3_authorize_value,
        .ctx = &context,
    };
    int result = s3_authorize_policy(request, access->object->bucket->id, &policy);

    *answer = S3_POLICY_SILENT;
    if (result != 0) {
        s3_service_report(request->service, "the policy of the bucket %s cannot be used: %s",
                          access->object->bucket->name, meta_strerror(result));
        return S3_ERROR_INTERNAL_ERROR;
    }
    if (policy == NULL || access->action == S3_ACTION_NONE)
        return S3_ERROR_NONE;
    question.resource = resource_of(request, access);
    if (request->identity != NULL)
        question.principal = s3_identity_principal(request->identity);
    *answer = s3_policy_ask(policy, &question);
    if (context.failed)
        return S3_ERROR_INTERNAL_ERROR;
    *is_public = s3_policy_is_public(policy);
    return S3_ERROR_NONE;
}

bool s3_authorize_session(struct s3_request *request, const struct s3_access *access)
{
    const struct s3_policy *policy = s3_identity_session_policy(request->identity);
    struct s3_authorize_context context = {.request = request, .access = access};
    struct s3_policy_question question = {
        .action = access->action,
        .value = s3_authorize_value,
        .ctx = &context,
    };

    if (policy == NULL)
        return true;
    if (access->action == S3_ACTION_NONE)
        return false;
    question.resource = resource_of(request, access);
    question.principal = s3_identity_principal(request->identity);
    return s3_policy_ask(policy, &question) == S3_POLICY_ALLOWS && !context.failed;
}

static bool is_about_policy(enum s3_action action)
{
    return action == S3_ACTION_GET_BUCKET_POLICY || action == S3_ACTION_PUT_BUCKET_POLICY ||
           action == S3_ACTION_DELETE_BUCKET_POLICY;
}

/* ---- ACLs ---- */

enum s3_permission s3_authorize_permission(enum s3_action action, bool of_upload, bool *on_bucket)
{
    *on_bucket = of_upload;
    if (of_upload)
        return action == S3_ACTION_PUT_OBJECT || action == S3_ACTION_PUT_OBJECT_ACL ||
                       action == S3_ACTION_PUT_OBJECT_TAGGING
                   ? S3_PERMISSION_WRITE
                   : 0;
    switch (action) {
    case S3_ACTION_GET_OBJECT:
    case S3_ACTION_GET_OBJECT_VERSION:
    case S3_ACTION_GET_OBJECT_ATTRIBUTES:
    case S3_ACTION_GET_OBJECT_VERSION_ATTRIBUTES:
        return S3_PERMISSION_READ;
    case S3_ACTION_GET_OBJECT_ACL:
    case S3_ACTION_GET_OBJECT_VERSION_ACL:
        return S3_PERMISSION_READ_ACP;
    case S3_ACTION_PUT_OBJECT_ACL:
    case S3_ACTION_PUT_OBJECT_VERSION_ACL:
        return S3_PERMISSION_WRITE_ACP;
    default:
        break;
    }
    *on_bucket = true;
    switch (action) {
    case S3_ACTION_LIST_BUCKET:
    case S3_ACTION_LIST_BUCKET_VERSIONS:
    case S3_ACTION_LIST_BUCKET_MULTIPART_UPLOADS:
        return S3_PERMISSION_READ;
    case S3_ACTION_PUT_OBJECT:
    case S3_ACTION_DELETE_OBJECT:
    case S3_ACTION_ABORT_MULTIPART_UPLOAD:
    case S3_ACTION_LIST_MULTIPART_UPLOAD_PARTS:
        return S3_PERMISSION_WRITE;
    case S3_ACTION_GET_BUCKET_ACL:
        return S3_PERMISSION_READ_ACP;
    case S3_ACTION_PUT_BUCKET_ACL:
        return S3_PERMISSION_WRITE_ACP;
    default:
        return 0;
    }
}

static bool acl_allows(struct s3_request *request, const struct s3_access *access)
{
    bool on_bucket;
    enum s3_permission permission = s3_authorize_permission(access->action, access->of_upload, &on_bucket);

    if (permission == 0)
        return false;
    if (!on_bucket)
        return s3_access_is_granted(request, access->object, permission);
    return s3_access_bucket_grants(request, access->object->bucket, permission) &&
           (permission != S3_PERMISSION_WRITE || s3_access_is_own(request, access));
}

/* ---- What is not there ---- */

/* As S3, by a listing with the key as its prefix. */
static bool may_list(struct s3_request *request, const struct s3_pinned *object)
{
    struct s3_pinned itself = s3_pinned_named(object->bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {
        .object = &itself, .action = S3_ACTION_LIST_BUCKET, .rights = S3_RIGHT_LIST, .prefix = object->key};

    return s3_authorize_access(request, &access) == S3_ERROR_NONE;
}

/* Of who may read by a policy or an ACL, with these rights: whether he may know that there is no object. */
static enum s3_error judge_absence(struct s3_request *request, const struct s3_access *access,
                                   unsigned rights)
{
    if (access->rights != S3_RIGHT_READ || access->object->key.len == 0 || access->absence_is_asked_later)
        return S3_ERROR_NONE; /* no read of an object */
    if (access->object == &request->pinned && s3_fetch_may(request))
        return S3_ERROR_NONE; /* asked once more when it is known */
    if (s3_pinned_judge(request, access->object, 0) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return !access->object->judged.absent || (rights & S3_RIGHT_ADMIN) != 0 ||
                   may_list(request, access->object)
               ? S3_ERROR_NONE
               : S3_ERROR_ACCESS_DENIED;
}

/* ---- The decision ---- */

enum s3_error s3_authorize_access(struct s3_request *request, const struct s3_access *access)
{
    const struct meta_bucket *bucket = access->object->bucket;
    unsigned rights = rights_of_access(request, access);
    enum s3_policy_answer answer;
    enum s3_error error;
    bool is_public = false;

    if (!s3_authorize_session(request, access))
        return S3_ERROR_ACCESS_DENIED;
    if (is_about_policy(access->action) && (rights & S3_RIGHT_ADMIN) != 0)
        return S3_ERROR_NONE;
    error = ask_policy(request, access, &answer, &is_public);
    if (error != S3_ERROR_NONE)
        return error;
    if (answer == S3_POLICY_DENIES)
        return S3_ERROR_ACCESS_DENIED;
    if ((rights & access->rights) == access->rights)
        return S3_ERROR_NONE;
    if (answer == S3_POLICY_ALLOWS && is_public) {
        /* RestrictPublicBuckets: then it is for the bucket's owner, who has his rights already. */
        struct s3_public_access_block block;

        if (s3_public_access_block_get(request, bucket->id, &block) != 0)
            return S3_ERROR_INTERNAL_ERROR;
        if (block.restrict_buckets)
            answer = S3_POLICY_SILENT;
    }
    if (answer != S3_POLICY_ALLOWS && !acl_allows(request, access))
        return S3_ERROR_ACCESS_DENIED;
    return judge_absence(request, access, rights);
}

enum s3_error s3_authorize_upload(struct s3_request *request, struct slice tags)
{
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    struct s3_access access = {
        .object = &request->pinned, .rights = S3_RIGHT_WRITE, .tags = tags, .of_upload = true};
    size_t count = s3_action_of_upload(request, actions);
    enum s3_error error = s3_door_judge_write(request);

    for (size_t i = 0; i < count && error == S3_ERROR_NONE; i++) {
        access.action = actions[i];
        error = s3_authorize_access(request, &access);
    }
    if (error != S3_ERROR_NONE || tags.len == 0)
        return error;
    access.action = S3_ACTION_PUT_OBJECT_TAGGING;
    return s3_authorize_access(request, &access);
}

bool s3_authorize_also(struct s3_request *request, enum s3_action action)
{
    const struct s3_access access = {.object = &request->pinned, .action = action, .rights = S3_RIGHT_READ};

    return s3_authorize_access(request, &access) == S3_ERROR_NONE;
}
