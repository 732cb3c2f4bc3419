/* SPDX-License-Identifier: MIT
 *
 * How far the permission WRITE of a bucket's ACL goes. S3: it lets others create objects; existing ones are replaced and deleted by their owners.
 * What is an own object is asked here, so that nobody sends a body in vain, and once more in the transaction (request->only_over).
 *
 * An upload whose object is to be the bucket owner's (BucketOwnerPreferred) is his from the beginning. Worker's thread. */
#include "api/s3/access/s3_access.h"

#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_operation.h"
#include "storage/base/slice.h"

static bool is_callers(const struct s3_request *request, struct slice owner)
{
    return request->identity != NULL && slice_equals(owner, slice_text(request->owner_id));
}

/* What is not there is nobody's, and the operation says so. */
static bool upload_is_own(struct s3_request *request)
{
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct meta_upload upload;
    bool is_own;
    int result;

    if (s3_parameter_upload_id(request, id) != S3_ERROR_NONE)
        return true;
    result =
        meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key, id, &upload);
    if (result != 0)
        return result == META_E_NO_UPLOAD;
    is_own = is_callers(request, upload.owner);
    meta_upload_release(&upload);
    return is_own;
}

static bool object_is_own(struct s3_request *request, const struct s3_access *access)
{
    struct s3_pinned current = s3_pinned_named(access->object->bucket, access->object->key, NULL);
    bool is_own;
    int result = s3_pinned_look(request, &current); /* what binds is request->only_over */

    if (result != 0)
        return s3_pinned_is_absence(result);
    is_own = is_callers(request, current.object->owner);
    s3_pinned_end(&current);
    return is_own;
}

bool s3_access_is_own(struct s3_request *request, const struct s3_access *access)
{
    bool names_upload = access->object->key.len > 0 && s3_request_has(request, "uploadId");
    struct slice *owner;

    /* An upload that is nobody's own could not be gone on with. */
    if (names_upload ? !upload_is_own(request)
                     : request->identity == NULL && s3_request_has(request, "uploads"))
        return false;
    if (access->action == S3_ACTION_ABORT_MULTIPART_UPLOAD ||
        access->action == S3_ACTION_LIST_MULTIPART_UPLOAD_PARTS)
        return true;
    if (!object_is_own(request, access))
        return false;
    owner = s3_request_alloc(request, sizeof(*owner));
    *owner = slice_text(request->owner_id);
    request->only_over = owner;
    return true;
}
