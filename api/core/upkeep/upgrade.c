/* SPDX-License-Identifier: MIT
 *
 * `sluice upgrade`: a store that an earlier release wrote gets at once what it would else gain as objects are written, or never. It is opened, which
 * migrates the schema and recovers from a crash, and then, in an order in which each step can be done again:
 *
 *   the database is written anew, if it cannot shrink       while it is opened
 *   what buckets hold is counted                            by the reclaimer
 *   each file gets a record of what it is                   here; then SEQUENCE says that all have one
 *   the chronicle is made                                   by its own thread
 *
 * Blocks. */
#include "api/core/core_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/core/upkeep/reclaim_await.h"
#include "metadata/meta_chronicle.h"
#include "metadata/meta_form.h"
#include "metadata/meta_usage.h"

/* Rows of extents in one snapshot: a few milliseconds. */
#define UPGRADE_ROWS_PAGE 4096u
#define UPGRADE_LOOK_MS   20u
/* The reclaimer has so long to get on; then something holds it up, as the log says. */
#define UPGRADE_PATIENCE_MS 60000u

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = UPGRADE_LOOK_MS * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* ---- What is lacking ---- */

static int look_at_files(const struct core_options *options, struct core_upgrade *upgrade)
{
    struct meta_form form = {0};
    char *path = core_database_path(options->data_dir), *chronicle = NULL;
    int err = path == NULL || asprintf(&chronicle, "%s/" CORE_CHRONICLE, options->data_dir) < 0
                  ? -ENOMEM
                  : meta_form_look(path, &form);

    if (err == 0) {
        upgrade->schema = form.schema;
        upgrade->schema_now = form.schema_now;
        upgrade->lacks_shrink = !form.shrinks;
        upgrade->lacks_chronicle = !meta_chronicle_is_whole(chronicle);
    }
    free(path);
    free(chronicle);
    return err;
}

int core_upgrade_look(const struct core_options *options, struct core_upgrade *upgrade)
{
    const struct blob_store_options look = {
        .read_only = true,
        .shared_fs = options->shared_fs,
        .log = options->log,
        .log_ctx = options->log_ctx,
    };
    struct blob_store *blobs;
    struct blob_past past;
    int err;

    *upgrade = (struct core_upgrade){0};
    if ((err = look_at_files(options, upgrade)) != 0) /* where there is no store, not even a lock is made */
        return err;
    if ((err = blob_store_open(&blobs, options->data_dir, &look)) != 0) /* and nobody else has it open */
        return err;
    if ((err = look_at_files(options, upgrade)) == 0) {
        blob_store_past(blobs, &past);
        upgrade->was_unclosed = past.is_unclean || past.is_damaged;
        upgrade->lacks_records = blob_store_records_from(blobs) > 1;
    }
    blob_store_close(blobs);
    return err;
}

/* ---- Records ---- */

struct records {
    struct core *core;
    struct core_upgrade *upgrade;
    uint64_t from;    /* blobs from here on have theirs */
    uint64_t segment; /* the last one that was looked at: neighbours are many */
};

static int record_extent(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    const struct blob_unit unit = {extent->file, extent->unit_offset};
    struct records *records = ctx;
    int added;

    (void)row;
    if (extent->file == 0 || extent->file >= records->from ||
        (extent->unit_offset > 0 && extent->file == records->segment))
        return 0;
    if (extent->unit_offset > 0)
        records->segment = extent->file;
    added = blob_store_record_add(records->core->blobs, unit, extent->unit_length);
    if (added == -ENOENT || added == -EBADMSG || added == -ESTALE)
        records->upgrade->records_lacking++;
    else if (added < 0)
        return added;
    else
        records->upgrade->records_added += (uint64_t)added;
    return 0;
}

static int add_records(struct core *core, struct core_upgrade *upgrade)
{
    struct records records = {.core = core, .upgrade = upgrade, .from = blob_store_records_from(core->blobs)};
    struct meta_extent_cursor cursor = {0};
    struct meta_reader *reader;
    bool more = records.from > 1;
    int err;

    if (!more)
        return 0;
    if ((err = meta_reader_open(core->meta, &reader)) != 0)
        return err;
    while (err == 0 && more)
        err = meta_extent_page(reader, &cursor, UPGRADE_ROWS_PAGE, record_extent, &records, &more);
    meta_reader_close(reader);
    if (err == 0 && upgrade->records_lacking == 0)
        err = blob_store_records_are_there(core->blobs);
    return err;
}

/* ---- What others do ---- */

static int await_chronicle(struct core *core, struct core_upgrade *upgrade)
{
    struct meta_chronicle_state state;

    for (;;) {
        meta_chronicle_state(core->meta, &state);
        upgrade->chronicle_rows = state.rows;
        if (state.is_complete || !state.is_kept || state.error != 0)
            return state.error;
        rest();
    }
}

int core_upgrade(const struct core_options *options, struct core_upgrade *upgrade)
{
    const struct core_options writing = {
        .data_dir = options->data_dir,
        .shared_fs = options->shared_fs,
        .log = options->log,
        .log_ctx = options->log_ctx,
        .compacts = true,
    };
    struct core_options opening = writing;
    struct core *core;
    int err = core_upgrade_look(options, upgrade);

    if (err != 0)
        return err;
    opening.vacuums = upgrade->lacks_shrink;
    if ((err = core_open(&core, &opening)) != 0)
        return err;
    upgrade->lacks_counts = !meta_usage_is_whole(core->meta);
    /* Garbage goes first: its files have no extents, and would be left without records. */
    if ((err = reclaim_await(core, true, UPGRADE_PATIENCE_MS)) > 0)
        err = -ETIMEDOUT;
    if (err == 0 && (err = add_records(core, upgrade)) == 0)
        err = await_chronicle(core, upgrade);
    core_close(core);
    return err;
}
