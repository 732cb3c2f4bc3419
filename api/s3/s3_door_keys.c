/* SPDX-License-Identifier: MIT
 *
 * What doors keep for themselves. See s3_door.h. */
#include "api/s3/operations.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_request.h"
#include "api/s3/service/s3_service.h"

/* Whether the request's key is written through another door than the one by which it came, or none. */
static bool is_kept(const struct s3_request *request)
{
    const struct s3_doors *doors = s3_service_doors(request->service);
    const void *keeper =
        doors->keeper_of != NULL ? doors->keeper_of(doors->ctx, request->bucket_name, request->key) : NULL;

    return keeper != NULL && (request->door == NULL || request->door->keeper != keeper);
}

bool s3_door_is_written(const struct s3_request *request)
{
    return request->operation != NULL && request->operation->resource == S3_RESOURCE_OBJECT &&
           request->method != S3_GET && request->method != S3_HEAD && request->method != S3_DELETE;
}

bool s3_door_is_closed(const struct s3_request *request)
{
    return s3_door_is_written(request) && is_kept(request);
}

enum s3_error s3_door_judge_write(struct s3_request *request)
{
    if (!is_kept(request))
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_ACCESS_DENIED,
                       "This key belongs to a cache, and is written through its door alone.");
    return S3_ERROR_ACCESS_DENIED;
}
