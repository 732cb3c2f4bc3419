/* SPDX-License-Identifier: MIT
 *
 * Checking a store: the database with its own means, each extent of each row against the file it names, and each file against the
 * rows. Nothing is changed. Everything blocks, on the caller's thread.
 *
 * A store that is open changes meanwhile. Rows are taken a page at a time, so that no snapshot lasts as long as reading all bytes; what
 * looks wrong is looked at again, pinned, if it is still referred to; and a file without a row counts only when it is settled and still
 * there. What only a start can tell is left to it: batches in the journal, and whether database and files are of the same time.
 *
 * An object with several damaged extents makes as many findings; a unit that several objects share is read
 * once and reported for each of them, since each of them is hurt. */
#include "api/core/cluster/cluster.h"
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "api/core/scrub/scrub.h"
#include "api/core/scrub/scrub_internal.h"
#include "api/core/upkeep/check_ahead.h"
#include "api/core/upkeep/check_page.h"
#include "api/core/upkeep/check_rows.h"
#include "api/core/upkeep/check_units.h"
#include "metadata/meta_relaxed.h"

/* Rows whose units are read together, in the order of the disk. Of a closed store as many as 100 MB of memory hold; of one that is open
 * few, since what is long in a page may be gone when it is looked at, and each such unit is looked up again. */
#define CHECK_ROWS_CLOSED (256u << 10)
#define CHECK_ROWS_LIVE   4096u
/* Readers of a closed store: disks answer several at once, and a CPU adds up a gigabyte in a fraction of a second. */
#define CHECK_THREADS_CLOSED 4u

struct check {
    void (*line)(void *ctx, const char *text);
    bool (*is_over)(void *ctx);                                        /* NULL: it goes to its end */
    void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total); /* NULL: nobody looks */
    uint64_t bytes_before, bytes_total; /* read before this page; about how many there are */
    void *ctx;
    struct core_check_report *report;
    struct meta_reader *reader;
    struct core *cluster; /* the core, where it is a cluster's; NULL: the store is one server's */
    struct blob_store *blobs;
    struct check_units *units;
    struct check_page *page;
    struct check_rows_thread *rows; /* of a closed store, while its bytes are read */
    struct meta *meta;
    struct core *core; /* NULL: it is closed */
    struct meta_mark mark;
    bool is_live;
};

static void check_say(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void check_say(struct check *check, const char *format, ...)
{
    char text[META_KEY_BYTES_MAX * 4 + 512];
    va_list args;

    check->report->findings++;
    if (check->line == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check->line(check->ctx, text);
}

/* ---- Rows ---- */

static void check_on_meta_finding(void *ctx, const char *finding)
{
    check_say(ctx, "database: %s", finding);
}

static bool check_is_over(void *ctx)
{
    const struct check *check = ctx;

    return check->is_over != NULL && check->is_over(check->ctx);
}

/* What the bytes of the unit are, when nothing can take them away. CHECK_SOUND also if nothing refers to them any more. */
static int check_look_again(struct check *check, const struct meta_extent *extent)
{
    const struct blob_unit unit = {extent->file, extent->unit_offset};
    struct blob_pin pin;
    int verdict;

    blob_pin_enter(check->blobs, &pin);
    verdict = meta_unit_is_referred(check->reader, unit.blob, unit.offset);
    blob_pin_known(check->blobs, &pin, &unit, verdict > 0);
    if (verdict > 0)
        verdict = check_units_look_again(check->units, extent);
    else if (verdict == 0)
        verdict = CHECK_SOUND;
    blob_pin_leave(check->blobs, &pin);
    return verdict;
}

static void check_say_extent(struct check *check, const struct check_extent *place,
                             enum check_verdict verdict)
{
    char name[META_KEY_BYTES_MAX * 4 + 1];

    finding_show_key(name, place->row.key);
    check_say(check, "%s %s/%s: blob %016llx: %s%s",
              place->row.kind == 'o'   ? "object"
              : place->row.kind == 'v' ? "version of"
              : place->row.kind == 'a' ? "annotation"
                                       : "part of an upload to",
              place->row.bucket, name, (unsigned long long)place->extent.file, check_verdict_text(verdict),
              !check->is_live && meta_mark_doubts(&check->mark, place->extent.file)
                  ? "; of a relaxed store's latest seconds: the next start drops it"
                  : "");
}

static int check_extent(void *ctx, const struct check_extent *place)
{
    struct check *check = ctx;
    int verdict;

    if (check_is_over(check))
        return -ECANCELED;
    verdict = check_units_look(check->units, &place->extent);
    if (verdict > CHECK_SOUND && check->is_live)
        verdict = check_look_again(check, &place->extent);
    assert(verdict < CHECK_VERDICT_COUNT);
    if (verdict < 0)
        return verdict;
    check->report->extents++;
    if (verdict == CHECK_SOUND)
        return 0;
    if (verdict == CHECK_MISSING)
        check->report->missing++;
    else
        check->report->damaged++;
    check_say_extent(check, place, (enum check_verdict)verdict);
    return 0;
}

static int check_note(void *ctx, const struct check_extent *place)
{
    struct check *check = ctx;

    return check_units_note(check->units, &place->extent);
}

static bool check_on_read(void *ctx, uint64_t bytes)
{
    struct check *check = ctx;

    if (check->progress != NULL)
        check->progress(check->ctx, check->bytes_before + bytes, check->bytes_total);
    if (check->rows != NULL && check_rows_take(check->rows, check_on_meta_finding, check) != 0)
        return true; /* whose error counts */
    return check_is_over(check);
}

static int check_extents(struct check *check)
{
    struct meta_extent_cursor cursor = {0};
    bool more = true;
    int err = 0;

    while (err == 0 && more) {
        if ((err = check_page_read(check->page, check->reader, &cursor, &more)) == 0 &&
            (err = check_page_walk(check->page, check_note, check)) == 0 &&
            (err = check_units_run(check->units, check->is_live ? 1 : CHECK_THREADS_CLOSED, check_on_read,
                                   check)) == 0)
            err = check_page_walk(check->page, check_extent, check);
        check->bytes_before = check_units_bytes(check->units);
    }
    return err;
}

static int check_settle(void *ctx)
{
    const struct check *check = ctx;

    return core_batches_end(check->core);
}

static int check_live_rows(struct check *check)
{
    struct check_rows_result rows =
        check_rows(check->meta, check->reader, check_settle, check_on_meta_finding, check_is_over, check);

    check->report->objects = rows.objects;
    check->report->compared = rows.compared;
    return rows.error != 0 ? rows.error : check_extents(check);
}

/* Beside each other. What went wrong first ends the other, and rows tell more than bytes. */
static int check_closed_rows(struct check *check)
{
    struct blob_past past;
    int err;

    blob_store_past(check->blobs, &past);
    err = check_rows_begin(&check->rows, check->meta, !past.is_unclean && !past.is_damaged);
    if (err != 0)
        return err;
    err = check_extents(check);
    struct check_rows_result rows =
        check_rows_end(check->rows, err == 0 || err == META_E_CORRUPT, check_on_meta_finding, check);
    check->report->objects = rows.objects;
    check->report->compared = rows.compared;
    return rows.error != 0 && rows.error != -ECANCELED ? rows.error : err;
}

/* ---- Files ---- */

/* Of a store that is open: the file was published and settled before its rows were looked for, so it has a row, or is gone. */
static int check_blob_stays(struct check *check, uint64_t blob)
{
    int fd = blob_store_open_fd(check->blobs, blob);

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    close(fd); /* was not even read from */
    return 1;
}

/* Whether a file may be without a row for now. What a crash left in the range that the next start probes is as good as gone; of a store
 * that is open, an upload may be on its way to its row. */
static bool check_blob_is_excused(struct check *check, uint64_t blob)
{
    if (check->cluster != NULL)
        return cluster_may_lack_row(check->cluster, blob);
    return check->is_live ? !blob_store_is_settled(check->blobs, blob)
                          : blob_store_awaits_recovery(check->blobs, blob);
}

static int check_on_blob(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct check *check = ctx;
    bool is_excused = check_blob_is_excused(check, blob); /* before its rows are looked for */
    int live = check_is_over(check) ? -ECANCELED : meta_file_is_live(check->reader, blob);

    if (live == 0 && !is_excused && check->is_live)
        live = check_blob_stays(check, blob) == 0; /* if it cannot be told, it is there */
    if (live < 0)
        return live;
    if (live == 0 && !is_excused) {
        check->report->orphaned++;
        check_say(check, "blob %016llx (%llu bytes): no row names it", (unsigned long long)blob,
                  (unsigned long long)size_bytes);
    }
    return 0;
}

static int check_on_lost(void *ctx, const struct blob_lost *lost)
{
    struct check *check = ctx;

    check->report->lost_files++;
    check->report->lost_bytes += lost->bytes;
    return 0;
}

/* ---- The whole ---- */

static void check_on_log(void *ctx, enum log_level level, const char *message)
{
    struct check *check = ctx;

    if (level == LOG_LEVEL_ERROR && check->line != NULL)
        check->line(check->ctx, message);
}

/* What a start would refuse, or say. Each is told once. */
static void check_past(struct check *check, struct core *core)
{
    for (unsigned i = 0; i < core->past.count; i++)
        check_say(check, "%s", core->past.troubles[i]);
    core->past.count = 0;
}

/* With a reader of its own. */
static int check_store(struct check *check, bool verify_bytes)
{
    int err;

    check->units = check_units_create(check->blobs, verify_bytes);
    check->page = check_page_create(check->is_live ? CHECK_ROWS_LIVE : CHECK_ROWS_CLOSED, UINT64_MAX);
    err = check->units == NULL || check->page == NULL ? -ENOMEM : meta_mark_get(check->reader, &check->mark);
    if (err == 0)
        err = check->is_live ? check_live_rows(check) : check_closed_rows(check);
    check->report->bytes = check->units != NULL ? check_units_bytes(check->units) : 0;
    if (err == 0)
        err = blob_store_walk(check->blobs, check_on_blob, check);
    check_page_free(check->page);
    check_units_free(check->units);
    return err;
}

static int check_run(struct check *check, struct core *core, bool verify_bytes)
{
    int err = blob_store_lost_walk(core->blobs, check_on_lost, check);

    assert(check->report != NULL);
    check->blobs = core->blobs;
    check->meta = core->meta;
    if (check->progress != NULL && core->meta != NULL)
        check->bytes_total = scrub_bytes_total(core);
    check_past(check, core);
    if (err != 0 || core->past.has_no_database)
        return err;
    err = meta_reader_open(core->meta, &check->reader);
    if (err != 0)
        return err;
    err = check_store(check, verify_bytes);
    if (err == 0)
        err = core_replay_pending(core, check->reader, &check->report->pending);
    check_past(check, core);
    meta_reader_close(check->reader);
    return err;
}

int core_check_watched(const char *data_dir, bool verify_bytes, void (*line)(void *ctx, const char *text),
                       void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total), void *ctx,
                       struct core_check_report *report)
{
    struct check check = {.line = line, .progress = progress, .ctx = ctx, .report = report};
    const struct core_options options = {
        .data_dir = data_dir,
        .read_only = true,
        /* Nothing is written that a server elsewhere could lose, and nothing is promised: findings about a store that
         * another machine has open may be wrong, which is for the caller to tell (sluice_store_check_place). A refusal
         * would take the check from those who need it most, after the other machine is gone. */
        .shared_fs = true,
        .digest_threads = 1,
        .log = check_on_log,
        .log_ctx = &check,
    };
    struct check_ahead *ahead;
    struct core *core;
    int err;

    assert(data_dir != NULL && report != NULL);
    *report = (struct core_check_report){0};
    ahead = check_ahead_begin(data_dir);
    err = core_open(&core, &options);
    if (err == 0) {
        err = check_run(&check, core, verify_bytes);
        core_close(core);
    }
    check_ahead_end(ahead);
    return err;
}

int core_check_cluster(const char *data_dir, const char *cluster, bool verify_bytes,
                       void (*line)(void *ctx, const char *text), void *ctx, struct core_check_report *report)
{
    struct check told = {.line = line, .ctx = ctx, .report = report};
    const struct core_options options = {.data_dir = data_dir,
                                         .cluster = cluster,
                                         .read_only = true,
                                         .digest_threads = 1,
                                         .log = check_on_log,
                                         .log_ctx = &told};
    struct core *core;
    int err = core_open(&core, &options);

    *report = (struct core_check_report){0};
    if (err != 0)
        return err;
    err = core_check_live(core, verify_bytes, line, NULL, ctx, report);
    core_close(core);
    return err;
}

int core_check(const char *data_dir, bool verify_bytes, void (*line)(void *ctx, const char *text), void *ctx,
               struct core_check_report *report)
{
    return core_check_watched(data_dir, verify_bytes, line, NULL, ctx, report);
}

/* ---- A store that is open ---- */

/* One at a time, so that whoever interrupts knows which. */
static int check_enter(struct core *core, struct check *check)
{
    int err = 0;

    pthread_mutex_lock(&core->check_lock);
    if (core->checking != NULL)
        err = -EALREADY;
    else if ((err = meta_reader_open(core->meta, &check->reader)) == 0)
        core->checking = check->reader;
    pthread_mutex_unlock(&core->check_lock);
    return err;
}

static void check_leave(struct core *core)
{
    struct meta_reader *reader;

    pthread_mutex_lock(&core->check_lock);
    reader = core->checking;
    core->checking = NULL;
    pthread_mutex_unlock(&core->check_lock);
    meta_reader_close(reader);
}

int core_check_live(struct core *core, bool verify_bytes, void (*line)(void *ctx, const char *text),
                    bool (*is_over)(void *ctx), void *ctx, struct core_check_report *report)
{
    struct check check = {.line = line,
                          .is_over = is_over,
                          .ctx = ctx,
                          .report = report,
                          .blobs = core->blobs,
                          .meta = core->meta,
                          .core = core,
                          .cluster = core->cluster != NULL ? core : NULL,
                          .is_live = true};
    int err;

    *report = (struct core_check_report){0};
    if ((err = check_enter(core, &check)) != 0)
        return err;
    err = blob_store_lost_walk(core->blobs, check_on_lost, &check);
    if (err == 0)
        err = check_store(&check, verify_bytes);
    check_leave(core);
    return err;
}

void core_check_interrupt(struct core *core)
{
    pthread_mutex_lock(&core->check_lock);
    if (core->checking != NULL)
        meta_reader_interrupt(core->checking);
    pthread_mutex_unlock(&core->check_lock);
    scrub_interrupt(core->scrub);
}
