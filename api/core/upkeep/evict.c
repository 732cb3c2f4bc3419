/* SPDX-License-Identifier: MIT
 *
 * Eviction: one thread that keeps cache buckets within their rules.
 *
 * Every second, while there are cache buckets, it looks at their counts (rows: nothing is added up), and every few seconds it turns the
 * uses that workers noted into changes. A bucket that holds more than it may loses the objects that were used least recently, down to a low
 * water; one with a largest age those that were not used for so long. Victims come from an index in that order, a slice at a time, and each
 * slice is one small change among those of the workers:
 *
 *   take victims -> condemn them -> note what was used meanwhile -> delete those that were not (meta_delete_guard.used_ms)
 *
 * What was stored a few seconds ago stays, and so does what somebody is reading: that is a use. A crash at any moment leaves whole objects
 * and right counts, for a victim goes as any deleted object goes.
 *
 * A store without cache buckets has a thread that sleeps. Of a cluster's servers each notes the uses that it saw, and whoever leads gives up: what
 * was used at another within the last CORE_CACHE_NOTE_MS may still look as old as it was. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/cache/cache_use.h"
#include "api/core/core_internal.h"
#include "api/core/limits.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"
#include "metadata/meta_outbox.h"

/* Deletes that share one change, whose batch others wait for. A change of many costs a millisecond and a half of the committer, and ten of them one time in
 * fifty; one of few a third of a millisecond. Many are for when the store fills faster than few a batch empty it. */
#define EVICT_SLICE     CACHE_CONDEMNED_MAX
#define EVICT_SLICE_FEW (EVICT_SLICE / 4)

#define EVICT_LATE_MS (10 * 60 * 1000) /* after its time, an object is given up with many others */

#define CACHES_PAGE 16

struct evict {
    struct core *core;
    struct meta_reader *reader; /* while there are cache buckets */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping, is_woken;
    int last_error;    /* to log a trouble once */
    uint64_t noted_ms; /* when uses were noted last, on the monotonic clock */
    bool has_caches;
};

struct victims {
    uint32_t count;
    uint64_t bytes_wanted, bytes; /* enough, once that many are found */
    int64_t now_ms;
    uint64_t hashes[EVICT_SLICE];
    uint64_t sizes[EVICT_SLICE];
    bool is_read[EVICT_SLICE]; /* somebody is reading it */
    struct meta_cache_use uses[EVICT_SLICE];
    char keys[EVICT_SLICE][META_KEY_BYTES_MAX];
};

/* ---- Waiting ---- */

static bool is_stopping(struct evict *evict)
{
    pthread_mutex_lock(&evict->lock);
    bool stopping = evict->stopping;
    pthread_mutex_unlock(&evict->lock);
    return stopping;
}

/* Until somebody wakes it, or, where there are cache buckets, for so long. True: the thread is to end. Who wakes it may have noted many
 * uses. */
static bool evict_wait(struct evict *evict)
{
    struct timespec until = clock_monotonic_in(CORE_EVICT_MS);
    int err = 0;

    pthread_mutex_lock(&evict->lock);
    while (!evict->stopping && !evict->is_woken && err == 0)
        err = evict->has_caches ? pthread_cond_timedwait(&evict->changed, &evict->lock, &until)
                                : pthread_cond_wait(&evict->changed, &evict->lock);
    if (evict->is_woken)
        evict->noted_ms = 0;
    evict->is_woken = false;
    bool stopping = evict->stopping;
    pthread_mutex_unlock(&evict->lock);
    return stopping;
}

void evict_wake(struct evict *evict)
{
    if (evict == NULL)
        return;
    pthread_mutex_lock(&evict->lock);
    evict->is_woken = true;
    pthread_cond_signal(&evict->changed);
    pthread_mutex_unlock(&evict->lock);
}

void core_cache_changed(struct core *core)
{
    evict_wake(core->evict);
}

/* ---- Uses ---- */

static int on_uses(void *ctx, const struct use_list *list)
{
    struct evict *evict = ctx;
    int err = 0;

    for (uint32_t at = 0; at < list->count && err == 0; at += META_CACHE_TOUCH_MAX) {
        uint32_t left = list->count - at;
        struct meta_cache_touch touch = {.uses = list->uses + at,
                                         .count = left < META_CACHE_TOUCH_MAX ? left : META_CACHE_TOUCH_MAX};
        err = core_change_wait(evict->core, &touch.op, META_OP_CACHE_TOUCH);
    }
    return err;
}

static int note_uses(struct evict *evict)
{
    evict->noted_ms = clock_monotonic_ms();
    return cache_uses_collect(evict->core->uses, on_uses, evict);
}

/* ---- A slice of victims ---- */

/* Also when there is no memory to find out. */
static bool is_read(struct core *core, const struct meta_extents *extents)
{
    struct blob_unit *units = calloc(extents->count, sizeof(*units) + 1);
    unsigned char *held = units != NULL ? (unsigned char *)(units + extents->count) : NULL;
    bool is_read = units == NULL && extents->count > 0;

    for (uint32_t i = 0; i < extents->count && units != NULL; i++)
        units[i] = (struct blob_unit){extents->list[i].file, extents->list[i].unit_offset};
    if (units != NULL) {
        qsort(units, extents->count, sizeof(*units), blob_unit_compare);
        is_read = blob_pins_look(core->blobs, units, extents->count, held) != 0;
    }
    for (uint32_t i = 0; i < extents->count && !is_read; i++)
        is_read = (held[i] & BLOB_HELD_UNIT) != 0;
    free(units);
    return is_read;
}

struct choosing {
    struct evict *evict;
    struct victims *victims;
    int64_t bucket;
};

static int on_victim(void *ctx, const struct meta_cache_victim *victim)
{
    struct choosing *choosing = ctx;
    struct victims *victims = choosing->victims;
    uint32_t at = victims->count;

    assert(at < EVICT_SLICE && victim->key.len <= META_KEY_BYTES_MAX);
    (void)slice_copy(victims->keys[at], victim->key);
    victims->uses[at] = (struct meta_cache_use){.bucket = choosing->bucket,
                                                .key = slice_of(victims->keys[at], victim->key.len),
                                                .used_ms = victim->used_ms};
    victims->sizes[at] = victim->bytes;
    victims->is_read[at] = is_read(choosing->evict->core, &victim->extents);
    victims->hashes[at] = cache_key_hash(choosing->bucket, victim->key);
    victims->count++;
    if (!victims->is_read[at])
        victims->bytes += victim->bytes;
    return victims->bytes >= victims->bytes_wanted;
}

/* What is being read was used at this moment, and is no victim for some time. */
static int spare_read(struct evict *evict, struct victims *victims)
{
    struct meta_cache_use spared[EVICT_SLICE];
    struct meta_cache_touch touch = {.uses = spared};

    for (uint32_t i = 0; i < victims->count; i++) {
        if (!victims->is_read[i])
            continue;
        spared[touch.count] = victims->uses[i];
        spared[touch.count].used_ms = victims->now_ms;
        spared[touch.count++].if_before_ms = INT64_MAX;
    }
    return touch.count > 0 ? core_change_wait(evict->core, &touch.op, META_OP_CACHE_TOUCH) : 0;
}

static int delete_victims(struct evict *evict, int64_t bucket, const struct victims *victims)
{
    struct meta_delete_guard guards[EVICT_SLICE];
    struct meta_delete_entry entries[EVICT_SLICE];
    uint64_t sizes[EVICT_SLICE];
    static const struct meta_origin origin = {.kind = META_EVENT_EXPIRED};
    struct meta_object_delete change = {.op.origin = &origin, .bucket = bucket, .entries = entries};
    uint64_t gone = 0, gone_bytes = 0;

    for (uint32_t i = 0; i < victims->count; i++) {
        if (victims->is_read[i])
            continue;
        guards[change.count] = (struct meta_delete_guard){.used_ms = victims->uses[i].used_ms};
        entries[change.count] =
            (struct meta_delete_entry){.key = victims->uses[i].key, .guard = &guards[change.count]};
        sizes[change.count++] = victims->sizes[i];
    }
    int err = change.count > 0 ? core_change_wait(evict->core, &change.op, META_OP_OBJECT_DELETE) : 0;
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < change.count; i++)
        if (entries[i].result == 0 && entries[i].existed) {
            gone++;
            gone_bytes += sizes[i];
        }
    cache_evicted(evict->core->uses, bucket, gone, gone_bytes);
    if (gone > 0)
        reclaim_wake(evict->core->reclaim);
    return 0;
}

/* The oldest that were used before `before_ms`, until there are `bytes`: how many it looked at, or an error. is_late: many at a time. */
static int evict_slice(struct evict *evict, struct victims *victims, int64_t bucket, int64_t before_ms,
                       uint64_t bytes, bool is_late)
{
    struct choosing choosing = {evict, victims, bucket};
    int err;

    victims->count = 0;
    victims->bytes = 0;
    victims->bytes_wanted = bytes;
    victims->now_ms = clock_real_ms();
    err = meta_cache_oldest(evict->reader, bucket, before_ms, is_late ? EVICT_SLICE : EVICT_SLICE_FEW,
                            on_victim, &choosing);
    if (err < 0 || victims->count == 0)
        return err < 0 ? err : 0;
    cache_condemn(evict->core->uses, victims->hashes, victims->count);
    if ((err = note_uses(evict)) == 0 && (err = spare_read(evict, victims)) == 0)
        err = delete_victims(evict, bucket, victims);
    cache_condemn(evict->core->uses, NULL, 0);
    return err != 0 ? err : (int)victims->count;
}

/* ---- Buckets ---- */

/* Each slice looks at what is there now: others write and delete meanwhile. */
static int keep_size(struct evict *evict, struct victims *victims, int64_t bucket, uint64_t bytes_max)
{
    uint64_t low = bytes_max / 100 * CORE_CACHE_LOW_WATER_PERCENT;
    struct meta_cache cache;
    int found;

    if ((found = meta_cache_get(evict->reader, bucket, &cache)) <= 0 || cache.bytes <= bytes_max)
        return found < 0 ? found : 0;
    while (cache.bytes > low && !is_stopping(evict)) {
        found = evict_slice(evict, victims, bucket, clock_real_ms() - CORE_CACHE_YOUNG_MS, cache.bytes - low,
                            cache.bytes > bytes_max + (bytes_max - low) / 4);
        if (found <= 0)
            return found;
        if ((found = meta_cache_get(evict->reader, bucket, &cache)) <= 0)
            return found;
    }
    return 0;
}

static int keep_age(struct evict *evict, struct victims *victims, int64_t bucket, uint64_t age_max_s)
{
    int found = 1;
    bool is_late = false;

    while (found > 0 && !is_stopping(evict)) {
        int64_t before_ms = clock_real_ms() - (int64_t)age_max_s * 1000;

        found = evict_slice(evict, victims, bucket, before_ms, UINT64_MAX, is_late);
        is_late = found > 0 && victims->uses[0].used_ms < before_ms - EVICT_LATE_MS;
    }
    return found;
}

/* Counting what a new cache has, or forgetting what was one. */
static int settle_state(struct evict *evict, int64_t bucket)
{
    struct meta_cache_step step = {.bucket = bucket, .more = true};
    int err = 0;

    while (err == 0 && step.more && !is_stopping(evict))
        err = core_change_wait(evict->core, &step.op, META_OP_CACHE_STEP);
    return err;
}

static int bucket_run(struct evict *evict, struct victims *victims, const struct meta_cache *cache)
{
    struct core_cache_rules rules;
    int err = cache->state != META_CACHE_WHOLE ? settle_state(evict, cache->bucket) : 0;

    if (err != 0 || is_stopping(evict))
        return err;
    if ((err = core_cache_rules_read(evict->reader, cache->bucket, &rules)) <= 0)
        return err;
    err = rules.age_max_s != 0 ? keep_age(evict, victims, cache->bucket, rules.age_max_s) : 0;
    if (err == 0 && rules.bytes_max != 0)
        err = keep_size(evict, victims, cache->bucket, rules.bytes_max);
    return err;
}

static int pass_run(struct evict *evict, struct victims *victims)
{
    struct meta_cache caches[CACHES_PAGE];
    int64_t after = 0;
    int count = 0, err = 0;

    evict->has_caches = evict->core->cluster != NULL; /* another server may make one at any time */
    if (clock_monotonic_ms() - evict->noted_ms >= CORE_CACHE_NOTE_MS)
        err = note_uses(evict);
    if (!core_leads(evict->core))
        return err;
    do {
        if (err == 0 && (count = meta_cache_list(evict->reader, after, caches, CACHES_PAGE)) < 0)
            err = count;
        for (int i = 0; err == 0 && i < count; i++) {
            evict->has_caches = true;
            after = caches[i].bucket;
            if (is_stopping(evict))
                return 0;
            err = bucket_run(evict, victims, &caches[i]);
        }
    } while (err == 0 && count == CACHES_PAGE);
    return err;
}

/* The reader is there as long as there are cache buckets. After a trouble it is tried again. */
static int evict_pass(struct evict *evict, struct victims *victims)
{
    int err = evict->reader == NULL ? meta_reader_open(evict->core->meta, &evict->reader) : 0;

    if (err == 0)
        err = pass_run(evict, victims);
    if (err != 0)
        evict->has_caches = true;
    if (!evict->has_caches) {
        meta_reader_close(evict->reader);
        evict->reader = NULL;
    }
    return err;
}

static void *evict_main(void *argument)
{
    struct evict *evict = argument;
    struct victims *victims = malloc(sizeof(*victims));

    if (victims == NULL)
        core_log(evict->core, LOG_LEVEL_ERROR, "caches: no memory, nothing is evicted until the next start");
    do {
        int err = victims != NULL ? evict_pass(evict, victims) : 0;
        if (err != 0 && err != META_E_CLOSING && err != evict->last_error)
            core_log(evict->core, LOG_LEVEL_ERROR,
                     "caches: eviction was cut off, and will be tried again: %s", meta_strerror(err));
        evict->last_error = err;
        cache_uses_release(evict->core->uses); /* also where nothing was collected */
    } while (!evict_wait(evict));
    (void)note_uses(evict);
    meta_reader_close(evict->reader);
    free(victims);
    return NULL;
}

/* ---- Start and stop ---- */

static void evict_free(struct evict *evict)
{
    pthread_cond_destroy(&evict->changed);
    pthread_mutex_destroy(&evict->lock);
    free(evict);
}

int evict_start(struct core *core, struct evict **out)
{
    struct evict *evict = calloc(1, sizeof(*evict));
    int err;

    if (evict == NULL)
        return -ENOMEM;
    evict->core = core;
    pthread_mutex_init(&evict->lock, NULL);
    thread_condition_init(&evict->changed);
    err = thread_start(&evict->thread, "sluice-evict", evict_main, evict);
    if (err != 0) {
        evict_free(evict);
        return err;
    }
    *out = evict;
    return 0;
}

void evict_stop(struct evict *evict)
{
    if (evict == NULL)
        return;
    pthread_mutex_lock(&evict->lock);
    evict->stopping = true;
    pthread_cond_signal(&evict->changed);
    pthread_mutex_unlock(&evict->lock);
    thread_join(evict->thread);
    evict_free(evict);
}
