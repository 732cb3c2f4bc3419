/* SPDX-License-Identifier: MIT
 *
 * The changes of a relaxed store that no client asks for: keeping what is replaced until the bytes that replaced it are on the disk, moving
 * the mark, and dropping rows whose bytes did not come through a power failure. See meta_relaxed.h. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "metadata/meta_relaxed.h"

/* ---- Keeping ---- */

int replaced_keep(struct meta_writer *writer, int64_t bucket, struct slice key)
{
    bool is_null_version;
    int64_t row;

    if (!writer->meta->options.keeps_replaced)
        return 0;
    int found = row_replaced_newest(writer->store, bucket, key, &row, &is_null_version);
    if (found < 0 || (found > 0 && row > atomic_load(&writer->meta->replaced_floor)))
        return found < 0 ? found : 0;
    if (writer->replaced_row == INT64_MAX)
        return META_E_CORRUPT; /* nobody has counted so far */
    return row_replaced_keep(writer->store, bucket, key, ++writer->replaced_row);
}

/* Gives up the first kept row from *row on, which becomes that one: 1, 0 when there is none up to `last`, or an error. */
static int replaced_drop(struct meta_writer *writer, int64_t *row, int64_t last)
{
    struct object_row held = {0};
    int err,
        found = row_replaced_take(writer->store, &writer->arena, row, last, &held.extents, &held.annotations);

    if (found <= 0)
        return found;
    assert(*row <= last);
    err = references_give_up(writer, &held);
    return err != 0 ? err : 1;
}

/* ---- The mark ---- */

int op_mark_set(struct meta_writer *writer, struct meta_mark_set *op)
{
    uint32_t others = writer->clear_left; /* a share of its own, as the sweep has */
    uint64_t open[META_MARK_OPEN_MAX];
    int64_t last = op->replaced < writer->replaced_row ? op->replaced : writer->replaced_row, row = 0;
    int found = 1;

    if (op->mark.open_count > META_MARK_OPEN_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < op->mark.open_count; i++)
        open[i] = htole64(op->mark.open[i]);
    int err = row_mark_put(writer->store, op->mark.file,
                           slice_of(open, op->mark.open_count * sizeof(open[0])), last);
    if (err != 0)
        return err;
    writer->clear_left = writer_clear_max(writer);
    while (found > 0 && writer->clear_left > 0) {
        writer->clear_left--; /* a row may have no extents */
        found = replaced_drop(writer, &row, last);
    }
    assert(writer->clear_left <= writer_clear_max(writer));
    writer->clear_left = others;
    op->more = found > 0;
    return found < 0 ? found : 0;
}

/* ---- Rows without bytes ---- */

static int lost_version(struct meta_writer *writer, const struct meta_row_name *name, struct slice key)
{
    struct version_row row;
    int err, found = row_version_get(writer->store, &writer->arena, name->bucket, key, &name->version, &row);

    assert(key.len == name->key_length);
    if (found <= 0)
        return found;
    err = row_version_delete(writer->store, name->bucket, key, &row);
    return err != 0 ? err : references_give_up(writer, &row.object);
}

/* What the key has instead of an object that is lost: 1 when that is an older object, 0, or an error. What was kept takes the place of what
 * was overwritten, which among versions can only be the null version. */
static int lost_replace(struct meta_writer *writer, int64_t bucket, struct slice key,
                        const struct object_row *lost)
{
    bool has_versions = writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER;
    struct row_counters counters;
    bool is_null_version;
    int64_t row;
    int err, found = meta_version_is_null(&lost->version)
                         ? row_replaced_newest(writer->store, bucket, key, &row, &is_null_version)
                         : 0;

    /* What was replaced may still be there up to given_up, but what came after it is on the disk, be it a deletion. */
    if (found < 0 || (err = row_counters_get(writer->store, &counters)) != 0)
        return found < 0 ? found : err;
    if (found == 0 || !is_null_version || row <= counters.given_up)
        return has_versions ? version_promote(writer, bucket, key) : 0;
    err = row_replaced_restore(writer->store, bucket, key, row);
    return err != 0 ? err : 1;
}

static int lost_object(struct meta_writer *writer, const struct meta_row_name *name, struct slice key,
                       uint32_t *restored)
{
    struct object_row row;
    int err = object_row_load(writer, name->bucket, key, &row);

    assert(key.len == name->key_length && restored != NULL);
    if (err != 0)
        return err == META_E_NO_KEY ? 0 : err;
    if ((err = row_object_delete(writer->store, name->bucket, key, &row)) != 0)
        return err;
    int replaced = lost_replace(writer, name->bucket, key, &row);
    if (replaced < 0)
        return replaced;
    *restored += (uint32_t)replaced;
    return references_give_up(writer, &row);
}

static int lost_part(struct meta_writer *writer, const struct meta_row_name *name)
{
    const struct slice id = slice_of(name->upload_id, sizeof(name->upload_id));
    struct finished_row finished;
    struct part_row part;
    int err, found = row_finished_get(writer->store, &writer->arena, id, &finished);

    if (found != 0)
        return found < 0 ? found : 0; /* the sweep knows whose its references are */
    found = row_part_get(writer->store, &writer->arena, id, name->number, &part);
    if (found <= 0)
        return found;
    err = row_parts_delete(writer->store, id, name->number, name->number);
    return err != 0 ? err : references_drop(writer, part.extents);
}

static int lost_replaced(struct meta_writer *writer, const struct meta_row_name *name)
{
    int64_t row = name->row;
    int found = replaced_drop(writer, &row, row);

    return found < 0 ? found : 0;
}

int op_lost(struct meta_writer *writer, struct meta_lost *op)
{
    int err = 0;

    assert(op->kind < META_ROW_KIND_COUNT && (op->rows != NULL || op->count == 0));
    if (op->count > META_LOST_ROWS_MAX)
        return -EINVAL;
    op->restored = 0;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        const struct meta_row_name *name = &op->rows[i];
        const struct slice key = slice_of(name->key, name->key_length);

        assert(name->key_length <= META_KEY_BYTES_MAX);
        if (op->kind == META_ROW_REPLACED)
            err = lost_replaced(writer, name);
        else if (op->kind == META_ROW_VERSION)
            err = lost_version(writer, name, key);
        else if (op->kind == META_ROW_OBJECT)
            err = lost_object(writer, name, key, &op->restored);
        else if (op->kind == META_ROW_ANNOTATION)
            err = annotation_lose(writer, name->row, key);
        else
            err = lost_part(writer, name);
        arena_reset(&writer->arena);
    }
    /* They know their uploads and sets by number alone: whose they were is found by counting anew. */
    if (err == 0 && op->count > 0 && (op->kind == META_ROW_PART || op->kind == META_ROW_ANNOTATION))
        err = row_usage_recount(writer->store);
    return err;
}
