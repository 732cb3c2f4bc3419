/* SPDX-License-Identifier: MIT
 *
 * `sluice backup` and `sluice restore`: what was copied, on a line for people or for programs; on a terminal also how far it has come. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The library ends at the next file; the folder has the last whole backup then. */
static void listen_to_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigaction(SIGINT, &action, NULL); /* cannot fail: these are signals */
    (void)sigaction(SIGTERM, &action, NULL);
}

static int on_progress(void *ctx, const struct sluice_backup_report *report)
{
    const bool *is_terminal = ctx;

    if (*is_terminal)
        fprintf(stderr, "\r%" PRIu64 " files, %" PRIu64 " bytes copied; %" PRIu64 " were there already ",
                report->files, report->bytes, report->kept);
    return interrupted;
}

static void print_report(const struct sluice_backup_report *report, bool as_json)
{
    if (as_json) {
        printf("{\"files\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"linked\": %" PRIu64
               ", \"cloned\": %" PRIu64 ", \"kept\": %" PRIu64 ", \"removed\": %" PRIu64
               ", \"damaged\": %" PRIu64 ", \"database_bytes\": %" PRIu64 ", \"served\": %s}\n",
               report->files, report->bytes, report->linked, report->cloned, report->kept, report->removed,
               report->damaged, report->database_bytes, report->is_live ? "true" : "false");
        return;
    }
    printf("database %" PRIu64 " bytes; %" PRIu64 " files, %" PRIu64 " bytes copied; %" PRIu64
           " were there already, %" PRIu64 " removed\n",
           report->database_bytes, report->files, report->bytes, report->kept, report->removed);
    if (report->linked + report->cloned > 0)
        printf("%" PRIu64
               " of the files share their bytes with the store: this is a second copy of them only with "
               "--copies, or on another disk\n",
               report->linked + report->cloned);
}

static int end(const char *what, const char *directory, const struct sluice_backup_report *report, int err,
               const struct options *options)
{
    if (isatty(STDERR_FILENO))
        fputs("\r", stderr);
    if (err == 0)
        print_report(report, options->json);
    if (fflush(stdout) != 0 && err == 0)
        err = -errno;
    if (err == 0 && report->damaged > 0)
        cli_say(SLUICE_LOG_ERROR,
                "%" PRIu64 " files are missing in it, for the store has not got them either",
                report->damaged);
    if (err == -ECANCELED)
        cli_say(SLUICE_LOG_ERROR, "interrupted");
    else if (err == -EBUSY)
        cli_say(
            SLUICE_LOG_ERROR,
            "cannot %s %s: another process has it or the other folder open, and takes no calls on %s/control",
            what, directory, directory);
    else if (err == -EALREADY)
        cli_say(SLUICE_LOG_ERROR, "cannot %s %s: another backup of it is being taken", what, directory);
    else if (err == -EXDEV)
        cli_say(SLUICE_LOG_ERROR, "cannot %s %s: both folders are the same", what, directory);
    else if (err == -ECONNABORTED)
        cli_say(SLUICE_LOG_ERROR, "cannot %s %s: its server ended again and again", what, directory);
    else if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot %s %s: %s", what, directory, sluice_strerror(err));
    return err == 0 && report->damaged == 0 ? CLI_OK : CLI_FAILED;
}

/* s3://BUCKET/FOLDER, or http(s)://HOST/BUCKET/FOLDER. */
static bool is_url(const char *word)
{
    return strstr(word, "://") != NULL;
}

int cli_backup(const struct options *options)
{
    bool is_terminal = isatty(STDERR_FILENO) && !options->json;
    const struct sluice_backup_options backup = {
        .copies = options->copies, .log = cli_log, .progress = on_progress, .progress_ctx = &is_terminal};
    struct sluice_backup_report report = {0};

    if (options->backup_to == NULL) {
        cli_say(SLUICE_LOG_ERROR, "--to must name the folder of the backup; see sluice backup --help");
        return CLI_USAGE;
    }
    int err, status = CLI_OK;

    if (is_url(options->backup_to)) {
        status = remote_backup(options, &backup, &report, &err);
    } else {
        listen_to_signals();
        err = sluice_backup_directory(options->data, options->backup_to, &backup, &report);
    }
    return status != CLI_OK ? status : end("back up", options->data, &report, err, options);
}

int cli_restore(const struct options *options)
{
    bool is_terminal = isatty(STDERR_FILENO) && !options->json;
    const struct sluice_backup_options backup = {
        .log = cli_log, .progress = on_progress, .progress_ctx = &is_terminal};
    struct sluice_backup_report report = {0};

    if (options->from == NULL) {
        cli_say(SLUICE_LOG_ERROR, "--from must name the folder of the backup; see sluice restore --help");
        return CLI_USAGE;
    }
    int err, status = CLI_OK;

    if (is_url(options->from)) {
        status = remote_restore(options, &backup, &report, &err);
    } else {
        listen_to_signals();
        err = sluice_restore(options->from, options->data, &backup, &report);
    }
    return status != CLI_OK ? status : end("restore", options->data, &report, err, options);
}
