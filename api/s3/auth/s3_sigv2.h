/* SPDX-License-Identifier: MIT
 *
 * AWS Signature Version 2 as S3 uses it: the pure part. boto3 and the aws cli presign with it for other endpoints than AWS's, and old
 * clients know nothing else. No clock, no key store, no connection. Any thread.
 *
 *      METHOD \n Content-MD5 \n Content-Type \n Date or Expires \n x-amz-name:value \n ... /bucket/key?subresource
 *
 * It signs neither the body nor the host, of the headers only those three and x-amz-*, and of the query only the parameters that
 * s3_sigv2_signs_parameter knows: whoever verifies has to see to the others. */
#ifndef API_S3_AUTH_S3_SIGV2_H
#define API_S3_AUTH_S3_SIGV2_H

#include <stdbool.h>
#include <stddef.h>

#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/arena.h"

#define S3_SIGV2_BYTES 20u /* HMAC-SHA1 */

/* A request as it was sent. */
struct s3_sigv2_input {
    struct slice method;
    struct slice bucket; /* where the host names it; else empty */
    struct slice path;   /* raw, without the query */
    struct slice query;  /* raw, without '?'; may be empty */
    struct slice date;   /* the Date header, or Expires of the query; empty beside x-amz-date */
    /* All of them, with lower-case names; those that a presigned URL has in its query, too. */
    const struct s3_sigv4_header *headers;
    size_t header_count;
};

/* How clients differ in what they sign. Bits; all forms describe the same request. */
enum s3_sigv2_form {
    S3_SIGV2_ENCODED_PATH = 1, /* the path decoded and encoded again, not as it was sent */
    S3_SIGV2_PLUS_IS_SPACE = 2,
    S3_SIGV2_NO_EMPTY_VALUES = 4, /* "?acl=" signed as "?acl" */
    S3_SIGV2_BUCKET_SLASH = 8,    /* "/bucket" signed as "/bucket/" */
    S3_SIGV2_FORMS = 16,
};

/* Whether a parameter of that name, decoded, is part of what is signed. */
bool s3_sigv2_signs_parameter(struct slice name);
/* Whether a value of a signed parameter, decoded, would read as further signed parameters where it stands in the string to sign
 * ("x&versionId=y"): two requests could then have one signature. */
bool s3_sigv2_is_ambiguous(struct slice value);
/* "KEY:SIGNATURE", the part after "AWS ". */
bool s3_sigv2_parse_authorization(struct slice value, struct slice *access_key,
                                  unsigned char signature[S3_SIGV2_BYTES]);
/* Base64. */
bool s3_sigv2_parse_signature(struct slice text, unsigned char signature[S3_SIGV2_BYTES]);
/* From the arena. forms: S3_SIGV2_*. Returns false where path or query cannot be decoded. */
bool s3_sigv2_string_to_sign(struct arena *arena, const struct s3_sigv2_input *input, unsigned forms,
                             struct slice *string);
/* In constant time. */
bool s3_sigv2_is_equal(const unsigned char a[S3_SIGV2_BYTES], const unsigned char b[S3_SIGV2_BYTES]);

#endif
