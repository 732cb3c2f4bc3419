/* SPDX-License-Identifier: MIT
 *
 * Places between keys, compared as bytes; see walk.h. Pure functions, any thread. */
#include "metadata/read/walk.h"

#include <assert.h>

struct slice position_bytes(const struct position *position)
{
    assert(position->length <= sizeof(position->bytes));
    return slice_of(position->bytes, position->length);
}

void position_at(struct position *position, struct slice key)
{
    assert(key.len == 0 || key.base != NULL);
    position->length = key.len < sizeof(position->bytes) ? key.len : sizeof(position->bytes);
    if (position->length > 0)
        memcpy(position->bytes, key.base, position->length);
}

void position_after(struct position *position, struct slice key)
{
    position_at(position, key);
    if (position->length < sizeof(position->bytes))
        position->bytes[position->length++] = 0;
}

/* Past everything: longer than any key, and nothing but 0xff. */
static void position_end(struct position *position)
{
    memset(position->bytes, 0xff, sizeof(position->bytes));
    position->length = sizeof(position->bytes);
}

void position_past_prefix(struct position *position, struct slice prefix)
{
    position_at(position, prefix);
    while (position->length > 0 && position->bytes[position->length - 1] == 0xff)
        position->length--;
    if (position->length == 0)
        position_end(position);
    else
        position->bytes[position->length - 1]++;
    assert(position->length > 0 && position->length <= sizeof(position->bytes));
}

struct slice common_prefix_of(struct slice key, struct slice prefix, struct slice delimiter)
{
    if (delimiter.len == 0 || key.len == 0 || !slice_begins(key, prefix))
        return (struct slice){0};
    const unsigned char *rest = (const unsigned char *)key.base + prefix.len;
    const unsigned char *found = memmem(rest, key.len - prefix.len, delimiter.base, delimiter.len);
    if (found == NULL)
        return (struct slice){0};
    size_t length = (size_t)(found - (const unsigned char *)key.base) + delimiter.len;
    assert(length <= key.len && length >= prefix.len + delimiter.len);
    return slice_of(key.base, length);
}
