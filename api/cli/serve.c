/* SPDX-License-Identifier: MIT
 *
 * `sluice serve`: opens the store, starts the server, and waits on the main thread for signals.
 *
 *   SIGTERM, SIGINT   stop accepting, let requests in flight finish (--grace), exit 0; a second one ends at once
 *   SIGHUP            open the logs anew; read credentials, certificates and configuration again (reload.c)
 *
 * The signals are blocked before the first thread exists and taken by sigwaitinfo, so there is no handler and
 * no other thread ever sees one. The line that says where it serves goes to stdout; everything else to
 * stderr. */
#include "api/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Says why the store could not be opened. Returns the exit status: 2 where the options are at fault. */
static int fail_store(const struct options *options, int err)
{
    if (err == SLUICE_E_SHARED_FS) { /* the log has said where, and why */
        cli_say(SLUICE_LOG_ERROR,
                "refusing to serve %s; say --shared-fs exclusive if no other machine mounts that file "
                "system, or --shared-fs fenced if whoever starts a server elsewhere first cuts this machine "
                "off from it for good",
                options->data);
        return CLI_USAGE;
    }
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR, "cannot open %s: it is in use by another process", options->data);
    else
        cli_say(SLUICE_LOG_ERROR, "cannot open %s: %s", options->data, sluice_strerror(err));
    return CLI_FAILED;
}

static const char *find_open_address(const struct options *options)
{
    for (size_t i = 0; i < options->listen.count; i++)
        if (!sluice_address_is_local(options->listen.items[i]))
            return options->listen.items[i];
    if (options->tls_listen != NULL && !sluice_address_is_local(options->tls_listen))
        return options->tls_listen;
    for (size_t i = 0; i < options->website_listen.count; i++)
        if (!sluice_address_is_local(options->website_listen.items[i]))
            return options->website_listen.items[i];
    return "a socket of systemd's";
}

/* Says why the server could not be started. Returns the exit status: 2 where the options are at fault. */
static int fail_server(const struct options *options, int err)
{
    if (err == -EPERM && options->fault_knobs) {
        cli_say(SLUICE_LOG_ERROR,
                "refusing to listen on %s with --fault-knobs, which are for tests on this machine",
                find_open_address(options));
        return CLI_USAGE;
    }
    switch (err) {
    case SLUICE_E_OPEN_ADDRESS:
        cli_say(SLUICE_LOG_ERROR,
                "refusing to listen on %s without a key: whoever can connect could read and delete "
                "everything; set "
                "SLUICE_ACCESS_KEY and SLUICE_SECRET_KEY, give --credentials, or say --allow-anonymous",
                find_open_address(options));
        return CLI_USAGE;
    case SLUICE_E_CREDENTIALS:
    case SLUICE_E_CERTIFICATE:
    case SLUICE_E_NOTIFICATIONS:
    case SLUICE_E_REPLICATION:
    case SLUICE_E_ORIGINS:
        return CLI_USAGE; /* the log has said it, with file and line */
    case -EADDRINUSE:
    case -EADDRNOTAVAIL:
        return CLI_FAILED; /* the log has said it, with the address */
    default:
        cli_say(SLUICE_LOG_ERROR, "cannot serve%s%s%s%s: %s",
                options->access_log != NULL ? " with the access log " : "",
                options->access_log != NULL ? options->access_log : "",
                options->audit_log != NULL ? " with the audit log " : "",
                options->audit_log != NULL ? options->audit_log : "", sluice_strerror(err));
        return CLI_FAILED;
    }
}

/* Whether the credentials file, where one is named, can be read; says why not. */
static bool credentials_are_readable(const struct options *options)
{
    if (options->credentials == NULL || access(options->credentials, R_OK) == 0)
        return true;
    cli_say(SLUICE_LOG_ERROR, "cannot read the credentials file %s: %s", options->credentials,
            strerror(errno));
    return false;
}

static int check_config(const struct sluice_store_options *store, const struct sluice_server_options *server,
                        const struct options *options)
{
    int err = sluice_server_check(server, cli_log, NULL);

    if (err != 0) {
        (void)fail_server(options, err);
        return CLI_USAGE;
    }
    if ((err = sluice_store_check_place(options->data, store)) != 0) {
        (void)fail_store(options, err);
        return CLI_USAGE;
    }
    printf("sluice: the configuration is fine\n");
    return CLI_OK;
}

/* Signals of ours wait until sigwaitinfo asks for them. A write to a pipe that nobody reads (stdout) fails
 * instead of killing. */
static void block_signals(sigset_t *ours)
{
    sigemptyset(ours);
    sigaddset(ours, SIGTERM);
    sigaddset(ours, SIGINT);
    sigaddset(ours, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, ours, NULL); /* fails for a bad first argument only */
    (void)signal(SIGPIPE, SIG_IGN);
}

/* From now on SIGTERM and SIGINT do what they do to any program. */
static void unblock_end(void)
{
    sigset_t end;

    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &end, NULL);
}

/* Until SIGTERM or SIGINT. */
static void wait_for_end(struct serving *serving, const sigset_t *ours)
{
    for (;;) {
        int signal_number = sigwaitinfo(ours, NULL);
        if (signal_number == SIGHUP)
            serving_reload(serving);
        else if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
    }
}

/* "sluice: serving http://127.0.0.1:9000 and unix:/run/sluice.sock from ./data": whoever waits for it waits for its first two words. */
static void say_where(const struct sluice_server *server, const struct options *options)
{
    const char *address;
    bool is_tls;

    printf("sluice: serving");
    for (size_t i = 0; (address = sluice_server_place(server, i, &is_tls)) != NULL; i++)
        printf("%s %s%s", i > 0 ? " and" : "",
               option_is_unix(address) ? ""
               : is_tls                ? "https://"
                                       : "http://",
               address);
    printf(" from %s\n", options->data);
    (void)fflush(stdout); /* whoever started it may have closed the pipe: it serves all the same */
}

static int serve_until_told(struct sluice_store *store, const struct sluice_server_options *server_options,
                            const struct options *options, const sigset_t *ours)
{
    struct serving serving = {.store = store, .started = server_options, .options = options};
    int err = sluice_server_start(&serving.server, store, server_options);

    if (err != 0)
        return fail_server(options, err);
    say_where(serving.server, options);
    notify_send("READY=1");

    wait_for_end(&serving, ours);
    notify_send("STOPPING=1");
    cli_log(NULL, SLUICE_LOG_INFO, "stopping when what is in flight is done; a second signal ends at once");
    unblock_end();
    sluice_server_stop(serving.server, serving.options->grace_s * 1000);
    serving_free(&serving);
    return CLI_OK;
}

static int serve(const struct options *options, const struct sluice_server_options *server_options)
{
    struct sluice_store_options store_options;
    struct sluice_store *store;
    sigset_t ours;
    int err, status;

    store_options_fill(options, &store_options);
    if (options->check_config)
        return check_config(&store_options, server_options, options);
    block_signals(&ours);
    descriptor_limit_raise();
    err = sluice_store_open(&store, options->data, &store_options);
    if (err != 0)
        return fail_store(options, err);
    status = cache_buckets_set(store, &options->cache_buckets);
    if (status == CLI_OK)
        status = serve_until_told(store, server_options, options, &ours);
    sluice_store_close(store);
    return status;
}

int cli_serve(const struct options *options)
{
    struct sluice_server_options server_options;
    int status;

    cli_log_as(options->log_form, options->log_level);
    if (!credentials_are_readable(options))
        return CLI_USAGE;
    server_options_fill(options, &server_options);
    status = cache_buckets_check(&options->cache_buckets);
    if (status == CLI_OK)
        status = buckets_take(&options->buckets, &server_options);
    if (status == CLI_OK)
        status = places_take(options, &server_options);
    if (status == CLI_OK)
        status = serve(options, &server_options);
    places_free(&server_options);
    buckets_free(&server_options);
    return status;
}
