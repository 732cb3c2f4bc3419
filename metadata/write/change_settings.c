/* SPDX-License-Identifier: MIT
 *
 * Setting and removing settings of buckets. Committer's thread. */
#include "metadata/meta_settings.h"

#include <errno.h>

#include "metadata/write/writer.h"

int op_setting_put(struct meta_writer *writer, struct meta_setting_put *op)
{
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->kind < 1 || op->kind >= META_SETTING_KIND_END || op->kind == META_SETTING_CACHE ||
        op->kind == META_SETTING_NOTIFICATION || op->kind == META_SETTING_NOTIFICATION_RULES ||
        op->kind == META_SETTING_REPLICATION || op->kind == META_SETTING_REPLICATION_RULES)
        return -EINVAL;
    if (op->document.len > META_SETTING_BYTES_MAX)
        return -E2BIG;
    /* Object lock keeps versions, so there must be some; and it is never taken off a bucket. */
    if (op->kind == META_SETTING_OBJECT_LOCK &&
        (op->document.base == NULL ||
         writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_ENABLED))
        return META_E_BUCKET_STATE;
    return row_setting_put(writer->store, op->bucket, op->kind, op->document);
}
