/* SPDX-License-Identifier: MIT
 *
 * CopyObject: a new row that refers to the source's bytes; no byte moves. Worker's thread.
 *
 * Only a digest that does not follow from the source's row takes reading it, which digest threads do before the change, in turns with others'.
 * That is so of a checksum that the source does not have, and of an object of parts: S3 writes its copy as one, with an ETag and a checksum of the
 * whole. Where the source is larger than S3 copies at all, the copy has parts as it has.
 *
 * Mostly the change alone decides. Where the copy keeps the source's metadata but must alter a piece of it,
 * the metadata is put together here from the source as it is now, and the change depends on that content:
 * should it change in between, the whole is tried again. */
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_copy_source.h"
#include "api/s3/object/s3_expiration.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_stored_checksum.h"
#include "api/s3/op/op_copy.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "storage/base/owner.h"
#include "storage/base/slice.h"

#define SELF_COPY_MESSAGE                                                                                    \
    "This copy request is illegal because it is trying to copy an object to itself without changing the "    \
    "object's metadata, "                                                                                    \
    "storage class, website redirect location or encryption attributes."

/* ---- The change ---- */

static void copy_submit(struct s3_copy *copy);

static void answer_copied(struct s3_copy *copy)
{
    struct s3_request *request = copy->request;
    struct s3_xml xml;

    s3_expiration_answer_current(request);
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "CopyObjectResult" S3_XMLNS);
    s3_xml_time(&xml, "LastModified", copy->op.modified_ms);
    s3_xml_etag(&xml, copy->op.etag);
    if (copy->op.checksum.type == S3_CHECKSUM_FULL_OBJECT) {
        s3_xml_checksum_type(&xml, &copy->op.checksum); /* before it, other than elsewhere */
        s3_xml_checksum_value(&xml, &copy->op.checksum, 0);
    }
    s3_xml_close(&xml, "CopyObjectResult");
    if (copy->op.replace_seal && copy->op.seal.len > 0)
        s3_encryption_answer(request, copy->op.seal);
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &copy->op.version);
    s3_copy_source_answer_version(request, &copy->source, &copy->op.source_version);
    s3_answer_xml(request, 200, &xml);
}

/* All that depends on the objects that are there. */
static enum s3_error judge(struct s3_copy *copy)
{
    struct s3_request *request = copy->request;
    enum s3_error error;

    if ((error = s3_access_of_upload(request, &copy->access)) != S3_ERROR_NONE)
        return error;
    return s3_lock_for_object(request, true, &copy->op.lock);
}

/* One of the objects is another by now than the one that was judged, or that the copy was made from. */
static void copy_again(struct s3_copy *copy)
{
    enum s3_error error;

    if ((error = s3_authorize_again(copy->request)) != S3_ERROR_NONE ||
        (error = judge(copy)) != S3_ERROR_NONE ||
        (error = s3_copy_source_judge(copy->request, &copy->source)) != S3_ERROR_NONE)
        s3_answer_error(copy->request, error);
    else
        copy_submit(copy);
}

static void copy_ended(struct s3_copy *copy, int result)
{
    if (result == 0)
        answer_copied(copy);
    else if (s3_copy_source_was_overtaken(&copy->source, result))
        copy_again(copy);
    else
        s3_answer_result(copy->request, result);
}

static void on_copied(struct core_change *change)
{
    copy_ended(change->ctx, ((struct s3_copy *)change->ctx)->op.op.result);
}

static void copy_fill(struct s3_copy *copy)
{
    struct s3_request *request = copy->request;

    copy->op.op.origin = s3_origin(request);
    copy->op.source = s3_copy_source_of_change(&copy->source);
    copy->op.bucket = request->bucket.id;
    copy->op.key = request->key;
    s3_pinned_end(&request->pinned);
    copy->op.condition = copy->condition.condition;
    copy->op.condition.owner = request->only_over;
    copy->op.condition.judged = s3_pinned_judged(&request->pinned);
    copy->op.owner = copy->access.owner;
    copy->op.acl = copy->access.acl;
}

static void copy_change(struct s3_copy *copy)
{
    struct s3_request *request = copy->request;

    copy_fill(copy);
    copy->op.op.kind = META_OP_OBJECT_COPY;
    copy->change = (struct core_change){.op = &copy->op.op, .done = on_copied, .ctx = copy};
    core_change_submit(request->worker, &copy->change);
}

static void on_checksum(struct s3_stored_checksum *stored, int result)
{
    struct s3_copy *copy = stored->ctx;

    if (result != 0) {
        s3_answer_result(copy->request, result);
        return;
    }
    if (stored->algorithm != S3_CHECKSUM_NONE)
        copy->op.checksum = stored->value;
    if (copy->op.is_one_part)
        core_etag_make(&stored->digests, copy->op.etag);
    copy_change(copy);
}

/* Reads the source for digests. The get is theirs from now on. */
static void copy_compute(struct s3_copy *copy, struct core_get *get, enum s3_checksum_algorithm algorithm,
                         uint64_t size)
{
    const struct s3_range whole = {0, size};
    int result;

    copy->stored = (struct s3_stored_checksum){
        .algorithm = algorithm,
        .others = copy->wants_md5 ? DIGEST_BIT(DIGEST_MD5) : 0,
        .done = on_checksum,
        .ctx = copy,
    };
    if ((result = s3_stored_checksum_compute(&copy->stored, get, &whole)) != 0)
        s3_answer_result(copy->request, result);
}

/* ---- Encryption ---- */

static void on_recoded_digests(struct s3_recode *recode)
{
    struct s3_copy *copy = OWNER_OF(recode, struct s3_copy, recode);

    s3_encryption_forget(&copy->encryption);
    memcpy(copy->op.etag, recode->etag, sizeof(copy->op.etag));
    copy->op.checksum = recode->checksum;
    copy_fill(copy);
    core_put_commit_copy(recode->put, &copy->op);
}

static void on_recoded(struct s3_recode *recode, int result)
{
    struct s3_copy *copy = OWNER_OF(recode, struct s3_copy, recode);

    s3_encryption_forget(&copy->encryption);
    copy_ended(copy, result);
}

/* Its bytes are written anew: the get is theirs from now on. */
static void copy_recode(struct s3_copy *copy, struct core_get *get, const struct meta_object *object)
{
    struct s3_request *request = copy->request;
    uint8_t known = object->checksum.algorithm;

    copy->op.is_one_part = copy->op.replace_checksum = true; /* it is one body now */
    copy->recode = (struct s3_recode){
        .request = request,
        .get = get,
        .length = object->size,
        .encryption = &copy->encryption,
        .algorithm = copy->algorithm != S3_CHECKSUM_NONE ? copy->algorithm
                     : known != S3_CHECKSUM_NONE && known < S3_CHECKSUM_COUNT
                         ? (enum s3_checksum_algorithm)known
                         : S3_CHECKSUM_CRC64NVME,
        .compares = request->is_signed && copy->algorithm == S3_CHECKSUM_NONE,
        .commit = on_recoded_digests,
        .done = on_recoded,
    };
    s3_recode_start(&copy->recode);
}

static void copy_submit(struct s3_copy *copy)
{
    struct s3_request *request = copy->request;
    static const struct digest_values none;
    enum s3_checksum_algorithm unknown;
    const struct meta_object *object;
    const char *message = NULL;
    struct core_get *get;
    enum s3_error error;
    enum s3_copy_way way;

    if (s3_copy_source_begin(request, &copy->source, &get, &object) != 0) {
        s3_copy_source_answer_failure(request, &copy->source);
        return;
    }
    if ((error = s3_copy_adapt(copy, object)) != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_error(request, error);
        return;
    }
    unknown = copy->wanted;
    if (unknown != S3_CHECKSUM_NONE &&
        s3_stored_checksum_known(object, &(struct s3_range){0, object->size}, unknown, &copy->op.checksum))
        unknown = S3_CHECKSUM_NONE;
    error =
        s3_copy_choose_way(copy, get, object, unknown != S3_CHECKSUM_NONE || copy->wants_md5, &way, &message);
    if (error != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_failure(request, error, message);
        return;
    }
    if (way == S3_COPY_RECODED) {
        copy_recode(copy, get, object);
        return;
    }
    if (unknown != S3_CHECKSUM_NONE || copy->wants_md5) {
        copy_compute(copy, get, unknown, object->size);
        return;
    }
    if (copy->op.is_one_part && !copy->op.replace_etag)
        core_etag_make(&none, copy->op.etag); /* opaque */
    core_get_end(get);
    copy_change(copy);
}

/* ---- The request ---- */

static enum s3_error read_directives(struct s3_copy *copy)
{
    struct slice metadata = s3_request_effective(copy->request, S3_EFFECTIVE_METADATA_DIRECTIVE);
    struct slice tagging = s3_request_effective(copy->request, S3_EFFECTIVE_TAGGING_DIRECTIVE);
    struct slice annotations = s3_request_effective(copy->request, S3_EFFECTIVE_ANNOTATION_DIRECTIVE);

    copy->replaces = slice_is_nocase(metadata, "REPLACE");
    if (metadata.base != NULL && !copy->replaces && !slice_is_nocase(metadata, "COPY"))
        return s3_request_argument_effective(copy->request, S3_EFFECTIVE_METADATA_DIRECTIVE,
                                             "Unknown metadata directive.");
    if (tagging.base != NULL && !slice_is_nocase(tagging, "COPY") && !slice_is_nocase(tagging, "REPLACE"))
        return s3_request_argument_effective(copy->request, S3_EFFECTIVE_TAGGING_DIRECTIVE,
                                             "Unknown tagging directive.");
    copy->excludes_annotations = slice_is_nocase(annotations, "EXCLUDE");
    if (annotations.base != NULL && !copy->excludes_annotations && !slice_is_nocase(annotations, "COPY"))
        return s3_request_argument_effective(
            copy->request, S3_EFFECTIVE_ANNOTATION_DIRECTIVE,
            "The annotation directive is not valid. Valid values are COPY and EXCLUDE.");
    copy->replaces_tags = copy->op.replace_tags =
        slice_is_nocase(tagging, "REPLACE"); /* else x-amz-tagging is ignored, as in S3 */
    return copy->replaces_tags ? s3_tagging_from_header(copy->request, &copy->op.tags) : S3_ERROR_NONE;
}

static enum s3_error read_algorithm(struct s3_copy *copy, const char **message)
{
    struct slice name = s3_request_header(copy->request, "x-amz-checksum-algorithm");

    if (name.base == NULL || (copy->algorithm = s3_checksum_of_name(name)) != S3_CHECKSUM_NONE)
        return S3_ERROR_NONE;
    *message = "Checksum algorithm provided is unsupported.";
    return S3_ERROR_INVALID_REQUEST;
}

/* Whether a copy onto itself would change anything, as S3 sees it: a storage class that is given counts, be it the one there is.
 * An older version copied onto its key is how it is made current again. */
static bool changes_nothing(const struct s3_copy *copy)
{
    const struct s3_request *request = copy->request;

    return copy->source.bucket.id == request->bucket.id && slice_equals(copy->source.key, request->key) &&
           !copy->source.version.given && !copy->replaces && !s3_copy_has_own_setting(&copy->given) &&
           s3_request_effective(request, S3_EFFECTIVE_STORAGE_CLASS).base == NULL &&
           !request->effective.encrypts;
}

static enum s3_error prepare(struct s3_copy *copy, const char **message)
{
    struct s3_request *request = copy->request;
    const struct http_headers *headers = &request->http->headers;
    enum s3_error error;

    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL)
        return S3_ERROR_NOT_IMPLEMENTED; /* only PutObject appends */
    if ((error = s3_attributes_collect(&request->http->arena, headers, &request->effective, &copy->given)) !=
            S3_ERROR_NONE ||
        (error = read_directives(copy)) != S3_ERROR_NONE || (error = judge(copy)) != S3_ERROR_NONE ||
        (error = read_algorithm(copy, message)) != S3_ERROR_NONE ||
        (error = s3_copy_source_read(request, &copy->source)) != S3_ERROR_NONE)
        return error;
    if ((error = s3_write_condition_read(request, &copy->condition)) != S3_ERROR_NONE)
        return error;
    if (changes_nothing(copy)) {
        *message = SELF_COPY_MESSAGE;
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

void s3_op_copy_object(struct s3_request *request)
{
    struct s3_copy *copy = s3_request_alloc(request, sizeof(*copy));
    const char *message = NULL;
    enum s3_error error;

    copy->request = request;
    error = prepare(copy, &message);
    if (error == S3_ERROR_NONE)
        copy_submit(copy);
    else
        s3_answer_failure(request, error, message);
}
