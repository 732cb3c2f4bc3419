/* SPDX-License-Identifier: MIT
 *
 * Documents read as they come. A piece of them goes into the digests and the XML reader at once; after STEP_BYTES others have their
 * turn. What is wrong with the XML is kept until the end: a document that is not what was signed is that first.
 *
 * On the worker's thread. */
#include "api/s3/body/s3_stream.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/body/s3_body.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/body/s3_mismatch.h"
#include "storage/base/text/base64.h"

#define STEP_BYTES (64u << 10) /* under a millisecond of reading XML */
/* Signed chunks are at least 8 KiB but for the last: more than a document of S3_DELETE_BYTES_MAX has. Each costs a signature. */
#define CHUNKS_MAX 1024u

struct stream {
    struct http_sink sink;
    struct core_turn turn;
    struct s3_request *request;
    struct s3_stream_reader reader;
    struct s3_body *body;
    struct s3_checksum_claim claim;
    struct s3_xml_reader *xml; /* NULL: there is no memory for one */
    struct digest_set *whole;  /* what was given for the document */
    struct digest_set *chunk;  /* NULL: chunks are not signed, or none has begun */
    uint32_t digests;
    unsigned chunk_count;
    bool is_chunked;
    bool has_md5, is_waiting, has_ended;
    bool is_settled; /* the document is refused: nothing more of it is kept */
    unsigned char md5[16];
    size_t length, step, charged;
    enum s3_error error; /* of chunks, or inside */
    int xml_result, end_result;
};

static struct stream *stream_of_sink(struct http_sink *sink)
{
    return (struct stream *)((char *)sink - offsetof(struct stream, sink));
}

static struct stream *stream_of_turn(struct core_turn *turn)
{
    return (struct stream *)((char *)turn - offsetof(struct stream, turn));
}

static void release(struct stream *stream)
{
    s3_xml_reader_end(stream->xml);
    if (stream->whole != NULL)
        digest_set_free(stream->whole);
    if (stream->chunk != NULL)
        digest_set_free(stream->chunk);
    stream->xml = NULL;
    stream->whole = stream->chunk = NULL;
}

/* ---- Verified at the end ---- */

static enum s3_error check_digests(struct stream *stream)
{
    struct s3_request *request = stream->request;
    struct digest_values values = {0};

    if (stream->digests == 0)
        return S3_ERROR_NONE;
    if (digest_set_final(stream->whole, &values) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    if (request->payload == S3_PAYLOAD_SHA256 &&
        !s3_sigv4_is_equal(values.value[DIGEST_SHA256], request->payload_sha256))
        return s3_mismatch_sha256(request, values.value[DIGEST_SHA256]);
    if (stream->length == 0)
        return S3_ERROR_NONE; /* which is what is told */
    if (stream->has_md5 && memcmp(values.value[DIGEST_MD5], stream->md5, 16) != 0)
        return s3_mismatch_md5(request, values.value[DIGEST_MD5]);
    if (stream->claim.algorithm != S3_CHECKSUM_NONE &&
        memcmp(values.value[s3_checksum_digest(stream->claim.algorithm)], stream->claim.value,
               s3_checksum_bytes(stream->claim.algorithm)) != 0)
        return s3_mismatch_checksum(request, s3_checksum_name(stream->claim.algorithm));
    return S3_ERROR_NONE;
}

static enum s3_error check_all(struct stream *stream)
{
    enum s3_error error = s3_body_finish(stream->body);

    if (error == S3_ERROR_NONE)
        error = stream->error;
    if (error == S3_ERROR_NONE)
        error = check_digests(stream);
    return error == S3_ERROR_NONE && stream->length == 0 ? S3_ERROR_MISSING_REQUEST_BODY : error;
}

static enum s3_error too_large(struct stream *stream)
{
    s3_request_element_number(stream->request, S3_ELEMENT_MAX_SIZE_ALLOWED, stream->reader.bytes_max);
    return S3_ERROR_ENTITY_TOO_LARGE;
}

static void finish(struct stream *stream)
{
    enum s3_error error =
        stream->end_result != 0 ? s3_body_error(stream->body, stream->end_result) : check_all(stream);
    int result = stream->xml_result;

    if (error == S3_ERROR_ENTITY_TOO_LARGE)
        error = too_large(stream);
    if (error == S3_ERROR_NONE && result == 0)
        result = s3_xml_reader_close(stream->xml);
    release(stream);
    stream->reader.done(stream->request, error, NULL, result, stream->reader.ctx);
}

/* ---- As it comes ---- */

static void on_turn(struct core_turn *turn)
{
    struct stream *stream = stream_of_turn(turn);

    stream->is_waiting = false;
    stream->step = 0;
    if (stream->has_ended)
        finish(stream);
    else
        http_body_resume(stream->request->http);
}

static void wait_for_turn(struct stream *stream)
{
    stream->is_waiting = true;
    stream->turn.next = on_turn;
    core_turn_wait(stream->request->worker, &stream->turn);
}

/* Up to what is charged at most. 0 or -ENOBUFS. */
static int charge(struct stream *stream, size_t length)
{
    size_t max = stream->reader.memory_max != 0 ? stream->reader.memory_max : S3_STREAM_MEMORY_MAX;
    size_t most = length < max ? length : max;
    int err = 0;

    if (most > stream->charged) {
        err = http_body_charge(stream->request->http, most - stream->charged);
        if (err == 0)
            stream->charged = most;
    }
    return err;
}

/* What follows is digested, and forgotten. */
static void settle(struct stream *stream)
{
    if (stream->charged > stream->length) {
        http_body_discharge(stream->request->http, stream->charged - stream->length);
        stream->charged = stream->length;
    }
    stream->is_settled = true;
}

static void digest(struct stream *stream, const void *data, size_t length)
{
    if (stream->is_chunked && stream->chunk == NULL &&
        digest_set_create(&stream->chunk, DIGEST_BIT(DIGEST_SHA256)) != 0)
        stream->error = S3_ERROR_INTERNAL_ERROR;
    if ((stream->chunk != NULL && digest_set_update(stream->chunk, data, length) != 0) ||
        (stream->digests != 0 && digest_set_update(stream->whole, data, length) != 0))
        stream->error = S3_ERROR_INTERNAL_ERROR;
}

static ssize_t sink_write(struct http_sink *sink, const void *data, size_t length)
{
    struct stream *stream = stream_of_sink(sink);
    int err;

    if (stream->step == STEP_BYTES) {
        if (!stream->is_waiting)
            wait_for_turn(stream);
        return -EBUSY;
    }
    if (length > STEP_BYTES - stream->step)
        length = STEP_BYTES - stream->step;
    if (length > stream->reader.bytes_max - stream->length)
        return -EMSGSIZE;
    if (!stream->is_settled && (err = charge(stream, stream->length + length)) != 0)
        return err;
    digest(stream, data, length);
    stream->length += length;
    stream->step += length;
    if (stream->xml_result == 0 && (stream->xml_result = s3_xml_reader_feed(stream->xml, data, length)) != 0)
        settle(stream);
    return (ssize_t)length;
}

/* A signed chunk is whole. */
static int on_chunk_end(void *ctx, const struct digest_chunk *chunk)
{
    struct stream *stream = ctx;
    struct digest_values values = {0};

    if (stream->chunk_count++ == CHUNKS_MAX)
        return -EMSGSIZE;
    if (stream->chunk == NULL || digest_set_final(stream->chunk, &values) != 0)
        stream->error = S3_ERROR_INTERNAL_ERROR;
    else if (s3_chunk_verify(stream->request->chunk_signer, values.value[DIGEST_SHA256], chunk) != 0 &&
             stream->error == S3_ERROR_NONE)
        stream->error = S3_ERROR_CHUNK_SIGNATURE;
    if (stream->chunk != NULL)
        digest_set_free(stream->chunk);
    stream->chunk = NULL;
    return 0;
}

static void sink_end(struct http_sink *sink, int result)
{
    struct stream *stream = stream_of_sink(sink);

    stream->has_ended = true;
    stream->end_result = result;
    if (!stream->is_waiting)
        finish(stream);
}

/* ---- The beginning ---- */

/* What was given for the document, and is to be computed. */
static enum s3_error read_claims(struct stream *stream, const char **message)
{
    struct s3_request *request = stream->request;
    struct slice md5 = s3_request_header(request, "content-md5");
    enum s3_error error = S3_ERROR_NONE;

    if (stream->reader.has_checksum)
        error = s3_checksum_claim_read(&request->http->headers, false, &stream->claim, message);
    if (error != S3_ERROR_NONE)
        return error;
    if (stream->claim.in_trailer)
        return S3_ERROR_NOT_IMPLEMENTED; /* no client sends XML so, and unverified it must not pass */
    if (md5.base != NULL && base64_decode(md5, stream->md5, sizeof(stream->md5)) != 0)
        return S3_ERROR_INVALID_DIGEST;
    stream->has_md5 = md5.base != NULL;
    stream->digests = (stream->has_md5 ? DIGEST_BIT(DIGEST_MD5) : 0) |
                      (request->payload == S3_PAYLOAD_SHA256 ? DIGEST_BIT(DIGEST_SHA256) : 0);
    if (stream->claim.algorithm != S3_CHECKSUM_NONE)
        stream->digests |= DIGEST_BIT(s3_checksum_digest(stream->claim.algorithm));
    return S3_ERROR_NONE;
}

static enum s3_error begin(struct stream *stream, const char **message)
{
    struct s3_request *request = stream->request;
    enum s3_error error = s3_body_prepare(request, &stream->body);
    uint64_t length;

    if (error == S3_ERROR_NONE)
        error = read_claims(stream, message);
    if (error != S3_ERROR_NONE)
        return error;
    length = s3_body_length(stream->body);
    if (length != UINT64_MAX && length > stream->reader.bytes_max)
        return too_large(stream);
    if (length != UINT64_MAX && charge(stream, (size_t)length) != 0)
        return S3_ERROR_SLOW_DOWN;
    stream->is_chunked = request->chunk_signer != NULL;
    stream->xml = s3_xml_reader_open(stream->reader.root, stream->reader.visit, stream->reader.ctx);
    if (stream->xml == NULL || digest_set_create(&stream->whole, stream->digests) != 0)
        return S3_ERROR_SLOW_DOWN;
    return S3_ERROR_NONE;
}

void s3_stream_document(struct s3_request *request, const struct s3_stream_reader *reader)
{
    struct stream *stream = s3_request_alloc(request, sizeof(*stream));
    const char *message = NULL;
    enum s3_error error;

    stream->request = request;
    stream->reader = *reader;
    stream->sink = (struct http_sink){NULL, sink_write, sink_end};
    if ((error = begin(stream, &message)) != S3_ERROR_NONE) {
        release(stream);
        reader->done(request, error, message, 0, reader->ctx);
        return;
    }
    s3_body_attach(stream->body, on_chunk_end, stream);
    http_body_hurry(request->http, true);
    http_body_receive(request->http, s3_body_coding(stream->body), &stream->sink);
}
