/* SPDX-License-Identifier: MIT
 *
 * What one worker has derived from one set of credentials: signing keys of version 4 by key, day and region, S3_SIGNING_KEYS_MAX of them,
 * and a context to sign with. Those that are wanted again stay, what was not used for longest makes room.
 *
 * It belongs to the set (s3_credentials_signing_keys), is wiped with it, and is used by one thread: no lock is taken. A key that is found
 * and one that is derived differ in time by a microsecond; both are of an access key that the set has. */
#ifndef API_S3_AUTH_S3_SIGNING_KEYS_H
#define API_S3_AUTH_S3_SIGNING_KEYS_H

#include "api/s3/auth/s3_hash.h"
#include "storage/base/slice.h"

struct s3_identity;
struct s3_signing_keys;

struct s3_signing_keys *s3_signing_keys_create(void);    /* NULL without memory */
void s3_signing_keys_free(struct s3_signing_keys *keys); /* NULL allowed */

/* The identity's signing key for date (8 digits) and region (up to S3_SIGV4_REGION_BYTES_MAX); secret is the identity's. Valid until the
 * next call. */
const unsigned char *s3_signing_keys_get(struct s3_signing_keys *keys, const struct s3_identity *identity,
                                         struct slice secret, const char *date, struct slice region);
/* To hash with beside it. As long-lived as the keys. */
struct s3_hash *s3_signing_keys_hash(struct s3_signing_keys *keys);
/* How many were derived so far. */
unsigned long long s3_signing_keys_derived(const struct s3_signing_keys *keys);

#endif
