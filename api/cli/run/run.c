/* SPDX-License-Identifier: MIT
 *
 * `sluice run -- COMMAND`: a temporary store, served on a free port of loopback while the command runs, which finds address and key in its
 * environment. The server is threads of this very process: however this one ends, no server is left. */
#include "api/cli/run/run.h"

#include "api/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
    const struct options *options;
    struct run_signals signals;
    struct run_folder folder;
    struct sluice_user_key key, token; /* the latter: its secret, for who shows one and does not sign */
    char data[PATH_MAX + sizeof("/data")], credentials[PATH_MAX + sizeof("/credentials")];
    char bazelrc[PATH_MAX + sizeof("/bazelrc")];
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
    options.scrub_days = SLUICE_SCRUB_OFF;          /* it will not be there for long */
    (void)snprintf(run->data, sizeof(run->data), "%s/data", run->folder.path);
    if ((err = sluice_store_open(&run->store, run->data, &options)) == 0)
        return 0;
    cli_say(SLUICE_LOG_ERROR, "cannot make a store in %s: %s", run->data, sluice_strerror(err));
    return err;
}

/* Clients of caches that take a token want it alone. Buckets are the key's, as without any. */
static int write_token(struct run *run)
{
    FILE *file;
    bool is_written;

    if (run->options->caches.count == 0)
        return 0;
    (void)snprintf(run->credentials, sizeof(run->credentials), "%s/credentials", run->folder.path);
    if ((file = fopen(run->credentials, "wxe")) == NULL)
        return -errno;
    is_written = fprintf(file, "token run %s *=all\n", run->token.secret_key) > 0;
    if (fclose(file) != 0 || !is_written)
        return -EIO;
    run->server_options.credentials = run->credentials;
    return 0;
}

static int start_server(struct run *run)
{
    int err = write_token(run);

    if (err == 0)
        err = sluice_server_start(&run->server, run->store, &run->server_options);

    if (err != 0)
        cli_say(SLUICE_LOG_ERROR, "cannot serve: %s", sluice_strerror(err));
    return err;
}

/* The values of a cache are its kind, and its name in URLs: "nx bucket=ci name=web". The server has judged the words. Of a kind that is there twice
 * the first counts. */
static void add_cache(struct run_value *values, char *spec)
{
    char *rest, *kind = strtok_r(spec, " \t", &rest), *name = kind, *word;

    while ((word = strtok_r(NULL, " \t", &rest)) != NULL)
        if (strncmp(word, "name=", strlen("name=")) == 0)
            name = word + strlen("name=");
    while (values->name != NULL)
        if (strcmp((values++)->name, kind) == 0)
            return;
    *values = (struct run_value){kind, name};
}

/* Bazel reads flags from a file, not from its environment. name: of the cache. False: errno says why not. */
static bool write_bazelrc(struct run *run, const char *url, const char *name)
{
    FILE *file;
    bool is_written;

    (void)snprintf(run->bazelrc, sizeof(run->bazelrc), "%s/bazelrc", run->folder.path);
    if ((file = fopen(run->bazelrc, "wxe")) == NULL)
        return false;
    is_written = fprintf(file,
                         "build --remote_cache=%s/-/cache/%s\n"
                         "build --remote_header=Authorization=\"Bearer %s\"\n",
                         url, name, run->token.secret_key) > 0;
    return fclose(file) == 0 && is_written;
}

/* What follows from the others: a file's path. False: errno says why not. */
static bool add_bazelrc(struct run *run, const char *url, struct run_value *values)
{
    const char *name = NULL;

    for (; values->name != NULL; values++)
        if (strcmp(values->name, "bazel") == 0)
            name = values->value;
    if (name == NULL)
        return true;
    *values = (struct run_value){"bazelrc", run->bazelrc};
    return write_bazelrc(run, url, name);
}

/* NULL: errno says why not. */
static char **make_environment(struct run *run)
{
    const struct options *options = run->options;
    const char *address = sluice_server_address(run->server);
    char url[128], **environment;
    const struct run_value fixed[] = {
        {"url", url},
        {"address", address},
        {"access-key", run->key.access_key},
        {"secret-key", run->key.secret_key},
        {"token", options->caches.count > 0 ? run->token.secret_key : NULL},
        {"region", strcmp(options->region, "*") != 0 ? options->region : "us-east-1"},
        {"bucket", run->server_options.bucket_count > 0 ? run->server_options.buckets[0].name : NULL},
    };
    const size_t count = sizeof(fixed) / sizeof(fixed[0]);
    struct run_value *values = calloc(count + options->caches.count + 2, sizeof(*values));

    if (values == NULL)
        return NULL;
    (void)snprintf(url, sizeof(url), "http://%s", address);
    memcpy(values, fixed, sizeof(fixed));
    for (size_t i = 0; i < options->caches.count; i++)
        add_cache(values, options->caches.items[i]);
    environment = add_bazelrc(run, url, values) ? run_environment_make(environ, values) : NULL;
    free(values);
    return environment;
}

static int run_here(struct run *run)
{
    struct run_command command = {
        .words = run->options->rest,
        .umask = run->options->umask_before,
        .descriptors = run->descriptors,
    };
    char **environment = make_environment(run);
    int number, status;

    if (environment == NULL) {
        cli_say(SLUICE_LOG_ERROR, "cannot make the command's environment: %s", strerror(errno));
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
    if (sluice_key_make(&run->key) != 0 || sluice_key_make(&run->token) != 0 ||
        getrlimit(RLIMIT_NOFILE, &run->descriptors) != 0) {
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
