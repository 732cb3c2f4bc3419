/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share. */
#ifndef API_CORE_BACKUP_PLACE_H
#define API_CORE_BACKUP_PLACE_H

#include "api/core/backup/backup.h"
#include "api/core/backup/manifest.h"
#include "metadata/meta_backup.h"
#include "storage/base/log.h"
#include "storage/copy/blob_copy.h"

#define PLACE_ROWS     "sluice.db"
#define PLACE_ROWS_NEW "sluice.db.new"

struct core_place {
    struct core_backup_options options;
    struct core_backup_report report;
    struct blob_copy *copy;
    int folder_fd;          /* the target's; the copy's */
    char *path;             /* the same */
    struct manifest before; /* of the backup that is there; not whole: none */
    uint64_t steps;         /* so that progress is told now and then */
};

void place_log(const struct core_place *place, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A name in the folder, for who wants a path; in memory of the caller's. NULL: there is none. */
char *place_path(const struct core_place *place, const char *name);
/* Whether the folder has nothing but what file systems put into each: 1, 0 or a negative errno; one that is missing is empty. */
int place_is_empty(const char *path);
void place_report(struct core_place *place, struct core_backup_report *report);
/* Tells of the progress, once in a while. 0 or -ECANCELED. */
int place_step(struct core_place *place);

/* What BACKUP is to say of these rows, which lie at that path. */
int place_manifest(struct core_place *place, struct meta_copy *now, const char *rows,
                   struct manifest *manifest);

/* files.c: copies what `now` names and `before` (or NULL) does not. 0 or an error. */
int files_copy(struct core_place *place, struct meta_copy *now, struct meta_copy *before);
/* After the rows were exchanged: what `before` (or NULL) named and `now` does not is given back, and files that `now` does not name are removed. */
int files_prune(struct core_place *place, struct meta_copy *now, struct meta_copy *before);

#endif
