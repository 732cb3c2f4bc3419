/* SPDX-License-Identifier: MIT
 *
 * `sluice import`: sluice_import_minio, or sluice_import_store with --from, on the store of --data, which is opened for it and made where there is none. Settings
 * of MinIO's buckets are documents of S3, so they go in by S3's own door: the store is served to this very program, as to all commands for work. What is left
 * behind is told a line each on standard output, and while standard error is a terminal, its last line says how far it is. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/client/progress.h"

#define TICK_MS 200u

struct importing {
    struct remote remote;
    struct client_session *session;
    struct client_meter bytes, keys;
    uint64_t shown_ms; /* when the line of progress was written last; 0: it is not there */
    bool shows;
};

/* ---- The line of progress ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it does not fail for this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wipe_line(struct importing *importing)
{
    if (importing->shown_ms != 0)
        fputs("\r\033[K", stderr);
    importing->shown_ms = 0;
}

static void show_line(struct importing *importing, const struct sluice_import_report *report)
{
    uint64_t left = report->keys_found > report->keys_done ? report->keys_found - report->keys_done : 0;
    char bytes[CLIENT_AMOUNT_BYTES], rate[CLIENT_AMOUNT_BYTES], time_left[CLIENT_DURATION_BYTES];

    client_format_bytes(report->bytes, bytes);
    client_format_bytes((uint64_t)importing->bytes.rate, rate);
    client_format_seconds(report->keys_done > 0 ? client_meter_left_s(&importing->keys, left) : UINT64_MAX,
                          time_left);
    fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " keys  %s  %s/s%s%s%s", report->keys_done,
            report->keys_found, bytes, rate, time_left[0] != '\0' ? "  " : "", time_left,
            time_left[0] != '\0' ? " left" : "");
}

static void on_progress(void *ctx, const struct sluice_import_report *report)
{
    struct importing *importing = ctx;
    uint64_t now = importing->shows ? now_ms() : 0;

    if (!importing->shows || now < importing->shown_ms + TICK_MS)
        return;
    importing->shown_ms = now;
    client_meter_update(&importing->bytes, report->bytes, now);
    client_meter_update(&importing->keys, report->keys_done, now);
    show_line(importing, report);
}

/* ---- What is told ---- */

/* A key may be what JSON has no text for. */
static json_t *json_text(const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();
    char *copy;

    if (value != NULL || (copy = strdup(text)) == NULL)
        return value;
    for (char *at = copy; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

static void print_finding(const struct sluice_import_finding *finding)
{
    fputs(finding->kind == SLUICE_IMPORT_REFUSED ? "refused: " : "left out: ", stdout);
    if (finding->bucket != NULL)
        printf("s3://%s", finding->bucket);
    if (finding->bucket != NULL && finding->key != NULL)
        putchar('/');
    if (finding->key != NULL)
        remote_print_text(stdout, finding->key);
    if (finding->version != NULL)
        printf(", version %s", finding->version);
    if (finding->bucket != NULL || finding->key != NULL)
        fputs(": ", stdout);
    remote_print_text(stdout, finding->why);
    putchar('\n');
}

static void on_finding(void *ctx, const struct sluice_import_finding *finding)
{
    struct importing *importing = ctx;

    wipe_line(importing);
    if (importing->remote.options->quiet && finding->kind != SLUICE_IMPORT_REFUSED)
        return;
    if (!importing->remote.options->json) {
        print_finding(finding);
        return;
    }
    remote_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o}", "finding",
                                finding->kind == SLUICE_IMPORT_REFUSED ? "refused" : "left out", "bucket",
                                json_text(finding->bucket), "key", json_text(finding->key), "version",
                                json_text(finding->version), "why", json_text(finding->why)));
}

static void print_report(const struct importing *importing, const struct sluice_import_report *report)
{
    char bytes[CLIENT_AMOUNT_BYTES];

    if (importing->remote.options->quiet)
        return;
    if (importing->remote.options->json) {
        remote_print_json(
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "buckets", (json_int_t)report->buckets,
                      "keys", (json_int_t)report->keys_done, "versions", (json_int_t)report->versions,
                      "delete_markers", (json_int_t)report->markers, "bytes", (json_int_t)report->bytes,
                      "present", (json_int_t)report->present, "settings", (json_int_t)report->settings,
                      "refused", (json_int_t)report->refused, "left_out", (json_int_t)report->left_out));
        return;
    }
    client_format_bytes(report->bytes, bytes);
    printf("%" PRIu64 " buckets, %" PRIu64 " keys: %" PRIu64 " versions (%s) and %" PRIu64
           " delete markers were imported, %" PRIu64 " were there already; %" PRIu64 " settings; %" PRIu64
           " refused, %" PRIu64 " left out\n",
           report->buckets, report->keys_done, report->versions, bytes, report->markers, report->present,
           report->settings, report->refused, report->left_out);
}

/* ---- The import ---- */

static bool is_over(void *ctx)
{
    return remote_is_over() != 0;
}

static const char *on_setting(void *ctx, const struct sluice_import_setting *setting)
{
    struct importing *importing = ctx;
    int err;

    if (importing->session == NULL)
        return "it could not be put";
    err = client_bucket_setting_put(importing->session, setting->bucket, setting->name,
                                    (struct slice){setting->document, setting->length});
    if (err == 0)
        return NULL;
    return importing->session->why[0] != '\0' ? importing->session->why : strerror(-err);
}

static struct sluice_import_options callbacks(struct importing *importing)
{
    return (struct sluice_import_options){
        .on_setting = on_setting,
        .on_finding = on_finding,
        .on_progress = on_progress,
        .is_over = is_over,
        .ctx = importing,
    };
}

static void finish(struct importing *importing, int err, const char *folder,
                   const struct sluice_import_report *end)
{
    const struct sluice_import_report report = *end;

    wipe_line(importing);
    if (err == 0 || err == -ECANCELED)
        print_report(importing, &report);
    if (err != 0 && err != -ECANCELED)
        (void)remote_fail(&importing->remote, err, folder,
                          report.why[0] != '\0' ? report.why : sluice_strerror(err));
    else if (report.refused > 0)
        importing->remote.status = CLI_FAILED;
}

/* ---- From MinIO ---- */

static const char in_use[] = "a server has it open, and an import needs it for itself: stop the server first";

static void run_minio(struct importing *importing)
{
    const char *folder = importing->remote.options->from_minio;
    const struct sluice_import_options options = callbacks(importing);
    struct sluice_import_report report;
    struct remote_place place = {0};
    struct sluice_store *store;
    int err = sluice_import_minio(NULL, folder, NULL, &report);

    if (err != 0) { /* before a store is made for it */
        (void)remote_fail(&importing->remote, err, folder, report.why);
    } else if (remote_place_open(&importing->remote, "s3://", REMOTE_SERVER | REMOTE_WRITES | REMOTE_MAKES,
                                 &place) == 0) {
        if ((store = remote_data_store(place.server)) == NULL) {
            (void)remote_fail(&importing->remote, -EBUSY, importing->remote.options->data, in_use);
        } else if ((importing->session = remote_session(&importing->remote, place.server)) != NULL) {
            err = sluice_import_minio(store, folder, &options, &report);
            finish(importing, err, folder, &report);
        }
    }
    remote_place_close(&place);
}

/* ---- From a store ---- */

static void log_line(void *ctx, enum sluice_log_level level, const char *message)
{
    if (level >= SLUICE_LOG_WARNING)
        cli_log(ctx, level, message);
}

/* What is there already is found by the next one. */
static void on_fenced(void *ctx)
{
    cli_say(
        SLUICE_LOG_ERROR,
        "the cluster's servers have taken this import for dead, since they had not heard of it: do it again");
    _exit(CLI_FAILED);
}

/* cluster: NULL, or whose the folder is. */
static int store_open(struct importing *importing, const char *folder, const char *cluster, bool read_only,
                      struct sluice_store **store)
{
    const struct sluice_store_options options = {
        .log = log_line, .read_only = read_only, .cluster = cluster, .on_fenced = on_fenced};
    int err = sluice_store_open(store, folder, &options);

    if (err == -ENOENT)
        return remote_fail(&importing->remote, err, folder, "there is no store");
    if (err != 0)
        (void)remote_fail(&importing->remote, err == -EBUSY ? err : -EIO, folder,
                          err == -EBUSY ? in_use : sluice_strerror(err));
    return err;
}

static void run_store(struct importing *importing)
{
    const struct options *given = importing->remote.options;
    const char *folder = given->from;
    const struct sluice_import_options options = callbacks(importing);
    struct sluice_store *source = NULL, *store = NULL;
    struct sluice_import_report report;
    int err;

    if (store_open(importing, folder, NULL, true, &source) == 0 &&
        store_open(importing, given->data, given->cluster, false, &store) == 0) {
        err = sluice_import_store(store, source, &options, &report);
        finish(importing, err, folder, &report);
    }
    sluice_store_close(store);
    sluice_store_close(source);
}

int remote_import(const struct options *options)
{
    struct importing importing = {.shows = !options->quiet && isatty(STDERR_FILENO)};

    remote_begin(&importing.remote, options);
    importing.remote.is_in_store = true;
    if ((options->from_minio == NULL) == (options->from == NULL))
        (void)remote_usage_fail(
            &importing.remote,
            "expected one of --from-minio FOLDER and --from DIR; see sluice import --help");
    else if (options->cluster != NULL && options->from == NULL)
        (void)remote_usage_fail(&importing.remote,
                                "a cluster takes a store: --from DIR; see sluice import --help");
    else if (options->from != NULL)
        run_store(&importing);
    else
        run_minio(&importing);
    return remote_end(&importing.remote);
}
