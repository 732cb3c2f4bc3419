/* SPDX-License-Identifier: MIT
 *
 * See s3_quota.h. What the counts say is looked at first; only where that is too little is it looked up what would be replaced. */
#include "api/s3/body/s3_quota.h"

#include "api/core/quota.h"

static struct meta *meta_of(struct s3_request *request)
{
    return core_meta(core_worker_core(request->worker));
}

bool s3_quota_is_asked(struct s3_request *request)
{
    return meta_quotas_any(meta_of(request));
}

/* What goes when the key gets another object: how many objects, and bytes. Where all versions are kept, none. */
static uint64_t object_replaced(struct s3_request *request, uint64_t *bytes)
{
    static const struct meta_version_id null_version;
    bool appends = s3_request_header(request, "x-amz-write-offset-bytes").base != NULL;
    struct meta_object object;

    *bytes = 0;
    if (request->bucket.versioning == META_VERSIONING_ENABLED ||
        meta_version_get(core_worker_reader(request->worker), request->bucket.id, request->key, &null_version,
                         &object) != 0)
        return 0;
    *bytes = appends ? 0 : object.size;
    meta_object_release(&object);
    return 1;
}

static uint64_t sum_of(uint64_t left, uint64_t more)
{
    return left > UINT64_MAX - more ? UINT64_MAX : left + more;
}

bool s3_quota_room(struct s3_put *put, uint64_t wanted, uint64_t *room)
{
    struct meta_quota left = meta_quota_room(meta_of(put->request), put->request->bucket.id);
    bool is_object = put->replaced == NULL;
    uint64_t bytes = 0, objects = 0;

    if (left.bytes_max < wanted || (is_object && left.objects_max == 0)) {
        if (is_object)
            objects = object_replaced(put->request, &bytes);
        else
            bytes = put->replaced(put);
    }
    *room = sum_of(left.bytes_max, bytes);
    return !is_object || left.objects_max > 0 || objects > 0;
}
