/* SPDX-License-Identifier: MIT
 *
 * The verification of one signature, in S3's order: scope, key, time, signed headers, signature. Where it
 * fails, the answer tells what was computed, so that an author of a client can see where the two sides
 * differ; the key never shows.
 *
 * On the worker's thread; no I/O. */
#include "api/s3/auth/s3_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/operations.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/session/s3_session_identity.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

static struct slice from_string(const char *string)
{
    return slice_text(string);
}

static struct slice copy_string(struct s3_request *request, const char *string)
{
    return arena_dup_text(&request->http->arena, string);
}

/* ---- Scope and time ---- */

static enum s3_error malformed(struct s3_verification *verification, const char *what)
{
    struct s3_request *request = verification->request;
    bool is_presigned = verification->is_presigned;
    enum s3_error error =
        is_presigned ? S3_ERROR_AUTHORIZATION_QUERY_PARAMETERS : S3_ERROR_AUTHORIZATION_HEADER_MALFORMED;
    char message[256];

    snprintf(message, sizeof(message), "%s%s",
             is_presigned ? "Error parsing the X-Amz-Credential parameter; "
                          : "The authorization header is malformed; ",
             what);
    s3_request_explain(request, error, copy_string(request, message).base);
    return error;
}

/* Which part of the credential it is, and what it should be. format: for both. */
__attribute__((format(printf, 2, 0))) static enum s3_error
malformed_part(struct s3_verification *verification, const char *format, struct slice given,
               const char *expected)
{
    char what[192];

    snprintf(what, sizeof(what), format, given.len < 64 ? (int)given.len : 64, given.base, expected);
    return malformed(verification, what);
}

/* The region is told in an element of its own: SDKs take it from there and try again. */
static enum s3_error wrong_region(struct s3_verification *verification, const char *expected)
{
    char what[192];

    s3_request_element(verification->request, S3_ELEMENT_REGION, from_string(expected));
    snprintf(what, sizeof(what), "the region '%.*s' is wrong; expecting '%s'",
             (int)verification->claim.region.len, verification->claim.region.base, expected);
    return malformed(verification, what);
}

bool s3_verify_region(struct s3_request *request, struct slice region)
{
    request->is_misdirected =
        request->form_sha256.base == NULL && /* STS answers in any region */
        !slice_is(region, s3_service_region(request->service)) &&
        !s3_service_takes_any_region(request->service) &&
        (request->operation == NULL || (request->operation->flags & S3_OPERATION_ANY_REGION) == 0);
    return !request->is_misdirected;
}

/* What the signature has to be for: STS has a name of its own. */
static struct slice service_of(const struct s3_verification *verification)
{
    return verification->request->form_sha256.base != NULL ? SLICE("sts") : SLICE("s3");
}

static enum s3_error check_scope(struct s3_verification *verification, const char *timestamp)
{
    const struct s3_sigv4_claim *claim = &verification->claim;

    if (!slice_is(claim->terminator, "aws4_request"))
        return malformed_part(verification, "incorrect terminal \"%.*s\". This endpoint uses \"%s\".",
                              claim->terminator, "aws4_request");
    if (!slice_equals(claim->service, service_of(verification)))
        return malformed_part(verification, "incorrect service \"%.*s\". This endpoint belongs to \"%s\".",
                              claim->service, service_of(verification).base);
    if (!slice_equals(claim->date, slice_of(timestamp, 8)))
        return malformed_part(
            verification,
            "Invalid credential date \"%.*s\". This date is not the same as X-Amz-Date: \"%s\".", claim->date,
            timestamp);
    if (!s3_verify_region(verification->request, claim->region))
        return wrong_region(verification, s3_service_region(verification->request->service));
    return S3_ERROR_NONE;
}

/* As S3 writes it: the client's own time as the client wrote it, the server's with dashes and colons. */
static void tell_client_time(struct s3_request *request, enum s3_element element, int64_t unix_seconds)
{
    char timestamp[17];

    s3_sigv4_format_time(unix_seconds, timestamp);
    s3_request_element(request, element, copy_string(request, timestamp));
}

static void tell_time(struct s3_request *request, enum s3_element element, int64_t unix_seconds)
{
    char text[S3_TIME_ISO_BYTES + 1];

    s3_time_iso_format(unix_seconds * 1000, text);
    memcpy(text + strlen("2026-11-29T20:00:00"), "Z", 2); /* without its fraction */
    s3_request_element(request, element, copy_string(request, text));
}

enum s3_error s3_verify_skew(struct s3_request *request, int64_t signed_at_s, int64_t now)
{
    int64_t age = now - signed_at_s;

    if (age <= S3_CLOCK_SKEW_SECONDS && age >= -S3_CLOCK_SKEW_SECONDS)
        return S3_ERROR_NONE;
    tell_client_time(request, S3_ELEMENT_REQUEST_TIME, signed_at_s);
    tell_time(request, S3_ELEMENT_SERVER_TIME, now);
    s3_request_element(request, S3_ELEMENT_MAX_SKEW, SLICE("900000"));
    return S3_ERROR_REQUEST_TIME_TOO_SKEWED;
}
_Static_assert(S3_CLOCK_SKEW_SECONDS == 900, "the text above names it");

enum s3_error s3_verify_expired(struct s3_request *request, int64_t expires_s, int64_t now)
{
    tell_time(request, S3_ELEMENT_EXPIRES, expires_s);
    tell_time(request, S3_ELEMENT_SERVER_TIME, now);
    return S3_ERROR_REQUEST_EXPIRED;
}

static enum s3_error check_time(const struct s3_verification *verification)
{
    struct s3_request *request = verification->request;
    int64_t age = verification->now - verification->signed_at;

    if (!verification->is_presigned)
        return s3_verify_skew(request, verification->signed_at, verification->now);
    if (age < -S3_CLOCK_SKEW_SECONDS) {
        tell_time(request, S3_ELEMENT_SERVER_TIME, verification->now);
        return S3_ERROR_NOT_YET_VALID;
    }
    if (age <= verification->valid_seconds && verification->valid_seconds != 0)
        return S3_ERROR_NONE;
    s3_request_element_number(request, S3_ELEMENT_VALID_SECONDS, (uint64_t)verification->valid_seconds);
    return s3_verify_expired(request, verification->signed_at + verification->valid_seconds,
                             verification->now);
}

/* ---- Headers ---- */

/* Headers that the HTTP front interprets may be missing from the list; a client may have signed them all the
 * same. */
static void add_header(struct s3_sigv4_input *input, struct s3_sigv4_header *headers, const char *name,
                       struct slice value)
{
    for (size_t i = 0; i < input->header_count; i++)
        if (slice_is_nocase(headers[i].name, name))
            return;
    if (value.base == NULL)
        return;
    headers[input->header_count].name = from_string(name);
    headers[input->header_count].value = value;
    input->header_count++;
}

static void add_length(struct s3_request *request, struct s3_sigv4_input *input,
                       struct s3_sigv4_header *headers)
{
    uint64_t length = http_body_length(request->http);
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, length);
    add_header(input, headers, "content-length", copy_string(request, digits));
}

static void collect_headers(struct s3_request *request, struct slice signed_headers,
                            struct s3_sigv4_input *input)
{
    const struct http_headers *list = &request->http->headers;
    struct s3_sigv4_header *headers = s3_request_alloc(request, (list->size + 4) * sizeof(*headers));

    for (size_t i = 0; i < list->size; i++) {
        headers[i].name = list->entries[i].name;
        headers[i].value = list->entries[i].value;
    }
    input->headers = headers;
    input->header_count = list->size;
    add_header(input, headers, "host", request->http->authority);
    if (http_body_is_expected(request->http))
        add_header(input, headers, "expect", from_string("100-continue"));
    if (http_body_length(request->http) == UINT64_MAX)
        add_header(input, headers, "transfer-encoding", from_string("chunked"));
    else if (s3_sigv4_is_signed(signed_headers, SLICE("content-length")))
        add_length(request, input, headers);
}

static bool lacks_signature(const struct s3_verification *verification, struct slice name)
{
    if (slice_is_nocase(name, "x-minio-extract")) /* it makes another object of the key */
        return !s3_sigv4_is_signed(verification->claim.signed_headers, name);
    return slice_has_prefix_nocase(name, "x-amz-") && !slice_equals(verification->payload_header, name) &&
           !s3_sigv4_is_signed(verification->claim.signed_headers, name);
}

/* Host, every x-amz-* header and those of MinIO that count must be signed, or somebody on the way could add meaning to a request. */
static enum s3_error check_signed_headers(const struct s3_verification *verification,
                                          const struct s3_sigv4_input *input)
{
    struct s3_request *request = verification->request;
    struct slice *missing = NULL; /* with what separates them */
    size_t count = 0;

    for (size_t i = 0; i <= input->header_count; i++) {
        struct slice name = i == 0 ? SLICE("host") : input->headers[i - 1].name;
        bool lacks = i == 0 ? !s3_sigv4_is_signed(verification->claim.signed_headers, name)
                            : lacks_signature(verification, name);

        if (!lacks)
            continue;
        if (missing == NULL)
            missing = s3_request_alloc(request, 2 * (input->header_count + 1) * sizeof(*missing));
        if (count > 0)
            missing[count++] = SLICE(", ");
        missing[count++] = name;
    }
    if (count == 0)
        return S3_ERROR_NONE;
    s3_request_element(request, S3_ELEMENT_HEADERS_NOT_SIGNED,
                       arena_join(&request->http->arena, missing, count));
    return S3_ERROR_HEADERS_NOT_SIGNED;
}

/* ---- Signature ---- */

/* How the claim is to be compared. */
struct signing {
    const char *timestamp, *scope;
    struct s3_hash *hash;
    const unsigned char *key;
};

struct attempt {
    struct slice canonical, string_to_sign;
};

struct s3_signing_keys *s3_verify_signing_keys(struct s3_request *request)
{
    return s3_credentials_signing_keys(request->credentials,
                                       http_worker_index(http_request_worker(request->http)));
}

static bool try_form(const struct s3_verification *verification, const struct s3_sigv4_input *input,
                     unsigned forms, const struct signing *signing, struct attempt *attempt)
{
    struct arena *arena = &verification->request->http->arena;
    unsigned char expected[32];

    if (!s3_sigv4_canonical_request(arena, input, verification->claim.signed_headers, forms,
                                    &attempt->canonical))
        return false;
    attempt->string_to_sign =
        s3_sigv4_string_to_sign(arena, signing->hash, signing->timestamp, signing->scope, attempt->canonical);
    s3_sigv4_sign(signing->hash, signing->key, attempt->string_to_sign, expected);
    return s3_sigv4_is_equal(expected, verification->claim.signature);
}

static enum s3_error mismatch(const struct s3_verification *verification, const struct attempt *attempt)
{
    struct s3_request *request = verification->request;
    char *signature = s3_request_alloc(request, 65);

    hex_encode(verification->claim.signature, 32, signature);
    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, verification->claim.access_key);
    s3_request_element(request, S3_ELEMENT_STRING_TO_SIGN, attempt->string_to_sign);
    s3_request_element(request, S3_ELEMENT_SIGNATURE_PROVIDED, from_string(signature));
    s3_request_element(request, S3_ELEMENT_CANONICAL_REQUEST, attempt->canonical);
    return S3_ERROR_SIGNATURE_DOES_NOT_MATCH;
}

static enum s3_error compare(const struct s3_verification *verification, const struct s3_sigv4_input *input,
                             const struct signing *signing)
{
    struct attempt first = {{NULL, 0}, {NULL, 0}}, other;

    if (try_form(verification, input, 0, signing, &first))
        return S3_ERROR_NONE;
    for (unsigned forms = 1; forms <= (S3_SIGV4_RAW_PATH | S3_SIGV4_RAW_QUERY); forms++)
        if (try_form(verification, input, forms, signing, &other))
            return S3_ERROR_NONE;
    return mismatch(verification, &first);
}

static void init_input(const struct s3_verification *verification, struct s3_sigv4_input *input)
{
    struct s3_request *request = verification->request;
    struct slice path = request->http->path;
    const char *question = memchr(path.base, '?', path.len);
    size_t path_length = question != NULL ? (size_t)(question - path.base) : path.len;

    input->method = request->http->method;
    input->path = slice_of(path.base, path_length);
    input->query = SLICE("");
    if (question != NULL)
        input->query = slice_of(question + 1, path.len - path_length - 1);
    input->payload_hash = verification->payload_hash;
    collect_headers(request, verification->claim.signed_headers, input);
}

/* ---- The whole ---- */

static void on_pool_cleared(void *slot)
{
    s3_chunk_signer_unref(*(struct s3_chunk_signer **)slot);
}

/* Ties the signer's reference to the request's arena. */
static enum s3_error make_chunk_signer(const struct s3_verification *verification,
                                       const struct signing *signing)
{
    struct s3_request *request = verification->request;
    struct s3_chunk_signer **slot;

    if (request->payload != S3_PAYLOAD_CHUNKS_SIGNED && request->payload != S3_PAYLOAD_CHUNKS_SIGNED_TRAILER)
        return S3_ERROR_NONE;
    request->chunk_signer = s3_chunk_signer_create(signing->key, signing->timestamp, signing->scope,
                                                   verification->claim.signature);
    if (request->chunk_signer == NULL)
        return S3_ERROR_SERVICE_UNAVAILABLE;
    slot = arena_alloc_hooked(&request->http->arena, sizeof(*slot), on_pool_cleared);
    *slot = request->chunk_signer;
    return S3_ERROR_NONE;
}

/* "20130524/us-east-1/s3/aws4_request" */
static void scope_format(const char *timestamp, struct slice region, struct slice service,
                         char scope[S3_SIGV4_SCOPE_BYTES_MAX + 1])
{
    static const char rest[] = "/aws4_request";
    _Static_assert(8 + 1 + S3_SIGV4_REGION_BYTES_MAX + 1 + 3 + sizeof(rest) <= S3_SIGV4_SCOPE_BYTES_MAX + 1,
                   "it fits");

    memcpy(scope, timestamp, 8);
    scope[8] = '/';
    (void)slice_copy(scope + 9, region);
    scope[9 + region.len] = '/';
    (void)slice_copy(scope + 10 + region.len, service);
    memcpy(scope + 10 + region.len + service.len, rest, sizeof(rest));
}

static enum s3_error check_signature(const struct s3_verification *verification,
                                     const struct s3_identity *identity, const char *timestamp)
{
    struct slice region = verification->claim.region;
    struct s3_signing_keys *keys = s3_verify_signing_keys(verification->request);
    char scope[S3_SIGV4_SCOPE_BYTES_MAX + 1];
    struct s3_sigv4_input input;
    struct signing signing = {.timestamp = timestamp, .scope = scope};
    unsigned char key[S3_SIGV4_KEY_BYTES];
    enum s3_error error;

    if (keys == NULL)
        return S3_ERROR_SERVICE_UNAVAILABLE;
    scope_format(timestamp, region, service_of(verification), scope);
    init_input(verification, &input);
    error = check_signed_headers(verification, &input);
    if (error != S3_ERROR_NONE)
        return error;
    signing.hash = s3_signing_keys_hash(keys);
    if (verification->request->form_sha256.base != NULL) {
        s3_identity_derive_key(identity, keys, timestamp, region, service_of(verification), key);
        signing.key = key;
    } else {
        signing.key = s3_identity_signing_key(identity, keys, timestamp, region);
    }
    error = compare(verification, &input, &signing);
    if (error == S3_ERROR_NONE)
        error = make_chunk_signer(verification, &signing);
    OPENSSL_cleanse(key, sizeof(key));
    return error;
}

enum s3_error s3_verify(struct s3_verification *verification)
{
    struct s3_request *request = verification->request;
    const struct s3_sigv4_claim *claim = &verification->claim;
    const struct s3_identity *identity;
    char timestamp[17];
    enum s3_error error;

    s3_sigv4_format_time(verification->signed_at, timestamp);
    error = check_scope(verification, timestamp);
    if (error == S3_ERROR_NONE)
        error = s3_session_identify(request, claim->access_key, request->session_token, &identity);
    if (error != S3_ERROR_NONE)
        return error;
    error = check_time(verification);
    if (error == S3_ERROR_NONE)
        error = check_signature(verification, identity, timestamp);
    if (error != S3_ERROR_NONE)
        return error;
    s3_request_identify(request, identity);
    request->is_presigned = verification->is_presigned;
    request->signed_at_s = verification->signed_at;
    return S3_ERROR_NONE;
}
