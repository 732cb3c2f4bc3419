/* SPDX-License-Identifier: MIT
 *
 * What may change while a server runs: its logs, whom it trusts, its limits and rates, its certificates.
 *
 * A change is prepared, which may fail and changes nothing, and then put in force, which cannot. Each worker holds its settings
 * by a plain pointer, and takes others between two turns of its loop; whoever puts a change in force waits until all have, and
 * only then lets go of the old ones. So requests pay nothing, and nothing is read after it was freed. */
#include <errno.h>
#include <stdlib.h>

#include "api/http/connection.h"
#include "api/http/proxy/proxies.h"
#include "api/http/tls/tls.h"

struct http_server_change {
    struct server_settings *settings;
    struct tls_context *tls; /* NULL: the server has no TLS */
};

void settings_destroy(struct server_settings *settings)
{
    if (settings == NULL)
        return;
    access_log_close(settings->log);
    access_log_close(settings->audit);
    proxies_destroy(settings->proxies);
    free(settings);
}

int settings_create(struct server_settings **out, const struct http_server *server,
                    const struct http_server_options *options)
{
    struct server_settings *settings = calloc(1, sizeof(*settings));
    int err;

    if (settings == NULL)
        return -ENOMEM;
    if (options->body_rate_min >= 0)
        settings->body_rate_min =
            options->body_rate_min != 0 ? (uint32_t)options->body_rate_min : HTTP_BODY_RATE_MIN;
    settings->slow_request_ms = options->slow_request_ms;
    settings->connections_per_address_max = options->connections_per_address_max;
    err = proxies_create(&settings->proxies, options->trusted_proxies);
    if (err == 0 && options->access_log != NULL)
        err = access_log_open(&settings->log, options->access_log, options->access_log_form);
    if (err == 0 && options->audit_log != NULL)
        err = access_log_open(&settings->audit, options->audit_log, HTTP_LOG_AUDIT);
    if (err != 0) {
        settings_destroy(settings);
        return err;
    }
    settings->connections_max = room_bound(server, options->connections_max);
    *out = settings;
    return 0;
}

void settings_take(struct http_worker *worker)
{
    struct http_server *server = worker->server;

    worker_flush_log(worker); /* into the files that the lines were meant for */
    pthread_mutex_lock(&server->start_mutex);
    worker->settings = atomic_load(&server->settings);
    pthread_cond_broadcast(&server->settings_taken);
    pthread_mutex_unlock(&server->start_mutex);
}

static void wait_for_workers(struct http_server *server, const struct server_settings *settings)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_wake(server->workers[i]);
    pthread_mutex_lock(&server->start_mutex);
    for (unsigned i = 0; i < server->worker_count; i++)
        while (server->workers[i]->settings != settings)
            pthread_cond_wait(&server->settings_taken, &server->start_mutex);
    pthread_mutex_unlock(&server->start_mutex);
}

/* ---- Calls ---- */

int http_server_prepare(struct http_server_change **out, struct http_server *server,
                        const struct http_server_options *options)
{
    const struct tls_context_options tls_options = {options->tls, server_log_line, server};
    struct http_server_change *change;
    int err;

    if ((server->options.tls.pair_count > 0) != (options->tls.pair_count > 0))
        return -EOPNOTSUPP;
    if ((change = calloc(1, sizeof(*change))) == NULL)
        return -ENOMEM;
    err = settings_create(&change->settings, server, options);
    if (err == 0 && server->tls != NULL)
        err = tls_context_create(&change->tls, &tls_options);
    if (err != 0) {
        http_server_discard(change);
        return err;
    }
    *out = change;
    return 0;
}

void http_server_discard(struct http_server_change *change)
{
    if (change == NULL)
        return;
    settings_destroy(change->settings);
    if (change->tls != NULL)
        tls_context_destroy(change->tls);
    free(change);
}

void http_server_commit(struct http_server *server, struct http_server_change *change)
{
    struct server_settings *old;

    pthread_mutex_lock(&server->settings_mutex);
    if (change->tls != NULL)
        tls_context_exchange(server->tls, change->tls);
    old = atomic_exchange(&server->settings, change->settings);
    wait_for_workers(server, change->settings);
    pthread_mutex_unlock(&server->settings_mutex);
    change->settings = old;
    http_server_discard(change);
}

int http_server_reopen_log(struct http_server *server)
{
    const struct server_settings *settings;
    int err, audit_err;

    pthread_mutex_lock(&server->settings_mutex);
    settings = atomic_load(&server->settings);
    err = settings->log != NULL ? access_log_reopen(settings->log) : 0;
    audit_err = settings->audit != NULL ? access_log_reopen(settings->audit) : 0;
    pthread_mutex_unlock(&server->settings_mutex);
    return err != 0 ? err : audit_err;
}
