/* SPDX-License-Identifier: MIT
 *
 * Cache buckets: what makes a bucket one, counting what it holds already, and uses of its objects. The counts themselves are kept by
 * the engine, with each row (sqlite/row_tally.c). Committer's thread. */
#include "metadata/meta_cache.h"

#include <assert.h>
#include <errno.h>

#include "metadata/meta_settings.h"
#include "metadata/write/writer.h"

int bounds_check(struct meta_writer *writer, int64_t bucket, const struct object_row *row,
                 const struct object_row *current)
{
    struct tally_row tally;
    int is_cache = row_tally_get(writer->store, bucket, &tally);

    if (is_cache <= 0)
        return is_cache;
    if (current != NULL && tally.write_once)
        return META_E_WRITE_ONCE;
    return tally.object_bytes_max != 0 && row->size > tally.object_bytes_max ? META_E_OBJECT_SIZE : 0;
}

/* ---- Being a cache ---- */

/* What is counted is forgotten in slices; an empty one at once. */
static int cache_end(struct meta_writer *writer, int64_t bucket)
{
    const struct tally_row ending = {.state = META_CACHE_ENDING};
    int there = row_tally_get(writer->store, bucket, NULL);

    return there <= 0 ? there : row_tally_put(writer->store, bucket, &ending);
}

static int cache_begin(struct meta_writer *writer, const struct meta_cache_set *op)
{
    struct tally_row tally;
    int there = row_tally_get(writer->store, op->bucket, &tally);

    if (there < 0)
        return there;
    if (there == 0) {
        int used = row_bucket_is_used(writer->store, op->bucket);
        if (used < 0)
            return used;
        tally = (struct tally_row){.state = used > 0 ? META_CACHE_FILLING : META_CACHE_WHOLE};
    }
    tally.write_once = op->write_once;
    tally.object_bytes_max = op->object_bytes_max;
    return row_tally_put(writer->store, op->bucket, &tally);
}

int op_cache_set(struct meta_writer *writer, struct meta_cache_set *op)
{
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->object_bytes_max > INT64_MAX)
        return -EINVAL;
    if (op->document.len > META_SETTING_BYTES_MAX)
        return -E2BIG;
    if (op->document.base != NULL && writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_NEVER)
        return META_E_BUCKET_STATE;
    err = op->document.base != NULL ? cache_begin(writer, op) : cache_end(writer, op->bucket);
    return err != 0 ? err : row_setting_put(writer->store, op->bucket, META_SETTING_CACHE, op->document);
}

/* ---- Slices ---- */

static int step_fill(struct meta_writer *writer, int64_t bucket, struct tally_row *tally)
{
    int filled = row_tally_fill(writer->store, &writer->arena, bucket, META_CACHE_STEP_ROWS, writer->now_ms,
                                &tally->cursor);

    if (filled < 0)
        return filled;
    if (filled == 0)
        *tally = (struct tally_row){.state = META_CACHE_WHOLE,
                                    .write_once = tally->write_once,
                                    .object_bytes_max = tally->object_bytes_max};
    int err = row_tally_put(writer->store, bucket, tally);
    return err != 0 ? err : filled;
}

/* Where the bucket has been made a cache again meanwhile, it is counted from the first object on. */
static int step_drain(struct meta_writer *writer, int64_t bucket, struct tally_row *tally)
{
    int drained = row_tally_drain(writer->store, bucket, META_CACHE_STEP_ROWS);

    if (drained != 0)
        return drained;
    int is_cache = row_setting_find(writer->store, bucket, META_SETTING_CACHE);
    if (is_cache < 0)
        return is_cache;
    tally->state = META_CACHE_FILLING;
    int err =
        is_cache > 0 ? row_tally_put(writer->store, bucket, tally) : row_tally_delete(writer->store, bucket);
    return err != 0 ? err : is_cache;
}

int op_cache_step(struct meta_writer *writer, struct meta_cache_step *op)
{
    struct tally_row tally;
    int more = row_tally_get(writer->store, op->bucket, &tally);

    op->more = false;
    if (more <= 0 || tally.state == META_CACHE_WHOLE)
        return more < 0 ? more : 0;
    more = tally.state == META_CACHE_FILLING ? step_fill(writer, op->bucket, &tally)
                                             : step_drain(writer, op->bucket, &tally);
    op->more = more > 0;
    return more < 0 ? more : 0;
}

/* ---- Uses ---- */

int op_cache_touch(struct meta_writer *writer, struct meta_cache_touch *op)
{
    assert(op->uses != NULL || op->count == 0);
    assert(op->count <= META_CACHE_TOUCH_MAX);
    for (uint32_t i = 0; i < op->count; i++) {
        const struct meta_cache_use *use = &op->uses[i];
        int noted = row_use_put(writer->store, use->bucket, use->key, use->used_ms, use->if_before_ms);
        if (noted < 0)
            return noted;
    }
    return 0;
}
