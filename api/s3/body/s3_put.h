/* SPDX-License-Identifier: MIT
 *
 * The way of a body into the store, shared by PutObject, UploadPart and PutObjectAnnotation: everything the client said about its bytes is verified
 * before they become visible. Worker's thread.
 *
 *      s3_put_prepare(put)       headers; nothing is begun
 *      s3_put_start(put)         -> bytes ... -> digests compared -> commit(put) -> stored(put)
 *
 * Where the bytes do not come from the request's body as it is, but from inside it (a posted form), their owner prepares with
 * s3_put_prepare_fed and sets `feed`, which is called whenever bytes can be taken; it hands them over with s3_put_feed and ends
 * with s3_put_feed_end.
 *
 * After s3_put_start the put answers every failure itself; the owner is called for success only. A struct s3_put lives in the
 * request's arena, inside its owner's struct. */
#ifndef API_S3_BODY_S3_PUT_H
#define API_S3_BODY_S3_PUT_H

#include "api/s3/body/s3_body.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/s3_request.h"
#include "api/http/http.h"

struct s3_put {
    /* Filled by the owner. */
    struct s3_request *request;
    /* to be computed and stored, whatever the client claims; or NONE: what it claims */
    enum s3_checksum_algorithm wanted;
    uint64_t length_max; /* of the body; 0: S3_PUT_BYTES_MAX */
    /* The body is unpacked: it has a file of its own, and is itself no object that a bucket may bound. */
    bool is_archive;
    bool wants_md5;                     /* for the ETag, whether the client compares it or not */
    void (*commit)(struct s3_put *put); /* etag and checksum are known: calls one core_put_commit_* */
    void (*stored)(struct s3_put *put); /* durable and visible: answers */
    /* The object is not as the upload was judged: judges it anew, for the same bytes, and on S3_ERROR_NONE calls its core_put_commit_*
     * once more. NULL: judgements do not rest on it. */
    enum s3_error (*overtaken)(struct s3_put *put);

    struct s3_encryption *encryption; /* what the bytes are sealed under; NULL, or how NONE: nothing */
    uint32_t part;                    /* of an upload, which part */
    /* How many bytes go when these are stored. Asked only where a quota is short of room, from inside s3_put_prepare. NULL: they become an
     * object, and what its key has is looked up. */
    uint64_t (*replaced)(struct s3_put *put);

    void (*feed)(struct s3_put *put); /* NULL: the request's body is received */
    /* Sees all bytes in their order; they pass through memory then. NULL: they need not. */
    void (*look)(struct s3_put *put, const void *data, size_t length);

    /* For the owner to read. */
    struct s3_checksum_claim claim; /* from s3_put_prepare on */
    struct core_put *core;          /* in commit */
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    /* By the bucket, or a quota, to less than was said: what a longer body gets; or NONE. From s3_put_prepare on */
    enum s3_error bound_error;

    /* Private. */
    struct http_sink sink;
    struct s3_body *body;
    uint64_t bytes_max; /* announced, or the largest allowed */
    bool has_md5, is_receiving;
    unsigned char md5[16];
};

/* Reads Content-MD5, checksums and the body's framing. Answers nothing; *message may be set. */
enum s3_error s3_put_prepare(struct s3_put *put, const char **message);
/* The same for a put that is fed: at most bytes_max bytes, or what the bucket takes. */
enum s3_error s3_put_prepare_fed(struct s3_put *put, uint64_t bytes_max, const char **message);
void s3_put_start(struct s3_put *put);
/* From the first call of `feed` on. > 0 bytes taken; -EBUSY: `feed` follows; -EMSGSIZE: more than bytes_max; or a failure. */
ssize_t s3_put_feed(struct s3_put *put, const void *data, size_t length);
/* All bytes were fed. */
void s3_put_feed_end(struct s3_put *put);
/* Instead of committing: drops the bytes and answers with the error. */
void s3_put_fail(struct s3_put *put, enum s3_error error);

#endif
