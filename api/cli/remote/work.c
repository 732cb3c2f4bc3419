/* SPDX-License-Identifier: MIT
 *
 * An engine with its report: what was done is a line (or, with --json, an object) on standard output, what was not is one on standard error; and while
 * standard error is a terminal, its last line says how far it all is. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "api/client/progress.h"

#define TICK_MS    200
#define LINE_BYTES 160

/* ---- The line of progress ---- */

/* On any thread: what is said next stands in its place. */
static void wipe_line(struct remote_work *work)
{
    pthread_mutex_lock(&work->line_lock);
    if (work->has_line)
        fputs("\r\033[K", stderr);
    work->has_line = false;
    pthread_mutex_unlock(&work->line_lock);
}

static void show_line(struct remote_work *work, const struct client_meter *meter)
{
    struct client_progress *progress = &work->remote->progress;
    const struct client_counts counts = {
        .bytes_done = atomic_load(&progress->bytes_done),
        .bytes_all = atomic_load(&progress->bytes_all),
        .items_done = atomic_load(&progress->items_done),
        .items_all = atomic_load(&progress->items_all),
        .is_all_known = atomic_load(&work->is_all_known),
    };
    char line[LINE_BYTES];

    client_progress_line(&counts, meter, line, sizeof(line));
    pthread_mutex_lock(&work->line_lock);
    fprintf(stderr, "\r\033[K%s", line);
    work->has_line = true;
    pthread_mutex_unlock(&work->line_lock);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it does not fail for this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *ticker_main(void *arg)
{
    struct remote_work *work = arg;
    struct client_meter meter = {0};
    const struct timespec tick = {0, TICK_MS * 1000000};

    while (!atomic_load(&work->is_over)) {
        client_meter_update(&meter, atomic_load(&work->remote->progress.bytes_done), now_ms());
        show_line(work, &meter);
        (void)nanosleep(&tick, NULL);
    }
    return NULL;
}

/* ---- What was done ---- */

static const char *verb_of(const struct client_transfer *transfer)
{
    static const char *const verbs[CLIENT_TRANSFER_KINDS] = {
        [CLIENT_UPLOAD] = "put",   [CLIENT_DOWNLOAD] = "got", [CLIENT_COPY] = "copied",
        [CLIENT_RELAY] = "copied", [CLIENT_CHAIN] = "copied", [CLIENT_DELETE] = "deleted"};

    return transfer->removes_source ? "moved" : verbs[transfer->kind];
}

static void print_end(const char *bucket, const char *text)
{
    if (bucket != NULL)
        printf("s3://%s/", bucket);
    remote_print_text(stdout, text);
}

static json_t *json_end(const char *bucket, const char *text)
{
    return bucket != NULL ? json_pack("{s:s, s:s}", "bucket", bucket, "key", text)
                          : json_pack("{s:s}", "path", text);
}

static void say_deleted(const struct remote *remote, const struct client_transfer *transfer)
{
    for (size_t i = 0; i < transfer->doomed_count; i++) {
        const struct client_doomed *doomed = &transfer->doomed[i];
        bool is_plain = doomed->version == NULL ||
                        strcmp(doomed->version, "null") == 0; /* of a bucket without versions */

        if (remote->options->json) {
            json_t *object = json_pack("{s:s, s:s, s:s}", "done", "deleted", "bucket", transfer->from_bucket,
                                       "key", doomed->key);

            if (object != NULL && doomed->version != NULL)
                (void)json_object_set_new(object, "version", json_string(doomed->version));
            remote_print_json(object);
            continue;
        }
        fputs(remote->options->dry_run ? "would be deleted: " : "deleted ", stdout);
        print_end(transfer->from_bucket, doomed->key);
        printf("%s%s\n", is_plain ? "" : " ", is_plain ? "" : doomed->version);
    }
}

void remote_say_removed(const struct remote *remote, const char *path)
{
    if (remote->options->quiet)
        return;
    if (remote->options->json) {
        remote_print_json(json_pack("{s:s, s:s}", "done", "deleted", "path", path));
        return;
    }
    fputs(remote->options->dry_run ? "would be deleted: " : "deleted ", stdout);
    remote_print_text(stdout, path);
    putchar('\n');
}

static void say_done(const struct remote *remote, const struct client_transfer *transfer)
{
    if (remote->options->quiet)
        return;
    if (transfer->kind == CLIENT_DELETE) {
        say_deleted(remote, transfer);
        return;
    }
    if (remote->options->json) {
        json_t *object =
            json_pack("{s:s, s:o?, s:o?, s:I}", "done", verb_of(transfer), "from",
                      json_end(transfer->from_bucket, transfer->from), "to",
                      json_end(transfer->to_bucket, transfer->to), "size", (json_int_t)transfer->size);

        if (object != NULL && transfer->link_count > 0)
            (void)json_object_set_new(object, "versions", json_integer((json_int_t)transfer->link_count));
        if (object != NULL && transfer->resumed_bytes > 0)
            (void)json_object_set_new(object, "resumed_bytes",
                                      json_integer((json_int_t)transfer->resumed_bytes));
        if (object != NULL && remote->options->dry_run)
            (void)json_object_set_new(object, "dry_run", json_true());
        remote_print_json(object);
        return;
    }
    printf("%s%s ", remote->options->dry_run ? "would be " : "", verb_of(transfer));
    print_end(transfer->from_bucket, transfer->from);
    fputs(" -> ", stdout);
    print_end(transfer->to_bucket, transfer->to);
    if (transfer->link_count > 0)
        printf(" (%zu versions)", transfer->link_count);
    if (transfer->resumed_bytes > 0)
        printf(" (of it %" PRIu64 " bytes by an earlier run)", transfer->resumed_bytes);
    putchar('\n');
}

static void on_done(void *ctx, const struct client_transfer *transfer)
{
    struct remote_work *work = ctx;
    char subject[2304];

    wipe_line(work);
    if (transfer->err == 0) {
        say_done(work->remote, transfer);
        return;
    }
    if (transfer->kind == CLIENT_DELETE && transfer->failed_count > 0)
        return; /* each was told of */
    if (transfer->kind == CLIENT_DELETE)
        (void)snprintf(subject, sizeof(subject), "s3://%s", transfer->from_bucket);
    else if (transfer->from_bucket != NULL)
        (void)snprintf(subject, sizeof(subject), "s3://%s/%s", transfer->from_bucket, transfer->from);
    else
        (void)snprintf(subject, sizeof(subject), "%s", transfer->from);
    (void)remote_fail(work->remote, transfer->err, subject, transfer->why);
}

static void on_refused(void *ctx, const char *key, const char *version, const char *why)
{
    struct remote_work *work = ctx;

    (void)remote_fail(work->remote, -EIO, key, why);
}

/* ---- The engine ---- */

uint64_t remote_part_bytes(const struct options *options)
{
    uint64_t bytes;
    unsigned share;

    (void)option_min_free_parse(options->part_size, &bytes, &share); /* it was checked */
    return bytes;
}

int remote_work_start(struct remote_work *work, struct remote *remote, struct remote_server *from,
                      struct remote_server *to)
{
    static const enum client_checksum checksums[] = {[CHECKSUM_CRC64NVME] = CLIENT_CHECKSUM_CRC64NVME,
                                                     [CHECKSUM_SHA256] = CLIENT_CHECKSUM_SHA256,
                                                     [CHECKSUM_MD5] = CLIENT_CHECKSUM_MD5};
    const struct options *options = remote->options;
    const struct client_engine_options engine_options = {
        .from = from != NULL ? &from->target : NULL,
        .to = to != NULL ? &to->target : NULL,
        .connections = options->connections,
        .part_bytes = remote_part_bytes(options),
        .checksum = remote->is_mirror ? CLIENT_CHECKSUM_MD5
                                      : checksums[options->checksum], /* by which servers make ETags */
        .never_resumes = options->no_resume,
        .file_mode = 0666 & ~options->umask_before,
        .progress = &remote->progress,
        .cancelled = &remote_cancelled,
        .done = on_done,
        .refused = on_refused,
        .ctx = work,
    };
    int err;

    *work = (struct remote_work){.remote = remote, .line_lock = PTHREAD_MUTEX_INITIALIZER};
    if (options->dry_run)
        return 0;
    descriptor_limit_raise();
    if ((err = client_engine_start(&work->engine, &engine_options)) != 0)
        return remote_fail(remote, err, "cannot begin",
                           err == -ENOSYS ? "libcurl.so.4 is not installed" : strerror(-err));
    if (isatty(STDERR_FILENO) && !options->quiet)
        work->has_ticker = pthread_create(&work->ticker, NULL, ticker_main, work) == 0;
    return 0;
}

void remote_work_add(struct remote_work *work, struct client_transfer *transfer)
{
    if (transfer == NULL) {
        (void)remote_fail(work->remote, -ENOMEM, "cannot go on", "out of memory");
        return;
    }
    transfer->removes_source = work->removes_sources && transfer->kind != CLIENT_DELETE;
    if (work->engine == NULL) {
        say_done(work->remote, transfer);
        client_transfer_free(transfer);
        return;
    }
    if (transfer->has_size)
        atomic_fetch_add(&work->remote->progress.bytes_all, transfer->size);
    client_engine_add(work->engine, transfer);
}

void remote_work_finish(struct remote_work *work)
{
    atomic_store(&work->is_all_known, true);
    if (work->engine != NULL)
        client_engine_finish(work->engine);
    atomic_store(&work->is_over, true);
    if (work->has_ticker)
        (void)pthread_join(work->ticker, NULL);
    wipe_line(work);
}
