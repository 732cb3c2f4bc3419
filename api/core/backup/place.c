/* SPDX-License-Identifier: MIT
 *
 * A folder that backups are taken into; backup.h tells what it promises. The moment in which a new backup takes the place of the old one:
 *
 *   BACKUP.new is written      it says which rows it goes with
 *   sluice.db.new -> sluice.db
 *   blobs/SEQUENCE
 *   BACKUP.new -> BACKUP
 *
 * Ended in between, the rows that are there tell which of the two counts, and the next opening does the rest. */
#include "api/core/backup/place.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/meta_types.h"
#include "storage/base/io.h"

/* Between two reports of progress. */
#define PLACE_STEPS 256u

void place_log(const struct core_place *place, enum log_level level, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (place->options.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    place->options.log(place->options.log_ctx, (int)level, text);
}

char *place_path(const struct core_place *place, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", place->path, name) < 0 ? NULL : path;
}

void place_report(struct core_place *place, struct core_backup_report *report)
{
    const struct blob_copy_counts *counts = blob_copy_counts(place->copy);

    place->report.files = counts->files;
    place->report.bytes = counts->bytes;
    place->report.linked = counts->linked_files;
    place->report.cloned = counts->cloned_files;
    place->report.kept = counts->kept_files;
    *report = place->report;
}

int place_step(struct core_place *place)
{
    struct core_backup_report report;

    if (place->options.progress == NULL || ++place->steps % PLACE_STEPS != 1)
        return 0;
    place_report(place, &report);
    return place->options.progress(place->options.progress_ctx, &report) == 0 ? 0 : -ECANCELED;
}

/* ---- Opening ---- */

int place_is_empty(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int empty = 1;

    if (folder == NULL)
        return errno == ENOENT ? 1 : -errno;
    while (empty == 1 && (errno = 0, entry = readdir(folder)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, "lost+found") == 0;
    if (empty == 1 && errno != 0)
        empty = -errno;
    closedir(folder);
    return empty;
}

/* Whether the folder is a backup, or may become one. */
static int place_admit(struct core_place *place, const char *to)
{
    struct manifest manifest;
    int empty = place_is_empty(to), folder_fd, err;

    if (empty != 0)
        return empty < 0 ? empty : 0;
    if ((folder_fd = io_open(AT_FDCWD, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -errno;
    err = manifest_read(folder_fd, MANIFEST_NAME, &manifest);
    close(folder_fd); /* was read from alone */
    if (err == -ENOENT)
        place_log(place, LOG_LEVEL_ERROR, "%s is not empty, and no backup: it has no file " MANIFEST_NAME,
                  to);
    return err == -ENOENT ? -ENOTEMPTY : err;
}

static int folder_sync(struct core_place *place)
{
    return fsync(place->folder_fd) == 0 ? 0 : -errno;
}

/* The rows have their name. */
static int exchange_end(struct core_place *place, const struct manifest *manifest)
{
    int err = folder_sync(place);

    if (err == 0)
        err = blob_copy_sequence(place->copy, &manifest->identity, manifest->records_from, manifest->last,
                                 false);
    if (err == 0 && renameat(place->folder_fd, MANIFEST_NEW, place->folder_fd, MANIFEST_NAME) != 0)
        err = -errno;
    if (err == 0)
        err = folder_sync(place);
    if (err == 0)
        place->before = *manifest;
    return err;
}

/* Which of the two files says what the rows are, if one does. */
static int place_look(struct core_place *place)
{
    struct manifest found, next, rows = {.is_whole = false};
    int err = manifest_read(place->folder_fd, MANIFEST_NAME, &found);
    int measured = err == 0 || err == -ENOENT ? manifest_measure(place->folder_fd, PLACE_ROWS, &rows) : err;

    if (measured != 0 && measured != -ENOENT)
        return measured;
    if (err == -ENOENT && measured == -ENOENT) { /* a new place */
        found = (struct manifest){.is_whole = false};
        if ((err = manifest_write(place->folder_fd, MANIFEST_NAME, &found)) != 0)
            return err;
        return folder_sync(place);
    }
    if (measured == 0 && err == 0 && manifest_fits(&found, &rows)) {
        place->before = found;
        return 0;
    }
    if (measured == 0 && manifest_read(place->folder_fd, MANIFEST_NEW, &next) == 0 &&
        manifest_fits(&next, &rows))
        return exchange_end(place, &next);
    if (measured == -ENOENT && err == 0 && !found.is_whole)
        return 0;
    place_log(place, LOG_LEVEL_ERROR,
              "%s is not as the last backup has left it: " PLACE_ROWS
              " was changed or removed since. Has it been "
              "served?",
              place->path);
    return -ESTALE;
}

int core_place_open(struct core_place **out, const char *data_dir, const char *to,
                    const struct core_backup_options *options)
{
    struct core_place *place = calloc(1, sizeof(*place));
    int err;

    if (place == NULL)
        return -ENOMEM;
    if (options != NULL)
        place->options = *options;
    if ((place->path = strdup(to)) == NULL)
        err = -ENOMEM;
    else if ((err = place_admit(place, to)) == 0 &&
             (err = blob_copy_open(&place->copy, data_dir, to, !place->options.copies)) == 0) {
        place->folder_fd = blob_store_folder_fd(blob_copy_target(place->copy));
        err = place_look(place);
    }
    if (err != 0) {
        core_place_close(place);
        return err;
    }
    *out = place;
    return 0;
}

void core_place_close(struct core_place *place)
{
    if (place == NULL)
        return;
    blob_copy_close(place->copy);
    free(place->path);
    free(place);
}

/* ---- Taking ---- */

int core_backup_copy_rows(const char *from, const char *to)
{
    int in = io_open(AT_FDCWD, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out, err;
    uint64_t bytes = 0;
    struct stat st;

    if (in < 0)
        return -errno;
    if (fstat(in, &st) != 0 ||
        (out = io_open(AT_FDCWD, to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0) {
        err = -errno;
    } else {
        err = copy_whole(in, out, (uint64_t)st.st_size, &bytes);
        if (err == 0 && fdatasync(out) != 0)
            err = -errno;
        if (close(out) != 0 && err == 0)
            err = -errno;
    }
    close(in); /* was read from alone */
    return err;
}

/* Whether a backup with these rows may follow the one that is there. */
static int place_compare(struct core_place *place, const struct manifest *manifest)
{
    const struct blob_identity *is = &manifest->identity, *was = &place->before.identity;

    if (!place->before.is_whole)
        return 0;
    if (memcmp(is->store, was->store, sizeof(is->store)) != 0) {
        place_log(place, LOG_LEVEL_ERROR, "%s has the backup of another store", place->path);
        return -ESTALE;
    }
    if (is->epoch < was->epoch) {
        place_log(
            place, LOG_LEVEL_ERROR,
            "%s has a backup that is newer than the store: was an older copy of it put back? Take another "
            "folder",
            place->path);
        return -ESTALE;
    }
    return 0;
}

int place_manifest(struct core_place *place, struct meta_copy *now, const char *rows,
                   struct manifest *manifest)
{
    struct meta_identity identity;
    int err = meta_copy_identity(now, &identity);

    if (err == 0)
        err = meta_copy_last(now, &manifest->last);
    if (err == 0)
        err = manifest_measure(AT_FDCWD, rows, manifest);
    if (err != 0)
        return err;
    _Static_assert(sizeof(identity.store) == sizeof(manifest->identity.store), "the same id");
    memcpy(manifest->identity.store, identity.store, sizeof(identity.store));
    manifest->identity.epoch = identity.epoch;
    manifest->records_from = blob_copy_records_from(place->copy);
    manifest_now(manifest->taken);
    manifest->is_whole = true;
    place->report.database_bytes = manifest->rows_bytes;
    return 0;
}

static int manifest_fill(struct core_place *place, struct meta_copy *now, struct manifest *manifest)
{
    char *rows = place_path(place, PLACE_ROWS_NEW);
    int err = rows == NULL ? -ENOMEM : place_manifest(place, now, rows, manifest);

    free(rows);
    return err != 0 ? err : place_compare(place, manifest);
}

static int exchange(struct core_place *place, const struct manifest *manifest)
{
    int err = manifest_write(place->folder_fd, MANIFEST_NEW, manifest);

    if (err == 0)
        err = folder_sync(place);
    if (err == 0 && renameat(place->folder_fd, PLACE_ROWS_NEW, place->folder_fd, PLACE_ROWS) != 0)
        err = -errno;
    return err != 0 ? err : exchange_end(place, manifest);
}

/* now, before: the rows, opened; before NULL: there are none. */
static int place_copy(struct core_place *place, const struct core_backup_source *source,
                      struct meta_copy *now, struct meta_copy *before)
{
    struct manifest manifest = {.is_whole = false};
    int err = manifest_fill(place, now, &manifest);

    if (err == 0)
        err = files_copy(place, now, before);
    if (err == 0)
        err = blob_copy_sync(place->copy);
    if (err == 0)
        err = source->holds(source->ctx);
    if (err == 0)
        err = exchange(place, &manifest);
    if (err == 0)
        err = files_prune(place, now, before);
    return err;
}

static int rows_open(struct core_place *place, const char *name, struct meta_copy **copy)
{
    char *path = place_path(place, name);
    int err = path == NULL ? -ENOMEM : meta_copy_open(copy, path);

    free(path);
    return err;
}

static int rows_take(struct core_place *place, const struct core_backup_source *source)
{
    char *path = place_path(place, PLACE_ROWS_NEW);
    int err = path == NULL ? -ENOMEM : source->rows(source->ctx, path);

    free(path);
    return err;
}

int core_place_take(struct core_place *place, const struct core_backup_source *source,
                    struct core_backup_report *report)
{
    struct meta_copy *now = NULL, *before = NULL;
    int err = rows_take(place, source);

    assert(place->copy != NULL);
    if (err == 0)
        err = rows_open(place, PLACE_ROWS_NEW, &now);
    if (err == 0 && place->before.is_whole)
        err = rows_open(place, PLACE_ROWS, &before);
    if (err == 0)
        err = place_copy(place, source, now, before);
    meta_copy_close(now);
    meta_copy_close(before);
    if (err != 0)
        (void)unlinkat(place->folder_fd, PLACE_ROWS_NEW, 0); /* the next backup replaces it otherwise */
    place_report(place, report);
    return err;
}
