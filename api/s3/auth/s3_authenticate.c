/* SPDX-License-Identifier: MIT
 *
 * Who asks: reads the claim of a signature from the Authorization header or the query, and how the body is
 * signed. The claim is judged by s3_verify.c; a secret that is shown instead, by s3_verify_web.c. A request without a signature is anonymous; where no key is
 * configured, nobody's signature is looked at.
 *
 * On the worker's thread. */
#include <string.h>
#include <time.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/operations.h"
#include "api/s3/s3_request.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/auth/s3_verify.h"
#include "api/s3/auth/s3_verify_v2.h"
#include "api/s3/web_auth/s3_verify_certificate.h"
#include "api/s3/web_auth/s3_verify_web.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

#define UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define V2_SCHEME        "AWS "
/* SHA-256 of nothing */
#define EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum claim_form {
    CLAIM_NONE,
    CLAIM_HEADER,    /* Authorization: AWS4-HMAC-SHA256 ... */
    CLAIM_QUERY,     /* X-Amz-Algorithm=AWS4-HMAC-SHA256&... */
    CLAIM_HEADER_V2, /* Authorization: AWS key:signature */
    CLAIM_QUERY_V2,  /* AWSAccessKeyId=key&Expires=...&Signature=... */
    CLAIM_WEB,       /* Authorization: Basic ..., Bearer ... */
    CLAIM_UNKNOWN,   /* of a kind that AWS has, but not this server */
};

static struct slice parameter_value(const struct s3_request *request, const char *name)
{
    const struct s3_parameter *parameter = s3_request_parameter(request, name);

    return parameter != NULL ? parameter->value : slice_of(NULL, 0);
}

static enum s3_error refuse(struct s3_request *request, enum s3_error error, const char *message)
{
    s3_request_explain(request, error, message);
    return error;
}

/* ---- The payload ---- */

/* x-amz-content-sha256, which presigned requests may carry as a parameter; base NULL when there is none. */
static struct slice payload_text(const struct s3_request *request)
{
    struct slice text = s3_request_header(request, "x-amz-content-sha256");

    return text.base != NULL || !s3_request_has(request, "X-Amz-Signature")
               ? text
               : parameter_value(request, "X-Amz-Content-Sha256");
}

static enum s3_error take_payload(struct s3_request *request, struct slice text)
{
    static const struct {
        const char *text;
        enum s3_payload payload;
    } table[] = {
        {UNSIGNED_PAYLOAD, S3_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", S3_PAYLOAD_CHUNKS_SIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", S3_PAYLOAD_CHUNKS_SIGNED_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", S3_PAYLOAD_CHUNKS_UNSIGNED_TRAILER},
    };

    request->payload = S3_PAYLOAD_UNSIGNED;
    if (text.base == NULL)
        return S3_ERROR_NONE;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (slice_is(text, table[i].text)) {
            request->payload = table[i].payload;
            return S3_ERROR_NONE;
        }
    }
    if (hex_decode(text.base, text.len, request->payload_sha256, 32)) {
        request->payload = S3_PAYLOAD_SHA256;
        return S3_ERROR_NONE;
    }
    if (slice_has_prefix_nocase(text, "STREAMING-AWS4-ECDSA-"))
        return S3_ERROR_NOT_IMPLEMENTED;
    return s3_request_argument(
        request, SLICE("x-amz-content-sha256"), text,
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid "
        "sha256 value.");
}

/* ---- The claim ---- */

/* base NULL: there is none. An empty one claims nothing. */
static struct slice authorization_of(const struct s3_request *request)
{
    struct slice value = s3_request_header(request, "authorization");

    return value.len != 0 ? value : slice_of(NULL, 0);
}

static bool has_query_v2(const struct s3_request *request)
{
    return s3_request_has(request, "AWSAccessKeyId") && s3_request_has(request, "Signature");
}

/* A scheme of AWS's shows no secret, so what is wrong with it may be told. */
static enum s3_error refuse_authorization(struct s3_request *request, const char *message)
{
    struct slice header = authorization_of(request);

    return s3_request_argument(request, SLICE("authorization"),
                               slice_has_prefix_nocase(header, "AWS") ? header : slice_of(NULL, 0), message);
}

static enum s3_error find_claim(struct s3_request *request, enum claim_form *form)
{
    struct slice header = authorization_of(request);
    bool has_query = s3_request_has(request, "X-Amz-Algorithm") ||
                     s3_request_has(request, "X-Amz-Signature") ||
                     s3_request_has(request, "X-Amz-Credential");
    bool has_query_2 = has_query_v2(request);

    *form = has_query ? CLAIM_QUERY : has_query_2 ? CLAIM_QUERY_V2 : CLAIM_NONE;
    if (has_query + has_query_2 + (header.base != NULL) > 1)
        return refuse_authorization(
            request, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
                     "query string "
                     "parameter or the Authorization header should be specified");
    if (header.base == NULL)
        return S3_ERROR_NONE;
    if (slice_has_prefix_nocase(header, S3_SIGV4_ALGORITHM) && header.len > strlen(S3_SIGV4_ALGORITHM) &&
        header.base[strlen(S3_SIGV4_ALGORITHM)] == ' ')
        *form = CLAIM_HEADER;
    else if (slice_has_prefix_nocase(header, V2_SCHEME))
        *form = CLAIM_HEADER_V2;
    else if (slice_has_prefix_nocase(header, "AWS4-"))
        *form = CLAIM_UNKNOWN;
    else if (s3_verify_web_scheme(request) != S3_WEB_NONE)
        *form = CLAIM_WEB;
    else
        return refuse_authorization(request, "Unsupported Authorization Type");
    return S3_ERROR_NONE;
}

/* curl's --aws-sigv4 sends no x-amz-content-sha256 in its older releases, and signs the hash of nothing, also where it sends a file. That
 * file is not signed then, as with UNSIGNED-PAYLOAD; a document must be. */
static enum s3_error imply_payload_hash(struct s3_verification *verification)
{
    struct s3_request *request = verification->request;
    bool reads = request->method == S3_GET || request->method == S3_HEAD || request->method == S3_DELETE;

    if (!reads && http_body_length(request->http) != 0 &&
        (request->operation == NULL || (request->operation->flags & S3_OPERATION_BYTES) == 0))
        return refuse(request, S3_ERROR_INVALID_REQUEST,
                      "Missing required header for this request: x-amz-content-sha256");
    verification->payload_hash = SLICE(EMPTY_PAYLOAD);
    return S3_ERROR_NONE;
}

static enum s3_error read_header_claim(struct s3_verification *verification)
{
    struct s3_request *request = verification->request;
    struct slice value = authorization_of(request);
    struct slice date = s3_request_header(request, "x-amz-date");
    size_t algorithm = strlen(S3_SIGV4_ALGORITHM);
    const char *problem;
    enum s3_error error;

    verification->payload_header = SLICE("x-amz-content-sha256");
    verification->payload_hash = request->form_sha256.base != NULL
                                     ? request->form_sha256
                                     : s3_request_header(request, "x-amz-content-sha256");
    if (verification->payload_hash.base == NULL &&
        (error = imply_payload_hash(verification)) != S3_ERROR_NONE)
        return error;
    value = slice_of(value.base + algorithm, value.len - algorithm);
    error = s3_sigv4_parse_authorization(value, &verification->claim, &problem);
    if (error != S3_ERROR_NONE)
        return refuse(request, error, problem);
    if (date.base == NULL)
        date = s3_request_header(request, "date");
    if (date.base == NULL || !s3_sigv4_parse_time(date, &verification->signed_at))
        return refuse(request, S3_ERROR_ACCESS_DENIED,
                      "AWS authentication requires a valid Date or x-amz-date header");
    return S3_ERROR_NONE;
}

static bool parse_seconds(struct slice text, int64_t *seconds)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > 7)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
        value = value * 10 + (text.base[i] - '0');
    }
    *seconds = value;
    return true;
}

static enum s3_error read_query_claim(struct s3_verification *verification)
{
    const enum s3_error error = S3_ERROR_AUTHORIZATION_QUERY_PARAMETERS;
    struct s3_request *request = verification->request;
    struct s3_sigv4_claim *claim = &verification->claim;
    struct slice algorithm = parameter_value(request, "X-Amz-Algorithm");
    struct slice credential = parameter_value(request, "X-Amz-Credential");
    struct slice signature = parameter_value(request, "X-Amz-Signature");
    struct slice date = parameter_value(request, "X-Amz-Date");
    struct slice expires = parameter_value(request, "X-Amz-Expires");

    claim->signed_headers = parameter_value(request, "X-Amz-SignedHeaders");
    verification->is_presigned = true;
    /* Whoever presigns a request to STS signs the body that it has; one to S3 may leave that out. */
    verification->payload_hash =
        request->form_sha256.base != NULL ? request->form_sha256 : payload_text(request);
    if (verification->payload_hash.base == NULL)
        verification->payload_hash = SLICE(UNSIGNED_PAYLOAD);
    if (algorithm.base == NULL || credential.base == NULL || signature.base == NULL || date.base == NULL ||
        expires.base == NULL || claim->signed_headers.len == 0)
        return refuse(request, error,
                      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                      "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    if (!slice_is(algorithm, S3_SIGV4_ALGORITHM))
        return refuse(request, error, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    if (!s3_sigv4_parse_credential(credential, claim))
        return refuse(request, error,
                      "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
                      "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    if (!hex_decode(signature.base, signature.len, claim->signature, 32))
        return refuse(request, error, "X-Amz-Signature must be 64 hexadecimal digits");
    if (!s3_sigv4_parse_time(date, &verification->signed_at))
        return refuse(request, error,
                      "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    if (expires.len > 1 && expires.base[0] == '-')
        return refuse(request, error, "X-Amz-Expires must be non-negative");
    if (!parse_seconds(expires, &verification->valid_seconds))
        return refuse(request, error, "X-Amz-Expires should be a number");
    if (verification->valid_seconds > S3_PRESIGN_SECONDS_MAX)
        return refuse(request, error, "X-Amz-Expires must be less than a week (in seconds) that is 604800");
    return S3_ERROR_NONE;
}

/* base NULL: there is none. SDKs put it into the query in letters of either kind. */
static struct slice token_of(const struct s3_request *request)
{
    struct slice token = s3_request_header(request, "x-amz-security-token");

    if (token.base == NULL)
        token = parameter_value(request, "X-Amz-Security-Token");
    return token.base != NULL ? token : parameter_value(request, "x-amz-security-token");
}

static enum s3_error verify_claim(struct s3_request *request, enum claim_form form)
{
    struct s3_verification verification = {.request = request, .now = (int64_t)time(NULL)};
    bool is_v2 = form == CLAIM_HEADER_V2 || form == CLAIM_QUERY_V2;
    struct slice token = token_of(request);
    enum s3_error error;

    if (form == CLAIM_UNKNOWN || (is_v2 && !s3_service_takes_v2(request->service)))
        return refuse(
            request, S3_ERROR_INVALID_REQUEST,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    if (token.base != NULL && form == CLAIM_WEB) {
        s3_request_element(request, S3_ELEMENT_TOKEN, token);
        return refuse(request, S3_ERROR_INVALID_TOKEN,
                      "A session signs its requests: its token goes with no other credentials.");
    }
    request->session_token = token;
    if (form == CLAIM_WEB)
        return s3_verify_web(request);
    if (form == CLAIM_HEADER_V2)
        return s3_verify_v2_header(request, slice_from(authorization_of(request), strlen(V2_SCHEME)),
                                   verification.now);
    if (form == CLAIM_QUERY_V2)
        return s3_verify_v2_query(request, verification.now);
    error = form == CLAIM_HEADER ? read_header_claim(&verification) : read_query_claim(&verification);
    return error != S3_ERROR_NONE ? error : s3_verify(&verification);
}

/* Nothing to compare with. Clients that sign all the same behave like signing clients: they compare ETags. */
static void believe_claim(struct s3_request *request)
{
    bool is_v4 = s3_request_has(request, "X-Amz-Signature");

    request->is_signed_v2 = !is_v4 && has_query_v2(request) && s3_service_takes_v2(request->service);
    request->is_signed = (authorization_of(request).base != NULL &&
                          s3_web_scheme_of(authorization_of(request)) == S3_WEB_NONE) ||
                         is_v4 || request->is_signed_v2;
    request->is_presigned = (is_v4 && s3_request_has(request, "X-Amz-Algorithm")) || request->is_signed_v2;
}

static enum s3_error authenticate(struct s3_request *request)
{
    struct slice payload = payload_text(request);
    enum claim_form form;
    enum s3_error error;

    request->identity = NULL;
    request->owner_id = "";
    request->session_token = slice_of(NULL, 0);
    request->is_signed = request->is_presigned = request->is_signed_v2 = false;
    request->web = S3_WEB_NONE;
    error = take_payload(request, payload);
    if (error != S3_ERROR_NONE)
        return error;
    if (s3_credentials_is_open(request->credentials)) {
        believe_claim(request);
        return S3_ERROR_NONE;
    }
    error = find_claim(request, &form);
    if (error == S3_ERROR_NONE && form == CLAIM_NONE)
        s3_verify_certificate(request);
    if (error != S3_ERROR_NONE || form == CLAIM_NONE)
        return error;
    request->is_signed = form != CLAIM_WEB;
    return verify_claim(request, form);
}

/* ---- The calls ---- */

enum s3_error s3_request_admit(struct s3_request *request)
{
    if (request->is_admitted ||
        s3_credentials_admit(request->credentials, request->identity, clock_monotonic_ns())) {
        request->is_admitted = true;
        return S3_ERROR_NONE;
    }
    return S3_ERROR_SLOW_DOWN;
}

enum s3_error s3_authenticate(struct s3_request *request)
{
    enum s3_error error = authenticate(request);

    return error == S3_ERROR_NONE ? s3_request_admit(request) : error;
}

enum s3_error s3_authorize(const struct s3_request *request, struct slice bucket_name, unsigned rights)
{
    unsigned granted = s3_credentials_rights(request->credentials, request->identity, bucket_name,
                                             (struct s3_reach){.kind = S3_REACH_BUCKET});

    if (s3_identity_session_policy(request->identity) != NULL)
        return S3_ERROR_ACCESS_DENIED; /* no policy can speak of it */
    return (granted & rights) == rights ? S3_ERROR_NONE : S3_ERROR_ACCESS_DENIED;
}
