/* SPDX-License-Identifier: MIT
 *
 * A key that is kept under another: in a box, which only that one opens, and only for what it was closed for. Pure; any thread. */
#ifndef STORAGE_SEAL_SEAL_BOX_H
#define STORAGE_SEAL_SEAL_BOX_H

#include "storage/seal/seal.h"

#define SEAL_BOX_ID_BYTES 16u
/* id, encrypted key, tag */
#define SEAL_BOX_BYTES (SEAL_BOX_ID_BYTES + SEAL_KEY_BYTES + SEALED_TAG_BYTES)

/* A random id is made for each box, and of `under`, id and `bound` a key that closes this box alone: HMAC-SHA256(under, "sluice box 1" | id |
 * bound), AES-256-GCM with a nonce of zeros. So one key may close any number of boxes. bound: what the box is for. 0 or -EIO, -ENOMEM. */
int seal_box_close(unsigned char box[SEAL_BOX_BYTES], const struct seal_key *under,
                   const struct seal_key *kept, const void *bound, size_t bound_length);
/* 0; -EBADMSG: another key closed it, or for something else, or it was changed; -EIO, -ENOMEM. */
int seal_box_open(const unsigned char box[SEAL_BOX_BYTES], const struct seal_key *under,
                  struct seal_key *kept, const void *bound, size_t bound_length);

/* A value by which a key is known again, which tells nothing else of it. 0 or -EIO. */
#define SEAL_MARK_BYTES 16u
int seal_key_mark(const struct seal_key *key, unsigned char mark[SEAL_MARK_BYTES]);

#endif
