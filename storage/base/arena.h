/* SPDX-License-Identifier: MIT
 *
 * Memory that is handed out piece by piece and given back all at once: what belongs to one change, or to one request.
 *
 * One thread at a time. There are two kinds:
 *
 *      struct arena arena = {0};           large chunks; arena_alloc returns NULL when memory is out, and so do the calls that
 *                                          stand on it (base NULL for a slice)
 *      arena_init(&arena, stock);          small chunks; no call ever returns NULL: when memory is out the process ends, with
 *                                          a word on standard error. Code that has a request's arena need not check.
 *
 * Chunks are used again. An arena with a stock takes them from there and gives them back; one without keeps one chunk when
 * it is reset. What is large and does not fit into the chunk at hand gets memory of its own. */
#ifndef STORAGE_BASE_ARENA_H
#define STORAGE_BASE_ARENA_H

#include "storage/base/slice.h"

struct arena_chunk;
struct arena_hook;

/* Chunks that wait for the arenas of one thread, and one large piece of memory, so that a long answer is written where the one before it
 * was: fresh memory costs more than filling it. Zeroed means empty. */
struct arena_stock {
    struct arena_chunk *chunks;
    struct arena_chunk *large;
    unsigned count;
};

struct arena {
    struct arena_chunk *chunks; /* newest first: memory comes from that one; zeroed means empty */
    struct arena_chunk *large;  /* one allocation each */
    struct arena_hook *hooks;
    struct arena_stock *stock; /* may be NULL */
    bool never_fails;
};

/* stock: of the thread that uses the arena, or NULL. */
void arena_init(struct arena *arena, struct arena_stock *stock);
/* Aligned for any type. size may be 0. */
void *arena_alloc(struct arena *arena, size_t size);
/* Memory that grew: the first `used` bytes of `memory` (from this arena, or NULL) are there still. What was the latest large piece is not
 * copied as a rule; anything else stays in the arena beside its copy. */
void *arena_grow(struct arena *arena, void *memory, size_t used, size_t size);
/* As arena_alloc; `on_clear` is called with the memory before it goes, the newest first. */
void *arena_alloc_hooked(struct arena *arena, size_t size, void (*on_clear)(void *memory));
/* Copies, with a NUL after them. */
struct slice arena_dup(struct arena *arena, const void *base, size_t length);
struct slice arena_dup_text(struct arena *arena, const char *text);
struct slice arena_dup_lower(struct arena *arena, struct slice text); /* in lower case */
/* All of them in a row, with a NUL after them. */
struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count);
/* arena_concat(arena, a, b, ...) */
#define arena_concat(arena, ...)                                                                             \
    arena_join(arena, (const struct slice[]){__VA_ARGS__},                                                   \
               sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

/* Everything that was handed out is gone. The arena may be used again; without a stock one chunk is kept for that. */
void arena_reset(struct arena *arena);
/* The same, and nothing is kept. */
void arena_free(struct arena *arena);
void arena_stock_free(struct arena_stock *stock);

#endif
