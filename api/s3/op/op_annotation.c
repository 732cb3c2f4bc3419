/* SPDX-License-Identifier: MIT
 *
 * PutObjectAnnotation, GetObjectAnnotation, DeleteObjectAnnotation. Worker's thread.
 *
 * An annotation's bytes come and go as an object's do: through s3_put into a unit of their own, and by s3_send out of it. Who may is
 * judged by its object, and so is everything that is a condition. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/body/s3_put.h"
#include "api/s3/body/s3_send.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_annotation_name.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/utf8.h"

#define VERSION_HEADER "x-amz-object-version-id"

/* ---- What the request says ---- */

static enum s3_error read_name(struct s3_request *request, struct slice *name)
{
    *name = s3_parameter_value(request, "annotationName");
    return s3_annotation_name_check(*name);
}

/* The object that a change is about. Where *version, etag and *about lie they must stay. */
struct target {
    struct s3_version version;
    char if_match[META_ETAG_BYTES_MAX + 1];
};

static enum s3_error read_condition(struct s3_request *request, struct target *target,
                                    struct meta_annotated *about)
{
    struct slice text = s3_request_header(request, "x-amz-object-if-match");

    if (text.base == NULL)
        return S3_ERROR_NONE;
    if (s3_etag_parse(text, target->if_match) != 0)
        return s3_request_argument_header(request, "x-amz-object-if-match", NULL);
    about->if_match = target->if_match;
    s3_request_element(request, S3_ELEMENT_CONDITION, SLICE("x-amz-object-if-match"));
    return S3_ERROR_NONE;
}

static enum s3_error judge_bypass(struct s3_request *request, struct meta_annotated *about)
{
    return s3_lock_bypass(request, &request->pinned, NULL, &about->bypass_governance);
}

static enum s3_error read_target(struct s3_request *request, struct target *target,
                                 struct meta_annotated *about)
{
    enum s3_error error;

    if ((error = s3_version_read(request, &target->version)) != S3_ERROR_NONE ||
        (error = read_condition(request, target, about)) != S3_ERROR_NONE ||
        (error = judge_bypass(request, about)) != S3_ERROR_NONE)
        return error;
    about->bucket = request->bucket.id;
    about->key = request->key;
    about->version = s3_version_wanted(&target->version);
    return S3_ERROR_NONE;
}

/* The object is not as it was judged any more. */
static enum s3_error judge_again(struct s3_request *request, struct meta_annotated *about)
{
    enum s3_error error = s3_authorize_again(request);

    return error == S3_ERROR_NONE ? judge_bypass(request, about) : error;
}

/* What the change rests on, just before it is submitted. */
static void settle_judgement(struct s3_request *request, struct meta_annotated *about)
{
    s3_pinned_end(&request->pinned);
    about->judged = s3_pinned_judged(&request->pinned);
}

/* ---- Put ---- */

struct annotation_put {
    struct s3_put put;
    struct target target;
    struct utf8_stream text;
    struct meta_annotation_put op;
};

static struct annotation_put *annotation_put_of(struct s3_put *put)
{
    return (struct annotation_put *)((char *)put - offsetof(struct annotation_put, put));
}

static void look_at_text(struct s3_put *put, const void *data, size_t length)
{
    utf8_stream_add(&annotation_put_of(put)->text, data, length);
}

static enum s3_error refuse_size(struct s3_request *request, enum s3_error error)
{
    if (error == S3_ERROR_ENTITY_TOO_LARGE)
        s3_request_element_number(request, S3_ELEMENT_MAX_SIZE_ALLOWED, S3_ANNOTATION_BYTES_MAX);
    else if (error == S3_ERROR_ENTITY_TOO_SMALL) {
        s3_request_element_number(request, S3_ELEMENT_PROPOSED_SIZE, 0);
        s3_request_element_number(request, S3_ELEMENT_MIN_SIZE_ALLOWED, 1);
    }
    return error;
}

static void submit_put(struct annotation_put *annotation)
{
    s3_request_explain(annotation->put.request, S3_ERROR_INVALID_BUCKET_STATE,
                       "A cache bucket gets no annotations.");
    settle_judgement(annotation->put.request, &annotation->op.object);
    core_put_commit_annotation(annotation->put.core, &annotation->op);
}

static void commit_annotation(struct s3_put *put)
{
    struct annotation_put *annotation = annotation_put_of(put);
    struct meta_annotation *row = &annotation->op.annotation;

    if (core_put_taken(put->core) == 0) {
        s3_put_fail(put, refuse_size(put->request, S3_ERROR_ENTITY_TOO_SMALL));
        return;
    }
    if (!utf8_stream_is_valid(&annotation->text)) {
        s3_put_fail(put, S3_ERROR_UNSUPPORTED_MEDIA_TYPE);
        return;
    }
    memcpy(row->etag, put->etag, sizeof(row->etag));
    row->checksum = put->checksum;
    submit_put(annotation);
}

static enum s3_error put_overtaken(struct s3_put *put)
{
    struct annotation_put *annotation = annotation_put_of(put);
    enum s3_error error = judge_again(put->request, &annotation->op.object);

    if (error == S3_ERROR_NONE)
        submit_put(annotation);
    return error;
}

static void answer_put(struct s3_put *put)
{
    struct meta_annotation_put *op = &annotation_put_of(put)->op;
    struct s3_request *request = put->request;
    struct s3_xml xml;

    s3_answer_etag(request, put->etag);
    s3_answer_checksum(request, &put->checksum, 0);
    s3_version_answer(request, &request->bucket, VERSION_HEADER, &op->object.found);
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "PutObjectAnnotationOutput" S3_XMLNS);
    s3_xml_key(&xml, "Key", request->key.base, request->key.len, false);
    s3_xml_text(&xml, "AnnotationName", op->annotation.name.base, op->annotation.name.len);
    s3_xml_close(&xml, "PutObjectAnnotationOutput");
    s3_answer_xml(request, 200, &xml);
}

/* An annotation of that name is not looked for: it has a MiB at most, and the change judges. */
static uint64_t annotation_replaced(struct s3_put *put)
{
    return S3_ANNOTATION_BYTES_MAX;
}

static enum s3_error prepare_put(struct annotation_put *annotation, const char **message)
{
    struct s3_request *request = annotation->put.request;
    enum s3_error error;

    if ((error = read_name(request, &annotation->op.annotation.name)) != S3_ERROR_NONE ||
        (error = read_target(request, &annotation->target, &annotation->op.object)) != S3_ERROR_NONE)
        return error;
    if ((error = s3_put_prepare(&annotation->put, message)) != S3_ERROR_NONE)
        return refuse_size(request, error);
    return s3_body_length(annotation->put.body) == 0 ? refuse_size(request, S3_ERROR_ENTITY_TOO_SMALL)
                                                     : S3_ERROR_NONE;
}

/* Annotations are stored in the clear. */
static enum s3_error refuse_sealed(struct s3_request *request, const char **message)
{
    static const char why[] = "Encrypted objects, and buckets that encrypt, get no annotations.";

    struct s3_pinned there =
        s3_pinned_named(&request->bucket, request->key, s3_pinned_version(&request->pinned));
    bool is_sealed =
        s3_pinned_look(request, &there) == 0 && s3_encryption_of(&there.object->attributes).base != NULL;

    s3_pinned_end(&there);
    if (!is_sealed)
        return s3_encryption_refuse_sealing(request, why, message);
    *message = why;
    return S3_ERROR_NOT_IMPLEMENTED;
}

void s3_op_put_object_annotation(struct s3_request *request)
{
    struct annotation_put *annotation = s3_request_alloc(request, sizeof(*annotation));
    const char *message = NULL;
    enum s3_error error;

    annotation->put = (struct s3_put){
        .request = request,
        .length_max = S3_ANNOTATION_BYTES_MAX,
        .wants_md5 = true,
        .commit = commit_annotation,
        .stored = answer_put,
        .overtaken = put_overtaken,
        .look = look_at_text,
        .replaced = annotation_replaced,
    };
    if ((error = prepare_put(annotation, &message)) != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    /* Bytes for an object that is not there need not come. The change looks again. */
    if (s3_pinned_look(request, &request->pinned) != 0) {
        s3_version_answer_failure(request, &request->pinned);
        return;
    }
    error = refuse_sealed(request, &message);
    s3_pinned_end(&request->pinned);
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        s3_put_start(&annotation->put);
}

/* ---- Get ---- */

struct annotation_get {
    struct s3_send send;
    const struct meta_object *annotation; /* the send's get's */
    struct meta_version_id version;       /* of its object */
};

static void answer_head(struct s3_send *send)
{
    const struct annotation_get *get =
        (const struct annotation_get *)((const char *)send - offsetof(struct annotation_get, send));
    struct s3_request *request = send->request;
    char date[S3_TIME_HTTP_BYTES + 1];

    s3_answer_etag(request, get->annotation->etag);
    s3_time_http_format(get->annotation->modified_ms, date);
    s3_answer_header(request, "last-modified", date, S3_TIME_HTTP_BYTES);
    s3_answer_header_string(request, "content-type", S3_CONTENT_TYPE_DEFAULT);
    s3_version_answer(request, &request->bucket, VERSION_HEADER, &get->version);
    if (slice_is_nocase(s3_request_header(request, "x-amz-checksum-mode"), "ENABLED"))
        s3_answer_checksum(request, &get->annotation->checksum, 0);
    s3_browser_answer(request);
    request->http->answer.status = 200;
}

void s3_op_get_object_annotation(struct s3_request *request)
{
    struct annotation_get *get = s3_request_alloc(request, sizeof(*get));
    const struct meta_object *object;
    struct core_get *object_get;
    struct slice name;
    enum s3_error error = read_name(request, &name);
    int result;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (s3_version_head(request, &object_get, &object) != 0)
        return;
    get->send = (struct s3_send){.request = request, .head = answer_head};
    get->version = object->version;
    result = core_get_begin_annotation(request->worker, object, name, &get->send.get, &get->annotation);
    core_get_end(object_get);
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    get->send.length = get->annotation->size;
    s3_send_start(&get->send);
}

/* ---- Delete ---- */

struct annotation_deletion {
    struct s3_request *request;
    struct core_change change;
    struct target target;
    struct meta_annotation_delete op;
};

static void deletion_submit(struct annotation_deletion *deletion);

static void deletion_judge_again(struct annotation_deletion *deletion)
{
    enum s3_error error = judge_again(deletion->request, &deletion->op.object);

    if (error == S3_ERROR_NONE)
        deletion_submit(deletion);
    else
        s3_answer_error(deletion->request, error);
}

static void on_deleted(struct core_change *change)
{
    struct annotation_deletion *deletion = change->ctx;
    struct s3_request *request = deletion->request;
    int result = deletion->op.op.result;

    if (result == META_E_JUDGED) {
        deletion_judge_again(deletion);
    } else if (result != 0) {
        s3_version_answer_change_failure(request, &deletion->target.version, result);
    } else {
        s3_version_answer(request, &request->bucket, VERSION_HEADER, &deletion->op.object.found);
        s3_answer_empty(request, 204);
    }
}

static void deletion_submit(struct annotation_deletion *deletion)
{
    settle_judgement(deletion->request, &deletion->op.object);
    deletion->op.op.kind = META_OP_ANNOTATION_DELETE;
    deletion->change = (struct core_change){.op = &deletion->op.op, .done = on_deleted, .ctx = deletion};
    core_change_submit(deletion->request->worker, &deletion->change);
}

void s3_op_delete_object_annotation(struct s3_request *request)
{
    struct annotation_deletion *deletion = s3_request_alloc(request, sizeof(*deletion));
    enum s3_error error;

    deletion->request = request;
    if ((error = read_name(request, &deletion->op.name)) != S3_ERROR_NONE ||
        (error = read_target(request, &deletion->target, &deletion->op.object)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        deletion_submit(deletion);
}
