/* SPDX-License-Identifier: MIT
 *
 * CreateMultipartUpload, AbortMultipartUpload, ListMultipartUploads. Worker's thread. */
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/op/op_page.h"
#include "api/s3/s3_operation.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

/* ---- CreateMultipartUpload ---- */

struct creation {
    struct s3_request *request;
    struct core_change change;
    struct meta_upload_create op;
    struct slice seal; /* base NULL: none */
};

static void answer_created(struct creation *creation)
{
    struct s3_request *request = creation->request;
    const struct meta_upload *upload = &creation->op.upload;
    char id[S3_UPLOAD_ID_TEXT_BYTES + 1];
    struct s3_xml xml;

    if (upload->checksum_algorithm != S3_CHECKSUM_NONE) {
        s3_answer_header_string(request, "x-amz-checksum-algorithm",
                                s3_checksum_name(upload->checksum_algorithm));
        s3_answer_header_string(request, "x-amz-checksum-type", s3_checksum_type_name(upload->checksum_type));
    }
    s3_encryption_answer(request, creation->seal);
    s3_upload_id_format(upload->id, id);
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "InitiateMultipartUploadResult" S3_XMLNS);
    s3_xml_string(&xml, "Bucket", request->bucket.name);
    s3_xml_key(&xml, "Key", request->key.base, request->key.len, false);
    s3_xml_string(&xml, "UploadId", id);
    s3_xml_close(&xml, "InitiateMultipartUploadResult");
    s3_answer_xml(request, 200, &xml);
}

static void on_created(struct core_change *change)
{
    struct creation *creation = change->ctx;

    if (creation->op.op.result != 0)
        s3_answer_result(creation->request, creation->op.op.result);
    else
        answer_created(creation);
}

/* The upload has the key that its parts are sealed under; it is not needed yet. */
static enum s3_error seal(struct creation *creation, const char **message)
{
    struct s3_encryption encryption;
    enum s3_error error = s3_encryption_begin(creation->request, &encryption, message);

    s3_encryption_forget(&encryption);
    creation->seal = encryption.value;
    if (error == S3_ERROR_NONE && encryption.how != ENVELOPE_NONE)
        s3_attribute_add(&creation->op.upload.attributes, META_ATTRIBUTE_SEAL, encryption.value);
    return error;
}

static enum s3_error prepare(struct creation *creation, const char **message)
{
    struct s3_request *request = creation->request;
    const struct http_headers *headers = &request->http->headers;
    struct meta_upload *upload = &creation->op.upload;
    enum s3_checksum_algorithm algorithm;
    enum s3_checksum_type type;
    struct s3_upload_access access;
    enum s3_error error;

    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL)
        return S3_ERROR_NOT_IMPLEMENTED; /* only PutObject appends */
    if ((error = s3_attributes_collect(&request->http->arena, headers, &request->effective,
                                       &upload->attributes)) != S3_ERROR_NONE ||
        (error = seal(creation, message)) != S3_ERROR_NONE ||
        (error = s3_tagging_add_header(request, &upload->attributes)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE ||
        (error = s3_lock_add_header(request, false, &upload->attributes)) != S3_ERROR_NONE ||
        (error = s3_replica_add_header(request, &upload->attributes)) != S3_ERROR_NONE ||
        (error = s3_checksum_upload_choose(s3_request_header(request, "x-amz-checksum-algorithm"),
                                           s3_request_header(request, "x-amz-checksum-type"), &algorithm,
                                           &type, message)) != S3_ERROR_NONE)
        return error;
    core_upload_id_make(upload->id);
    upload->key = request->key;
    upload->initiated_ms = clock_real_ms();
    upload->owner = access.owner;
    if (access.acl.len > 0)
        s3_attribute_add(&upload->attributes, META_ATTRIBUTE_ACL, access.acl);
    upload->checksum_algorithm = (uint8_t)algorithm;
    upload->checksum_type = (uint8_t)type;
    return S3_ERROR_NONE;
}

void s3_op_create_upload(struct s3_request *request)
{
    struct creation *creation = s3_request_alloc(request, sizeof(*creation));
    const char *message = NULL;
    enum s3_error error;

    creation->request = request;
    if ((error = prepare(creation, &message)) != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    creation->op.op.kind = META_OP_UPLOAD_CREATE;
    creation->op.bucket = request->bucket.id;
    creation->change = (struct core_change){.op = &creation->op.op, .done = on_created, .ctx = creation};
    core_change_submit(request->worker, &creation->change);
}

/* ---- AbortMultipartUpload ---- */

struct abortion {
    struct s3_request *request;
    struct core_change change;
    struct meta_upload_abort op;
};

static void on_aborted(struct core_change *change)
{
    struct abortion *abortion = change->ctx;

    if (abortion->op.op.result != 0)
        s3_answer_result(abortion->request, abortion->op.op.result);
    else
        s3_answer_empty(abortion->request, 204);
}

void s3_op_abort_upload(struct s3_request *request)
{
    struct abortion *abortion = s3_request_alloc(request, sizeof(*abortion));
    enum s3_error error = s3_parameter_upload_id(request, abortion->op.upload_id);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    abortion->request = request;
    abortion->op.op.kind = META_OP_UPLOAD_ABORT;
    abortion->op.bucket = request->bucket.id;
    abortion->op.key = request->key;
    abortion->change = (struct core_change){.op = &abortion->op.op, .done = on_aborted, .ctx = abortion};
    core_change_submit(request->worker, &abortion->change);
}

/* ---- ListMultipartUploads ---- */

#define UPLOADS_ROOT "ListMultipartUploadsResult"

struct upload_listing {
    struct s3_page page;
    struct slice key_marker, id_marker; /* as given; base NULL when absent */
    unsigned char marker_id[META_UPLOAD_ID_BYTES];
    struct slice last_key;
    char last_id[S3_UPLOAD_ID_TEXT_BYTES + 1]; /* empty when the last entry was a prefix */
};

static void write_upload(struct upload_listing *listing, const struct meta_upload *upload)
{
    struct s3_xml *xml = &listing->page.xml;
    uint8_t algorithm = upload->checksum_algorithm;

    s3_xml_open(xml, "Upload");
    s3_xml_key(xml, "Key", upload->key.base, upload->key.len, listing->page.url);
    s3_xml_string(xml, "UploadId", listing->last_id);
    s3_xml_owner(listing->page.request, xml, "Initiator", upload->owner);
    s3_xml_owner(listing->page.request, xml, "Owner", upload->owner);
    s3_xml_storage_class(xml, upload->storage_class);
    s3_xml_time(xml, "Initiated", upload->initiated_ms);
    if (algorithm != S3_CHECKSUM_NONE && algorithm < S3_CHECKSUM_COUNT) {
        s3_xml_string(xml, "ChecksumAlgorithm", s3_checksum_name(algorithm));
        s3_xml_string(xml, "ChecksumType", s3_checksum_type_name(upload->checksum_type));
    }
    s3_xml_close(xml, "Upload");
}

static int visit_upload(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    struct upload_listing *listing = ctx;
    struct slice key = upload != NULL ? upload->key : common_prefix;

    listing->last_id[0] = '\0';
    if (upload == NULL) {
        listing->last_key = s3_page_add_common(&listing->page, key);
    } else {
        listing->last_key = arena_dup(&listing->page.request->http->arena, key.base, key.len);
        s3_upload_id_format(upload->id, listing->last_id);
        write_upload(listing, upload);
    }
    return 0;
}

/* S3 tells it also where nothing follows, and of a common prefix only where something does. */
static struct slice next_key(const struct upload_listing *listing)
{
    return listing->page.truncated || listing->last_id[0] != '\0' ? listing->last_key : slice_of(NULL, 0);
}

/* In the order of S3's own examples. */
static void write_uploads_head(const struct upload_listing *listing, struct s3_xml *xml)
{
    s3_xml_open(xml, UPLOADS_ROOT S3_XMLNS);
    s3_xml_string(xml, "Bucket", listing->page.request->bucket.name);
    s3_xml_parameter(xml, "KeyMarker", listing->key_marker, listing->page.url);
    s3_xml_parameter(xml, "UploadIdMarker", listing->id_marker, false);
    s3_xml_parameter(xml, "NextKeyMarker", next_key(listing), listing->page.url);
    s3_xml_string(xml, "NextUploadIdMarker", listing->last_id);
    if (listing->page.delimiter.len > 0)
        s3_xml_parameter(xml, "Delimiter", listing->page.delimiter, listing->page.url);
    if (listing->page.prefix.base != NULL)
        s3_xml_parameter(xml, "Prefix", listing->page.prefix, listing->page.url);
    if (listing->page.url)
        s3_xml_string(xml, "EncodingType", "url");
    s3_xml_unsigned(xml, "MaxUploads", listing->page.limit);
    s3_xml_bool(xml, "IsTruncated", listing->page.truncated);
}

static void answer_uploads(struct upload_listing *listing)
{
    struct s3_request *request = listing->page.request;
    struct slice resume =
        s3_marker_resume(listing->key_marker, listing->page.prefix, listing->page.delimiter);
    bool is_group = resume.len < listing->key_marker.len;
    const struct meta_upload_query query = {
        .bucket = request->bucket.id,
        .prefix = listing->page.prefix,
        .delimiter = listing->page.delimiter,
        .key_marker = resume,
        /* Without a key the id says nothing, and S3 ignores it. */
        .id_marker = listing->key_marker.len > 0 && listing->id_marker.len > 0 && !is_group
                         ? listing->marker_id
                         : NULL,
        .limit = listing->page.limit,
    };
    struct s3_xml head;
    int result;

    s3_page_begin(&listing->page);
    result = meta_upload_list(core_worker_reader(request->worker), &query, visit_upload, listing,
                              &listing->page.truncated);
    if (s3_page_end(&listing->page, result, UPLOADS_ROOT, &head) != 0)
        return;
    write_uploads_head(listing, &head);
    s3_page_answer(&listing->page, &head);
}

void s3_op_list_uploads(struct s3_request *request)
{
    struct upload_listing *listing = s3_request_alloc(request, sizeof(*listing));

    listing->key_marker = s3_parameter_value(request, "key-marker");
    listing->id_marker = s3_parameter_value(request, "upload-id-marker");
    if (s3_page_read(&listing->page, request, "max-uploads") != 0)
        return;
    if (listing->key_marker.len > 0 && listing->id_marker.len > 0 &&
        s3_upload_id_parse(listing->id_marker, listing->marker_id) != S3_ERROR_NONE) {
        s3_answer_error(request, s3_request_argument(request, SLICE("upload-id-marker"), listing->id_marker,
                                                     "Invalid uploadId marker"));
        return;
    }
    answer_uploads(listing);
}
