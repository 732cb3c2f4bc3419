/* SPDX-License-Identifier: MIT
 *
 * What an error document says beside Code, Message, RequestId and HostId: which elements each error carries, in S3's order.
 *
 * An error's elements are in its row of the table in s3_error_elements.c, and the answer is written by that row alone: what
 * the request knows itself (bucket, key, upload, method ...) is filled in there, so that no caller can forget it; what only the place
 * knows that makes the error is given there by s3_request_element and its like (s3_request.h). Whatever was given that the row of the
 * error that is answered does not have is left out. An element that a row has to have and nobody gave is a fault of this program: the
 * answer goes without it, and the service's log says so.
 *
 * S3 has no Resource element, though its older pages show one. */
#ifndef API_S3_S3_ERROR_ELEMENTS_H
#define API_S3_S3_ERROR_ELEMENTS_H

#include <stdbool.h>

#include "api/s3/error/s3_error.h"
#include "storage/base/slice.h"

#define S3_ELEMENT_MAP(X)                                                                                    \
    X(ACCESS_KEY, "AWSAccessKeyId")                                                                          \
    X(ACTUAL_OBJECT_SIZE, "ActualObjectSize")                                                                \
    X(ACTUAL_PART_COUNT, "ActualPartCount")                                                                  \
    X(ADDITIONAL_MESSAGE, "additionalMessage")                                                               \
    X(ARGUMENT_NAME, "ArgumentName")                                                                         \
    X(ARGUMENT_VALUE, "ArgumentValue")                                                                       \
    X(BUCKET_NAME, "BucketName")                                                                             \
    X(CALCULATED_DIGEST, "CalculatedDigest")                                                                 \
    X(CANONICAL_REQUEST, "CanonicalRequest")                                                                 \
    X(CANONICAL_REQUEST_BYTES, "CanonicalRequestBytes")                                                      \
    X(CLIENT_SHA256, "ClientComputedContentSHA256")                                                          \
    X(CONDITION, "Condition")                                                                                \
    X(CONTENT_MD5, "Content-MD5")                                                                            \
    X(ETAG, "ETag")                                                                                          \
    X(EXPECTED_DIGEST, "ExpectedDigest")                                                                     \
    X(EXPIRES, "Expires")                                                                                    \
    X(HEADER, "Header")                                                                                      \
    X(HEADERS_NOT_SIGNED, "HeadersNotSigned")                                                                \
    X(KEY, "Key")                                                                                            \
    X(LOCATION_CONSTRAINT, "LocationConstraint")                                                             \
    X(MAX_MESSAGE_BYTES, "MaxMessageLengthBytes")                                                            \
    X(MAX_SIZE_ALLOWED, "MaxSizeAllowed")                                                                    \
    X(MAX_SKEW, "MaxAllowedSkewMilliseconds")                                                                \
    X(METHOD, "Method")                                                                                      \
    X(MIN_SIZE_ALLOWED, "MinSizeAllowed")                                                                    \
    X(MISSING_HEADER_NAME, "MissingHeaderName")                                                              \
    X(PART_NUMBER, "PartNumber")                                                                             \
    X(PART_NUMBER_REQUESTED, "PartNumberRequested")                                                          \
    X(PROPOSED_SIZE, "ProposedSize")                                                                         \
    X(RANGE_REQUESTED, "RangeRequested")                                                                     \
    X(REGION, "Region")                                                                                      \
    X(REQUEST_TIME, "RequestTime")                                                                           \
    X(RESOURCE_TYPE, "ResourceType")                                                                         \
    X(SERVER_SHA256, "S3ComputedContentSHA256")                                                              \
    X(SERVER_TIME, "ServerTime")                                                                             \
    X(SIGNATURE_PROVIDED, "SignatureProvided")                                                               \
    X(SIZE, "Size")                                                                                          \
    X(STORAGE_CLASS, "StorageClassRequested")                                                                \
    X(STRING_TO_SIGN, "StringToSign")                                                                        \
    X(STRING_TO_SIGN_BYTES, "StringToSignBytes")                                                             \
    X(TAG_KEY, "TagKey")                                                                                     \
    X(TAG_VALUE, "TagValue")                                                                                 \
    X(TOKEN, "Token-0")                                                                                      \
    X(UPLOAD_ID, "UploadId")                                                                                 \
    X(VALID_SECONDS, "X-Amz-Expires")                                                                        \
    X(VERSION_ID, "VersionId")

enum s3_element {
    S3_ELEMENT_NONE = 0,
#define S3_ELEMENT_ENUM(name, text) S3_ELEMENT_##name,
    S3_ELEMENT_MAP(S3_ELEMENT_ENUM)
#undef S3_ELEMENT_ENUM
        S3_ELEMENT_COUNT,
};

/* The longest row, and its end. */
#define S3_ERROR_ELEMENTS_MAX 6

struct s3_element_use {
    unsigned char element; /* enum s3_element; S3_ELEMENT_NONE ends the row */
    bool may_miss;         /* S3 itself leaves it out at times */
};

/* What readers that know no request say of what they refuse: s3_request_refused takes it from there. */
struct s3_refusal {
    const char *message;      /* NULL: the error's own */
    struct slice name, value; /* of the argument or the tag; base NULL: S3 tells none */
};

/* The error's row: as many as there are, then one S3_ELEMENT_NONE. */
const struct s3_element_use *s3_error_elements(enum s3_error error);
const char *s3_element_name(enum s3_element element);

#endif
