/* SPDX-License-Identifier: MIT
 *
 * PutObject: conditions, stored headers and appending around the way of the body (s3_put.c). Worker's thread. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_append.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/archive/op_unpack.h"
#include "api/s3/archive/s3_unpack.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_expiration.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/body/s3_put.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "api/s3/object/s3_version.h"

struct object_put {
    struct s3_put put;
    struct meta_object_put op;
    struct s3_write_condition condition;
    struct s3_append append;
    struct s3_encryption encryption;
};

static struct object_put *object_put_of(struct s3_put *put)
{
    return (struct object_put *)((char *)put - offsetof(struct object_put, put));
}

static void look_for_door(struct s3_put *put, const void *data, size_t length)
{
    put->request->door->on_body(put->request, data, length);
}

static void commit_object(struct s3_put *put)
{
    struct s3_append *append = &object_put_of(put)->append;
    struct meta_object *object = &object_put_of(put)->op.object;
    enum s3_error error;

    if (put->look != NULL && (error = put->request->door->on_body_end(put->request)) != S3_ERROR_NONE) {
        s3_put_fail(put, error);
        return;
    }
    memcpy(object->etag, put->etag, sizeof(object->etag));
    object->checksum = put->checksum;
    if (append->change.etag != NULL) {
        error = s3_append_join(append, &put->checksum, core_put_taken(put->core), object);
        if (error != S3_ERROR_NONE) {
            s3_put_fail(put, error);
            return;
        }
    } else if (append->is_given) {
        append->size = core_put_taken(put->core);
    }
    if (s3_replica_is_among(&object->attributes)) {
        s3_replica_take_etag(put->request, object->etag);
        object_put_of(put)->op.op.origin = s3_origin_as(put->request, META_EVENT_REPLICA_PUT);
    } else {
        object_put_of(put)->op.op.origin = s3_origin(put->request);
    }
    core_put_commit_object(put->core, &object_put_of(put)->op);
}

/* What the last judgement saw binds the change. */
static void take_judgement(struct s3_request *request, struct meta_object_put *op)
{
    op->condition.owner = request->only_over;
    s3_pinned_end(&request->pinned);
    op->condition.judged = s3_pinned_judged(&request->pinned);
}

/* What is stored stays what it was; only who may store it is asked again. */
static enum s3_error judge_again(struct s3_put *put)
{
    struct s3_request *request = put->request;
    struct meta_object_put *op = &object_put_of(put)->op;
    struct s3_upload_access access;
    struct slice lock;
    enum s3_error error;

    if ((error = s3_authorize_again(request)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &lock)) != S3_ERROR_NONE)
        return error;
    take_judgement(request, op);
    op->object.modified_ms = 0; /* of the first attempt */
    core_put_commit_object(put->core, op);
    return S3_ERROR_NONE;
}

static void answer_stored(struct s3_put *put)
{
    const struct s3_append *append = &object_put_of(put)->append;
    const struct meta_object *object = &object_put_of(put)->op.object;
    char text[24];

    s3_answer_etag(put->request, object->etag);
    s3_encryption_answer(put->request, object_put_of(put)->encryption.value);
    s3_answer_checksum(put->request, &object->checksum, object->part_count);
    if (append->is_given)
        s3_answer_header(put->request, "x-amz-object-size", text,
                         (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)append->size));
    s3_version_answer_new(put->request, &put->request->bucket, &object->version);
    if (append->change.etag == NULL) /* else the tags, which rules may ask about, are those of the object */
        s3_expiration_answer(put->request, object->size, object->modified_ms, &object->attributes);
    s3_answer_empty(put->request, 200);
}

/* A doomed upload is refused before its body; what binds is the same check inside the transaction. */
static int check_condition_now(struct s3_request *request, const struct s3_write_condition *write)
{
    struct s3_pinned there = s3_pinned_named(&request->bucket, request->key, NULL);
    int result;

    if (!s3_write_condition_given(write))
        return 0;
    result = s3_pinned_look(request, &there);
    if (s3_pinned_is_absence(result))
        return s3_write_condition_check(&write->condition, NULL);
    if (result != 0)
        return result;
    result = s3_write_condition_check(&write->condition, there.object->etag);
    s3_pinned_end(&there);
    return result;
}

/* An append cannot change how the bytes before it are kept, nor be kept otherwise. */
static enum s3_error seal(struct object_put *object_put, const char **message)
{
    struct s3_request *request = object_put->put.request;
    struct s3_encryption *encryption = &object_put->encryption;
    enum s3_error error;

    object_put->put.encryption = encryption;
    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL)
        return s3_encryption_refuse_sealing(request, "Nothing is appended to encrypted objects.", message);
    error = s3_encryption_begin(request, encryption, message);
    if (error == S3_ERROR_NONE && encryption->how != ENVELOPE_NONE)
        s3_attribute_add(&object_put->op.object.attributes, META_ATTRIBUTE_SEAL, encryption->value);
    return error;
}

static enum s3_error prepare(struct object_put *object_put, const char **message)
{
    struct s3_request *request = object_put->put.request;
    const struct http_headers *headers = &request->http->headers;
    struct meta_object_put *op = &object_put->op;
    struct s3_upload_access access;
    enum s3_error error;
    int result;

    if ((error = s3_attributes_collect(&request->http->arena, headers, &request->effective,
                                       &op->object.attributes)) != S3_ERROR_NONE ||
        (error = seal(object_put, message)) != S3_ERROR_NONE ||
        (error = s3_tagging_add_header(request, &op->object.attributes)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE ||
        (error = s3_lock_add_header(request, true, &op->object.attributes)) != S3_ERROR_NONE ||
        (error = s3_replica_add_header(request, &op->object.attributes)) != S3_ERROR_NONE ||
        (error = object_put->put.feed != NULL ? s3_put_prepare_fed(&object_put->put, UINT64_MAX, message)
                                              : s3_put_prepare(&object_put->put, message)) != S3_ERROR_NONE)
        return error;
    if ((error = s3_write_condition_read(request, &object_put->condition)) != S3_ERROR_NONE)
        return error;
    if ((result = check_condition_now(request, &object_put->condition)) != 0)
        return s3_error_of_result(result);
    if ((error = s3_append_read(request, &object_put->append)) != S3_ERROR_NONE)
        return error;
    object_put->put.wanted = object_put->append.algorithm;
    op->append = object_put->append.is_given ? &object_put->append.change : NULL;
    op->bucket = request->bucket.id;
    op->key = request->key;
    op->condition = object_put->condition.condition;
    take_judgement(request, op);
    op->object.owner = access.owner;
    if (access.acl.len > 0)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_ACL, access.acl);
    return S3_ERROR_NONE;
}

void s3_op_put_object(struct s3_request *request)
{
    if (s3_unpack_is_asked(s3_request_header(request, S3_UNPACK_HEADER)) && request->door == NULL) {
        s3_op_unpack(request);
        return;
    }
    struct object_put *object_put = s3_request_alloc(request, sizeof(*object_put));
    const char *message = NULL;
    enum s3_error error;

    object_put->put.request = request;
    object_put->put.commit = commit_object;
    object_put->put.stored = answer_stored;
    object_put->put.overtaken = judge_again;
    object_put->put.feed = request->door != NULL ? request->door->feed : NULL;
    if (request->door != NULL && request->door->on_body != NULL) {
        object_put->put.look = look_for_door;
        object_put->put.length_max = request->door->body_bytes_max;
    }
    error = prepare(object_put, &message);
    if (error == S3_ERROR_NONE)
        s3_put_start(&object_put->put);
    else
        s3_answer_failure(request, error, message);
}
