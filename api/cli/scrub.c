/* SPDX-License-Identifier: MIT
 *
 * `sluice scrub`: reads all that is stored, now, and mends what can be mended; and what scrubs have found, for `sluice check --last`. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <time.h>
#include <unistd.h>

/* ---- What both show ---- */

static void print_json(json_t *object)
{
    char *line = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    printf("%s\n", line != NULL ? line : "{}");
    free(line);
    json_decref(object);
}

static json_t *finding_json(const struct sluice_finding *finding)
{
    char blob[17];

    (void)snprintf(blob, sizeof(blob), "%016" PRIx64, finding->blob);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "finding", finding->text,
                     "kind", finding->kind, "bucket", finding->bucket, "key", finding->key, "version",
                     finding->version, "what", finding->what, "advice", finding->advice, "blob", blob,
                     "offset", (json_int_t)finding->offset, "length", (json_int_t)finding->length, "at_ms",
                     (json_int_t)finding->at_ms, "mended", finding->is_mended);
}

/* ---- Progress, for people ---- */

void progress_show(struct progress *progress, uint64_t bytes, uint64_t bytes_total)
{
    struct timespec now;
    uint64_t now_ms;

    if (!isatty(STDERR_FILENO) || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return;
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (progress->began_ms == 0)
        progress->began_ms = progress->told_ms = now_ms;
    if (now_ms - progress->told_ms < 500)
        return;
    progress->told_ms = now_ms;
    progress->is_shown = true;
    fprintf(stderr, "\r%" PRIu64 " MB", bytes / 1000000);
    if (bytes_total > 0)
        fprintf(stderr, " of about %" PRIu64, (bytes > bytes_total ? bytes : bytes_total) / 1000000);
    fprintf(stderr, ", %" PRIu64 " MB/s   ", bytes / 1000 / (now_ms - progress->began_ms));
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        fprintf(stderr, "\r%*s\r", 60, "");
    progress->is_shown = false;
}

/* ---- sluice check --last ---- */

struct last {
    bool as_json;
    uint64_t standing;
};

static int print_last(void *ctx, const struct sluice_finding *finding)
{
    struct last *last = ctx;
    time_t at_s = (time_t)(finding->at_ms / 1000);
    char at[32] = "";
    struct tm when;

    last->standing += !finding->is_mended;
    if (last->as_json) {
        print_json(finding_json(finding));
        return 0;
    }
    if (gmtime_r(&at_s, &when) != NULL)
        (void)strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S ", &when);
    printf("%s%s\n    to do: %s\n", at, finding->text, finding->advice);
    return 0;
}

int cli_check_last(const struct options *options)
{
    struct last last = {.as_json = options->json};
    int err = sluice_findings(options->data, print_last, &last);

    if (err == 0 && fflush(stdout) != 0)
        err = -errno;
    if (err != 0) {
        cli_say(SLUICE_LOG_ERROR, "cannot look into %s: %s", options->data, sluice_strerror(err));
        return CLI_USAGE;
    }
    return last.standing == 0 ? CLI_OK : CLI_FAILED;
}

/* ---- sluice scrub ---- */

struct scrub_view {
    bool as_json;
    struct progress progress;
};

static void on_finding(void *ctx, const struct sluice_finding *finding)
{
    struct scrub_view *view = ctx;

    progress_end(&view->progress);
    if (view->as_json)
        print_json(finding_json(finding));
    else
        printf("%s\n    to do: %s\n", finding->text, finding->advice);
    (void)fflush(stdout); /* the end of it tells */
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_total)
{
    struct scrub_view *view = ctx;

    progress_show(&view->progress, bytes, bytes_total);
}

static void print_report(const struct sluice_scrub_report *report, bool as_json)
{
    if (as_json)
        print_json(json_pack("{s:b, s:I, s:I, s:I, s:I}", "clean", report->findings == 0, "units",
                             (json_int_t)report->units, "bytes", (json_int_t)report->bytes, "findings",
                             (json_int_t)report->findings, "mended", (json_int_t)report->mended));
    else
        printf("%s: %" PRIu64 " units, %" PRIu64 " bytes read; %" PRIu64 " findings, %" PRIu64 " mended\n",
               report->findings == 0 ? "clean" : "NOT CLEAN", report->units, report->bytes, report->findings,
               report->mended);
}

static void say_why(const struct options *options, int err)
{
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR,
                "cannot scrub %s: another process has it open, and takes no calls on %s/control",
                options->data, options->data);
    else if (err == -EALREADY)
        cli_say(SLUICE_LOG_ERROR, "cannot scrub %s: another scrub of it is under way", options->data);
    else if (err == -EINVAL && options->mend_from != NULL)
        cli_say(SLUICE_LOG_ERROR,
                "%s is served: whether it is mended, and from where, says mend-from of its server",
                options->data);
    else
        cli_say(SLUICE_LOG_ERROR, "cannot scrub %s: %s", options->data, sluice_strerror(err));
}

int cli_scrub(const struct options *options)
{
    struct scrub_view view = {.as_json = options->json};
    struct sluice_store_options store;
    struct sluice_scrub_report report;
    int err;

    store_options_fill(options, &store);
    const struct sluice_scrub_options scrub = {
        .mend_from = options->mend_from,
        .shared_fs = store.shared_fs,
        .finding = on_finding,
        .progress = isatty(STDERR_FILENO) ? on_progress : NULL,
        .ctx = &view,
    };
    err = sluice_scrub(options->data, &scrub, &report);
    progress_end(&view.progress);
    if (err == 0)
        print_report(&report, options->json);
    if (err == 0 && fflush(stdout) != 0)
        err = -errno;
    if (err != 0)
        say_why(options, err);
    if (err != 0)
        return CLI_USAGE;
    return report.findings == 0 ? CLI_OK : CLI_FAILED;
}
