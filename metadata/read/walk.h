/* SPDX-License-Identifier: MIT
 *
 * Places between keys and the arithmetic of prefixes: what the listings of list.c and list_versions.c share. Private to
 * metadata/; pure functions.
 *
 * Starts are inclusive. "After key k" is the start k + 0x00, the next string of bytes there is; "after all that begins with p"
 * is p with its last byte below 0xff raised by one and the rest cut off. Both fit into a key's length plus one. */
#ifndef METADATA_READ_WALK_H
#define METADATA_READ_WALK_H

#include "metadata/meta.h"

/* A place between keys. */
struct position {
    unsigned char bytes[META_KEY_BYTES_MAX + 1];
    size_t length;
};

struct slice position_bytes(const struct position *position);
/* At the key itself. A longer string is cut: a key that lies after the cut one lies after the whole one, too. */
void position_at(struct position *position, struct slice key);
void position_after(struct position *position, struct slice key);
void position_past_prefix(struct position *position, struct slice prefix);

/* Whether it may be the key of a row: who lists has room for one of META_KEY_BYTES_MAX, and relies on it. */
static inline bool key_is_possible(struct slice key)
{
    return key.len > 0 && key.len <= META_KEY_BYTES_MAX;
}

/* The common prefix that the key rolls up into; empty when it stands for itself. */
struct slice common_prefix_of(struct slice key, struct slice prefix, struct slice delimiter);

#endif
