/* SPDX-License-Identifier: MIT
 *
 * Stored bytes for a person to look at, S3's answers for the pages' own script, and links to share. What is stored is shown without an origin of its own
 * (sandbox, W3C CSP), so that a stored page sees nothing of the session that brought it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/http/http.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/page_form.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"

/* ---- Stored bytes, and S3's answers ---- */

void page_stored_answer(struct s3_request *request)
{
    page_header(request, "content-security-policy", "sandbox allow-scripts; frame-ancestors 'self'");
    page_header(request, "x-content-type-options", "nosniff");
    page_header(request, "referrer-policy", "no-referrer");
    page_header(request, "cache-control", "private, no-cache"); /* whatever was stored: it is the session's */
}

void page_script_answer(struct s3_request *request)
{
    page_header(request, "content-security-policy", "sandbox; frame-ancestors 'none'");
    page_header(request, "x-content-type-options", "nosniff");
    page_header(request, "cache-control", "no-store");
}

bool page_plain_error(struct s3_request *request, enum s3_error error, const char *message)
{
    page_script_answer(request);
    page_header(request, "content-type", "text/plain; charset=utf-8");
    request->http->answer.status = s3_error_status(error);
    request->http->answer.reason = NULL;
    http_send_memory(request->http, message, strlen(message));
    return true;
}

/* ---- Links to share ---- */

/* A URL that is good for a while for whoever has it, signed by the session's key: RFC 3986 parts as S3's query authentication has them. */
static struct slice presign(struct page_call *call, struct slice bucket, struct slice key,
                            struct slice version, struct slice seconds)
{
    struct s3_request *request = call->request;
    struct arena *arena = &request->http->arena;
    struct s3_signing_keys *keys = s3_credentials_signing_keys(
        request->credentials, http_worker_index(http_request_worker(request->http)));
    const struct slice region = slice_text(s3_service_region(request->service));
    const struct s3_sigv4_header host = {SLICE("host"), s3_request_header(request, "host")};
    const unsigned char *signing_key;
    unsigned char signature[32];
    char stamp[S3_TIME_BASIC_BYTES + 1], date[9], hex[64];
    struct slice scope, query, canonical, to_sign;
    struct s3_sigv4_input input = {.method = SLICE("GET"), .headers = &host, .header_count = 1};

    if (keys == NULL)
        return slice_of(NULL, 0);
    s3_time_basic_format((int64_t)time(NULL), stamp);
    (void)snprintf(date, sizeof(date), "%.8s", stamp);
    scope = arena_concat(arena, slice_text(date), SLICE("/"), region, SLICE("/s3/aws4_request"));
    query = arena_concat(
        arena, SLICE("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="),
        percent_encode_in(arena,
                          arena_concat(arena,
                                       slice_of(call->session.claim.name, call->session.claim.name_length),
                                       SLICE("/"), scope),
                          false),
        SLICE("&X-Amz-Date="), slice_text(stamp), SLICE("&X-Amz-Expires="), seconds,
        SLICE("&X-Amz-SignedHeaders=host"));
    if (version.len > 0)
        query = arena_concat(arena, query, SLICE("&versionId="), percent_encode_in(arena, version, false));
    input.path = arena_concat(arena, SLICE("/"), percent_encode_in(arena, bucket, false), SLICE("/"),
                              percent_encode_in(arena, key, true));
    input.query = query;
    input.payload_hash = SLICE("UNSIGNED-PAYLOAD");
    signing_key = s3_identity_signing_key(call->identity, keys, date, region);
    if (signing_key == NULL || !s3_sigv4_canonical_request(arena, &input, SLICE("host"), 0, &canonical))
        return slice_of(NULL, 0);
    to_sign = s3_sigv4_string_to_sign(arena, NULL, stamp, scope.base, canonical);
    s3_sigv4_sign(NULL, signing_key, to_sign, signature);
    hex_encode(signature, sizeof(signature), hex);
    return arena_concat(arena, input.path, SLICE("?"), query, SLICE("&X-Amz-Signature="),
                        slice_of(hex, sizeof(hex)));
}

static bool is_span(struct slice seconds)
{
    unsigned long value = 0;

    for (size_t i = 0; i < seconds.len; i++) {
        if (seconds.base[i] < '0' || seconds.base[i] > '9' || i == 7)
            return false;
        value = value * 10 + (unsigned long)(seconds.base[i] - '0');
    }
    return value >= 1 && value <= PAGES_SHARE_S_MAX;
}

static void on_share(void *ctx, int result, struct slice body)
{
    struct page_call *call = ctx;
    struct s3_request *request = call->request;
    struct page_form form;
    struct slice path, seconds;

    if (result != 0 || !page_form_read(&form, &request->http->arena, body) ||
        !page_csrf_is_shown(call, s3_request_header(request, "x-sluice-csrf")) || !call->has_session) {
        page_plain_error(request, S3_ERROR_ACCESS_DENIED, "The session is over: sign in again.");
        return;
    }
    seconds = page_form_value(&form, "seconds");
    if (!is_span(seconds) || page_form_value(&form, "bucket").len == 0 ||
        page_form_value(&form, "key").len == 0) {
        page_plain_error(request, S3_ERROR_INVALID_ARGUMENT,
                         "A link is for an object, and for a second to a week.");
        return;
    }
    path = presign(call, page_form_value(&form, "bucket"), page_form_value(&form, "key"),
                   page_form_value(&form, "version"), seconds);
    if (path.base == NULL) {
        page_plain_error(request, S3_ERROR_NOT_IMPLEMENTED, "This key signs nothing, so it shares nothing.");
        return;
    }
    page_script_answer(request);
    page_header(request, "content-type", "text/plain; charset=utf-8");
    request->http->answer.status = 200;
    http_send_memory(request->http, path.base, path.len);
}

enum s3_door_way page_share(struct page_call *call)
{
    if (call->request->method != S3_POST)
        return page_refuse(call, 405, "Links are made on an object's page.");
    http_body_collect(call->request->http, NULL, 2 * PAGES_FORM_BYTES_MAX, on_share, call);
    return S3_DOOR_ANSWERED;
}
