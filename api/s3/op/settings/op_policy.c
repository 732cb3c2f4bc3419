/* SPDX-License-Identifier: MIT
 *
 * PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus. The text is kept as it came and
 * given back so; what it means is s3_policy.h's matter, and what it allows s3_authorize.h's. Worker's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "api/s3/access/s3_ownership.h"
#include "api/s3/access/policy/s3_policy.h"

/* As S3: a policy can let others do anything but handle the policy itself. */
static bool refuse_strangers(struct s3_request *request)
{
    if ((s3_authorize_rights(request, &request->bucket) & S3_RIGHT_ADMIN) != 0)
        return false;
    s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
    return true;
}

static void answer_malformed(struct s3_request *request, const char *message)
{
    char *copy = s3_request_alloc(request, S3_POLICY_MESSAGE_MAX);

    strcpy(copy, message);
    s3_answer_error_message(request, S3_ERROR_MALFORMED_POLICY, copy);
}

/* x-amz-confirm-remove-self-bucket-access needs no look: the owner keeps access to the policy in any case. */
static void on_policy(struct s3_request *request, struct slice body, void *ctx)
{
    char message[S3_POLICY_MESSAGE_MAX];
    struct s3_public_access_block block;
    struct s3_policy *policy;
    int result = s3_policy_compile(body.base, body.len, request->bucket.name, &policy, message);

    if (result == -EBADMSG) {
        answer_malformed(request, message);
    } else if (result != 0) {
        s3_answer_result(request, result);
    } else {
        bool is_public = s3_policy_is_public(policy);

        s3_policy_free(policy);
        if ((result = s3_public_access_block_get(request, request->bucket.id, &block)) != 0)
            s3_answer_result(request, result);
        else if (block.block_policy && is_public)
            s3_answer_error(request, S3_ERROR_ACCESS_DENIED);
        else
            s3_setting_put(request, META_SETTING_POLICY, body, 204);
    }
}

void s3_op_put_bucket_policy(struct s3_request *request)
{
    if (!refuse_strangers(request))
        s3_document_collect_or(request, S3_XML_BYTES_MAX, S3_ERROR_MALFORMED_POLICY, on_policy, NULL);
}

void s3_op_delete_bucket_policy(struct s3_request *request)
{
    if (!refuse_strangers(request))
        s3_setting_put(request, META_SETTING_POLICY, (struct slice){NULL, 0}, 204);
}

void s3_op_get_bucket_policy(struct s3_request *request)
{
    struct slice document;
    int result;

    if (refuse_strangers(request))
        return;
    result = core_setting_read(request->worker, request->bucket.id, META_SETTING_POLICY, &document);
    if (result == META_E_NO_SETTING) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_BUCKET_POLICY);
        return;
    }
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    request->http->answer.status = 200;
    s3_answer_header_string(request, "content-type", "application/json");
    http_send_memory(request->http, document.base, document.len);
    free((void *)document.base);
}

void s3_op_get_bucket_policy_status(struct s3_request *request)
{
    const struct s3_policy *policy;
    struct s3_xml xml;
    int result = s3_authorize_policy(request, request->bucket.id, &policy);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (policy == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_BUCKET_POLICY);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "PolicyStatus" S3_XMLNS);
    s3_xml_string(&xml, "IsPublic", s3_policy_is_public(policy) ? "true" : "false");
    s3_xml_close(&xml, "PolicyStatus");
    s3_answer_xml(request, 200, &xml);
}
