/* SPDX-License-Identifier: MIT
 *
 * Reading all that is stored, now: of a store that is closed, or, where a server has it open, by its control socket. And what was found, which
 * lies in a file. Any thread; blocks. */
#include "api/library/library.h"

#include <errno.h>
#include <stdlib.h>

#include "api/core/core_scrub.h"
#include "api/library/control_client.h"

/* ---- Findings ---- */

static struct sluice_finding finding_of(const struct core_finding *finding, const char *text)
{
    return (struct sluice_finding){
        .at_ms = finding->at_ms,
        .kind = finding->kind,
        .bucket = finding->bucket,
        .key = finding->key,
        .version = finding->version,
        .what = finding->what,
        .advice = core_finding_advice(finding),
        .text = text,
        .blob = finding->blob,
        .offset = finding->offset,
        .length = finding->length,
        .is_mended = finding->is_mended,
    };
}

struct finding_visitor {
    int (*visit)(void *ctx, const struct sluice_finding *finding);
    void *ctx;
};

static int visit_finding(void *ctx, const struct core_finding *found)
{
    const struct finding_visitor *visitor = ctx;
    char text[CORE_FINDING_TEXT_BYTES];
    struct sluice_finding finding = finding_of(found, text);

    core_finding_format(found, text);
    return visitor->visit(visitor->ctx, &finding);
}

int sluice_findings(const char *directory, int (*visit)(void *ctx, const struct sluice_finding *finding),
                    void *ctx)
{
    struct finding_visitor visitor = {visit, ctx};

    return core_findings_each_of(directory, visit_finding, &visitor);
}

/* ---- Of a store that is closed ---- */

static void on_finding(void *ctx, const struct core_finding *found)
{
    const struct sluice_scrub_options *options = ctx;
    char text[CORE_FINDING_TEXT_BYTES];
    struct sluice_finding finding = finding_of(found, text);

    core_finding_format(found, text);
    if (options->finding != NULL)
        options->finding(options->ctx, &finding);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_total)
{
    const struct sluice_scrub_options *options = ctx;

    if (options->progress != NULL)
        options->progress(options->ctx, bytes, bytes_total);
}

static int scrub_closed(const char *directory, const struct sluice_scrub_options *options,
                        struct sluice_scrub_report *report)
{
    struct core_scrub_run run = {
        .on_finding = on_finding, .on_progress = on_progress, .ctx = (void *)options};
    struct sluice_store_options store_options = {
        .log = options->log,
        .log_ctx = options->log_ctx,
        .shared_fs = options->shared_fs,
        .mend_from = options->mend_from,
        .scrub_days = SLUICE_SCRUB_OFF,
    };
    struct sluice_store *store;
    int err = sluice_store_open(&store, directory, &store_options);

    if (err != 0)
        return err;
    err = core_scrub(store->core, &run);
    sluice_store_close(store);
    *report = (struct sluice_scrub_report){
        .units = run.units, .bytes = run.bytes, .findings = run.findings, .mended = run.mended};
    return err;
}

/* ---- By its server ---- */

static int take_item(void *ctx, const json_t *item)
{
    const struct sluice_scrub_options *options = ctx;

    if (json_object_get(item, "progress") != NULL) {
        if (options->progress != NULL)
            options->progress(options->ctx, control_client_number(item, "progress"),
                              control_client_number(item, "progress_total"));
        return 0;
    }
    const struct sluice_finding finding = {
        .at_ms = (int64_t)control_client_number(item, "at_ms"),
        .kind = control_client_text(item, "kind"),
        .bucket = control_client_text(item, "bucket"),
        .key = control_client_text(item, "key"),
        .version = control_client_text(item, "version"),
        .what = control_client_text(item, "what"),
        .advice = control_client_text(item, "advice"),
        .text = control_client_text(item, "finding"),
        .blob = strtoull(control_client_text(item, "blob"), NULL, 16),
        .offset = control_client_number(item, "offset"),
        .length = control_client_number(item, "length"),
        .is_mended = control_client_is(item, "mended"),
    };
    if (options->finding != NULL)
        options->finding(options->ctx, &finding);
    return 0;
}

static int scrub_live(const char *directory, const struct sluice_scrub_options *options,
                      struct sluice_scrub_report *report)
{
    json_t *answer;
    int err = control_client_call(
        directory, json_pack("{s:s, s:b}", "call", "scrub", "progress", options->progress != NULL), take_item,
        (void *)options, &answer);

    *report = (struct sluice_scrub_report){
        .units = control_client_number(answer, "units"),
        .bytes = control_client_number(answer, "bytes"),
        .findings = control_client_number(answer, "findings"),
        .mended = control_client_number(answer, "mended"),
        .is_live = true,
    };
    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}

int sluice_scrub(const char *directory, const struct sluice_scrub_options *options,
                 struct sluice_scrub_report *report)
{
    static const struct sluice_scrub_options defaults;
    struct sluice_scrub_report found = {0};
    int err;

    options = options != NULL ? options : &defaults;
    err = scrub_closed(directory, options, &found);
    if (err == -EBUSY)
        err = options->mend_from != NULL ? -EINVAL : scrub_live(directory, options, &found);
    if (report != NULL)
        *report = found;
    return err;
}
