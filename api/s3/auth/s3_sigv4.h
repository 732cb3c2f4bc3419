/* SPDX-License-Identifier: MIT
 *
 * AWS Signature Version 4 as S3 uses it: the pure part. What is signed, how the signature comes about, and how a client's
 * claim is read; no clock, no key store, no connection. Any thread.
 *
 *      claim (Authorization header or query)  ->  s3_sigv4_canonical_request  ->  s3_sigv4_string_to_sign
 *      secret, date, region                   ->  s3_sigv4_signing_key        ->  s3_sigv4_sign, compare */
#ifndef API_S3_AUTH_S3_SIGV4_H
#define API_S3_AUTH_S3_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "api/s3/auth/s3_hash.h"
#include "api/s3/error/s3_error.h"
#include "storage/base/arena.h"

#define S3_SIGV4_ALGORITHM        "AWS4-HMAC-SHA256"
#define S3_SIGV4_KEY_BYTES        32u
#define S3_SIGV4_SCOPE_BYTES_MAX  128u /* 20130524/us-east-1/s3/aws4_request */
#define S3_SIGV4_REGION_BYTES_MAX 64u

struct s3_sigv4_header {
    struct slice name; /* lower case */
    struct slice value;
};

/* A request as it was sent. */
struct s3_sigv4_input {
    struct slice method;
    struct slice path;                     /* raw, without the query */
    struct slice query;                    /* raw, without '?'; may be empty */
    const struct s3_sigv4_header *headers; /* all of them, host included, repeated ones in their order */
    size_t header_count;
    /* the text that stands for the body: hex digits, UNSIGNED-PAYLOAD, STREAMING-... */
    struct slice payload_hash;
};

/* What the client says about its signature. Slices point into the request. */
struct s3_sigv4_claim {
    struct slice access_key;
    struct slice date; /* 8 digits of the credential scope */
    struct slice region;
    struct slice service, terminator;
    struct slice signed_headers; /* "host;x-amz-date" */
    unsigned char signature[32];
};

/* How the client may have written the canonical request. S3's rule is "decode, then encode"; some clients sign path or query
 * exactly as they send it, with characters such as ~()'!* left alone. Bits; both forms describe the same request. */
enum s3_sigv4_form { S3_SIGV4_RAW_PATH = 1, S3_SIGV4_RAW_QUERY = 2 };

/* "AWS4-HMAC-SHA256 Credential=...,SignedHeaders=...,Signature=...": the part after the algorithm. Fills the claim.
 * S3_ERROR_NONE or S3_ERROR_AUTHORIZATION_HEADER_MALFORMED; *problem receives a sentence. */
enum s3_error s3_sigv4_parse_authorization(struct slice value, struct s3_sigv4_claim *claim,
                                           const char **problem);
/* KEY/20130524/us-east-1/s3/aws4_request; the key itself may contain '/'. Returns false when malformed. */
bool s3_sigv4_parse_credential(struct slice value, struct s3_sigv4_claim *claim);

/* 20130524T000000Z, or an HTTP date (Date header). Returns false when it is neither. */
bool s3_sigv4_parse_time(struct slice value, int64_t *unix_seconds);
/* The first form; timestamp has room for 17 bytes. */
void s3_sigv4_format_time(int64_t unix_seconds, char timestamp[17]);

/* Whether a name stands in "a;b;c". */
bool s3_sigv4_is_signed(struct slice signed_headers, struct slice name);

/* Writes the canonical request, from the arena. forms: S3_SIGV4_RAW_*. Returns false where path or
 * query cannot be decoded or more than S3_SIGNED_HEADERS_MAX headers are signed. */
bool s3_sigv4_canonical_request(struct arena *arena, const struct s3_sigv4_input *input,
                                struct slice signed_headers, unsigned forms, struct slice *canonical);
/* hash: a context that is ready, or NULL for one of its own; the same goes for those below. scope: "20130524/us-east-1/s3/aws4_request". */
struct slice s3_sigv4_string_to_sign(struct arena *arena, struct s3_hash *hash, const char *timestamp,
                                     const char *scope, struct slice canonical);
void s3_sigv4_signing_key(struct s3_hash *hash, struct slice secret, struct slice date, struct slice region,
                          unsigned char key[32]);
/* The same for another service than s3. */
void s3_sigv4_signing_key_of(struct s3_hash *hash, struct slice secret, struct slice date,
                             struct slice region, struct slice service, unsigned char key[32]);
void s3_sigv4_sign(struct s3_hash *hash, const unsigned char key[32], struct slice string_to_sign,
                   unsigned char signature[32]);
/* In constant time. */
bool s3_sigv4_is_equal(const unsigned char a[32], const unsigned char b[32]);

#endif
