/* SPDX-License-Identifier: MIT
 *
 * Bytes of a row in the arena of a change. Private to metadata/; one thread. */
#ifndef METADATA_ROWS_ARENA_BYTES_H
#define METADATA_ROWS_ARENA_BYTES_H

#include <errno.h>
#include <string.h>

#include "metadata/meta.h"
#include "storage/base/arena.h"

/* The bytes move into the arena. Returns 0 or -ENOMEM. */
static inline int arena_copy(struct arena *arena, struct slice *bytes)
{
    void *copy;

    if (bytes->len == 0)
        return 0;
    if ((copy = arena_alloc(arena, bytes->len)) == NULL)
        return -ENOMEM;
    (void)slice_copy(copy, *bytes);
    bytes->base = copy;
    return 0;
}

#endif
