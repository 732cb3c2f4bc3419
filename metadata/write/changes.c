/* SPDX-License-Identifier: MIT
 *
 * Which function runs which kind of change, and what a change weighs in its batch. The functions are in change_*.c. On the
 * committer's thread. */
#include <assert.h>
#include <errno.h>

#include "metadata/meta_journal.h"
#include "metadata/meta_lock.h"
#include "metadata/meta_settings.h"
#include "metadata/write/writer.h"

/* Parts and keys that weigh as much as one change, when a batch is filled. */
#define WEIGHT_ENTRIES 4u
/* Parts that were put together beforehand: what is left is to write the long row. */
#define WEIGHT_PARTS_READY 128u

int writer_op_run(struct meta_writer *writer, struct meta_op *op)
{
    switch (op->kind) {
    case META_OP_BUCKET_CREATE:
        return op_bucket_create(writer, (struct meta_bucket_create *)op);
    case META_OP_BUCKET_DELETE:
        return op_bucket_delete(writer, (struct meta_bucket_delete *)op);
    case META_OP_OBJECT_PUT:
        return op_object_put(writer, (struct meta_object_put *)op);
    case META_OP_OBJECT_DELETE:
        return op_object_delete(writer, (struct meta_object_delete *)op);
    case META_OP_OBJECT_COPY:
        return op_object_copy(writer, (struct meta_object_copy *)op);
    case META_OP_UPLOAD_CREATE:
        return op_upload_create(writer, (struct meta_upload_create *)op);
    case META_OP_UPLOAD_COMPLETE:
        return op_upload_complete(writer, (struct meta_upload_complete *)op);
    case META_OP_UPLOAD_ABORT:
        return op_upload_abort(writer, (struct meta_upload_abort *)op);
    case META_OP_PART_PUT:
        return op_part_put(writer, (struct meta_part_put *)op);
    case META_OP_PART_COPY:
        return op_part_copy(writer, (struct meta_part_copy *)op);
    case META_OP_GARBAGE_DONE:
        return op_garbage_done(writer, (struct meta_garbage_done *)op);
    case META_OP_SWEEP:
        return op_sweep(writer, (struct meta_sweep *)op);
    case META_OP_SETTING_PUT:
        return op_setting_put(writer, (struct meta_setting_put *)op);
    case META_OP_OBJECT_ANNOTATE:
        return op_object_annotate(writer, (struct meta_object_annotate *)op);
    case META_OP_OBJECT_LOCK:
        return op_object_lock(writer, (struct meta_object_lock *)op);
    case META_OP_BUCKET_VERSIONING:
        return op_bucket_versioning(writer, (struct meta_bucket_versioning *)op);
    case META_OP_OBJECT_RENAME:
        return op_object_rename(writer, (struct meta_object_rename *)op);
    case META_OP_REPLAY:
        return op_replay(writer, (struct meta_replay *)op);
    case META_OP_MARK:
        return op_mark_set(writer, (struct meta_mark_set *)op);
    case META_OP_LOST:
        return op_lost(writer, (struct meta_lost *)op);
    case META_OP_EPOCH_RAISE:
        return epoch_raise(writer, ((struct meta_epoch_raise *)op)->epoch);
    }
    assert(!"an op of no known kind");
    return -EINVAL;
}

static uint32_t upload_complete_weight(const struct meta_upload_complete *op)
{
    return 1 + op->part_count / (op->assembly != NULL ? WEIGHT_PARTS_READY : WEIGHT_ENTRIES);
}

uint32_t writer_op_weight(const struct meta_op *op)
{
    switch (op->kind) {
    case META_OP_OBJECT_DELETE:
        return 1 + ((const struct meta_object_delete *)op)->count / WEIGHT_ENTRIES;
    case META_OP_UPLOAD_COMPLETE:
        return upload_complete_weight((const struct meta_upload_complete *)op);
    case META_OP_GARBAGE_DONE:
        return 1 + ((const struct meta_garbage_done *)op)->count / WEIGHT_ENTRIES;
    case META_OP_SWEEP:
    case META_OP_MARK:
        return META_CLEAR_MAX / WEIGHT_ENTRIES;
    case META_OP_REPLAY:
        return META_BATCH_OPS_MAX; /* it was a batch */
    default:
        return 1;
    }
}
