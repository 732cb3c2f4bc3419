/* SPDX-License-Identifier: MIT
 *
 * Giving back units: a blob of its own is a file to unlink; a unit in a segment is a hole to punch, unless nothing of the
 * sealed segment is referred to any more: then its file goes as a whole.
 *
 * Everything is made durable, a batch at a time, before it is forgotten: else a power failure could bring back what nothing
 * points at any more. Reclaimer's thread. */
#include "api/core/upkeep/reclaim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

static void gave_back(struct reclaim_batch *batch, uint32_t entry)
{
    const struct meta_garbage *garbage = &batch->entries[entry];

    assert(batch->row_count < batch->count);
    batch->rows[batch->row_count++] = garbage->row;
    if (garbage->unit_offset != 0 && garbage->row >= batch->row_first)
        batch->bytes += garbage->unit_length;
}

static bool is_held(struct reclaim *reclaim, uint32_t entry)
{
    if ((reclaim->batch->held[entry] & BLOB_HELD_UNIT) == 0)
        return false;
    reclaim->retry = true;
    return true;
}

static void remove_blob(struct reclaim *reclaim, uint32_t entry)
{
    struct reclaim_batch *batch = reclaim->batch;
    uint64_t blob = batch->entries[entry].file;

    if (is_held(reclaim, entry))
        return;
    if (blob_is_row(blob)) { /* which goes with its entry */
        gave_back(batch, entry);
        return;
    }
    if (remove_file(reclaim, blob) != 0)
        return;
    batch->removed[batch->removed_count++] = blob;
    gave_back(batch, entry);
}

/* What becomes of a file that units share, of which the list has some. */
enum shared_fate {
    SHARED_LOSES_UNITS,
    SHARED_GOES,  /* as a whole, and all entries with it */
    SHARED_WAITS, /* it should go, and cannot now. Without an entry on the list nothing would ever remove it */
};

/* It goes when nothing can be added to it, nothing in it is referred to, and nobody reads from it: references never come back once they are
 * gone. What is read has an entry of its own, which stays. */
static enum shared_fate shared_fate(struct reclaim *reclaim, uint32_t first)
{
    struct core *core = reclaim->core;
    uint64_t blob = reclaim->batch->entries[first].file;
    int referred;

    if (!blob_store_is_settled(core->blobs, blob) || (reclaim->batch->held[first] & BLOB_HELD_FILE) != 0)
        return SHARED_LOSES_UNITS;
    if ((referred = meta_file_is_referred(reclaim->reader, blob)) > 0)
        return SHARED_LOSES_UNITS;
    /* What was found in the rows must be durable, too. */
    if (referred == 0 && meta_make_durable(core->meta) == 0)
        return SHARED_GOES;
    reclaim->retry = true;
    return SHARED_WAITS;
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

/* What makes none is taken out of the batch. */
static void batch_make_sense(struct reclaim *reclaim)
{
    struct reclaim_batch *batch = reclaim->batch;
    uint32_t count = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        if (entry_makes_sense(reclaim, &batch->entries[i])) {
            batch->entries[count++] = batch->entries[i];
            continue;
        }
        if (!reclaim->damage_told)
            core_log(reclaim->core, LOG_LEVEL_ERROR,
                     "row %lld of the garbage list is damaged, and left alone: sluice check has more",
                     (long long)batch->entries[i].row);
        reclaim->damage_told = true;
    }
    batch->count = count;
}

static int entry_compare(const void *a, const void *b)
{
    const struct meta_garbage *first = a, *second = b;
    const struct blob_unit units[] = {{first->file, first->unit_offset}, {second->file, second->unit_offset}};

    return blob_unit_compare(&units[0], &units[1]);
}

/* Sorts the batch, and finds out what readers hold of it: 0 or -ENOMEM. */
static int batch_prepare(struct reclaim *reclaim)
{
    struct reclaim_batch *batch = reclaim->batch;

    batch->row_count = batch->removed_count = batch->giving_count = batch->run_count = 0;
    batch->bytes = 0;
    batch_make_sense(reclaim);
    qsort(batch->entries, batch->count, sizeof(batch->entries[0]), entry_compare);
    for (uint32_t i = 0; i < batch->count; i++)
        batch->units[i] = (struct blob_unit){batch->entries[i].file, batch->entries[i].unit_offset};
    blob_pin_barrier(reclaim->core->blobs);
    return blob_pins_look(reclaim->core->blobs, batch->units, batch->count, batch->held);
}

/* Punches what was gathered, durably. */
static void batch_punch(struct reclaim *reclaim)
{
    struct reclaim_batch *batch = reclaim->batch;
    struct blob_giving list[RECLAIM_FILES_MAX];

    for (uint32_t i = 0; i < batch->giving_count; i++)
        list[i] = batch->givings[i].giving;
    blob_store_give_back(reclaim->core->blobs, list, batch->giving_count, core_blob_units, reclaim->reader);
    for (uint32_t i = 0; i < batch->giving_count; i++) {
        if (note_failure(reclaim, list[i].blob, "punch holes into", list[i].result) != 0)
            continue;
        for (uint32_t at = batch->givings[i].first; at < batch->givings[i].end; at++)
            if ((batch->held[at] & BLOB_HELD_UNIT) == 0)
                gave_back(batch, at);
    }
    batch->giving_count = batch->run_count = 0;
}

/* The entries [first, end) are to be punched, all of one file that units share. */
static void batch_gather(struct reclaim *reclaim, uint32_t first, uint32_t end)
{
    struct reclaim_batch *batch = reclaim->batch;
    struct blob_giving giving = {.blob = batch->entries[first].file, .runs = batch->runs + batch->run_count};

    for (uint32_t i = first; i < end; i++)
        if (!is_held(reclaim, i))
            giving.runs[giving.count++] =
                (struct blob_run){batch->entries[i].unit_offset, batch->entries[i].unit_length};
    if (giving.count == 0)
        return;
    batch->run_count += giving.count;
    batch->givings[batch->giving_count++] = (struct reclaim_giving){first, end, giving};
    if (batch->giving_count == RECLAIM_FILES_MAX)
        batch_punch(reclaim);
}

static void batch_segment(struct reclaim *reclaim, uint32_t first, uint32_t end)
{
    struct reclaim_batch *batch = reclaim->batch;
    uint64_t blob = batch->entries[first].file;

    enum shared_fate fate = shared_fate(reclaim, first);

    if (fate == SHARED_LOSES_UNITS)
        batch_gather(reclaim, first, end);
    if (fate != SHARED_GOES)
        return;
    if (remove_file(reclaim, blob) != 0)
        return;
    batch->removed[batch->removed_count++] = blob;
    for (uint32_t i = first; i < end; i++)
        gave_back(batch, i);
}

void reclaim_units(struct reclaim *reclaim)
{
    struct reclaim_batch *batch = reclaim->batch;
    uint32_t end;

    assert(batch->count <= RECLAIM_BATCH_ENTRIES);
    if (batch_prepare(reclaim) != 0) {
        reclaim->retry = true;
        return;
    }
    for (uint32_t first = 0; first < batch->count; first = end) {
        end = first + 1;
        if (batch->entries[first].unit_offset == 0) {
            remove_blob(reclaim, first);
            continue;
        }
        while (end < batch->count && batch->entries[end].file == batch->entries[first].file)
            end++;
        batch_segment(reclaim, first, end);
    }
    if (batch->giving_count > 0)
        batch_punch(reclaim);
    /* Not known to be durable: all of it is tried again. */
    if (sync_garbage(reclaim, batch->removed, batch->removed_count) != 0) {
        batch->row_count = 0;
        batch->bytes = 0;
    }
}
