/* SPDX-License-Identifier: MIT
 *
 * Bringing a closed store to what this release would have made of it. */
#include "api/library/library.h"

#include <errno.h>

static void upgrade_log(void *ctx, enum log_level level, const char *message)
{
    const struct sluice_store_options *options = ctx;

    if (options->log != NULL)
        options->log(options->log_ctx, (enum sluice_log_level)level, message);
}

static void report_of(const struct core_upgrade *upgrade, struct sluice_upgrade_report *report)
{
    *report = (struct sluice_upgrade_report){
        .schema = (unsigned)upgrade->schema,
        .schema_now = (unsigned)upgrade->schema_now,
        .was_unclosed = upgrade->was_unclosed,
        .lacks_shrink = upgrade->lacks_shrink,
        .lacks_records = upgrade->lacks_records,
        .lacks_counts = upgrade->lacks_counts,
        .lacks_chronicle = upgrade->lacks_chronicle,
        .records_added = upgrade->records_added,
        .records_lacking = upgrade->records_lacking,
        .chronicle_rows = upgrade->chronicle_rows,
    };
}

int sluice_upgrade(const char *directory, bool looks_only, const struct sluice_store_options *options,
                   struct sluice_upgrade_report *report)
{
    static const struct sluice_store_options defaults;
    const struct sluice_store_options *given = options != NULL ? options : &defaults;
    const struct core_options core_options = {
        .data_dir = directory,
        .shared_fs = given->shared_fs != SLUICE_SHARED_FS_REFUSE,
        .log = upgrade_log,
        .log_ctx = (void *)given,
    };
    struct core_upgrade upgrade;
    int err = looks_only ? core_upgrade_look(&core_options, &upgrade) : core_upgrade(&core_options, &upgrade);

    report_of(&upgrade, report);
    return err == -EREMOTE ? SLUICE_E_SHARED_FS : err;
}
