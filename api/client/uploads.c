/* SPDX-License-Identifier: MIT
 *
 * See uploads.h. */
#include "api/client/uploads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/text/base64.h"
#include "storage/digest/digest.h"

enum { CRC_BYTES = 8 };

void client_crc_format(uint64_t crc, char text[CLIENT_CRC_TEXT_BYTES])
{
    unsigned char bytes[CRC_BYTES];

    for (unsigned i = 0; i < CRC_BYTES; i++)
        bytes[i] = (unsigned char)(crc >> 8 * (CRC_BYTES - 1 - i));
    (void)base64_encode(bytes, CRC_BYTES, text);
}

bool client_crc_parse(const char *text, uint64_t *crc)
{
    unsigned char bytes[CRC_BYTES];

    if (text == NULL || base64_decode(slice_text(text), bytes, CRC_BYTES) != 0)
        return false;
    *crc = 0;
    for (unsigned i = 0; i < CRC_BYTES; i++)
        *crc = *crc << 8 | bytes[i];
    return true;
}

uint64_t client_crc_combine(uint64_t a, uint64_t b, uint64_t b_bytes)
{
    unsigned char left[CRC_BYTES], right[CRC_BYTES];
    uint64_t crc = 0;

    for (unsigned i = 0; i < CRC_BYTES; i++) {
        left[i] = (unsigned char)(a >> 8 * (CRC_BYTES - 1 - i));
        right[i] = (unsigned char)(b >> 8 * (CRC_BYTES - 1 - i));
    }
    digest_crc_combine(DIGEST_CRC64NVME, left, right, b_bytes);
    for (unsigned i = 0; i < CRC_BYTES; i++)
        crc = crc << 8 | left[i];
    return crc;
}

void client_sum_add(struct client_sum *sum, const void *data, size_t length)
{
    sum->crc = crc64nvme_update(sum->crc, data, length);
}

bool client_sum_is(const struct client_sum *sum, const char *crc64nvme)
{
    uint64_t want;

    return !client_crc_parse(crc64nvme, &want) || want == sum->crc;
}

static int visit_upload_id(void *ctx, const char *path, const char *text, size_t length)
{
    char **id = ctx;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0)
        return 0;
    free(*id);
    return (*id = strndup(text, length)) != NULL ? 0 : -1;
}

int client_upload_begin(struct client_session *session, const char *bucket, const char *key,
                        enum client_checksum checksum, const struct client_attribute *attributes,
                        size_t attribute_count, char **id)
{
    struct client_request *request = client_session_begin(session, "POST", bucket, key);
    int err;

    *id = NULL;
    client_request_query(request, "uploads", NULL);
    for (size_t i = 0; i < attribute_count; i++)
        client_request_header(request, attributes[i].name, attributes[i].value);
    if (checksum == CLIENT_CHECKSUM_CRC64NVME) {
        client_request_header(request, "x-amz-checksum-algorithm", "CRC64NVME");
        client_request_header(request, "x-amz-checksum-type", "FULL_OBJECT");
    }
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    if (session->answer.body_length == 0 ||
        s3_xml_parse(session->answer.body, session->answer.body_length, "InitiateMultipartUploadResult",
                     visit_upload_id, id) != 0 ||
        *id == NULL)
        return client_session_fail(session, -EPROTO, "the server's answer names no upload");
    return 0;
}

static int take_etag(struct client_session *session, const char *etag, size_t length,
                     struct client_part *part)
{
    struct slice text = slice_trim_any(slice_of(etag, length), "\"");

    if (text.len == 0 || text.len >= sizeof(part->etag))
        return client_session_fail(session, -EPROTO, "the server's answer has no ETag");
    (void)slice_copy(part->etag, text);
    part->etag[text.len] = '\0';
    return 0;
}

int client_upload_part(struct client_session *session, const char *bucket, const char *key, const char *id,
                       unsigned number, const struct client_bytes *bytes, enum client_checksum checksum,
                       struct client_part *part)
{
    struct client_request *request = client_session_begin(session, "PUT", bucket, key);
    const char *etag;
    int err;

    client_request_query_number(request, "partNumber", number);
    client_request_query(request, "uploadId", id);
    if ((err = client_request_bytes(session, bytes, checksum)) != 0)
        return err;
    part->has_crc = false;
    for (size_t i = 0; i < request->header_count; i++)
        if (slice_is(request->headers[i].name, "x-amz-checksum-crc64nvme"))
            part->has_crc = client_crc_parse(request->headers[i].value.base, &part->crc);
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    etag = client_answer_header(&session->answer, "etag");
    return take_etag(session, etag, etag != NULL ? strlen(etag) : 0, part);
}

struct copied {
    struct client_session *session;
    struct client_part *part;
    int err;
};

static int visit_copied(void *ctx, const char *path, const char *text, size_t length)
{
    struct copied *copied = ctx;

    if (strcmp(path, "CopyPartResult/ETag") == 0)
        copied->err = take_etag(copied->session, text, length, copied->part);
    return 0;
}

int client_upload_part_copy(struct client_session *session, const struct client_copy *copy, const char *id,
                            unsigned number, uint64_t offset, uint64_t length, struct client_part *part)
{
    struct client_request *request = client_session_begin(session, "PUT", copy->bucket, copy->key);
    struct copied copied = {session, part, -EPROTO};
    char range[64];
    int err;

    client_request_query_number(request, "partNumber", number);
    client_request_query(request, "uploadId", id);
    client_request_header(request, "x-amz-copy-source",
                          client_copy_source(session, copy->from_bucket, copy->from_key, copy->from_version));
    (void)snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, offset, offset + length - 1);
    client_request_header(request, "x-amz-copy-source-range", range);
    if (copy->if_match != NULL && copy->if_match[0] != '\0')
        client_request_header(request, "x-amz-copy-source-if-match", copy->if_match);
    if ((err = client_session_call_late(session)) != 0)
        return err;
    part->has_crc = false;
    if (session->answer.body_length == 0 ||
        s3_xml_parse(session->answer.body, session->answer.body_length, "CopyPartResult", visit_copied,
                     &copied) != 0 ||
        copied.err != 0)
        return client_session_fail(session, -EPROTO, "the server's answer has no ETag");
    return 0;
}

static struct slice write_completion(struct client_session *session, const struct client_part *parts,
                                     unsigned count, bool has_crc)
{
    char crc[CLIENT_CRC_TEXT_BYTES];
    struct s3_xml xml;

    s3_xml_init(&xml, &session->arena);
    s3_xml_open(&xml, "CompleteMultipartUpload" S3_XMLNS);
    for (unsigned i = 0; i < count; i++) {
        s3_xml_open(&xml, "Part");
        s3_xml_unsigned(&xml, "PartNumber", i + 1);
        s3_xml_string(&xml, "ETag", parts[i].etag);
        if (has_crc && parts[i].has_crc) {
            client_crc_format(parts[i].crc, crc);
            s3_xml_string(&xml, "ChecksumCRC64NVME", crc);
        }
        s3_xml_close(&xml, "Part");
    }
    s3_xml_close(&xml, "CompleteMultipartUpload");
    return slice_of(xml.data, xml.length);
}

int client_upload_complete(struct client_session *session, const char *bucket, const char *key,
                           const char *id, const struct client_part *parts, unsigned count,
                           const uint64_t *crc64nvme)
{
    struct client_request *request = client_session_begin(session, "POST", bucket, key);
    struct slice document = write_completion(session, parts, count, crc64nvme != NULL);
    char text[CLIENT_CRC_TEXT_BYTES];

    client_request_query(request, "uploadId", id);
    client_request_header(request, "content-type", "application/xml");
    if (crc64nvme != NULL) {
        client_crc_format(*crc64nvme, text);
        client_request_header(request, "x-amz-checksum-crc64nvme", text);
        client_request_header(request, "x-amz-checksum-type", "FULL_OBJECT");
    }
    client_request_body(request, document.base, document.len);
    return client_session_call_late(session);
}

int client_upload_abort(struct client_session *session, const char *bucket, const char *key, const char *id)
{
    client_request_query(client_session_begin(session, "DELETE", bucket, key), "uploadId", id);
    return client_session_call(session, NULL, NULL);
}
