/* SPDX-License-Identifier: MIT
 *
 * Clearing away in slices: the rows of the parts of an upload that is no more, and the references of long lists of extents. A
 * change does as much of that as its transaction has room for; the rest goes on a list within the same transaction, and
 * META_OP_SWEEP works it off, so that nobody waits for ten thousand rows:
 *
 *   finished  an upload whose parts are still there, and which of them an object was made of
 *   dropped   extents whose row is gone and whose units still count them
 *   annotation_set  with refs 0: annotations that nobody has any more (annotation_sets.c)
 *
 * Either is invisible to clients from the first change on. What a crash leaves is on the list. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>

#include "metadata/rows/kept_parts.h"

/* ---- Parts ---- */

struct clearing {
    struct meta_writer *writer;
    struct slice kept;
    int64_t last; /* the part that was cleared last; 0: none */
};

/* Stops where the transaction has no more room. */
static int on_part_cleared(void *ctx, const struct part_row *part)
{
    struct clearing *clearing = ctx;
    struct meta_writer *writer = clearing->writer;

    if (writer->clear_left == 0)
        return 1;
    clearing->last = part->number;
    writer->clear_left--;
    return kept_parts_have(clearing->kept, part->number) ? 0 : references_drop(writer, part->extents);
}

/* Removes parts of the upload, lowest first, as far as the transaction has room: 1 when some are left, 0 when none, or an error. */
static int parts_clear(struct meta_writer *writer, struct slice upload_id, struct slice kept)
{
    struct clearing clearing = {writer, kept, 0};
    int err = 0, more = row_part_walk(writer->store, upload_id, on_part_cleared, &clearing);

    assert(upload_id.len == 0 || upload_id.base != NULL);
    if (more < 0)
        return more;
    if (clearing.last > 0)
        err = row_parts_delete(writer->store, upload_id, INT64_MIN, clearing.last);
    return err != 0 ? err : more;
}

int parts_finish(struct meta_writer *writer, const unsigned char *upload_id, struct slice kept)
{
    const struct finished_row row = {.upload_id = slice_of(upload_id, META_UPLOAD_ID_BYTES), .kept = kept};
    int more = parts_clear(writer, row.upload_id, kept);

    assert(upload_id != NULL);
    return more > 0 ? row_finished_put(writer->store, &row) : more;
}

/* ---- The sweep ---- */

/* The oldest list of dropped extents: 1 when there was one, 0, or an error. */
static int sweep_dropped(struct meta_writer *writer)
{
    struct slice extents;
    int err, found = row_dropped_take(writer->store, &writer->arena, &extents);

    if (found <= 0)
        return found;
    err = references_drop_now(writer, extents);
    return err != 0 ? err : 1;
}

/* The same for the parts of the oldest upload. */
static int sweep_finished(struct meta_writer *writer)
{
    struct finished_row row;
    int err, found = row_finished_get(writer->store, &writer->arena, (struct slice){NULL, 0}, &row);

    if (found <= 0)
        return found;
    int more = parts_clear(writer, row.upload_id, row.kept);
    if (more != 0)
        return more;
    err = row_finished_delete(writer->store, row.upload_id);
    return err != 0 ? err : 1;
}

int op_sweep(struct meta_writer *writer, struct meta_sweep *op)
{
    uint32_t others = writer->clear_left; /* a share of its own: it must get on however busy the others are */
    int found = 1;

    writer->clear_left = writer_clear_max(writer);
    while (found > 0 && writer->clear_left > 0)
        if ((found = sweep_dropped(writer)) == 0 && (found = annotations_sweep(writer)) == 0)
            found = sweep_finished(writer);
    assert(writer->clear_left <= writer_clear_max(writer));
    writer->clear_left = others;
    op->more = found > 0;
    return found < 0 ? found : 0;
}
