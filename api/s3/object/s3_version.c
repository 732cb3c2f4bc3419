/* SPDX-License-Identifier: MIT
 *
 * Version ids in requests and answers. Worker's thread. */
#include "api/s3/object/s3_version.h"

#include <string.h>

#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/slice.h"

enum s3_error s3_version_read(struct s3_request *request, struct s3_version *version)
{
    struct slice text = s3_parameter_value(request, "versionId");

    version->given = text.base != NULL;
    if (!version->given || meta_version_parse(text, &version->id) == 0)
        return S3_ERROR_NONE;
    return s3_request_argument(request, SLICE("versionId"), text,
                               text.len == 0 ? "Version id cannot be the empty string"
                                             : "Invalid version id specified");
}

/* 404: the current version is a marker; 405: the marker was asked for by its id, or for its tags, or something was to be put on it. It
 * can only be deleted. */
static void answer_marker(struct s3_request *request, const struct s3_pinned *pinned)
{
    char date[S3_TIME_HTTP_BYTES + 1];

    s3_answer_header_string(request, "x-amz-delete-marker", "true");
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &pinned->marker_version);
    if (!pinned->has_version && request->method != S3_PUT && !s3_request_has(request, "tagging")) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_KEY);
        return;
    }
    s3_time_http_format(pinned->marker_modified_ms, date);
    s3_answer_header(request, "last-modified", date, S3_TIME_HTTP_BYTES);
    s3_answer_header_string(request, "allow", "DELETE");
    s3_request_element(request, S3_ELEMENT_RESOURCE_TYPE, SLICE("DeleteMarker"));
    s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
}

void s3_version_answer_failure(struct s3_request *request, const struct s3_pinned *pinned)
{
    if (pinned->result == META_E_DELETE_MARKER) {
        answer_marker(request, pinned);
        return;
    }
    if (pinned->result == META_E_NO_VERSION) {
        char text[META_VERSION_TEXT_BYTES + 1];
        size_t length = meta_version_format(&pinned->version, text);

        s3_request_element(request, S3_ELEMENT_VERSION_ID, arena_dup(&request->http->arena, text, length));
    }
    s3_answer_result(request, pinned->result);
}

void s3_version_answer_change_failure(struct s3_request *request, const struct s3_version *version,
                                      int result)
{
    struct s3_pinned again = s3_pinned_named(&request->bucket, request->key, s3_version_wanted(version));

    /* A look, for what the answer tells of the marker. It may be gone by now. To a change without a version a marker is no object. */
    if (result == META_E_DELETE_MARKER || result == META_E_NO_KEY)
        result =
            s3_pinned_look(request, &again) == META_E_DELETE_MARKER ? META_E_DELETE_MARKER : META_E_NO_KEY;
    s3_pinned_end(&again);
    again.result = result;
    s3_version_answer_failure(request, &again);
}

int s3_version_head(struct s3_request *request, struct core_get **get, const struct meta_object **object)
{
    struct s3_version version;
    enum s3_error error = s3_version_read(request, &version);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return -1;
    }
    if (s3_pinned_take(request, &request->pinned, get, object) == 0)
        return 0;
    s3_version_answer_failure(request, &request->pinned);
    return -1;
}

void s3_version_answer(struct s3_request *request, const struct meta_bucket *bucket, const char *header,
                       const struct meta_version_id *id)
{
    char text[META_VERSION_TEXT_BYTES + 1];
    size_t length;

    if (bucket->versioning == META_VERSIONING_NEVER)
        return;
    length = meta_version_format(id, text);
    s3_answer_header(request, header, text, length);
}

void s3_version_answer_new(struct s3_request *request, const struct meta_bucket *bucket,
                           const struct meta_version_id *id)
{
    if (!meta_version_is_null(id))
        s3_version_answer(request, bucket, "x-amz-version-id", id);
}
