/* SPDX-License-Identifier: MIT
 *
 * The public keys of an issuer: a JWK set (RFC 7517, RFC 7518 6, RFC 8037). What a key may verify is fixed by its kind, never by what a
 * token says: RSA is for RS256, P-256 for ES256, Ed25519 for EdDSA. A set never changes once it is read. */
#ifndef API_IDENTITY_JWK_H
#define API_IDENTITY_JWK_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/identity/limits.h"
#include "storage/base/slice.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

enum jwt_algorithm {
    JWT_ALGORITHM_UNKNOWN,
    JWT_RS256,
    JWT_ES256,
    JWT_EDDSA,
};

struct jwk {
    enum jwt_algorithm algorithm;
    char kid[JWT_KID_BYTES_MAX + 1]; /* empty: it has none */
    struct evp_pkey_st *key;
};

struct jwk_set {
    atomic_uint references;
    uint64_t number; /* which no other set of this process has; 1 or more */
    unsigned count;
    struct jwk keys[JWK_KEYS_MAX];
};

/* The algorithm of that name as `alg` has it: "RS256", "ES256", "EdDSA"; else JWT_ALGORITHM_UNKNOWN. Pure. */
enum jwt_algorithm jwt_algorithm_of_name(struct slice name);

/* Reads {"keys": [...]}. Keys of other kinds, and keys that are not for signatures, are passed over as RFC 7517 5 asks. *set has one
 * reference, the caller's. 0; -EBADMSG: it is no such set, a key of a kind that is known is wrong, or none is left; -E2BIG: beyond
 * JWK_SET_BYTES_MAX or JWK_KEYS_MAX; -ENOMEM. Any thread. */
int jwk_set_parse(struct slice text, struct jwk_set **set);
struct jwk_set *jwk_set_ref(struct jwk_set *set);
void jwk_set_unref(struct jwk_set *set); /* NULL allowed */

#endif
