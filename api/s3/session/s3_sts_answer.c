/* SPDX-License-Identifier: MIT
 *
 * See s3_sts_answer.h. */
#include "api/s3/session/s3_sts_answer.h"

#include <stdio.h>

#include "api/s3/service/s3_service.h"
#include "api/s3/session/s3_sts.h"

#define XMLNS         " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""
#define TAG_BYTES_MAX 128u

/* Secrets stay out of caches, whoever keeps them. */
static void answer(struct s3_request *request, int status, struct s3_xml *xml)
{
    s3_answer_header(request, "cache-control", LITERAL("no-store"));
    s3_answer_header(request, "x-amzn-requestid", request->request_id, 16);
    s3_answer_xml(request, status, xml);
}

void s3_sts_answer_begin(struct s3_request *request, struct s3_xml *xml, const char *action)
{
    char tag[TAG_BYTES_MAX];

    s3_xml_init(xml, &request->http->arena);
    snprintf(tag, sizeof(tag), "%sResponse" XMLNS, action);
    s3_xml_open(xml, tag);
    snprintf(tag, sizeof(tag), "%sResult", action);
    s3_xml_open(xml, tag);
}

void s3_sts_answer_end(struct s3_request *request, struct s3_xml *xml, const char *action)
{
    char tag[TAG_BYTES_MAX];

    snprintf(tag, sizeof(tag), "%sResult", action);
    s3_xml_close(xml, tag);
    s3_xml_open(xml, "ResponseMetadata");
    s3_xml_string(xml, "RequestId", request->request_id);
    s3_xml_close(xml, "ResponseMetadata");
    snprintf(tag, sizeof(tag), "%sResponse", action);
    s3_xml_close(xml, tag);
    answer(request, 200, xml);
}

void s3_sts_count(struct s3_request *request, unsigned what)
{
    s3_service_count(request->service, http_worker_index(http_request_worker(request->http)), what);
}

void s3_sts_refuse(struct s3_request *request, int status, const char *code, const char *message)
{
    struct s3_xml xml;

    s3_sts_count(request, S3_STS_COUNT_REFUSED);
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "ErrorResponse" XMLNS);
    s3_xml_open(&xml, "Error");
    s3_xml_string(&xml, "Type", status < 500 ? "Sender" : "Receiver");
    s3_xml_string(&xml, "Code", code);
    s3_xml_string(&xml, "Message", message);
    s3_xml_close(&xml, "Error");
    s3_xml_string(&xml, "RequestId", request->request_id);
    s3_xml_close(&xml, "ErrorResponse");
    answer(request, status, &xml);
}

void s3_sts_answer_error(struct s3_request *request, enum s3_error error)
{
    static const struct {
        enum s3_error error;
        int status;
        const char *code;
    } words[] = {
        {S3_ERROR_INVALID_ACCESS_KEY_ID, 403, "InvalidClientTokenId"},
        {S3_ERROR_INVALID_TOKEN, 403, "InvalidClientTokenId"},
        {S3_ERROR_EXPIRED_TOKEN, 403, "ExpiredToken"},
        {S3_ERROR_REQUEST_TIME_TOO_SKEWED, 403, "SignatureDoesNotMatch"},
        {S3_ERROR_REQUEST_EXPIRED, 403, "RequestExpired"},
        {S3_ERROR_AUTHORIZATION_HEADER_MALFORMED, 400, "IncompleteSignature"},
        {S3_ERROR_AUTHORIZATION_QUERY_PARAMETERS, 400, "IncompleteSignature"},
        {S3_ERROR_INTERNAL_ERROR, 500, "InternalFailure"},
    };
    const char *message = request->explained == error && request->explanation != NULL
                              ? request->explanation
                              : s3_error_message(error);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].error == error) {
            s3_sts_refuse(request, words[i].status, words[i].code, message);
            return;
        }
    s3_sts_refuse(request, s3_error_status(error), s3_error_code(error), message);
}
