/* SPDX-License-Identifier: MIT
 *
 * Counting what buckets hold, where it has not been counted yet: a store from before there were counts, or one that is counted anew. What
 * changes meanwhile is counted by the engine with each row (sqlite/row_usage.c). Committer's thread. */
#include "metadata/meta_usage.h"

#include <errno.h>

#include "metadata/write/writer.h"

int op_usage_step(struct meta_writer *writer, struct meta_usage_step *op)
{
    int more = row_usage_step(writer->store, &writer->arena, META_USAGE_STEP_ROWS, &op->rows);

    op->more = more > 0;
    return more < 0 ? more : 0;
}

int op_usage_recount(struct meta_writer *writer, struct meta_usage_recount *op)
{
    return row_usage_recount(writer->store);
}

static bool bound_is_valid(uint64_t bound)
{
    return bound <= INT64_MAX || bound == META_QUOTA_NONE;
}

int op_quota_set(struct meta_writer *writer, struct meta_quota_set *op)
{
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (!bound_is_valid(op->quota.bytes_max) || !bound_is_valid(op->quota.objects_max))
        return -EINVAL;
    return row_quota_put(writer->store, op->bucket, &op->quota);
}
