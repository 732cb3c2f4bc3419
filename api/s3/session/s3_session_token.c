/* SPDX-License-Identifier: MIT
 *
 * See s3_session_token.h. */
#include "api/s3/session/s3_session_token.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "api/s3/auth/s3_hash.h"

#define VERSION      1u
#define VECTOR_BYTES 12u /* of AES-GCM */
#define HEAD_BYTES   (1u + S3_SESSION_SEED_BYTES)

/* ---- What follows from the seed ---- */

/* label: what the bytes are for; no two purposes share any. */
static void derive(const unsigned char key[S3_SESSION_KEY_BYTES], const char *label,
                   const unsigned char seed[S3_SESSION_SEED_BYTES], unsigned char derived[32])
{
    unsigned char text[32 + S3_SESSION_SEED_BYTES] = {0};
    size_t length = strlen(label);

    assert(length < 32);
    memcpy(text, label, length);
    memcpy(text + 32, seed, S3_SESSION_SEED_BYTES);
    s3_hmac_sha256(key, S3_SESSION_KEY_BYTES, text, sizeof(text), derived);
}

/* RFC 4648's base32: 16 digits of 10 bytes. */
static void write_base32(const unsigned char bytes[10], char text[17])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    for (unsigned i = 0; i < 16; i++) {
        unsigned bit = i * 5, pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 < 9 ? bytes[bit / 8 + 1] : 0);

        text[i] = digits[pair >> (11 - bit % 8) & 31];
    }
    text[16] = '\0';
}

static void derive_credentials(const unsigned char key[S3_SESSION_KEY_BYTES],
                               const unsigned char seed[S3_SESSION_SEED_BYTES],
                               struct s3_session_credentials *credentials)
{
    unsigned char derived[32];

    derive(key, "session access key", seed, derived);
    memcpy(credentials->access_key, "ASIA", 4);
    write_base32(derived, credentials->access_key + 4);
    derive(key, "session secret key", seed, derived);
    base64_encode(derived, S3_SESSION_SECRET_BYTES / 4 * 3, credentials->secret_key);
    OPENSSL_cleanse(derived, sizeof(derived));
}

/* ---- The cipher ---- */

static bool cipher_run(EVP_CIPHER_CTX *context, bool seals, const unsigned char key[32],
                       const unsigned char *head, const void *in, size_t length, void *out,
                       unsigned char tag[S3_SESSION_TAG_BYTES])
{
    const unsigned char *vector = head + HEAD_BYTES - VECTOR_BYTES;
    int written, rest;

    if (EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, vector, seals) != 1 ||
        EVP_CipherUpdate(context, NULL, &written, head, HEAD_BYTES) != 1 ||
        EVP_CipherUpdate(context, out, &written, in, (int)length) != 1 ||
        (!seals && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, (int)S3_SESSION_TAG_BYTES, tag) != 1) ||
        EVP_CipherFinal_ex(context, (unsigned char *)out + written, &rest) != 1)
        return false;
    return !seals || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, (int)S3_SESSION_TAG_BYTES, tag) == 1;
}

/* head: version and seed, which are bound to what is sealed. */
static bool run(const unsigned char key[S3_SESSION_KEY_BYTES], bool seals, const unsigned char *head,
                const void *in, size_t length, void *out, unsigned char tag[S3_SESSION_TAG_BYTES])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char own[32];
    bool is_done;

    if (context == NULL)
        return false;
    derive(key, "session seal", head + 1, own);
    is_done = cipher_run(context, seals, own, head, in, length, out, tag);
    OPENSSL_cleanse(own, sizeof(own));
    EVP_CIPHER_CTX_free(context);
    return is_done;
}

/* ---- The session as bytes ---- */

struct bytes {
    unsigned char *at, *end;
    bool failed; /* of reading: it ended too early */
};

static void put(struct bytes *bytes, const void *data, size_t length)
{
    assert((size_t)(bytes->end - bytes->at) >= length);
    if (length != 0)
        memcpy(bytes->at, data, length);
    bytes->at += length;
}

/* Most significant first. */
static void put_number(struct bytes *bytes, uint64_t number, unsigned width)
{
    for (unsigned i = width; i-- > 0;)
        put(bytes, &(unsigned char){(unsigned char)(number >> 8 * i)}, 1);
}

static void put_text(struct bytes *bytes, struct slice text, unsigned width)
{
    put_number(bytes, text.len, width);
    put(bytes, text.base, text.len);
}

static const unsigned char *take(struct bytes *bytes, size_t length)
{
    const unsigned char *data = bytes->at;

    if (bytes->failed || (size_t)(bytes->end - bytes->at) < length) {
        bytes->failed = true;
        return NULL;
    }
    bytes->at += length;
    return data;
}

static uint64_t take_number(struct bytes *bytes, unsigned width)
{
    const unsigned char *data = take(bytes, width);
    uint64_t number = 0;

    for (unsigned i = 0; data != NULL && i < width; i++)
        number = number << 8 | data[i];
    return number;
}

static struct slice take_text(struct bytes *bytes, unsigned width)
{
    size_t length = (size_t)take_number(bytes, width);
    const unsigned char *data = take(bytes, length);

    return data != NULL ? slice_of((const char *)data, length) : slice_of(NULL, 0);
}

static void write_session(struct bytes *bytes, const struct s3_session *session)
{
    put_number(bytes, (uint64_t)session->expires_s, 8);
    put_number(bytes, session->parent, 1);
    put(bytes, session->parent_digest, S3_SESSION_DIGEST_BYTES);
    put_text(bytes, session->parent_name, 1);
    put_text(bytes, session->name, 1);
    put_number(bytes, session->scopes.count, 1);
    put_number(bytes, session->scopes.writes, 1);
    for (unsigned i = 0; i < session->scopes.count; i++)
        put_text(bytes, slice_text(session->scopes.names[i]), 1);
    put_text(bytes, session->policy, 2);
}

/* What was sealed is whole, but maybe of another release. */
static bool read_session(struct bytes *bytes, struct s3_session *session)
{
    const unsigned char *digest;

    session->expires_s = (int64_t)take_number(bytes, 8);
    session->parent = (enum s3_session_parent)take_number(bytes, 1);
    if ((digest = take(bytes, S3_SESSION_DIGEST_BYTES)) != NULL)
        memcpy(session->parent_digest, digest, S3_SESSION_DIGEST_BYTES);
    session->parent_name = take_text(bytes, 1);
    session->name = take_text(bytes, 1);
    session->scopes.count = (unsigned)take_number(bytes, 1);
    session->scopes.writes = take_number(bytes, 1) != 0;
    if (session->scopes.count > S3_SCOPES_MAX)
        return false;
    for (unsigned i = 0; i < session->scopes.count; i++) {
        struct slice scope = take_text(bytes, 1);

        if (scope.len > S3_SCOPE_BYTES_MAX || !s3_scope_is_valid(scope))
            return false;
        (void)slice_copy(session->scopes.names[i], scope);
        session->scopes.names[i][scope.len] = '\0';
    }
    session->policy = take_text(bytes, 2);
    return !bytes->failed && bytes->at == bytes->end;
}

/* ---- Together ---- */

int s3_session_seal(const unsigned char key[S3_SESSION_KEY_BYTES], const struct s3_session *session,
                    char token[S3_SESSION_TOKEN_BYTES_MAX + 1], struct s3_session_credentials *credentials)
{
    unsigned char plain[S3_SESSION_PLAIN_BYTES_MAX], sealed[S3_SESSION_SEALED_BYTES_MAX];
    struct bytes bytes = {plain, plain + sizeof(plain), false};
    size_t length;

    write_session(&bytes, session);
    length = (size_t)(bytes.at - plain);
    sealed[0] = VERSION;
    if (getrandom(sealed + 1, S3_SESSION_SEED_BYTES, 0) != (ssize_t)S3_SESSION_SEED_BYTES ||
        !run(key, true, sealed, plain, length, sealed + HEAD_BYTES, sealed + HEAD_BYTES + length))
        return -EIO;
    derive_credentials(key, sealed + 1, credentials);
    base64url_encode(sealed, HEAD_BYTES + length + S3_SESSION_TAG_BYTES, token);
    return 0;
}

int s3_session_open(const unsigned char key[S3_SESSION_KEY_BYTES], struct slice token, struct arena *arena,
                    struct s3_session *session, struct s3_session_credentials *credentials)
{
    unsigned char *sealed, *plain;
    struct bytes bytes;
    ssize_t length;

    if (token.len > S3_SESSION_TOKEN_BYTES_MAX)
        return -EBADMSG;
    sealed = arena_alloc(arena, BASE64URL_DECODED_BYTES(token.len) + 1);
    length = base64url_decode(token, sealed);
    if (length < (ssize_t)(HEAD_BYTES + S3_SESSION_TAG_BYTES) || sealed[0] != VERSION)
        return -EBADMSG;
    length -= (ssize_t)(HEAD_BYTES + S3_SESSION_TAG_BYTES);
    plain = arena_alloc(arena, (size_t)length + 1);
    if (!run(key, false, sealed, sealed + HEAD_BYTES, (size_t)length, plain, sealed + HEAD_BYTES + length))
        return -EBADMSG;
    bytes = (struct bytes){plain, plain + length, false};
    if (!read_session(&bytes, session))
        return -EBADMSG;
    derive_credentials(key, sealed + 1, credentials);
    return 0;
}
