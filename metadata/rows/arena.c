/* SPDX-License-Identifier: MIT
 *
 * A bump allocator over a list of chunks. */
#include "metadata/rows/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64u << 10) /* more than an ordinary change needs, so that it allocates nothing */

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *chunk_new(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);

    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + alignment - 1) & ~(alignment - 1);
    if (chunk == NULL || chunk->size - chunk->used < size)
        chunk = chunk_new(arena, size > CHUNK_BYTES ? size : CHUNK_BYTES);
    if (chunk == NULL)
        return NULL;
    void *memory = chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

int arena_copy(struct arena *arena, struct meta_bytes *bytes)
{
    if (bytes->length == 0)
        return 0;
    void *copy = arena_alloc(arena, bytes->length);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, bytes->data, bytes->length);
    bytes->data = copy;
    return 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = NULL;

    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        if (kept == NULL && chunk->size == CHUNK_BYTES)
            kept = chunk;
        else
            free(chunk);
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
        arena->chunks = kept;
    }
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}
