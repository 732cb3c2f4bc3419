/* SPDX-License-Identifier: MIT
 *
 * Clearing away in slices: the rows of the parts of an upload that is no more, and the references of long lists of extents. A
 * change does as much of that as its transaction has room for; the rest goes on a list within the same transaction, and
 * META_OP_SWEEP works it off, so that nobody waits for ten thousand rows:
 *
 *   finished  an upload whose parts are still there, and which of them an object was made of
 *   dropped   extents whose row is gone and whose units still count them
 *   publication  keys that are to be brought where objects lie, or dropped (change_publish.c)
 *   annotation_set  with refs 0: annotations that nobody has any more (annotation_sets.c)
 *
 * Either is invisible to clients from the first change on. What a crash leaves is on the list. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>

#include "metadata/limits.h"

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
        if ((found = publications_sweep(writer)) == 0 && (found = sweep_dropped(writer)) == 0 &&
            (found = annotations_sweep(writer)) == 0)
            found = sweep_finished(writer);
    assert(writer->clear_left <= writer_clear_max(writer));
    writer->clear_left = others;
    op->more = found > 0;
    return found < 0 ? found : 0;
}

int op_shrink(struct meta_writer *writer, struct meta_shrink *op)
{
    return row_store_shrink(writer->store, META_SHRINK_PAGES, &op->more);
}
