/* SPDX-License-Identifier: MIT
 *
 * The store of --data. One that no server has open is opened here and served, on a free port of loopback and with a fresh key, to this very program: so all
 * commands are the same wherever a store is. One that a server has open is reached by that server, which is said, for it asks for a key if it has any. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote_store {
    struct sluice_store *store;
    struct sluice_server *server;
};

/* Standard error is for the command. */
static void log_line(void *ctx, enum sluice_log_level level, const char *message)
{
    if (level >= SLUICE_LOG_WARNING)
        cli_log(ctx, level, message);
}

static int fail(struct remote *remote, int err)
{
    return remote_fail(remote, err == -EBUSY || err < -4095 ? -EIO : err, remote->options->data,
                       err == -EBUSY ? "another process has it open, and takes no calls on its control socket"
                                     : sluice_strerror(err));
}

/* "127.0.0.1:9000", "unix:PATH"; by HTTPS where plain HTTP is served nowhere. */
static int reach(struct remote *remote, struct remote_server *server, const struct sluice_status *status)
{
    bool is_tls = strcmp(status->tls_address, status->address) == 0,
         is_unix = option_is_unix(status->address);
    struct client_target *target = &server->target;

    if (!remote->options->quiet)
        cli_say(SLUICE_LOG_INFO, "%s is served at %s: that server is asked", remote->options->data,
                status->address);
    if (is_unix)
        target->unix_path = strdup(status->address + strlen(OPTION_UNIX_PREFIX));
    if (asprintf(&target->origin, "http%s://%s", is_tls ? "s" : "", is_unix ? "localhost" : status->address) <
        0)
        target->origin = NULL;
    return target->origin != NULL && (!is_unix || target->unix_path != NULL) ? 0 : fail(remote, -ENOMEM);
}

static bool is_store(const char *data)
{
    char path[4096];

    return snprintf(path, sizeof(path), "%s/sluice.db", data) < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* Its key is ours alone. */
static int serve(struct remote *remote, struct remote_server *server)
{
    struct client_identity *identity = &server->target.identity;
    struct sluice_server_options options = {.body_rate_min = -1, .region = "*"};
    struct sluice_user_key key;
    int err = sluice_key_make(&key);

    options.access_key = key.access_key;
    options.secret_key = key.secret_key;
    if (err != 0 || (err = sluice_server_start(&server->store->server, server->store->store, &options)) != 0)
        return fail(remote, err);
    free(identity->access_key);
    free(identity->secret_key);
    free(identity->session_token);
    identity->access_key = strdup(key.access_key);
    identity->secret_key = strdup(key.secret_key);
    identity->session_token = NULL;
    if (asprintf(&server->target.origin, "http://%s", sluice_server_address(server->store->server)) < 0)
        server->target.origin = NULL;
    return server->target.origin != NULL && identity->access_key != NULL && identity->secret_key != NULL
               ? 0
               : fail(remote, -ENOMEM);
}

int remote_data_open(struct remote *remote, struct remote_server *server, unsigned needs)
{
    const char *data = remote->options->data;
    struct sluice_store_options options = {.log = log_line,
                                           .read_only = !(needs & REMOTE_WRITES),
                                           .encryption_keys = remote->options->encryption_keys,
                                           .encryption_key_command = remote->options->encryption_key_command};
    struct sluice_status status;
    int err;

    if (!is_store(data) && !(needs & REMOTE_MAKES))
        return remote_fail(remote, -ENOENT, data, "there is no store");
    err = is_store(data) ? sluice_status(data, &status) : 0;
    if (err != 0)
        return fail(remote, err);
    if (is_store(data) && status.is_served)
        return reach(remote, server, &status);
    if ((server->store = calloc(1, sizeof(*server->store))) == NULL)
        return fail(remote, -ENOMEM);
    descriptor_limit_raise();
    if ((err = sluice_store_open(&server->store->store, data, &options)) != 0)
        return fail(remote, err);
    return serve(remote, server);
}

struct sluice_store *remote_data_store(const struct remote_server *server)
{
    return server->store != NULL ? server->store->store : NULL;
}

void remote_data_close(struct remote_store *store)
{
    if (store == NULL)
        return;
    sluice_server_stop(store->server, 0);
    sluice_store_close(store->store);
    free(store);
}
