/* SPDX-License-Identifier: MIT
 *
 * See request.h. In order: what a request is made of; its signature in a header; its signature in the query. */
#include "api/client/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/access/url.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"

#define UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define TERMINATOR       "aws4_request"

/* ---- What it is made of ---- */

void client_request_begin(struct client_request *request, struct arena *arena, const char *method,
                          const char *bucket, const char *key)
{
    struct slice bucket_text = slice_text(bucket != NULL ? bucket : ""),
                 key_text = slice_text(key != NULL ? key : "");

    request->arena = arena;
    request->method = method;
    request->path =
        arena_concat(arena, SLICE("/"), percent_encode_in(arena, bucket_text, false),
                     key != NULL ? SLICE("/") : SLICE(""), percent_encode_in(arena, key_text, true));
    request->bucket = bucket != NULL ? arena_dup_text(arena, bucket).base : NULL;
    request->is_virtual = false;
    request->query = SLICE("");
    request->header_count = request->unsigned_count = 0;
    request->is_too_large = false;
    request->body = NULL;
    request->body_fd = -1;
    request->source = NULL;
    request->source_ctx = NULL;
    request->body_offset = request->body_bytes = 0;
    request->payload_hash = NULL;
}

void client_request_address(struct client_request *request, const struct client_target *target)
{
    size_t length = request->bucket != NULL ? strlen(request->bucket) : 0;

    if (target->addressing == CLIENT_ADDRESS_PATH || !bucket_name_is_valid(request->bucket, length) ||
        (target->addressing == CLIENT_ADDRESS_VIRTUAL_LABEL && strchr(request->bucket, '.') != NULL))
        return;
    request->is_virtual = true;
    /* A name that is valid has nothing to be encoded. */
    request->path = request->path.len > length + 1
                        ? slice_of(request->path.base + length + 1, request->path.len - length - 1)
                        : SLICE("/");
}

struct slice client_request_origin(const struct client_request *request, const struct client_target *target)
{
    size_t scheme = (size_t)(strstr(target->origin, "://") - target->origin) + 3;

    if (!request->is_virtual)
        return slice_text(target->origin);
    return arena_concat(request->arena, slice_of(target->origin, scheme), slice_text(request->bucket),
                        SLICE("."), slice_text(target->origin + scheme));
}

void client_request_query(struct client_request *request, const char *name, const char *value)
{
    struct arena *arena = request->arena;

    request->query = arena_concat(arena, request->query, request->query.len > 0 ? SLICE("&") : SLICE(""),
                                  percent_encode_in(arena, slice_text(name), false), SLICE("="),
                                  percent_encode_in(arena, slice_text(value != NULL ? value : ""), false));
}

void client_request_query_number(struct client_request *request, const char *name, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    client_request_query(request, name, text);
}

void client_request_header(struct client_request *request, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (request->header_count == CLIENT_HEADERS_MAX) {
        request->is_too_large = true;
        return;
    }
    request->headers[request->header_count++] =
        (struct s3_sigv4_header){arena_dup_text(request->arena, name), arena_dup_text(request->arena, value)};
    request->unsigned_count = request->header_count;
}

void client_request_body(struct client_request *request, const void *data, size_t length)
{
    request->body = data;
    request->body_bytes = length;
}

void client_request_file(struct client_request *request, int fd, uint64_t offset, uint64_t bytes)
{
    request->body_fd = fd;
    request->body_offset = offset;
    request->body_bytes = bytes;
}

void client_request_source(struct client_request *request, client_source_fn source, void *ctx, uint64_t bytes)
{
    request->source = source;
    request->source_ctx = ctx;
    request->body_bytes = bytes;
}

/* ---- Its signature ---- */

static int compare_headers(const void *a, const void *b)
{
    return slice_compare(((const struct s3_sigv4_header *)a)->name,
                         ((const struct s3_sigv4_header *)b)->name);
}

/* "host;x-amz-date": the names of all headers in order. */
static struct slice names_of(const struct client_request *request)
{
    size_t bytes = request->header_count * sizeof(request->headers[0]), count = 0;
    struct s3_sigv4_header *sorted = arena_alloc(request->arena, bytes);
    struct slice *parts = arena_alloc(request->arena, (2 * request->header_count + 1) * sizeof(*parts));

    memcpy(sorted, request->headers, bytes);
    qsort(sorted, request->header_count, sizeof(*sorted), compare_headers);
    for (size_t i = 0; i < request->header_count; i++) {
        if (i > 0 && slice_equals(sorted[i].name, sorted[i - 1].name))
            continue;
        if (count > 0)
            parts[count++] = SLICE(";");
        parts[count++] = sorted[i].name;
    }
    return arena_join(request->arena, parts, count);
}

static const char *hash_body(const struct client_request *request)
{
    unsigned char digest[32];
    char *hex;

    if (request->payload_hash != NULL)
        return request->payload_hash;
    if (request->body_bytes > 0 &&
        (request->body == NULL || request->body_bytes > CLIENT_SIGNED_BODY_BYTES_MAX))
        return UNSIGNED_PAYLOAD;
    s3_sha256(request->body, (size_t)request->body_bytes, digest);
    hex = arena_alloc(request->arena, 65);
    hex_encode(digest, 32, hex);
    hex[64] = '\0';
    return hex;
}

/* Hex digits with a NUL. */
static void sign(const struct client_request *request, const struct client_identity *identity,
                 const char *timestamp, const char *scope, struct slice signed_headers,
                 const char *payload_hash, char signature[65])
{
    const struct s3_sigv4_input input = {
        .method = slice_text(request->method),
        .path = request->path,
        .query = request->query,
        .headers = request->headers,
        .header_count = request->header_count,
        .payload_hash = slice_text(payload_hash),
    };
    unsigned char key[S3_SIGV4_KEY_BYTES], bytes[32];
    struct slice canonical;
    bool is_right = s3_sigv4_canonical_request(request->arena, &input, signed_headers, 0, &canonical);

    assert(is_right); /* path and query are ours, and there is a bound of headers */
    s3_sigv4_signing_key(NULL, slice_text(identity->secret_key), slice_of(timestamp, 8),
                         slice_text(identity->region), key);
    s3_sigv4_sign(NULL, key, s3_sigv4_string_to_sign(request->arena, NULL, timestamp, scope, canonical),
                  bytes);
    hex_encode(bytes, sizeof(bytes), signature);
    signature[64] = '\0';
}

static void add_host(struct client_request *request, const struct client_target *target)
{
    unsigned length;
    const char *host = client_url_host(client_request_origin(request, target).base, &length);

    client_request_header(request, "host", arena_dup(request->arena, host, length).base);
}

void client_request_sign(struct client_request *request, const struct client_target *target, int64_t unix_s)
{
    const struct client_identity *identity = &target->identity;
    size_t unsigned_count = request->unsigned_count;
    char timestamp[17], signature[65];
    const char *payload_hash;
    struct slice scope, names, value;

    request->header_count = unsigned_count; /* without an earlier signature */
    add_host(request, target);
    if (identity->access_key == NULL) {
        request->unsigned_count = unsigned_count;
        return;
    }
    s3_sigv4_format_time(unix_s, timestamp);
    payload_hash = hash_body(request);
    client_request_header(request, "x-amz-content-sha256", payload_hash);
    client_request_header(request, "x-amz-date", timestamp);
    client_request_header(request, "x-amz-security-token", identity->session_token);
    request->unsigned_count = unsigned_count;
    if (request->is_too_large)
        return;

    scope = arena_concat(request->arena, slice_of(timestamp, 8), SLICE("/"), slice_text(identity->region),
                         SLICE("/s3/" TERMINATOR));
    names = names_of(request);
    sign(request, identity, timestamp, scope.base, names, payload_hash, signature);
    value = arena_concat(request->arena, SLICE(S3_SIGV4_ALGORITHM " Credential="),
                         slice_text(identity->access_key), SLICE("/"), scope, SLICE(",SignedHeaders="), names,
                         SLICE(",Signature="), slice_text(signature));
    client_request_header(request, "authorization", value.base);
    request->unsigned_count = unsigned_count;
}

struct slice client_request_presign(struct client_request *request, const struct client_target *target,
                                    int64_t unix_s, unsigned seconds)
{
    const struct client_identity *identity = &target->identity;
    struct arena *arena = request->arena;
    char timestamp[17], signature[65];
    struct slice scope;

    s3_sigv4_format_time(unix_s, timestamp);
    scope = arena_concat(arena, slice_of(timestamp, 8), SLICE("/"), slice_text(identity->region),
                         SLICE("/s3/" TERMINATOR));
    add_host(request, target);
    client_request_query(request, "X-Amz-Algorithm", S3_SIGV4_ALGORITHM);
    client_request_query(request, "X-Amz-Credential",
                         arena_concat(arena, slice_text(identity->access_key), SLICE("/"), scope).base);
    client_request_query(request, "X-Amz-Date", timestamp);
    client_request_query_number(request, "X-Amz-Expires", seconds);
    if (identity->session_token != NULL)
        client_request_query(request, "X-Amz-Security-Token", identity->session_token);
    client_request_query(request, "X-Amz-SignedHeaders", "host");
    sign(request, identity, timestamp, scope.base, SLICE("host"), UNSIGNED_PAYLOAD, signature);
    client_request_query(request, "X-Amz-Signature", signature);
    return arena_concat(arena, client_request_origin(request, target), request->path, SLICE("?"),
                        request->query);
}
