/* SPDX-License-Identifier: MIT
 *
 * The verification of one signature of version 2. The string to sign has few things of a request in it (s3_sigv2.h); so first all is
 * refused that stands beside it and would count: else whoever has the URL of an upload could make another operation of it.
 *
 * On the worker's thread; no I/O. */
#include "api/s3/auth/s3_verify_v2.h"

#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv2.h"
#include "api/s3/auth/s3_verify.h"
#include "api/s3/s3_selector.h"
#include "api/s3/session/s3_session_identity.h"
#include "storage/base/text/base64.h"

#define EXPIRES_DIGITS_MAX 12u

struct verification {
    struct s3_request *request;
    bool is_presigned;
    struct slice access_key;
    unsigned char signature[S3_SIGV2_BYTES];
    struct slice date; /* as signed */
};

static enum s3_error refuse(struct s3_request *request, const char *message)
{
    s3_request_explain(request, S3_ERROR_ACCESS_DENIED, message);
    return S3_ERROR_ACCESS_DENIED;
}

static enum s3_error refuse_parameter(struct s3_request *request, struct slice name, const char *why)
{
    return refuse(request, arena_concat(&request->http->arena, SLICE("The parameter '"), name, SLICE("' "),
                                        slice_text(why), SLICE(" Please use AWS4-HMAC-SHA256."))
                               .base);
}

/* ---- What is not signed ---- */

/* "list-type" tells how an answer is written; without it the request is a listing, too. */
static bool counts_unsigned(const struct verification *verification, struct slice name)
{
    if (slice_has_prefix_nocase(name, "x-amz-"))
        return !verification->is_presigned; /* in a URL they stand for headers, and are signed as these */
    return slice_has_prefix_nocase(name, "response-") || s3_effective_is_condition(name) ||
           (s3_selector_selects(verification->request, name) && !slice_is(name, "list-type"));
}

static bool is_repeated(const struct s3_request *request, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (slice_equals_nocase(request->parameters[i].name, request->parameters[index].name))
            return true;
    return false;
}

static enum s3_error check_parameters(const struct verification *verification)
{
    struct s3_request *request = verification->request;

    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct s3_parameter *parameter = &request->parameters[i];
        bool is_signed = s3_sigv2_signs_parameter(parameter->name);

        if (!is_signed && counts_unsigned(verification, parameter->name))
            return refuse_parameter(request, parameter->name, "is not signed by Signature Version 2.");
        if (is_signed && (is_repeated(request, i) || s3_sigv2_is_ambiguous(parameter->value)))
            return refuse_parameter(
                request, parameter->name,
                "Signature Version 2 cannot sign this parameter without doubt about what it "
                "means. Please use AWS4-HMAC-SHA256.");
    }
    return S3_ERROR_NONE;
}

/* ---- The string to sign ---- */

/* SDKs hoist these into the query when they presign, and sign them as the headers that they were. */
static bool is_hoisted(struct slice name)
{
    return slice_has_prefix_nocase(name, "x-amz-") || slice_is_nocase(name, "content-type") ||
           slice_is_nocase(name, "content-md5");
}

static bool has_header(const struct s3_sigv4_header *headers, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(headers[i].name, name))
            return true;
    return false;
}

static void collect_headers(const struct verification *verification, struct s3_sigv2_input *input)
{
    struct s3_request *request = verification->request;
    const struct http_headers *list = &request->http->headers;
    struct s3_sigv4_header *headers =
        s3_request_alloc(request, (list->size + request->parameter_count) * sizeof(*headers));
    size_t count = 0;

    for (size_t i = 0; i < list->size; i++)
        headers[count++] = (struct s3_sigv4_header){list->entries[i].name, list->entries[i].value};
    for (size_t i = 0; verification->is_presigned && i < request->parameter_count; i++) {
        struct slice name;

        if (!is_hoisted(request->parameters[i].name))
            continue;
        name = arena_dup_lower(&request->http->arena, request->parameters[i].name);
        if (!has_header(headers, list->size, name))
            headers[count++] = (struct s3_sigv4_header){name, request->parameters[i].value};
    }
    input->headers = headers;
    input->header_count = count;
}

static void init_input(const struct verification *verification, struct s3_sigv2_input *input)
{
    struct s3_request *request = verification->request;
    struct slice path = request->http->path, query = {"", 0};
    const char *question = memchr(path.base, '?', path.len);

    if (question != NULL) {
        query = slice_of(question + 1, (size_t)(path.base + path.len - (question + 1)));
        path.len = (size_t)(question - path.base);
    }
    *input = (struct s3_sigv2_input){
        .method = request->http->method,
        .bucket = request->virtual_hosted ? request->bucket_name : SLICE(""),
        .path = path,
        .query = query,
        .date = verification->date,
    };
    collect_headers(verification, input);
}

static enum s3_error mismatch(const struct verification *verification, struct slice string)
{
    struct s3_request *request = verification->request;
    char *signature = s3_request_alloc(request, BASE64_ENCODED_BYTES(S3_SIGV2_BYTES) + 1);

    base64_encode(verification->signature, S3_SIGV2_BYTES, signature);
    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, verification->access_key);
    s3_request_element(request, S3_ELEMENT_STRING_TO_SIGN, string);
    s3_request_element(request, S3_ELEMENT_SIGNATURE_PROVIDED, slice_text(signature));
    return S3_ERROR_SIGNATURE_DOES_NOT_MATCH;
}

static enum s3_error compare(const struct verification *verification, const struct s3_identity *identity)
{
    struct arena *arena = &verification->request->http->arena;
    struct slice first = {NULL, 0}, string;
    struct s3_sigv2_input input;
    unsigned char expected[S3_SIGV2_BYTES];

    init_input(verification, &input);
    for (unsigned forms = 0; forms < S3_SIGV2_FORMS; forms++) {
        if (!s3_sigv2_string_to_sign(arena, &input, forms, &string))
            continue;
        if (first.base == NULL)
            first = string;
        if (!s3_identity_sign_v2(identity, string, expected))
            return S3_ERROR_INTERNAL_ERROR;
        if (s3_sigv2_is_equal(expected, verification->signature))
            return S3_ERROR_NONE;
    }
    return mismatch(verification, first);
}

/* ---- Together ---- */

/* Chunks are signed by what only version 4 has. */
static enum s3_error check_payload(struct s3_request *request)
{
    if (request->payload != S3_PAYLOAD_CHUNKS_SIGNED && request->payload != S3_PAYLOAD_CHUNKS_SIGNED_TRAILER)
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_INVALID_REQUEST,
                       "Signed chunks need a signature by AWS4-HMAC-SHA256.");
    return S3_ERROR_INVALID_REQUEST;
}

static enum s3_error find_identity(const struct verification *verification,
                                   const struct s3_identity **identity)
{
    return s3_session_identify(verification->request, verification->access_key,
                               verification->request->session_token, identity);
}

/* The time has been found good. */
static enum s3_error verify(const struct verification *verification, const struct s3_identity *identity,
                            int64_t signed_at_s)
{
    struct s3_request *request = verification->request;
    enum s3_error error;

    if ((error = check_payload(request)) != S3_ERROR_NONE ||
        (error = check_parameters(verification)) != S3_ERROR_NONE ||
        (error = compare(verification, identity)) != S3_ERROR_NONE)
        return error;
    s3_request_identify(request, identity);
    request->is_presigned = verification->is_presigned;
    request->is_signed_v2 = true;
    request->signed_at_s = signed_at_s;
    return S3_ERROR_NONE;
}

enum s3_error s3_verify_v2_header(struct s3_request *request, struct slice value, int64_t now)
{
    struct verification verification = {.request = request, .date = {"", 0}};
    struct slice date = s3_request_header(request, "x-amz-date");
    const struct s3_identity *identity;
    int64_t signed_at_s;
    enum s3_error error;

    if (!s3_sigv2_parse_authorization(value, &verification.access_key, verification.signature)) {
        return s3_request_argument_header(
            request, "authorization",
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
    }
    if (date.base == NULL)
        date = verification.date = slice_trim(s3_request_header(request, "date"));
    if (date.base == NULL || !s3_sigv4_parse_time(date, &signed_at_s))
        return refuse(request, "AWS authentication requires a valid Date or x-amz-date header");
    if ((error = find_identity(&verification, &identity)) != S3_ERROR_NONE ||
        (error = s3_verify_skew(request, signed_at_s, now)) != S3_ERROR_NONE)
        return error;
    return verify(&verification, identity, signed_at_s);
}

/* ---- Presigned ---- */

static bool parse_expires(struct slice text, int64_t *unix_s)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > EXPIRES_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
        value = value * 10 + (text.base[i] - '0');
    }
    *unix_s = value;
    return true;
}

/* A plus that was not encoded has become a blank. */
static struct slice with_plus(struct s3_request *request, struct slice text)
{
    char *copy = s3_request_string(request, text);

    for (size_t i = 0; i < text.len; i++)
        if (copy[i] == ' ')
            copy[i] = '+';
    return slice_of(copy, text.len);
}

static struct slice parameter_value(const struct s3_request *request, const char *name)
{
    const struct s3_parameter *parameter = s3_request_parameter(request, name);

    return parameter != NULL ? parameter->value : SLICE("");
}

enum s3_error s3_verify_v2_query(struct s3_request *request, int64_t now)
{
    struct verification verification = {
        .request = request,
        .is_presigned = true,
        .access_key = parameter_value(request, "AWSAccessKeyId"),
        .date = parameter_value(request, "Expires"),
    };
    struct slice signature = parameter_value(request, "Signature");
    const struct s3_identity *identity;
    int64_t expires_s;
    enum s3_error error;

    if (verification.access_key.len == 0 || verification.date.len == 0 || signature.len == 0)
        return refuse(
            request,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
    if (!parse_expires(verification.date, &expires_s))
        return refuse(request, "Invalid date (should be seconds since epoch)");
    if (!s3_sigv2_parse_signature(with_plus(request, signature), verification.signature))
        return refuse(request, "The parameter Signature is no signature of version 2");
    if ((error = find_identity(&verification, &identity)) != S3_ERROR_NONE)
        return error;
    if (now > expires_s)
        return s3_verify_expired(request, expires_s, now);
    return verify(&verification, identity, S3_SIGNED_AT_UNKNOWN);
}
