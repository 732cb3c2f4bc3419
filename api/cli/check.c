/* SPDX-License-Identifier: MIT
 *
 * `sluice check`: findings on stdout, one a line, then a summary. Scripts read the exit status. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

struct check_view {
    bool as_json;
    struct progress progress;
};

static void print_json(json_t *object)
{
    char *line = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    printf("%s\n", line != NULL ? line : "{}");
    free(line);
    json_decref(object);
}

static void print_finding(void *ctx, const char *text)
{
    struct check_view *view = ctx;

    progress_end(&view->progress);
    if (view->as_json)
        print_json(json_pack("{s:s}", "finding", text));
    else
        printf("%s\n", text);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_total)
{
    struct check_view *view = ctx;

    progress_show(&view->progress, bytes, bytes_total);
}

static void print_json_summary(const struct sluice_check_report *report, bool verified)
{
    print_json(json_pack("{s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "clean",
                         report->findings == 0, "served", (int)report->is_live, "verified", (int)verified,
                         "objects", (json_int_t)report->objects, "bytes", (json_int_t)report->bytes,
                         "damaged", (json_int_t)report->damaged, "missing", (json_int_t)report->missing,
                         "orphaned", (json_int_t)report->orphaned, "findings", (json_int_t)report->findings,
                         "pending", (json_int_t)report->pending, "lost_files", (json_int_t)report->lost_files,
                         "lost_bytes", (json_int_t)report->lost_bytes, "compared",
                         (json_int_t)report->compared));
}

static void log_as_warning(void *ctx, enum sluice_log_level level, const char *message)
{
    (void)level;
    cli_log(ctx, SLUICE_LOG_WARNING, message);
}

/* has_chronicle: a store of its own, whose rows are told there; a cluster's are in its database. */
static void print_summary(const struct sluice_check_report *report, bool verified, bool has_chronicle)
{
    printf("%s: %" PRIu64 " objects, %" PRIu64 " bytes %s; %" PRIu64 " damaged, %" PRIu64 " missing, %" PRIu64
           " orphaned; %" PRIu64 " findings\n",
           report->findings == 0 ? "clean" : "NOT CLEAN", report->objects, report->bytes,
           verified ? "verified" : "referred to", report->damaged, report->missing, report->orphaned,
           report->findings);
    if (report->pending > 0)
        printf("a crash left %" PRIu64 " batches of small objects to the next start of the server\n",
               report->pending);
    if (has_chronicle && report->compared == 0 && report->objects > 0)
        printf("the chronicle does not tell all of it yet, as after a crash or a short run: rows were not "
               "compared "
               "with it (a server makes it whole while it runs)\n");
    if (report->lost_files > 0)
        printf("%" PRIu64 " files (%" PRIu64 " bytes) in lost/, which no object needs: sluice lost\n",
               report->lost_files, report->lost_bytes);
}

/* The check takes the lock, but where locks may be lost, a server on another machine may be writing all the same. */
static void warn_of_place(const struct options *options)
{
    const struct sluice_store_options place = {.log = log_as_warning};

    if (options->shared_fs == SHARED_FS_REFUSE &&
        sluice_store_check_place(options->data, &place) == SLUICE_E_SHARED_FS)
        cli_say(SLUICE_LOG_WARNING,
                "findings may be wrong if a server on another machine has %s open; --shared-fs exclusive or "
                "--shared-fs fenced says that none has",
                options->data);
}

int cli_check(const struct options *options)
{
    struct check_view view = {.as_json = options->json};
    const struct sluice_check_options check = {.verify_bytes = !options->no_verify,
                                               .cluster = options->cluster,
                                               .line = print_finding,
                                               .progress = on_progress,
                                               .ctx = &view};
    struct sluice_check_report report = {0};
    int err;

    if (options->last_findings)
        return cli_check_last(options);
    if (options->cluster == NULL)
        warn_of_place(options);
    err = sluice_check_with(options->data, &check, &report);
    progress_end(&view.progress);
    if (err == 0 && options->json)
        print_json_summary(&report, !options->no_verify);
    else if (err == 0)
        print_summary(&report, !options->no_verify, options->cluster == NULL);
    if (err == 0 && report.is_live && options->cluster == NULL && !options->json)
        cli_say(SLUICE_LOG_INFO, "checked by its server: uploads on their way to their rows, and whether "
                                 "database and files are of the "
                                 "same time, were left out");
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR,
                "cannot check %s: another process has it open, and takes no calls on %s/control",
                options->data, options->data);
    else if (err == -EALREADY)
        cli_say(SLUICE_LOG_ERROR, "cannot check %s: another check of it is under way", options->data);
    else if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot check %s: %s", options->data, sluice_strerror(err));
    if (err != 0)
        return CLI_USAGE;
    return report.findings == 0 ? CLI_OK : CLI_FAILED;
}
