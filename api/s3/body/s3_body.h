/* SPDX-License-Identifier: MIT
 *
 * The body of one S3 request: whether it is coded as aws-chunked, how long its payload is, how its chunks are signed, and
 * which S3 error a failure means. A body lives in the request's arena and dies with it; all calls on the worker's thread.
 *
 * A streamed body (PutObject, UploadPart):
 *
 *      error = s3_body_prepare(request, &body);          after s3_authenticate
 *      options.length = s3_body_length(body);
 *      options.chunks = s3_body_chunk_ops(body);
 *      core_put_begin(..., &options, &put);
 *      s3_body_attach(body, chunk_end, ctx);             chunk_end hands the chunk to core_put_chunk_end
 *      http_body_receive(req, s3_body_coding(body), sink);
 *      in the sink's end(result):
 *          result == 0 ? error = s3_body_finish(body) : error = s3_body_error(body, result);
 *          s3_body_trailer(body, "x-amz-checksum-crc32c") from here on
 *      core_put_seal -> on_sealed(result):               result != 0 ? error = s3_body_error(body, result)
 *      then x-amz-content-sha256 (request->payload == S3_PAYLOAD_SHA256) is compared by the caller with the digest it asked for
 *
 * A small body (XML): s3_body_collect does all of that, the signed hash included. */
#ifndef API_S3_BODY_S3_BODY_H
#define API_S3_BODY_S3_BODY_H

#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

struct s3_body;

/* Whether the client said that a body follows, be it an empty one. An operation that takes a body refuses what says nothing
 * (MissingContentLength), as S3 does; one that takes none, or may have one, does not ask. */
bool s3_body_is_announced(const struct s3_request *request);

/* Reads the request's headers; asks for no byte. S3_ERROR_NONE, or what to answer: InvalidRequest or InvalidArgument for a
 * x-amz-decoded-content-length that is malformed or cannot be, MissingContentLength for one that is missing, NotImplemented for codings we do not know, EntityTooLarge over S3_PUT_BYTES_MAX. */
enum s3_error s3_body_prepare(struct s3_request *request, struct s3_body **body);

/* Payload bytes; UINT64_MAX when the client did not say (plain chunked transfer). */
uint64_t s3_body_length(const struct s3_body *body);
/* For http_body_receive; NULL for a plain body. */
struct framing *s3_body_coding(struct s3_body *body);

/* For core_put_options.chunks; NULL unless chunks are signed. Its ctx is reference counted: each call takes one reference,
 * which `released` gives back on whatever thread; if no stream ever gets the ops, call ops->released(ops->ctx) yourself. */
const struct digest_chunk_ops *s3_body_chunk_ops(struct s3_body *body);
/* Chunks that end from now on are told to chunk_end (non-zero fails the body with that result). Only used when chunks are
 * signed; harmless otherwise. The final, empty chunk is verified here and not told. */
void s3_body_attach(struct s3_body *body, int (*chunk_end)(void *ctx, const struct digest_chunk *chunk),
                    void *ctx);

/* After the sink's end(0): whether the announced length was kept and all the trailers that were promised came. */
enum s3_error s3_body_finish(struct s3_body *body);
/* The S3 error for a failed end(result), put operation or seal (result != 0). */
enum s3_error s3_body_error(const struct s3_body *body, int result);
/* A trailer that x-amz-trailer announced, by lower-case name; base NULL when it did not come. Valid with the request. */
struct slice s3_body_trailer(const struct s3_body *body, const char *name);
/* Whether x-amz-trailer announces that name. Known before the body. */
bool s3_body_has_trailer(const struct s3_body *body, const char *name);

/* Prepares, collects and verifies (chunk signatures, x-amz-content-sha256) a body of at most max_bytes of payload in the
 * request's arena. done, never from inside this call when a body has to be waited for, gets the body or what to answer. Trailers
 * and Content-MD5 are not looked at: XML is verified by its parser. */
void s3_body_collect(struct s3_request *request, size_t max_bytes,
                     void (*done)(struct s3_request *request, enum s3_error error, struct slice body,
                                  void *ctx),
                     void *ctx);

#endif
