/* SPDX-License-Identifier: MIT
 *
 * `sluice compact`: what a store that is not served took of the disk before and after. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static uint64_t gained(uint64_t before, uint64_t after)
{
    return before > after ? before - after : 0;
}

static void print_report(const struct sluice_compact_report *report, bool as_json)
{
    uint64_t all = gained(report->database_before, report->database_after) +
                   gained(report->blobs_before, report->blobs_after);

    printf(as_json
               ? "{\"database_before\": %" PRIu64 ", \"database_after\": %" PRIu64
                 ", \"blobs_before\": %" PRIu64 ", \"blobs_after\": %" PRIu64 ", \"gained\": %" PRIu64 "}\n"
               : "database %" PRIu64 " to %" PRIu64 " bytes, blobs %" PRIu64 " to %" PRIu64 " bytes: %" PRIu64
                 " bytes given back\n",
           report->database_before, report->database_after, report->blobs_before, report->blobs_after, all);
}

int cli_compact(const struct options *options)
{
    const struct sluice_store_options store = {
        .log = cli_log,
        .shared_fs =
            options->shared_fs == SHARED_FS_REFUSE ? SLUICE_SHARED_FS_REFUSE : SLUICE_SHARED_FS_EXCLUSIVE,
    };
    struct sluice_compact_report report;
    int err = sluice_compact(options->data, &store, &report);
    if (err == 0)
        print_report(&report, options->json);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR,
                "cannot compact %s: another process has it open. A server gives back space by itself; for "
                "what is free in the database of an earlier release, stop it first",
                options->data);
    else if (err == -ENOENT)
        cli_say(SLUICE_LOG_ERROR, "there is no store in %s", options->data);
    else if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot compact %s: %s", options->data, sluice_strerror(err));
    return err == 0 ? CLI_OK : CLI_FAILED;
}
