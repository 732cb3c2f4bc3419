/* SPDX-License-Identifier: MIT
 *
 * A bump allocator over a list of chunks. */
#include "storage/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES       (64u << 10) /* more than an ordinary change needs, so that it allocates nothing */
#define CHUNK_BYTES_SMALL 4048u       /* a page with its head and malloc's: most requests need one or two */
#define STOCK_CHUNKS_MAX  64u         /* 256 KiB a thread: as many requests are rarely in flight on one */
/* What a stock keeps of large memory: a page of a listing, which grows by doubling to a MiB and has room before it. It is not spent on what
 * malloc has at hand. */
#define STOCK_LARGE_BYTES_MIN (32u << 10)
#define STOCK_LARGE_BYTES_MAX ((1u << 20) + (64u << 10))

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*on_clear)(void *memory);
    void *memory;
};

void arena_init(struct arena *arena, struct arena_stock *stock)
{
    *arena = (struct arena){.stock = stock, .never_fails = true};
}

/* ---- Chunks ---- */

static void *out_of_memory(const struct arena *arena)
{
    if (arena->never_fails) {
        fputs("sluice: no memory for a request\n", stderr);
        abort();
    }
    return NULL;
}

static struct arena_chunk *chunk_allocate(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);

    if (chunk == NULL)
        return out_of_memory(arena);
    chunk->size = size;
    return chunk;
}

static struct arena_chunk *chunk_take(struct arena *arena)
{
    struct arena_stock *stock = arena->stock;
    struct arena_chunk *chunk;

    if (stock == NULL || stock->chunks == NULL)
        return chunk_allocate(arena, arena->never_fails ? CHUNK_BYTES_SMALL : CHUNK_BYTES);
    chunk = stock->chunks;
    stock->chunks = chunk->next;
    stock->count--;
    return chunk;
}

static void chunk_give(struct arena_stock *stock, struct arena_chunk *chunk)
{
#ifndef __SANITIZE_ADDRESS__ /* it is to see what is used after its end */
    if (stock != NULL && stock->count < STOCK_CHUNKS_MAX) {
        chunk->next = stock->chunks;
        stock->chunks = chunk;
        stock->count++;
        return;
    }
#endif
    free(chunk);
}

static struct arena_chunk *large_take(struct arena *arena, size_t size)
{
    struct arena_stock *stock = arena->stock;
    struct arena_chunk *chunk = stock != NULL ? stock->large : NULL;

    if (chunk == NULL || size < STOCK_LARGE_BYTES_MIN || size > chunk->size)
        return chunk_allocate(arena, size);
    stock->large = NULL;
    return chunk;
}

/* Of several the largest is kept. */
static void large_give(struct arena_stock *stock, struct arena_chunk *chunk)
{
#ifndef __SANITIZE_ADDRESS__
    if (stock != NULL && chunk->size >= STOCK_LARGE_BYTES_MIN && chunk->size <= STOCK_LARGE_BYTES_MAX &&
        (stock->large == NULL || chunk->size > stock->large->size)) {
        free(stock->large);
        stock->large = chunk;
        return;
    }
#endif
    free(chunk);
}

static void chunks_free(struct arena_chunk **chunks)
{
    while (*chunks != NULL) {
        struct arena_chunk *chunk = *chunks;

        *chunks = chunk->next;
        free(chunk);
    }
}

/* ---- Allocation ---- */

/* The chunk that has room for it at its end, at the head of one of the lists. */
static struct arena_chunk *chunk_for(struct arena *arena, size_t size)
{
    size_t chunk_bytes = arena->never_fails ? CHUNK_BYTES_SMALL : CHUNK_BYTES;
    bool is_large = size > chunk_bytes / 4;
    struct arena_chunk **list = is_large ? &arena->large : &arena->chunks;
    struct arena_chunk *chunk = is_large ? large_take(arena, size) : chunk_take(arena);

    if (chunk == NULL)
        return NULL;
    chunk->used = 0;
    chunk->next = *list;
    *list = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    void *memory;

    if (size > SIZE_MAX / 2)
        return out_of_memory(arena);
    size = (size + alignment - 1) & ~(alignment - 1);
    if ((chunk == NULL || chunk->size - chunk->used < size) && (chunk = chunk_for(arena, size)) == NULL)
        return NULL;
    memory = chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

void *arena_grow(struct arena *arena, void *memory, size_t used, size_t size)
{
    struct arena_chunk *chunk = arena->large;
    void *grown;

    if (chunk != NULL && memory == chunk->data && size <= SIZE_MAX / 2) {
        if (size > chunk->size) {
            chunk = realloc(chunk, sizeof(*chunk) + size);
            if (chunk == NULL)
                return out_of_memory(arena);
            chunk->size = size;
            arena->large = chunk;
        }
        chunk->used = size;
        return chunk->data;
    }
    grown = arena_alloc(arena, size);
    if (grown != NULL && used != 0)
        memcpy(grown, memory, used);
    return grown;
}

void *arena_alloc_hooked(struct arena *arena, size_t size, void (*on_clear)(void *memory))
{
    struct arena_hook *hook = arena_alloc(arena, sizeof(*hook));
    void *memory = hook != NULL ? arena_alloc(arena, size) : NULL;

    if (memory == NULL)
        return NULL;
    *hook = (struct arena_hook){.next = arena->hooks, .on_clear = on_clear, .memory = memory};
    arena->hooks = hook;
    return memory;
}

/* ---- Texts ---- */

struct slice arena_dup(struct arena *arena, const void *base, size_t length)
{
    char *copy;

    assert(length < SIZE_MAX / 2);
    if ((copy = arena_alloc(arena, length + 1)) == NULL)
        return (struct slice){NULL, 0};
    if (length != 0)
        memcpy(copy, base, length);
    copy[length] = '\0';
    return slice_of(copy, length);
}

struct slice arena_dup_text(struct arena *arena, const char *text)
{
    return arena_dup(arena, text, strlen(text));
}

struct slice arena_dup_lower(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < text.len; i++)
        copy[i] = slice_lower(text.base[i]);
    copy[text.len] = '\0';
    return slice_of(copy, text.len);
}

struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t length = 0;
    char *joined, *at;

    for (size_t i = 0; i < count; i++)
        length += parts[i].len;
    if ((joined = at = arena_alloc(arena, length + 1)) == NULL)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len != 0)
            at = (char *)memcpy(at, parts[i].base, parts[i].len) + parts[i].len;
    }
    *at = '\0';
    return slice_of(joined, length);
}

/* ---- The end ---- */

static void run_hooks(struct arena *arena)
{
    while (arena->hooks != NULL) {
        struct arena_hook *hook = arena->hooks;

        arena->hooks = hook->next;
        hook->on_clear(hook->memory);
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = arena->stock == NULL ? arena->chunks : NULL;

    if (kept != NULL)
        arena->chunks = kept->next;
    arena_free(arena);
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
        arena->chunks = kept;
    }
}

void arena_free(struct arena *arena)
{
    run_hooks(arena);
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        chunk_give(arena->stock, chunk);
    }
    while (arena->large != NULL) {
        struct arena_chunk *chunk = arena->large;

        arena->large = chunk->next;
        large_give(arena->stock, chunk);
    }
}

void arena_stock_free(struct arena_stock *stock)
{
    chunks_free(&stock->chunks);
    free(stock->large);
    stock->large = NULL;
    stock->count = 0;
}
