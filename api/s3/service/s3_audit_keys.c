/* SPDX-License-Identifier: MIT
 *
 * Lines for the keys of a request that has many; see s3_audit.h. */
#include "api/s3/object/s3_version.h"
#include "api/s3/service/s3_audit.h"
#include "storage/base/text/percent.h"

void s3_audit_deleted(struct s3_request *request, struct slice key, struct slice version_text,
                      const struct meta_delete_entry *entry, enum s3_error error)
{
    struct slice version = version_text;
    char text[META_VERSION_TEXT_BYTES + 1];

    if (!http_request_is_audited(request->http))
        return;
    if (error == S3_ERROR_NONE && version.base == NULL && entry->marker_added)
        version = slice_of(text, meta_version_format(&entry->marker, text));
    http_request_audit(request->http, percent_encode_in(&request->http->arena, key, true), version,
                       error == S3_ERROR_NONE ? 204 : s3_error_status(error));
}
