/* SPDX-License-Identifier: MIT
 *
 * /-/healthy and /-/metrics: whether the server works, and its figures; and who may reach /-/admin/. On the worker's thread. */
#include "api/s3/service/s3_system.h"

#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/metrics/metrics.h"
#include "api/s3/service/s3_service.h"
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

    if (result == 0 && (result = core_worker_health(request->worker)) == 0) {
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
    if (result == META_E_STALLED) {
        answer_text(
            request, 503, "Service Unavailable", "text/plain",
            LITERAL("changes have waited too long for the disk: no more are taken until it answers\n"));
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

static void answer_metrics(struct s3_request *request)
{
    enum s3_error error = check_metrics_right(request);
    struct metrics_page page;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    metrics_write(&page, request);
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
