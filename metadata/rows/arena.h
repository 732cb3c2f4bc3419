/* SPDX-License-Identifier: MIT
 *
 * Memory that lives as long as one change: encoded lists, copies of rows. Private to metadata/; one thread. */
#ifndef METADATA_ROWS_ARENA_H
#define METADATA_ROWS_ARENA_H

#include "metadata/meta.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; zeroed means empty */
};

/* Aligned for any type; NULL when memory is out. size may be 0. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy of the bytes. Returns 0 or -ENOMEM. */
int arena_copy(struct arena *arena, struct meta_bytes *bytes);
/* Everything that was handed out is gone; one chunk is kept for what comes next. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
