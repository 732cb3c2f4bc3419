/* SPDX-License-Identifier: MIT
 *
 * Making a store anew whose database was lost. */
#include "api/library/library.h"

#include <errno.h>
#include <stdlib.h>

struct recover {
    const struct sluice_store_options *options;
    void (*found)(void *ctx, const struct sluice_recover_find *find);
    void *ctx;
};

static void recover_log(void *ctx, enum log_level level, const char *message)
{
    const struct recover *recover = ctx;

    if (recover->options->log != NULL)
        recover->options->log(recover->options->log_ctx, (enum sluice_log_level)level, message);
}

static void on_lost(void *ctx, const char *kind, struct slice bucket, struct slice key, uint64_t blob)
{
    const struct recover *recover = ctx;
    char *name = strndup(bucket.base != NULL ? bucket.base : "", bucket.len);
    char *text = strndup(key.base != NULL ? key.base : "", key.len);
    struct sluice_recover_find find = {.kind = kind,
                                       .bucket = name != NULL ? name : "",
                                       .key = text != NULL ? text : "",
                                       .key_length = text != NULL ? key.len : 0,
                                       .blob = blob};

    recover->found(recover->ctx, &find);
    free(name);
    free(text);
}

static void on_nameless(void *ctx, uint64_t blob, uint64_t bytes)
{
    const struct recover *recover = ctx;

    recover->found(recover->ctx, &(struct sluice_recover_find){
                                     .kind = "blob", .bucket = "", .key = "", .blob = blob, .bytes = bytes});
}

static void report_take(struct sluice_recover_report *report, const struct core_recovered *found)
{
    *report = (struct sluice_recover_report){
        .chronicle_complete = found->is_chronicle_complete,
        .database_read = found->is_database_read,
        .chronicle_entries = found->chronicle_entries,
        .chronicle_damaged = found->chronicle_damaged,
        .database_rows = found->database_rows,
        .database_damaged = found->database_damaged,
        .buckets = found->buckets,
        .objects = found->objects,
        .versions = found->versions,
        .markers = found->markers,
        .uploads = found->uploads,
        .parts = found->parts,
        .annotations = found->annotations,
        .nameless_buckets = found->nameless_buckets,
        .lost = found->lost,
        .nameless_blobs = found->nameless_blobs,
        .nameless_bytes = found->nameless_bytes,
    };
}

int sluice_recover(const char *directory, const char *to, const struct sluice_store_options *options,
                   void (*found)(void *ctx, const struct sluice_recover_find *find), void *ctx,
                   struct sluice_recover_report *report)
{
    static const struct sluice_store_options defaults;
    struct recover recover = {options != NULL ? options : &defaults, found, ctx};
    const struct core_options core_options = {
        .data_dir = directory,
        .shared_fs = recover.options->shared_fs != SLUICE_SHARED_FS_REFUSE,
        .log = recover_log,
        .log_ctx = &recover,
    };
    const struct core_recovery_watch watch = {
        .lost = found != NULL ? on_lost : NULL,
        .nameless = found != NULL ? on_nameless : NULL,
        .ctx = &recover,
    };
    struct core_recovered recovered;
    int err = core_recover_store(&core_options, to, &watch, &recovered);

    report_take(report, &recovered);
    if (err == -EREMOTE)
        return SLUICE_E_SHARED_FS;
    return err == META_E_NO_BUCKET ? -ENODATA : err;
}
