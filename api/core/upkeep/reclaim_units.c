/* SPDX-License-Identifier: MIT
 *
 * Giving back units: a blob of its own is a file to unlink; a unit in a segment is a hole to punch, unless nothing of the
 * sealed segment is referred to any more: then its file goes as a whole.
 *
 * Everything is made durable, a batch at a time, before it is forgotten: else a power failure could bring back what nothing
 * points at any more. Reclaimer's thread. */
#include "api/core/upkeep/reclaim.h"

#include <assert.h>
#include <string.h>

/* One batch of garbage. */
struct batch {
    struct reclaim *reclaim;
    const struct meta_garbage *entries;
    uint32_t count;
    bool done[RECLAIM_BATCH_ENTRIES]; /* looked at */
    int64_t *rows;                    /* of what was given back */
    uint32_t row_count;
    uint64_t removed[RECLAIM_BATCH_ENTRIES]; /* files, whose folders are to be synced */
    uint32_t removed_count;
};

static int note_failure(struct reclaim *reclaim, uint64_t blob, const char *what, int err)
{
    assert(err <= 0);
    if (err == 0)
        return 0;
    reclaim->retry = true;
    if (!reclaim->failure_told)
        core_log(reclaim->core, LOG_LEVEL_ERROR, "cannot %s blob %016llx, will try again: %s", what,
                 (unsigned long long)blob, strerror(-err));
    reclaim->failure_told = true;
    return err;
}

static int remove_file(struct reclaim *reclaim, uint64_t blob)
{
    return note_failure(reclaim, blob, "remove", blob_store_remove(reclaim->core->blobs, blob));
}

static int sync_removed(struct reclaim *reclaim, uint64_t blob)
{
    return note_failure(reclaim, blob, "sync the removal of",
                        blob_store_sync_removed(reclaim->core->blobs, &blob, 1));
}

/* Also in a relaxed store: what is struck off the list is remembered nowhere else. */
static int sync_garbage(struct reclaim *reclaim, const uint64_t *blobs, uint32_t count)
{
    assert(count <= RECLAIM_BATCH_ENTRIES);
    if (count == 0)
        return 0;
    return note_failure(reclaim, blobs[0], "sync the removal of",
                        blob_store_sync_garbage(reclaim->core->blobs, blobs, count));
}

/* ---- Without readers ---- */

int reclaim_discard_unit(struct reclaim *reclaim, struct blob_unit unit, uint64_t length)
{
    struct blob_run run = {unit.offset, length};
    int err;

    assert(unit.blob != 0);
    if (unit.offset != 0)
        return note_failure(reclaim, unit.blob, "punch a hole into",
                            blob_store_punch(reclaim->core->blobs, unit.blob, &run, 1));
    if ((err = remove_file(reclaim, unit.blob)) != 0 || (err = sync_removed(reclaim, unit.blob)) != 0)
        return err;
    blob_store_settle(reclaim->core->blobs, unit.blob);
    return 0;
}

int reclaim_settle_segment(struct reclaim *reclaim, uint64_t blob, uint64_t used_bytes)
{
    struct blob_store *blobs = reclaim->core->blobs;
    int live, err;

    assert(blob != 0);
    if ((live = meta_file_is_live(reclaim->reader, blob)) < 0) {
        reclaim->retry = true;
        return live;
    }
    if (live > 0)
        err = note_failure(reclaim, blob, "shorten", blob_store_cut(blobs, blob, used_bytes));
    else if ((err = remove_file(reclaim, blob)) == 0)
        err = sync_removed(reclaim, blob);
    if (err == 0)
        blob_store_settle_segment(blobs, blob);
    return err;
}

/* ---- Garbage ---- */

static void batch_gave_back(struct batch *batch, uint32_t entry)
{
    assert(batch->row_count < batch->count);
    batch->rows[batch->row_count++] = batch->entries[entry].row;
}

static bool batch_pins_hold(struct batch *batch, uint32_t entry)
{
    const struct blob_unit unit = {batch->entries[entry].file, batch->entries[entry].unit_offset};

    if (!blob_pin_holds(batch->reclaim->core->blobs, unit))
        return false;
    batch->reclaim->retry = true;
    return true;
}

static void batch_remove_file(struct batch *batch, uint32_t entry)
{
    uint64_t blob = batch->entries[entry].file;

    assert(batch->removed_count < RECLAIM_BATCH_ENTRIES);
    if (batch_pins_hold(batch, entry) || remove_file(batch->reclaim, blob) != 0)
        return;
    batch->removed[batch->removed_count++] = blob;
    batch_gave_back(batch, entry);
}

/* Nothing can be added to the segment, nothing in it is referred to, and nobody reads from it: references never come back
 * once they are gone. */
static bool segment_is_spent(struct reclaim *reclaim, uint64_t blob)
{
    struct blob_store *blobs = reclaim->core->blobs;

    return blob_store_is_settled(blobs, blob) && meta_file_is_referred(reclaim->reader, blob) == 0 &&
           !blob_pin_holds_any(blobs, blob);
}

/* Rows may be damaged: nothing is done then about the bytes, whosever they are, and the entry stays on the list. */
static bool entry_makes_sense(struct reclaim *reclaim, const struct meta_garbage *entry)
{
    if (entry->file == 0 || entry->file > INT64_MAX)
        return false;
    if (entry->unit_offset == 0 ||
        (entry->unit_offset % SEGMENT_ALIGN_BYTES == 0 && entry->unit_offset <= INT64_MAX &&
         entry->unit_length > 0 && entry->unit_length <= SEGMENT_UNIT_BYTES_MAX))
        return true;
    /* No segment's. Where the file is gone, or nothing in it is referred to, nothing can be done wrong. */
    return entry->unit_offset <= INT64_MAX && entry->unit_length > 0 &&
           entry->unit_length <= (uint64_t)INT64_MAX - entry->unit_offset &&
           (blob_store_is_shared(reclaim->core->blobs, entry->file) != 0 ||
            meta_file_is_referred(reclaim->reader, entry->file) == 0);
}

static bool batch_makes_sense(struct batch *batch, uint32_t entry)
{
    if (entry_makes_sense(batch->reclaim, &batch->entries[entry]))
        return true;
    if (!batch->reclaim->damage_told)
        core_log(batch->reclaim->core, LOG_LEVEL_ERROR,
                 "row %lld of the garbage list is damaged, and left alone: sluice check has more",
                 (long long)batch->entries[entry].row);
    batch->reclaim->damage_told = true;
    return false;
}

/* All entries of the batch that lie in the same segment as the first. */
static uint32_t batch_same_segment(struct batch *batch, uint32_t first, uint32_t *list)
{
    uint32_t count = 0;

    for (uint32_t i = first; i < batch->count; i++) {
        if (batch->entries[i].file != batch->entries[first].file || batch->entries[i].unit_offset == 0)
            continue;
        batch->done[i] = true;
        if (batch_makes_sense(batch, i))
            list[count++] = i;
    }
    return count;
}

static void batch_punch(struct batch *batch, const uint32_t *list, uint32_t count)
{
    struct blob_run runs[RECLAIM_BATCH_ENTRIES];
    uint32_t free_list[RECLAIM_BATCH_ENTRIES], run_count = 0;
    uint64_t blob = batch->entries[list[0]].file;

    assert(count > 0 && count <= RECLAIM_BATCH_ENTRIES);
    for (uint32_t i = 0; i < count; i++) {
        const struct meta_garbage *entry = &batch->entries[list[i]];

        if (batch_pins_hold(batch, list[i]))
            continue;
        free_list[run_count] = list[i];
        runs[run_count++] = (struct blob_run){entry->unit_offset, entry->unit_length};
    }
    if (run_count == 0 ||
        note_failure(batch->reclaim, blob, "punch holes into",
                     blob_store_give_back(batch->reclaim->core->blobs, blob, runs, run_count, core_blob_units,
                                          batch->reclaim->reader)) != 0)
        return;
    for (uint32_t i = 0; i < run_count; i++)
        batch_gave_back(batch, free_list[i]);
}

static void batch_segment(struct batch *batch, uint32_t first)
{
    uint32_t list[RECLAIM_BATCH_ENTRIES], count = batch_same_segment(batch, first, list);
    uint64_t blob = batch->entries[first].file;

    assert(count > 0 && list[0] == first);
    /* What it found in the rows must be durable, too. */
    if (!segment_is_spent(batch->reclaim, blob) || meta_make_durable(batch->reclaim->core->meta) != 0) {
        batch_punch(batch, list, count);
        return;
    }
    if (remove_file(batch->reclaim, blob) != 0)
        return;
    batch->removed[batch->removed_count++] = blob;
    for (uint32_t i = 0; i < count; i++)
        batch_gave_back(batch, list[i]);
}

uint32_t reclaim_units(struct reclaim *reclaim, const struct meta_garbage *entries, uint32_t count,
                       int64_t *rows)
{
    struct batch batch = {.reclaim = reclaim, .entries = entries, .count = count, .rows = rows};

    assert(count <= RECLAIM_BATCH_ENTRIES);
    blob_pin_barrier(reclaim->core->blobs);
    for (uint32_t i = 0; i < count; i++) {
        if (batch.done[i])
            continue;
        batch.done[i] = true;
        if (!batch_makes_sense(&batch, i))
            continue;
        if (entries[i].unit_offset == 0)
            batch_remove_file(&batch, i);
        else
            batch_segment(&batch, i);
    }
    assert(batch.row_count <= count);
    /* Not known to be durable: all of it is tried again. */
    return sync_garbage(reclaim, batch.removed, batch.removed_count) == 0 ? batch.row_count : 0;
}
