/* SPDX-License-Identifier: MIT
 *
 * `sluice rekey`: what is encrypted gets the first of the encryption keys. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>

static void print_line(void *ctx, const char *text)
{
    (void)ctx;
    cli_say(SLUICE_LOG_WARNING, "%s", text);
}

static void print_report(const struct sluice_rekey_report *report)
{
    printf("encrypted = %" PRIu64 "\nrekeyed = %" PRIu64 "\n", report->sealed, report->rekeyed);
    printf("other-key = %" PRIu64 "\nmissing-key = %" PRIu64 "\n", report->other, report->missing);
    printf("uploads = %" PRIu64 "\novertaken = %" PRIu64 "\n", report->uploads, report->overtaken);
}

int cli_rekey(const struct options *options)
{
    struct sluice_rekey_report report;
    struct sluice_store_options store;
    int err;

    store_options_fill(options, &store);
    err = sluice_rekey(options->data, &store, options->words, options->word_count, print_line, NULL, &report);
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR, "%s is open, and its server takes no calls on %s/control", options->data,
                options->data);
    else if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot rekey %s: %s", options->data, sluice_strerror(err));
    else
        print_report(&report);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    return err != 0 ? CLI_FAILED : report.missing > 0 || report.overtaken > 0 ? CLI_FAILED : CLI_OK;
}
