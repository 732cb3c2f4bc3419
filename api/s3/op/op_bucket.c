/* SPDX-License-Identifier: MIT
 *
 * CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation. Worker's thread.
 *
 * Creating a bucket that one owns already follows S3's documentation: in us-east-1 (this server's default
 * region) it is a success that sets its ACL anew, elsewhere BucketAlreadyOwnedByYou. Scripts that say "aws s3
 * mb" twice rely on the former. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/s3_operation.h"
#include "api/s3/access/s3_ownership.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/text/s3_region.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

#define REGION_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

struct bucket_change {
    struct s3_request *request;
    struct core_change change;
    struct s3_acl *asked;   /* x-amz-acl and x-amz-grant-* */
    struct slice acl;       /* the same as it is stored; base NULL: none */
    struct slice ownership; /* of x-amz-object-ownership; base NULL: none */
    struct slice tags;      /* of the document; base NULL: none */
    struct slice location;  /* of the document, where it may be any; base NULL: the server's region */
    union {
        struct meta_bucket_create create;
        struct meta_bucket_delete delete;
    } op;
};

static void answer_arn(struct s3_request *request)
{
    struct slice arn = arena_concat(&request->http->arena, SLICE(S3_BUCKET_ARN), request->bucket_name);

    s3_answer_header(request, "x-amz-bucket-arn", arn.base, arn.len);
}

/* ---- CreateBucket ---- */

static void answer_created(struct s3_request *request)
{
    char *location = s3_request_alloc(request, request->bucket_name.len + 2);

    location[0] = '/';
    (void)slice_copy(location + 1, request->bucket_name);
    s3_answer_header_string(request, "location", location);
    answer_arn(request);
    s3_answer_empty(request, 200);
}

/* The settings follow the bucket one by one: until then it is private, and so it stays if they never come. */
static void put_settings(struct s3_request *request, void *ctx)
{
    struct bucket_change *creation = ctx;
    struct slice document = creation->ownership;

    if (document.base != NULL) {
        creation->ownership.base = NULL;
        s3_setting_put_then(request, META_SETTING_OWNERSHIP, document, put_settings, creation);
        return;
    }
    document = creation->tags;
    if (document.base != NULL) {
        creation->tags.base = NULL;
        s3_setting_put_then(request, META_SETTING_TAGGING, document, put_settings, creation);
        return;
    }
    document = creation->acl;
    creation->acl.base = NULL;
    if (document.base != NULL)
        s3_setting_put_then(request, META_SETTING_ACL, document, put_settings, creation);
    else
        answer_created(request);
}

static struct s3_acl_owners owners_of(const struct s3_request *request)
{
    struct slice owner = slice_text(request->owner_id);

    return (struct s3_acl_owners){owner, owner};
}

static void answer_put_again(struct s3_request *request, void *ctx)
{
    answer_created(request);
}

static bool has_acl(struct s3_request *request)
{
    struct slice acl = {NULL, 0};
    int result = core_setting_read(request->worker, request->bucket.id, META_SETTING_ACL, &acl);

    free((void *)acl.base);
    return result != META_E_NO_SETTING;
}

/* As PutBucketAcl would be. */
static enum s3_error judge_acl(struct bucket_change *creation)
{
    struct s3_request *request = creation->request;
    const struct s3_acl_owners owners = owners_of(request);
    struct s3_pinned itself = s3_pinned_named(&request->bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {
        .object = &itself, .action = S3_ACTION_PUT_BUCKET_ACL, .rights = S3_RIGHT_ADMIN};
    enum s3_error error = s3_access_check(request, creation->asked, &owners);

    return error == S3_ERROR_NONE ? s3_authorize_access(request, &access) : error;
}

/* In us-east-1 the caller's own bucket is his again, with the ACL that he asks for now: private, where he asks for none. Everything else
 * of it stays, so that tags cannot be given. */
static void create_again(struct bucket_change *creation)
{
    struct s3_request *request = creation->request;
    enum s3_error error;

    if (strcmp(s3_service_region(request->service), "us-east-1") != 0 || creation->tags.base != NULL)
        s3_answer_error(request, S3_ERROR_BUCKET_ALREADY_OWNED_BY_YOU);
    else if (creation->acl.base == NULL && !has_acl(request))
        answer_created(request); /* nearly always */
    else if ((error = judge_acl(creation)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_setting_put_then(request, META_SETTING_ACL, creation->acl, answer_put_again, NULL);
}

static void answer_exists(struct bucket_change *creation)
{
    struct s3_request *request = creation->request;
    int result = meta_bucket_get(core_worker_reader(request->worker), request->bucket_name, &request->bucket);

    if (result != 0)
        s3_answer_error(request, S3_ERROR_CONDITIONAL_REQUEST_CONFLICT); /* it was there a moment ago */
    else if (strcmp(request->bucket.owner, request->owner_id) != 0)
        s3_answer_error(request, S3_ERROR_BUCKET_ALREADY_EXISTS);
    else
        create_again(creation);
}

static void on_created(struct core_change *change)
{
    struct bucket_change *creation = change->ctx;
    int result = creation->op.create.op.result;

    if (result == 0) {
        creation->request->bucket = creation->op.create.bucket;
        put_settings(creation->request, creation);
    } else if (result == META_E_BUCKET_EXISTS)
        answer_exists(creation);
    else
        s3_answer_result(creation->request, result);
}

/* S3 repeats the value in its message only. */
static enum s3_error refuse_ownership(struct s3_request *request, struct slice ownership)
{
    const struct slice message[] = {SLICE("Invalid x-amz-object-ownership header: "), ownership};

    return s3_request_argument(request, s3_effective_header(S3_EFFECTIVE_OBJECT_OWNERSHIP), slice_of(NULL, 0),
                               arena_join(&request->http->arena, message, 2).base);
}

/* What the headers say about access. */
static enum s3_error read_access(struct bucket_change *creation)
{
    struct s3_request *request = creation->request;
    struct slice ownership = s3_request_effective(request, S3_EFFECTIVE_OBJECT_OWNERSHIP);
    const struct s3_acl_owners owners = owners_of(request);
    struct s3_acl *acl = s3_request_alloc(request, sizeof(*acl));
    struct s3_refusal refusal = {0};
    enum s3_error error;
    bool given;

    if (ownership.base != NULL && s3_ownership_of_name(ownership) == S3_OWNERSHIP_UNSET)
        return refuse_ownership(request, ownership);
    creation->ownership = ownership;
    error = s3_acl_read_said(&request->http->arena, &request->effective, &owners, acl, &given, &refusal);
    if (error != S3_ERROR_NONE)
        return s3_request_refused(request, error, &refusal);
    if ((error = s3_access_check_ids(request, acl, &owners)) != S3_ERROR_NONE)
        return error;
    creation->asked = acl;
    creation->acl = s3_acl_pack(&request->http->arena, acl, owners.owner);
    return creation->acl.base != NULL && s3_ownership_of_name(ownership) == S3_OWNERSHIP_ENFORCED
               ? S3_ERROR_INVALID_BUCKET_ACL
               : S3_ERROR_NONE;
}

static void create_bucket(struct bucket_change *creation)
{
    struct s3_request *request = creation->request;
    struct meta_bucket *bucket = &creation->op.create.bucket;

    creation->op.create.op.kind = META_OP_BUCKET_CREATE;
    (void)slice_copy(bucket->name, request->bucket_name);
    snprintf(bucket->region, sizeof(bucket->region), "%s",
             creation->location.base != NULL ? creation->location.base : s3_service_region(request->service));
    snprintf(bucket->owner, sizeof(bucket->owner), "%s", request->owner_id);
    bucket->created_ms = clock_real_ms();
    if (slice_is_nocase(s3_request_header(request, "x-amz-bucket-object-lock-enabled"), "true")) {
        bucket->versioning = META_VERSIONING_ENABLED;
        creation->op.create.object_lock = s3_lock_configuration_pack(
            &(struct s3_lock_configuration){0}, s3_request_alloc(request, S3_LOCK_CONFIGURATION_BYTES));
    }
    creation->change =
        (struct core_change){.op = &creation->op.create.op, .done = on_created, .ctx = creation};
    core_change_submit(request->worker, &creation->change);
}

struct bucket_configuration {
    struct s3_request *request;
    struct slice location; /* base NULL: none */
    bool unsupported, has_tags;
};

/* Whether a bucket may be there: in the server's region, or anywhere where signatures may be for any. In us-east-1, S3's oldest region,
 * its own name is no constraint. */
static bool is_location(const struct s3_request *request, struct slice text)
{
    const char *region = s3_service_region(request->service);

    if (!s3_service_takes_any_region(request->service))
        return slice_is(text, region) && strcmp(region, "us-east-1") != 0;
    return text.len < sizeof(request->bucket.region) && strspn(text.base, REGION_CHARACTERS) == text.len;
}

static enum s3_error check_location(const struct bucket_configuration *configuration)
{
    struct s3_request *request = configuration->request;
    struct slice location = configuration->location;
    const char *region = s3_service_region(request->service);

    if (location.len == 0 || is_location(request, location))
        return S3_ERROR_NONE;
    s3_request_element(request, S3_ELEMENT_LOCATION_CONSTRAINT, location);
    if (strcmp(region, "us-east-1") == 0 &&
        (slice_is(location, region) ||
         (!s3_region_is_possible(location) && !slice_is(location, "EU")))) /* as eu-west-1 was called */
        return S3_ERROR_INVALID_LOCATION_CONSTRAINT;
    return S3_ERROR_ILLEGAL_LOCATION_CONSTRAINT;
}

static int visit_configuration(void *ctx, const char *path, const char *text, size_t length)
{
    struct bucket_configuration *configuration = ctx;
    const char *at = strchr(path, '/');

    if (at == NULL)
        return 0;
    if (strncmp(at, "/Tags", 5) == 0 && (at[5] == '\0' || at[5] == '/'))
        configuration->has_tags = true;
    else if (strcmp(at, "/LocationConstraint") != 0) /* the settings of directory buckets */
        configuration->unsupported = true;
    else if (length > 0)
        configuration->location = arena_dup(&configuration->request->http->arena, text, length);
    return 0;
}

static enum s3_error read_tags(struct bucket_change *creation, struct slice body)
{
    struct arena *arena = &creation->request->http->arena;
    struct s3_tags *tags = s3_request_alloc(creation->request, sizeof(*tags));
    struct s3_refusal refusal = {0};
    enum s3_error error = s3_tags_read_creation(arena, body, tags, &refusal);

    if (error == S3_ERROR_NONE && tags->count > 0)
        creation->tags = s3_tags_pack(arena, tags);
    return s3_request_refused(creation->request, error, &refusal);
}

static void on_configuration(struct s3_request *request, enum s3_error error, struct slice body, void *ctx)
{
    struct bucket_configuration configuration = {.request = request};
    struct bucket_change *creation = ctx;

    if (error == S3_ERROR_NONE && body.len > 0) {
        int result = s3_xml_parse(body.base, body.len, "CreateBucketConfiguration", visit_configuration,
                                  &configuration);
        if (result != 0)
            error = s3_error_of_xml(result);
    }
    if (error == S3_ERROR_NONE && configuration.unsupported)
        error = S3_ERROR_NOT_IMPLEMENTED;
    if (error == S3_ERROR_NONE)
        error = check_location(&configuration);
    if (error == S3_ERROR_NONE && configuration.has_tags)
        error = read_tags(creation, body);
    creation->location = configuration.location;
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        create_bucket(creation);
}

void s3_op_create_bucket(struct s3_request *request)
{
    struct bucket_change *creation = s3_request_alloc(request, sizeof(*creation));
    const char *message = NULL;
    enum s3_error error = s3_encryption_refuse(&request->effective, false, &message);

    creation->request = request;
    if (error == S3_ERROR_NONE)
        error = read_access(creation);

    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        s3_body_collect(request, S3_XML_BYTES_MAX, on_configuration, creation);
}

/* ---- The others ---- */

void s3_op_head_bucket(struct s3_request *request)
{
    s3_answer_header_string(request, "x-amz-access-point-alias", "false");
    answer_arn(request);
    s3_answer_empty(request, 200);
}

static void on_deleted(struct core_change *change)
{
    struct bucket_change *deletion = change->ctx;
    int result = deletion->op.delete.op.result;

    if (deletion->request->bucket.versioning != META_VERSIONING_NEVER)
        s3_request_explain(deletion->request, S3_ERROR_BUCKET_NOT_EMPTY,
                           "The bucket you tried to delete is not empty. You must delete all versions in the "
                           "bucket.");
    if (result != 0)
        s3_answer_result(deletion->request, result);
    else
        s3_answer_empty(deletion->request, 204);
}

void s3_op_delete_bucket(struct s3_request *request)
{
    struct bucket_change *deletion = s3_request_alloc(request, sizeof(*deletion));

    deletion->request = request;
    deletion->op.delete.op.kind = META_OP_BUCKET_DELETE;
    deletion->op.delete.bucket = request->bucket.id;
    deletion->change =
        (struct core_change){.op = &deletion->op.delete.op, .done = on_deleted, .ctx = deletion};
    core_change_submit(request->worker, &deletion->change);
}

void s3_op_get_bucket_location(struct s3_request *request)
{
    struct s3_xml xml;
    /* us-east-1 is S3's oldest region and says nothing. */
    const char *region = strcmp(request->bucket.region, "us-east-1") == 0 ? "" : request->bucket.region;

    s3_xml_init(&xml, &request->http->arena);
    s3_xml_string(&xml, "LocationConstraint" S3_XMLNS, region);
    s3_answer_xml(request, 200, &xml);
}
