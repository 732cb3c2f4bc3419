/* SPDX-License-Identifier: MIT
 *
 * The server: options, start and stop of the workers, statistics.
 *
 * Callable from any thread that is not a worker. Start reports the first failure of any worker and undoes the
 * rest. Stop asks and joins: each worker lets its own connections go (worker.c), so nothing here touches a
 * connection. */
#include "api/http/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/http/connection.h"
#include "api/http/tls/tls.h"

static void server_free(struct http_server *server)
{
    server_close_listeners(server);
    tls_context_destroy(server->tls);
    settings_destroy(atomic_load(&server->settings));
    room_free(server);
    body_budget_destroy(server->body_budget);
    pthread_cond_destroy(&server->start_changed);
    pthread_cond_destroy(&server->settings_taken);
    pthread_mutex_destroy(&server->settings_mutex);
    pthread_mutex_destroy(&server->start_mutex);
    pthread_mutex_destroy(&server->failures_mutex);
    free(server->workers);
    free(server);
}

static struct http_server *server_create(const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    server->options = *options;
    server->workers = calloc(options->workers, sizeof(server->workers[0]));
    if (server->workers == NULL) {
        free(server);
        return NULL;
    }
    pthread_mutex_init(&server->start_mutex, NULL);
    pthread_cond_init(&server->start_changed, NULL);
    pthread_cond_init(&server->settings_taken, NULL);
    pthread_mutex_init(&server->settings_mutex, NULL);
    pthread_mutex_init(&server->failures_mutex, NULL);
    server->failures_logged_ms =
        options->failures_logged_ms != 0 ? options->failures_logged_ms : HTTP_HANDSHAKE_FAILURES_LOGGED_MS;
    server->body_rate_span_ms =
        options->body_rate_span_ms != 0 ? options->body_rate_span_ms : HTTP_BODY_RATE_SPAN_MS;
    return server;
}

static int server_start_workers(struct http_server *server)
{
    int err = 0;

    while (err == 0 && server->worker_count < server->options.workers) {
        err = worker_start(&server->workers[server->worker_count], server, server->worker_count);
        if (err == 0)
            server->worker_count++;
    }
    pthread_mutex_lock(&server->start_mutex);
    while (server->started < server->worker_count)
        pthread_cond_wait(&server->start_changed, &server->start_mutex);
    if (err == 0)
        err = server->start_error;
    server->start_error = err;
    server->is_start_over = true;
    pthread_cond_broadcast(&server->start_changed);
    pthread_mutex_unlock(&server->start_mutex);
    return err;
}

static bool server_options_are_valid(const struct http_server_options *options)
{
    bool has_pair = options->tls.pair_count > 0;
    bool has_tls = options->tls_listen != NULL;
    bool announces = options->proxy_protocol || options->tls_proxy_protocol;

    if ((options->listen == NULL && options->tls_listen == NULL && options->more_count == 0) ||
        options->more_count + (options->listen != NULL) + (options->tls_listen != NULL) > HTTP_LISTENERS_MAX)
        return false;
    for (unsigned i = 0; i < options->more_count; i++) {
        has_tls = has_tls || options->more[i].is_tls;
        announces = announces || options->more[i].proxy_protocol;
    }
    if (options->tls.pair_count > HTTP_TLS_PAIRS_MAX)
        return false;
    for (unsigned i = 0; i < options->tls.pair_count; i++)
        if (options->tls.pairs[i].certificate == NULL || options->tls.pairs[i].key == NULL)
            return false;
    return (!announces || (options->trusted_proxies != NULL && options->trusted_proxies[0] != NULL)) &&
           (!has_tls || has_pair) && options->workers > 0 && options->workers <= HTTP_WORKERS_MAX &&
           options->connections_max <= HTTP_CONNECTIONS_MAX && options->handler.on_request != NULL;
}

/* ---- Start and stop ---- */

int http_server_start(struct http_server **server_out, const struct http_server_options *options)
{
    struct server_settings *settings;
    struct http_server *server;
    int err;

    if (!server_options_are_valid(options))
        return -EINVAL;
    if ((server = server_create(options)) == NULL)
        return -ENOMEM;
    err = room_init(server);
    if (err == 0)
        err = body_budget_create(&server->body_budget);
    if (err == 0 && (err = settings_create(&settings, server, options)) == 0)
        atomic_store(&server->settings, settings);
    if (err == 0)
        err = server_open_listeners(server);
    if (err == 0)
        err = server_start_workers(server);
    if (err != 0) {
        http_server_stop(server, 0);
        return err;
    }
    *server_out = server;
    return 0;
}

void http_server_stop(struct http_server *server, uint32_t grace_ms)
{
    if (server == NULL)
        return;
    server->grace_ms = grace_ms;
    atomic_store(&server->phase, SERVER_STOPPING);
    /* Closed here and by each worker: from the last close on, the port refuses. */
    server_close_listeners(server);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_wake(server->workers[i]);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_join(server->workers[i]);
    server_free(server);
}

int http_server_reload_tls(struct http_server *server)
{
    return server->tls != NULL ? tls_context_reload(server->tls) : 0;
}

int http_tls_check(const struct http_tls_options *tls, log_fn log, void *log_ctx)
{
    const struct tls_context_options options = {*tls, log, log_ctx};
    struct tls_context *context;
    int err = tls_context_create(&context, &options);

    if (err == 0)
        tls_context_destroy(context);
    return err;
}

void http_server_statistics(struct http_server *server, struct http_statistics *statistics)
{
    *statistics = (struct http_statistics){.body_bytes_held = body_budget_held(server->body_budget)};
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker_counters *counters = &server->workers[i]->counters;

        statistics->connections_accepted += counters->accepted;
        statistics->connections_open += counters->open;
        statistics->requests += counters->requests;
        statistics->bytes_received += counters->bytes_received;
        statistics->bytes_sent += counters->bytes_sent;
        statistics->bytes_spliced += counters->bytes_spliced;
        statistics->bytes_sendfile += counters->bytes_sendfile;
        statistics->tls_bytes_received += counters->tls_bytes_received;
        statistics->tls_bytes_sent += counters->tls_bytes_sent;
        for (unsigned class = 0; class < 6; class ++)
            statistics->responses_by_class[class] += counters->responses_by_class[class];
        for (unsigned failure = 0; failure < HTTP_HANDSHAKE_FAILURES; failure++)
            statistics->handshake_failures[failure] += counters->handshake_failures[failure];
        statistics->connections_evicted += counters->evicted;
        for (unsigned refusal = 0; refusal < HTTP_REFUSALS; refusal++)
            statistics->refusals[refusal] += counters->refusals[refusal];
    }
}
