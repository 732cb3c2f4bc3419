/* SPDX-License-Identifier: MIT
 *
 * Sealed bodies: what is stored of bytes that are encrypted, and how they are read back. Knows keys as 32 bytes, and nothing of whose they
 * are.
 *
 *   body    head, record, record ... record
 *   head    "SLS1", number of the part (4 bytes, big-endian; 0: of no upload), 24 random bytes
 *   record  up to SEALED_RECORD_BYTES encrypted bytes, and a tag of 16
 *
 * A body has a key of its own, made of the object's and the head: HMAC-SHA256(object's key, "sluice body 1" | head). Its records are
 * AES-256-GCM (NIST SP 800-38D). The nonce says which record it is and whether it is the last: one byte, 1 for the last; three zeros; the
 * number from 0 on in 8 bytes, big-endian. A nonce is so never used twice with one key, and a record that was changed, left out, moved, cut
 * off, or taken from another body does not open.
 *
 * A run belongs to one thread at a time. */
#ifndef STORAGE_SEAL_SEAL_H
#define STORAGE_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/sealed_size.h"

#define SEAL_KEY_BYTES 32u

struct seal_key {
    unsigned char bytes[SEAL_KEY_BYTES];
};

/* A random key. 0 or -EIO. */
int seal_key_make(struct seal_key *key);
/* Leaves nothing of it in memory. NULL allowed. */
void seal_key_wipe(struct seal_key *key);

/* A fresh head for a body of that part. 0 or -EIO. */
int seal_head_make(unsigned char head[SEALED_HEAD_BYTES], uint32_t part);
/* Which part it says it is of. 0, or -EBADMSG: it is no head. */
int seal_head_read(const unsigned char head[SEALED_HEAD_BYTES], uint32_t *part);

/* A body with its key, for one direction. */
struct seal_run;
/* 0, -ENOMEM, or -EIO if the library refuses. */
int seal_run_begin(struct seal_run **run, const struct seal_key *key,
                   const unsigned char head[SEALED_HEAD_BYTES], bool encrypts);
/* NULL allowed. */
void seal_run_free(struct seal_run *run);

/* One record; `length` plain bytes, 1 .. SEALED_RECORD_BYTES. out has room for SEALED_TAG_BYTES more, and may be `plain`. 0 or -EIO. */
int seal_record_close(struct seal_run *run, uint64_t number, bool is_last, const void *plain, size_t length,
                      unsigned char *out);
/* The same back; out has room for `length` plain bytes, and may be `record`, which is SEALED_TAG_BYTES longer. 0, or -EBADMSG: this is not
 * what was sealed as that record, and out holds nothing of it. */
int seal_record_open(struct seal_run *run, uint64_t number, bool is_last, const unsigned char *record,
                     size_t length, void *out);

#endif
