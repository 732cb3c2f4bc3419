/* SPDX-License-Identifier: MIT
 *
 * What an error document says of its request without being told: names, sizes, the condition that did not hold. Nothing here is
 * asked for before a request has failed. */
#include "api/s3/error/s3_error_known.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/s3_resource_type.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/names.h"
#include "storage/base/slice.h"

static struct slice number(struct s3_request *request, uint64_t value)
{
    char *text = s3_request_alloc(request, 24);

    return slice_of(text, (size_t)snprintf(text, 24, "%" PRIu64, value));
}

static struct slice parameter(const struct s3_request *request, const char *name)
{
    const struct s3_parameter *found = s3_request_parameter(request, name);

    return found != NULL ? found->value : slice_of(NULL, 0);
}

static struct slice or_empty(struct slice text)
{
    return text.base != NULL ? text : SLICE("");
}

static struct slice key_of(const struct s3_request *request)
{
    return request->subject_key.base != NULL ? request->subject_key : or_empty(request->key);
}

/* As S3 counts it: names without their prefix, and values. */
static uint64_t metadata_bytes(const struct s3_request *request)
{
    const struct http_headers *headers = &request->http->headers;
    uint64_t bytes = 0;

    for (size_t i = 0; i < headers->size; i++)
        if (slice_has_prefix_nocase(headers->entries[i].name, "x-amz-meta-"))
            bytes += headers->entries[i].name.len - strlen("x-amz-meta-") + headers->entries[i].value.len;
    return bytes;
}

/* ---- Sizes ---- */

static struct slice size_of(struct s3_request *request, enum s3_error error)
{
    return number(request,
                  error == S3_ERROR_KEY_TOO_LONG ? (uint64_t)key_of(request).len : metadata_bytes(request));
}

static struct slice max_size_of(struct s3_request *request, enum s3_error error)
{
    return number(request, error == S3_ERROR_KEY_TOO_LONG         ? KEY_BYTES_MAX
                           : error == S3_ERROR_METADATA_TOO_LARGE ? S3_USER_METADATA_BYTES_MAX
                                                                  : S3_PUT_BYTES_MAX);
}

/* What the client announced. */
static struct slice proposed_size(struct s3_request *request)
{
    struct slice decoded = s3_request_header(request, "x-amz-decoded-content-length");
    uint64_t length = http_body_length(request->http);

    if (decoded.base != NULL)
        return decoded;
    if (request->method == S3_POST && request->selector == NULL)
        return slice_of(NULL, 0); /* of a form's length, how much its file is, is not known */
    return length != UINT64_MAX ? number(request, length) : slice_of(NULL, 0);
}

/* ---- Conditions ---- */

/* The first that is given. Where several may be, who judges them names the one that failed. */
static struct slice condition_of(const struct s3_request *request)
{
    static const char *const others[][2] = {
        {"if-unmodified-since", "If-Unmodified-Since"},
        {"if-modified-since", "If-Modified-Since"},
        {"x-amz-rename-source-if-match", "x-amz-rename-source-If-Match"},
        {"x-amz-rename-source-if-none-match", "x-amz-rename-source-If-None-Match"},
        {"x-amz-rename-source-if-unmodified-since", "x-amz-rename-source-If-Unmodified-Since"},
        {"x-amz-rename-source-if-modified-since", "x-amz-rename-source-If-Modified-Since"},
        {"x-amz-if-match-last-modified-time", "x-amz-if-match-last-modified-time"},
        {"x-amz-if-match-size", "x-amz-if-match-size"},
        {"x-amz-if-match-initiated-time", "x-amz-if-match-initiated-time"},
    };

    if (s3_request_effective(request, S3_EFFECTIVE_IF_MATCH).base != NULL)
        return SLICE("If-Match");
    if (s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH).base != NULL)
        return SLICE("If-None-Match");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (s3_request_header(request, others[i][0]).base != NULL)
            return slice_text(others[i][1]);
    return slice_of(NULL, 0);
}

/* ---- All of them ---- */

/* Of a text that was given, its bytes as hexadecimal digits with blanks between: who reads them sees what a terminal hides. */
static struct slice bytes_of(struct s3_request *request, enum s3_element element)
{
    struct slice text = request->elements != NULL ? request->elements[element] : slice_of(NULL, 0);
    char *bytes;

    if (text.len == 0)
        return slice_of(NULL, 0);
    bytes = s3_request_alloc(request, 3 * text.len);
    for (size_t i = 0; i < text.len; i++) {
        hex_encode((const unsigned char *)text.base + i, 1, bytes + 3 * i);
        bytes[3 * i + 2] = ' ';
    }
    return slice_of(bytes, 3 * text.len - 1);
}

static struct slice sent_sha256(const struct s3_request *request)
{
    struct slice header = s3_request_effective(request, S3_EFFECTIVE_CONTENT_SHA256);

    return header.base != NULL ? header : parameter(request, "X-Amz-Content-Sha256");
}

/* The header that asks for what is not done here, where it is one of the usual. */
static struct slice header_of(const struct s3_request *request)
{
    if (s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_CUSTOMER).base != NULL)
        return s3_effective_header(S3_EFFECTIVE_ENCRYPTION_CUSTOMER);
    if (request->effective.encrypts)
        return s3_effective_header(S3_EFFECTIVE_ENCRYPTION);
    return s3_request_header(request, "x-amz-write-offset-bytes").base != NULL
               ? SLICE("x-amz-write-offset-bytes")
               : slice_of(NULL, 0);
}

static struct slice token_of(const struct s3_request *request)
{
    struct slice header = s3_request_header(request, "x-amz-security-token");

    return header.base != NULL ? header : parameter(request, "X-Amz-Security-Token");
}

struct slice s3_error_known(struct s3_request *request, enum s3_error error, enum s3_element element)
{
    switch (element) {
    case S3_ELEMENT_BUCKET_NAME:
        return request->subject_bucket.base != NULL ? request->subject_bucket
                                                    : or_empty(request->bucket_name);
    case S3_ELEMENT_KEY:
        /* A conflict may be a bucket's. */
        return error == S3_ERROR_CONDITIONAL_REQUEST_CONFLICT && request->key.len == 0 ? slice_of(NULL, 0)
                                                                                       : key_of(request);
    case S3_ELEMENT_CONDITION:
        return condition_of(request);
    case S3_ELEMENT_CANONICAL_REQUEST_BYTES:
        return bytes_of(request, S3_ELEMENT_CANONICAL_REQUEST);
    case S3_ELEMENT_STRING_TO_SIGN_BYTES:
        return bytes_of(request, S3_ELEMENT_STRING_TO_SIGN);
    case S3_ELEMENT_CLIENT_SHA256:
        return sent_sha256(request);
    case S3_ELEMENT_CONTENT_MD5:
        return s3_request_header(request, "content-md5");
    case S3_ELEMENT_HEADER:
        return header_of(request);
    case S3_ELEMENT_MAX_SIZE_ALLOWED:
        return max_size_of(request, error);
    case S3_ELEMENT_METHOD:
        return request->http->method;
    case S3_ELEMENT_PROPOSED_SIZE:
        return proposed_size(request);
    case S3_ELEMENT_RANGE_REQUESTED:
        return s3_request_header(request, "range");
    case S3_ELEMENT_RESOURCE_TYPE:
        return slice_text(s3_resource_type(request));
    case S3_ELEMENT_SIZE:
        return size_of(request, error);
    case S3_ELEMENT_STORAGE_CLASS:
        return s3_request_effective(request, S3_EFFECTIVE_STORAGE_CLASS);
    case S3_ELEMENT_TOKEN:
        return token_of(request);
    case S3_ELEMENT_UPLOAD_ID:
        return parameter(request, "uploadId");
    case S3_ELEMENT_VERSION_ID:
        return s3_request_has(request, "versionId") ? parameter(request, "versionId")
                                                    : request->effective.copy_version;
    default:
        return slice_of(NULL, 0);
    }
}
