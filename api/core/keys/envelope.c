/* SPDX-License-Identifier: MIT
 *
 * Envelopes; see envelope.h for their form. */
#include "api/core/keys/envelope.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define VERSION         1u
#define FLAG_BUCKET_KEY 1u
#define HEAD_BYTES      6u /* without name and context */

/* All before the box. */
static size_t bound_length(const struct envelope *envelope)
{
    return HEAD_BYTES + envelope->name.len + envelope->context.len;
}

int envelope_read(struct slice bytes, struct envelope *envelope)
{
    const unsigned char *at = (const unsigned char *)bytes.base;
    size_t name, context;

    *envelope = (struct envelope){0};
    if (bytes.len < HEAD_BYTES + SEAL_BOX_BYTES || at[0] != VERSION || at[1] == ENVELOPE_NONE ||
        at[1] >= ENVELOPE_HOW_COUNT || at[2] > FLAG_BUCKET_KEY)
        return -EBADMSG;
    name = at[3];
    if (name > KEY_NAME_BYTES_MAX || name > bytes.len - HEAD_BYTES - SEAL_BOX_BYTES)
        return -EBADMSG;
    context = (size_t)at[4 + name] << 8 | at[5 + name];
    if (context > ENVELOPE_CONTEXT_BYTES_MAX || HEAD_BYTES + name + context + SEAL_BOX_BYTES != bytes.len)
        return -EBADMSG;
    envelope->how = (enum envelope_how)at[1];
    envelope->bucket_key = at[2] != 0;
    envelope->name = slice_of(bytes.base + 4, name);
    envelope->context = slice_of(bytes.base + HEAD_BYTES + name, context);
    envelope->box = at + bound_length(envelope);
    return (name == 0) == (envelope->how == ENVELOPE_CUSTOMER) ? 0 : -EBADMSG;
}

ssize_t envelope_write(const struct envelope *envelope, const struct seal_key *under,
                       const struct seal_key *object, unsigned char out[ENVELOPE_BYTES_MAX])
{
    unsigned char *at = out;
    size_t length = bound_length(envelope);
    int err;

    assert(envelope->name.len <= KEY_NAME_BYTES_MAX && envelope->context.len <= ENVELOPE_CONTEXT_BYTES_MAX);
    *at++ = VERSION;
    *at++ = (unsigned char)envelope->how;
    *at++ = envelope->bucket_key ? FLAG_BUCKET_KEY : 0;
    *at++ = (unsigned char)envelope->name.len;
    if (envelope->name.len > 0)
        (void)slice_copy(at, envelope->name);
    at += envelope->name.len;
    *at++ = (unsigned char)(envelope->context.len >> 8);
    *at++ = (unsigned char)envelope->context.len;
    if (envelope->context.len > 0)
        (void)slice_copy(at, envelope->context);
    if ((err = seal_box_close(out + length, under, object, out, length)) != 0)
        return err;
    return (ssize_t)(length + SEAL_BOX_BYTES);
}

int envelope_open(struct slice bytes, struct key_ring *ring, const struct seal_key *customer,
                  struct seal_key *object)
{
    struct envelope envelope;
    struct seal_key under;
    int err = envelope_read(bytes, &envelope);

    if (err != 0)
        return err;
    if (envelope.how == ENVELOPE_CUSTOMER) {
        if (customer == NULL)
            return -EACCES;
        err = seal_box_open(envelope.box, customer, object, bytes.base, bound_length(&envelope));
        return err == -EBADMSG ? -EACCES : err;
    }
    if (ring == NULL || key_ring_find(ring, envelope.name, &under) != 0)
        return -ENOKEY;
    err = seal_box_open(envelope.box, &under, object, bytes.base, bound_length(&envelope));
    seal_key_wipe(&under);
    return err;
}
