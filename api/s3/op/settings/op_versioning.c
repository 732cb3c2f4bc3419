/* SPDX-License-Identifier: MIT
 *
 * GetBucketVersioning and PutBucketVersioning. Worker's thread. */
#include <string.h>

#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "storage/base/slice.h"

#define MFA_MESSAGE "MFA delete is not supported by this server"
#define LOCKED_MESSAGE                                                                                       \
    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."

void s3_op_get_bucket_versioning(struct s3_request *request)
{
    static const char *const states[] = {
        [META_VERSIONING_NEVER] = NULL, /* S3's document for a bucket that never had versioning is empty */
        [META_VERSIONING_ENABLED] = "Enabled",
        [META_VERSIONING_SUSPENDED] = "Suspended",
    };
    const char *state = states[request->bucket.versioning];
    struct s3_xml xml;

    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "VersioningConfiguration" S3_XMLNS);
    if (state != NULL)
        s3_xml_string(&xml, "Status", state);
    s3_xml_close(&xml, "VersioningConfiguration");
    s3_answer_xml(request, 200, &xml);
}

struct versioning_change {
    struct s3_request *request;
    struct core_change change;
    struct meta_bucket_versioning op;
    bool has_status, wants_mfa;
};

static int visit_versioning(void *ctx, const char *path, const char *text, size_t length)
{
    struct versioning_change *versioning = ctx;
    struct slice value = slice_of(text, length);

    if (strcmp(path, "VersioningConfiguration/Status") == 0) {
        versioning->has_status = true;
        if (slice_equals(value, SLICE("Enabled")))
            versioning->op.versioning = META_VERSIONING_ENABLED;
        else if (slice_equals(value, SLICE("Suspended")))
            versioning->op.versioning = META_VERSIONING_SUSPENDED;
        else
            return -1;
    } else if (strcmp(path, "VersioningConfiguration/MfaDelete") == 0) {
        versioning->wants_mfa = slice_is_nocase(value, "Enabled");
        if (!versioning->wants_mfa && !slice_is_nocase(value, "Disabled"))
            return -1;
    } else if (strcmp(path, "VersioningConfiguration") != 0) {
        return -1;
    }
    return 0;
}

static void on_versioning_set(struct core_change *change)
{
    struct versioning_change *versioning = change->ctx;

    if (versioning->op.op.result != 0)
        s3_answer_result(versioning->request, versioning->op.op.result);
    else
        s3_answer_empty(versioning->request, 200);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct versioning_change *versioning = ctx;

    int result = s3_xml_parse(body.base, body.len, "VersioningConfiguration", visit_versioning, versioning);

    if (result != 0) {
        s3_answer_error(request, s3_error_of_xml(result));
    } else if (versioning->wants_mfa) {
        /* To say yes and then let versions be deleted without it would be worse than to refuse. */
        s3_answer_error_message(request, S3_ERROR_NOT_IMPLEMENTED, MFA_MESSAGE);
    } else if (!versioning->has_status) {
        s3_answer_error(request, S3_ERROR_ILLEGAL_VERSIONING_CONFIGURATION);
    } else {
        s3_request_explain(request, S3_ERROR_INVALID_BUCKET_STATE, LOCKED_MESSAGE);
        versioning->op.op.kind = META_OP_BUCKET_VERSIONING;
        versioning->op.bucket = request->bucket.id;
        versioning->change =
            (struct core_change){.op = &versioning->op.op, .done = on_versioning_set, .ctx = versioning};
        core_change_submit(request->worker, &versioning->change);
    }
}

void s3_op_put_bucket_versioning(struct s3_request *request)
{
    struct versioning_change *versioning = s3_request_alloc(request, sizeof(*versioning));

    versioning->request = request;
    s3_document_collect(request, S3_XML_BYTES_MAX, on_document, versioning);
}
