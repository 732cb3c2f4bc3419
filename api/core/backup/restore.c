/* SPDX-License-Identifier: MIT
 *
 * A store from a backup. The rows get their name last: before that the folder is no store, and nobody opens it as one. Ids of blobs go on far
 * above those of the backup, so that the store that it was of may go on, too, and a place with backups of both never takes a file of the one
 * for the other's. */
#include "api/core/backup/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"

/* The backup, held by its lock as long as it is read. 0 or an error. */
static int backup_open(struct core_place *place, const char *from, struct blob_store **store,
                       struct manifest *manifest)
{
    const struct blob_store_options options = {.read_only = true, .shared_fs = true};
    struct manifest rows = {.is_whole = false};
    int err = blob_store_open(store, from, &options), fd;

    if (err != 0)
        return err;
    fd = blob_store_folder_fd(*store);
    if ((err = manifest_measure(fd, PLACE_ROWS, &rows)) == 0 &&
        !((manifest_read(fd, MANIFEST_NAME, manifest) == 0 && manifest_fits(manifest, &rows)) ||
          (manifest_read(fd, MANIFEST_NEW, manifest) == 0 && manifest_fits(manifest, &rows)))) {
        place_log(place, LOG_LEVEL_ERROR,
                  "%s has a " PLACE_ROWS " that its file " MANIFEST_NAME
                  " does not tell of: it is no backup, or was "
                  "changed since. "
                  "It may be a store as it is: sluice check --data %s",
                  from, from);
        err = -ESTALE;
    }
    return err;
}

static int rows_copy(struct core_place *place, struct meta_copy *now)
{
    int fd = io_open(blob_copy_source_fd(place->copy), PLACE_ROWS, O_RDONLY | O_CLOEXEC), err;

    if (fd < 0)
        return -errno;
    err = blob_copy_plain(place->copy, fd, PLACE_ROWS_NEW);
    close(fd); /* was read from alone */
    return err != 0 ? err : files_copy(place, now, NULL);
}

static int store_make(struct core_place *place, struct meta_copy *now, const struct manifest *manifest)
{
    int err = rows_copy(place, now);

    if (err == 0)
        err = blob_copy_sync(place->copy);
    if (err == 0)
        err = blob_copy_sequence(place->copy, &manifest->identity, manifest->records_from, manifest->last,
                                 true);
    if (err == 0 && renameat(place->folder_fd, PLACE_ROWS_NEW, place->folder_fd, PLACE_ROWS) != 0)
        err = -errno;
    return err != 0 || fsync(place->folder_fd) == 0 ? err : -errno;
}

static int restore(struct core_place *place, const char *from, const struct manifest *manifest)
{
    struct meta_copy *now;
    char *path;
    int err;

    /* Links would make one disk of the two: a store has its own bytes. */
    if ((err = blob_copy_open(&place->copy, from, place->path, false)) != 0)
        return err;
    place->folder_fd = blob_store_folder_fd(blob_copy_target(place->copy));
    if (asprintf(&path, "%s/" PLACE_ROWS, from) < 0)
        return -ENOMEM;
    err = meta_copy_open(&now, path);
    free(path);
    if (err != 0)
        return err;
    err = store_make(place, now, manifest);
    meta_copy_close(now);
    return err;
}

int core_restore(const char *from, const char *to, const struct core_backup_options *options,
                 struct core_backup_report *report)
{
    struct core_place place = {.path = (char *)to};
    struct blob_store *backup = NULL;
    struct manifest manifest = {.is_whole = false};
    int err;

    if (options != NULL)
        place.options = *options;
    if ((err = place_is_empty(to)) != 1) {
        if (err == 0)
            place_log(&place, LOG_LEVEL_ERROR, "%s is not empty: a store is made in a new folder", to);
        return err < 0 ? err : -ENOTEMPTY;
    }
    if ((err = backup_open(&place, from, &backup, &manifest)) == 0)
        err = restore(&place, from, &manifest);
    if (place.copy != NULL)
        place_report(&place, report);
    blob_copy_close(place.copy);
    blob_store_close(backup);
    return err;
}
