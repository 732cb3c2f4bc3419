/* SPDX-License-Identifier: MIT
 *
 * Request bodies: decides the coding from the headers, wires the aws-chunked parser to the chunk signatures,
 * and says which S3 error a failed body means. Bytes of large bodies never pass through here; collected ones
 * are verified in memory.
 *
 * On the worker's thread; chunk signatures of large bodies are verified on digest threads, through the chunk
 * signer. */
#include "api/s3/body/s3_body.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/s3/body/aws_chunked.h"
#include "api/s3/body/s3_mismatch.h"
#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/slice.h"

struct s3_body {
    struct s3_request *request;
    uint64_t length;
    bool is_coded, is_finished;
    struct slice trailer_names; /* x-amz-trailer, where trailers are allowed */
    int (*chunk_end)(void *ctx, const struct digest_chunk *chunk);
    void *chunk_ctx;
    struct aws_chunked chunked; /* when is_coded */
};

/* ---- Reading the headers ---- */

bool s3_body_is_announced(const struct s3_request *request)
{
    return http_body_length(request->http) > 0 || s3_request_header(request, "content-length").base != NULL;
}

static enum s3_error parse_length(struct slice text, uint64_t *length)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > 19)
        return S3_ERROR_INVALID_ARGUMENT; /* of the header that it came from */
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return S3_ERROR_INVALID_ARGUMENT;
        value = value * 10 + (uint64_t)(text.base[i] - '0');
    }
    *length = value;
    return S3_ERROR_NONE;
}

static bool has_aws_chunked_encoding(const struct s3_request *request)
{
    struct slice list = s3_request_header(request, "content-encoding"), item;

    if (list.base == NULL)
        return false;
    while (slice_next_item(&list, &item))
        if (slice_is_nocase(item, "aws-chunked"))
            return true;
    return false;
}

/* An unsigned request of an SDK that puts its checksum in a trailer names the coding only in
 * Content-Encoding. */
static bool is_coded(const struct s3_request *request)
{
    switch (request->payload) {
    case S3_PAYLOAD_CHUNKS_SIGNED:
    case S3_PAYLOAD_CHUNKS_SIGNED_TRAILER:
    case S3_PAYLOAD_CHUNKS_UNSIGNED_TRAILER:
        return true;
    default:
        return has_aws_chunked_encoding(request) &&
               s3_request_header(request, "x-amz-decoded-content-length").base != NULL;
    }
}

static int on_chunk(void *ctx, uint64_t end, const unsigned char claimed[32],
                    const unsigned char previous[32])
{
    struct s3_body *body = ctx;
    struct digest_chunk chunk = {.end = end};

    if (body->chunk_end == NULL || body->request->chunk_signer == NULL)
        return 0;
    s3_chunk_tag(&chunk, claimed, previous);
    return body->chunk_end(body->chunk_ctx, &chunk);
}

static int on_final(void *ctx, const unsigned char claimed[32], const unsigned char previous[32])
{
    struct s3_body *body = ctx;
    struct digest_chunk chunk = {.end = body->length};
    unsigned char empty[32];

    if (body->request->chunk_signer == NULL)
        return 0;
    s3_sha256("", 0, empty);
    s3_chunk_tag(&chunk, claimed, previous);
    return s3_chunk_verify(body->request->chunk_signer, empty, &chunk);
}

static int on_trailers(void *ctx, const char *trailers, size_t length, const unsigned char claimed[32],
                       const unsigned char previous[32])
{
    struct s3_body *body = ctx;

    if (body->request->chunk_signer == NULL)
        return 0;
    return s3_chunk_signer_verify_trailers(body->request->chunk_signer, trailers, length, claimed, previous);
}

static void init_coding(struct s3_body *body)
{
    struct s3_request *request = body->request;
    bool is_signed =
        request->payload == S3_PAYLOAD_CHUNKS_SIGNED || request->payload == S3_PAYLOAD_CHUNKS_SIGNED_TRAILER;
    struct aws_chunked_options options = {
        .is_signed = is_signed,
        .has_trailer = request->payload != S3_PAYLOAD_CHUNKS_SIGNED,
        .decoded_length = body->length,
        .wire_length = http_body_length(request->http),
        .events = {.on_chunk = on_chunk, .on_final = on_final, .on_trailers = on_trailers, .ctx = body},
    };

    if (options.has_trailer)
        body->trailer_names = s3_request_header(request, "x-amz-trailer");
    options.trailer_names = body->trailer_names.base;
    options.trailer_names_length = body->trailer_names.len;
    if (request->chunk_signer != NULL)
        memcpy(options.seed, s3_chunk_signer_seed(request->chunk_signer), 32);
    aws_chunked_init(&body->chunked, &options);
}

static enum s3_error prepare_coded(struct s3_body *body)
{
    struct s3_request *request = body->request;
    struct slice announced = s3_request_header(request, "x-amz-decoded-content-length");
    uint64_t wire_length = http_body_length(request->http);
    enum s3_error error;

    if (announced.base == NULL) {
        s3_request_explain(request, S3_ERROR_MISSING_CONTENT_LENGTH,
                           "You must provide the x-amz-decoded-content-length HTTP header.");
        return S3_ERROR_MISSING_CONTENT_LENGTH;
    }
    error = parse_length(announced, &body->length);
    if (error != S3_ERROR_NONE) {
        return s3_request_argument_header(request, "x-amz-decoded-content-length",
                                          "x-amz-decoded-content-length is not a number.");
    }
    if (wire_length != UINT64_MAX && wire_length <= body->length) {
        s3_request_explain(request, S3_ERROR_INVALID_REQUEST,
                           "Content-Length must be larger than x-amz-decoded-content-length.");
        return S3_ERROR_INVALID_REQUEST;
    }
    init_coding(body);
    return S3_ERROR_NONE;
}

enum s3_error s3_body_prepare(struct s3_request *request, struct s3_body **body)
{
    bool coded = is_coded(request);
    /* The parser is the large part of a body; plain ones go without it. */
    struct s3_body *made =
        s3_request_alloc(request, coded ? sizeof(*made) : offsetof(struct s3_body, chunked));
    enum s3_error error = S3_ERROR_NONE;

    made->request = request;
    made->is_coded = coded;
    made->length = http_body_length(request->http);
    if (coded)
        error = prepare_coded(made);
    if (error == S3_ERROR_NONE && made->length != UINT64_MAX && made->length > S3_PUT_BYTES_MAX)
        error = S3_ERROR_ENTITY_TOO_LARGE;
    *body = made;
    return error;
}

/* ---- While it comes in ---- */

uint64_t s3_body_length(const struct s3_body *body)
{
    return body->length;
}

struct framing *s3_body_coding(struct s3_body *body)
{
    return body->is_coded ? &body->chunked.base : NULL;
}

const struct digest_chunk_ops *s3_body_chunk_ops(struct s3_body *body)
{
    struct s3_chunk_signer *signer = body->request->chunk_signer;

    if (!body->is_coded || signer == NULL)
        return NULL;
    return s3_chunk_signer_ops(s3_chunk_signer_ref(signer));
}

void s3_body_attach(struct s3_body *body, int (*chunk_end)(void *ctx, const struct digest_chunk *chunk),
                    void *ctx)
{
    body->chunk_end = chunk_end;
    body->chunk_ctx = ctx;
}

/* ---- Behind it ---- */

struct slice s3_body_trailer(const struct s3_body *body, const char *name)
{
    size_t length = 0;
    const char *value = body->is_coded ? aws_chunked_trailer(&body->chunked, name, &length) : NULL;

    return value != NULL ? slice_of(value, length) : slice_of(NULL, 0);
}

bool s3_body_has_trailer(const struct s3_body *body, const char *name)
{
    struct slice list = body->trailer_names, item;

    if (list.base == NULL)
        return false;
    while (slice_next_item(&list, &item))
        if (slice_is_nocase(item, name))
            return true;
    return false;
}

enum s3_error s3_body_finish(struct s3_body *body)
{
    struct slice list = body->trailer_names, item;

    body->is_finished = true;
    if (!body->is_coded)
        return S3_ERROR_NONE;
    if (!body->chunked.base.ops->done(&body->chunked.base))
        return S3_ERROR_INCOMPLETE_BODY;
    while (list.base != NULL && slice_next_item(&list, &item)) {
        char *name = s3_request_string(body->request, item);

        for (char *at = name; *at != '\0'; at++)
            *at = slice_lower(*at);
        if (s3_body_trailer(body, name).base == NULL)
            return S3_ERROR_MALFORMED_TRAILER;
    }
    return S3_ERROR_NONE;
}

/* What -EBADMSG means depends on who said it. */
static enum s3_error violation(const struct s3_body *body)
{
    const struct s3_chunk_signer *signer = body->request->chunk_signer;

    if (signer != NULL && s3_chunk_signer_has_refused(signer))
        return S3_ERROR_CHUNK_SIGNATURE;
    if (body->is_coded && body->chunked.failure != 0 && body->chunked.taken == body->length)
        return aws_chunked_met_trailers(&body->chunked) ? S3_ERROR_MALFORMED_TRAILER
                                                        : S3_ERROR_INCOMPLETE_BODY;
    s3_request_explain(body->request, S3_ERROR_INVALID_REQUEST,
                       "The chunks of the request body are malformed.");
    return S3_ERROR_INVALID_REQUEST;
}

enum s3_error s3_body_error(const struct s3_body *body, int result)
{
    assert(result != 0);
    if (result == -EBADMSG && !body->is_finished)
        return violation(body);
    if (result == -EMSGSIZE && body->is_coded && body->chunked.failure != 0)
        return violation(body);
    return s3_error_of_body(result);
}

/* ---- Small bodies ---- */

/* Signed chunks are at least 8 KiB but for the last, so S3_XML_BYTES_MAX has 256 of them. */
#define COLLECTED_CHUNKS_MAX   1024u
#define COLLECTED_CHUNKS_FIRST 4u /* room for so many; then it doubles */

struct collection {
    struct s3_body *body;
    void (*done)(struct s3_request *request, enum s3_error error, struct slice body, void *ctx);
    void *ctx;
    size_t bytes_max;
    struct digest_chunk *chunks;
    size_t chunk_count, chunk_capacity;
};

static void grow_chunks(struct collection *collection)
{
    size_t capacity =
        collection->chunk_capacity != 0 ? 2 * collection->chunk_capacity : COLLECTED_CHUNKS_FIRST;
    struct digest_chunk *chunks =
        arena_alloc(&collection->body->request->http->arena, capacity * sizeof(*chunks));

    if (collection->chunk_count != 0)
        memcpy(chunks, collection->chunks, collection->chunk_count * sizeof(*chunks));
    collection->chunks = chunks;
    collection->chunk_capacity = capacity;
}

static int collect_chunk(void *ctx, const struct digest_chunk *chunk)
{
    struct collection *collection = ctx;

    if (collection->chunk_count == COLLECTED_CHUNKS_MAX)
        return -EMSGSIZE;
    if (collection->chunk_count == collection->chunk_capacity)
        grow_chunks(collection);
    collection->chunks[collection->chunk_count++] = *chunk;
    return 0;
}

static enum s3_error verify_chunks(const struct collection *collection, struct slice data)
{
    struct s3_chunk_signer *signer = collection->body->request->chunk_signer;
    uint64_t start = 0;

    for (size_t i = 0; i < collection->chunk_count; i++) {
        const struct digest_chunk *chunk = &collection->chunks[i];
        unsigned char digest[32];

        assert(start <= chunk->end && chunk->end <= data.len);
        s3_sha256(data.base + start, chunk->end - start, digest);
        if (s3_chunk_verify(signer, digest, chunk) != 0)
            return S3_ERROR_CHUNK_SIGNATURE;
        start = chunk->end;
    }
    return S3_ERROR_NONE;
}

static enum s3_error verify_collected(const struct collection *collection, struct slice data)
{
    struct s3_request *request = collection->body->request;
    enum s3_error error = s3_body_finish(collection->body);
    unsigned char digest[32];

    if (error == S3_ERROR_NONE)
        error = verify_chunks(collection, data);
    if (error != S3_ERROR_NONE || request->payload != S3_PAYLOAD_SHA256)
        return error;
    s3_sha256(data.base, data.len, digest);
    return s3_sigv4_is_equal(digest, request->payload_sha256) ? S3_ERROR_NONE
                                                              : s3_mismatch_sha256(request, digest);
}

/* An object may be too large an entity; a document is too long a message. */
static enum s3_error refuse_length(struct s3_request *request, size_t bytes_max)
{
    s3_request_element_number(request, S3_ELEMENT_MAX_MESSAGE_BYTES, bytes_max);
    return S3_ERROR_MESSAGE_TOO_LONG;
}

static void on_collected(void *ctx, int result, struct slice data)
{
    struct collection *collection = ctx;
    enum s3_error error =
        result != 0 ? s3_body_error(collection->body, result) : verify_collected(collection, data);

    if (error == S3_ERROR_ENTITY_TOO_LARGE)
        error = refuse_length(collection->body->request, collection->bytes_max);
    collection->done(collection->body->request, error, data, collection->ctx);
}

void s3_body_collect(struct s3_request *request, size_t max_bytes,
                     void (*done)(struct s3_request *request, enum s3_error error, struct slice body,
                                  void *ctx),
                     void *ctx)
{
    struct collection *collection = s3_request_alloc(request, sizeof(*collection));
    enum s3_error error = s3_body_prepare(request, &collection->body);

    collection->done = done;
    collection->ctx = ctx;
    collection->bytes_max = max_bytes;
    if (error == S3_ERROR_NONE && collection->body->length != UINT64_MAX &&
        collection->body->length > max_bytes) {
        error = refuse_length(request, max_bytes);
    }
    if (error != S3_ERROR_NONE) {
        done(request, error, slice_of(NULL, 0), ctx);
        return;
    }
    s3_body_attach(collection->body, collect_chunk, collection);
    http_body_collect(request->http, s3_body_coding(collection->body), max_bytes, on_collected, collection);
}
