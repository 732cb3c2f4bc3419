/* SPDX-License-Identifier: MIT
 *
 * What all requests of the S3 front share: its configuration, the set of keys in force, request ids, its log.
 *
 * One service is shared by all workers. Everything in it is fixed at creation but for the set of keys (a
 * lock, a reference per request), what s3_service_change changes, and counters. */
#include "api/s3/service/s3_service_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api/archive/archive_shelf.h"
#include "api/identity/jwt_known.h"
#include "api/identity/key_source.h"
#include "api/s3/limits.h"
#include "api/s3/web_auth/s3_attempts.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/http/limits.h"
#include "api/s3/operations.h"
#include "api/s3/session/s3_session_key.h"
#include "api/s3/session/s3_sts.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"
#include "storage/base/scramble.h"

#define REGION_DEFAULT "us-east-1"

static int64_t monotonic_seconds(void)
{
    return (int64_t)(clock_monotonic_ms() / 1000);
}

/* ---- Creation ---- */

static int copy_options(struct s3_service *service, const struct s3_service_options *options)
{
    const char *region = options->region != NULL ? options->region : REGION_DEFAULT;
    int result;

    if (strcmp(region, "*") == 0) {
        service->takes_any_region = true;
        region = REGION_DEFAULT;
    }
    service->core = options->core;
    service_take_switches(service, options);
    service->log = options->log;
    service->log_ctx = options->log_ctx;
    service->admin = options->admin;
    service->admin_ctx = options->admin_ctx;
    service->doors = options->doors;
    service->pages = options->pages;
    service->events = options->events;
    service->may_replicate = options->may_replicate;
    service->replication_metrics = options->replication_metrics;
    service->replication_ctx = options->replication_ctx;
    service->fetcher = options->fetcher;
    if (*region == '\0' || strlen(region) >= S3_SIGV4_REGION_BYTES_MAX)
        return -EINVAL;
    result = service_copy_text(&service->region, region);
    if (result == 0)
        result = service_copy_text(&service->access_key, options->access_key);
    if (result == 0)
        result = service_copy_text(&service->secret_key, options->secret_key);
    if (result == 0)
        result = service_copy_text(&service->credentials_path, options->credentials_path);
    if (result == 0) {
        char **domains = service_copy_domains(options->domains); /* clang compares no atomic pointer */

        service->domains = domains;
        result = domains != NULL ? 0 : -ENOMEM;
    }
    return result;
}

static int make_ids(struct s3_service *service)
{
    unsigned char random[32 + sizeof(service->id_seed)];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    hex_encode(random, 32, service->host_id);
    memcpy(&service->id_seed, random + 32, sizeof(service->id_seed));
    return 0;
}

/* Where everybody may do everything there are no sessions: no file is made then. */
static int load_session_key(struct s3_service *service, const struct s3_service_options *options)
{
    const struct s3_session_key_place place = {
        .directory = s3_credentials_is_open(service->credentials) ? NULL : options->session_directory,
        .read_only = options->session_read_only,
        .log = options->log,
        .log_ctx = options->log_ctx,
    };

    return s3_session_key_load(&place, service->session_key);
}

int s3_service_create(struct s3_service **service, const struct s3_service_options *options)
{
    struct s3_service *made = calloc(1, sizeof(*made));
    int result;

    if (made == NULL)
        return -ENOMEM;
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->reload_lock, NULL);
    made->started_at = (time_t)monotonic_seconds();
    for (unsigned row = 0; row < S3_OPERATION_ROWS; row++)
        made->groups[row] = (unsigned char)s3_operation_group(&s3_operations[row]);
    made->counts = calloc(HTTP_WORKERS_MAX, sizeof(*made->counts));
    made->attempts = s3_attempts_create();
    result = made->counts != NULL && made->attempts != NULL ? copy_options(made, options) : -ENOMEM;
    if (result == 0)
        result = archive_shelf_create(&made->shelf);
    if (result == 0)
        result = make_ids(made);
    if (result == 0 && options->core != NULL)
        result = key_sources_create(&made->sources, options->log, options->log_ctx);
    if (result == 0)
        result = s3_service_reload(made);
    if (result == 0)
        result = load_session_key(made, options);
    if (result != 0) {
        s3_service_destroy(made);
        return result;
    }
    *service = made;
    return 0;
}

void s3_service_destroy(struct s3_service *service)
{
    if (service == NULL)
        return;
    s3_credentials_unref(service->credentials);
    key_sources_destroy(service->sources);
    s3_attempts_destroy(service->attempts);
    archive_shelf_destroy(service->shelf);
    for (unsigned worker = 0; worker < HTTP_WORKERS_MAX; worker++)
        jwt_known_destroy(service->known_tokens[worker]);
    free(service->counts);
    service_free_domains(service->domains);
    service_free_domains(service->old_domains);
    service_free_secret(service->secret_key);
    explicit_bzero(service->session_key, sizeof(service->session_key));
    free(service->access_key);
    free(service->credentials_path);
    free(service->region);
    pthread_mutex_destroy(&service->reload_lock);
    pthread_mutex_destroy(&service->lock);
    free(service);
}

/* ---- Keys ---- */

struct s3_credentials *s3_service_credentials(struct s3_service *service)
{
    struct s3_credentials *set;

    pthread_mutex_lock(&service->lock);
    set = s3_credentials_ref(service->credentials);
    pthread_mutex_unlock(&service->lock);
    return set;
}

bool s3_service_is_open(const struct s3_service *service)
{
    /* A service opened with a file stays closed even when a later file names nobody: see
     * s3_credentials_is_open's callers. */
    struct s3_credentials *set = s3_service_credentials((struct s3_service *)service);
    bool is_open = s3_credentials_is_open(set);

    s3_credentials_unref(set);
    return is_open;
}

/* ---- What requests ask ---- */

struct core *s3_service_core(const struct s3_service *service)
{
    return service->core;
}

const unsigned char *s3_service_session_key(const struct s3_service *service)
{
    return service->session_key;
}

bool s3_service_takes_any_host(const struct s3_service *service)
{
    return service->takes_any_host;
}

struct events *s3_service_events(const struct s3_service *service)
{
    return service->events;
}

bool s3_service_may_replicate(struct s3_service *service, struct slice target, struct slice bucket,
                              struct slice user)
{
    return service->may_replicate != NULL &&
           service->may_replicate(service->replication_ctx, target, bucket, user);
}

const struct s3_fetcher *s3_service_fetcher(const struct s3_service *service)
{
    return service->fetcher.begin != NULL ? &service->fetcher : NULL;
}

void s3_service_add_fetcher(const struct s3_service *service, struct metrics_page *page)
{
    if (service->fetcher.metrics != NULL)
        service->fetcher.metrics(service->fetcher.ctx, page);
}

void s3_service_add_replication(const struct s3_service *service, struct metrics_page *page)
{
    if (service->replication_metrics != NULL)
        service->replication_metrics(service->replication_ctx, page);
}

const struct s3_doors *s3_service_doors(const struct s3_service *service)
{
    return &service->doors;
}

const struct s3_doors *s3_service_pages(const struct s3_service *service)
{
    return &service->pages;
}

bool s3_service_has_admin(const struct s3_service *service)
{
    return service->admin != NULL;
}

void s3_service_admin(struct s3_service *service, struct s3_request *request)
{
    service->admin(service->admin_ctx, request);
}

const char *s3_service_region(const struct s3_service *service)
{
    return service->region;
}

bool s3_service_takes_any_region(const struct s3_service *service)
{
    return service->takes_any_region;
}

const char *const *s3_service_domains(const struct s3_service *service)
{
    return (const char *const *)service->domains;
}

const char *s3_service_host_id(const struct s3_service *service)
{
    return service->host_id;
}

bool s3_service_has_public_metrics(const struct s3_service *service)
{
    return service->public_metrics;
}

bool s3_service_takes_v2(const struct s3_service *service)
{
    return !service->refuses_v2;
}

bool s3_service_takes_web(const struct s3_service *service)
{
    return !service->refuses_web;
}

bool s3_service_takes_web_plain_http(const struct s3_service *service)
{
    return service->web_plain_http;
}

struct s3_attempts *s3_service_attempts(struct s3_service *service)
{
    return service->attempts;
}

struct archive_shelf *s3_service_shelf(struct s3_service *service)
{
    return service->shelf;
}

uint64_t s3_service_uptime_seconds(const struct s3_service *service)
{
    return (uint64_t)(monotonic_seconds() - service->started_at);
}

struct jwt_known *s3_service_known_tokens(struct s3_service *service, unsigned worker)
{
    struct jwt_known **known = &service->known_tokens[worker];

    if (*known == NULL)
        *known = jwt_known_create();
    return *known;
}

void s3_service_count(struct s3_service *service, unsigned worker, unsigned row)
{
    _Atomic uint64_t *count = &service->counts[worker].of_row[row];

    /* By one thread: no read-modify-write instruction is needed. */
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

unsigned s3_service_group(const struct s3_service *service, unsigned row)
{
    return service->groups[row];
}

uint64_t s3_service_counted(const struct s3_service *service, unsigned row)
{
    uint64_t sum = 0;

    for (unsigned worker = 0; worker < HTTP_WORKERS_MAX; worker++)
        sum += atomic_load_explicit(&service->counts[worker].of_row[row], memory_order_relaxed);
    return sum;
}

void s3_service_make_request_id(struct s3_service *service, char id[17])
{
    uint64_t count = atomic_fetch_add_explicit(&service->id_count, 1, memory_order_relaxed);
    uint64_t value = scramble(service->id_seed + count); /* distinct counts give distinct ids */
    static const char digits[] = "0123456789ABCDEF";

    for (int i = 15; i >= 0; i--, value >>= 4)
        id[i] = digits[value & 15];
    id[16] = '\0';
}

void s3_service_report(struct s3_service *service, const char *format, ...)
{
    int64_t second = monotonic_seconds();
    unsigned made;
    char message[512];
    va_list arguments;

    if (service->log == NULL)
        return;
    if (atomic_exchange(&service->report_second, second) != second) {
        made = atomic_exchange(&service->reports_made, 0);
        if (made > S3_ERRORS_LOGGED_PER_SECOND) {
            snprintf(message, sizeof(message), "%u more errors were not logged",
                     made - S3_ERRORS_LOGGED_PER_SECOND);
            service->log(service->log_ctx, 2, message);
        }
    }
    if (atomic_fetch_add(&service->reports_made, 1) >= S3_ERRORS_LOGGED_PER_SECOND)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    service->log(service->log_ctx, 2, message);
}
