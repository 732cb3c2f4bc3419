/* SPDX-License-Identifier: MIT
 *
 * Clearing away the parts of an upload that is no more, as far as the transaction has room; the rest is the sweep's (change_sweep.c).
 * Committer's thread. */
#include <assert.h>

#include "metadata/rows/kept_parts.h"
#include "metadata/write/writer.h"

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

int parts_clear(struct meta_writer *writer, struct slice upload_id, struct slice kept)
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
