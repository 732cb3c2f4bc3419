/* SPDX-License-Identifier: MIT
 *
 * `sluice upgrade`: what a store of an earlier release lacks, and what was done about it. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>

#include <jansson.h>

static bool is_lacking(const struct sluice_upgrade_report *report)
{
    return report->schema != report->schema_now || report->was_unclosed || report->lacks_shrink ||
           report->lacks_records || report->lacks_counts || report->lacks_chronicle;
}

static void print_json(const struct sluice_upgrade_report *report, bool is_done)
{
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:I}", "done", (int)is_done, "schema",
        (json_int_t)report->schema, "schema_now", (json_int_t)report->schema_now, "unclosed",
        (int)report->was_unclosed, "lacked_shrink", (int)report->lacks_shrink, "lacked_records",
        (int)report->lacks_records, "lacked_counts", (int)report->lacks_counts, "lacked_chronicle",
        (int)report->lacks_chronicle, "records_added", (json_int_t)report->records_added, "records_lacking",
        (json_int_t)report->records_lacking, "chronicle_rows", (json_int_t)report->chronicle_rows);

    if (object != NULL)
        (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(object);
}

static void print_lacking(const struct sluice_upgrade_report *report)
{
    if (report->was_unclosed)
        printf("it was not closed: to be recovered first\n");
    if (report->schema != report->schema_now)
        printf("the database has schema %u: to become %u, which no earlier release reads\n", report->schema,
               report->schema_now);
    if (report->lacks_shrink)
        printf("the database does not shrink: to be written anew, in twice its room\n");
    if (report->lacks_records)
        printf("files of blobs need not say what they are: each is to\n");
    if (report->lacks_chronicle)
        printf("the chronicle is missing, or not complete: to be made\n");
    if (!is_lacking(report))
        printf("nothing is lacking\n");
}

static void print_done(const struct sluice_upgrade_report *report)
{
    if (report->was_unclosed)
        printf("it was not closed: recovered\n");
    if (report->schema != report->schema_now)
        printf("schema %u became %u; the database as it was is in sluice.db.v%u\n", report->schema,
               report->schema_now, report->schema);
    if (report->lacks_shrink)
        printf("the database was written anew, and shrinks from now on\n");
    if (report->lacks_counts)
        printf("what the buckets hold was counted\n");
    if (report->records_lacking > 0)
        printf("%" PRIu64 " files say what they are now; %" PRIu64
               " cannot, so none has to: sluice check tells why\n",
               report->records_added, report->records_lacking);
    else if (report->lacks_records)
        printf("%" PRIu64 " files say what they are now, and every file has to\n", report->records_added);
    if (report->lacks_chronicle)
        printf("the chronicle tells %" PRIu64 " rows\n", report->chronicle_rows);
    if (!is_lacking(report))
        printf("nothing was lacking\n");
}

static void say_failure(const struct options *options, int err)
{
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR, "cannot upgrade %s: another process has it open; stop its server first",
                options->data);
    else if (err == -ENOENT)
        cli_say(SLUICE_LOG_ERROR, "there is no store in %s", options->data);
    else
        cli_say(SLUICE_LOG_ERROR, "cannot upgrade %s: %s; once more goes on from here", options->data,
                sluice_strerror(err));
}

int cli_upgrade(const struct options *options)
{
    const struct sluice_store_options store = {
        .log = cli_log,
        .shared_fs =
            options->shared_fs == SHARED_FS_REFUSE ? SLUICE_SHARED_FS_REFUSE : SLUICE_SHARED_FS_EXCLUSIVE,
    };
    bool looks_only = options->dry_run;
    struct sluice_upgrade_report report;
    int err = sluice_upgrade(options->data, looks_only, &store, &report);

    if (err == 0 && options->json)
        print_json(&report, !looks_only);
    else if (err == 0 && looks_only)
        print_lacking(&report);
    else if (err == 0)
        print_done(&report);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err != 0)
        say_failure(options, err);
    if (err != 0 || report.records_lacking > 0)
        return CLI_FAILED;
    return looks_only && is_lacking(&report) ? CLI_FAILED : CLI_OK;
}
