/* SPDX-License-Identifier: MIT
 *
 * What a row keeps of an object that is sealed: how, under which key, and the object's own key in a box. The value of
 * META_ATTRIBUTE_SEAL.
 *
 *   version (1), how (1), flags (1), the key's name with its length (1) before it, the context with its length (2, big-endian), the box
 *
 * All before the box is what the box is bound to. Pure; any thread. */
#ifndef API_CORE_KEYS_ENVELOPE_H
#define API_CORE_KEYS_ENVELOPE_H

#include "api/core/keys/key_ring.h"
#include "storage/seal/seal_box.h"

#define ENVELOPE_CONTEXT_BYTES_MAX 2048u
#define ENVELOPE_BYTES_MAX         (6u + KEY_NAME_BYTES_MAX + ENVELOPE_CONTEXT_BYTES_MAX + SEAL_BOX_BYTES)

enum envelope_how {
    ENVELOPE_NONE,     /* not sealed */
    ENVELOPE_S3,       /* SSE-S3: a key of the ring */
    ENVELOPE_KMS,      /* SSE-KMS: a key of the ring that somebody chose */
    ENVELOPE_CUSTOMER, /* SSE-C: the customer's own, which is kept nowhere */
    ENVELOPE_HOW_COUNT
};

struct envelope {
    enum envelope_how how;
    bool bucket_key;      /* of KMS: it was asked for, and is told again */
    struct slice name;    /* of the key; empty with the customer's */
    struct slice context; /* of KMS; may be empty */
    const unsigned char *box;
};

/* Reads one; its parts point into it. 0, or -EBADMSG. */
int envelope_read(struct slice bytes, struct envelope *envelope);
/* Closes the object's key and writes; envelope->box is not looked at. under: the key of that name, or the customer's. Returns the length, or
 * -EIO, -ENOMEM. */
ssize_t envelope_write(const struct envelope *envelope, const struct seal_key *under,
                       const struct seal_key *object, unsigned char out[ENVELOPE_BYTES_MAX]);
/* Opens the object's key; bytes: that it was read from. customer: NULL where none is given; counts for that kind alone. 0; -ENOKEY: the ring (NULL:
 * there is none) has no key of that name; -EACCES: the customer's key is another, or missing; -EBADMSG: it does not open. */
int envelope_open(struct slice bytes, struct key_ring *ring, const struct seal_key *customer,
                  struct seal_key *object);

#endif
