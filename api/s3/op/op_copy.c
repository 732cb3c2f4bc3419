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

#include "api/s3/encryption/s3_recode.h"
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
#include "api/s3/op/settings/s3_tagging.h"
#include "storage/base/owner.h"
#include "storage/base/slice.h"

#define SELF_COPY_MESSAGE                                                                                    \
    "This copy request is illegal because it is trying to copy an object to itself without changing the "    \
    "object's metadata, "                                                                                    \
    "storage class, website redirect location or encryption attributes."

struct copy {
    struct s3_request *request;
    struct core_change change;
    struct meta_object_copy op;
    struct s3_copy_source source;
    struct s3_write_condition condition;
    struct s3_upload_access access;
    struct meta_attributes given;         /* what the request says */
    bool replaces;                        /* x-amz-metadata-directive: REPLACE */
    bool replaces_tags;                   /* x-amz-tagging-directive: REPLACE */
    bool excludes_annotations;            /* x-amz-object-annotation-directive: EXCLUDE */
    enum s3_checksum_algorithm algorithm; /* x-amz-checksum-algorithm, or NONE: as the source */
    enum s3_checksum_algorithm wanted;    /* of the copy; NONE: the source's checksum as it is */
    bool wants_md5;                       /* for the ETag of what was parts */
    struct s3_stored_checksum stored;
    struct s3_encryption encryption; /* of the copy */
    struct s3_recode recode;         /* where its bytes are written anew */
};

/* ---- Metadata ---- */

/* These belong to the copy itself: S3 does not take them over from the source. */
static bool is_own_setting(struct slice name)
{
    return slice_is(name, S3_ATTRIBUTE_STORAGE_CLASS) || slice_is(name, S3_ATTRIBUTE_WEBSITE_REDIRECT);
}

static bool has_own_setting(const struct meta_attributes *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++) {
        if (is_own_setting(attributes->list[i].name))
            return true;
    }
    return false;
}

static struct slice pool_copy(struct s3_request *request, struct slice bytes)
{
    return arena_dup(&request->http->arena, bytes.base, bytes.len);
}

/* The source's metadata with the request's own settings. */
static void merge_attributes(struct copy *copy, const struct meta_attributes *have)
{
    struct meta_attributes *merged = &copy->op.attributes;
    size_t bound = (size_t)have->count + copy->given.count + 1;

    merged->count = 0;
    merged->list = s3_request_alloc(copy->request, bound * sizeof(*merged->list));
    for (uint32_t i = 0; i < have->count; i++) {
        if (is_own_setting(have->list[i].name))
            continue;
        merged->list[merged->count++] = (struct meta_attribute){
            .name = pool_copy(copy->request, have->list[i].name),
            .value = pool_copy(copy->request, have->list[i].value),
        };
    }
    for (uint32_t i = 0; i < copy->given.count; i++) {
        if (is_own_setting(copy->given.list[i].name))
            merged->list[merged->count++] = copy->given.list[i];
    }
}

/* ---- The change ---- */

static void copy_submit(struct copy *copy);

static void answer_copied(struct copy *copy)
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
static enum s3_error judge(struct copy *copy)
{
    struct s3_request *request = copy->request;
    enum s3_error error;

    if ((error = s3_access_of_upload(request, &copy->access)) != S3_ERROR_NONE)
        return error;
    return s3_lock_for_object(request, true, &copy->op.lock);
}

/* One of the objects is another by now than the one that was judged, or that the copy was made from. */
static void copy_again(struct copy *copy)
{
    enum s3_error error;

    if ((error = s3_authorize_again(copy->request)) != S3_ERROR_NONE ||
        (error = judge(copy)) != S3_ERROR_NONE ||
        (error = s3_copy_source_judge(copy->request, &copy->source)) != S3_ERROR_NONE)
        s3_answer_error(copy->request, error);
    else
        copy_submit(copy);
}

static void copy_ended(struct copy *copy, int result)
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
    copy_ended(change->ctx, ((struct copy *)change->ctx)->op.op.result);
}

static int on_annotation(void *ctx, const struct meta_annotation *annotation)
{
    *(bool *)ctx = true;
    return 0;
}

/* Annotations are taken over by who may get them there and put them here. Where the source has none that asks for nothing, and the copy gets
 * none, whatever the source gets in between. */
static enum s3_error authorize_annotations(struct copy *copy, const struct meta_object *object)
{
    struct s3_request *request = copy->request;
    const struct s3_access here = {
        .object = &request->pinned, .action = S3_ACTION_PUT_OBJECT_ANNOTATION, .rights = S3_RIGHT_WRITE};
    bool any = false, more;
    enum s3_error error;
    int result = 0;

    if (!copy->excludes_annotations && object->annotations != 0)
        result = meta_annotation_list(core_worker_reader(request->worker), object->annotations,
                                      slice_of(NULL, 0), slice_of(NULL, 0), 1, on_annotation, &any, &more);
    if (result != 0)
        return s3_error_of_result(result);
    copy->op.leaves_annotations = !any;
    if (!any)
        return S3_ERROR_NONE;
    error = s3_copy_source_authorize_annotations(request, &copy->source);
    return error == S3_ERROR_NONE ? s3_authorize_access(request, &here) : error;
}

/* The tags that the copy will have are known now, and policies may speak of them. What is judged here is put: should the source get
 * other tags in between, the copy has those that it had. */
static enum s3_error authorize(struct copy *copy, const struct meta_object *object)
{
    struct s3_request *request = copy->request;
    enum s3_error error = S3_ERROR_NONE;

    if (!copy->replaces_tags) {
        copy->op.replace_tags = true;
        copy->op.tags = pool_copy(request, s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS));
        if (copy->op.tags.len > 0)
            error = s3_copy_source_authorize_tags(request, &copy->source);
    }
    if (error == S3_ERROR_NONE)
        error = authorize_annotations(copy, object);
    return error == S3_ERROR_NONE ? s3_authorize_upload(request, copy->op.tags) : error;
}

/* What a copy of parts is to be: the ETag is the MD5 where that of a PutObject would be. */
static void become_one(struct copy *copy, const struct meta_object *object)
{
    struct s3_request *request = copy->request;
    bool compares = request->is_signed && copy->algorithm == S3_CHECKSUM_NONE;

    copy->op.is_one_part = object->part_count > 0 && object->size <= S3_PUT_BYTES_MAX;
    copy->wants_md5 =
        copy->op.is_one_part && core_etag_is_md5(core_worker_core(request->worker), compares, object->size);
    copy->wanted = copy->algorithm;
    if (!copy->op.is_one_part || copy->wanted != S3_CHECKSUM_NONE)
        return;
    if (object->checksum.algorithm != S3_CHECKSUM_NONE && object->checksum.algorithm < S3_CHECKSUM_COUNT)
        copy->wanted = (enum s3_checksum_algorithm)object->checksum.algorithm;
    else if (copy->wants_md5) /* since it is read anyway */
        copy->wanted = S3_CHECKSUM_CRC64NVME;
}

/* Looks at the source as it is now, for what the change cannot decide by itself. */
static enum s3_error adapt_to_source(struct copy *copy, const struct meta_object *object)
{
    enum s3_error error = authorize(copy, object);
    bool merges = !copy->replaces && (has_own_setting(&copy->given) || has_own_setting(&object->attributes));

    copy->op.replace_attributes = copy->replaces || merges;
    copy->op.attributes = copy->given;
    become_one(copy, object);
    copy->op.replace_checksum = copy->wanted != S3_CHECKSUM_NONE;
    if (merges)
        merge_attributes(copy, &object->attributes);
    if (error == S3_ERROR_NONE &&
        (!copy->replaces_tags || merges || copy->op.replace_checksum || copy->op.is_one_part))
        s3_copy_source_keep(&copy->source, object);
    return error;
}

static void copy_fill(struct copy *copy)
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

static void copy_change(struct copy *copy)
{
    struct s3_request *request = copy->request;

    copy_fill(copy);
    copy->op.op.kind = META_OP_OBJECT_COPY;
    copy->change = (struct core_change){.op = &copy->op.op, .done = on_copied, .ctx = copy};
    core_change_submit(request->worker, &copy->change);
}

static void on_checksum(struct s3_stored_checksum *stored, int result)
{
    struct copy *copy = stored->ctx;

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
static void copy_compute(struct copy *copy, struct core_get *get, enum s3_checksum_algorithm algorithm,
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
    struct copy *copy = OWNER_OF(recode, struct copy, recode);

    s3_encryption_forget(&copy->encryption);
    memcpy(copy->op.etag, recode->etag, sizeof(copy->op.etag));
    copy->op.checksum = recode->checksum;
    copy_fill(copy);
    core_put_commit_copy(recode->put, &copy->op);
}

static void on_recoded(struct s3_recode *recode, int result)
{
    struct copy *copy = OWNER_OF(recode, struct copy, recode);

    s3_encryption_forget(&copy->encryption);
    copy_ended(copy, result);
}

/* Its bytes are written anew: the get is theirs from now on. */
static void copy_recode(struct copy *copy, struct core_get *get, const struct meta_object *object)
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

/* Whether the copy can share the source's bytes, though it is to have them under another key or of another kind: the key of the bytes is put into
 * another envelope then. Not where its ETag would have to become an MD5. */
static bool shares_sealed(const struct copy *copy, const struct meta_object *object, bool wants_digests)
{
    struct envelope source;
    struct slice value = s3_encryption_of(&object->attributes);

    if (value.base == NULL || copy->encryption.how == ENVELOPE_NONE || wants_digests ||
        envelope_read(value, &source) != 0)
        return false;
    return s3_encryption_hides_md5(copy->encryption.how) || !s3_encryption_hides_md5(source.how);
}

static enum s3_error share_sealed(struct copy *copy, const struct meta_object *object, const char **message)
{
    struct slice value = s3_encryption_of(&object->attributes);
    enum s3_error error = s3_encryption_begin_again(copy->request, &copy->encryption, value, message);

    s3_encryption_forget(&copy->encryption);
    copy->op.seal = copy->encryption.value;
    copy->op.seen_seal = pool_copy(copy->request, value);
    copy->op.replace_etag = s3_encryption_hides_md5(copy->encryption.how);
    if (copy->op.replace_etag)
        core_etag_make_random(copy->op.etag);
    return error;
}

/* Annotations are in the clear. */
static enum s3_error begin_recode(struct copy *copy, struct core_get *get, const struct meta_object *object,
                                  const char **message)
{
    enum s3_error error = s3_encryption_open(copy->request, S3_ENCRYPTION_SOURCE, get, object, message);

    if (error == S3_ERROR_NONE && !copy->op.leaves_annotations) {
        *message =
            "Encrypted objects get no annotations: leave them out (x-amz-object-annotation-directive).";
        return S3_ERROR_NOT_IMPLEMENTED;
    }
    if (error == S3_ERROR_NONE)
        error = s3_encryption_begin(copy->request, &copy->encryption, message);
    copy->op.seal = copy->encryption.value;
    return error;
}

enum way { WAY_PLAIN, WAY_SHARED, WAY_RECODED };

/* How source and copy are kept decides how the bytes come over. */
static enum s3_error choose_way(struct copy *copy, struct core_get *get, const struct meta_object *object,
                                bool wants_digests, enum way *way, const char **message)
{
    struct s3_request *request = copy->request;
    enum s3_error error = s3_encryption_ask(request, &copy->encryption, message);
    bool is_sealed = s3_encryption_of(&object->attributes).base != NULL;

    *way = WAY_PLAIN;
    copy->op.replace_seal = copy->op.replace_etag = false;
    copy->op.content = NULL;
    if (error != S3_ERROR_NONE)
        return error;
    if (!is_sealed && copy->encryption.how == ENVELOPE_NONE && !request->effective.decrypts_source)
        return S3_ERROR_NONE;
    copy->op.replace_seal = true;
    s3_copy_source_keep(&copy->source, object);
    *way = shares_sealed(copy, object, wants_digests) ? WAY_SHARED : WAY_RECODED;
    return *way == WAY_SHARED ? share_sealed(copy, object, message)
                              : begin_recode(copy, get, object, message);
}

static void copy_submit(struct copy *copy)
{
    struct s3_request *request = copy->request;
    static const struct digest_values none;
    enum s3_checksum_algorithm unknown;
    const struct meta_object *object;
    const char *message = NULL;
    struct core_get *get;
    enum s3_error error;
    enum way way;

    if (s3_copy_source_begin(request, &copy->source, &get, &object) != 0) {
        s3_copy_source_answer_failure(request, &copy->source);
        return;
    }
    if ((error = adapt_to_source(copy, object)) != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_error(request, error);
        return;
    }
    unknown = copy->wanted;
    if (unknown != S3_CHECKSUM_NONE &&
        s3_stored_checksum_known(object, &(struct s3_range){0, object->size}, unknown, &copy->op.checksum))
        unknown = S3_CHECKSUM_NONE;
    error = choose_way(copy, get, object, unknown != S3_CHECKSUM_NONE || copy->wants_md5, &way, &message);
    if (error != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_failure(request, error, message);
        return;
    }
    if (way == WAY_RECODED) {
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

static enum s3_error read_directives(struct copy *copy)
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

static enum s3_error read_algorithm(struct copy *copy, const char **message)
{
    struct slice name = s3_request_header(copy->request, "x-amz-checksum-algorithm");

    if (name.base == NULL || (copy->algorithm = s3_checksum_of_name(name)) != S3_CHECKSUM_NONE)
        return S3_ERROR_NONE;
    *message = "Checksum algorithm provided is unsupported.";
    return S3_ERROR_INVALID_REQUEST;
}

/* Whether a copy onto itself would change anything, as S3 sees it: a storage class that is given counts, be it the one there is.
 * An older version copied onto its key is how it is made current again. */
static bool changes_nothing(const struct copy *copy)
{
    const struct s3_request *request = copy->request;

    return copy->source.bucket.id == request->bucket.id && slice_equals(copy->source.key, request->key) &&
           !copy->source.version.given && !copy->replaces && !has_own_setting(&copy->given) &&
           s3_request_effective(request, S3_EFFECTIVE_STORAGE_CLASS).base == NULL &&
           !request->effective.encrypts;
}

static enum s3_error prepare(struct copy *copy, const char **message)
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
    struct copy *copy = s3_request_alloc(request, sizeof(*copy));
    const char *message = NULL;
    enum s3_error error;

    copy->request = request;
    error = prepare(copy, &message);
    if (error == S3_ERROR_NONE)
        copy_submit(copy);
    else
        s3_answer_failure(request, error, message);
}
