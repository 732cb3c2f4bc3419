/* SPDX-License-Identifier: MIT
 *
 * A store from a backup that lies elsewhere (carry.c): its files are fetched to where a store has them. As with a restore from a folder, the rows
 * get their name last, and ids of blobs go on far above those of the backup. */
#include "api/core/backup/carry.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fetch {
    struct core_place place;
    const struct core_carrier *carrier;
    struct manifest manifest;
};

/* One file into the folder, at once. */
static int name_fetch(struct fetch *fetch, const char *name, const char *to)
{
    char *path = place_path(&fetch->place, to);
    int err = path == NULL ? -ENOMEM : fetch->carrier->file(fetch->carrier->ctx, name, path, 0);

    free(path);
    return err != 0 ? err : fetch->carrier->flush(fetch->carrier->ctx);
}

static int rows_fetch(struct fetch *fetch)
{
    struct manifest rows = {.is_whole = false};
    char name[CARRY_NAME_BYTES];
    int err;

    if (!fetch->carrier->has(fetch->carrier->ctx, MANIFEST_NAME, CORE_CARRY_ANY_SIZE))
        return -ENOENT;
    if ((err = name_fetch(fetch, MANIFEST_NAME, MANIFEST_NEW)) != 0 ||
        (err = manifest_read(fetch->place.folder_fd, MANIFEST_NEW, &fetch->manifest)) != 0)
        return err;
    if (!fetch->manifest.is_whole)
        return -ENOENT;
    carry_rows_name(&fetch->manifest, name);
    if ((err = name_fetch(fetch, name, PLACE_ROWS_NEW)) == 0)
        err = manifest_measure(fetch->place.folder_fd, PLACE_ROWS_NEW, &rows);
    if (err == 0 && !manifest_fits(&fetch->manifest, &rows))
        err = -ESTALE;
    fetch->place.report.database_bytes = rows.rows_bytes;
    return err;
}

/* end: where the last unit of the file ends; it may be a segment, or not. */
static int blob_fetch(struct fetch *fetch, uint64_t blob, uint64_t end, bool may_be_segment)
{
    const struct core_carrier *carrier = fetch->carrier;
    char name[CARRY_NAME_BYTES], *path;
    int err;

    carry_segment_name(blob, end, name);
    if (!may_be_segment || !carrier->has(carrier->ctx, name, CORE_CARRY_ANY_SIZE)) {
        carry_blob_name(blob, name);
        if (!carrier->has(carrier->ctx, name, CORE_CARRY_ANY_SIZE)) {
            place_log(&fetch->place, LOG_LEVEL_WARNING, "%s is missing in the backup", name);
            fetch->place.report.damaged++;
            return 0;
        }
    }
    if ((err = blob_copy_target_path(fetch->place.copy, blob, &path)) != 0)
        return err;
    err = carrier->file(carrier->ctx, name, path, 0);
    free(path);
    fetch->place.report.files += err == 0;
    return err != 0 ? err : place_step(&fetch->place);
}

static int blobs_fetch(struct fetch *fetch, struct meta_copy *rows)
{
    struct meta_copy_unit unit, next = {.file = 0};
    int found = meta_copy_next(rows, &next), err = 0;

    while (err == 0 && found > 0) {
        const uint64_t first = next.offset;

        do {
            unit = next;
            found = meta_copy_next(rows, &next);
        } while (found > 0 && next.file == unit.file);
        err = blob_fetch(fetch, unit.file, unit.offset + unit.length, first > 0);
    }
    return err != 0 ? err : found < 0 ? found : fetch->carrier->flush(fetch->carrier->ctx);
}

static int store_end(struct fetch *fetch)
{
    struct core_place *place = &fetch->place;
    int err = blob_copy_sync(place->copy);

    if (err == 0)
        err = blob_copy_sequence(place->copy, &fetch->manifest.identity, fetch->manifest.records_from,
                                 fetch->manifest.last, true);
    if (err == 0 && renameat(place->folder_fd, PLACE_ROWS_NEW, place->folder_fd, PLACE_ROWS) != 0)
        err = -errno;
    (void)unlinkat(place->folder_fd, MANIFEST_NEW, 0); /* nobody looks at it in a store */
    return err != 0 || fsync(place->folder_fd) == 0 ? err : -errno;
}

static int fetch_run(struct fetch *fetch)
{
    struct meta_copy *rows;
    char *path;
    int err = rows_fetch(fetch);

    if (err != 0)
        return err;
    if ((path = place_path(&fetch->place, PLACE_ROWS_NEW)) == NULL)
        return -ENOMEM;
    err = meta_copy_open(&rows, path);
    free(path);
    if (err != 0)
        return err;
    err = blobs_fetch(fetch, rows);
    meta_copy_close(rows);
    return err != 0 ? err : store_end(fetch);
}

int core_restore_carried(const char *to, const struct core_carrier *carrier,
                         const struct core_backup_options *options, struct core_backup_report *report)
{
    struct fetch fetch = {.carrier = carrier, .place = {.path = (char *)to, .options = *options}};
    int err = place_is_empty(to);

    if (err != 1) {
        if (err == 0)
            place_log(&fetch.place, LOG_LEVEL_ERROR, "%s is not empty: a store is made in a new folder", to);
        return err < 0 ? err : -ENOTEMPTY;
    }
    /* Before a folder is made for it. */
    if (!carrier->has(carrier->ctx, MANIFEST_NAME, CORE_CARRY_ANY_SIZE))
        return -ENOENT;
    if ((err = blob_copy_open(&fetch.place.copy, NULL, to, false)) == 0) {
        fetch.place.folder_fd = blob_store_folder_fd(blob_copy_target(fetch.place.copy));
        err = fetch_run(&fetch);
    }
    blob_copy_close(fetch.place.copy);
    *report = fetch.place.report;
    return err;
}
