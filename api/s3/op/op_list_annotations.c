/* SPDX-License-Identifier: MIT
 *
 * ListObjectAnnotations. Worker's thread; answers at once. */
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_annotation_name.h"

#define ROOT "ListObjectAnnotationsOutput"

struct annotation_listing {
    struct s3_request *request;
    struct s3_xml xml;
    struct slice prefix, token, after, last; /* token: as given */
    uint32_t limit, count;
    bool truncated;
};

static int visit_annotation(void *ctx, const struct meta_annotation *annotation)
{
    struct annotation_listing *listing = ctx;
    uint8_t algorithm = annotation->checksum.algorithm;
    struct s3_xml *xml = &listing->xml;

    s3_xml_open(xml, "AnnotationEntry");
    s3_xml_text(xml, "AnnotationName", annotation->name.base, annotation->name.len);
    s3_xml_time(xml, "LastModified", annotation->modified_ms);
    s3_xml_etag(xml, annotation->etag);
    if (algorithm != S3_CHECKSUM_NONE && algorithm < S3_CHECKSUM_COUNT)
        s3_xml_string(xml, "ChecksumAlgorithm", s3_checksum_name(algorithm));
    s3_xml_unsigned(xml, "Size", annotation->size);
    s3_xml_close(xml, "AnnotationEntry");
    if (++listing->count == listing->limit)
        listing->last =
            arena_dup(&listing->request->http->arena, annotation->name.base, annotation->name.len);
    return 0;
}

/* In the order of S3's model, which has these after the entries. */
static void write_rest(struct annotation_listing *listing)
{
    struct s3_request *request = listing->request;
    struct s3_xml *xml = &listing->xml;

    s3_xml_string(xml, "Bucket", request->bucket.name);
    s3_xml_key(xml, "Key", request->key.base, request->key.len, false);
    if (listing->prefix.base != NULL)
        s3_xml_parameter(xml, "AnnotationPrefix", listing->prefix, false);
    s3_xml_unsigned(xml, "MaxAnnotationResults", listing->limit);
    s3_xml_unsigned(xml, "AnnotationCount", listing->count);
    if (listing->token.base != NULL)
        s3_xml_parameter(xml, "ContinuationToken", listing->token, false);
    if (listing->truncated) {
        struct slice next = s3_token_make(request, listing->last);

        s3_xml_text(xml, "NextContinuationToken", next.base, next.len);
    }
}

static int list(struct annotation_listing *listing, const struct meta_object *object)
{
    if (object->annotations == 0)
        return 0;
    return meta_annotation_list(core_worker_reader(listing->request->worker), object->annotations,
                                listing->prefix, listing->after, listing->limit, visit_annotation, listing,
                                &listing->truncated);
}

static void answer_annotations(struct annotation_listing *listing, const struct meta_object *object)
{
    struct s3_request *request = listing->request;
    int result;

    s3_xml_init(&listing->xml, &request->http->arena);
    s3_xml_open(&listing->xml, ROOT S3_XMLNS);
    s3_xml_open(&listing->xml, "Annotations");
    if ((result = list(listing, object)) != 0) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_close(&listing->xml, "Annotations");
    write_rest(listing);
    s3_xml_close(&listing->xml, ROOT);
    s3_version_answer(request, &request->bucket, "x-amz-object-version-id", &object->version);
    s3_answer_xml(request, 200, &listing->xml);
}

/* ---- Parameters ---- */

static enum s3_error read_limit(struct annotation_listing *listing)
{
    struct slice text = s3_parameter_value(listing->request, "max-annotation-results");
    uint64_t limit = META_ANNOTATIONS_MAX;

    if (text.base != NULL &&
        (s3_number_parse(text.base, text.len, META_ANNOTATIONS_MAX, &limit) != 0 || limit == 0))
        return s3_request_argument(listing->request, SLICE("max-annotation-results"), text,
                                   "max-annotation-results must be between 1 and 1000");
    listing->limit = (uint32_t)limit;
    return S3_ERROR_NONE;
}

static enum s3_error read_parameters(struct annotation_listing *listing)
{
    struct s3_request *request = listing->request;
    enum s3_error error = read_limit(listing);

    if (error != S3_ERROR_NONE)
        return error;
    listing->prefix = s3_parameter_value(request, "annotation-prefix");
    listing->token = s3_parameter_value(request, "continuation-token");
    if (!s3_annotation_prefix_is_valid(listing->prefix))
        return S3_ERROR_INVALID_PREFIX;
    if (listing->token.base != NULL &&
        s3_token_read(request, listing->token, META_ANNOTATION_NAME_BYTES_MAX, &listing->after) != 0)
        return s3_request_argument(request, SLICE("continuation-token"), slice_of(NULL, 0),
                                   "The continuation token provided is incorrect");
    return S3_ERROR_NONE;
}

void s3_op_list_object_annotations(struct s3_request *request)
{
    struct annotation_listing *listing = s3_request_alloc(request, sizeof(*listing));
    const struct meta_object *object;
    struct core_get *get;
    enum s3_error error;

    listing->request = request;
    if ((error = read_parameters(listing)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (s3_version_head(request, &get, &object) != 0)
        return;
    answer_annotations(listing, object);
    core_get_end(get);
}
