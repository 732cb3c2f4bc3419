/* SPDX-License-Identifier: MIT
 *
 * See s3_door.h. */
#include "api/s3/s3_door.h"

#include "api/s3/access/s3_person.h"
#include "api/s3/s3_request.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/service/s3_system.h"

static const char prefix[] = "cache/"; /* after "/-/" */

bool s3_door_is_called(const struct s3_request *request)
{
    return request->method == S3_POST && !request->virtual_hosted &&
           slice_is(request->bucket_name, "twirp") &&
           slice_has_prefix(request->key, "github.actions.results.api.v1.");
}

bool s3_door_is_addressed(const struct s3_request *request)
{
    return s3_door_is_called(request) || s3_person_asks(request) ||
           (s3_system_is_addressed(request) && slice_has_prefix(request->key, prefix));
}

enum s3_door_way s3_door_enter(struct s3_request *request)
{
    const struct s3_doors *doors =
        s3_person_asks(request) ? s3_service_pages(request->service) : s3_service_doors(request->service);

    return doors->enter != NULL ? doors->enter(doors->ctx, request) : S3_DOOR_ABSENT;
}
