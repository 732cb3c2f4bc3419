/* SPDX-License-Identifier: MIT
 *
 * Checking a store that nobody has open: the database with its own means, each extent of each row against the
 * file it names, and each file against the rows. Nothing is changed. Everything blocks, on the caller's
 * thread.
 *
 * An object with several damaged extents makes as many findings; a unit that several objects share is read
 * once and reported for each of them, since each of them is hurt. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/check_units.h"
#include "metadata/meta_relaxed.h"

struct check {
    void (*line)(void *ctx, const char *text);
    void *ctx;
    struct core_check_report *report;
    struct meta_reader *reader;
    struct blob_store *blobs;
    struct check_units *units;
    struct meta_mark mark;
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

/* A key for people: what is not printable ASCII becomes \xNN, so that one finding is one line. */
static void check_format_key(char *out, struct meta_bytes key)
{
    const unsigned char *at = key.data;
    size_t length = key.length < META_KEY_BYTES_MAX ? key.length : META_KEY_BYTES_MAX;

    for (size_t i = 0; i < length; i++) {
        if (at[i] >= 0x20 && at[i] < 0x7f && at[i] != '\\')
            *out++ = (char)at[i];
        else
            out += sprintf(out, "\\x%02x", at[i]);
    }
    *out = '\0';
}

/* ---- Rows ---- */

static void check_on_meta_finding(void *ctx, const char *finding)
{
    check_say(ctx, "database: %s", finding);
}

static int check_on_extent(void *ctx, char kind, const char *bucket, struct meta_bytes key,
                           const struct meta_extent *extent)
{
    struct check *check = ctx;
    char name[META_KEY_BYTES_MAX * 4 + 1];
    int verdict = check_units_look(check->units, extent);

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
    check_format_key(name, key);
    check_say(check, "%s %s/%s: blob %016llx: %s%s",
              kind == 'o'   ? "object"
              : kind == 'v' ? "version of"
                            : "part of an upload to",
              bucket, name, (unsigned long long)extent->file, check_verdict_text((enum check_verdict)verdict),
              meta_mark_doubts(&check->mark, extent->file)
                  ? "; of a relaxed store's latest seconds: the next start drops it"
                  : "");
    return 0;
}

struct check_count {
    struct check *check;
    unsigned char last[META_KEY_BYTES_MAX];
    size_t last_length;
};

static int check_on_object(void *ctx, const struct meta_list_entry *entry)
{
    struct check_count *count = ctx;

    count->check->report->objects++;
    if (entry->key.length > sizeof(count->last))
        return META_E_CORRUPT;
    memcpy(count->last, entry->key.data, entry->key.length);
    count->last_length = entry->key.length;
    return 0;
}

static int check_count_bucket(struct check *check, int64_t bucket)
{
    struct check_count count = {.check = check};
    bool truncated;
    int err;

    do {
        const struct meta_list_query query = {
            .bucket = bucket,
            .after = {count.last, count.last_length},
            .limit = META_LIST_ENTRIES_MAX,
        };

        err = meta_object_list(check->reader, &query, check_on_object, &count, &truncated);
    } while (err == 0 && truncated);
    return err;
}

static int check_on_bucket(void *ctx, const struct meta_bucket *bucket)
{
    *(struct meta_bucket *)ctx = *bucket;
    return 0;
}

/* Bucket by bucket, so that no read is nested in another. */
static int check_count_objects(struct check *check)
{
    struct meta_bucket bucket = {0};
    char after[sizeof(bucket.name)];
    int err;

    for (;;) {
        strcpy(after, bucket.name);
        err = meta_bucket_list(check->reader, (struct meta_bytes){after, strlen(after)}, 1, check_on_bucket,
                               &bucket);
        if (err != 0 || strcmp(after, bucket.name) == 0)
            return err;
        err = check_count_bucket(check, bucket.id);
        if (err != 0)
            return err;
    }
}

static int check_rows(struct check *check)
{
    int result;

    result = meta_check(check->reader, check_on_meta_finding, check);
    if (result < 0)
        return result;
    result = check_count_objects(check);
    if (result != 0)
        return result;
    result = meta_extent_walk(check->reader, check_on_extent, check);
    check->report->bytes = check_units_bytes(check->units);
    return result;
}

/* ---- Files ---- */

static int check_on_blob(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct check *check = ctx;
    int live = meta_file_is_live(check->reader, blob);

    if (live < 0)
        return live;
    /* What a crash left in the range that the next start probes is no finding: it is as good as gone. */
    if (live == 0 && !blob_store_awaits_recovery(check->blobs, blob)) {
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

static int check_run(struct check *check, struct core *core, bool verify_bytes)
{
    int err = blob_store_lost_walk(core->blobs, check_on_lost, check);

    assert(check->report != NULL);
    check->blobs = core->blobs;
    check_past(check, core);
    if (err != 0 || core->past.has_no_database)
        return err;
    err = meta_reader_open(core->meta, &check->reader);
    if (err != 0)
        return err;
    check->units = check_units_create(core->blobs, verify_bytes);
    err = check->units == NULL ? -ENOMEM : meta_mark_get(check->reader, &check->mark);
    if (err == 0)
        err = check_rows(check);
    if (err == 0)
        err = blob_store_walk(core->blobs, check_on_blob, check);
    if (err == 0)
        err = core_replay_pending(core, check->reader, &check->report->pending);
    check_past(check, core);
    check_units_free(check->units);
    meta_reader_close(check->reader);
    return err;
}

int core_check(const char *data_dir, bool verify_bytes, void (*line)(void *ctx, const char *text), void *ctx,
               struct core_check_report *report)
{
    struct check check = {.line = line, .ctx = ctx, .report = report};
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
    struct core *core;
    int err;

    assert(data_dir != NULL && report != NULL);
    *report = (struct core_check_report){0};
    err = core_open(&core, &options);
    if (err != 0)
        return err;
    err = check_run(&check, core, verify_bytes);
    core_close(core);
    return err;
}
