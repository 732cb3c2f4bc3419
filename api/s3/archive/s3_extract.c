/* SPDX-License-Identifier: MIT
 *
 * A path is cut after its first ".zip", as MinIO does it. */
#include "api/s3/archive/s3_extract.h"

#include <string.h>

#include "storage/base/text/names.h"

#define BORDER ".zip/"

static void add_parameter(struct s3_request *request, const char *name, struct slice value)
{
    size_t count = request->parameter_count;
    struct s3_parameter *parameters = s3_request_alloc(request, (count + 1) * sizeof(*parameters));

    if (count > 0)
        memcpy(parameters, request->parameters, count * sizeof(*parameters));
    parameters[count] = (struct s3_parameter){slice_text(name), value, true};
    request->parameters = parameters;
    request->parameter_count = count + 1;
}

/* How much of the path is the archive's key; 0: none. */
static size_t archive_length(struct slice path)
{
    const char *border = path.len > 0 ? memmem(path.base, path.len, BORDER, strlen(BORDER)) : NULL;

    return border != NULL ? (size_t)(border - path.base) + strlen(BORDER) - 1 : 0;
}

void s3_extract_apply(struct s3_request *request)
{
    bool is_listing = request->key.len == 0;
    const struct s3_parameter *prefix;
    struct slice path = request->key;
    size_t length;

    if (request->door != NULL || (request->method != S3_GET && request->method != S3_HEAD) ||
        !slice_is_nocase(s3_request_header(request, "x-minio-extract"), "true"))
        return;
    if (is_listing) {
        prefix = s3_request_parameter(request, "prefix");
        if (request->method != S3_GET || request->bucket_name.len == 0 || prefix == NULL)
            return;
        path = prefix->value;
    }
    /* A prefix is not held to what keys are. */
    if ((length = archive_length(path)) == 0 || !key_is_valid(path.base, length))
        return;
    request->key = slice_of(path.base, length);
    request->extracted = slice_of(path.base, length + 1);
    add_parameter(request, is_listing ? S3_MEMBERS_PARAMETER : S3_MEMBER_PARAMETER,
                  slice_from(path, length + 1));
}
