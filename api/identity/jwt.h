/* SPDX-License-Identifier: MIT
 *
 * Signed tokens of an issuer: JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515), read and verified as RFC 8725 advises.
 *
 * What a token claims can be asked only of what jwt_verify gives: until then nothing but its issuer and its key id may be seen, which say
 * where to look for keys. Not shared by threads; sets of keys may be. */
#ifndef API_IDENTITY_JWT_H
#define API_IDENTITY_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/identity/jwk.h"
#include "storage/base/slice.h"

#define JWT_NUMBER_BYTES 24u /* of an integer as text, with its NUL */

struct jwt;
struct jwt_claims;
struct jwt_known;

/* Reads a token; what it says is not believed yet. `text` must outlive it. 0; -EBADMSG: it is none; -ENOTSUP: its algorithm is none of
 * ours ("none" included), or its header names a key itself (jku, x5u, jwk, x5c) or something critical (crit); -E2BIG; -ENOMEM. */
int jwt_parse(struct slice text, struct jwt **jwt);
void jwt_free(struct jwt *jwt); /* NULL allowed; its claims go with it */

/* Not verified: for finding the keys, and for nothing else. base NULL: it names none. */
struct slice jwt_unverified_issuer(const struct jwt *jwt);
struct slice jwt_unverified_key_id(const struct jwt *jwt);

/* What is expected of a token. */
struct jwt_expectation {
    struct slice issuer;           /* the whole of `iss` */
    const struct slice *audiences; /* one of them has to be in `aud` */
    unsigned audience_count;       /* 1 or more */
    int64_t now_s;                 /* seconds since 1970 */
    struct jwt_known
        *known; /* whose signature need not be verified again, and where a good one is noted; NULL: nowhere */
};

enum jwt_verdict {
    JWT_GOOD,
    JWT_UNKNOWN_KEY,     /* no key of that id and algorithm: the issuer may have newer ones */
    JWT_WRONG_SIGNATURE, /* or the key is of another kind than the token says; without memory this, too */
    JWT_WRONG_ISSUER,
    JWT_WRONG_AUDIENCE,
    JWT_WRONG_TIME, /* no `exp`, or a time that is none; issued in the future, or not valid yet */
    JWT_EXPIRED,
};

/* Signature first, then the rest. *claims, when JWT_GOOD: as long as the token. */
enum jwt_verdict jwt_verify(struct jwt *jwt, const struct jwk_set *keys,
                            const struct jwt_expectation *expectation, const struct jwt_claims **claims);
/* A few words, for logs and error messages. */
const char *jwt_verdict_text(enum jwt_verdict verdict);

/* A claim at the top as text: a string as it is, an integer in decimal, true and false by these names. base NULL: it is not there, or it is
 * of another type. `number` is for what is no string: it has to live as long as the slice. */
struct slice jwt_claim(const struct jwt_claims *claims, const char *name, char number[JWT_NUMBER_BYTES]);
/* `exp`, in seconds since 1970. */
int64_t jwt_claim_expiry_s(const struct jwt_claims *claims);

#endif
