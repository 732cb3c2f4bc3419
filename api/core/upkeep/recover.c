/* SPDX-License-Identifier: MIT
 *
 * `sluice recover`: a store whose database was lost or damaged is made anew in another folder. Its rows come from the chronicle, which lies
 * among the blobs, and from what of the old database can be read (metadata/meta_recover.h); each blob that a row names gets a second name
 * there, or is copied. Nothing of the old store is changed, so it can be tried again.
 *
 * Blocks, for as long as that takes. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/meta_recover.h"

/* How far the new epoch is ahead of all that the old store is known to have had: it had one more a second since. */
#define EPOCH_AHEAD (UINT64_C(1) << 20)

struct recovering {
    const struct core_options *options;
    const struct core_recovery_watch *watch;
    struct core_recovered *report;
    struct blob_store *from, *to;
    uint64_t file,
        file_bytes; /* the last one that was asked for, and how long it is; 0 bytes: it cannot be used */
    bool is_copied;
    uint64_t last; /* the highest one */
};

static int stores_open(struct recovering *recovering, const char *to)
{
    struct blob_store_options options = {
        .durable = true,
        .read_only = true,
        .shared_fs = recovering->options->shared_fs,
        .log = recovering->options->log,
        .log_ctx = recovering->options->log_ctx,
    };
    struct stat st;
    int err = blob_store_open(&recovering->from, recovering->options->data_dir, &options);

    if (err != 0)
        return err;
    if (stat(to, &st) == 0 && rmdir(to) != 0) /* an empty folder is as good as none */
        return -EEXIST;
    options.read_only = false;
    return blob_store_open(&recovering->to, to, &options);
}

/* Opens the blob that a row names, once for all its units. */
static void file_look(struct recovering *recovering, const struct meta_extent *extent)
{
    int fd = blob_store_open_fd(recovering->from, extent->file);
    const struct blob_unit unit = {extent->file, extent->unit_offset};
    struct stat st;

    recovering->file = extent->file;
    recovering->file_bytes = 0;
    recovering->is_copied = false;
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && blob_store_judge(recovering->from, unit, extent->unit_length, fd) == 0)
        recovering->file_bytes = (uint64_t)st.st_size;
    (void)close(fd); /* was only read from */
}

/* Files with units inside get holes when these are deleted; such a file cannot be shared with the old store. */
static int has_unit(void *ctx, const struct meta_extent *extent)
{
    struct recovering *recovering = ctx;
    bool changes = extent->unit_offset > 0;
    bool is_new = recovering->file != extent->file;
    int err;

    if (is_new)
        file_look(recovering, extent);
    if (recovering->file_bytes == 0 || extent->unit_offset > recovering->file_bytes ||
        extent->unit_length > recovering->file_bytes - extent->unit_offset)
        return 0;
    if (!is_new && (!changes || recovering->is_copied))
        return 1;
    if ((err = blob_store_carry(recovering->from, recovering->to, extent->file, changes)) != 0)
        return err;
    recovering->is_copied = changes;
    if (extent->file > recovering->last)
        recovering->last = extent->file;
    return 1;
}

static void on_lost(void *ctx, const struct meta_recover_loss *loss)
{
    struct recovering *recovering = ctx;

    if (recovering->watch->lost != NULL)
        recovering->watch->lost(recovering->watch->ctx, loss->kind, loss->bucket, loss->key, loss->file);
}

static int always_live(void *ctx, uint64_t blob)
{
    return 1;
}

/* The new store's files are all named: it begins as one that was closed. */
static int store_finish(struct recovering *recovering, const struct meta_identity *identity)
{
    struct blob_identity known = {.epoch = identity->epoch};
    int err;

    memcpy(known.store, identity->store, sizeof(known.store));
    if ((err = blob_store_stay_above(recovering->to, recovering->last)) != 0)
        return err;
    blob_store_identify(recovering->to, &known);
    if ((err = blob_store_recover(recovering->to, always_live, NULL, NULL, NULL)) != 0)
        return err;
    return blob_point_sync(recovering->to);
}

/* Blobs of which nobody knows what they are. */
static int nameless_visit(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct recovering *recovering = ctx;

    if (blob_store_has(recovering->to, blob))
        return 0;
    recovering->report->nameless_blobs++;
    recovering->report->nameless_bytes += size_bytes;
    if (recovering->watch->nameless != NULL)
        recovering->watch->nameless(recovering->watch->ctx, blob, size_bytes);
    return 0;
}

static void report_take(struct core_recovered *report, const struct meta_recover_report *rows)
{
    report->is_chronicle_complete = rows->is_chronicle_complete;
    report->chronicle_entries = rows->chronicle_entries;
    report->chronicle_damaged = rows->chronicle_damaged;
    report->is_database_read = rows->is_database_read;
    report->database_rows = rows->database_rows;
    report->database_damaged = rows->database_damaged;
    report->buckets = rows->buckets;
    report->nameless_buckets = rows->nameless_buckets;
    report->objects = rows->objects;
    report->versions = rows->versions;
    report->markers = rows->markers;
    report->uploads = rows->uploads;
    report->parts = rows->parts;
    report->annotations = rows->annotations;
    report->lost = rows->lost;
}

static int rows_recover(struct recovering *recovering, const char *to)
{
    struct meta_recover_options options = {
        .has_unit = has_unit,
        .lost = on_lost,
        .ctx = recovering,
        .log = recovering->options->log,
        .log_ctx = recovering->options->log_ctx,
    };
    char *database = core_database_path(recovering->options->data_dir), *made = core_database_path(to);
    struct meta_recover_report rows = {.lost = 0};
    struct blob_identity found;
    char *chronicle = NULL;
    int err = -ENOMEM;

    if (asprintf(&chronicle, "%s/" CORE_CHRONICLE, recovering->options->data_dir) < 0)
        chronicle = NULL;
    if (blob_store_identity_found(recovering->from, &found)) {
        options.store = found.store;
        options.epoch = found.epoch;
    }
    options.epoch_ahead = EPOCH_AHEAD;
    options.to = made;
    options.database = database;
    options.chronicle = chronicle;
    if (database != NULL && made != NULL && chronicle != NULL)
        err = meta_recover(&options, &rows);
    free(database);
    free(made);
    free(chronicle);
    report_take(recovering->report, &rows);
    return err != 0 ? err : store_finish(recovering, &rows.identity);
}

int core_recover_store(const struct core_options *options, const char *to,
                       const struct core_recovery_watch *watch, struct core_recovered *report)
{
    struct recovering recovering = {.options = options, .watch = watch, .report = report};
    int err;

    assert(options->data_dir != NULL && to != NULL);
    *report = (struct core_recovered){.lost = 0};
    err = stores_open(&recovering, to);
    if (err == 0 && (err = rows_recover(&recovering, to)) == 0)
        err = blob_store_walk(recovering.from, nameless_visit, &recovering);
    blob_store_close(recovering.to);
    blob_store_close(recovering.from);
    return err;
}
