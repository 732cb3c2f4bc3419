/* SPDX-License-Identifier: MIT
 *
 * BucketOwnershipControls, PublicAccessBlock and BucketRequestPayment: small settings, each kept as a word or a
 * few letters. Worker's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "api/s3/access/s3_ownership.h"
#include "storage/base/slice.h"

#define DOCUMENT_BYTES_MAX (16u << 10)

/* ---- Ownership controls ---- */

void s3_op_get_ownership_controls(struct s3_request *request)
{
    enum s3_ownership ownership;
    struct s3_xml xml;
    int result = s3_ownership_get(request, request->bucket.id, &ownership);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (ownership == S3_OWNERSHIP_UNSET) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_OWNERSHIP_CONTROLS);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "OwnershipControls" S3_XMLNS);
    s3_xml_open(&xml, "Rule");
    s3_xml_string(&xml, "ObjectOwnership", s3_ownership_name(ownership));
    s3_xml_close(&xml, "Rule");
    s3_xml_close(&xml, "OwnershipControls");
    s3_answer_xml(request, 200, &xml);
}

static int visit_ownership(void *ctx, const char *path, const char *text, size_t length)
{
    enum s3_ownership *ownership = ctx;

    if (strcmp(path, "OwnershipControls/Rule/ObjectOwnership") != 0)
        return strcmp(path, "OwnershipControls/Rule") == 0 || strcmp(path, "OwnershipControls") == 0 ? 0 : -1;
    if (*ownership != S3_OWNERSHIP_UNSET)
        return -1; /* one rule */
    *ownership = s3_ownership_of_name(slice_of(text, length));
    return *ownership != S3_OWNERSHIP_UNSET ? 0 : -1;
}

/* An ACL that would cease to count has to be taken back first. */
static bool has_acl(struct s3_request *request)
{
    struct slice acl;

    if (core_setting_read(request->worker, request->bucket.id, META_SETTING_ACL, &acl) != 0)
        return false;
    free((void *)acl.base);
    return true;
}

/* As it is stored. */
static struct slice ownership_word(enum s3_ownership ownership)
{
    const char *name = s3_ownership_name(ownership);

    return slice_text(name);
}

static void on_ownership(struct s3_request *request, struct slice body, void *ctx)
{
    enum s3_ownership ownership = S3_OWNERSHIP_UNSET;

    int result = s3_xml_parse(body.base, body.len, "OwnershipControls", visit_ownership, &ownership);

    if (result != 0 || ownership == S3_OWNERSHIP_UNSET)
        s3_answer_error(request, s3_error_of_xml(result));
    else if (ownership == S3_OWNERSHIP_ENFORCED && has_acl(request))
        s3_answer_error(request, S3_ERROR_INVALID_BUCKET_ACL);
    else
        s3_setting_put(request, META_SETTING_OWNERSHIP, ownership_word(ownership), 200);
}

void s3_op_put_ownership_controls(struct s3_request *request)
{
    s3_document_collect(request, DOCUMENT_BYTES_MAX, on_ownership, NULL);
}

void s3_op_delete_ownership_controls(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_OWNERSHIP, (struct slice){NULL, 0}, 204);
}

/* ---- PublicAccessBlock: stored as four letters, 'y' or 'n', in the order of the names ---- */

static const char *const switch_names[S3_PUBLIC_ACCESS_SWITCHES] = {
    "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"};

void s3_op_get_public_access_block(struct s3_request *request)
{
    struct s3_public_access_block block;
    struct s3_xml xml;
    int result = s3_public_access_block_get(request, request->bucket.id, &block);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (!block.is_set) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_PUBLIC_ACCESS_BLOCK);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "PublicAccessBlockConfiguration" S3_XMLNS);
    s3_xml_bool(&xml, switch_names[0], block.block_acls);
    s3_xml_bool(&xml, switch_names[1], block.ignore_acls);
    s3_xml_bool(&xml, switch_names[2], block.block_policy);
    s3_xml_bool(&xml, switch_names[3], block.restrict_buckets);
    s3_xml_close(&xml, "PublicAccessBlockConfiguration");
    s3_answer_xml(request, 200, &xml);
}

static int visit_block(void *ctx, const char *path, const char *text, size_t length)
{
    static const char root[] = "PublicAccessBlockConfiguration";
    char *letters = ctx;
    struct slice value = slice_of(text, length);

    if (strcmp(path, root) == 0)
        return 0;
    for (unsigned i = 0; i < S3_PUBLIC_ACCESS_SWITCHES; i++) {
        if (strcmp(path + sizeof(root), switch_names[i]) != 0)
            continue;
        if (!slice_is_nocase(value, "true") && !slice_is_nocase(value, "false"))
            return -1;
        letters[i] = slice_is_nocase(value, "true") ? 'y' : 'n';
        return 0;
    }
    return -1;
}

static void on_block(struct s3_request *request, struct slice body, void *ctx)
{
    char *letters = s3_request_alloc(request, S3_PUBLIC_ACCESS_SWITCHES);

    memset(letters, 'n', S3_PUBLIC_ACCESS_SWITCHES);
    int result = s3_xml_parse(body.base, body.len, "PublicAccessBlockConfiguration", visit_block, letters);
    if (result != 0)
        s3_answer_error(request, s3_error_of_xml(result));
    else
        s3_setting_put(request, META_SETTING_PUBLIC_ACCESS_BLOCK,
                       slice_of(letters, S3_PUBLIC_ACCESS_SWITCHES), 200);
}

void s3_op_put_public_access_block(struct s3_request *request)
{
    s3_document_collect(request, DOCUMENT_BYTES_MAX, on_block, NULL);
}

void s3_op_delete_public_access_block(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_PUBLIC_ACCESS_BLOCK, (struct slice){NULL, 0}, 204);
}

/* ---- Request payment: nobody is asked to pay here, so the bucket's owner does ---- */

static int visit_payer(void *ctx, const char *path, const char *text, size_t length)
{
    struct slice *payer = ctx;

    if (strcmp(path, "RequestPaymentConfiguration") == 0)
        return 0;
    if (strcmp(path, "RequestPaymentConfiguration/Payer") != 0)
        return -1;
    if (length == strlen("BucketOwner") && memcmp(text, "BucketOwner", length) == 0)
        *payer = SLICE("BucketOwner");
    else if (length == strlen("Requester") && memcmp(text, "Requester", length) == 0)
        *payer = SLICE("Requester");
    else
        return -1;
    return 0;
}

static void on_payment(struct s3_request *request, struct slice body, void *ctx)
{
    struct slice payer = {NULL, 0};

    int result = s3_xml_parse(body.base, body.len, "RequestPaymentConfiguration", visit_payer, &payer);

    if (result != 0 || payer.base == NULL)
        s3_answer_error(request, s3_error_of_xml(result));
    else if (!slice_is_nocase(payer, "BucketOwner"))
        s3_answer_error(request, S3_ERROR_NOT_IMPLEMENTED);
    else
        s3_answer_empty(request, 200);
}

void s3_op_put_request_payment(struct s3_request *request)
{
    s3_document_collect(request, DOCUMENT_BYTES_MAX, on_payment, NULL);
}
