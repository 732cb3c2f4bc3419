/* SPDX-License-Identifier: MIT
 *
 * A server that goes on with other settings, and with files that were read again. All of a change is tried before any of it counts. */
#include "api/server/server_internal.h"

#include <errno.h>

#include "api/core/core.h"
#include "api/core/keys/key_ring.h"
#include "api/events/events.h"
#include "api/origin/origin.h"
#include "api/replication/replication.h"
#include "api/server/buckets.h"
#include "api/server/places.h"

/* ---- The files that may change ---- */

static void on_credentials_changed(void *ctx)
{
    struct sluice_server *server = ctx;

    if (s3_service_reload(server->service) != 0)
        server_log_to_core(server->core, LOG_LEVEL_ERROR,
                           "the changed credentials file was not taken: the old settings stay");
    else
        server_log_to_core(server->core, LOG_LEVEL_INFO, "the credentials file changed and was read again");
}

/* Of a new pair one file comes first, and does not fit the other. */
static void on_tls_changed(void *ctx)
{
    struct sluice_server *server = ctx;

    if (http_server_reload_tls(server->http) != 0)
        server_log_to_core(server->core, LOG_LEVEL_WARNING,
                           "the changed TLS certificate or key was not taken: the old pair stays");
    else
        server_log_to_core(server->core, LOG_LEVEL_INFO, "the TLS certificate and key were read again");
}

int server_watch_files(struct sluice_server *server, const struct sluice_server_options *options,
                       struct server_watches **watches)
{
    const struct server_watches_calls calls = {on_credentials_changed, on_tls_changed, server_log_to_core,
                                               server->core, server};

    return server_watches_create(watches, options, &calls);
}

int sluice_server_reload(struct sluice_server *server)
{
    /* All are tried: a bad credentials file is no reason to go on writing into a rotated log. */
    int log_err = http_server_reopen_log(server->http);
    int tls_err = http_server_reload_tls(server->http);
    int service_err = s3_service_reload(server->service);
    struct key_ring *keys = core_keys(server->core);
    int keys_err = keys != NULL ? key_ring_reload(keys) : 0;
    struct events_targets *targets;
    struct replication_targets *replication_targets;
    struct origins *origins;
    int events_err = server_events_prepare(server, &targets),
        replication_err = server_replication_prepare(server, &replication_targets),
        origin_err = server_origin_prepare(server, &origins);

    if (events_err == 0)
        events_err = events_apply(server->events, targets);
    if (replication_err == 0)
        replication_err = replication_apply(server->replication, replication_targets);
    if (origin_err == 0)
        origin_err = origin_apply(server->origin, origins);
    if (replication_err == 0)
        replication_err = origin_err;
    if (service_err == -EBADMSG)
        return SLUICE_E_CREDENTIALS;
    if (keys_err != 0)
        return SLUICE_E_ENCRYPTION_KEYS;
    if (service_err == 0)
        service_err = tls_err == -EBADMSG ? SLUICE_E_CERTIFICATE : tls_err;
    if (service_err == 0)
        service_err = events_err != 0 ? events_err : replication_err;
    return service_err != 0 ? service_err : log_err;
}

/* ---- Other settings ---- */

/* All that may fail, but for the buckets: what is refused here has changed nothing. */
static int change_service(struct sluice_server *server, const struct sluice_server_options *options,
                          struct http_server_change **change)
{
    struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX];
    const struct http_server_options http_options = server_http_options(options, pairs);
    struct s3_service_options service_options;
    struct server_keys keys;
    int err = http_server_prepare(change, server->http, &http_options);

    if (err != 0)
        return err == -EBADMSG ? SLUICE_E_CERTIFICATE : err;
    if ((err = server_keys_take(&keys, options, server_log_to_core, server->core)) == 0) {
        service_options = server_service_options(options, &keys);
        err = s3_service_change(server->service, &service_options);
        server_keys_wipe(&keys);
    }
    if (err == 0)
        return 0;
    http_server_discard(*change);
    return err == -EBADMSG ? SLUICE_E_CREDENTIALS : err;
}

int sluice_server_change(struct sluice_server *server, const struct sluice_server_options *options)
{
    struct server_watches *watches = NULL;
    struct http_server_change *change;
    struct events_targets *targets = NULL;
    struct replication_targets *replication_targets = NULL;
    struct origins *origins = NULL;
    int err;

    if ((err = server_places_check(options)) != 0 || (err = server_buckets_check(options)) != 0 ||
        (err = server_places_check_websites(options, server_log_to_core, server->core)) != 0 ||
        (err = server_places_admit(options, s3_service_is_open(server->service))) != 0 ||
        (err = server_buckets_make(server->store, options, NULL, s3_service_region(server->service))) != 0 ||
        (err = server_replication_prepare(server, &replication_targets)) != 0)
        return err;
    if ((err = server_origin_prepare(server, &origins)) != 0 ||
        (err = server_events_prepare(server, &targets)) != 0 ||
        (err = server_watch_files(server, options, &watches)) != 0 ||
        (err = change_service(server, options, &change)) != 0) {
        server_watches_destroy(watches);
        events_targets_unref(targets);
        replication_targets_unref(replication_targets);
        origins_unref(origins);
        return err;
    }
    http_server_commit(server->http, change);
    s3_service_settle(server->service);
    server_watches_destroy(server->watches);
    server->watches = watches;
    int watches_err = server_watches_start(watches);
    err = events_apply(server->events, targets);
    int replication_err = replication_apply(server->replication, replication_targets);
    int origin_err = origin_apply(server->origin, origins);
    if (replication_err == 0)
        replication_err = origin_err;
    return watches_err != 0 ? watches_err : err != 0 ? err : replication_err;
}
