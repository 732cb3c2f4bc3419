/* SPDX-License-Identifier: MIT
 *
 * `sluice recover`: a store whose database was lost or damaged, made anew in another folder. What cannot be had any more is told a line each. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

/* A key may be what JSON has no text for. */
static void print_json(json_t *object)
{
    if (object != NULL)
        (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(object);
}

static void print_find(void *ctx, const struct sluice_recover_find *find)
{
    const struct options *options = ctx;
    bool is_blob = strcmp(find->kind, "blob") == 0;

    if (options->json)
        print_json(json_pack("{s:s, s:s, s:o?, s:I, s:I}", is_blob ? "unknown" : "lost", find->kind, "bucket",
                             find->bucket, "key", json_stringn(find->key, find->key_length), "blob",
                             (json_int_t)find->blob, "bytes", (json_int_t)find->bytes));
    else if (is_blob)
        printf("unknown: blob %016" PRIx64 " (%" PRIu64 " bytes) stays where it is\n", find->blob,
               find->bytes);
    else
        printf("lost: %s %s/%.*s: blob %016" PRIx64 " is missing or not whole\n", find->kind, find->bucket,
               (int)find->key_length, find->key, find->blob);
}

static void print_report_json(const struct sluice_recover_report *report)
{
    print_json(json_pack(
        "{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "chronicle_complete", report->chronicle_complete, "database_read", report->database_read,
        "chronicle_entries", (json_int_t)report->chronicle_entries, "chronicle_damaged",
        (json_int_t)report->chronicle_damaged, "database_rows", (json_int_t)report->database_rows,
        "database_damaged", (json_int_t)report->database_damaged, "buckets", (json_int_t)report->buckets,
        "nameless_buckets", (json_int_t)report->nameless_buckets, "objects", (json_int_t)report->objects,
        "versions", (json_int_t)report->versions, "markers", (json_int_t)report->markers, "uploads",
        (json_int_t)report->uploads, "parts", (json_int_t)report->parts, "annotations",
        (json_int_t)report->annotations, "lost", (json_int_t)report->lost, "nameless_blobs",
        (json_int_t)report->nameless_blobs, "nameless_bytes", (json_int_t)report->nameless_bytes));
}

static void print_report(const struct sluice_recover_report *report)
{
    printf("recovered: %" PRIu64 " buckets, %" PRIu64 " objects, %" PRIu64 " older versions, %" PRIu64
           " delete markers, %" PRIu64 " unfinished uploads of %" PRIu64 " parts, %" PRIu64 " annotations\n",
           report->buckets, report->objects, report->versions, report->markers, report->uploads,
           report->parts, report->annotations);
    if (report->chronicle_complete)
        printf("the chronicle told all of it\n");
    else
        printf("the chronicle told %" PRIu64 " rows, and may have missed some (%" PRIu64
               " damaged stretches); %" PRIu64 " more came from the old database (%" PRIu64
               " damaged stretches)\n",
               report->chronicle_entries, report->chronicle_damaged, report->database_rows,
               report->database_damaged);
    if (report->nameless_buckets > 0)
        printf("%" PRIu64 " buckets have lost their names: they are called recovered-NUMBER\n",
               report->nameless_buckets);
    printf("%" PRIu64 " without their bytes; %" PRIu64 " blobs (%" PRIu64
           " bytes) that nobody knows, most likely of what was deleted\n",
           report->lost, report->nameless_blobs, report->nameless_bytes);
}

static void say_failure(const struct options *options, int err)
{
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR, "cannot recover %s: another process has it open", options->data);
    else if (err == -ENODATA)
        cli_say(SLUICE_LOG_ERROR,
                "there is nothing to recover in %s: neither a chronicle nor a database that can "
                "be read",
                options->data);
    else if (err == -EEXIST)
        cli_say(SLUICE_LOG_ERROR, "there is something in %s: give a folder that is not there yet",
                options->backup_to);
    else
        cli_say(SLUICE_LOG_ERROR, "cannot recover %s to %s: %s", options->data, options->backup_to,
                sluice_strerror(err));
}

int cli_recover(const struct options *options)
{
    const struct sluice_store_options store = {
        .log = cli_log,
        .shared_fs =
            options->shared_fs == SHARED_FS_REFUSE ? SLUICE_SHARED_FS_REFUSE : SLUICE_SHARED_FS_EXCLUSIVE,
    };
    struct sluice_recover_report report;

    if (options->backup_to == NULL) {
        cli_say(SLUICE_LOG_ERROR, "--to says where the new store is to be made");
        return CLI_USAGE;
    }
    int err = sluice_recover(options->data, options->backup_to, &store, print_find, (void *)options, &report);
    if (err == 0 && options->json)
        print_report_json(&report);
    else if (err == 0)
        print_report(&report);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err != 0)
        say_failure(options, err);
    return err == 0 ? CLI_OK : CLI_FAILED;
}
