/* SPDX-License-Identifier: MIT
 *
 * See s3_oidc.h. Nothing that a token says is used before it is verified, but its issuer and its key's id, which choose among what the
 * operator has configured. */
#include "api/s3/web_auth/s3_oidc.h"

#include <errno.h>

#include "api/identity/key_source.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/web_auth/s3_roles.h"
#include "storage/base/clock.h"

static enum s3_error refuse(struct s3_request *request, enum s3_error error, const char *message)
{
    s3_request_explain(request, error, message);
    return error;
}

bool s3_oidc_is_token(struct slice text)
{
    const char *first = memchr(text.base, '.', text.len);

    return first != NULL && memchr(first + 1, '.', text.len - (size_t)(first + 1 - text.base)) != NULL;
}

/* A new key may have been published since the keys were read. */
static enum s3_error refuse_unknown_key(struct s3_request *request, const struct s3_issuer *issuer)
{
    if (!key_source_want_newer(issuer->keys))
        return refuse(request, S3_ERROR_WRONG_CREDENTIALS,
                      "The token was signed with a key that its issuer does not have.");
    return refuse(request, S3_ERROR_SERVICE_UNAVAILABLE,
                  "The keys of the token's issuer are being read. Try again.");
}

static enum s3_error judge(struct s3_request *request, const struct s3_issuer *issuer, struct jwt *jwt,
                           const struct jwt_claims **claims, bool *is_expired)
{
    unsigned worker = http_worker_index(http_request_worker(request->http));
    const struct jwt_expectation expectation = {slice_text(issuer->name), issuer->audiences,
                                                issuer->audience_count, clock_real_ms() / 1000,
                                                s3_service_known_tokens(request->service, worker)};
    struct jwk_set *keys = key_source_keys(issuer->keys);
    enum jwt_verdict verdict;
    const char *parts[2];

    if (keys == NULL)
        return refuse_unknown_key(request, issuer);
    verdict = jwt_verify(jwt, keys, &expectation, claims);
    jwk_set_unref(keys);
    if (verdict == JWT_GOOD)
        return S3_ERROR_NONE;
    *is_expired = verdict == JWT_EXPIRED;
    if (verdict == JWT_UNKNOWN_KEY)
        return refuse_unknown_key(request, issuer);
    parts[0] = "The token is not taken: ";
    parts[1] = jwt_verdict_text(verdict);
    return refuse(request, S3_ERROR_WRONG_CREDENTIALS,
                  arena_concat(&request->http->arena, slice_text(parts[0]), slice_text(parts[1])).base);
}

/* For a door that knows what it means; the token goes. */
static struct slice keep_claim(struct s3_request *request, const struct jwt_claims *claims, const char *name)
{
    char number[JWT_NUMBER_BYTES];
    struct slice text = jwt_claim(claims, name, number);

    return text.base != NULL ? arena_dup(&request->http->arena, text.base, text.len) : text;
}

static enum s3_error assume(struct s3_request *request, const struct s3_issuer *issuer, struct slice role,
                            const struct jwt_claims *claims)
{
    const struct s3_identity *identity;

    switch (
        s3_credentials_assume(request->credentials, issuer, role, claims, &request->http->arena, &identity)) {
    case 0:
        s3_request_identify(request, identity);
        request->claims.are_there = true;
        request->claims.scopes = keep_claim(request, claims, "scp");
        request->claims.repository = keep_claim(request, claims, "repository_id");
        request->claims.access = keep_claim(request, claims, "ac");
        return S3_ERROR_NONE;
    case -ENOENT:
        return refuse(request, S3_ERROR_ACCESS_DENIED,
                      role.base != NULL ? "There is no such role for this token."
                                        : "No role fits this token.");
    default:
        return refuse(request, S3_ERROR_ACCESS_DENIED,
                      "The token lacks a claim that its role's scopes are made of.");
    }
}

static struct slice claim_of(struct s3_request *request, const struct jwt_claims *claims, const char *name)
{
    char number[JWT_NUMBER_BYTES];
    struct slice value = jwt_claim(claims, name, number);

    return value.base != NULL ? slice_of(s3_request_string(request, value), value.len) : value;
}

enum s3_error s3_oidc_verify(struct s3_request *request, struct slice text)
{
    struct s3_oidc_said said;

    return s3_oidc_verify_role(request, text, slice_of(NULL, 0), &said);
}

enum s3_error s3_oidc_verify_role(struct s3_request *request, struct slice text, struct slice role,
                                  struct s3_oidc_said *said)
{
    const struct s3_issuer *issuer;
    const struct jwt_claims *claims;
    enum s3_error error;
    struct jwt *jwt;
    int result = jwt_parse(text, &jwt);

    *said = (struct s3_oidc_said){0};
    if (result == -ENOMEM)
        return S3_ERROR_INTERNAL_ERROR;
    if (result != 0)
        return refuse(request, S3_ERROR_WRONG_CREDENTIALS,
                      result == -ENOTSUP ? "The token is signed in a way that is not taken."
                                         : "The token cannot be read.");
    issuer = s3_credentials_issuer(request->credentials, jwt_unverified_issuer(jwt));
    if (issuer == NULL || issuer->keys == NULL)
        error = refuse(request, S3_ERROR_WRONG_CREDENTIALS, "The token's issuer is not known here.");
    else if ((error = judge(request, issuer, jwt, &claims, &said->is_expired)) == S3_ERROR_NONE &&
             (error = assume(request, issuer, role, claims)) == S3_ERROR_NONE)
        *said = (struct s3_oidc_said){.subject = claim_of(request, claims, "sub"),
                                      .audience = claim_of(request, claims, "aud"),
                                      .issuer = slice_text(issuer->name)};
    jwt_free(jwt);
    return error;
}
