/* SPDX-License-Identifier: MIT
 *
 * What can be asked of a store whether it is open or not: status, check, lost/. Each opens the store itself; where that is refused because
 * another has it open, the control socket of its server is asked. Any thread; blocks. */
#include "api/library/library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/library/control_client.h"
#include "api/library/limits.h"

/* A store that is open to somebody who cannot be asked is in use. */
static int live_result(int err)
{
    return err == -ENOTCONN ? -EBUSY : err;
}

/* ---- Status ---- */

/* Their texts, with a blank between them; what does not fit is left out. */
static void join_texts(const json_t *texts, char *joined, size_t size)
{
    size_t length = 0, index;
    const json_t *text;

    joined[0] = '\0';
    json_array_foreach((json_t *)texts, index, text)
    {
        const char *word = json_string_value(text);

        if (word == NULL || length + 1 + strlen(word) >= size)
            return;
        length += (size_t)snprintf(joined + length, size - length, "%s%s", index > 0 ? " " : "", word);
    }
}

static void status_fill(struct sluice_status *status, const json_t *answer)
{
    *status = (struct sluice_status){
        .is_served = true,
        .is_healthy = control_client_is(answer, "healthy"),
        .relaxed = strcmp(control_client_text(answer, "durability"), "relaxed") == 0,
        .pid = (int64_t)control_client_number(answer, "pid"),
        .uptime_s = control_client_number(answer, "uptime_seconds"),
        .connections = control_client_number(answer, "connections"),
        .damaged_reads = control_client_number(answer, "damaged_reads"),
        .scrubs = control_client_is(answer, "scrub_on"),
        .scrub_began_ms = (int64_t)control_client_number(answer, "scrub_began_ms"),
        .scrub_ended_ms = (int64_t)control_client_number(answer, "scrub_ended_ms"),
        .scrub_bytes = control_client_number(answer, "scrub_bytes"),
        .scrub_bytes_total = control_client_number(answer, "scrub_bytes_total"),
        .scrub_findings = control_client_number(answer, "scrub_findings"),
        .chronicle_is_complete = control_client_is(answer, "chronicle_complete"),
        .chronicle_bytes = control_client_number(answer, "chronicle_bytes"),
        .free_bytes = control_client_number(answer, "free_bytes"),
        .room_bytes = control_client_number(answer, "room_bytes"),
        .read_only = control_client_is(answer, "read_only"),
        .buckets = control_client_number(answer, "buckets"),
        .objects = control_client_number(answer, "objects"),
        .bytes = control_client_number(answer, "bytes"),
        .is_counted = json_object_get(answer, "objects") != NULL,
    };
    snprintf(status->health, sizeof(status->health), "%s", control_client_text(answer, "health"));
    snprintf(status->version, sizeof(status->version), "%s", control_client_text(answer, "version"));
    snprintf(status->address, sizeof(status->address), "%s", control_client_text(answer, "address"));
    snprintf(status->tls_address, sizeof(status->tls_address), "%s",
             control_client_text(answer, "tls_address"));
    join_texts(json_object_get(answer, "places"), status->places, sizeof(status->places));
}

static int status_of_closed(const char *directory, struct sluice_status *status)
{
    struct core_count count;
    uint64_t free_bytes;
    int err = core_count_closed(directory, CONTROL_COUNT_OBJECTS_MAX, &count, &free_bytes);

    if (err != 0)
        return err;
    *status = (struct sluice_status){
        .free_bytes = free_bytes,
        .buckets = count.buckets,
        .objects = count.is_complete ? count.objects : 0,
        .bytes = count.is_complete ? count.bytes : 0,
        .is_counted = count.is_complete,
    };
    return 0;
}

int sluice_status(const char *directory, struct sluice_status *status)
{
    json_t *answer;
    int err = status_of_closed(directory, status);

    if (err != -EBUSY)
        return err;
    err = control_client_call(directory, json_pack("{s:s}", "call", "status"), NULL, NULL, &answer);
    if (err == 0)
        status_fill(status, answer);
    json_decref(answer);
    return live_result(err);
}

/* ---- Check ---- */

struct check_lines {
    void (*line)(void *ctx, const char *text);
    void *ctx;
};

static int take_finding(void *ctx, const json_t *item)
{
    const struct check_lines *lines = ctx;

    if (lines->line != NULL)
        lines->line(lines->ctx, control_client_text(item, "finding"));
    return 0;
}

static int check_live(const char *directory, bool verify_bytes, const struct check_lines *lines,
                      struct core_check_report *found)
{
    json_t *answer;
    int err = control_client_call(directory, json_pack("{s:s, s:b}", "call", "check", "verify", verify_bytes),
                                  take_finding, (void *)lines, &answer);

    *found = (struct core_check_report){
        .objects = control_client_number(answer, "objects"),
        .bytes = control_client_number(answer, "bytes"),
        .damaged = control_client_number(answer, "damaged"),
        .missing = control_client_number(answer, "missing"),
        .orphaned = control_client_number(answer, "orphaned"),
        .findings = control_client_number(answer, "findings"),
        .lost_files = control_client_number(answer, "lost_files"),
        .lost_bytes = control_client_number(answer, "lost_bytes"),
        .compared = control_client_number(answer, "compared"),
    };
    json_decref(answer);
    return live_result(err);
}

int sluice_check_with(const char *directory, const struct sluice_check_options *options,
                      struct sluice_check_report *report)
{
    const struct check_lines lines = {options->line, options->ctx};
    struct core_check_report found;
    int err = options->cluster != NULL
                  ? core_check_cluster(directory, options->cluster, options->verify_bytes, options->line,
                                       options->ctx, &found)
                  : core_check_watched(directory, options->verify_bytes, options->line, options->progress,
                                       options->ctx, &found);
    bool is_live = err == -EBUSY || options->cluster != NULL;

    if (err == -EBUSY && options->cluster == NULL)
        err = check_live(directory, options->verify_bytes, &lines, &found);
    if (err == 0 && report != NULL)
        *report = (struct sluice_check_report){
            .objects = found.objects,
            .bytes = found.bytes,
            .damaged = found.damaged,
            .missing = found.missing,
            .orphaned = found.orphaned,
            .findings = found.findings,
            .pending = found.pending,
            .lost_files = found.lost_files,
            .lost_bytes = found.lost_bytes,
            .compared = found.compared,
            .is_live = is_live,
        };
    return err;
}

int sluice_check(const char *directory, bool verify_bytes, void (*line)(void *ctx, const char *text),
                 void *ctx, struct sluice_check_report *report)
{
    const struct sluice_check_options options = {.verify_bytes = verify_bytes, .line = line, .ctx = ctx};

    return sluice_check_with(directory, &options, report);
}

/* ---- lost/ ---- */

struct lost_visitor {
    int (*visit)(void *ctx, const struct sluice_lost_file *file);
    void *ctx;
};

static int lost_visit(void *ctx, const struct core_lost_file *file)
{
    const struct lost_visitor *visitor = ctx;

    return visitor->visit(visitor->ctx, &(struct sluice_lost_file){file->name, file->bytes, file->age_s});
}

static int take_lost_file(void *ctx, const json_t *item)
{
    const struct lost_visitor *visitor = ctx;
    const struct sluice_lost_file file = {
        .name = control_client_text(item, "file"),
        .bytes = control_client_number(item, "bytes"),
        .age_s = control_client_number(item, "age_seconds"),
    };

    return visitor->visit(visitor->ctx, &file);
}

int sluice_lost_list(const char *directory, int (*visit)(void *ctx, const struct sluice_lost_file *file),
                     void *ctx)
{
    struct lost_visitor visitor = {visit, ctx};
    int err = core_lost_list(directory, lost_visit, &visitor);
    json_t *answer;

    if (err != -EBUSY)
        return err;
    err = control_client_call(directory, json_pack("{s:s}", "call", "lost-list"), take_lost_file, &visitor,
                              &answer);
    json_decref(answer);
    return live_result(err);
}

static int lost_empty_live(const char *directory, uint64_t *files, uint64_t *bytes)
{
    json_t *answer;
    int err = control_client_call(directory, json_pack("{s:s}", "call", "lost-empty"), NULL, NULL, &answer);

    *files = control_client_number(answer, "files");
    *bytes = control_client_number(answer, "bytes");
    json_decref(answer);
    return live_result(err);
}

int sluice_lost_empty(const char *directory, uint64_t *files, uint64_t *bytes)
{
    uint64_t file_count, byte_count;
    int err = core_lost_empty(directory, &file_count, &byte_count);

    if (err == -EBUSY)
        err = lost_empty_live(directory, &file_count, &byte_count);
    if (files != NULL)
        *files = file_count;
    if (bytes != NULL)
        *bytes = byte_count;
    return err;
}
