/* SPDX-License-Identifier: MIT
 *
 * SHA-256 and HMAC as signatures use them, by OpenSSL: its algorithms are fetched once in the process, and contexts are used again, since
 * fetching and allocating cost several times what hashing a request does.
 *
 * Calls abort the process only if the digest library cannot run at all. */
#ifndef API_S3_AUTH_S3_HASH_H
#define API_S3_AUTH_S3_HASH_H

#include <stdbool.h>
#include <stddef.h>

/* A context that is ready: it hashes as often as it is asked, and allocates nothing. One thread at a time. */
struct s3_hash;

struct s3_hash *s3_hash_create(void);    /* NULL without memory */
void s3_hash_free(struct s3_hash *hash); /* NULL allowed */
void s3_hash_sha256(struct s3_hash *hash, const void *data, size_t length, unsigned char digest[32]);
void s3_hash_hmac_sha256(struct s3_hash *hash, const void *key, size_t key_length, const void *data,
                         size_t length, unsigned char mac[32]);

/* The same with a context of their own. Any thread. */
void s3_sha256(const void *data, size_t length, unsigned char digest[32]);
void s3_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length,
                    unsigned char mac[32]);
/* For signatures of version 2. False: this OpenSSL does not have it. Any thread. */
bool s3_hmac_sha1(const void *key, size_t key_length, const void *data, size_t length, unsigned char mac[20]);

#endif
