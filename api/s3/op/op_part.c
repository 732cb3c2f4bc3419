/* SPDX-License-Identifier: MIT
 *
 * UploadPart, UploadPartCopy. Worker's thread.
 *
 * An upload that was created with a checksum algorithm has it computed for each part, whether the client
 * sends it or not: completing needs all of them. Where the object's checksum is to be made of those of its
 * parts (COMPOSITE), the client has to send them, as in S3. A copied part moves no byte, but is read for its checksum
 * where that does not follow from what is known of the source. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/encryption/s3_recode.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_copy_source.h"
#include "api/s3/s3_operation.h"
#include "api/s3/body/s3_put.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_stored_checksum.h"
#include "storage/base/owner.h"

/* Which part of which upload, and the checksum that the upload asks for. */
struct part_target {
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    uint32_t number;
    enum s3_checksum_algorithm algorithm;
    enum s3_checksum_type type;
    struct s3_encryption encryption; /* of the upload */
};

static enum s3_error target_read(struct s3_request *request, struct part_target *target, const char **message)
{
    struct slice text = s3_parameter_value(request, "partNumber");
    struct meta_upload upload;
    uint64_t number;
    enum s3_error error;
    int result;

    if (s3_number_parse(text.base, text.len, META_PART_NUMBER_MAX, &number) != 0 || number == 0)
        return s3_request_argument(request, SLICE("partNumber"), text,
                                   "Part number must be an integer between 1 and 10000, inclusive");
    target->number = (uint32_t)number;
    if ((error = s3_parameter_upload_id(request, target->upload_id)) != S3_ERROR_NONE)
        return error;
    result = meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key,
                             target->upload_id, &upload);
    if (result != 0)
        return s3_error_of_result(result);
    if (upload.checksum_algorithm < S3_CHECKSUM_COUNT)
        target->algorithm = (enum s3_checksum_algorithm)upload.checksum_algorithm;
    target->type = (enum s3_checksum_type)upload.checksum_type;
    error = s3_encryption_resume(request, s3_encryption_of(&upload.attributes), &target->encryption, message);
    meta_upload_release(&upload);
    return error;
}

/* ---- UploadPart ---- */

struct part_put {
    struct s3_put put;
    struct part_target target;
    struct meta_part_put op;
};

static struct part_put *part_put_of(struct s3_put *put)
{
    return (struct part_put *)((char *)put - offsetof(struct part_put, put));
}

static void commit_part(struct s3_put *put)
{
    struct meta_part_put *op = &part_put_of(put)->op;

    memcpy(op->part.etag, put->etag, sizeof(op->part.etag));
    op->part.checksum = put->checksum;
    core_put_commit_part(put->core, op);
}

/* The checksum of an upload that asked for none is S3's own matter: a client would list it when it completes the upload. What it
 * claims is confirmed. */
static void answer_part_checksum(struct s3_put *put)
{
    struct meta_checksum claimed = {.algorithm = (uint8_t)put->claim.algorithm};

    if (part_put_of(put)->target.algorithm != S3_CHECKSUM_NONE) {
        s3_answer_checksum_value(put->request, &put->checksum, 0);
    } else if (put->claim.algorithm != S3_CHECKSUM_NONE) {
        claimed.length = (uint8_t)s3_checksum_bytes(put->claim.algorithm);
        memcpy(claimed.value, put->claim.value, claimed.length);
        s3_answer_checksum_value(put->request, &claimed, 0);
    }
}

static void answer_part(struct s3_put *put)
{
    s3_answer_etag(put->request, put->etag);
    s3_encryption_answer(put->request, part_put_of(put)->target.encryption.value);
    answer_part_checksum(put);
    s3_answer_empty(put->request, 200);
}

/* What the client claims must be of the algorithm that the upload was created with. S3 names the part only where there is no claim. */
static enum s3_error check_claim(const struct part_put *part_put, const char **message)
{
    enum s3_checksum_algorithm claimed = part_put->put.claim.algorithm, wanted = part_put->target.algorithm;
    struct s3_request *request = part_put->put.request;
    struct arena *arena = &request->http->arena;
    struct slice text[6];

    if (wanted == S3_CHECKSUM_NONE || claimed == wanted ||
        (claimed == S3_CHECKSUM_NONE && part_put->target.type != S3_CHECKSUM_COMPOSITE))
        return S3_ERROR_NONE;
    text[0] = SLICE("Checksum Type mismatch occurred");
    text[1] = claimed == S3_CHECKSUM_NONE ? SLICE(" for part ") : SLICE("");
    text[2] = claimed == S3_CHECKSUM_NONE ? s3_parameter_value(request, "partNumber") : SLICE("");
    text[3] = arena_concat(arena, SLICE(", expected checksum Type: "),
                           arena_dup_lower(arena, slice_text(s3_checksum_name(wanted))));
    text[4] = SLICE(", actual checksum Type: ");
    text[5] = claimed == S3_CHECKSUM_NONE ? SLICE("null")
                                          : arena_dup_lower(arena, slice_text(s3_checksum_name(claimed)));
    *message = arena_join(arena, text, 6).base;
    return S3_ERROR_INVALID_REQUEST;
}

static int on_part_there(void *ctx, const struct meta_part *part)
{
    *(struct meta_part *)ctx = *part;
    return 0;
}

/* Of the part that has the number now. */
static uint64_t part_replaced(struct s3_put *put)
{
    const struct part_target *target = &part_put_of(put)->target;
    struct meta_part there = {.number = 0};
    bool truncated;
    int result = meta_part_list(core_worker_reader(put->request->worker), target->upload_id,
                                target->number - 1, 1, on_part_there, &there, &truncated);

    return result == 0 && there.number == target->number ? there.size : 0;
}

static enum s3_error prepare_part(struct part_put *part_put, const char **message)
{
    struct s3_request *request = part_put->put.request;
    enum s3_error error;

    if ((error = target_read(request, &part_put->target, message)) != S3_ERROR_NONE ||
        (error = s3_put_prepare(&part_put->put, message)) != S3_ERROR_NONE ||
        (error = check_claim(part_put, message)) != S3_ERROR_NONE)
        return error;
    /* As S3: an upload that asks for no checksum becomes an object with a CRC-64, whatever its parts came with. */
    part_put->put.wanted =
        part_put->target.algorithm != S3_CHECKSUM_NONE ? part_put->target.algorithm : S3_CHECKSUM_CRC64NVME;
    part_put->put.encryption = &part_put->target.encryption;
    part_put->put.part = part_put->target.number;
    part_put->op.bucket = request->bucket.id;
    part_put->op.key = request->key;
    part_put->op.part.number = part_put->target.number;
    memcpy(part_put->op.upload_id, part_put->target.upload_id, META_UPLOAD_ID_BYTES);
    return S3_ERROR_NONE;
}

void s3_op_upload_part(struct s3_request *request)
{
    struct part_put *part_put = s3_request_alloc(request, sizeof(*part_put));
    const char *message = NULL;
    enum s3_error error;

    part_put->put.request = request;
    part_put->put.commit = commit_part;
    part_put->put.stored = answer_part;
    part_put->put.replaced = part_replaced;
    error = prepare_part(part_put, &message);
    if (error == S3_ERROR_NONE)
        s3_put_start(&part_put->put);
    else
        s3_answer_failure(request, error, message);
}

/* ---- UploadPartCopy ---- */

struct part_copy {
    struct s3_request *request;
    struct core_change change;
    struct part_target target;
    struct s3_copy_source source;
    struct s3_range range;
    bool has_range;
    struct meta_part_copy op;
    struct s3_stored_checksum stored;
    struct s3_recode recode; /* where the bytes are written anew */
};

static void part_copy_submit(struct part_copy *copy);

static void answer_part_copied(struct part_copy *copy)
{
    struct s3_request *request = copy->request;
    struct s3_xml xml;

    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "CopyPartResult" S3_XMLNS);
    s3_xml_time(&xml, "LastModified", copy->op.modified_ms);
    s3_xml_etag(&xml, copy->op.etag);
    if (copy->target.algorithm != S3_CHECKSUM_NONE)
        s3_xml_checksum_value(&xml, &copy->op.checksum, 0);
    s3_xml_close(&xml, "CopyPartResult");
    s3_encryption_answer(request, copy->target.encryption.value);
    s3_copy_source_answer_version(request, &copy->source, &copy->op.source_version);
    s3_answer_xml(request, 200, &xml);
}

/* The source is another object by now. */
static void part_copy_again(struct part_copy *copy)
{
    enum s3_error error = s3_copy_source_judge(copy->request, &copy->source);

    if (error == S3_ERROR_NONE)
        part_copy_submit(copy);
    else
        s3_answer_error(copy->request, error);
}

static void part_copy_ended(struct part_copy *copy, int result)
{
    bool goes_on = result != 0 && s3_copy_source_was_overtaken(&copy->source, result);

    if (!goes_on)
        s3_encryption_forget(&copy->target.encryption);
    if (result == 0)
        answer_part_copied(copy);
    else if (goes_on)
        part_copy_again(copy);
    else
        s3_answer_result(copy->request, result);
}

static void on_part_copied(struct core_change *change)
{
    part_copy_ended(change->ctx, ((struct part_copy *)change->ctx)->op.op.result);
}

/* A part that is the whole of an object with an MD5 for its ETag has the same MD5; any other gets an opaque
 * one. */
static void choose_etag(struct part_copy *copy, const struct meta_object *object, bool whole)
{
    static const struct digest_values none;

    if (whole && strchr(object->etag, '-') == NULL)
        memcpy(copy->op.etag, object->etag, sizeof(copy->op.etag));
    else
        core_etag_make(&none, copy->op.etag);
}

_Static_assert(S3_PUT_BYTES_MAX == 5368709120, "the text below names it");

static enum s3_error refuse_range(struct s3_request *request, uint64_t size)
{
    static const char format[] = "Range specified is not valid for source object of size: %llu";
    char *message = s3_request_alloc(request, sizeof(format) + 20);

    sprintf(message, format, (unsigned long long)size);
    return s3_request_argument_header(request, "x-amz-copy-source-range", message);
}

/* Size and ETag of the part follow from the source as it is now, so the change depends on that. */
static enum s3_error adapt_to_source(struct part_copy *copy, const struct meta_object *object,
                                     const char **message)
{
    if (!copy->has_range)
        copy->range = (struct s3_range){0, object->size};
    if (copy->has_range && copy->range.first >= object->size) {
        *message = "The specified copy range is invalid for the source object size.";
        return S3_ERROR_INVALID_REQUEST;
    }
    if (copy->range.first + copy->range.length > object->size)
        return refuse_range(copy->request, object->size);
    if (copy->range.length > S3_PUT_BYTES_MAX) {
        *message = "The specified copy source is larger than the maximum allowable size for a copy source: "
                   "5368709120";
        return S3_ERROR_INVALID_REQUEST;
    }
    choose_etag(copy, object, copy->range.first == 0 && copy->range.length == object->size);
    s3_copy_source_keep(&copy->source, object);
    return S3_ERROR_NONE;
}

/* True when there is nothing to compute: the checksum is known, or the upload asks for none. Then a CRC that the source has
 * anyway is taken along. */
static bool checksum_is_known(struct part_copy *copy, const struct meta_object *object)
{
    enum s3_checksum_algorithm algorithm = copy->target.algorithm;

    copy->op.checksum = (struct meta_checksum){0};
    if (algorithm != S3_CHECKSUM_NONE)
        return s3_stored_checksum_known(object, &copy->range, algorithm, &copy->op.checksum);
    if (!s3_stored_checksum_known(object, &copy->range, S3_CHECKSUM_CRC64NVME, &copy->op.checksum))
        copy->op.checksum = (struct meta_checksum){0};
    return true;
}

static void part_copy_fill(struct part_copy *copy)
{
    struct s3_request *request = copy->request;

    copy->op.source = s3_copy_source_of_change(&copy->source);
    copy->op.bucket = request->bucket.id;
    copy->op.key = request->key;
    copy->op.first = copy->range.first;
    copy->op.length = copy->range.length;
    copy->op.number = copy->target.number;
    memcpy(copy->op.upload_id, copy->target.upload_id, META_UPLOAD_ID_BYTES);
}

static void part_copy_change(struct part_copy *copy)
{
    struct s3_request *request = copy->request;

    part_copy_fill(copy);
    copy->op.op.kind = META_OP_PART_COPY;
    copy->op.content = NULL;
    copy->change = (struct core_change){.op = &copy->op.op, .done = on_part_copied, .ctx = copy};
    core_change_submit(request->worker, &copy->change);
}

static void on_part_checksum(struct s3_stored_checksum *stored, int result)
{
    struct part_copy *copy = stored->ctx;

    if (result != 0) {
        s3_answer_result(copy->request, result);
        return;
    }
    copy->op.checksum = stored->value;
    part_copy_change(copy);
}

/* Reads the range for its checksum. The get is the checksum's from now on. */
static void part_copy_compute(struct part_copy *copy, struct core_get *get)
{
    int result;

    copy->stored = (struct s3_stored_checksum){
        .algorithm = copy->target.algorithm, .done = on_part_checksum, .ctx = copy};
    if ((result = s3_stored_checksum_compute(&copy->stored, get, &copy->range)) != 0)
        s3_answer_result(copy->request, result);
}

/* ---- Bytes that are written anew: either side is encrypted ---- */

static void on_part_recoded_digests(struct s3_recode *recode)
{
    struct part_copy *copy = OWNER_OF(recode, struct part_copy, recode);

    memcpy(copy->op.etag, recode->etag, sizeof(copy->op.etag));
    copy->op.checksum = recode->checksum;
    part_copy_fill(copy);
    core_put_commit_part_copy(recode->put, &copy->op);
}

static void on_part_recoded(struct s3_recode *recode, int result)
{
    part_copy_ended(OWNER_OF(recode, struct part_copy, recode), result);
}

static void part_copy_recode(struct part_copy *copy, struct core_get *get)
{
    struct s3_request *request = copy->request;

    copy->recode = (struct s3_recode){
        .request = request,
        .get = get,
        .first = copy->range.first,
        .length = copy->range.length,
        .encryption = &copy->target.encryption,
        .part = copy->target.number,
        .algorithm =
            copy->target.algorithm != S3_CHECKSUM_NONE ? copy->target.algorithm : S3_CHECKSUM_CRC64NVME,
        .compares = request->is_signed && copy->target.algorithm == S3_CHECKSUM_NONE,
        .commit = on_part_recoded_digests,
        .done = on_part_recoded,
    };
    s3_recode_start(&copy->recode);
}

static void part_copy_submit(struct part_copy *copy)
{
    struct s3_request *request = copy->request;
    const struct meta_object *object;
    const char *message = NULL;
    struct core_get *get;
    enum s3_error error;

    if (s3_copy_source_begin(request, &copy->source, &get, &object) != 0) {
        s3_copy_source_answer_failure(request, &copy->source);
        return;
    }
    error = s3_encryption_open(request, S3_ENCRYPTION_SOURCE, get, object, &message);
    if (error == S3_ERROR_NONE)
        error = adapt_to_source(copy, object, &message);
    if (error != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_failure(request, error, message);
    } else if (copy->target.encryption.how != ENVELOPE_NONE || core_get_is_sealed(get)) {
        part_copy_recode(copy, get);
    } else if (checksum_is_known(copy, object)) {
        core_get_end(get);
        part_copy_change(copy);
    } else {
        part_copy_compute(copy, get);
    }
}

static enum s3_error prepare_part_copy(struct part_copy *copy, const char **message)
{
    struct s3_request *request = copy->request;
    struct slice range = s3_request_header(request, "x-amz-copy-source-range");
    enum s3_error error;

    if ((error = target_read(request, &copy->target, message)) != S3_ERROR_NONE ||
        (error = s3_copy_source_read(request, &copy->source)) != S3_ERROR_NONE)
        return error;
    copy->has_range = range.base != NULL;
    if (copy->has_range && s3_range_parse_copy(range.base, range.len, &copy->range) != 0)
        return s3_request_argument(
            request, SLICE("x-amz-copy-source-range"), range,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy");
    return S3_ERROR_NONE;
}

void s3_op_upload_part_copy(struct s3_request *request)
{
    struct part_copy *copy = s3_request_alloc(request, sizeof(*copy));
    const char *message = NULL;
    enum s3_error error;

    copy->request = request;
    if ((error = prepare_part_copy(copy, &message)) != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        part_copy_submit(copy);
}
