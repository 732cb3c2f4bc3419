/* SPDX-License-Identifier: MIT
 *
 * Heads, keys and records of sealed bodies; see seal.h for their form. */
#include "storage/seal/seal.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "storage/seal/seal_derive.h"

#define NONCE_BYTES 12
#define PART_AT     4u /* in a head */
#define SALT_AT     8u

static const unsigned char magic[4] = {'S', 'L', 'S', '1'};

struct seal_run {
    EVP_CIPHER_CTX *cipher;
    bool encrypts;
};

int seal_key_make(struct seal_key *key)
{
    return RAND_priv_bytes(key->bytes, sizeof(key->bytes)) == 1 ? 0 : -EIO;
}

void seal_key_wipe(struct seal_key *key)
{
    if (key != NULL)
        OPENSSL_cleanse(key, sizeof(*key));
}

/* ---- Heads ---- */

int seal_head_make(unsigned char head[SEALED_HEAD_BYTES], uint32_t part)
{
    memcpy(head, magic, sizeof(magic));
    for (unsigned i = 0; i < 4; i++)
        head[PART_AT + i] = (unsigned char)(part >> (24 - 8 * i));
    return RAND_bytes(head + SALT_AT, (int)(SEALED_HEAD_BYTES - SALT_AT)) == 1 ? 0 : -EIO;
}

int seal_head_read(const unsigned char head[SEALED_HEAD_BYTES], uint32_t *part)
{
    if (memcmp(head, magic, sizeof(magic)) != 0)
        return -EBADMSG;
    *part = 0;
    for (unsigned i = 0; i < 4; i++)
        *part = *part << 8 | head[PART_AT + i];
    return 0;
}

/* ---- Runs ---- */

static int run_init(struct seal_run *run, const struct seal_key *body)
{
    int ok;

    if ((run->cipher = EVP_CIPHER_CTX_new()) == NULL)
        return -ENOMEM;
    ok = run->encrypts ? EVP_EncryptInit_ex(run->cipher, EVP_aes_256_gcm(), NULL, body->bytes, NULL)
                       : EVP_DecryptInit_ex(run->cipher, EVP_aes_256_gcm(), NULL, body->bytes, NULL);
    return ok == 1 ? 0 : -EIO;
}

int seal_run_begin(struct seal_run **out, const struct seal_key *key,
                   const unsigned char head[SEALED_HEAD_BYTES], bool encrypts)
{
    struct seal_run *run = calloc(1, sizeof(*run));
    struct seal_key body;
    int err;

    assert(key != NULL && head != NULL);
    if (run == NULL)
        return -ENOMEM;
    run->encrypts = encrypts;
    err = seal_derive(&body, key, "sluice body 1", head, SEALED_HEAD_BYTES);
    if (err == 0)
        err = run_init(run, &body);
    seal_key_wipe(&body);
    if (err != 0) {
        seal_run_free(run);
        return err;
    }
    *out = run;
    return 0;
}

void seal_run_free(struct seal_run *run)
{
    if (run == NULL)
        return;
    EVP_CIPHER_CTX_free(run->cipher); /* wipes the key */
    free(run);
}

/* ---- Records ---- */

static void nonce_make(unsigned char nonce[NONCE_BYTES], uint64_t number, bool is_last)
{
    memset(nonce, 0, NONCE_BYTES);
    nonce[0] = is_last;
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] = (unsigned char)(number >> (56 - 8 * i));
}

int seal_record_close(struct seal_run *run, uint64_t number, bool is_last, const void *plain, size_t length,
                      unsigned char *out)
{
    unsigned char nonce[NONCE_BYTES];
    int count, end;

    assert(run->encrypts && length > 0 && length <= SEALED_RECORD_BYTES);
    nonce_make(nonce, number, is_last);
    if (EVP_EncryptInit_ex(run->cipher, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(run->cipher, out, &count, plain, (int)length) != 1 ||
        EVP_EncryptFinal_ex(run->cipher, out + count, &end) != 1 || (size_t)(count + end) != length ||
        EVP_CIPHER_CTX_ctrl(run->cipher, EVP_CTRL_GCM_GET_TAG, SEALED_TAG_BYTES, out + length) != 1)
        return -EIO;
    return 0;
}

int seal_record_open(struct seal_run *run, uint64_t number, bool is_last, const unsigned char *record,
                     size_t length, void *out)
{
    unsigned char nonce[NONCE_BYTES], tag[SEALED_TAG_BYTES];
    int count, end;

    assert(!run->encrypts && length > 0 && length <= SEALED_RECORD_BYTES);
    memcpy(tag, record + length, sizeof(tag));
    nonce_make(nonce, number, is_last);
    if (EVP_DecryptInit_ex(run->cipher, NULL, NULL, NULL, nonce) == 1 &&
        EVP_DecryptUpdate(run->cipher, out, &count, record, (int)length) == 1 &&
        EVP_CIPHER_CTX_ctrl(run->cipher, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1 &&
        EVP_DecryptFinal_ex(run->cipher, (unsigned char *)out + count, &end) == 1 &&
        (size_t)(count + end) == length)
        return 0;
    OPENSSL_cleanse(out, length); /* nobody shall use what was not verified */
    return -EBADMSG;
}
