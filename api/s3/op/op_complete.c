/* SPDX-License-Identifier: MIT
 *
 * CompleteMultipartUpload: the parts become an object. No byte moves, however large it is. Worker's thread.
 *
 * The stored parts are read and put together before the change, a page at a time. If one of them is replaced
 * meanwhile, the change reads them again and insists on the same ETags, each of which stands for one content,
 * so nothing can slip in between. A repeated request (the answer was lost) is answered from the object that
 * the first one made. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/body/s3_body.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/object/s3_complete.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/body/s3_stream.h"
#include "api/s3/object/s3_expiration.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/slice.h"

#define PAGE_PARTS META_LIST_ENTRIES_MAX /* read in one turn, about a millisecond */

struct completion {
    struct s3_request *request;
    struct core_change change;
    struct core_turn turn; /* 10,000 parts are worked through in turns, so that other requests do not wait */
    struct meta_upload_complete op;
    struct s3_part_list list;
    struct s3_checksum_claim claim; /* about the whole object */
    struct s3_write_condition condition;
    struct s3_assembly assembly;
    struct meta_assembly *rows; /* of the parts as they are stored; NULL when the upload is not there */
    enum s3_error error;        /* from visit_part */
    struct slice seal;          /* of the upload; base NULL: none */
    bool is_copy; /* of what another server has; whoever began the upload was allowed to say so */
};

/* ---- The answer ---- */

static void fail(struct completion *completion, enum s3_error error, const char *message)
{
    meta_assembly_free(completion->rows);
    s3_answer_failure(completion->request, error, message);
}

/* Which part of the list it is that the upload cannot be completed with. */
static void tell_part(struct completion *completion, uint32_t at)
{
    const struct meta_complete_part *part = &completion->list.parts[at];

    s3_request_element_number(completion->request, S3_ELEMENT_PART_NUMBER, part->number);
    s3_request_element(completion->request, S3_ELEMENT_ETAG, slice_text(part->etag));
}

static void tell_refused(struct completion *completion, enum s3_error error)
{
    const struct s3_assembly *assembly = &completion->assembly;

    if (error == S3_ERROR_INVALID_PART && assembly->at < completion->list.count)
        tell_part(completion, assembly->at);
    if (error != S3_ERROR_ENTITY_TOO_SMALL)
        return;
    s3_request_element_number(completion->request, S3_ELEMENT_PROPOSED_SIZE, assembly->small_size);
    s3_request_element_number(completion->request, S3_ELEMENT_MIN_SIZE_ALLOWED, S3_PART_BYTES_MIN);
    tell_part(completion, assembly->small_part);
}

/* The object's address as the client wrote it. */
static void write_location(struct completion *completion, struct s3_xml *xml)
{
    struct s3_request *request = completion->request;
    struct slice host = s3_request_header(request, "host"), path = request->http->path;
    const char *query = memchr(path.base, '?', path.len);
    const char *scheme = request->http->is_tls ? "https://" : "http://";
    size_t path_length = query != NULL ? (size_t)(query - path.base) : path.len;
    struct slice url = arena_concat(&request->http->arena, slice_text(scheme),
                                    slice_of(host.base != NULL ? host.base : "", host.len),
                                    slice_of(path.base, path_length));

    s3_xml_text(xml, "Location", url.base, url.len);
}

static void answer_completed(struct completion *completion)
{
    struct s3_request *request = completion->request;
    struct s3_xml xml;

    s3_expiration_answer_current(request);
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "CompleteMultipartUploadResult" S3_XMLNS);
    write_location(completion, &xml);
    s3_xml_string(&xml, "Bucket", request->bucket.name);
    s3_xml_key(&xml, "Key", request->key.base, request->key.len, false);
    s3_xml_etag(&xml, completion->op.etag);
    s3_xml_checksum(&xml, &completion->op.checksum, completion->list.count);
    s3_xml_close(&xml, "CompleteMultipartUploadResult");
    s3_encryption_answer(request, completion->seal);
    s3_version_answer_new(request, &request->bucket, &completion->op.version);
    s3_answer_xml(request, 200, &xml);
}

static void submit(struct completion *completion);

static void on_completed(struct core_change *change)
{
    struct completion *completion = change->ctx;
    enum s3_error error;

    if (completion->op.op.result == META_E_JUDGED) {
        if ((error = s3_authorize_again(completion->request)) == S3_ERROR_NONE)
            submit(completion);
        else
            fail(completion, error, NULL);
        return;
    }
    meta_assembly_free(completion->rows);
    if (completion->op.op.result != 0)
        s3_answer_result(completion->request, completion->op.op.result);
    else
        answer_completed(completion);
}

/* ---- The stored parts ---- */

static int visit_part(void *ctx, const struct meta_part *part)
{
    struct completion *completion = ctx;

    completion->error = s3_assembly_add(&completion->assembly, part);
    return completion->error == S3_ERROR_NONE ? 0 : 1;
}

/* A page of them. */
static enum s3_error add_stored_parts(struct completion *completion, bool *more)
{
    int result = meta_assembly_step(completion->rows, PAGE_PARTS, visit_part, completion, more);

    if (completion->error != S3_ERROR_NONE)
        return completion->error;
    return result != 0 ? s3_error_of_result(result) : S3_ERROR_NONE;
}

static const char *wrong_size(struct s3_request *request, uint64_t expected, uint64_t size)
{
    static const char format[] = "The provided 'x-amz-mp-object-size' header value %" PRIu64
                                 " does not match what was computed: %" PRIu64;
    char *message = s3_request_alloc(request, sizeof(format) + 40);

    sprintf(message, format, expected, size);
    return message;
}

/* Here S3 writes the algorithm in lower case. */
static enum s3_error refuse_checksum(struct completion *completion)
{
    struct arena *arena = &completion->request->http->arena;
    struct slice name = slice_text(s3_checksum_name(completion->claim.algorithm));
    struct slice message = arena_concat(arena, SLICE("The "), arena_dup_lower(arena, name),
                                        SLICE(" you specified did not match the calculated checksum."));

    s3_request_explain(completion->request, S3_ERROR_CHECKSUM_MISMATCH, message.base);
    return S3_ERROR_CHECKSUM_MISMATCH;
}

/* The type has to be said of a checksum that is not of the type that is its algorithm's own. */
static enum s3_error check_type(struct completion *completion, const char **message)
{
    const struct s3_assembly *assembly = &completion->assembly;
    struct slice type = s3_request_header(completion->request, "x-amz-checksum-type");
    const char *mode = assembly->asked ? s3_checksum_type_name(assembly->type) : "null";

    if (type.base == NULL)
        return completion->claim.algorithm != S3_CHECKSUM_NONE && assembly->asked &&
                       assembly->type == S3_CHECKSUM_FULL_OBJECT &&
                       assembly->algorithm != S3_CHECKSUM_CRC64NVME
                   ? refuse_checksum(completion)
                   : S3_ERROR_NONE;
    if (slice_is_nocase(type, mode))
        return S3_ERROR_NONE;
    *message = arena_concat(&completion->request->http->arena, SLICE("The upload was created using the "),
                            slice_text(mode),
                            SLICE(" checksum mode. The complete request must use the same checksum mode."))
                   .base;
    return S3_ERROR_INVALID_REQUEST;
}

static enum s3_error check_claims(struct completion *completion, const char **message)
{
    struct s3_request *request = completion->request;
    struct slice size = s3_request_header(request, "x-amz-mp-object-size");
    enum s3_error error;
    uint64_t expected;

    if (size.base != NULL) {
        if (s3_number_parse(size.base, size.len, INT64_MAX, &expected) != 0)
            return s3_request_argument_header(request, "x-amz-mp-object-size", NULL);
        if (expected != completion->assembly.size) {
            *message = wrong_size(request, expected, completion->assembly.size);
            return S3_ERROR_INVALID_REQUEST;
        }
    }
    if ((error = check_type(completion, message)) != S3_ERROR_NONE)
        return error;
    if (completion->claim.algorithm != S3_CHECKSUM_NONE &&
        completion->op.checksum.algorithm == S3_CHECKSUM_NONE) {
        *message = "The upload's parts have no checksums that the object's checksum could be computed from.";
        return S3_ERROR_INVALID_REQUEST;
    }
    return s3_checksum_claim_matches(&completion->claim, &completion->op.checksum, completion->list.count)
               ? S3_ERROR_NONE
               : refuse_checksum(completion);
}

/* Of parts whose checksums make the object's, the list has each. */
static enum s3_error check_listed(struct completion *completion, enum s3_checksum_algorithm algorithm,
                                  const char **message)
{
    struct arena *arena = &completion->request->http->arena;
    const struct s3_part_list *list = &completion->list;
    char text[160];

    for (uint32_t i = 0; i < list->count; i++) {
        if (list->listed[i].algorithm != S3_CHECKSUM_NONE)
            continue;
        snprintf(
            text, sizeof(text),
            "The upload was created using a %s checksum. The complete request must include the checksum for "
            "each part. It was missing for part %" PRIu32 " in the request.",
            s3_checksum_name(algorithm), list->parts[i].number);
        *message = arena_dup_text(arena, text).base;
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

/* The upload decides which checksum is made of those of its parts. */
static enum s3_error begin_assembly(struct completion *completion, const struct meta_upload *upload,
                                    const char **message)
{
    enum s3_checksum_algorithm algorithm = S3_CHECKSUM_NONE;
    enum s3_error error = S3_ERROR_NONE;
    int result;

    if (upload->checksum_algorithm < S3_CHECKSUM_COUNT)
        algorithm = (enum s3_checksum_algorithm)upload->checksum_algorithm;
    if (algorithm != S3_CHECKSUM_NONE && upload->checksum_type == S3_CHECKSUM_COMPOSITE)
        error = check_listed(completion, algorithm, message);
    if (error != S3_ERROR_NONE)
        return error;
    result = meta_assembly_create(core_worker_reader(completion->request->worker), completion->op.upload_id,
                                  completion->list.parts, completion->list.count, &completion->rows);

    if (result != 0)
        return s3_error_of_result(result);
    return s3_assembly_begin(&completion->assembly, &completion->list, algorithm,
                             (enum s3_checksum_type)upload->checksum_type) == 0
               ? S3_ERROR_NONE
               : S3_ERROR_INTERNAL_ERROR;
}

/* Fills ETag and checksum of the object-to-be. */
static enum s3_error finish_assembly(struct completion *completion, const char **message)
{
    enum s3_error error = s3_assembly_finish(&completion->assembly, &completion->op.checksum);

    if (error == S3_ERROR_NONE)
        error = check_claims(completion, message);
    if (error == S3_ERROR_NONE)
        core_etag_make_multipart(completion->list.parts, completion->list.count, completion->op.etag);
    if (error == S3_ERROR_NONE && completion->is_copy)
        s3_replica_take_etag(completion->request, completion->op.etag);
    return error;
}

/* ---- The request ---- */

static void submit(struct completion *completion)
{
    struct s3_request *request = completion->request;
    enum s3_error error;

    completion->op.op.kind = META_OP_UPLOAD_COMPLETE;
    completion->op.op.origin =
        completion->is_copy ? s3_origin_as(request, META_EVENT_REPLICA_COMPLETE) : s3_origin(request);
    completion->op.bucket = request->bucket.id;
    completion->op.key = request->key;
    completion->op.parts = completion->list.parts;
    completion->op.part_count = completion->list.count;
    completion->op.assembly = completion->rows;
    s3_pinned_end(&request->pinned);
    completion->op.condition = completion->condition.condition;
    completion->op.condition.owner = request->only_over;
    completion->op.condition.judged = s3_pinned_judged(&request->pinned);
    /* The default retention counts from the completion. */
    if ((error = s3_lock_for_object(request, true, &completion->op.default_lock)) != S3_ERROR_NONE) {
        fail(completion, error, NULL);
        return;
    }
    completion->change =
        (struct core_change){.op = &completion->op.op, .done = on_completed, .ctx = completion};
    core_change_submit(request->worker, &completion->change);
}

static void wait_for_turn(struct completion *completion, void (*next)(struct core_turn *turn))
{
    completion->turn.next = next;
    core_turn_wait(completion->request->worker, &completion->turn);
}

static struct completion *completion_of(struct core_turn *turn)
{
    return (struct completion *)((char *)turn - offsetof(struct completion, turn));
}

/* The upload is not there. Perhaps it was completed before, with these parts: the change finds out. */
static void submit_again(struct completion *completion)
{
    meta_assembly_free(completion->rows);
    completion->rows = NULL;
    core_etag_make_multipart(completion->list.parts, completion->list.count, completion->op.etag);
    submit(completion);
}

/* Whether another request ended the upload while its parts were read here, so that they begin to go. */
static bool was_overtaken(struct completion *completion)
{
    struct s3_request *request = completion->request;
    struct meta_upload upload;
    int result = meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key,
                                 completion->op.upload_id, &upload);

    if (result == 0)
        meta_upload_release(&upload);
    return result == META_E_NO_UPLOAD;
}

static void assemble(struct core_turn *turn)
{
    struct completion *completion = completion_of(turn);
    const char *message = NULL;
    bool more = false;
    enum s3_error error = add_stored_parts(completion, &more);

    if (error == S3_ERROR_NONE && more) {
        wait_for_turn(completion, assemble);
        return;
    }
    if (error == S3_ERROR_CHECKSUM_MISMATCH)
        message = s3_assembly_describe_unlike(&completion->assembly);
    if (error == S3_ERROR_NONE)
        error = finish_assembly(completion, &message);
    s3_assembly_end(&completion->assembly);
    if (error == S3_ERROR_NONE)
        submit(completion);
    else if (error == S3_ERROR_INVALID_PART && was_overtaken(completion))
        submit_again(completion);
    else {
        tell_refused(completion, error);
        fail(completion, error, message);
    }
}

/* No key is needed; one that is given has to be the upload's. */
static enum s3_error take_seal(struct completion *completion, const struct meta_upload *upload,
                               const char **message)
{
    struct s3_request *request = completion->request;
    struct slice value = s3_encryption_of(&upload->attributes);
    struct seal_key key;
    enum s3_error error;

    if (value.base != NULL)
        completion->seal = arena_dup(&request->http->arena, value.base, value.len);
    if (!request->effective.encrypts)
        return S3_ERROR_NONE;
    error = s3_encryption_find(request, S3_ENCRYPTION_OBJECT, value, &key, message);
    seal_key_wipe(&key);
    return error;
}

/* The list is read. */
static void on_list(struct completion *completion)
{
    struct s3_request *request = completion->request;
    const char *message = NULL;
    struct meta_upload upload;
    enum s3_error error;
    int result;

    result = meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key,
                             completion->op.upload_id, &upload);
    if (result == META_E_NO_UPLOAD) {
        submit_again(completion);
        return;
    }
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    completion->is_copy = s3_replica_is_among(&upload.attributes);
    error = take_seal(completion, &upload, &message);
    if (error == S3_ERROR_NONE)
        error = begin_assembly(completion, &upload, &message);
    meta_upload_release(&upload);
    if (error == S3_ERROR_NONE)
        assemble(&completion->turn);
    else
        fail(completion, error, message);
}

/* The list's own MD5 was compared; checksums in the headers are about the object. */
static void on_document(struct s3_request *request, enum s3_error error, const char *message, int result,
                        void *ctx)
{
    struct completion *completion = (struct completion *)((char *)ctx - offsetof(struct completion, list));

    if (error == S3_ERROR_MISSING_REQUEST_BODY) {
        error = S3_ERROR_INVALID_REQUEST;
        message = "You must specify at least one part";
    }
    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    if ((error = s3_part_list_end(&completion->list, result)) != S3_ERROR_NONE) {
        s3_request_element(request, S3_ELEMENT_PART_NUMBER, completion->list.refused_number);
        s3_request_element(request, S3_ELEMENT_ETAG, completion->list.refused_etag);
        s3_answer_error(request, error);
    } else
        on_list(completion);
}

static void read_document(struct completion *completion)
{
    struct s3_request *request = completion->request;
    const struct s3_stream_reader reader = {
        .root = "CompleteMultipartUpload",
        .visit = s3_part_list_visit,
        .bytes_max = S3_COMPLETE_BYTES_MAX,
        .done = on_document,
        .ctx = &completion->list,
    };
    uint64_t length = http_body_length(request->http);

    s3_part_list_begin(&completion->list, &request->http->arena, length != UINT64_MAX ? length : 0);
    s3_stream_document(request, &reader);
}
_Static_assert(S3_PARTS_MAX *(sizeof(struct meta_complete_part) + sizeof(struct s3_listed_part)) +
                       3 * S3_XML_TEXT_BYTES_MAX <=
                   S3_STREAM_MEMORY_MAX,
               "what is charged is what is kept");

void s3_op_complete_upload(struct s3_request *request)
{
    struct completion *completion = s3_request_alloc(request, sizeof(*completion));
    const char *message = NULL;
    enum s3_error error;

    completion->request = request;
    error = s3_parameter_upload_id(request, completion->op.upload_id);
    if (error == S3_ERROR_NONE)
        error = s3_checksum_claim_read(&request->http->headers, true, &completion->claim, &message);
    if (error == S3_ERROR_NONE)
        error = s3_write_condition_read(request, &completion->condition);
    if (error == S3_ERROR_NONE && !s3_body_is_announced(request))
        error = S3_ERROR_MISSING_CONTENT_LENGTH;
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        read_document(completion);
}
