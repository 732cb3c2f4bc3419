/* SPDX-License-Identifier: MIT
 *
 * Uses of objects in cache buckets. A GET writes nothing: its worker notes the key, at most once a step for each (a table of hashes
 * says which were noted), in a list that the evicting thread takes every few seconds and turns into one change for many. What a full
 * list or a crash loses makes the order of use coarser, and nothing wrong.
 *
 * Whether all of several keys are there (core_cache_touch) must not be answered with yes while one of them is on its way out. So the
 * evicting thread first says which keys it is about to give up, then collects what was noted, spares what is among that, and deletes the
 * rest; and a touch first notes, then looks whether the key is about to go. Either one sees the other: the list's lock is between them. */
#include "api/core/cache/cache_use.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"
#include "storage/base/clock.h"

/* What a worker keeps between two collections. Further uses are noted next time. */
#define USES_MAX     4096u
#define USE_KEYS_MAX (512u << 10)
#define USES_WAKE    (USES_MAX / 2)
/* Keys of which a worker knows that it has noted them. A power of two; two that meet in a slot push each other out. */
#define SEEN_SLOTS 32768u
/* Uses by core_cache_touch that are closer together count as one: what is touched must not look old. */
#define TOUCH_STEP_MS 30000
/* Caches whose figures a worker finds at once. */
#define FIGURE_SLOTS  16u
#define FIGURE_SHARDS 16u

struct seen {
    uint64_t hash;
    int64_t at_ms;
};

struct worker_uses {
    struct cache_uses *all;
    struct worker_uses *next;
    unsigned shard;
    struct cache_figures *figures[FIGURE_SLOTS];
    struct seen *seen; /* the worker's alone */

    pthread_mutex_t lock; /* held for a moment, by the worker and the thread that collects */
    bool is_left;         /* its worker is gone */
    uint32_t count;
    size_t key_bytes;
    struct meta_cache_use *uses;
    char *keys;
    struct core_turn *waiting; /* for room in the list */
    struct use_list spare;     /* the collector's: what the two above are exchanged with */
};

struct figure_shard {
    _Alignas(64) atomic_uint_fast64_t hits; /* a line of its own: workers do not wait for each other */
    atomic_uint_fast64_t misses;
};

struct cache_figures {
    int64_t bucket;
    struct cache_figures *next;
    atomic_uint_fast64_t evictions, evicted_bytes;
    struct figure_shard shards[FIGURE_SHARDS];
};

struct cache_uses {
    pthread_mutex_t lock; /* of the two lists */
    struct worker_uses *workers;
    struct cache_figures *figures; /* never removed: buckets' numbers are never used twice */
    unsigned shard_next;
    atomic_uint_fast64_t condemned[CACHE_CONDEMNED_MAX];
};

uint64_t cache_key_hash(int64_t bucket, struct slice key)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = (uint64_t)bucket * odd + key.len, word;

    while (key.len >= sizeof(word)) {
        memcpy(&word, key.base, sizeof(word));
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
        key = slice_of(key.base + sizeof(word), key.len - sizeof(word));
    }
    word = 0;
    if (key.len > 0)
        (void)slice_copy(&word, key);
    hash = (hash ^ word) * odd;
    hash ^= hash >> 32;
    return hash != 0 ? hash : 1; /* 0 is none */
}

/* ---- Making and freeing ---- */

int cache_uses_create(struct cache_uses **uses)
{
    if ((*uses = calloc(1, sizeof(**uses))) == NULL)
        return -ENOMEM;
    pthread_mutex_init(&(*uses)->lock, NULL);
    return 0;
}

static void list_free(struct use_list *list)
{
    free(list->uses);
    free(list->keys);
}

static void worker_free(struct worker_uses *uses)
{
    pthread_mutex_destroy(&uses->lock);
    free(uses->seen);
    free(uses->uses);
    free(uses->keys);
    list_free(&uses->spare);
    free(uses);
}

void cache_uses_free(struct cache_uses *uses)
{
    if (uses == NULL)
        return;
    for (struct worker_uses *worker = uses->workers, *next; worker != NULL; worker = next) {
        next = worker->next;
        worker_free(worker);
    }
    for (struct cache_figures *figures = uses->figures, *next; figures != NULL; figures = next) {
        next = figures->next;
        free(figures);
    }
    pthread_mutex_destroy(&uses->lock);
    free(uses);
}

static int list_make(struct use_list *list)
{
    list->uses = malloc(USES_MAX * sizeof(*list->uses));
    list->keys = malloc(USE_KEYS_MAX);
    return list->uses != NULL && list->keys != NULL ? 0 : -ENOMEM;
}

static struct worker_uses *worker_make(struct cache_uses *all)
{
    struct worker_uses *uses = calloc(1, sizeof(*uses));
    struct use_list list = {0};

    if (uses == NULL)
        return NULL;
    pthread_mutex_init(&uses->lock, NULL);
    int err = list_make(&list);
    uses->uses = list.uses;
    uses->keys = list.keys;
    uses->seen = calloc(SEEN_SLOTS, sizeof(*uses->seen));
    if (err != 0 || uses->seen == NULL || list_make(&uses->spare) != 0) {
        worker_free(uses);
        return NULL;
    }
    uses->all = all;
    pthread_mutex_lock(&all->lock);
    uses->shard = all->shard_next++ % FIGURE_SHARDS;
    uses->next = all->workers;
    all->workers = uses;
    pthread_mutex_unlock(&all->lock);
    return uses;
}

/* Only a worker that meets a cache has them. NULL: no memory, and the use is not noted. */
static struct worker_uses *uses_of(struct core_worker *worker)
{
    if (worker->uses == NULL && worker->core->uses != NULL)
        worker->uses = worker_make(worker->core->uses);
    return worker->uses;
}

void worker_uses_leave(struct worker_uses *uses)
{
    if (uses == NULL)
        return;
    pthread_mutex_lock(&uses->lock);
    uses->is_left = true;
    pthread_mutex_unlock(&uses->lock);
}

/* ---- Figures ---- */

/* NULL: no memory. */
static struct cache_figures *figures_find(struct cache_uses *uses, int64_t bucket)
{
    struct cache_figures *figures;

    pthread_mutex_lock(&uses->lock);
    for (figures = uses->figures; figures != NULL && figures->bucket != bucket; figures = figures->next)
        ;
    if (figures == NULL && (figures = aligned_alloc(64, sizeof(*figures))) != NULL) {
        memset(figures, 0, sizeof(*figures));
        figures->bucket = bucket;
        figures->next = uses->figures;
        uses->figures = figures;
    }
    pthread_mutex_unlock(&uses->lock);
    return figures;
}

static struct figure_shard *shard_of(struct worker_uses *uses, int64_t bucket)
{
    struct cache_figures **slot = &uses->figures[(uint64_t)bucket % FIGURE_SLOTS];

    if (*slot == NULL || (*slot)->bucket != bucket)
        *slot = figures_find(uses->all, bucket);
    return *slot != NULL ? &(*slot)->shards[uses->shard] : NULL;
}

static void count(atomic_uint_fast64_t *counter, uint64_t more)
{
    (void)atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void cache_evicted(struct cache_uses *uses, int64_t bucket, uint64_t entries, uint64_t bytes)
{
    struct cache_figures *figures = figures_find(uses, bucket);

    if (figures == NULL)
        return;
    count(&figures->evictions, entries);
    count(&figures->evicted_bytes, bytes);
}

static void figures_fill(struct core *core, int64_t bucket, struct core_cache_figures *out)
{
    const struct cache_figures *figures = core->uses != NULL ? figures_find(core->uses, bucket) : NULL;

    if (figures == NULL)
        return;
    out->evictions = atomic_load_explicit(&figures->evictions, memory_order_relaxed);
    out->evicted_bytes = atomic_load_explicit(&figures->evicted_bytes, memory_order_relaxed);
    for (unsigned i = 0; i < FIGURE_SHARDS; i++) {
        out->hits += atomic_load_explicit(&figures->shards[i].hits, memory_order_relaxed);
        out->misses += atomic_load_explicit(&figures->shards[i].misses, memory_order_relaxed);
    }
}

int core_cache_each(struct core *core, struct meta_reader *reader, uint32_t limit,
                    int (*visit)(void *ctx, const struct core_cache_figures *figures), void *ctx)
{
    struct meta_cache cache = {.bucket = 0};
    int found, stop = 0;

    for (uint32_t i = 0; i < limit && stop == 0; i++) {
        if ((found = meta_cache_list(reader, cache.bucket, &cache, 1)) <= 0)
            return found;
        struct core_cache_figures figures = {.bucket = cache.name,
                                             .is_whole = cache.state == META_CACHE_WHOLE,
                                             .entries = cache.entries,
                                             .bytes = cache.bytes};
        if ((found = core_cache_rules_read(reader, cache.bucket, &figures.rules)) < 0)
            return found;
        if (found == 0) /* it is one no more */
            continue;
        figures_fill(core, cache.bucket, &figures);
        stop = visit(ctx, &figures);
    }
    return stop;
}

/* ---- Noting ---- */

/* False: not noted, for there was no room, or the list is just being taken. *is_filling: it is time that it is. */
static bool use_note(struct worker_uses *uses, const struct meta_cache_use *use, bool waits, bool *is_filling)
{
    *is_filling = false;
    if (waits)
        pthread_mutex_lock(&uses->lock);
    else if (pthread_mutex_trylock(&uses->lock) != 0)
        return false;
    bool fits = uses->count < USES_MAX && uses->key_bytes + use->key.len <= USE_KEYS_MAX;
    if (fits) {
        char *key = uses->keys + uses->key_bytes;
        (void)slice_copy(key, use->key);
        uses->key_bytes += use->key.len;
        uses->uses[uses->count] = *use;
        uses->uses[uses->count++].key.base = key;
    }
    *is_filling = uses->count == USES_WAKE || !fits;
    pthread_mutex_unlock(&uses->lock);
    return fits;
}

static struct seen *seen_of(struct worker_uses *uses, uint64_t hash)
{
    return &uses->seen[hash & (SEEN_SLOTS - 1)];
}

/* Whether it is noted, now or not long ago. */
static bool use_add(struct core_worker *worker, struct worker_uses *uses, const struct meta_cache_use *use,
                    uint64_t hash, bool waits)
{
    struct seen *seen = seen_of(uses, hash);
    bool is_filling;

    if (seen->hash == hash && seen->at_ms > use->if_before_ms)
        return true;
    bool is_noted = use_note(uses, use, waits, &is_filling);
    if (is_noted)
        *seen = (struct seen){hash, use->used_ms};
    if (is_filling)
        evict_wake(worker->core->evict);
    return is_noted;
}

/* What has a largest age must not look older than it is. */
static int64_t step_ms(const struct core_cache_rules *rules)
{
    uint64_t step_s = rules->use_step_s, share_s = rules->age_max_s / 4;

    if (rules->age_max_s != 0 && share_s < step_s)
        step_s = share_s;
    return (int64_t)step_s * 1000;
}

void core_cache_hit(struct core_worker *worker, int64_t bucket, struct slice key,
                    const struct meta_object *object)
{
    const struct core_cache_rules *rules;
    struct worker_uses *uses;
    struct figure_shard *shard;

    if (core_cache_rules_get(worker, bucket, &rules) != 0 || rules == NULL ||
        (uses = uses_of(worker)) == NULL)
        return;
    if ((shard = shard_of(uses, bucket)) != NULL)
        count(&shard->hits, 1);
    int64_t now_ms = clock_real_ms();
    struct meta_cache_use use = {bucket, key, now_ms, now_ms - step_ms(rules)};
    /* To be stored was a use. */
    if (object->modified_ms <= use.if_before_ms)
        (void)use_add(worker, uses, &use, cache_key_hash(bucket, key), false);
}

void core_cache_miss(struct core_worker *worker, int64_t bucket)
{
    const struct core_cache_rules *rules;
    struct worker_uses *uses;
    struct figure_shard *shard;

    if (core_cache_rules_get(worker, bucket, &rules) == 0 && rules != NULL &&
        (uses = uses_of(worker)) != NULL && (shard = shard_of(uses, bucket)) != NULL)
        count(&shard->misses, 1);
}

/* ---- Several at once ---- */

static bool is_condemned(struct cache_uses *uses, uint64_t hash)
{
    for (unsigned i = 0; i < CACHE_CONDEMNED_MAX; i++)
        if (atomic_load(&uses->condemned[i]) == hash)
            return true;
    return false;
}

void cache_condemn(struct cache_uses *uses, const uint64_t *hashes, uint32_t count)
{
    assert(count <= CACHE_CONDEMNED_MAX);
    for (uint32_t i = 0; i < CACHE_CONDEMNED_MAX; i++)
        atomic_store(&uses->condemned[i], i < count ? hashes[i] : 0);
}

/* 1: it is there, and stays; 0; or an error. */
static int touch_one(struct core_worker *worker, struct worker_uses *uses, const struct meta_cache_use *use)
{
    uint64_t hash = cache_key_hash(use->bucket, use->key);
    struct meta_object object;

    /* Noted first: who is about to give it up sees that, or is seen. What cannot be noted may go. */
    if (uses != NULL && !use_add(worker, uses, use, hash, true))
        return -EAGAIN;
    if (uses != NULL && is_condemned(uses->all, hash))
        return 0;
    int err = meta_object_get(worker->reader, use->bucket, use->key, &object);
    if (err != 0)
        return err == META_E_NO_KEY ? 0 : err;
    meta_object_release(&object);
    return 1;
}

int core_cache_touch(struct core_worker *worker, int64_t bucket, const struct slice *keys, uint32_t count)
{
    int64_t now_ms = clock_real_ms();
    const struct core_cache_rules *rules;
    struct worker_uses *uses = NULL;
    int there = core_cache_rules_get(worker, bucket, &rules);

    assert(keys != NULL || count == 0);
    if (there != 0)
        return there;
    if (rules != NULL && (uses = uses_of(worker)) == NULL && worker->core->uses != NULL)
        return -ENOMEM;
    int64_t ago_ms = rules == NULL || step_ms(rules) > TOUCH_STEP_MS ? TOUCH_STEP_MS : step_ms(rules);
    there = 1;
    for (uint32_t i = 0; i < count && there > 0; i++) {
        struct meta_cache_use use = {bucket, keys[i], now_ms, now_ms - ago_ms};
        there = touch_one(worker, uses, &use);
    }
    return there;
}

void core_cache_wait(struct core_worker *worker, struct core_turn *turn)
{
    struct worker_uses *uses = worker->uses;

    core_turn_begin(worker, turn);
    if (uses == NULL || worker->core->evict == NULL) { /* it was something else than room */
        core_turn_end(turn);
        return;
    }
    pthread_mutex_lock(&uses->lock);
    turn->after = uses->waiting;
    uses->waiting = turn;
    pthread_mutex_unlock(&uses->lock);
    evict_wake(
        worker->core->evict); /* not before: a turn that comes too late for this time is there for the next */
}

/* ---- Collecting ---- */

static void release(struct worker_uses *uses)
{
    pthread_mutex_lock(&uses->lock);
    struct core_turn *waiting = uses->waiting;
    uses->waiting = NULL;
    pthread_mutex_unlock(&uses->lock);
    while (waiting != NULL) {
        struct core_turn *turn = waiting;

        waiting = turn->after; /* once it is ended it may be gone */
        core_turn_end(turn);
    }
}

/* Exchanges the worker's list for an empty one; true: its worker is gone, and there is nothing more to come. */
static bool list_take(struct worker_uses *uses, struct use_list *list)
{
    pthread_mutex_lock(&uses->lock);
    *list = (struct use_list){uses->uses, uses->count, uses->keys};
    uses->uses = uses->spare.uses;
    uses->keys = uses->spare.keys;
    uses->count = 0;
    uses->key_bytes = 0;
    bool is_left = uses->is_left;
    pthread_mutex_unlock(&uses->lock);
    uses->spare = *list;
    return is_left;
}

static struct worker_uses *first(struct cache_uses *uses)
{
    pthread_mutex_lock(&uses->lock);
    struct worker_uses *worker = uses->workers;
    pthread_mutex_unlock(&uses->lock);
    return worker;
}

static void unlink_and_free(struct cache_uses *uses, struct worker_uses *worker)
{
    struct worker_uses **at = &uses->workers;

    pthread_mutex_lock(&uses->lock);
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
    pthread_mutex_unlock(&uses->lock);
    worker_free(worker);
}

int cache_uses_collect(struct cache_uses *uses, int (*visit)(void *ctx, const struct use_list *list),
                       void *ctx)
{
    int stop = 0;

    /* New ones come in front; only this thread removes any. */
    for (struct worker_uses *worker = first(uses), *next; worker != NULL && stop == 0; worker = next) {
        struct use_list list;
        bool is_left = list_take(worker, &list);

        release(worker);
        next = worker->next;
        if (list.count > 0)
            stop = visit(ctx, &list);
        if (is_left)
            unlink_and_free(uses, worker);
    }
    return stop;
}

void cache_uses_release(struct cache_uses *uses)
{
    for (struct worker_uses *worker = first(uses); worker != NULL; worker = worker->next)
        release(worker);
}
