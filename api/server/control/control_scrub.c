/* SPDX-License-Identifier: MIT
 *
 * The calls about scrubbing: a round now, and what was found. */
#include "api/server/control/control_calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/core/core_scrub.h"
#include "storage/base/clock.h"

#define PROGRESS_MS 200u

static json_t *finding_item(const struct core_finding *finding)
{
    char text[CORE_FINDING_TEXT_BYTES], blob[17];

    core_finding_format(finding, text);
    (void)snprintf(blob, sizeof(blob), "%016" PRIx64, finding->blob);
    return json_pack("{s:o*, s:s, s:o*, s:o*, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "finding",
                     control_text(text), "kind", finding->kind, "bucket", control_text(finding->bucket),
                     "key", control_text(finding->key), "version", finding->version, "what", finding->what,
                     "advice", core_finding_advice(finding), "blob", blob, "offset",
                     (json_int_t)finding->offset, "length", (json_int_t)finding->length, "at_ms",
                     (json_int_t)finding->at_ms, "mended", finding->is_mended);
}

struct scrub_call {
    const struct control_asker *asker;
    bool tells_progress;
    uint64_t told_ms;
    int failed; /* what item returned; nothing more is sent then */
};

static void send_item(struct scrub_call *call, json_t *item)
{
    if (call->failed == 0)
        call->failed = call->asker->item(call->asker->ctx, item);
    else
        json_decref(item);
}

static void on_finding(void *ctx, const struct core_finding *finding)
{
    send_item(ctx, finding_item(finding));
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_total)
{
    struct scrub_call *call = ctx;
    uint64_t now_ms = clock_monotonic_ms();

    if (!call->tells_progress || now_ms - call->told_ms < PROGRESS_MS)
        return;
    call->told_ms = now_ms;
    send_item(call, json_pack("{s:I, s:I}", "progress", (json_int_t)bytes, "progress_total",
                              (json_int_t)bytes_total));
}

static bool is_over(void *ctx)
{
    const struct scrub_call *call = ctx;

    return call->failed != 0 || call->asker->is_gone(call->asker->ctx);
}

json_t *control_call_scrub(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker)
{
    struct scrub_call call = {.asker = asker};
    struct core_scrub_run run = {
        .on_finding = on_finding, .on_progress = on_progress, .is_over = is_over, .ctx = &call};
    int progress = 0, err;

    if (json_unpack(request, "{s:s, s?b !}", "call", &(const char *){NULL}, "progress", &progress) != 0)
        return control_refusal(-EINVAL, "expected: call, and progress, true or false");
    call.tells_progress = progress;
    err = core_scrub(subject->core, &run);
    if (err == -EALREADY)
        return control_refusal(err, "another scrub is under way");
    if (err != 0)
        return control_refusal(err, NULL);
    return control_success(json_pack("{s:I, s:I, s:I, s:I}", "units", (json_int_t)run.units, "bytes",
                                     (json_int_t)run.bytes, "findings", (json_int_t)run.findings, "mended",
                                     (json_int_t)run.mended));
}

static int show_finding(void *ctx, const struct core_finding *finding)
{
    struct scrub_call *call = ctx;

    return call->asker->item(call->asker->ctx, finding_item(finding));
}

json_t *control_call_findings(const struct control_subject *subject, json_t *request,
                              const struct control_asker *asker)
{
    struct scrub_call call = {.asker = asker};
    int err = core_findings_each(subject->core, show_finding, &call);

    (void)request;
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}

json_t *control_scrub_figures(const struct control_subject *subject)
{
    struct core_scrub_figures figures;
    struct core_chronicle chronicle;

    core_scrub_figures(subject->core, &figures);
    core_chronicle(subject->core, &chronicle);
    return json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "scrub_on", (int)figures.is_on, "scrub_began_ms",
        (json_int_t)figures.began_ms, "scrub_bytes", (json_int_t)figures.round_bytes, "scrub_bytes_total",
        (json_int_t)figures.round_bytes_total, "scrub_ended_ms", (json_int_t)figures.ended_ms,
        "scrub_findings", (json_int_t)figures.standing, "scrub_mended", (json_int_t)figures.mended,
        "chronicle_complete", (int)chronicle.is_complete, "chronicle_bytes", (json_int_t)chronicle.bytes);
}
