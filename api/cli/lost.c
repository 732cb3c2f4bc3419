/* SPDX-License-Identifier: MIT
 *
 * `sluice lost`: what is in lost/, one file a line, or its end. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>

#define DAY_S 86400u

static int print_file(void *ctx, const struct sluice_lost_file *file)
{
    (void)ctx;
    printf("%12" PRIu64 " bytes %5" PRIu64 " days  %s\n", file->bytes, file->age_s / DAY_S, file->name);
    return 0;
}

static int empty(const struct options *options)
{
    uint64_t files, bytes;
    int err = sluice_lost_empty(options->data, &files, &bytes);

    if (err == 0 || files > 0)
        printf("removed %" PRIu64 " files, %" PRIu64 " bytes\n", files, bytes);
    return err;
}

int cli_lost(const struct options *options)
{
    int err;

    if (options->list_lost && options->empty_lost) {
        cli_say(SLUICE_LOG_ERROR, "--list and --empty exclude each other");
        return CLI_USAGE;
    }
    err = options->empty_lost ? empty(options) : sluice_lost_list(options->data, print_file, NULL);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err == 0)
        return CLI_OK;
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR,
                "cannot look into %s: another process has it open, and takes no calls on %s/control",
                options->data, options->data);
    else
        cli_say(SLUICE_LOG_ERROR, "cannot look into %s: %s", options->data, sluice_strerror(err));
    return CLI_FAILED;
}
