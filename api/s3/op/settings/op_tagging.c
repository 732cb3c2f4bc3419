/* SPDX-License-Identifier: MIT
 *
 * Get, Put and Delete of ObjectTagging and BucketTagging, and the tags that come with a PUT. Object tags lie
 * beside the object's attributes and leave its ETag and Last-Modified alone; bucket tags are a setting.
 * Worker's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "api/s3/object/s3_version.h"

#define TAGGING_BYTES_MAX (128u << 10) /* 50 tags of 384 characters, escaped, with room */

/* ---- Tags of an upload ---- */

enum s3_error s3_tagging_from_header(struct s3_request *request, struct slice *packed)
{
    struct slice text = s3_request_effective(request, S3_EFFECTIVE_TAGGING);
    struct s3_refusal refusal = {0};
    struct s3_tags *tags;
    enum s3_error error;

    *packed = (struct slice){NULL, 0};
    if (text.base == NULL || text.len == 0)
        return S3_ERROR_NONE;
    tags = s3_request_alloc(request, sizeof(*tags));
    error = s3_tags_read_header(&request->http->arena, text, tags, &refusal);
    if (error == S3_ERROR_NONE)
        *packed = s3_tags_pack(&request->http->arena, tags);
    if (error == S3_ERROR_INVALID_ARGUMENT)
        return s3_request_argument_effective(request, S3_EFFECTIVE_TAGGING, refusal.message);
    return s3_request_refused(request, error, &refusal);
}

enum s3_error s3_tagging_add_header(struct s3_request *request, struct meta_attributes *attributes)
{
    struct slice packed;
    enum s3_error error = s3_tagging_from_header(request, &packed);

    if (error == S3_ERROR_NONE && packed.len > 0)
        s3_attribute_add(attributes, META_ATTRIBUTE_TAGS, packed);
    return error;
}

/* ---- Answers ---- */

static void answer_tags(struct s3_request *request, struct slice packed)
{
    struct s3_tags *tags = s3_request_alloc(request, sizeof(*tags));
    struct s3_xml xml;

    if (!s3_tags_unpack(&request->http->arena, packed, tags)) {
        s3_answer_result(request, META_E_CORRUPT);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "Tagging" S3_XMLNS);
    s3_xml_open(&xml, "TagSet");
    s3_tags_write(&xml, tags);
    s3_xml_close(&xml, "TagSet");
    s3_xml_close(&xml, "Tagging");
    s3_answer_xml(request, 200, &xml);
}

/* Parses the document, answering what is wrong with it. Returns 0 or -EINVAL. */
static int read_document(struct s3_request *request, struct slice body, uint32_t count_max,
                         struct slice *packed)
{
    struct s3_tags *tags = s3_request_alloc(request, sizeof(*tags));
    struct s3_refusal refusal = {0};
    enum s3_error error = s3_tags_read_xml(&request->http->arena, body, count_max, tags, &refusal);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, s3_request_refused(request, error, &refusal));
        return -EINVAL;
    }
    *packed = s3_tags_pack(&request->http->arena, tags);
    return 0;
}

/* ---- Objects ---- */

void s3_op_get_object_tagging(struct s3_request *request)
{
    const struct meta_object *object;
    struct core_get *get;

    if (s3_version_head(request, &get, &object) != 0)
        return;
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &object->version);
    answer_tags(request, s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS));
    core_get_end(get);
}

struct label {
    struct s3_request *request;
    const struct s3_labelling *labelling;
    struct core_change change;
    struct meta_object_label op;
    struct s3_version version;
};

static void label_submit(struct label *label);

static void label_judge_again(struct label *label)
{
    enum s3_error error = label->labelling->judge(label->request, label->labelling);

    if (error == S3_ERROR_NONE)
        label_submit(label);
    else
        s3_answer_error(label->request, error);
}

static void on_labelled(struct core_change *change)
{
    struct label *label = change->ctx;
    struct s3_request *request = label->request;

    if (label->op.op.result == META_E_JUDGED) {
        label_judge_again(label);
    } else if (label->op.op.result != 0) {
        s3_version_answer_change_failure(request, &label->version, label->op.op.result);
    } else {
        s3_version_answer(request, &request->bucket, "x-amz-version-id", &label->op.labelled);
        s3_answer_empty(request, label->labelling->status);
    }
}

static void label_submit(struct label *label)
{
    struct s3_request *request = label->request;

    s3_pinned_end(&request->pinned);
    label->op = (struct meta_object_label){
        .op.kind = META_OP_OBJECT_LABEL,
        .op.origin = s3_origin(request),
        .bucket = request->bucket.id,
        .key = request->key,
        .version = s3_version_wanted(&label->version),
        .judged = s3_pinned_judged(&request->pinned),
        .name = label->labelling->name,
        .value = label->labelling->value,
    };
    label->change = (struct core_change){.op = &label->op.op, .done = on_labelled, .ctx = label};
    core_change_submit(request->worker, &label->change);
}

void s3_object_label(struct s3_request *request, const struct s3_labelling *labelling)
{
    struct label *label = s3_request_alloc(request, sizeof(*label));
    enum s3_error error = s3_version_read(request, &label->version);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    label->request = request;
    label->labelling = labelling;
    label_submit(label);
}

/* Policies may speak of the tags, which s3_dispatch did not know yet. */
static enum s3_error authorize_tags(struct s3_request *request, struct slice packed)
{
    struct s3_access access = {
        .object = &request->pinned,
        .action = S3_ACTION_PUT_OBJECT_TAGGING,
        .rights = S3_RIGHT_WRITE,
        .tags = packed,
    };
    struct s3_version version;
    enum s3_error error = s3_version_read(request, &version);

    if (error != S3_ERROR_NONE)
        return error;
    if (version.given)
        access.action = S3_ACTION_PUT_OBJECT_VERSION_TAGGING;
    return s3_authorize_access(request, &access);
}

static enum s3_error authorize_tags_again(struct s3_request *request, const struct s3_labelling *labelling)
{
    enum s3_error error = s3_authorize_begin_again(request);

    return error == S3_ERROR_NONE ? authorize_tags(request, labelling->value) : error;
}

static void on_object_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct s3_labelling *labelling = s3_request_alloc(request, sizeof(*labelling));
    struct slice packed;
    enum s3_error error;

    if (read_document(request, body, S3_OBJECT_TAGS_MAX, &packed) != 0)
        return;
    if ((error = authorize_tags(request, packed)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (packed.len == 0)
        packed.base = NULL; /* an empty set is none */
    *labelling = (struct s3_labelling){META_ATTRIBUTE_TAGS, packed, 200, authorize_tags_again};
    s3_object_label(request, labelling);
}

void s3_op_put_object_tagging(struct s3_request *request)
{
    s3_document_collect(request, TAGGING_BYTES_MAX, on_object_document, NULL);
}

static enum s3_error authorize_deletion_again(struct s3_request *request,
                                              const struct s3_labelling *labelling)
{
    return s3_authorize_again(request);
}

void s3_op_delete_object_tagging(struct s3_request *request)
{
    static const struct s3_labelling no_tags = {
        META_ATTRIBUTE_TAGS, {NULL, 0}, 204, authorize_deletion_again};

    s3_object_label(request, &no_tags);
}

/* ---- Buckets ---- */

void s3_op_get_bucket_tagging(struct s3_request *request)
{
    struct slice packed;
    int result = core_setting_read(request->worker, request->bucket.id, META_SETTING_TAGGING, &packed);

    if (result == META_E_NO_SETTING) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_TAG_SET);
    } else if (result != 0) {
        s3_answer_result(request, result);
    } else {
        answer_tags(request, packed);
        free((void *)packed.base);
    }
}

static void on_bucket_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct slice packed;

    if (read_document(request, body, S3_TAGS_MAX, &packed) != 0)
        return;
    if (packed.len == 0)
        packed.base = NULL; /* S3 then answers NoSuchTagSet, as after a delete */
    /* minio-js takes S3's 204 for a failure. */
    s3_setting_put(request, META_SETTING_TAGGING, packed,
                   s3_request_is_from(request, "minio-js/") ? 200 : 204);
}

void s3_op_put_bucket_tagging(struct s3_request *request)
{
    s3_document_collect(request, TAGGING_BYTES_MAX, on_bucket_document, NULL);
}

void s3_op_delete_bucket_tagging(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_TAGGING, (struct slice){NULL, 0}, 204);
}
