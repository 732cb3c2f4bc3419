/* SPDX-License-Identifier: MIT
 *
 * Signatures of chunks and trailers. Any thread; no I/O. What bytes a chunk has is told by aws_chunked.c,
 * their digest by the digest threads. */
#include "api/s3/auth/s3_chunk_signer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/hex.h"

_Static_assert(DIGEST_CHUNK_TAG_BYTES == 64, "a tag holds two signatures");

struct s3_chunk_signer {
    atomic_uint references;
    atomic_bool has_refused;
    unsigned char key[32], seed[32];
    char timestamp[17];
    char scope[S3_SIGV4_SCOPE_BYTES_MAX + 1];
    struct digest_chunk_ops ops;
};

static void release(void *ctx)
{
    s3_chunk_signer_unref(ctx);
}

struct s3_chunk_signer *s3_chunk_signer_create(const unsigned char key[32], const char *timestamp,
                                               const char *scope, const unsigned char seed[32])
{
    struct s3_chunk_signer *signer = calloc(1, sizeof(*signer));

    if (signer == NULL)
        return NULL;
    atomic_init(&signer->references, 1);
    memcpy(signer->key, key, 32);
    memcpy(signer->seed, seed, 32);
    snprintf(signer->timestamp, sizeof(signer->timestamp), "%s", timestamp);
    snprintf(signer->scope, sizeof(signer->scope), "%s", scope);
    signer->ops = (struct digest_chunk_ops){.verify = s3_chunk_verify, .released = release, .ctx = signer};
    return signer;
}

struct s3_chunk_signer *s3_chunk_signer_ref(struct s3_chunk_signer *signer)
{
    atomic_fetch_add_explicit(&signer->references, 1, memory_order_relaxed);
    return signer;
}

void s3_chunk_signer_unref(struct s3_chunk_signer *signer)
{
    if (signer == NULL || atomic_fetch_sub_explicit(&signer->references, 1, memory_order_acq_rel) != 1)
        return;
    OPENSSL_cleanse(signer->key, sizeof(signer->key));
    free(signer);
}

const unsigned char *s3_chunk_signer_seed(const struct s3_chunk_signer *signer)
{
    return signer->seed;
}

bool s3_chunk_signer_has_refused(const struct s3_chunk_signer *signer)
{
    return atomic_load_explicit(&signer->has_refused, memory_order_relaxed);
}

const struct digest_chunk_ops *s3_chunk_signer_ops(struct s3_chunk_signer *signer)
{
    return &signer->ops;
}

void s3_chunk_tag(struct digest_chunk *chunk, const unsigned char claimed[32],
                  const unsigned char previous[32])
{
    memcpy(chunk->tag, claimed, 32);
    memcpy(chunk->tag + 32, previous, 32);
}

/* lines: what follows the previous signature in the string to sign. */
static int compare(struct s3_chunk_signer *signer, const char *algorithm, const unsigned char claimed[32],
                   const unsigned char previous[32], const char *lines)
{
    char previous_hex[65] = {0}, text[512];
    unsigned char expected[32];
    int length;

    hex_encode(previous, 32, previous_hex);
    length = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s", algorithm, signer->timestamp, signer->scope,
                      previous_hex, lines);
    if (length > 0 && (size_t)length < sizeof(text)) {
        s3_sigv4_sign(NULL, signer->key, slice_of(text, (size_t)length), expected);
        if (s3_sigv4_is_equal(expected, claimed))
            return 0;
    }
    atomic_store_explicit(&signer->has_refused, true, memory_order_relaxed);
    return -EBADMSG;
}

int s3_chunk_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
    char lines[sizeof(empty_hash) + 64];

    memcpy(lines, empty_hash, sizeof(empty_hash) - 1);
    hex_encode(sha256, 32, lines + sizeof(empty_hash) - 1);
    lines[sizeof(lines) - 1] = '\0';
    return compare(ctx, S3_SIGV4_ALGORITHM "-PAYLOAD", chunk->tag, chunk->tag + 32, lines);
}

int s3_chunk_signer_verify_trailers(struct s3_chunk_signer *signer, const char *trailers, size_t length,
                                    const unsigned char claimed[32], const unsigned char previous[32])
{
    unsigned char digest[32];
    char hex[65] = {0};

    s3_sha256(trailers, length, digest);
    hex_encode(digest, 32, hex);
    return compare(signer, S3_SIGV4_ALGORITHM "-TRAILER", claimed, previous, hex);
}
