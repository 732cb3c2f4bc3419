/* SPDX-License-Identifier: MIT
 *
 * One key made of another: HMAC-SHA256 (RFC 2104) over a label and what the new key is for. */
#ifndef STORAGE_SEAL_SEAL_DERIVE_H
#define STORAGE_SEAL_SEAL_DERIVE_H

#include "storage/seal/seal.h"

/* label: tells uses apart; not longer than SEAL_LABEL_BYTES_MAX. 0 or -EIO. */
#define SEAL_LABEL_BYTES_MAX 32u
int seal_derive(struct seal_key *out, const struct seal_key *key, const char *label, const void *data,
                size_t length);

#endif
