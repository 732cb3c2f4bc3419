/* SPDX-License-Identifier: MIT
 *
 * `sluice run -- COMMAND`: a temporary store, served on a free port of loopback while the command runs, which finds address and key in its
 * environment. The server is threads of this very process: however this one ends, no server is left. */
#include "api/cli/run.h"

#include "api/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
    const struct options *options;
    struct run_signals signals;
    struct run_folder folder;
    struct sluice_user_key key;
    char data[PATH_MAX + sizeof("/data")];
    struct rlimit descriptors; /* as they were */
    struct sluice_server_options server_options;
    struct sluice_store *store;
    struct sluice_server *server;
};

/* Standard error is the command's, too: only what somebody should know of. */
static void log_line(void *ctx, enum sluice_log_level level, const char *message)
{
    if (level >= SLUICE_LOG_WARNING)
        cli_log(ctx, level, message);
}

static int open_store(struct run *run)
{
    struct sluice_store_options options;
    int err;

    store_options_fill(run->options, &options);
    options.log = log_line;
    options.shared_fs = SLUICE_SHARED_FS_EXCLUSIVE; /* nobody else knows of the folder */
    (void)snprintf(run->data, sizeof(run->data), "%s/data", run->folder.path);
    if ((err = sluice_store_open(&run->store, run->data, &options)) == 0)
        return 0;
    cli_say(SLUICE_LOG_ERROR, "cannot make a store in %s: %s", run->data, sluice_strerror(err));
    return err;
}

static int start_server(struct run *run)
{
    int err = sluice_server_start(&run->server, run->store, &run->server_options);

    if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot serve: %s", sluice_strerror(err));
    return err;
}

static int run_here(struct run *run)
{
    const struct options *options = run->options;
    char url[128];
    const struct run_value values[] = {
        {"url", url},
        {"access-key", run->key.access_key},
        {"secret-key", run->key.secret_key},
        {"region", strcmp(options->region, "*") != 0 ? options->region : "us-east-1"},
        {"bucket", options->buckets.count > 0 ? options->buckets.items[0] : NULL},
        {NULL, NULL},
    };
    struct run_command command = {
        .words = options->rest,
        .umask = options->umask_before,
        .descriptors = run->descriptors,
    };
    char **environment;
    int number, status;

    (void)snprintf(url, sizeof(url), "http://%s", sluice_server_address(run->server));
    if ((environment = run_environment_make(environ, values)) == NULL) {
        cli_say(SLUICE_LOG_ERROR, "out of memory");
        return RUN_FAILED;
    }
    command.environment = environment;
    number = run_signals_pending(&run->signals);
    status = number != 0 ? RUN_SIGNALLED + number : run_command(&command, &run->signals);
    run_environment_free(environment);
    return status;
}

/* What is in flight when the command has ended is nobody's. */
static int serve_and_run(struct run *run)
{
    int status = RUN_FAILED;

    if (open_store(run) == 0 && start_server(run) == 0)
        status = run_here(run);
    sluice_server_stop(run->server, 0);
    sluice_store_close(run->store);
    return status;
}

/* Before there is anything to undo. */
static int prepare(struct run *run)
{
    struct sluice_server_options *options = &run->server_options;

    server_options_fill(run->options, options); /* it listens on loopback, and on a free port */
    options->access_key = run->key.access_key;
    options->secret_key = run->key.secret_key;
    options->control = false;
    if (sluice_key_make(&run->key) != 0 || getrlimit(RLIMIT_NOFILE, &run->descriptors) != 0) {
        cli_say(SLUICE_LOG_ERROR, "cannot make a key: %s", strerror(errno));
        return RUN_FAILED;
    }
    return buckets_take(&run->options->buckets, options) == CLI_OK ? 0 : RUN_FAILED;
}

static int run_in_folder(struct run *run)
{
    int err = run_folder_make(&run->folder, run->options->keep), status;

    if (err != 0) {
        cli_say(SLUICE_LOG_ERROR, "cannot make a folder for the store, %s: %s", run->folder.path,
                strerror(-err));
        return RUN_FAILED;
    }
    descriptor_limit_raise();
    status = serve_and_run(run);
    if (run->options->keep)
        cli_say(SLUICE_LOG_INFO, "the store is kept in %s", run->data);
    run_folder_end(&run->folder);
    return status;
}

int cli_run(const struct options *options)
{
    struct run run = {.options = options};
    pid_t parent = getppid();
    int status;

    if (!run_signals_begin(&run.signals, parent))
        return RUN_FAILED; /* who would have been told has gone */
    status = prepare(&run);
    if (status == 0)
        status = run_in_folder(&run);
    buckets_free(&run.server_options);
    return status;
}
