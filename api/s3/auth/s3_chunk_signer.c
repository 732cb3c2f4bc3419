/* SPDX-License-Identifier: MIT
 *
 * Signatures of chunks and trailers. Any thread; no I/O. What bytes a chunk has is told by aws_chunked.c,
 * their digest by the digest threads. */
#include "api/s3/auth/s3_chunk_signer.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/hex.h"

/* of nothing: a chunk has no headers */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* "\nTIMESTAMP\nSCOPE\n" */
#define WHEN_AND_WHERE_BYTES (S3_SIGV4_SCOPE_BYTES_MAX + 24u)

_Static_assert(DIGEST_CHUNK_TAG_BYTES == 64, "a tag holds two signatures");

struct s3_chunk_signer {
    atomic_uint references;
    atomic_bool has_refused;
    unsigned char key[32], seed[32];
    char when_and_where[WHEN_AND_WHERE_BYTES]; /* as each string to sign has it */
    size_t when_and_where_length;
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
    signer->when_and_where_length = (size_t)snprintf(signer->when_and_where, sizeof(signer->when_and_where),
                                                     "\n%s\n%s\n", timestamp, scope);
    assert(signer->when_and_where_length < sizeof(signer->when_and_where));
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

/* One string to sign: the longest algorithm, and two hashes after the previous signature. */
struct text {
    char base[sizeof(S3_SIGV4_ALGORITHM "-PAYLOAD") + WHEN_AND_WHERE_BYTES + 3 * 65];
    size_t length;
};

static void put(struct text *text, const char *bytes, size_t length)
{
    assert(length <= sizeof(text->base) - text->length);
    memcpy(text->base + text->length, bytes, length);
    text->length += length;
}

static void put_hex(struct text *text, const unsigned char bytes[32])
{
    assert(64 <= sizeof(text->base) - text->length);
    hex_encode(bytes, 32, text->base + text->length);
    text->length += 64;
}

/* What precedes the hashes. algorithm: with what is signed, "AWS4-HMAC-SHA256-PAYLOAD". */
static void begin(const struct s3_chunk_signer *signer, struct text *text, struct slice algorithm,
                  const unsigned char previous[32])
{
    text->length = 0;
    put(text, algorithm.base, algorithm.len);
    put(text, signer->when_and_where, signer->when_and_where_length);
    put_hex(text, previous);
    put(text, LITERAL("\n"));
}

static int compare(struct s3_chunk_signer *signer, const struct text *text, const unsigned char claimed[32])
{
    unsigned char expected[32];

    s3_sigv4_sign(NULL, signer->key, slice_of(text->base, text->length), expected);
    if (s3_sigv4_is_equal(expected, claimed))
        return 0;
    atomic_store_explicit(&signer->has_refused, true, memory_order_relaxed);
    return -EBADMSG;
}

int s3_chunk_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    struct text text;

    begin(ctx, &text, SLICE(S3_SIGV4_ALGORITHM "-PAYLOAD"), chunk->tag + 32);
    put(&text, LITERAL(EMPTY_SHA256 "\n"));
    put_hex(&text, sha256);
    return compare(ctx, &text, chunk->tag);
}

int s3_chunk_signer_verify_trailers(struct s3_chunk_signer *signer, const char *trailers, size_t length,
                                    const unsigned char claimed[32], const unsigned char previous[32])
{
    unsigned char digest[32];
    struct text text;

    s3_sha256(trailers, length, digest);
    begin(signer, &text, SLICE(S3_SIGV4_ALGORITHM "-TRAILER"), previous);
    put_hex(&text, digest);
    return compare(signer, &text, claimed);
}
