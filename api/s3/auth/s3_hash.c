/* SPDX-License-Identifier: MIT
 *
 * See s3_hash.h. HMAC is made of two digests here (RFC 2104), for OpenSSL's own sets up three contexts with each new key. */
#include "api/s3/auth/s3_hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BLOCK_BYTES      64u /* of SHA-1 and SHA-256 alike */
#define DIGEST_BYTES_MAX 32u
#define INNER_PAD        0x36u
#define OUTER_PAD        0x5cu

/* An OpenSSL context by another name: headers need not know OpenSSL. */
struct s3_hash {
    EVP_MD_CTX *context; /* of one algorithm for good */
};

static EVP_MD *sha1, *sha256;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL); /* NULL: this build forbids it */
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* False: no memory, or no such algorithm. */
static bool begin(struct s3_hash *hash, const EVP_MD *algorithm)
{
    hash->context = algorithm != NULL ? EVP_MD_CTX_new() : NULL;
    if (hash->context == NULL)
        return false;
    if (EVP_DigestInit_ex2(hash->context, algorithm, NULL) == 1)
        return true;
    EVP_MD_CTX_free(hash->context);
    return false;
}

/* SHA over memory fails only without memory or without a provider, which begin() has found; no request can be judged then. */
static void digest_of_two(const struct s3_hash *hash, const void *first, size_t first_length,
                          const void *second, size_t second_length, unsigned char *digest)
{
    if (EVP_DigestInit_ex2(hash->context, NULL, NULL) != 1 ||
        EVP_DigestUpdate(hash->context, first, first_length) != 1 ||
        EVP_DigestUpdate(hash->context, second, second_length) != 1 ||
        EVP_DigestFinal_ex(hash->context, digest, NULL) != 1)
        abort();
}

static void hmac(const struct s3_hash *hash, const void *key, size_t key_length, const void *data,
                 size_t length, unsigned char *mac)
{
    size_t digest_length = (size_t)EVP_MD_CTX_get_size(hash->context);
    unsigned char pad[BLOCK_BYTES] = {0}, inner[DIGEST_BYTES_MAX];

    if (key_length > sizeof(pad))
        digest_of_two(hash, key, key_length, NULL, 0, pad);
    else
        memcpy(pad, key, key_length);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= INNER_PAD;
    digest_of_two(hash, pad, sizeof(pad), data, length, inner);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= INNER_PAD ^ OUTER_PAD;
    digest_of_two(hash, pad, sizeof(pad), inner, digest_length, mac);
    OPENSSL_cleanse(pad, sizeof(pad));
}

struct s3_hash *s3_hash_create(void)
{
    struct s3_hash *hash = malloc(sizeof(*hash));

    pthread_once(&fetch_once, fetch);
    if (hash != NULL && begin(hash, sha256))
        return hash;
    free(hash);
    return NULL;
}

void s3_hash_free(struct s3_hash *hash)
{
    if (hash == NULL)
        return;
    EVP_MD_CTX_free(hash->context); /* and wipes what it held */
    free(hash);
}

void s3_hash_sha256(struct s3_hash *hash, const void *data, size_t length, unsigned char digest[32])
{
    digest_of_two(hash, data, length, NULL, 0, digest);
}

void s3_hash_hmac_sha256(struct s3_hash *hash, const void *key, size_t key_length, const void *data,
                         size_t length, unsigned char mac[32])
{
    hmac(hash, key, key_length, data, length, mac);
}

/* ---- In one call ---- */

void s3_sha256(const void *data, size_t length, unsigned char digest[32])
{
    struct s3_hash hash;

    pthread_once(&fetch_once, fetch);
    if (!begin(&hash, sha256))
        abort();
    digest_of_two(&hash, data, length, NULL, 0, digest);
    EVP_MD_CTX_free(hash.context);
}

void s3_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length,
                    unsigned char mac[32])
{
    struct s3_hash hash;

    pthread_once(&fetch_once, fetch);
    if (!begin(&hash, sha256))
        abort();
    hmac(&hash, key, key_length, data, length, mac);
    EVP_MD_CTX_free(hash.context);
}

bool s3_hmac_sha1(const void *key, size_t key_length, const void *data, size_t length, unsigned char mac[20])
{
    struct s3_hash hash;

    pthread_once(&fetch_once, fetch);
    if (!begin(&hash, sha1))
        return false;
    hmac(&hash, key, key_length, data, length, mac);
    EVP_MD_CTX_free(hash.context);
    return true;
}
