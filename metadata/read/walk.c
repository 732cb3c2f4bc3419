/* SPDX-License-Identifier: MIT
 *
 * Places between keys, compared as bytes; see walk.h. Pure functions, any thread. */
#include "metadata/read/walk.h"

#include <assert.h>

struct meta_bytes position_bytes(const struct position *position)
{
    assert(position->length <= sizeof(position->bytes));
    return (struct meta_bytes){position->bytes, position->length};
}

void position_at(struct position *position, struct meta_bytes key)
{
    assert(key.length == 0 || key.data != NULL);
    position->length = key.length < sizeof(position->bytes) ? key.length : sizeof(position->bytes);
    if (position->length > 0)
        memcpy(position->bytes, key.data, position->length);
}

void position_after(struct position *position, struct meta_bytes key)
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

void position_past_prefix(struct position *position, struct meta_bytes prefix)
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

int bytes_compare(struct meta_bytes a, struct meta_bytes b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    assert((a.length == 0 || a.data != NULL) && (b.length == 0 || b.data != NULL));
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static bool has_prefix(struct meta_bytes bytes, struct meta_bytes prefix)
{
    return bytes.length >= prefix.length &&
           (prefix.length == 0 || memcmp(bytes.data, prefix.data, prefix.length) == 0);
}

struct meta_bytes common_prefix_of(struct meta_bytes key, struct meta_bytes prefix,
                                   struct meta_bytes delimiter)
{
    if (delimiter.length == 0 || key.length == 0 || !has_prefix(key, prefix))
        return (struct meta_bytes){0};
    const unsigned char *rest = (const unsigned char *)key.data + prefix.length;
    const unsigned char *found = memmem(rest, key.length - prefix.length, delimiter.data, delimiter.length);
    if (found == NULL)
        return (struct meta_bytes){0};
    size_t length = (size_t)(found - (const unsigned char *)key.data) + delimiter.length;
    assert(length <= key.length && length >= prefix.length + delimiter.length);
    return (struct meta_bytes){key.data, length};
}
