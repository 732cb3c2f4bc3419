/* SPDX-License-Identifier: MIT
 *
 * See s3_audit.h. */
#include "api/s3/service/s3_audit.h"

#include "storage/base/text/percent.h"

void s3_audit_begin(struct s3_request *request)
{
    struct http_request *http = request->http;

    http->audit.is_change =
        request->method != S3_GET && request->method != S3_HEAD && request->method != S3_OPTIONS;
    if (!http_request_is_audited(http))
        return;
    http->audit.bucket = percent_encode_in(&http->arena, request->bucket_name, true);
    if (request->key.len > 0)
        http->audit.key = percent_encode_in(&http->arena, request->key, true);
}
