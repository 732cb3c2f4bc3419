/* SPDX-License-Identifier: MIT
 *
 * The way of a body into the store. The order: headers, space, (100 Continue) bytes, digests, row, answer;
 * whichever step fails abandons what was stored so far and gives the one answer. Worker's thread. */
#include "api/s3/body/s3_put.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/s3/body/s3_mismatch.h"
#include "api/s3/body/s3_quota.h"
#include "storage/base/text/base64.h"

static struct s3_put *put_of(struct http_sink *sink)
{
    return (struct s3_put *)((char *)sink - offsetof(struct s3_put, sink));
}

/* Nothing of the put is needed any more: what was not committed is dropped. */
static void put_close(struct s3_put *put)
{
    core_put_end(put->core);
    put->core = NULL;
}

void s3_put_fail(struct s3_put *put, enum s3_error error)
{
    put_close(put);
    s3_answer_error(put->request, error);
}

/* For results of the store itself: an unexpected one is told to the operator. */
static void put_fail_result(struct s3_put *put, int result)
{
    put_close(put);
    s3_answer_result(put->request, result);
}

/* ---- Verification ---- */

static bool digest_equals(const struct digest_values *values, enum digest_kind kind,
                          const unsigned char *expected)
{
    assert(values->mask & DIGEST_BIT(kind)); /* it was asked for in put_digest_mask */
    return memcmp(values->value[kind], expected, digest_kind_bytes(kind)) == 0;
}

static enum s3_error put_verify(struct s3_put *put, const struct digest_values *values)
{
    struct s3_request *request = put->request;

    if (put->has_md5 && !digest_equals(values, DIGEST_MD5, put->md5))
        return s3_mismatch_md5(request, values->value[DIGEST_MD5]);
    if (put->body != NULL && request->payload == S3_PAYLOAD_SHA256 &&
        !digest_equals(values, DIGEST_SHA256, request->payload_sha256))
        return s3_mismatch_sha256(request, values->value[DIGEST_SHA256]);
    if (put->claim.algorithm != S3_CHECKSUM_NONE &&
        !digest_equals(values, s3_checksum_digest(put->claim.algorithm), put->claim.value))
        return s3_mismatch_checksum(request, s3_checksum_name(put->claim.algorithm));
    return S3_ERROR_NONE;
}

/* What is stored, and answered. What the client claims is verified in any case. */
static enum s3_checksum_algorithm put_algorithm(const struct s3_put *put)
{
    return put->wanted != S3_CHECKSUM_NONE ? put->wanted : put->claim.algorithm;
}

static uint32_t put_digest_mask(const struct s3_put *put)
{
    uint32_t mask = 0;

    if (put->has_md5)
        mask |= DIGEST_BIT(DIGEST_MD5);
    if (put->body != NULL && put->request->payload == S3_PAYLOAD_SHA256)
        mask |= DIGEST_BIT(DIGEST_SHA256);
    if (put->claim.algorithm != S3_CHECKSUM_NONE)
        mask |= DIGEST_BIT(s3_checksum_digest(put->claim.algorithm));
    if (put_algorithm(put) != S3_CHECKSUM_NONE)
        mask |= DIGEST_BIT(s3_checksum_digest(put_algorithm(put)));
    return mask;
}

static void put_take_checksum(struct s3_put *put, const struct digest_values *values)
{
    enum s3_checksum_algorithm algorithm = put_algorithm(put);

    /* As S3, a body whose sender claims nothing gets the CRC-64, which is there anyway. */
    s3_checksum_from_digests(&put->checksum,
                             algorithm != S3_CHECKSUM_NONE ? algorithm : S3_CHECKSUM_CRC64NVME, values);
}

static bool is_sealed(const struct s3_put *put)
{
    return put->encryption != NULL && put->encryption->how != ENVELOPE_NONE;
}

/* ---- The sink: bytes from HTTP to the core ---- */

static uint64_t length_max(const struct s3_put *put)
{
    return put->length_max != 0 ? put->length_max : S3_PUT_BYTES_MAX;
}

/* How much of `wanted` bytes may still come; 0 means that the body is longer than it may be. */
static size_t put_room(const struct s3_put *put, size_t wanted)
{
    uint64_t taken = core_put_taken(put->core);
    uint64_t left = put->bytes_max > taken ? put->bytes_max - taken : 0;

    return wanted < left ? wanted : (size_t)left;
}

static ssize_t sink_splice(struct http_sink *sink, int socket_fd, size_t max)
{
    struct s3_put *put = put_of(sink);
    size_t room = put_room(put, max);

    if (put->look != NULL)
        return -EOPNOTSUPP;
    return room == 0 ? -EMSGSIZE : core_put_splice(put->core, socket_fd, room);
}

static ssize_t sink_write(struct http_sink *sink, const void *data, size_t length)
{
    struct s3_put *put = put_of(sink);
    size_t room = put_room(put, length);
    ssize_t taken = room == 0 ? -EMSGSIZE : core_put_write(put->core, data, room);

    if (taken > 0 && put->look != NULL)
        put->look(put, data, (size_t)taken);
    return taken;
}

ssize_t s3_put_feed(struct s3_put *put, const void *data, size_t length)
{
    return put->is_receiving ? sink_write(&put->sink, data, length) : -EBUSY;
}

void s3_put_feed_end(struct s3_put *put)
{
    assert(put->is_receiving);
    put->is_receiving = false;
    core_put_seal(put->core);
}

/* A checksum that was announced as a trailer is known now. */
static enum s3_error read_trailer(struct s3_put *put)
{
    struct s3_checksum_claim *claim = &put->claim;
    struct slice text;

    if (claim->algorithm == S3_CHECKSUM_NONE || !claim->in_trailer)
        return S3_ERROR_NONE;
    text = s3_body_trailer(put->body, s3_checksum_header(claim->algorithm));
    if (text.base != NULL && base64_decode(text, claim->value, s3_checksum_bytes(claim->algorithm)) == 0)
        return S3_ERROR_NONE;
    s3_request_explain(put->request, S3_ERROR_INVALID_REQUEST, s3_checksum_invalid_trailer(claim->algorithm));
    return S3_ERROR_INVALID_REQUEST;
}

static enum s3_error end_error(struct s3_put *put, int result)
{
    enum s3_error error;

    if (result == -EMSGSIZE && put->bound_error != S3_ERROR_NONE &&
        core_put_taken(put->core) >= put->bytes_max)
        return put->bound_error;
    if (result == -EMSGSIZE && core_put_taken(put->core) >= length_max(put))
        return S3_ERROR_ENTITY_TOO_LARGE;
    if (result != 0)
        return s3_body_error(put->body, result);
    if ((error = s3_body_finish(put->body)) != S3_ERROR_NONE)
        return error;
    return read_trailer(put);
}

static void sink_end(struct http_sink *sink, int result)
{
    struct s3_put *put = put_of(sink);
    enum s3_error error = end_error(put, result);

    put->is_receiving = false;
    if (error != S3_ERROR_NONE)
        s3_put_fail(put, error);
    else
        core_put_seal(put->core);
}

/* ---- Events of the core ---- */

static int on_chunk_end(void *ctx, const struct digest_chunk *chunk)
{
    struct s3_put *put = ctx;

    return core_put_chunk_end(put->core, chunk);
}

/* The space is there: now the client may send. */
static void on_ready(void *ctx, int result)
{
    struct s3_put *put = ctx;

    if (result != 0) {
        put_fail_result(put, result);
        return;
    }
    put->is_receiving = true;
    if (put->feed != NULL) {
        put->feed(put);
        return;
    }
    s3_body_attach(put->body, on_chunk_end, put);
    http_body_receive(put->request->http, s3_body_coding(put->body), &put->sink);
    if (core_put_splices_aside(put->core))
        http_body_splices_aside(put->request->http);
    if (core_put_is_small(put->core))
        http_body_splice_copies(put->request->http);
}

static void on_room(void *ctx)
{
    struct s3_put *put = ctx;

    if (put->is_receiving && put->feed != NULL)
        put->feed(put);
    else if (put->is_receiving)
        http_body_resume(put->request->http);
}

static void on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct s3_put *put = ctx;
    enum s3_error error = S3_ERROR_NONE;

    if (result != 0)
        error = put->body != NULL ? s3_body_error(put->body, result) : s3_error_of_result(result);
    else
        error = put_verify(put, values);

    if (error != S3_ERROR_NONE) {
        s3_put_fail(put, error);
        return;
    }
    if (is_sealed(put) && s3_encryption_hides_md5(put->encryption->how))
        core_etag_make_random(put->etag);
    else
        core_etag_make(values, put->etag);
    put_take_checksum(put, values);
    put->commit(put);
}

/* Whoever replaced the object, or changed its tags, may have changed what the sender may do: the bytes wait for another judgement. */
static void put_again(struct s3_put *put)
{
    int result = core_put_retry(put->core);
    enum s3_error error;

    if (result != 0)
        put_fail_result(put, result);
    else if ((error = put->overtaken(put)) != S3_ERROR_NONE)
        s3_put_fail(put, error);
}

static void on_committed(void *ctx, int result)
{
    struct s3_put *put = ctx;

    if (result == META_E_JUDGED && put->overtaken != NULL) {
        put_again(put);
        return;
    }
    if (result != 0) {
        put_fail_result(put, result);
        return;
    }
    put_close(put);
    put->stored(put);
}

static const struct core_put_events events = {on_ready, on_room, on_sealed, on_committed};

/* ---- Beginning ---- */

/* What the client says about its bytes. */
static enum s3_error read_claims(struct s3_put *put, const char **message)
{
    struct s3_request *request = put->request;
    struct slice md5 = s3_request_header(request, "content-md5");

    put->sink = (struct http_sink){sink_splice, sink_write, sink_end};
    put->has_md5 = md5.base != NULL;
    if (put->has_md5 && base64_decode(md5, put->md5, sizeof(put->md5)) != 0)
        return S3_ERROR_INVALID_DIGEST;
    return s3_checksum_claim_read(&request->http->headers, false, &put->claim, message);
}

/* A cache bucket may take no objects of that size, and then no parts of one; the sum is asked when the row is stored. */
static enum s3_error put_bound(struct s3_put *put)
{
    const struct core_cache_rules *rules = NULL;
    int result =
        put->is_archive ? 0 : core_cache_rules_get(put->request->worker, put->request->bucket.id, &rules);

    if (result != 0)
        return s3_error_of_result(result);
    if (rules == NULL || rules->object_bytes_max == 0 || rules->object_bytes_max >= put->bytes_max)
        return S3_ERROR_NONE;
    if (put->body != NULL && s3_body_length(put->body) != UINT64_MAX)
        return S3_ERROR_ENTITY_TOO_LARGE_FOR_CACHE;
    put->bytes_max = rules->object_bytes_max;
    put->bound_error = S3_ERROR_ENTITY_TOO_LARGE_FOR_CACHE;
    return S3_ERROR_NONE;
}

/* What is there now decides whether the body need come at all; what binds is the same within the transaction (metadata/meta_usage.h). */
static enum s3_error put_quota(struct s3_put *put)
{
    uint64_t room;

    if (put->is_archive || !s3_quota_is_asked(put->request))
        return S3_ERROR_NONE;
    if (!s3_quota_room(put, put->bytes_max, &room))
        return S3_ERROR_QUOTA_EXCEEDED;
    if (room >= put->bytes_max)
        return S3_ERROR_NONE;
    if (put->body != NULL && s3_body_length(put->body) != UINT64_MAX)
        return S3_ERROR_QUOTA_EXCEEDED;
    put->bytes_max = room;
    put->bound_error = S3_ERROR_QUOTA_EXCEEDED;
    return S3_ERROR_NONE;
}

static enum s3_error put_bounds(struct s3_put *put)
{
    enum s3_error error = put_bound(put);

    return error != S3_ERROR_NONE ? error : put_quota(put);
}

enum s3_error s3_put_prepare_fed(struct s3_put *put, uint64_t bytes_max, const char **message)
{
    enum s3_error error = read_claims(put, message);

    if (error == S3_ERROR_NONE && put->claim.in_trailer) {
        *message = "This body has no trailers.";
        return S3_ERROR_INVALID_REQUEST;
    }
    put->bytes_max = bytes_max < length_max(put) ? bytes_max : length_max(put);
    return error == S3_ERROR_NONE ? put_bounds(put) : error;
}

enum s3_error s3_put_prepare(struct s3_put *put, const char **message)
{
    struct s3_request *request = put->request;
    enum s3_error error;

    if ((error = read_claims(put, message)) != S3_ERROR_NONE)
        return error;
    if (!s3_body_is_announced(request))
        return S3_ERROR_MISSING_CONTENT_LENGTH;
    if ((error = s3_body_prepare(request, &put->body)) != S3_ERROR_NONE)
        return error;
    if (put->claim.in_trailer && !s3_body_has_trailer(put->body, s3_checksum_header(put->claim.algorithm))) {
        *message = "x-amz-trailer is given, but the body has no trailers.";
        return S3_ERROR_INVALID_REQUEST;
    }
    put->bytes_max =
        s3_body_length(put->body) < length_max(put) ? s3_body_length(put->body) : length_max(put);
    if (s3_body_length(put->body) != UINT64_MAX && s3_body_length(put->body) > length_max(put))
        return S3_ERROR_ENTITY_TOO_LARGE;
    return put_bounds(put);
}

void s3_put_start(struct s3_put *put)
{
    struct s3_request *request = put->request;
    struct core_put_options options = {
        .length = put->body != NULL ? s3_body_length(put->body) : UINT64_MAX,
        .is_one_run = put->body != NULL && s3_body_coding(put->body) == NULL && put->look == NULL,
        .has_own_file = put->is_archive,
        .digest_mask = put_digest_mask(put),
        .chunks = put->body != NULL ? s3_body_chunk_ops(put->body) : NULL,
        .seal = is_sealed(put) ? &put->encryption->key : NULL,
        .seal_part = put->part,
        .events = &events,
        .ctx = put,
    };
    /* Clients that know no modern checksum compare the ETag with the MD5 of what they sent. */
    bool compares =
        put->has_md5 || put->wants_md5 || (request->is_signed && put->claim.algorithm == S3_CHECKSUM_NONE);
    int result;

    core_etag_choose(core_worker_core(request->worker), compares, &options);
    result = core_put_begin(request->worker, &options, &put->core);
    if (put->encryption != NULL)
        s3_encryption_forget(put->encryption);
    if (result == 0)
        return;
    if (result == CORE_PUT_IS_READY) {
        on_ready(put, 0);
        return;
    }
    if (options.chunks != NULL && options.chunks->released != NULL)
        options.chunks->released(options.chunks->ctx); /* no stream ever got them */
    s3_answer_result(request, result);
}
