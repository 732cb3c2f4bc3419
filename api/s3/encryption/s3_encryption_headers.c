/* SPDX-License-Identifier: MIT
 *
 * The headers that ask for encryption, and those that bring a customer's key. */
#include "api/s3/encryption/s3_encryption_internal.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>

#include "api/http/http.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/text/base64.h"

#define MD5_BYTES 16u

/* ---- A customer's key ---- */

struct customer_headers {
    struct slice algorithm, key, md5;
};

static struct customer_headers customer_headers(const struct s3_request *request,
                                                enum s3_encryption_side side)
{
    if (side == S3_ENCRYPTION_SOURCE)
        return (struct customer_headers){
            s3_request_header(request, "x-amz-copy-source-server-side-encryption-customer-algorithm"),
            s3_request_header(request, "x-amz-copy-source-server-side-encryption-customer-key"),
            s3_request_header(request, "x-amz-copy-source-server-side-encryption-customer-key-md5"),
        };
    return (struct customer_headers){
        s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_CUSTOMER),
        s3_request_header(request, "x-amz-server-side-encryption-customer-key"),
        s3_request_header(request, "x-amz-server-side-encryption-customer-key-md5"),
    };
}

/* A key that anybody on the way can read is none. */
static bool is_private(const struct s3_request *request)
{
    return s3_service_takes_web_plain_http(request->service) || http_request_is_private(request->http);
}

static enum s3_error refuse(enum s3_error error, const char **message, const char *text)
{
    *message = text;
    return error;
}

/* Nothing is told of its value: it may be a key. */
static enum s3_error refuse_customer(struct s3_request *request, enum s3_encryption_side side,
                                     const char *what, const char *text)
{
    struct slice name = arena_concat(&request->http->arena,
                                     side == S3_ENCRYPTION_SOURCE
                                         ? SLICE("x-amz-copy-source-server-side-encryption-customer-")
                                         : SLICE("x-amz-server-side-encryption-customer-"),
                                     slice_text(what));

    return s3_request_argument(request, name, slice_of(NULL, 0), text);
}

static bool md5_matches(const struct seal_key *key, struct slice text)
{
    struct digest_values values;
    unsigned char md5[MD5_BYTES];

    return base64_decode(text, md5, sizeof(md5)) == 0 &&
           digest_buffer(DIGEST_BIT(DIGEST_MD5), key->bytes, sizeof(key->bytes), &values) == 0 &&
           CRYPTO_memcmp(md5, values.value[DIGEST_MD5], sizeof(md5)) == 0;
}

enum s3_error encryption_customer_read(struct s3_request *request, enum s3_encryption_side side,
                                       struct seal_key *key, bool *given, const char **message)
{
    struct customer_headers headers;

    *given = side == S3_ENCRYPTION_SOURCE ? request->effective.decrypts_source : request->effective.encrypts;
    if (!*given)
        return S3_ERROR_NONE; /* as nearly always */
    headers = customer_headers(request, side);
    *given = headers.algorithm.base != NULL || headers.key.base != NULL || headers.md5.base != NULL;
    if (!*given)
        return S3_ERROR_NONE;
    if (!is_private(request))
        return refuse(S3_ERROR_INVALID_REQUEST, message,
                      "Requests specifying Server Side Encryption with Customer provided keys must be made "
                      "over a secure connection.");
    if (headers.algorithm.base == NULL)
        return refuse_customer(
            request, side, "algorithm",
            "Requests specifying Server Side Encryption with Customer provided keys must provide a "
            "valid encryption algorithm.");
    if (!slice_is(headers.algorithm, "AES256"))
        return refuse(S3_ERROR_INVALID_ENCRYPTION_ALGORITHM, message, NULL);
    if (headers.key.base == NULL)
        return refuse_customer(
            request, side, "key",
            "Requests specifying Server Side Encryption with Customer provided keys must provide an "
            "appropriate secret key.");
    if (headers.md5.base == NULL)
        return refuse_customer(
            request, side, "key-MD5",
            "Requests specifying Server Side Encryption with Customer provided keys must provide "
            "the client calculated MD5 of the secret key.");
    if (base64_decode(headers.key, key->bytes, sizeof(key->bytes)) != 0)
        return refuse_customer(request, side, "key",
                               "The secret key was invalid for the specified algorithm.");
    if (!md5_matches(key, headers.md5))
        return refuse_customer(
            request, side, "key-MD5",
            "The calculated MD5 hash of the key did not match the hash that was provided.");
    return S3_ERROR_NONE;
}

/* ---- What is wanted ---- */

struct slice encryption_key_name(struct slice id)
{
    for (size_t i = id.len; i > 0; i--)
        if (id.base[i - 1] == '/')
            return slice_from(id, i);
    return id;
}

/* base64 of a JSON object with texts alone, as KMS has it. What is kept is the JSON. */
static bool context_read(struct s3_request *request, struct slice text, struct slice *context)
{
    ssize_t length = base64_decoded_length(text);
    const char *name;
    json_t *json, *value;
    char *bytes;
    bool is_good;

    if (length <= 0 || length > (ssize_t)ENVELOPE_CONTEXT_BYTES_MAX)
        return false;
    bytes = s3_request_alloc(request, (size_t)length);
    if (base64_decode(text, bytes, (size_t)length) != 0)
        return false;
    json = json_loadb(bytes, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
    is_good = json_is_object(json);
    if (is_good)
        json_object_foreach(json, name, value) is_good = is_good && json_is_string(value);
    json_decref(json);
    *context = slice_of(bytes, (size_t)length);
    return is_good;
}

static enum s3_error read_kms(struct s3_request *request, struct encryption_wish *wish, const char **message)
{
    struct slice context = s3_request_header(request, "x-amz-server-side-encryption-context");
    struct slice bucket_key = s3_request_header(request, "x-amz-server-side-encryption-bucket-key-enabled");

    wish->how = ENVELOPE_KMS;
    wish->name = encryption_key_name(s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_KEY));
    wish->bucket_key = slice_is_nocase(bucket_key, "true");
    if (context.base != NULL && !context_read(request, context, &wish->context))
        return s3_request_argument_header(
            request, "x-amz-server-side-encryption-context",
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string "
            "holding JSON which represents a string-string map, of at most 2048 bytes");
    return S3_ERROR_NONE;
}

enum s3_error encryption_wish_read(struct s3_request *request, struct encryption_wish *wish,
                                   const char **message)
{
    struct slice method = s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION);
    bool has_customer;

    *wish = (struct encryption_wish){0};
    if (!request->effective.encrypts)
        return S3_ERROR_NONE;
    has_customer = s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_CUSTOMER).base != NULL ||
                   s3_request_header(request, "x-amz-server-side-encryption-customer-key").base != NULL;

    if (has_customer && method.base != NULL)
        return s3_request_argument_effective(
            request, S3_EFFECTIVE_ENCRYPTION,
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified");
    if (has_customer) {
        wish->how = ENVELOPE_CUSTOMER;
        return S3_ERROR_NONE;
    }
    if (slice_is(method, "aws:kms"))
        return read_kms(request, wish, message);
    if (s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_KEY).base != NULL ||
        s3_request_header(request, "x-amz-server-side-encryption-context").base != NULL)
        return s3_request_argument_effective(
            request, S3_EFFECTIVE_ENCRYPTION,
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms");
    if (slice_is(method, "AES256"))
        wish->how = ENVELOPE_S3;
    else if (slice_is(method, "aws:kms:dsse"))
        return refuse(S3_ERROR_NOT_IMPLEMENTED, message, "Objects are not encrypted twice (aws:kms:dsse).");
    else if (method.base != NULL)
        return s3_request_argument_effective(request, S3_EFFECTIVE_ENCRYPTION,
                                             "The encryption method specified is not supported");
    return S3_ERROR_NONE;
}
