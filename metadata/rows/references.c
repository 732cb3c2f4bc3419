/* SPDX-License-Identifier: MIT
 *
 * Who still needs a unit. `unit` counts the extents that name it, in all rows of `object`, `version`, `part` and
 * `dropped`; when the count falls to 0 the unit goes to the garbage list within the same transaction, and its row stays
 * until its bytes are gone:
 *
 *   PUT: refs 1 -- copy: +1, drop: -1 --> refs 0 and a row of `garbage` -- META_OP_GARBAGE_DONE --> no row
 *
 * A unit with refs 0 never comes back to life: whoever removes bytes may do so at any time. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int references_increase(struct meta_writer *writer, struct slice extents,
                               int (*count)(struct row_store *store, const struct meta_extent *extent),
                               int if_missing)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, extents);

    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        more = count(writer->store, &extent);
        if (more == 0)
            more = if_missing;
    }
    return more;
}

int references_add(struct meta_writer *writer, struct slice extents)
{
    return references_increase(writer, extents, row_unit_add, META_E_CHANGED);
}

int references_raise(struct meta_writer *writer, struct slice extents)
{
    return references_increase(writer, extents, row_unit_raise, META_E_CORRUPT);
}

static int unit_drop(struct meta_writer *writer, const struct meta_extent *extent)
{
    int dropped = row_unit_drop(writer->store, extent);

    assert(extent->length > 0 && extent->length <= extent->unit_length);
    if (dropped == ROW_UNIT_UNNAMED && writer->garbage_row == INT64_MAX)
        return META_E_CORRUPT; /* nobody has counted so far */
    if (dropped == ROW_UNIT_UNNAMED) {
        if (extent->unit_offset != 0) /* a file of its own goes quickly, and is nobody's bother */
            writer->garbage_bytes += extent->unit_length;
        return row_garbage_put(writer->store, ++writer->garbage_row, extent);
    }
    if (dropped == ROW_UNIT_UNCOUNTED)
        meta_log(writer->meta, LOG_LEVEL_ERROR, "unit %llu of blob %llu was named but not counted",
                 (unsigned long long)extent->unit_offset, (unsigned long long)extent->file);
    return dropped < 0 ? dropped : 0;
}

static void references_note_damage(struct meta_writer *writer, int more)
{
    if (more != 0)
        meta_log(writer->meta, LOG_LEVEL_ERROR, "a damaged extent list was dropped; its bytes stay");
}

int references_drop_now(struct meta_writer *writer, struct slice extents)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, extents);
    int err;

    assert(extents.len == 0 || extents.base != NULL);
    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        writer->clear_left -= writer->clear_left > 0;
        if ((err = unit_drop(writer, &extent)) != 0)
            return err;
    }
    references_note_damage(writer, more);
    return 0;
}

/* Leaves the list to the sweep, cut into pieces that it can take one at a time. Items stand on their own, so their bytes are
 * copied as they are. */
static int references_defer(struct meta_writer *writer, struct codec_list list)
{
    size_t bound = CODEC_LIST_HEAD_BYTES_MAX + (size_t)(list.end - list.at);
    unsigned char *piece = arena_alloc(&writer->arena, bound);
    struct meta_extent extent;
    int err, more = 1;

    assert(list.count > writer->clear_left);
    while (piece != NULL && more > 0) {
        const unsigned char *from = list.at, *to = from;
        uint32_t count = 0;
        while (count < writer_clear_max(writer) && (more = codec_extents_next(&list, &extent)) > 0) {
            to = list.at;
            count++;
        }
        if (count == 0)
            break;
        size_t length = codec_list_head(piece, count);
        memcpy(piece + length, from, (size_t)(to - from));
        assert(length + (size_t)(to - from) <= bound);
        err = row_dropped_put(writer->store, slice_of(piece, length + (size_t)(to - from)));
        if (err != 0)
            return err;
    }
    references_note_damage(writer, more);
    return piece != NULL ? 0 : -ENOMEM;
}

int references_drop(struct meta_writer *writer, struct slice extents)
{
    struct codec_list list;

    assert(writer->clear_left <= writer_clear_max(writer));
    if (codec_extents_begin(&list, extents) == 0 && list.count > 1 && list.count > writer->clear_left)
        return references_defer(writer, list);
    return references_drop_now(writer, extents);
}

int op_garbage_done(struct meta_writer *writer, struct meta_garbage_done *op)
{
    int err = 0;

    assert(op->rows != NULL || op->count == 0);
    for (uint32_t i = 0; i < op->count && err == 0; i++)
        err = row_garbage_delete(writer->store, op->rows[i]); /* told twice: nothing left to forget */
    return err;
}
