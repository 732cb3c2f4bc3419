/* SPDX-License-Identifier: MIT
 *
 * `sluice replicate`: what waits for the targets of replication, as name = value lines, and resyncs. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>

static int print_target(void *ctx, const struct sluice_replication *replication)
{
    (void)ctx;
    printf("target = %s\nwaiting = %" PRIu64 "\nwaiting-bytes = %" PRIu64 "\nlag = %" PRIu64
           "\ncopied = %" PRIu64 "\nequal = %" PRIu64 "\ndeleted = %" PRIu64 "\nfailed = %" PRIu64
           "\nrefused = %" PRIu64 "\ndropped = %" PRIu64 "\nsent-bytes = %" PRIu64 "\n",
           replication->target, replication->waiting, replication->waiting_bytes, replication->lag_s,
           replication->copied, replication->equal, replication->deleted, replication->failed,
           replication->refused, replication->dropped, replication->sent_bytes);
    return 0;
}

int cli_replicate(const struct options *options)
{
    unsigned targets = 0;
    int err;

    if (options->resync != NULL && options->replicate_status) {
        cli_say(SLUICE_LOG_ERROR, "either --status or --resync BUCKET");
        return CLI_USAGE;
    }
    err = options->resync != NULL ? sluice_replication_resync(options->data, options->resync, &targets)
                                  : sluice_replication_list(options->data, print_target, NULL);
    if (err == -ENOTCONN)
        cli_say(SLUICE_LOG_ERROR, "no server that can be asked serves %s", options->data);
    else if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "%s: %s", options->data, sluice_strerror(err));
    else if (options->resync != NULL)
        printf("resync = %s\ntargets = %u\n", options->resync, targets);
    return err == 0 && fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
