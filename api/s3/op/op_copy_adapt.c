/* SPDX-License-Identifier: MIT
 *
 * What a copy becomes of its source as it is now: rights that follow from the source's tags and annotations, metadata that is put together,
 * and the digests that S3 gives a copy of parts. Worker's thread. */
#include "api/s3/op/op_copy.h"

#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_attributes.h"

/* ---- Metadata ---- */

/* These belong to the copy itself: S3 does not take them over from the source. */
static bool is_own_setting(struct slice name)
{
    return slice_is(name, S3_ATTRIBUTE_STORAGE_CLASS) || slice_is(name, S3_ATTRIBUTE_WEBSITE_REDIRECT);
}

bool s3_copy_has_own_setting(const struct meta_attributes *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++) {
        if (is_own_setting(attributes->list[i].name))
            return true;
    }
    return false;
}

struct slice s3_copy_keep(struct s3_request *request, struct slice bytes)
{
    return arena_dup(&request->http->arena, bytes.base, bytes.len);
}

/* The source's metadata with the request's own settings. */
static void merge_attributes(struct s3_copy *copy, const struct meta_attributes *have)
{
    struct meta_attributes *merged = &copy->op.attributes;
    size_t bound = (size_t)have->count + copy->given.count + 1;

    merged->count = 0;
    merged->list = s3_request_alloc(copy->request, bound * sizeof(*merged->list));
    for (uint32_t i = 0; i < have->count; i++) {
        if (is_own_setting(have->list[i].name))
            continue;
        merged->list[merged->count++] = (struct meta_attribute){
            .name = s3_copy_keep(copy->request, have->list[i].name),
            .value = s3_copy_keep(copy->request, have->list[i].value),
        };
    }
    for (uint32_t i = 0; i < copy->given.count; i++) {
        if (is_own_setting(copy->given.list[i].name))
            merged->list[merged->count++] = copy->given.list[i];
    }
}

/* ---- Rights ---- */

static int on_annotation(void *ctx, const struct meta_annotation *annotation)
{
    *(bool *)ctx = true;
    return 0;
}

/* Annotations are taken over by who may get them there and put them here. Where the source has none that asks for nothing, and the copy gets
 * none, whatever the source gets in between. */
static enum s3_error authorize_annotations(struct s3_copy *copy, const struct meta_object *object)
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
static enum s3_error authorize(struct s3_copy *copy, const struct meta_object *object)
{
    struct s3_request *request = copy->request;
    enum s3_error error = S3_ERROR_NONE;

    if (!copy->replaces_tags) {
        copy->op.replace_tags = true;
        copy->op.tags = s3_copy_keep(request, s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS));
        if (copy->op.tags.len > 0)
            error = s3_copy_source_authorize_tags(request, &copy->source);
    }
    if (error == S3_ERROR_NONE)
        error = authorize_annotations(copy, object);
    return error == S3_ERROR_NONE ? s3_authorize_upload(request, copy->op.tags) : error;
}

/* ---- The copy ---- */

/* What a copy of parts is to be: the ETag is the MD5 where that of a PutObject would be. */
static void become_one(struct s3_copy *copy, const struct meta_object *object)
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

enum s3_error s3_copy_adapt(struct s3_copy *copy, const struct meta_object *object)
{
    enum s3_error error = authorize(copy, object);
    bool merges = !copy->replaces &&
                  (s3_copy_has_own_setting(&copy->given) || s3_copy_has_own_setting(&object->attributes));

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
