/* SPDX-License-Identifier: MIT
 *
 * Giving back what a closed store takes for nothing. */
#include "api/library/library.h"

#include <errno.h>

struct compact_log {
    const struct sluice_store_options *options;
};

static void compact_log(void *ctx, enum log_level level, const char *message)
{
    const struct compact_log *log = ctx;

    if (log->options->log != NULL)
        log->options->log(log->options->log_ctx, (enum sluice_log_level)level, message);
}

int sluice_compact(const char *directory, const struct sluice_store_options *options,
                   struct sluice_compact_report *report)
{
    static const struct sluice_store_options defaults;
    struct compact_log log = {.options = options != NULL ? options : &defaults};
    const struct core_options core_options = {
        .data_dir = directory,
        .shared_fs = log.options->shared_fs != SLUICE_SHARED_FS_REFUSE,
        .log = compact_log,
        .log_ctx = &log,
    };
    struct core_compacted compacted;
    int err = core_compact(&core_options, &compacted);

    if (err == -EREMOTE)
        return SLUICE_E_SHARED_FS;
    *report = (struct sluice_compact_report){
        .database_before = compacted.database_before,
        .database_after = compacted.database_after,
        .blobs_before = compacted.blobs_before,
        .blobs_after = compacted.blobs_after,
    };
    return err;
}
