/* SPDX-License-Identifier: MIT
 *
 * See s3_fixture.h. The fakes stand for api/http, api/core and the dispatcher. */
#include "api/core/core_scrub.h"
#include "api/core/figures.h"
#include "tests/unit/s3/s3_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/core/cache/cache.h"
#include "api/core/quota.h"
#include "api/s3/s3_front.h"
#include "api/s3/object/s3_cors.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/auth/s3_sigv4.h"
#include "metadata/meta_figures.h"
#include "storage/base/text/hex.h"

/* SHA-256 of nothing */
#define EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct fixture fixture;
unsigned char fixture_signature[32];
char fixture_timestamp[17];

/* ---- Fakes of what lies below ---- */

uint64_t http_body_length(struct http_request *req)
{
    return fixture.body_length;
}

bool http_body_is_expected(struct http_request *req)
{
    return fixture.is_expected;
}

bool http_request_is_audited(struct http_request *req)
{
    return false;
}

void http_request_audit(struct http_request *req, struct slice key, struct slice version, int status)
{
}

struct slice http_request_trace(const struct http_request *req)
{
    return slice_of(NULL, 0);
}

socklen_t http_request_peer(struct http_request *req, struct sockaddr_storage *address)
{
    *address = fixture.peer;
    return sizeof(fixture.peer);
}

socklen_t http_request_client(struct http_request *req, struct sockaddr_storage *address)
{
    return http_request_peer(req, address);
}

bool http_request_is_private(struct http_request *req)
{
    return !fixture.is_readable;
}

size_t http_request_certificate_names(struct http_request *req, struct slice *names, size_t max)
{
    return 0;
}

void http_request_vouch(struct http_request *req, struct slice principal)
{
    (void)req, (void)principal;
}

void http_request_close_after(struct http_request *req)
{
    fixture.closes_after = true;
}

static void answered(struct http_request *req, bool has_length, uint64_t length)
{
    assert_ptr_equal(req, fixture.req);
    fixture.answers++;
    fixture.status = req->answer.status;
    fixture.has_length = has_length;
    fixture.length = length;
}

void http_send_memory(struct http_request *req, const void *body, size_t length)
{
    answered(req, true, length);
    assert_true(length < sizeof(fixture.body));
    memcpy(fixture.body, body, length);
    fixture.body[length] = '\0';
}

void http_send_head(struct http_request *req, uint64_t content_length)
{
    answered(req, content_length != UINT64_MAX, content_length);
    fixture.body[0] = '\0';
}

/* The whole coded body at once, as a front would that read it in one piece. */
static int collect(struct framing *coding, char *out, size_t max, size_t *length)
{
    size_t used = 0;

    *length = 0;
    while (!coding->ops->done(coding)) {
        uint64_t run = coding->ops->run(coding);
        size_t left = fixture.wire_length - used;
        ssize_t fed;
        int result;

        if (left == 0)
            return -ECONNRESET;
        if (run > 0) {
            run = run < left ? run : left;
            if (*length + run > max)
                return -EMSGSIZE;
            memcpy(out + *length, fixture.wire + used, run);
            *length += run;
            used += run;
            if ((result = coding->ops->take(coding, run)) != 0)
                return result;
            continue;
        }
        fed = coding->ops->feed(coding, fixture.wire + used, left);
        if (fed < 0)
            return (int)fed;
        used += (size_t)fed;
    }
    return used == fixture.wire_length ? 0 : -EBADMSG;
}

void http_body_collect(struct http_request *req, struct framing *coding, size_t max_bytes,
                       void (*done)(void *ctx, int result, struct slice body), void *ctx)
{
    char *body = arena_alloc(&req->arena, fixture.wire_length + 1);
    size_t length = fixture.wire_length;
    int result = 0;

    if (coding != NULL)
        result = collect(coding, body, max_bytes, &length);
    else if (length > max_bytes)
        result = -EMSGSIZE;
    else if (length != 0)
        memcpy(body, fixture.wire, length);
    done(ctx, result, slice_of(body, length));
}

struct http_worker *http_request_worker(struct http_request *req)
{
    return NULL;
}

unsigned http_worker_index(const struct http_worker *worker)
{
    return fixture.worker;
}

struct http_server *http_worker_server(struct http_worker *worker)
{
    return NULL;
}

const uint64_t http_latency_bounds_us[HTTP_LATENCY_BUCKETS];

void http_server_latencies(struct http_server *server,
                           struct http_latency latencies[HTTP_GROUPS][HTTP_CLASSES])
{
    memset(latencies, 0, HTTP_GROUPS * sizeof(*latencies));
}

void http_server_statistics(struct http_server *server, struct http_statistics *statistics)
{
    memset(statistics, 0, sizeof(*statistics));
    statistics->requests = 42;
    statistics->responses_by_class[4] = 7;
    statistics->handshake_failures[HTTP_HANDSHAKE_PLAIN_HTTP] = 3;
}

struct meta_reader *core_worker_reader(struct core_worker *worker)
{
    return NULL;
}

int meta_bucket_get(struct meta_reader *reader, struct slice name, struct meta_bucket *bucket)
{
    if (fixture.bucket_result != 0)
        return fixture.bucket_result;
    if (name.len != 6 || memcmp(name.base, "bucket", 6) != 0)
        return META_E_NO_BUCKET;
    memset(bucket, 0, sizeof(*bucket));
    bucket->id = 1;
    return 0;
}

int meta_bucket_list(struct meta_reader *reader, struct slice after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_bucket *bucket), void *ctx)
{
    return fixture.bucket_result;
}

int core_cache_each(struct core *core, struct meta_reader *reader, uint32_t limit,
                    int (*visit)(void *ctx, const struct core_cache_figures *figures), void *ctx)
{
    return 0;
}

struct metrics_page;
void metrics_add_events(struct metrics_page *page, const struct s3_service *service);

/* Of no events. */
void metrics_add_events(struct metrics_page *page, const struct s3_service *service)
{
}

int core_worker_health(struct core_worker *worker)
{
    return fixture.health;
}

struct meta *core_meta(struct core *core)
{
    return NULL;
}

int meta_quota_set_owners(struct meta *meta, const struct meta_quota_owner *owners, size_t count)
{
    return 0;
}

int core_usage_each(struct core *core, int (*visit)(void *ctx, const struct meta_usage *usage), void *ctx)
{
    return 0;
}

uint64_t core_free_bytes(struct core *core)
{
    return 123456;
}

uint64_t core_room_bytes(struct core *core)
{
    return core_free_bytes(core);
}

const uint64_t meta_batch_us_bounds[META_FIGURE_BUCKETS], meta_batch_changes_bounds[META_FIGURE_BUCKETS];

bool core_lifecycle_is_held(struct core *core)
{
    return false;
}

void core_scrub_figures(struct core *core, struct core_scrub_figures *figures)
{
    *figures = (struct core_scrub_figures){0};
}

void core_garbage(struct core *core, struct core_garbage *garbage)
{
    *garbage = (struct core_garbage){0};
}

bool core_cluster_figures(struct core *core, struct core_cluster_figures *figures)
{
    return false;
}

void core_figures(struct core *core, struct meta_figures *figures)
{
    *figures = (struct meta_figures){.waiting = 0};
}

uint64_t core_damage_met(struct core *core, enum core_damage damage)
{
    return 7 + (uint64_t)damage;
}

const char *meta_strerror(int result)
{
    return "an error";
}

void s3_dispatch(struct s3_request *request)
{
    fixture.dispatched = request;
}

bool s3_cors_apply(struct s3_request *request)
{
    return false;
}

/* ---- Requests ---- */

static void on_log(void *ctx, enum log_level level, const char *message)
{
    size_t at = strlen(fixture.log);

    snprintf(fixture.log + at, sizeof(fixture.log) - at, "%d %s\n", level, message);
}

static void request_free(void)
{
    if (fixture.req == NULL)
        return;
    arena_free(&fixture.req->arena);
    free(fixture.req);
    fixture.req = NULL;
    fixture.dispatched = NULL;
}

void fixture_begin(const struct s3_service_options *options)
{
    struct s3_service_options all = {.region = "us-east-1"};

    memset(&fixture, 0, sizeof(fixture));
    if (options != NULL)
        all = *options;
    all.log = on_log;
    assert_int_equal(s3_service_create(&fixture.service, &all), 0);
    ((struct sockaddr_in *)&fixture.peer)->sin_family = AF_INET;
    ((struct sockaddr_in *)&fixture.peer)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

void fixture_end(void)
{
    request_free();
    s3_service_destroy(fixture.service);
}

void fixture_request(const char *method, const char *path)
{
    request_free();
    fixture.req = calloc(1, sizeof(*fixture.req));
    assert_non_null(fixture.req);
    arena_init(&fixture.req->arena, NULL);
    fixture.req->method = arena_dup_text(&fixture.req->arena, method);
    fixture.req->path = arena_dup_text(&fixture.req->arena, path);
    fixture.req->authority = SLICE("localhost:9000");
    fixture.answers = 0;
    fixture.closes_after = false;
    fixture.status = 0;
    fixture.body[0] = '\0';
    fixture.body_length = 0;
    fixture.wire = NULL;
    fixture.wire_length = 0;
}

void fixture_header(const char *name, const char *value)
{
    struct arena *arena = &fixture.req->arena;
    struct slice copy = arena_dup_text(arena, value);

    if (strcmp(name, "host") == 0)
        fixture.req->authority = copy;
    else
        http_headers_add(arena, &fixture.req->headers, slice_text(name), copy);
}

static void release_credentials(void *slot)
{
    s3_credentials_unref(*(struct s3_credentials **)slot);
}

struct s3_request *fixture_bare(void)
{
    struct s3_credentials **slot =
        arena_alloc_hooked(&fixture.req->arena, sizeof(*slot), release_credentials);
    struct s3_request *request = arena_alloc(&fixture.req->arena, sizeof(*request));

    memset(request, 0, sizeof(*request));
    *slot = s3_service_credentials(fixture.service);
    request->http = fixture.req;
    request->service = fixture.service;
    request->credentials = *slot;
    return request;
}

void fixture_serve(void)
{
    s3_front_handle(fixture.service, NULL, fixture.req);
    assert_int_equal(fixture.answers + (fixture.dispatched != NULL), 1);
}

const char *fixture_answer_header(const char *name)
{
    const struct http_headers *headers = &fixture.req->answer.headers;

    for (size_t i = 0; i < headers->size; i++)
        if (slice_is_nocase(headers->entries[i].name, name))
            return arena_dup(&fixture.req->arena, headers->entries[i].value.base,
                             headers->entries[i].value.len)
                .base;
    return NULL;
}

void fixture_check_error(int status, const char *code)
{
    char expected[128];

    fixture_serve();
    assert_null(fixture.dispatched);
    snprintf(expected, sizeof(expected), "<Error><Code>%s</Code><Message>", code);
    if (fixture.status != status || strstr(fixture.body, expected) == NULL)
        print_error("expected %d %s, got %d %s\n", status, code, fixture.status, fixture.body);
    assert_int_equal(fixture.status, status);
    assert_non_null(strstr(fixture.body, expected));
}

/* ---- Signing ---- */

static int compare_names(const void *a, const void *b)
{
    const struct s3_sigv4_header *left = a, *right = b;

    return strcmp(left->name.base, right->name.base);
}

static size_t list_headers(struct s3_sigv4_header *headers, char *signed_headers)
{
    struct http_headers *list = &fixture.req->headers;
    size_t count = 0;

    headers[count++] = (struct s3_sigv4_header){SLICE("host"), fixture.req->authority};
    for (size_t i = 0; i < list->size; i++)
        headers[count++] = (struct s3_sigv4_header){list->entries[i].name, list->entries[i].value};
    qsort(headers, count, sizeof(*headers), compare_names);
    signed_headers[0] = '\0';
    for (size_t i = 0; i < count; i++)
        sprintf(signed_headers + strlen(signed_headers), "%s%.*s", i != 0 ? ";" : "",
                (int)headers[i].name.len, headers[i].name.base);
    return count;
}

void fixture_sign(const char *access_key, const char *secret, const char *region, const char *payload_hash,
                  int64_t age)
{
    struct s3_sigv4_header headers[32];
    char signed_headers[1024], scope[256], hex[65] = {0}, authorization[2048];
    struct slice path = fixture.req->path, canonical, to_sign;
    char *question = memchr(path.base, '?', path.len);
    struct s3_sigv4_input input = {
        .method = fixture.req->method, .path = path, .query = {"", 0}, .headers = headers};
    unsigned char key[32];

    s3_sigv4_format_time((int64_t)time(NULL) - age, fixture_timestamp);
    fixture_header("x-amz-date", fixture_timestamp);
    if (payload_hash != NULL)
        fixture_header("x-amz-content-sha256", payload_hash);
    else
        payload_hash = EMPTY_PAYLOAD;
    if (question != NULL) {
        input.path.len = (size_t)(question - path.base);
        input.query = slice_of(question + 1, path.len - input.path.len - 1);
    }
    input.header_count = list_headers(headers, signed_headers);
    input.payload_hash = slice_text(payload_hash);
    snprintf(scope, sizeof(scope), "%.8s/%s/s3/aws4_request", fixture_timestamp, region);
    assert_true(
        s3_sigv4_canonical_request(&fixture.req->arena, &input, slice_text(signed_headers), 0, &canonical));
    to_sign = s3_sigv4_string_to_sign(&fixture.req->arena, NULL, fixture_timestamp, scope, canonical);
    s3_sigv4_signing_key(NULL, slice_text(secret), slice_of(fixture_timestamp, 8), slice_text(region), key);
    s3_sigv4_sign(NULL, key, to_sign, fixture_signature);
    hex_encode(fixture_signature, 32, hex);
    snprintf(authorization, sizeof(authorization),
             "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s", access_key, scope,
             signed_headers, hex);
    fixture_header("authorization", authorization);
}
