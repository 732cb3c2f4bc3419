/* SPDX-License-Identifier: MIT
 *
 * What the rows of a backup name, file by file. Both lists of units, the new rows' and the last backup's, are walked in the same order, that of
 * files and of places in them; so it is known of each unit whether the place has it, however many there are, in one pass.
 *
 * A unit at the beginning of a file that has no other is a file of its own. Others lie in segments, which grow, and are copied unit by unit; or in
 * an archive that was unpacked, which is copied as a whole the first time. */
#include "api/core/backup/place.h"

#include <assert.h>
#include <errno.h>

#include "storage/limits.h"

/* Runs that are handed over together. */
#define FILES_RUNS_MAX 256u

/* Files that cannot be read and are left out, before the disk is given up on. */
#define FILES_DAMAGED_MAX 1000u

struct cursor {
    struct meta_copy *copy; /* NULL: it is over */
    struct meta_copy_unit unit;
};

/* 1 with the next unit, 0 at the end, or an error. */
static int cursor_next(struct cursor *cursor)
{
    int found = cursor->copy != NULL ? meta_copy_next(cursor->copy, &cursor->unit) : 0;

    if (found <= 0)
        cursor->copy = NULL;
    return found;
}

static int cursor_begin(struct cursor *cursor, struct meta_copy *copy)
{
    *cursor = (struct cursor){.copy = copy};
    if (copy != NULL)
        meta_copy_rewind(copy);
    return cursor_next(cursor);
}

static bool cursor_is_in(const struct cursor *cursor, uint64_t file)
{
    return cursor->copy != NULL && cursor->unit.file == file;
}

/* To the first unit of the file, or behind it. 0 or an error. */
static int cursor_seek(struct cursor *cursor, uint64_t file)
{
    int found = 1;

    while (found > 0 && cursor->copy != NULL && cursor->unit.file < file)
        found = cursor_next(cursor);
    return found < 0 ? found : 0;
}

/* Behind all units of the file. */
static int cursor_leave(struct cursor *cursor, uint64_t file)
{
    int found = 1;

    while (found > 0 && cursor_is_in(cursor, file))
        found = cursor_next(cursor);
    return found < 0 ? found : 0;
}

/* ---- One segment ---- */

struct runs {
    struct core_place *place;
    uint64_t blob;
    bool is_new, forgets;
    struct blob_run list[FILES_RUNS_MAX];
    uint32_t count;
};

static int runs_flush(struct runs *runs)
{
    int err = 0;

    if (runs->count > 0 && runs->forgets)
        blob_copy_forget(runs->place->copy, runs->blob, runs->list, runs->count);
    else if (runs->count > 0)
        err = blob_copy_units(runs->place->copy, runs->blob, runs->list, runs->count, runs->is_new);
    runs->count = 0;
    return err;
}

static uint64_t block_end(uint64_t end)
{
    return (end + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES * SEGMENT_ALIGN_BYTES;
}

/* Neighbours become one. */
static int runs_add(struct runs *runs, const struct meta_copy_unit *unit)
{
    struct blob_run *last = runs->count > 0 ? &runs->list[runs->count - 1] : NULL;
    int err;

    if (last != NULL && block_end(last->offset + last->length) == unit->offset) {
        last->length = unit->offset + unit->length - last->offset;
        return 0;
    }
    if (runs->count == FILES_RUNS_MAX && (err = runs_flush(runs)) != 0)
        return err;
    runs->list[runs->count++] = (struct blob_run){unit->offset, unit->length};
    return 0;
}

/* Units of the file that `with` has and `without` has not; both are behind it then. */
static int runs_differ(struct runs *runs, struct cursor *with, struct cursor *without)
{
    int err = 0, found = 1;

    while (err == 0 && found >= 0 && cursor_is_in(with, runs->blob)) {
        while (found >= 0 && cursor_is_in(without, runs->blob) && without->unit.offset < with->unit.offset)
            found = cursor_next(without);
        if (!cursor_is_in(without, runs->blob) || without->unit.offset != with->unit.offset)
            err = runs_add(runs, &with->unit);
        if (err == 0 && found >= 0)
            found = cursor_next(with);
    }
    return err != 0 ? err : found < 0 ? found : runs_flush(runs);
}

/* ---- Copying ---- */

struct walk {
    struct core_place *place;
    struct cursor now, before;
};

/* The source has not got it as it should: the backup goes on without it. */
static int file_is_damaged(struct walk *walk, uint64_t blob, int err)
{
    if (err != -ENOENT && err != -EIO)
        return err;
    place_log(walk->place, LOG_LEVEL_WARNING, "blob %016llx %s: it is not in the backup",
              (unsigned long long)blob, err == -ENOENT ? "is missing" : "cannot be read");
    return ++walk->place->report.damaged < FILES_DAMAGED_MAX ? 0 : -EIO;
}

static int segment_copy(struct walk *walk, uint64_t blob)
{
    static const struct cursor nothing;
    struct runs runs = {.place = walk->place, .blob = blob};
    struct cursor none = nothing;
    int known = blob_copy_knows_segment(walk->place->copy, blob);

    if (known < 0)
        return known;
    runs.is_new = known == 0 || !cursor_is_in(&walk->before, blob);
    return runs_differ(&runs, &walk->now, runs.is_new ? &none : &walk->before);
}

static int file_copy(struct walk *walk)
{
    const struct meta_copy_unit first = walk->now.unit;
    int err, is_segment = 0, found;

    if ((err = cursor_seek(&walk->before, first.file)) != 0)
        return err;
    if (first.offset > 0 && (is_segment = blob_copy_is_segment(walk->place->copy, first.file)) < 0)
        return is_segment;
    if (is_segment)
        return segment_copy(walk, first.file);
    if ((found = cursor_next(&walk->now)) < 0)
        return found;
    return blob_copy_file(walk->place->copy, first.file,
                          first.offset > 0 || cursor_is_in(&walk->now, first.file));
}

int files_copy(struct core_place *place, struct meta_copy *now, struct meta_copy *before)
{
    struct walk walk = {.place = place};
    int found = cursor_begin(&walk.now, now), err = 0;

    if (found >= 0)
        found = cursor_begin(&walk.before, before);
    if (found < 0)
        return found;
    while (err == 0 && walk.now.copy != NULL) {
        uint64_t file = walk.now.unit.file;

        if ((err = file_copy(&walk)) != 0)
            err = file_is_damaged(&walk, file, err);
        if (err == 0)
            err = cursor_leave(&walk.now, file);
        if (err == 0)
            err = place_step(place);
    }
    return err;
}

/* ---- What nobody needs any more ---- */

static int segments_forget(struct core_place *place, struct meta_copy *now, struct meta_copy *before)
{
    struct cursor with, without;
    int err = 0, found = cursor_begin(&with, before);

    if (found >= 0)
        found = cursor_begin(&without, now);
    if (found < 0)
        return found;
    while (err == 0 && with.copy != NULL) {
        struct runs runs = {.place = place, .blob = with.unit.file, .forgets = true};
        bool may = with.unit.offset > 0 && with.unit.offset % SEGMENT_ALIGN_BYTES == 0;

        if ((err = cursor_seek(&without, runs.blob)) == 0)
            err =
                may && cursor_is_in(&without, runs.blob) && blob_copy_is_segment(place->copy, runs.blob) == 1
                    ? runs_differ(&runs, &with, &without)
                    : cursor_leave(&with, runs.blob);
    }
    return err;
}

struct prune {
    struct core_place *place;
    struct meta_copy *now;
};

static int prune_file(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct prune *prune = ctx;
    int has = meta_copy_has(prune->now, blob), err = 0;

    (void)size_bytes;
    if (has < 0)
        return has;
    if (has == 0 && (err = blob_store_remove(blob_copy_target(prune->place->copy), blob)) == 0)
        prune->place->report.removed++;
    return err;
}

int files_prune(struct core_place *place, struct meta_copy *now, struct meta_copy *before)
{
    struct prune prune = {place, now};
    int err = before != NULL ? segments_forget(place, now, before) : 0;

    return err != 0 ? err : blob_store_walk(blob_copy_target(place->copy), prune_file, &prune);
}
