/* SPDX-License-Identifier: MIT
 *
 * Uses of objects in cache buckets on their way from workers to rows (cache_use.c), and the figures. Workers note, the evicting thread
 * collects. Private to the core. */
#ifndef API_CORE_CACHE_USE_H
#define API_CORE_CACHE_USE_H

#include "api/core/cache/cache.h"

struct cache_uses;
struct worker_uses;
struct evict;

/* What is collected at once from a worker. */
struct use_list {
    struct meta_cache_use *uses; /* whose keys lie in `keys` */
    uint32_t count;
    char *keys;
};

int cache_uses_create(struct cache_uses **uses);
void cache_uses_free(struct cache_uses *uses); /* NULL allowed; workers are gone */

/* A worker is gone: what it noted is still collected. NULL allowed. */
void worker_uses_leave(struct worker_uses *uses);

/* Calls visit for what each worker has noted since the last time, and forgets it. visit non-zero stops and is returned. One thread. */
int cache_uses_collect(struct cache_uses *uses, int (*visit)(void *ctx, const struct use_list *list),
                       void *ctx);

/* Whoever waits for room tries again. cache_uses_collect does this, too. One thread. */
void cache_uses_release(struct cache_uses *uses);

/* From now on core_cache_touch calls these keys missing. Whatever was noted before is collected by the next cache_uses_collect. One thread. */
#define CACHE_CONDEMNED_MAX 64u
void cache_condemn(struct cache_uses *uses, const uint64_t *hashes, uint32_t count);
uint64_t cache_key_hash(int64_t bucket, struct slice key);

void cache_evicted(struct cache_uses *uses, int64_t bucket, uint64_t entries, uint64_t bytes);

/* ---- The thread (upkeep/evict.c) ---- */

int evict_start(struct core *core, struct evict **evict);
/* NULL allowed. Notes what was collected last. */
void evict_stop(struct evict *evict);
/* There may be something to do. NULL allowed: there is no thread in a store that is not written. Any thread. */
void evict_wake(struct evict *evict);

#endif
