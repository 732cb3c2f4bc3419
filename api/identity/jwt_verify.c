/* SPDX-License-Identifier: MIT
 *
 * Judges tokens. See jwt.h. */
#include "api/identity/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "api/identity/jwt_internal.h"
#include "api/identity/jwt_known.h"

#define P256_NUMBER_BYTES  32u
#define P256_DER_BYTES_MAX 72u
#define TIME_SECONDS_MAX   253402300799.0 /* the end of the year 9999 */

/* ---- The signature ---- */

/* JWS has the two numbers of an ECDSA signature in a row (RFC 7518 3.4), OpenSSL wants them in DER. 0: they are none. */
static size_t der_of_numbers(const unsigned char *numbers, unsigned char der[P256_DER_BYTES_MAX])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(numbers, P256_NUMBER_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(numbers + P256_NUMBER_BYTES, P256_NUMBER_BYTES, NULL);
    int length = 0;

    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        unsigned char *at = der;

        r = s = NULL; /* the signature's */
        length =
            i2d_ECDSA_SIG(signature, NULL) <= (int)P256_DER_BYTES_MAX ? i2d_ECDSA_SIG(signature, &at) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return length > 0 ? (size_t)length : 0;
}

static bool signature_holds(const struct jwt *jwt, const struct jwk *key)
{
    const EVP_MD *digest =
        key->algorithm == JWT_EDDSA ? NULL : EVP_sha256(); /* RSA: PKCS 1 v1.5 without being asked */
    const unsigned char *signature = jwt->signature;
    size_t length = jwt->signature_length;
    unsigned char der[P256_DER_BYTES_MAX];
    EVP_MD_CTX *context;
    bool holds;

    if (key->algorithm == JWT_ES256) {
        if (length != 2 * P256_NUMBER_BYTES || (length = der_of_numbers(signature, der)) == 0)
            return false;
        signature = der;
    }
    context = EVP_MD_CTX_new();
    holds = context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key->key) == 1 &&
            EVP_DigestVerify(context, signature, length, (const unsigned char *)jwt->signed_text.base,
                             jwt->signed_text.len) == 1;
    EVP_MD_CTX_free(context);
    return holds;
}

/* A token that names a key is tried with that one alone. */
static enum jwt_verdict judge_signature(const struct jwt *jwt, const struct jwk_set *keys)
{
    struct slice kid = jwt_unverified_key_id(jwt);
    enum jwt_verdict verdict = JWT_UNKNOWN_KEY;

    for (unsigned i = 0; i < keys->count; i++) {
        const struct jwk *key = &keys->keys[i];

        if (kid.base != NULL && !slice_is(kid, key->kid))
            continue;
        verdict = JWT_WRONG_SIGNATURE;
        if (key->algorithm == jwt->algorithm && signature_holds(jwt, key))
            return JWT_GOOD;
    }
    return verdict;
}

/* The same, but for a token that was good before, with these keys. */
static enum jwt_verdict judge_again(const struct jwt *jwt, const struct jwk_set *keys,
                                    struct jwt_known *known)
{
    unsigned char digest[JWT_DIGEST_BYTES];
    enum jwt_verdict verdict;

    if (known == NULL || !jwt_known_digest(jwt->text, digest))
        return judge_signature(jwt, keys);
    if (jwt_known_has(known, digest, keys->number))
        return JWT_GOOD;
    verdict = judge_signature(jwt, keys);
    if (verdict == JWT_GOOD)
        jwt_known_add(known, digest, keys->number);
    return verdict;
}

/* ---- What it is about ---- */

static bool audience_fits(const json_t *value, const struct jwt_expectation *expectation)
{
    struct slice audience;

    if (!json_is_string(value))
        return false;
    audience = slice_of(json_string_value(value), json_string_length(value));
    for (unsigned i = 0; i < expectation->audience_count; i++) {
        if (slice_equals(audience, expectation->audiences[i]))
            return true;
    }
    return false;
}

/* One text, or a list of them (RFC 7519 4.1.3). */
static bool has_audience(const json_t *claim, const struct jwt_expectation *expectation)
{
    if (!json_is_array(claim))
        return audience_fits(claim, expectation);
    for (size_t i = 0; i < json_array_size(claim) && i < JWT_AUDIENCES_MAX; i++) {
        if (audience_fits(json_array_get(claim, i), expectation))
            return true;
    }
    return false;
}

/* A NumericDate. False: it is none. *seconds stays what it was where there is no such claim. */
static bool read_time(const json_t *object, const char *name, double *seconds)
{
    const json_t *value = json_object_get(object, name);
    double number;

    if (value == NULL)
        return true;
    number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number <= TIME_SECONDS_MAX))
        return false;
    *seconds = number;
    return true;
}

static enum jwt_verdict judge_times(const json_t *object, int64_t now_s)
{
    double expires = -1, begins = 0, issued = 0, now = (double)now_s;

    if (!read_time(object, "exp", &expires) || !read_time(object, "nbf", &begins) ||
        !read_time(object, "iat", &issued) || expires < 0)
        return JWT_WRONG_TIME;
    if (now >= expires + JWT_CLOCK_SKEW_S)
        return JWT_EXPIRED;
    return begins > now + JWT_CLOCK_SKEW_S || issued > now + JWT_CLOCK_SKEW_S ? JWT_WRONG_TIME : JWT_GOOD;
}

enum jwt_verdict jwt_verify(struct jwt *jwt, const struct jwk_set *keys,
                            const struct jwt_expectation *expectation, const struct jwt_claims **claims)
{
    const json_t *object = jwt->claims.object;
    enum jwt_verdict verdict = judge_again(jwt, keys, expectation->known);

    *claims = NULL;
    if (verdict != JWT_GOOD)
        return verdict;
    if (expectation->issuer.len == 0 || !slice_equals(jwt_unverified_issuer(jwt), expectation->issuer))
        return JWT_WRONG_ISSUER;
    if (!has_audience(json_object_get(object, "aud"), expectation))
        return JWT_WRONG_AUDIENCE;
    if ((verdict = judge_times(object, expectation->now_s)) == JWT_GOOD)
        *claims = &jwt->claims;
    return verdict;
}
