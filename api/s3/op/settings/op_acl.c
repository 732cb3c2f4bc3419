/* SPDX-License-Identifier: MIT
 *
 * Get and Put of BucketAcl and ObjectAcl. Worker's thread.
 *
 * Without ownership controls ACLs count, as they did in S3 for many years and as clients that set them expect;
 * BucketOwnerEnforced disables them. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/slice.h"

#define ACL_BYTES_MAX (256u << 10) /* 100 grants, with room */

static struct slice text_of(const char *string)
{
    return slice_text(string);
}

/* ---- Get ---- */

static struct slice name_of(void *ctx, struct slice id)
{
    const struct s3_request *request = ctx;
    size_t length;
    const char *name = s3_credentials_user_name(request->credentials, id.base, id.len, &length);

    return slice_of(name, length);
}

static void answer_acl(struct s3_request *request, struct slice owner, struct slice packed)
{
    struct s3_acl *acl = s3_request_alloc(request, sizeof(*acl));
    struct s3_xml xml;

    if (!s3_acl_unpack(&request->http->arena, packed, owner, acl)) {
        s3_answer_result(request, META_E_CORRUPT);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_acl_write(&xml, owner, acl, name_of, request);
    s3_answer_xml(request, 200, &xml);
}

void s3_op_get_bucket_acl(struct s3_request *request)
{
    struct slice packed = {NULL, 0};
    int result = core_setting_read(request->worker, request->bucket.id, META_SETTING_ACL, &packed);

    if (result != 0 && result != META_E_NO_SETTING) {
        s3_answer_result(request, result);
        return;
    }
    answer_acl(request, text_of(request->bucket.owner), packed);
    free((void *)packed.base);
}

void s3_op_get_object_acl(struct s3_request *request)
{
    const struct meta_object *object;
    struct core_get *get;

    if (s3_version_head(request, &get, &object) != 0)
        return;
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &object->version);
    answer_acl(request, object->owner, s3_attribute_get(&object->attributes, META_ATTRIBUTE_ACL));
    core_get_end(get);
}

/* ---- Put ---- */

struct acl_change {
    struct s3_labelling labelling; /* of an object */
    struct s3_acl_owners owners;
    struct s3_acl acl;
};

/* The ACL was made for an object of that owner. */
static enum s3_error authorize_again(struct s3_request *request, const struct s3_labelling *labelling)
{
    const struct acl_change *change =
        (const struct acl_change *)((const char *)labelling - offsetof(struct acl_change, labelling));
    const struct meta_judged *judged = &request->pinned.judged;
    enum s3_error error = s3_authorize_again(request);

    if (error != S3_ERROR_NONE)
        return error;
    if (s3_pinned_judge(request, &request->pinned, META_JUDGED_OWNER) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    if (judged->absent)
        return s3_error_of_result(request->pinned.result);
    return slice_equals(judged->owner, change->owners.owner) ? S3_ERROR_NONE
                                                             : S3_ERROR_CONDITIONAL_REQUEST_CONFLICT;
}

static void put_acl(struct s3_request *request, struct acl_change *change)
{
    enum s3_error error = s3_access_check(request, &change->acl, &change->owners);
    struct slice packed;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    packed = s3_acl_pack(&request->http->arena, &change->acl, change->owners.owner);
    if (request->key.len == 0) {
        s3_setting_put(request, META_SETTING_ACL, packed, 200);
        return;
    }
    change->labelling = (struct s3_labelling){META_ATTRIBUTE_ACL, packed, 200, authorize_again};
    s3_object_label(request, &change->labelling);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct acl_change *change = ctx;
    enum s3_error error = s3_acl_read_xml(&request->http->arena, body, &change->owners, &change->acl);

    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        put_acl(request, change);
}

/* By headers, or by the document. */
static void read_acl(struct s3_request *request, struct slice owner)
{
    struct acl_change *change = s3_request_alloc(request, sizeof(*change));
    struct s3_refusal refusal = {0};
    enum s3_error error;
    bool given;

    change->owners = (struct s3_acl_owners){owner, text_of(request->bucket.owner)};
    error = s3_acl_read_said(&request->http->arena, &request->effective, &change->owners, &change->acl,
                             &given, &refusal);
    if (error == S3_ERROR_NONE && given && http_body_length(request->http) > 0)
        error = S3_ERROR_UNEXPECTED_CONTENT;
    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, s3_request_refused(request, error, &refusal));
    } else if (given) {
        put_acl(request, change);
    } else if (s3_body_is_announced(request) && http_body_length(request->http) == 0) {
        s3_request_element(request, S3_ELEMENT_MISSING_HEADER_NAME, s3_effective_header(S3_EFFECTIVE_ACL));
        s3_answer_error(request, S3_ERROR_MISSING_SECURITY_HEADER);
    } else
        s3_document_collect(request, ACL_BYTES_MAX, on_document, change);
}

void s3_op_put_bucket_acl(struct s3_request *request)
{
    read_acl(request, text_of(request->bucket.owner));
}

void s3_op_put_object_acl(struct s3_request *request)
{
    struct s3_pinned *object = &request->pinned;
    struct s3_version version;
    enum s3_error error = s3_version_read(request, &version);
    int result;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    result = s3_pinned_judge(request, object, META_JUDGED_OWNER);
    s3_pinned_end(object);
    if (result != 0 || object->judged.absent)
        s3_version_answer_failure(request, object);
    else
        read_acl(request, object->judged.owner);
}
