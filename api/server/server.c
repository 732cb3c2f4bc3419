/* SPDX-License-Identifier: MIT
 *
 * A server in a library: the sluice_server_* half of sluice.h. It ties three things together and does little
 * itself:
 *
 *     http_server (api/http)   threads, loops and connections; calls on_worker_start, on_request, on_worker_stop
 *     core_worker (api/core)   one for each HTTP worker, on its thread; the worker's loop watches its event descriptor
 *     s3_service  (api/s3)     answers each request
 *
 * The server's threads block every signal: those of the host program are for the host's own threads, and a
 * write to a connection that is gone (SIGPIPE) must fail, not end the host.
 *
 * sluice_server_* may be called from any thread, but stop only once and not during another call on the same
 * server. */
#include "api/doors/doors.h"
#include "api/events/events.h"
#include "api/library/library.h"
#include "api/origin/origin.h"
#include "api/pages/pages.h"
#include "api/http/http.h"
#include "api/http/limits.h"
#include "api/replication/replication.h"
#include "api/s3/s3_front.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/website/s3_website_serve.h"
#include "api/s3/website/s3_websites.h"
#include "api/server/buckets.h"
#include "api/server/control/control.h"
#include "api/server/control/control_http.h"
#include "api/server/faults.h"
#include "api/server/places.h"
#include "api/server/server_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_REGION_DEFAULT "us-east-1"

/* At 0.7 ms to the database, two asks a request, 16 that wait are 11,000 requests a second. */
#define CLUSTER_WORKERS_MIN 16u

_Static_assert((int)LOG_LEVEL_INFO == (int)SLUICE_LOG_INFO &&
                   (int)LOG_LEVEL_WARNING == (int)SLUICE_LOG_WARNING &&
                   (int)LOG_LEVEL_ERROR == (int)SLUICE_LOG_ERROR,
               "levels are handed through as numbers");

struct server_log {
    void (*line)(void *ctx, enum sluice_log_level level, const char *message); /* NULL: silent */
    void *ctx;
};

/* ---- Log ---- */

/* What the status page tells, too. */
static void log_noted(void *ctx, enum log_level level, const char *message)
{
    struct sluice_server *server = ctx;

    pages_note(server->pages, level, message);
    server_log_to_core(server->core, level, message);
}

/* For sluice_server_check, which has no store. */
static void log_to_caller(void *ctx, enum log_level level, const char *message)
{
    const struct server_log *log = ctx;

    if (log->line != NULL)
        log->line(log->ctx, (enum sluice_log_level)level, message);
}

/* ---- Workers ---- */

static void on_core_readable(void *ctx)
{
    core_worker_run(ctx);
}

static void on_core_edges(void *ctx)
{
    core_worker_watch_edges(ctx);
}

static void on_before_sleep(void *ctx)
{
    core_worker_flush(ctx);
}

static int on_worker_start(void *ctx, struct http_worker *worker, unsigned index,
                           struct http_worker_events *events, void **worker_ctx)
{
    struct sluice_server *server = ctx;
    struct core_worker *core_worker;
    int err = core_worker_create(server->core, &core_worker);

    if (err != 0)
        return err;
    *events = (struct http_worker_events){
        .fd = core_worker_event_fd(core_worker),
        .on_readable = on_core_readable,
        .on_edges = on_core_edges,
        .before_sleep = on_before_sleep,
        .ctx = core_worker,
    };
    *worker_ctx = core_worker;
    return 0;
}

static void on_worker_stop(void *ctx, void *worker_ctx)
{
    core_worker_destroy(worker_ctx);
}

static void handle(struct sluice_server *server, struct core_worker *worker, struct http_request *req)
{
    if (server->websites == NULL || !s3_website_handle(server->websites, server->service, worker, req))
        s3_front_handle(server->service, worker, req);
}

static void on_request(void *ctx, struct http_worker *worker, struct http_request *req)
{
    struct sluice_server *server = ctx;

    if (server->faults == NULL || !faults_take(server->faults, http_worker_context(worker), req))
        handle(server, http_worker_context(worker), req);
}

static void on_late_request(void *ctx, struct core_worker *worker, struct http_request *req)
{
    handle(ctx, worker, req);
}

/* Nobody but this machine is to meet them. */
static int create_faults(struct sluice_server *server, const struct sluice_server_options *options)
{
    if (!options->fault_knobs)
        return 0;
    if (!server_places_are_local(options))
        return -EPERM;
    server_log_to_core(server->core, LOG_LEVEL_WARNING,
                       "this server fails on demand (fault knobs): it is for tests alone");
    return faults_create(&server->faults, on_late_request, server);
}

/* The processors this process may use, which in a container are fewer than the machine has; no more than
 * workers may be. */
static unsigned count_processors(void)
{
    cpu_set_t usable;
    long count;

    if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
        count = CPU_COUNT(&usable);
    else
        count = sysconf(_SC_NPROCESSORS_ONLN); /* more than 1,024 processors do not fit into the set */
    if (count < 1)
        return 1;
    return count < (long)HTTP_WORKERS_MAX ? (unsigned)count : HTTP_WORKERS_MAX;
}

/* ---- Start and stop ---- */

struct s3_service_options server_service_options(const struct sluice_server_options *options,
                                                 const struct server_keys *keys)
{
    return (struct s3_service_options){
        .region = options->region != NULL ? options->region : SERVER_REGION_DEFAULT,
        .domains = options->domains,
        .access_key = keys->access_key,
        .secret_key = keys->secret_key,
        .credentials_path = options->credentials,
        .takes_any_host = options->allow_anonymous,
        .public_metrics = options->public_metrics,
        .refuses_v2 = options->refuse_signature_v2,
        .refuses_web = options->refuse_web_auth,
        .web_plain_http = options->web_auth_plain_http,
    };
}

static int create_service(struct s3_service **service, const struct sluice_server_options *options,
                          struct core *core, const struct doors *doors, struct pages *pages,
                          struct events *events, struct replication *replication, struct origin *origin,
                          struct control_http *admin, log_fn log, void *log_ctx)
{
    struct server_keys keys;
    int err = server_keys_take(&keys, options, log, log_ctx);

    if (err != 0)
        return err;
    struct s3_service_options service_options = server_service_options(options, &keys);

    service_options.core = core;
    service_options.admin = admin != NULL ? control_http_handle : NULL;
    service_options.admin_ctx = admin;
    service_options.doors = doors_for_front(doors);
    service_options.pages = pages_for_front(pages);
    service_options.events = events;
    server_replication_offer(&service_options, replication);
    server_origin_offer(&service_options, origin, options->origins != NULL);
    service_options.session_directory =
        core != NULL ? core_data_dir(core) : NULL; /* NULL: only a look at options */
    service_options.session_read_only = core != NULL && core_is_read_only(core);
    service_options.log = log;
    service_options.log_ctx = log_ctx;
    err = s3_service_create(service, &service_options);
    server_keys_wipe(&keys);
    return err == -EBADMSG ? SLUICE_E_CREDENTIALS : err;
}

struct http_server_options server_http_options(const struct sluice_server_options *options,
                                               struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX])
{
    return (struct http_server_options){
        .tls = server_places_tls(options, pairs),
        .connections_max = options->max_connections,
        .body_rate_min = options->body_rate_min,
        .connections_per_address_max = options->max_connections_per_address,
        .trusted_proxies = options->trusted_proxies,
        .access_log = options->access_log,
        .access_log_form = options->access_log_json ? HTTP_LOG_JSON : HTTP_LOG_APACHE,
        .audit_log = options->audit_log,
        .slow_request_ms = options->slow_request_ms,
    };
}

/* In a cluster each waits for the database now and then. */
static unsigned default_workers(const struct core *core)
{
    const unsigned processors = count_processors();

    return core_get_options(core)->cluster != NULL && processors < CLUSTER_WORKERS_MIN ? CLUSTER_WORKERS_MIN
                                                                                       : processors;
}

static int start_http(struct sluice_server *server, const struct sluice_server_options *options)
{
    struct http_listen places[HTTP_LISTENERS_MAX];
    struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX];
    const unsigned count = server_places_list(options, places);
    struct http_server_options http_options = server_http_options(options, pairs);
    int err;

    if (options->workers > HTTP_WORKERS_MAX)
        return -EINVAL;
    http_options.more = places;
    http_options.more_count = count;
    http_options.socket_mode = options->socket_mode;
    http_options.workers = options->workers != 0 ? options->workers : default_workers(server->core);
    http_options.copy_mode = core_get_options(server->core)->copy_mode;
    http_options.handler = (struct http_handler){.on_worker_start = on_worker_start,
                                                 .on_worker_stop = on_worker_stop,
                                                 .on_request = on_request,
                                                 .ctx = server};
    http_options.log = log_noted;
    http_options.log_ctx = server;
    err = server_places_websites(options, places, count, &server->websites, server_log_to_core, server->core);
    if (err != 0)
        return err;
    err = http_server_start(&server->http, &http_options);
    return err == -EBADMSG ? SLUICE_E_CERTIFICATE : err;
}

static struct control_subject control_subject(const struct sluice_server *server)
{
    return (struct control_subject){
        .core = server->core,
        .http = server->http,
        .service = server->service,
        .credentials = server->credentials,
        .faults = server->faults,
        .replication = server->replication,
        .relaxed = core_get_options(server->core)->relaxed,
    };
}

static int create_control_http(struct sluice_server *server, const struct sluice_server_options *options)
{
    const struct control_subject subject = control_subject(server);

    return options->admin_http ? control_http_create(&server->control_http, &subject) : 0;
}

/* A server without it is a server all the same. */
static void start_control(struct sluice_server *server)
{
    const struct control_subject subject = control_subject(server);
    char message[256];
    int err = control_start(&server->control, &subject);

    if (err == 0)
        return;
    snprintf(message, sizeof(message),
             "the control socket cannot be made in the data folder, so the store cannot be asked while it is "
             "served: %s",
             err == -EEXIST ? "there is something else called control" : sluice_strerror(err));
    server_log_to_core(server->core, LOG_LEVEL_WARNING, message);
}

static int copy_credentials(struct sluice_server *server, const struct sluice_server_options *options)
{
    if (options->credentials == NULL)
        return 0;
    server->credentials = strdup(options->credentials);
    return server->credentials != NULL ? 0 : -ENOMEM;
}

int sluice_server_fault(struct sluice_server *server, const struct sluice_server_fault *fault)
{
    return server->faults != NULL ? faults_set(server->faults, fault) : -EPERM;
}

int sluice_server_fault_left(struct sluice_server *server, struct sluice_server_fault *fault)
{
    if (server->faults == NULL)
        return -EPERM;
    faults_get(server->faults, fault);
    return 0;
}

int sluice_server_start(struct sluice_server **out, struct sluice_store *store,
                        const struct sluice_server_options *options)
{
    static const struct sluice_server_options defaults;
    struct sluice_server *server = calloc(1, sizeof(*server));
    int err;

    if (server == NULL)
        return -ENOMEM;
    if (options == NULL)
        options = &defaults;
    server->store = store;
    server->core = sluice_store_core(store);
    if ((err = server_places_check(options)) != 0 || (err = server_buckets_check(options)) != 0 ||
        (err = doors_create(&server->doors, options->caches, options->public_url, server_log_to_core,
                            server->core)) != 0 ||
        (!options->refuse_pages && (err = pages_create(&server->pages)) != 0) ||
        (err = copy_credentials(server, options)) != 0 || (err = create_faults(server, options)) != 0 ||
        (err = create_control_http(server, options)) != 0 ||
        (err = server_watch_files(server, options, &server->watches)) != 0 ||
        (err = server_events_create(server, options)) != 0 ||
        (err = server_replication_create(server, options)) != 0 ||
        (err = server_origin_create(server, options)) != 0)
        goto fail;
    err =
        create_service(&server->service, options, server->core, server->doors, server->pages, server->events,
                       server->replication, server->origin, server->control_http, log_noted, server);
    if (err != 0)
        goto fail;
    if ((err = server_places_admit(options, s3_service_is_open(server->service))) != 0 ||
        (err = server_buckets_make(store, options, server->doors, s3_service_region(server->service))) != 0)
        goto fail_service;
    if ((err = server_events_start(server)) != 0 || (err = replication_start(server->replication)) != 0 ||
        (err = origin_start(server->origin)) != 0 || (err = start_http(server, options)) != 0)
        goto fail_service;
    if ((err = pages_start(server->pages, server->http, server->core)) != 0)
        goto fail_http;
    if ((err = server_watches_start(server->watches)) != 0)
        goto fail_http;
    if (options->control)
        start_control(server);
    *out = server;
    return 0;

fail_http:
    server_watches_destroy(server->watches); /* before what they would reload */
    server->watches = NULL;
    faults_release(server->faults);
    control_http_stop(server->control_http);
    pages_stop(server->pages);
    events_end_listening(server->events);
    origin_end(server->origin);
    http_server_stop(server->http, 0);
fail_service:
    s3_websites_destroy(server->websites);
    s3_service_destroy(server->service);
fail:
    server_watches_destroy(server->watches);
    control_http_destroy(server->control_http);
    faults_destroy(server->faults);
    doors_destroy(server->doors);
    pages_destroy(server->pages);
    origin_destroy(server->origin);
    replication_destroy(server->replication);
    events_destroy(server->events);
    free(server->credentials);
    free(server);
    return err;
}

static int check_tls(const struct sluice_server_options *options, struct server_log *log)
{
    struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX];
    const struct http_tls_options tls = server_places_tls(options, pairs);
    int err = tls.pair_count > 0 ? http_tls_check(&tls, log_to_caller, log) : 0;

    return err == -EBADMSG ? SLUICE_E_CERTIFICATE : err;
}

int sluice_server_check(const struct sluice_server_options *options,
                        void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                        void *log_ctx)
{
    struct server_log caller = {.line = log, .ctx = log_ctx};
    struct s3_service *service;
    struct doors *doors;
    int err = server_places_check(options);

    if (err != 0 || (err = server_buckets_check(options)) != 0 ||
        (err = doors_create(&doors, options->caches, options->public_url, log_to_caller, &caller)) != 0)
        return err;
    doors_destroy(doors); /* they were looked at */
    if ((err = server_events_check(options, log_to_caller, &caller)) != 0 ||
        (err = server_replication_check(options, log_to_caller, &caller)) != 0 ||
        (err = server_origin_check(options, log_to_caller, &caller)) != 0 ||
        (err = create_service(&service, options, NULL, NULL, NULL, NULL, NULL, NULL, NULL, log_to_caller,
                              &caller)) != 0)
        return err;
    err = server_places_admit(options, s3_service_is_open(service));
    if (err == 0 && options->fault_knobs && !server_places_are_local(options))
        err = -EPERM;
    if (err == 0)
        err = check_tls(options, &caller);
    if (err == 0)
        err = server_places_check_websites(options, log_to_caller, &caller);
    if (err == 0 && options->workers > HTTP_WORKERS_MAX)
        err = -EINVAL;
    s3_service_destroy(service);
    return err;
}

const char *sluice_server_address(const struct sluice_server *server)
{
    return http_server_address(server->http);
}

const char *sluice_server_tls_address(const struct sluice_server *server)
{
    return http_server_tls_address(server->http);
}

const char *sluice_server_place(const struct sluice_server *server, size_t index, bool *tls)
{
    bool is_tls = false;
    const char *address =
        index < HTTP_LISTENERS_MAX ? http_server_listener(server->http, (unsigned)index, &is_tls) : NULL;

    if (tls != NULL)
        *tls = is_tls;
    return address;
}

unsigned sluice_server_port(const struct sluice_server *server)
{
    return http_server_port(server->http);
}

void sluice_server_stop(struct sluice_server *server, unsigned grace_ms)
{
    if (server == NULL)
        return;
    server_watches_destroy(server->watches);
    control_stop(server->control);
    control_http_stop(server->control_http);
    faults_release(server->faults);
    pages_stop(server->pages);
    events_end_listening(server->events);
    origin_end(server->origin);
    http_server_stop(server->http, grace_ms);
    s3_websites_destroy(server->websites);
    s3_service_destroy(server->service);
    control_http_destroy(server->control_http);
    faults_destroy(server->faults);
    doors_destroy(server->doors);
    pages_destroy(server->pages);
    origin_destroy(server->origin);
    replication_destroy(server->replication);
    events_destroy(server->events);
    free(server->credentials);
    free(server);
}
