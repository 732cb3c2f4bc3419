/* SPDX-License-Identifier: MIT
 *
 * PutObject with x-amz-meta-snowball-auto-extract: true. The body comes in and is verified as any; then its members are judged, each by its own
 * key, and become objects all at once, or none does. Worker's thread.
 *
 *   s3_put -> commit_archive -> core_unpack -> on_unpacked -> judge_some ... -> core_put_commit_objects -> answer_stored
 *
 * What the request says beside the body holds for each object: conditions, metadata, tags, ACL, lock. */
#include "api/s3/archive/op_unpack.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/core/many/unpack.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/archive/s3_unpack.h"
#include "api/s3/body/s3_put.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "api/s3/s3_operation.h"

struct archive_put {
    struct s3_put put;
    struct s3_unpack unpack;
    struct s3_write_condition condition;
    struct meta_attributes common; /* of each object */
    struct slice tags;             /* among them */
    struct slice key;              /* the archive's own, which becomes nothing */

    struct core_unpack **unpacking; /* ends with the request */
    struct core_member *members;
    uint32_t member_count, judged_count;
    struct core_turn turn;
    struct meta_objects_put op;
};

static struct archive_put *archive_of(struct s3_put *put)
{
    return (struct archive_put *)((char *)put - offsetof(struct archive_put, put));
}

static void unpacking_end(void *memory)
{
    core_unpack_end(*(struct core_unpack **)memory);
}

/* The request is about its own key again, for logs and error documents. */
static void fail(struct archive_put *archive, enum s3_error error)
{
    archive->put.request->key = archive->key;
    s3_put_fail(&archive->put, error);
}

/* ---- Refusals ---- */

static void fail_member(struct archive_put *archive, enum s3_error error, struct slice name, const char *why)
{
    struct s3_request *request = archive->put.request;
    struct slice message = arena_concat(&request->http->arena, SLICE("The archive's member "),
                                        name.len > 0 ? SLICE("\"") : SLICE(""), name,
                                        name.len > 0 ? SLICE("\" ") : SLICE(""), slice_text(why));

    s3_request_explain(request, error, message.base);
    fail(archive, error);
}

static void fail_unpack(struct archive_put *archive, int result)
{
    struct s3_request *request = archive->put.request;
    size_t length;
    const unsigned char *head = core_unpack_head(*archive->unpacking, &length);
    const char *compression = result == -EBADMSG ? s3_unpack_compression(head, length) : NULL;
    enum s3_error error = S3_ERROR_INVALID_REQUEST;
    const char *message = NULL;

    if (result == -ECANCELED) {
        fail_member(archive, archive->unpack.error, slice_text(archive->unpack.name), archive->unpack.why);
        return;
    }
    if (compression != NULL) {
        error = S3_ERROR_NOT_IMPLEMENTED;
        message =
            arena_concat(&request->http->arena, SLICE("The archive is compressed ("), slice_text(compression),
                         SLICE("), and only a tar as it is can be unpacked where it lies."))
                .base;
    } else if (result == -EBADMSG) {
        message = "The body is no tar archive, or it is damaged or cut short.";
    } else if (result == -ENOTSUP) {
        message = "The archive's global header says where members are or how they are called.";
    } else if (result == -E2BIG) {
        message = "The archive has more than 10000 members, or names and headers of them that are too long.";
    } else {
        error = s3_error_of_result(result);
    }
    if (message != NULL)
        s3_request_explain(request, error, message);
    fail(archive, error);
}

/* ---- Judging each key ---- */

static enum s3_error judge_key(struct archive_put *archive, struct slice key, struct meta_object_put *op)
{
    struct s3_request *request = archive->put.request;
    struct s3_upload_access access;
    const struct meta_judged *judged;
    struct slice lock;
    enum s3_error error;

    request->key = key;
    request->only_over = NULL; /* each key may be allowed by something else */
    s3_pinned_begin(request);
    error = s3_authorize_upload(request, archive->tags);
    if (error == S3_ERROR_NONE)
        error = s3_access_of_upload(request, &access);
    if (error == S3_ERROR_NONE)
        error = s3_lock_for_object(request, true, &lock);
    s3_pinned_end(&request->pinned);
    if (error != S3_ERROR_NONE)
        return error;
    op->condition = archive->condition.condition;
    op->condition.owner = request->only_over;
    op->condition.judged = NULL;
    if ((judged = s3_pinned_judged(&request->pinned)) != NULL)
        op->condition.judged =
            (const struct meta_judged *)arena_dup(&request->http->arena, judged, sizeof(*judged)).base;
    op->object.owner = access.owner;
    if (access.acl.len > 0)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_ACL, access.acl);
    if (lock.len > 0)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_LOCK, lock);
    return S3_ERROR_NONE;
}

static enum s3_error make_object(struct archive_put *archive, struct core_member *member,
                                 struct meta_object_put *op)
{
    struct s3_request *request = archive->put.request;
    enum s3_checksum_algorithm algorithm = archive->put.checksum.algorithm;
    struct meta_object *object = &op->object;
    enum s3_error error;

    *op = (struct meta_object_put){.bucket = request->bucket.id, .key = member->key};
    if ((error = s3_unpack_attributes(&request->http->arena, member, &archive->common,
                                      &object->attributes)) != S3_ERROR_NONE)
        return error;
    memcpy(object->etag, member->etag, sizeof(object->etag));
    object->checksum.algorithm = (uint8_t)algorithm;
    object->checksum.type = S3_CHECKSUM_FULL_OBJECT;
    object->checksum.length = (uint8_t)s3_checksum_bytes(algorithm);
    memcpy(object->checksum.value, member->sum, object->checksum.length);
    object->size = member->size;
    if (member->size > 0)
        object->extents = (struct meta_extents){&member->extent, 1};
    return judge_key(archive, member->key, op);
}

/* With what the judgement said. */
static void fail_judged(struct archive_put *archive, enum s3_error error, const struct core_member *member)
{
    struct s3_request *request = archive->put.request;
    const char *said = request->explained == error && request->explanation != NULL ? request->explanation
                                                                                   : s3_error_message(error);

    fail_member(archive, error, member->key,
                arena_concat(&request->http->arena, SLICE("cannot be stored: "), slice_text(said)).base);
}

static void commit_all(struct archive_put *archive)
{
    struct s3_put *put = &archive->put;

    put->request->key = archive->key;
    if (archive->op.count > 0) {
        archive->op.op.origin = s3_origin(put->request);
        core_put_commit_objects(put->core, &archive->op);
        return;
    }
    core_put_end(put->core);
    put->core = NULL;
    put->stored(put);
}

static void judge_some(struct core_turn *turn)
{
    struct archive_put *archive = (struct archive_put *)((char *)turn - offsetof(struct archive_put, turn));

    for (unsigned i = 0; i < S3_DELETE_KEYS_PER_TURN && archive->judged_count < archive->member_count; i++) {
        struct core_member *member = &archive->members[archive->judged_count++];
        enum s3_error error = make_object(archive, member, &archive->op.puts[archive->op.count]);

        if (error == S3_ERROR_NONE) {
            archive->op.count++;
        } else if (!archive->unpack.ignores_errors || error == S3_ERROR_INTERNAL_ERROR) {
            fail_judged(archive, error, member);
            return;
        }
    }
    if (archive->judged_count == archive->member_count) {
        commit_all(archive);
        return;
    }
    archive->turn.next = judge_some;
    core_turn_wait(archive->put.request->worker, &archive->turn);
}

/* Some object was replaced, or changed its tags or its ACL, since it was judged: all are judged again, for the same bytes. */
static enum s3_error judge_again(struct s3_put *put)
{
    struct archive_put *archive = archive_of(put);
    enum s3_error error = s3_authorize_begin_again(put->request);

    if (error != S3_ERROR_NONE)
        return error;
    archive->op.count = archive->judged_count = 0;
    judge_some(&archive->turn);
    return S3_ERROR_NONE;
}

/* ---- The body is there ---- */

static void on_unpacked(void *ctx, int result)
{
    struct archive_put *archive = ctx;
    struct s3_request *request = archive->put.request;

    if (result != 0) {
        fail_unpack(archive, result);
        return;
    }
    archive->members = core_unpack_members(*archive->unpacking, &archive->member_count);
    if ((uint64_t)archive->member_count * (archive->common.count + 8) > S3_UNPACK_ATTRIBUTES_MAX) {
        fail(archive, S3_ERROR_METADATA_TOO_LARGE);
        return;
    }
    archive->op.puts = s3_request_alloc(request, (archive->member_count + 1) * sizeof(*archive->op.puts));
    judge_some(&archive->turn);
}

/* On a thread of the core. */
static int take_member(void *ctx, const struct tar_member *member, struct arena *arena, struct slice *key)
{
    struct archive_put *archive = ctx;

    return s3_unpack_take(&archive->unpack, member, arena, key);
}

static void commit_archive(struct s3_put *put)
{
    struct archive_put *archive = archive_of(put);
    const struct core_unpack_options options = {
        .take = take_member,
        .done = on_unpacked,
        .ctx = archive,
        .sum = s3_checksum_digest((enum s3_checksum_algorithm)put->checksum.algorithm),
    };
    int result;

    archive->unpacking =
        arena_alloc_hooked(&put->request->http->arena, sizeof(*archive->unpacking), unpacking_end);
    *archive->unpacking = NULL;
    result = core_unpack_begin(put->core, &options, archive->unpacking);
    if (result == -EBADMSG)
        s3_request_explain(put->request, S3_ERROR_INVALID_REQUEST, "The body is empty, and no tar archive.");
    if (result != 0)
        fail(archive, result == -EBADMSG ? S3_ERROR_INVALID_REQUEST : s3_error_of_result(result));
}

static void answer_stored(struct s3_put *put)
{
    s3_answer_etag(put->request, put->etag);
    s3_answer_checksum(put->request, &put->checksum, 0);
    s3_answer_empty(put->request, 200);
}

static enum s3_error prepare(struct archive_put *archive, const char **message)
{
    struct s3_request *request = archive->put.request;
    const struct http_headers *headers = &request->http->headers;
    enum s3_error error;

    if ((error = s3_unpack_read(&request->http->arena, headers, &archive->unpack, message)) !=
            S3_ERROR_NONE ||
        (error = s3_encryption_refuse_sealing(request,
                                              "Archives are not unpacked where objects are to be encrypted.",
                                              message)) != S3_ERROR_NONE ||
        (error = s3_attributes_collect(&request->http->arena, headers, &request->effective,
                                       &archive->common)) != S3_ERROR_NONE ||
        (error = s3_tagging_from_header(request, &archive->tags)) != S3_ERROR_NONE ||
        (error = s3_put_prepare(&archive->put, message)) != S3_ERROR_NONE ||
        (error = s3_write_condition_read(request, &archive->condition)) != S3_ERROR_NONE)
        return error;
    if (archive->tags.len > 0)
        s3_attribute_add(&archive->common, META_ATTRIBUTE_TAGS, archive->tags);
    s3_unpack_attributes_common(&archive->common);
    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL) {
        *message = "What is unpacked cannot be appended.";
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

void s3_op_unpack(struct s3_request *request)
{
    struct archive_put *archive = s3_request_alloc(request, sizeof(*archive));
    const char *message = NULL;
    enum s3_error error;

    archive->put.request = request;
    archive->put.is_archive = true;
    archive->put.commit = commit_archive;
    archive->put.stored = answer_stored;
    archive->put.overtaken = judge_again;
    archive->key = request->key;
    if ((error = prepare(archive, &message)) == S3_ERROR_NONE)
        s3_put_start(&archive->put);
    else
        s3_answer_failure(request, error, message);
}
