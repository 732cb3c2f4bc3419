/* SPDX-License-Identifier: MIT
 *
 * What a bucket does with objects of which nobody says how they are to be kept: the setting META_SETTING_ENCRYPTION. Stored as the kind ('s' or 'k'),
 * 'b' or '-' for a bucket key, and the name of the key, if any. Worker's thread. */
#ifndef API_CORE_KEYS_BUCKET_SEAL_H
#define API_CORE_KEYS_BUCKET_SEAL_H

#include "api/core/core.h"
#include "api/core/keys/envelope.h"

struct bucket_seal {
    enum envelope_how how; /* S3 or KMS */
    bool bucket_key;
    char name[KEY_NAME_BYTES_MAX + 1]; /* empty: the first of the ring */
};

#define BUCKET_SEAL_BYTES_MAX (2u + KEY_NAME_BYTES_MAX)

/* *found: NULL where it does nothing; borrowed as core_setting_get has it. 0 or an error. */
int bucket_seal_get(struct core_worker *worker, int64_t bucket, const struct bucket_seal **found);
/* As it is stored; the length. */
size_t bucket_seal_write(const struct bucket_seal *setting, char out[BUCKET_SEAL_BYTES_MAX + 1]);

/* A fresh key for an object of that bucket, and its envelope. Returns the envelope's length; 0: the bucket does nothing; -ENOKEY: the key is not at
 * hand; or an error. */
ssize_t bucket_seal_make(struct core_worker *worker, int64_t bucket, enum envelope_how *how,
                         struct seal_key *object, unsigned char out[ENVELOPE_BYTES_MAX]);

#endif
