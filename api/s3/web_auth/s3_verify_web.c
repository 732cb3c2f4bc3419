/* SPDX-License-Identifier: MIT
 *
 * Basic and Bearer: whose secret it is. A secret that anybody on the way could have read is not looked at, and nobody is invited to send
 * one there. Worker's thread. */
#include "api/s3/web_auth/s3_verify_web.h"

#include <stdio.h>
#include <string.h>

#include "api/s3/web_auth/s3_attempts.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/s3_door.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/web_auth/s3_oidc.h"
#include "api/s3/web_auth/s3_verify_certificate.h"
#include "storage/base/clock.h"

#define INSECURE                                                                                             \
    "Requests with Basic or Bearer credentials must be made over a secure connection: HTTPS, or on the "     \
    "server's own machine. The option --web-auth-plain-http takes them on others, where they can be read."

enum s3_web_scheme s3_verify_web_scheme(const struct s3_request *request)
{
    return s3_service_takes_web(request->service)
               ? s3_web_scheme_of(s3_request_header(request, "authorization"))
               : S3_WEB_NONE;
}

bool s3_verify_web_is_safe(const struct s3_request *request)
{
    return s3_service_takes_web_plain_http(request->service) || http_request_is_private(request->http);
}

bool s3_verify_web_may_show(const struct s3_request *request)
{
    return s3_service_takes_web(request->service) && s3_verify_web_is_safe(request);
}

/* ---- Judging ---- */

static struct s3_identity *find(const struct s3_request *request, const struct s3_web_claim *claim)
{
    return claim->scheme == S3_WEB_BASIC
               ? s3_credentials_find_shown(request->credentials, slice_of(claim->name, claim->name_length),
                                           claim->digest)
               : s3_credentials_find_token(request->credentials, claim->digest);
}

static enum s3_error refuse_for_now(struct s3_request *request, unsigned seconds)
{
    char text[12];
    int length = snprintf(text, sizeof(text), "%u", seconds);

    s3_answer_header(request, "retry-after", text, (size_t)length);
    return S3_ERROR_TOO_MANY_ATTEMPTS;
}

enum s3_error s3_verify_web_claim(struct s3_request *request, const struct s3_web_claim *claim)
{
    struct s3_attempts *attempts = s3_service_attempts(request->service);
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    uint64_t now_ms = clock_monotonic_ms();
    struct s3_identity *identity;
    struct s3_attempt attempt;
    unsigned wait_s;

    (void)http_request_client(request->http, &address); /* who cannot be told any more has gone */
    if ((wait_s = s3_attempts_begin(attempts, &address, claim, now_ms, &attempt)) != 0)
        return refuse_for_now(request, wait_s);
    if ((identity = find(request, claim)) == NULL) {
        s3_attempts_wrong(attempts, &attempt, now_ms);
        return S3_ERROR_WRONG_CREDENTIALS;
    }
    s3_attempts_right(attempts, &attempt);
    s3_request_identify(request, identity);
    return S3_ERROR_NONE;
}

static enum s3_error judge(struct s3_request *request, const struct s3_web_claim *claim)
{
    enum s3_error error = s3_verify_web_claim(request, claim);

    if (error != S3_ERROR_NONE)
        return error;
    request->web = claim->scheme;
    /* A browser may have sent it for a page, which could look into what it opens. */
    if (claim->scheme == S3_WEB_BASIC)
        s3_browser_confine(request);
    return S3_ERROR_NONE;
}

/* Of one that an issuer has signed. A signature is not to be guessed, so wrong ones do not count. A token of ours may look like that, too. */
static bool is_of_issuer(const struct s3_request *request, struct slice authorization)
{
    struct s3_web_claim claim;

    return s3_credentials_has_issuers(request->credentials) &&
           s3_oidc_is_token(s3_web_bearer(authorization)) && !s3_web_is_wrapped(authorization) &&
           !(s3_web_read(authorization, &claim) && find(request, &claim) != NULL);
}

enum s3_error s3_verify_web(struct s3_request *request)
{
    struct slice authorization = s3_request_header(request, "authorization");
    struct s3_web_claim claim;

    if (!s3_verify_web_is_safe(request)) {
        s3_request_explain(request, S3_ERROR_INVALID_REQUEST, INSECURE);
        return S3_ERROR_INVALID_REQUEST;
    }
    if (is_of_issuer(request, authorization)) {
        request->web = S3_WEB_BEARER;
        return s3_oidc_verify(request, s3_web_bearer(authorization));
    }
    /* What cannot be anybody's tells nothing of what is: it does not count as a guess. */
    return s3_web_read(authorization, &claim) ? judge(request, &claim) : S3_ERROR_WRONG_CREDENTIALS;
}

/* ---- Inviting ---- */

static bool speaks_s3(const struct s3_request *request)
{
    const struct http_headers *headers = &request->http->headers;

    for (size_t i = 0; i < headers->size; i++)
        if (slice_has_prefix(headers->entries[i].name, "x-amz-") ||
            slice_has_prefix(headers->entries[i].name, "amz-sdk-"))
            return true;
    return false;
}

static bool is_stranger(const struct s3_request *request)
{
    return request->identity == NULL && !request->is_signed && !request->is_form &&
           s3_request_header(request, "authorization").len == 0 && !speaks_s3(request) &&
           !s3_verify_certificate_has(request);
}

enum s3_error s3_verify_web_challenge(struct s3_request *request, enum s3_error error)
{
    if (error == S3_ERROR_ACCESS_DENIED && is_stranger(request) &&
        !s3_credentials_is_open(request->credentials) && s3_verify_web_may_show(request) &&
        !s3_door_is_closed(request))
        error = S3_ERROR_NO_CREDENTIALS;
    if (error == S3_ERROR_NO_CREDENTIALS || error == S3_ERROR_WRONG_CREDENTIALS) {
        s3_answer_header(request, "www-authenticate", LITERAL("Basic realm=\"sluice\", charset=\"UTF-8\""));
        s3_answer_header(request, "www-authenticate", LITERAL("Bearer realm=\"sluice\""));
    }
    return error;
}
