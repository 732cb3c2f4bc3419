/* SPDX-License-Identifier: MIT
 *
 * Tokens whose signature has been verified: a job shows the same one with each of its requests, and an RSA signature costs more than all else of a small
 * request. What is known is only that this very text was signed with a key of that very set: whose it is, for whom, and whether its time is over is asked
 * anew of each request, and once keys have been read again, so is the signature.
 *
 * Bounded; an entry goes when another falls on its place. Only who has good tokens puts something in. One thread at a time. */
#ifndef API_IDENTITY_JWT_KNOWN_H
#define API_IDENTITY_JWT_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct jwt_known;

struct jwt_known *jwt_known_create(void);        /* NULL without memory */
void jwt_known_destroy(struct jwt_known *known); /* NULL allowed */

/* A token's text, by its SHA-256. False: no digest could be made. */
#define JWT_DIGEST_BYTES 32u
bool jwt_known_digest(struct slice token, unsigned char digest[JWT_DIGEST_BYTES]);
/* set: the number of the set of keys. */
bool jwt_known_has(const struct jwt_known *known, const unsigned char digest[JWT_DIGEST_BYTES], uint64_t set);
void jwt_known_add(struct jwt_known *known, const unsigned char digest[JWT_DIGEST_BYTES], uint64_t set);

#endif
