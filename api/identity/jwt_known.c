/* SPDX-License-Identifier: MIT
 *
 * See jwt_known.h. */
#include "api/identity/jwt_known.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "api/identity/limits.h"

struct entry {
    uint64_t set; /* 0: there is none */
    unsigned char digest[JWT_DIGEST_BYTES];
};

struct jwt_known {
    struct entry entries[JWT_KNOWN_MAX];
};

struct jwt_known *jwt_known_create(void)
{
    return calloc(1, sizeof(struct jwt_known));
}

void jwt_known_destroy(struct jwt_known *known)
{
    free(known);
}

bool jwt_known_digest(struct slice token, unsigned char digest[JWT_DIGEST_BYTES])
{
    return EVP_Digest(token.base, token.len, digest, NULL, EVP_sha256(), NULL) == 1;
}

/* Each digest has one place. */
static size_t place_of(const unsigned char *digest)
{
    uint64_t word;

    memcpy(&word, digest, sizeof(word));
    return word % JWT_KNOWN_MAX;
}

bool jwt_known_has(const struct jwt_known *known, const unsigned char digest[JWT_DIGEST_BYTES], uint64_t set)
{
    const struct entry *entry = &known->entries[place_of(digest)];

    /* How far a digest agrees is no secret worth much, but it costs nothing to keep it. */
    return entry->set == set && set != 0 && CRYPTO_memcmp(entry->digest, digest, JWT_DIGEST_BYTES) == 0;
}

void jwt_known_add(struct jwt_known *known, const unsigned char digest[JWT_DIGEST_BYTES], uint64_t set)
{
    struct entry *entry = &known->entries[place_of(digest)];

    entry->set = set;
    memcpy(entry->digest, digest, JWT_DIGEST_BYTES);
}
