/* SPDX-License-Identifier: MIT
 *
 * Counting what buckets hold, where it has not been counted yet: a store from before there were counts, or one that is counted anew. What
 * changes meanwhile is counted by the engine with each row (sqlite/row_usage.c). Committer's thread. */
#include "metadata/meta_usage.h"

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
