/* SPDX-License-Identifier: MIT
 *
 * ListParts. Worker's thread; answers at once. */
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/s3_operation.h"

#define PARTS_ROOT "ListPartsResult"

struct part_listing {
    struct s3_request *request;
    struct s3_xml xml; /* the entries, and what follows them */
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    uint32_t after, limit, last;
    bool truncated, tells_checksums;
};

static int visit_part(void *ctx, const struct meta_part *part)
{
    struct part_listing *listing = ctx;
    struct s3_xml *xml = &listing->xml;

    s3_xml_open(xml, "Part");
    s3_xml_unsigned(xml, "PartNumber", part->number);
    s3_xml_time(xml, "LastModified", part->modified_ms);
    s3_xml_etag(xml, part->etag);
    s3_xml_unsigned(xml, "Size", part->size);
    if (listing->tells_checksums)
        s3_xml_checksum_value(xml, &part->checksum, 0);
    s3_xml_close(xml, "Part");
    listing->last = part->number;
    return 0;
}

/* In the order of S3's own examples. */
static void write_parts_head(const struct part_listing *listing, const struct meta_upload *upload,
                             struct s3_xml *xml)
{
    const struct s3_request *request = listing->request;
    char id[S3_UPLOAD_ID_TEXT_BYTES + 1];
    uint8_t algorithm = upload->checksum_algorithm;

    s3_upload_id_format(upload->id, id);
    s3_xml_open(xml, PARTS_ROOT S3_XMLNS);
    s3_xml_string(xml, "Bucket", request->bucket.name);
    s3_xml_key(xml, "Key", request->key.base, request->key.len, false);
    s3_xml_string(xml, "UploadId", id);
    s3_xml_owner(request, xml, "Initiator", upload->owner);
    s3_xml_owner(request, xml, "Owner", upload->owner);
    s3_xml_storage_class(xml, s3_attribute_get(&upload->attributes, META_ATTRIBUTE_STORAGE_CLASS));
    if (algorithm != S3_CHECKSUM_NONE && algorithm < S3_CHECKSUM_COUNT) {
        s3_xml_string(xml, "ChecksumAlgorithm", s3_checksum_name(algorithm));
        s3_xml_string(xml, "ChecksumType", s3_checksum_type_name(upload->checksum_type));
    }
    s3_xml_unsigned(xml, "PartNumberMarker", listing->after);
    /* S3 always names it: the last part told, or 0. The paginator of AWS's SDK for JavaScript looks at nothing else, and begins anew
     * after the last page (those of other languages did, and look at IsTruncated by now). */
    if (listing->truncated || !s3_request_is_from(request, "aws-sdk-js/"))
        s3_xml_unsigned(xml, "NextPartNumberMarker", listing->last);
    s3_xml_unsigned(xml, "MaxParts", listing->limit);
    s3_xml_bool(xml, "IsTruncated", listing->truncated);
}

static void answer_parts(struct part_listing *listing, const struct meta_upload *upload)
{
    struct s3_request *request = listing->request;
    struct s3_xml head;
    int result;

    s3_xml_init_rest(&listing->xml, &request->http->arena);
    listing->tells_checksums = upload->checksum_algorithm != S3_CHECKSUM_NONE;
    result = meta_part_list(core_worker_reader(request->worker), listing->upload_id, listing->after,
                            listing->limit, visit_part, listing, &listing->truncated);
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_close(&listing->xml, PARTS_ROOT);
    s3_xml_init(&head, &request->http->arena);
    write_parts_head(listing, upload, &head);
    s3_xml_prepend(&listing->xml, &head);
    s3_answer_xml(request, 200, &listing->xml);
}

void s3_op_list_parts(struct s3_request *request)
{
    struct part_listing *listing = s3_request_alloc(request, sizeof(*listing));
    enum s3_error error = s3_parameter_upload_id(request, listing->upload_id);
    struct meta_upload upload;
    int result;

    listing->request = request;
    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (s3_parameter_count(request, "max-parts", META_LIST_ENTRIES_MAX, META_LIST_ENTRIES_MAX,
                           &listing->limit) != 0 ||
        s3_parameter_count(request, "part-number-marker", 0, META_PART_NUMBER_MAX, &listing->after) != 0)
        return;
    result = meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key,
                             listing->upload_id, &upload);
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    answer_parts(listing, &upload);
    meta_upload_release(&upload);
}
