/* SPDX-License-Identifier: MIT
 *
 * Keys made of keys, and boxes that keep one; see seal_box.h. */
#include "storage/seal/seal_box.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "storage/seal/seal_derive.h"

#define NONCE_BYTES 12

static const unsigned char nonce[NONCE_BYTES];

int seal_derive(struct seal_key *out, const struct seal_key *key, const char *label, const void *data,
                size_t length)
{
    size_t label_length = strlen(label);
    unsigned char *message = malloc(label_length + length);
    unsigned size = 0;
    bool ok;

    assert(label_length <= SEAL_LABEL_BYTES_MAX);
    if (message == NULL)
        return -EIO;
    memcpy(message, label, label_length);
    if (length > 0)
        memcpy(message + label_length, data, length);
    ok = HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), message, label_length + length, out->bytes,
              &size) != NULL &&
         size == sizeof(out->bytes);
    free(message);
    return ok ? 0 : -EIO;
}

/* The key of one box. */
static int box_key(struct seal_key *key, const struct seal_key *under, const unsigned char *id,
                   const void *bound, size_t bound_length)
{
    unsigned char *message = malloc(SEAL_BOX_ID_BYTES + bound_length);
    int err;

    if (message == NULL)
        return -ENOMEM;
    memcpy(message, id, SEAL_BOX_ID_BYTES);
    if (bound_length > 0)
        memcpy(message + SEAL_BOX_ID_BYTES, bound, bound_length);
    err = seal_derive(key, under, "sluice box 1", message, SEAL_BOX_ID_BYTES + bound_length);
    free(message);
    return err;
}

static int box_crypt(bool closes, const struct seal_key *key, const unsigned char *in, unsigned char *out,
                     unsigned char *tag)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int count = 0, end = 0, err = -EIO;

    if (cipher == NULL)
        return -ENOMEM;
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, nonce, closes) == 1 &&
        EVP_CipherUpdate(cipher, out, &count, in, SEAL_KEY_BYTES) == 1 &&
        (closes || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, SEALED_TAG_BYTES, tag) == 1)) {
        bool is_whole = EVP_CipherFinal_ex(cipher, out + count, &end) == 1;

        err = is_whole ? 0 : -EBADMSG;
        if (closes && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SEALED_TAG_BYTES, tag) != 1)
            err = -EIO;
    }
    EVP_CIPHER_CTX_free(cipher);
    return err;
}

int seal_box_close(unsigned char box[SEAL_BOX_BYTES], const struct seal_key *under,
                   const struct seal_key *kept, const void *bound, size_t bound_length)
{
    unsigned char *encrypted = box + SEAL_BOX_ID_BYTES;
    struct seal_key key;
    int err;

    if (RAND_bytes(box, SEAL_BOX_ID_BYTES) != 1)
        return -EIO;
    if ((err = box_key(&key, under, box, bound, bound_length)) == 0)
        err = box_crypt(true, &key, kept->bytes, encrypted, encrypted + SEAL_KEY_BYTES);
    seal_key_wipe(&key);
    return err;
}

int seal_box_open(const unsigned char box[SEAL_BOX_BYTES], const struct seal_key *under,
                  struct seal_key *kept, const void *bound, size_t bound_length)
{
    const unsigned char *encrypted = box + SEAL_BOX_ID_BYTES;
    unsigned char tag[SEALED_TAG_BYTES];
    struct seal_key key;
    int err;

    memcpy(tag, encrypted + SEAL_KEY_BYTES, sizeof(tag));
    if ((err = box_key(&key, under, box, bound, bound_length)) == 0)
        err = box_crypt(false, &key, encrypted, kept->bytes, tag);
    seal_key_wipe(&key);
    if (err != 0)
        seal_key_wipe(kept);
    return err;
}

int seal_key_mark(const struct seal_key *key, unsigned char mark[SEAL_MARK_BYTES])
{
    struct seal_key derived;
    int err = seal_derive(&derived, key, "sluice mark 1", NULL, 0);

    if (err == 0)
        memcpy(mark, derived.bytes, SEAL_MARK_BYTES);
    seal_key_wipe(&derived);
    return err;
}
