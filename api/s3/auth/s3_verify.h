/* SPDX-License-Identifier: MIT
 *
 * Whether a request was signed by the key it names, at a plausible time, for this server. How the claim was read from header or
 * query is s3_authenticate.c's. On the worker's thread. */
#ifndef API_S3_AUTH_S3_VERIFY_H
#define API_S3_AUTH_S3_VERIFY_H

#include "api/s3/s3_request.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/auth/s3_signing_keys.h"
#include "storage/base/slice.h"

struct s3_verification {
    struct s3_request *request;
    struct s3_sigv4_claim claim;
    bool is_presigned;
    int64_t signed_at;     /* Unix seconds */
    int64_t valid_seconds; /* presigned: how long */
    int64_t now;
    struct slice payload_hash; /* as text */
    struct slice
        payload_header; /* whose value that is, so that it is signed whether or not it is listed; or base NULL */
};

/* Whether a signature for that region will do: the server's own, or any where --region says so or the operation is one that clients ask
 * to learn it. Where it will not, the answer tells the server's. */
bool s3_verify_region(struct s3_request *request, struct slice region);

/* Of the request's set of credentials and of its worker. NULL without memory. */
struct s3_signing_keys *s3_verify_signing_keys(struct s3_request *request);

/* Fills request->identity, owner_id and, for signed chunks, chunk_signer. Messages and details of an error are left in the
 * request. */
enum s3_error s3_verify(struct s3_verification *verification);

/* For signatures of both versions. RequestTimeTooSkewed: the clocks differ by more than S3_CLOCK_SKEW_SECONDS. */
enum s3_error s3_verify_skew(struct s3_request *request, int64_t signed_at_s, int64_t now);
/* The answer to a URL that was good until then. */
enum s3_error s3_verify_expired(struct s3_request *request, int64_t expires_s, int64_t now);

#endif
