/* SPDX-License-Identifier: MIT
 *
 * /-/healthy and /-/metrics: whether the server works, and its figures; and who may reach /-/admin/. On the worker's thread. */
#include "api/s3/s3_system.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/core/cache.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/operations.h"
#include "api/s3/s3_service.h"
#include "api/s3/session/s3_sts.h"
#include "api/s3/web_auth/s3_attempts.h"
#include "api/sluice.h"
#include "storage/base/slice.h"

bool s3_system_is_addressed(const struct s3_request *request)
{
    return !request->virtual_hosted && request->bucket_name.len == 1 && request->bucket_name.base[0] == '-';
}

static void answer_text(struct s3_request *request, int status, const char *reason, const char *type,
                        const char *text, size_t length)
{
    request->http->answer.status = status;
    request->http->answer.reason = reason;
    s3_answer_header(request, "content-type", type, strlen(type));
    s3_answer_header(request, "cache-control", LITERAL("no-store"));
    http_send_memory(request->http, text, length);
}

/* ---- Health ---- */

static int visit_nothing(void *ctx, const struct meta_bucket *bucket)
{
    return 0;
}

static void answer_healthy(struct s3_request *request)
{
    int result = meta_bucket_list(core_worker_reader(request->worker), SLICE(""), 1, visit_nothing, NULL);

    if (result == 0 && (result = core_health(s3_service_core(request->service))) == 0) {
        /* Nothing is broken, and whoever restarts what is not healthy would make nothing better. */
        if (core_room_bytes(s3_service_core(request->service)) == 0) {
            answer_text(request, 200, "OK", "text/plain",
                        LITERAL("ok\nuploads are refused: no more is free than is to be kept\n"));
            return;
        }
        answer_text(request, 200, "OK", "text/plain", LITERAL("ok\n"));
        return;
    }
    if (result == META_E_UNSYNCED) { /* it was logged when it happened */
        answer_text(request, 503, "Service Unavailable", "text/plain",
                    LITERAL("a sync of the database failed: no changes are taken until it is made good\n"));
        return;
    }
    s3_service_report(request->service, "health: the store cannot be read: %s", meta_strerror(result));
    answer_text(request, 503, "Service Unavailable", "text/plain", LITERAL("the store cannot be read\n"));
}

/* ---- Metrics ---- */

/* Where a request comes from proves nothing: behind a proxy on this machine everybody comes from loopback, and so does a browser with
 * somebody else's page. Only the pattern '*' covers a name that no bucket can have. */
static enum s3_error check_metrics_right(struct s3_request *request)
{
    enum s3_error error;

    if (s3_service_has_public_metrics(request->service))
        return S3_ERROR_NONE;
    error = s3_authenticate(request);
    return error != S3_ERROR_NONE ? error : s3_authorize(request, request->bucket_name, S3_RIGHT_METRICS);
}

/* Cache buckets whose figures are told. */
#define CACHES_MAX       32u
#define CACHE_FIGURES    6u
#define CACHE_PAGE_BYTES (CACHE_FIGURES * (200u + CACHES_MAX * 160u))

struct page {
    char text[7680 + 80 * S3_OPERATION_ROWS + CACHE_PAGE_BYTES];
    size_t length;
};

static void add(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct page *page, const char *format, ...)
{
    size_t room = sizeof(page->text) - page->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(page->text + page->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        page->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_value(struct page *page, const char *name, const char *type, const char *help, uint64_t value)
{
    add(page, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

static void add_damage(struct page *page, struct core *core)
{
    static const char *const reasons[CORE_DAMAGE_COUNT] = {
        [CORE_DAMAGE_CHECKSUM] = "checksum",
        [CORE_DAMAGE_IDENTITY] = "identity",
        [CORE_DAMAGE_UNREADABLE] = "unreadable",
    };

    add(page, "# HELP sluice_storage_damaged_reads_total Reads that were refused or cut off, because stored "
              "bytes are damaged.\n"
              "# TYPE sluice_storage_damaged_reads_total counter\n");
    for (unsigned damage = 0; damage < CORE_DAMAGE_COUNT; damage++)
        add(page, "sluice_storage_damaged_reads_total{reason=\"%s\"} %" PRIu64 "\n", reasons[damage],
            core_damage_met(core, (enum core_damage)damage));
}

static void add_http(struct page *page, const struct http_statistics *statistics)
{
    add_value(page, "sluice_http_connections_accepted_total", "counter", "Connections accepted.",
              statistics->connections_accepted);
    add_value(page, "sluice_http_connections_open", "gauge", "Connections open now.",
              statistics->connections_open);
    add_value(page, "sluice_http_requests_total", "counter", "Requests received.", statistics->requests);
    add_value(page, "sluice_http_received_bytes_total", "counter", "Bytes received.",
              statistics->bytes_received);
    add_value(page, "sluice_http_sent_bytes_total", "counter", "Bytes sent.", statistics->bytes_sent);
    add(page, "# HELP sluice_http_responses_total Answers by class of status.\n"
              "# TYPE sluice_http_responses_total counter\n");
    for (unsigned class = 1; class < 6; class ++)
        add(page, "sluice_http_responses_total{class=\"%uxx\"} %" PRIu64 "\n", class,
            statistics->responses_by_class[class]);
}

/* Rows of one name stand together. */
static void add_operations(struct page *page, const struct s3_service *service)
{
    uint64_t count = 0;

    add(page, "# HELP sluice_s3_requests_total Requests by S3's operation, refused ones too.\n"
              "# TYPE sluice_s3_requests_total counter\n");
    for (unsigned row = 0; row < S3_OPERATION_ROWS; row++) {
        const char *name = s3_operations[row].name;

        count += s3_service_counted(service, row);
        if (row + 1 < S3_OPERATION_ROWS && strcmp(name, s3_operations[row + 1].name) == 0)
            continue;
        add(page, "sluice_s3_requests_total{operation=\"%s\"} %" PRIu64 "\n", name, count);
        count = 0;
    }
}

static void add_sts(struct page *page, const struct s3_service *service)
{
    add(page, "# HELP sluice_sts_requests_total Requests to STS by action, refused ones too.\n"
              "# TYPE sluice_sts_requests_total counter\n");
    for (unsigned action = 0; action < S3_STS_ACTIONS; action++)
        add(page, "sluice_sts_requests_total{action=\"%s\"} %" PRIu64 "\n", s3_sts_action_name(action),
            s3_service_counted(service, S3_STS_COUNT_ACTION + action));
    add(page, "sluice_sts_requests_total{action=\"none\"} %" PRIu64 "\n",
        s3_service_counted(service, S3_STS_COUNT_OTHER));
    add_value(page, "sluice_sts_refused_total", "counter", "Requests to STS that were refused.",
              s3_service_counted(service, S3_STS_COUNT_REFUSED));
}

/* ---- Cache buckets ---- */

struct cache_list {
    unsigned count;
    struct {
        char bucket[META_BUCKET_NAME_BYTES_MAX + 1];
        uint64_t figures[CACHE_FIGURES];
    } list[CACHES_MAX];
};

static int on_cache(void *ctx, const struct core_cache_figures *cache)
{
    struct cache_list *caches = ctx;
    const uint64_t figures[CACHE_FIGURES] = {cache->bytes, cache->rules.bytes_max, cache->entries,
                                             cache->hits,  cache->misses,          cache->evictions};

    snprintf(caches->list[caches->count].bucket, sizeof(caches->list[0].bucket), "%s", cache->bucket);
    memcpy(caches->list[caches->count++].figures, figures, sizeof(figures));
    return 0;
}

/* Values of one name stand together. */
static void add_caches(struct page *page, struct s3_request *request)
{
    static const struct {
        const char *name, *type, *help;
    } figures[CACHE_FIGURES] = {
        {"sluice_cache_bytes", "gauge", "Bytes of the objects in a cache bucket."},
        {"sluice_cache_max_bytes", "gauge", "Bytes from which a cache bucket evicts; 0: none."},
        {"sluice_cache_entries", "gauge", "Objects in a cache bucket."},
        {"sluice_cache_hits_total", "counter", "Reads of a cache bucket that found an object."},
        {"sluice_cache_misses_total", "counter", "Reads of a cache bucket that found none."},
        {"sluice_cache_evictions_total", "counter", "Objects that a cache bucket gave up."},
    };
    struct cache_list caches = {.count = 0};

    (void)core_cache_each(s3_service_core(request->service), core_worker_reader(request->worker), CACHES_MAX,
                          on_cache, &caches);
    for (unsigned figure = 0; figure < CACHE_FIGURES && caches.count > 0; figure++) {
        add(page, "# HELP %s %s\n# TYPE %s %s\n", figures[figure].name, figures[figure].help,
            figures[figure].name, figures[figure].type);
        for (unsigned i = 0; i < caches.count; i++)
            add(page, "%s{bucket=\"%s\"} %" PRIu64 "\n", figures[figure].name, caches.list[i].bucket,
                caches.list[i].figures[figure]);
    }
}

static void add_handshakes(struct page *page, const struct http_statistics *statistics)
{
    static const char *const reasons[HTTP_HANDSHAKE_FAILURES] = {
        [HTTP_HANDSHAKE_REFUSED] = "refused",
        [HTTP_HANDSHAKE_PLAIN_HTTP] = "plain_http",
        [HTTP_HANDSHAKE_CLOSED] = "closed",
        [HTTP_HANDSHAKE_TIMED_OUT] = "timeout",
    };

    add(page, "# HELP sluice_http_tls_handshake_failures_total TLS handshakes that failed.\n"
              "# TYPE sluice_http_tls_handshake_failures_total counter\n");
    for (unsigned failure = 0; failure < HTTP_HANDSHAKE_FAILURES; failure++)
        add(page, "sluice_http_tls_handshake_failures_total{reason=\"%s\"} %" PRIu64 "\n", reasons[failure],
            statistics->handshake_failures[failure]);
}

static void add_refusals(struct page *page, const struct http_statistics *statistics)
{
    static const char *const reasons[HTTP_REFUSALS] = {
        [HTTP_REFUSED_ADDRESS] = "per_address",   [HTTP_REFUSED_BODY_BUDGET] = "body_budget",
        [HTTP_REFUSED_SLOW_BODY] = "slow_upload", [HTTP_REFUSED_SLOW_READER] = "slow_download",
        [HTTP_REFUSED_PROXY] = "proxy_header",
    };

    add_value(
        page, "sluice_http_connections_evicted_total", "counter",
        "Connections closed to make room for new ones: those that had been without a request for longest.",
        statistics->connections_evicted);
    add_value(page, "sluice_http_body_bytes_held", "gauge",
              "Bytes of memory that bodies of requests hold now.", statistics->body_bytes_held);
    add(page,
        "# HELP sluice_http_refusals_total Connections, bodies and answers that a bound refused or cut off.\n"
        "# TYPE sluice_http_refusals_total counter\n");
    for (unsigned refusal = 0; refusal < HTTP_REFUSALS; refusal++)
        add(page, "sluice_http_refusals_total{reason=\"%s\"} %" PRIu64 "\n", reasons[refusal],
            statistics->refusals[refusal]);
}

static void add_attempts(struct page *page, struct s3_service *service)
{
    uint64_t wrong, unseen;

    s3_attempts_count(s3_service_attempts(service), &wrong, &unseen);
    add(page,
        "# HELP sluice_credentials_refused_total Requests by Basic or Bearer: with wrong credentials, and "
        "those of an address that showed too many of them.\n"
        "# TYPE sluice_credentials_refused_total counter\n"
        "sluice_credentials_refused_total{reason=\"wrong\"} %" PRIu64 "\n"
        "sluice_credentials_refused_total{reason=\"too_many\"} %" PRIu64 "\n",
        wrong, unseen);
}

static void answer_metrics(struct s3_request *request)
{
    enum s3_error error = check_metrics_right(request);
    struct http_statistics statistics;
    struct page page = {.length = 0};

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    http_server_statistics(http_worker_server(http_request_worker(request->http)), &statistics);
    add(&page,
        "# HELP sluice_info The version that runs.\n# TYPE sluice_info gauge\nsluice_info{version=\"%s\"} "
        "1\n",
        SLUICE_VERSION);
    add_value(&page, "sluice_uptime_seconds", "gauge", "Seconds since the server started.",
              s3_service_uptime_seconds(request->service));
    add_value(&page, "sluice_storage_free_bytes", "gauge", "Free bytes on the data file system.",
              core_free_bytes(s3_service_core(request->service)));
    add_value(&page, "sluice_storage_room_bytes", "gauge",
              "Bytes that uploads may take: free ones without those that --min-free keeps.",
              core_room_bytes(s3_service_core(request->service)));
    add_damage(&page, s3_service_core(request->service));
    add_http(&page, &statistics);
    add_handshakes(&page, &statistics);
    add_refusals(&page, &statistics);
    add_attempts(&page, request->service);
    add_operations(&page, request->service);
    add_sts(&page, request->service);
    add_caches(&page, request);
    answer_text(request, 200, "OK", "text/plain; version=0.0.4", page.text, page.length);
}

/* ---- Administration ---- */

static bool is_admin(const struct s3_request *request)
{
    return s3_service_has_admin(request->service) &&
           (slice_equals(request->key, SLICE("admin")) || slice_equals(request->key, SLICE("admin/")));
}

/* For a key that was given admin everywhere and has signed all of the request: what anybody may do, an open server, a URL that was
 * passed on and a secret that was shown do not count. */
static enum s3_error check_admin_right(struct s3_request *request)
{
    enum s3_error error = s3_authenticate(request);

    if (error != S3_ERROR_NONE)
        return error;
    if (request->identity == NULL || !request->is_signed || request->is_presigned || request->is_signed_v2 ||
        request->payload != S3_PAYLOAD_SHA256 ||
        !s3_identity_may_everywhere(request->identity, S3_RIGHT_ADMIN))
        return S3_ERROR_ACCESS_DENIED;
    return S3_ERROR_NONE;
}

static void handle_admin(struct s3_request *request)
{
    enum s3_error error = check_admin_right(request);

    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_service_admin(request->service, request);
}

/* ---- Health by other names ---- */

bool s3_system_is_health_alias(struct s3_request *request)
{
    static const char *const names[] = {"live", "ready", "cluster"};
    static const char prefix[] = "/minio/health/";
    const size_t length = sizeof(prefix) - 1;
    struct slice path = request->http->path;
    struct meta_bucket bucket;

    if (path.len <= length || memcmp(path.base, prefix, length) != 0 || request->virtual_hosted ||
        (request->method != S3_GET && request->method != S3_HEAD))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(slice_of(path.base + length, path.len - length), names[i]))
            return meta_bucket_get(core_worker_reader(request->worker), SLICE("minio"), &bucket) != 0;
    return false;
}

void s3_system_handle_health(struct s3_request *request)
{
    answer_healthy(request);
}

/* ---- The entry ---- */

void s3_system_handle(struct s3_request *request)
{
    bool is_healthy = slice_equals(request->key, SLICE("healthy"));
    bool is_metrics = slice_equals(request->key, SLICE("metrics"));

    if (is_admin(request))
        handle_admin(request);
    else if (!is_healthy && !is_metrics)
        s3_answer_error_message(request, S3_ERROR_NO_SUCH_KEY, "The server has no such name.");
    else if (request->method != S3_GET && request->method != S3_HEAD)
        s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
    else if (is_healthy)
        answer_healthy(request);
    else
        answer_metrics(request);
}
