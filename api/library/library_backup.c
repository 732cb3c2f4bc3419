/* SPDX-License-Identifier: MIT
 *
 * Backups: of a store that is open here, of one that nobody has open, and of one that a server has. The last two are one call, and may follow
 * one another: a server that is stopped or killed amid a backup leaves a store that is opened for the next try, or is started again and asked
 * once more. What was copied by then stays, so a further try is short.
 *
 * A server only holds its store, and writes its rows into a file; the bytes are copied here, by whoever wants them. */
#include "api/library/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/core/backup/backup.h"
#include "api/library/control_client.h"
#include "api/library/limits.h"

#define SERVED_DONE 1

struct backup {
    const struct sluice_backup_options *options;
    struct core_backup_options core;
    struct core_place *place;
    struct core_backup_report report;
    const char *directory; /* of the store */
    struct core *store;    /* which holds, or NULL: its server does */
    uint64_t hold;
    const json_t *item;                 /* what its server said */
    const struct core_carrier *carrier; /* or NULL: to the place */
};

static void report_take(const struct core_backup_report *from, bool is_live, struct sluice_backup_report *to)
{
    if (to == NULL)
        return;
    *to = (struct sluice_backup_report){
        .files = from->files,
        .bytes = from->bytes,
        .linked = from->linked,
        .cloned = from->cloned,
        .kept = from->kept,
        .removed = from->removed,
        .damaged = from->damaged,
        .database_bytes = from->database_bytes,
        .is_live = is_live,
    };
}

static void on_log(void *ctx, int level, const char *message)
{
    const struct backup *backup = ctx;

    if (backup->options->log != NULL)
        backup->options->log(backup->options->log_ctx, (enum sluice_log_level)level, message);
}

static int on_progress(void *ctx, const struct core_backup_report *report)
{
    const struct backup *backup = ctx;
    struct sluice_backup_report told;

    if (backup->options->progress == NULL)
        return 0;
    report_take(report, backup->store == NULL, &told);
    return backup->options->progress(backup->options->progress_ctx, &told);
}

static void backup_init(struct backup *backup, const struct sluice_backup_options *options)
{
    static const struct sluice_backup_options defaults;

    *backup = (struct backup){.options = options != NULL ? options : &defaults};
    backup->core = (struct core_backup_options){
        .copies = backup->options->copies,
        .log = on_log,
        .log_ctx = backup,
        .progress = on_progress,
        .progress_ctx = backup,
    };
}

/* ---- Of a store that is open here ---- */

static int own_rows(void *ctx, const char *path)
{
    struct backup *backup = ctx;

    return core_hold_rows(backup->store, path, NULL, NULL);
}

static int own_holds(void *ctx)
{
    struct backup *backup = ctx;

    return core_hold_look(backup->store, backup->hold);
}

/* Out of the file beside the store, which goes then. */
static int own_carry(struct backup *backup, const struct core_backup_source *source)
{
    char *rows;
    int err;

    if (asprintf(&rows, "%s/" CORE_BACKUP_ROWS, backup->directory) < 0)
        return -ENOMEM;
    if ((err = own_rows(backup, rows)) == 0)
        err = core_backup_carry(backup->directory, rows, source, backup->carrier, &backup->core,
                                &backup->report);
    core_hold_forget(backup->store);
    free(rows);
    return err;
}

/* The place is open. */
static int own_take(struct backup *backup)
{
    const struct core_backup_source source = {own_rows, own_holds, backup};
    int err = core_hold_begin(backup->store, &backup->hold);

    if (err != 0)
        return err;
    err = backup->carrier != NULL ? own_carry(backup, &source)
                                  : core_place_take(backup->place, &source, &backup->report);
    core_hold_end(backup->store);
    return err;
}

int sluice_backup(struct sluice_store *store, const char *directory,
                  const struct sluice_backup_options *options, struct sluice_backup_report *report)
{
    struct backup backup;
    int err;

    backup_init(&backup, options);
    backup.store = store->core;
    err = core_place_open(&backup.place, core_data_dir(store->core), directory, &backup.core);
    if (err == 0)
        err = own_take(&backup);
    core_place_close(backup.place);
    report_take(&backup.report, false, report);
    return err;
}

/* ---- Of one that a server has ---- */

/* The server's file, which goes with its hold. */
static int served_rows(void *ctx, const char *path)
{
    struct backup *backup = ctx;
    char *rows;
    int err;

    if (asprintf(&rows, "%s/" CORE_BACKUP_ROWS, backup->directory) < 0)
        return -ENOMEM;
    err = core_backup_copy_rows(rows, path);
    free(rows);
    return err == -ENOENT ? -ECONNABORTED : err;
}

static int served_holds(void *ctx)
{
    struct backup *backup = ctx;
    json_t *answer;
    int err = control_client_call(
        backup->directory,
        json_pack("{s:s, s:O*}", "call", "backup-holds", "hold", json_object_get(backup->item, "hold")), NULL,
        NULL, &answer);

    json_decref(answer);
    return err == -ENOTCONN || err == -EPROTO ? -ECONNABORTED : err;
}

static int served_carry(struct backup *backup, const struct core_backup_source *source)
{
    char *rows;
    int err;

    if (asprintf(&rows, "%s/" CORE_BACKUP_ROWS, backup->directory) < 0)
        return -ENOMEM;
    err = core_backup_carry(backup->directory, rows, source, backup->carrier, &backup->core, &backup->report);
    free(rows);
    /* A server that ended has taken its file along, or the next one has. */
    return err == -ENOENT ? -ECONNABORTED : err;
}

/* The server holds as long as this runs: it ends when the connection does. */
static int on_hold(void *ctx, const json_t *item)
{
    struct backup *backup = ctx;
    const struct core_backup_source source = {served_rows, served_holds, backup};

    int err;

    backup->item = item;
    err = backup->carrier != NULL ? served_carry(backup, &source)
                                  : core_place_take(backup->place, &source, &backup->report);
    return err == 0 ? SERVED_DONE : err;
}

static int served_take(struct backup *backup)
{
    json_t *answer;
    int err = control_client_call(backup->directory, json_pack("{s:s}", "call", "backup"), on_hold, backup,
                                  &answer);

    json_decref(answer);
    return err == SERVED_DONE ? 0 : err == -EPROTO ? -ECONNABORTED : err;
}

/* ---- By its directory ---- */

static int closed_take(struct backup *backup)
{
    const struct core_options options = {
        .data_dir = backup->directory,
        .shared_fs = true,
        .refuses_changes = true,
    };
    int err = core_open(&backup->store, &options);

    if (err != 0)
        return err;
    err = own_take(backup);
    core_close(backup->store);
    backup->store = NULL;
    return err;
}

/* -ENOTCONN: there is nobody to ask, for now. */
static int take_once(struct backup *backup, bool *is_live)
{
    int err = closed_take(backup);

    *is_live = err == -EBUSY;
    return *is_live ? served_take(backup) : err;
}

/* Whether it is worth while to try once more, and how often it was tried. */
struct tries {
    unsigned begun, pauses, holds;
};

static bool may_again(struct tries *tries, int err)
{
    switch (err) {
    case -ECONNABORTED: /* the server ended while its store was being copied */
        return ++tries->begun < LIBRARY_BACKUP_TRIES_MAX;
    case -ENOTCONN: /* it does not answer yet, or not any more */
        return ++tries->pauses < LIBRARY_BACKUP_PAUSES_MAX;
    case -EALREADY: /* it has not noticed yet that the last one has ended */
        return ++tries->holds < LIBRARY_BACKUP_HOLDS_MAX;
    default:
        return false;
    }
}

static int take(struct backup *backup, bool *is_live)
{
    const struct timespec pause = {.tv_nsec = LIBRARY_BACKUP_PAUSE_MS * 1000000};
    struct tries tries = {0};
    int err;

    while (may_again(&tries, err = take_once(backup, is_live)))
        (void)nanosleep(&pause, NULL);
    return err == -ENOTCONN ? -EBUSY : err;
}

int sluice_backup_directory(const char *store, const char *directory,
                            const struct sluice_backup_options *options, struct sluice_backup_report *report)
{
    struct backup backup;
    bool is_live = false;
    int err;

    backup_init(&backup, options);
    backup.directory = store;
    err = core_place_open(&backup.place, store, directory, &backup.core);
    if (err == 0)
        err = take(&backup, &is_live);
    core_place_close(backup.place);
    report_take(&backup.report, is_live, report);
    return err;
}

static struct core_carrier carrier_of(const struct sluice_backup_carrier *carrier)
{
    return (struct core_carrier){.has = carrier->has,
                                 .file = carrier->file,
                                 .data = carrier->data,
                                 .flush = carrier->flush,
                                 .commit = carrier->commit,
                                 .ctx = carrier->ctx};
}

_Static_assert(SLUICE_BACKUP_ANY_SIZE == CORE_CARRY_ANY_SIZE, "the same to both");

int sluice_backup_carried(const char *store, const struct sluice_backup_carrier *carrier,
                          const struct sluice_backup_options *options, struct sluice_backup_report *report)
{
    const struct core_carrier core = carrier_of(carrier);
    struct backup backup;
    bool is_live = false;
    int err;

    backup_init(&backup, options);
    backup.directory = store;
    backup.carrier = &core;
    err = take(&backup, &is_live);
    report_take(&backup.report, is_live, report);
    return err;
}

int sluice_restore_carried(const struct sluice_backup_carrier *carrier, const char *directory,
                           const struct sluice_backup_options *options, struct sluice_backup_report *report)
{
    const struct core_carrier core = carrier_of(carrier);
    struct backup backup;
    int err;

    backup_init(&backup, options);
    err = core_restore_carried(directory, &core, &backup.core, &backup.report);
    report_take(&backup.report, false, report);
    return err;
}

int sluice_restore(const char *from, const char *directory, const struct sluice_backup_options *options,
                   struct sluice_backup_report *report)
{
    struct backup backup;
    int err;

    backup_init(&backup, options);
    err = core_restore(from, directory, &backup.core, &backup.report);
    report_take(&backup.report, false, report);
    return err;
}
