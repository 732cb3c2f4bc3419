/* SPDX-License-Identifier: MIT
 *
 * Reads of rows from the worker's own reader. They answer at once, on the worker's thread. */
#include "api/core/core_internal.h"

int core_bucket_get(struct core_worker *worker, struct slice name, struct meta_bucket *bucket)
{
    return meta_bucket_get(worker->reader, name, bucket);
}

int core_bucket_list(struct core_worker *worker, struct slice after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_bucket *bucket), void *ctx)
{
    return meta_bucket_list(worker->reader, after, limit, visit, ctx);
}

int core_object_head(struct core_worker *worker, int64_t bucket, struct slice key, struct meta_object *object)
{
    return meta_object_get(worker->reader, bucket, key, object);
}

void core_object_release(struct meta_object *object)
{
    meta_object_release(object);
}

int core_object_list(struct core_worker *worker, const struct meta_list_query *query,
                     int (*visit)(void *ctx, const struct meta_list_entry *entry), void *ctx, bool *truncated)
{
    return meta_object_list(worker->reader, query, visit, ctx, truncated);
}

int core_version_head(struct core_worker *worker, int64_t bucket, struct slice key,
                      const struct meta_version_id *version, struct meta_object *object)
{
    return meta_version_get(worker->reader, bucket, key, version, object);
}

int core_version_list(struct core_worker *worker, const struct meta_version_query *query,
                      int (*visit)(void *ctx, const struct meta_version_entry *entry), void *ctx,
                      bool *truncated)
{
    return meta_version_list(worker->reader, query, visit, ctx, truncated);
}

int core_upload_get(struct core_worker *worker, int64_t bucket, struct slice key,
                    const unsigned char id[META_UPLOAD_ID_BYTES], struct meta_upload *upload)
{
    return meta_upload_get(worker->reader, bucket, key, id, upload);
}

void core_upload_release(struct meta_upload *upload)
{
    meta_upload_release(upload);
}

int core_upload_list(struct core_worker *worker, const struct meta_upload_query *query,
                     int (*visit)(void *ctx, const struct meta_upload *upload, struct slice common_prefix),
                     void *ctx, bool *truncated)
{
    return meta_upload_list(worker->reader, query, visit, ctx, truncated);
}

int core_part_list(struct core_worker *worker, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                   uint32_t after, uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part),
                   void *ctx, bool *truncated)
{
    return meta_part_list(worker->reader, upload_id, after, limit, visit, ctx, truncated);
}

int core_assembly_create(struct core_worker *worker, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                         const struct meta_complete_part *parts, uint32_t part_count,
                         struct meta_assembly **assembly)
{
    return meta_assembly_create(worker->reader, upload_id, parts, part_count, assembly);
}

int core_assembly_step(struct meta_assembly *assembly, uint32_t limit,
                       int (*visit)(void *ctx, const struct meta_part *part), void *ctx, bool *more)
{
    return meta_assembly_step(assembly, limit, visit, ctx, more);
}

void core_assembly_free(struct meta_assembly *assembly)
{
    meta_assembly_free(assembly);
}
