/* SPDX-License-Identifier: MIT
 *
 * The aws-chunked content coding as a framing: which bytes of the body are chunk lines and trailers, which are payload.
 *
 *      10000;chunk-signature=<64 hex>\r\n  payload \r\n  ...  0;chunk-signature=<64 hex>\r\n
 *      x-amz-checksum-crc32c:<base64>\r\n  x-amz-trailer-signature:<64 hex>\r\n  \r\n
 *
 * Unsigned bodies have bare sizes and no trailer signature. It does no I/O, allocates nothing and checks no signature: it tells
 * its events what was claimed. Hints are exact wherever the next line's length can be foreseen, so that payload is never
 * pulled through memory; after a chunk the next line is foreseen from the announced length. */
#ifndef API_S3_BODY_AWS_CHUNKED_H
#define API_S3_BODY_AWS_CHUNKED_H

#include "api/http/body/framing.h"
#include "api/s3/limits.h"

/* All may be NULL. Non-zero results fail the body with that value. Called from feed and take. */
struct aws_chunked_events {
    /* A signed chunk with payload has ended at payload offset `end`. */
    int (*on_chunk)(void *ctx, uint64_t end, const unsigned char claimed[32],
                    const unsigned char previous[32]);
    /* The final, empty chunk of a signed body. */
    int (*on_final)(void *ctx, const unsigned char claimed[32], const unsigned char previous[32]);
    /* The signature of the trailers, which are "name:value\n" each with the name in lower case. */
    int (*on_trailers)(void *ctx, const char *trailers, size_t length, const unsigned char claimed[32],
                       const unsigned char previous[32]);
    void *ctx;
};

struct aws_chunked_options {
    bool is_signed;
    bool has_trailer;        /* trailers are allowed; signed bodies then also carry a trailer signature */
    uint64_t decoded_length; /* x-amz-decoded-content-length */
    uint64_t wire_length;    /* of the coded body; UINT64_MAX when unknown */
    /* x-amz-trailer: "a, b", or NULL. Others are refused. Must outlive the framing. */
    const char *trailer_names;
    size_t trailer_names_length;
    unsigned char seed[32]; /* the signature before the first chunk's */
    struct aws_chunked_events events;
};

struct aws_chunked {
    struct framing base;
    struct aws_chunked_options options;
    int failure; /* 0, or what feed and take return from now on */
    uint8_t state;
    uint64_t remaining; /* payload of the current chunk */
    uint64_t last_size; /* of the chunk before */
    uint64_t taken;     /* payload so far */
    uint64_t fed;       /* framing bytes so far */
    uint32_t line_length;
    char line[S3_CHUNK_LINE_BYTES_MAX]; /* the line being read, also of trailers that fit */
    unsigned char claimed[32], previous[32];
    bool has_trailer_signature, has_empty_line, met_trailer;
    unsigned char trailer_signature[32];
    uint32_t trailers_length;
    char trailers[S3_TRAILER_BYTES_MAX]; /* "name:value\n" each */
};

void aws_chunked_init(struct aws_chunked *chunked, const struct aws_chunked_options *options);
/* A trailer by lower-case name; *length is set. NULL when it did not come. */
const char *aws_chunked_trailer(const struct aws_chunked *chunked, const char *name, size_t *length);
/* Whether trailers may come and one has come, be it one that is refused. */
bool aws_chunked_met_trailers(const struct aws_chunked *chunked);

#endif
