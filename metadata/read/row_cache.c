/* SPDX-License-Identifier: MIT
 *
 * The table of row_cache.h: sets of a few entries each, the one used longest ago making room, so that no
 * choice of keys makes a look-up long. Objects are shared with whoever was given them, not copied. The
 * reader's thread. */
#include "metadata/read/row_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4u

_Static_assert(META_ROW_CACHE_ENTRIES % WAYS == 0, "whole sets");

struct row_cache_entry {
    uint64_t used;
    struct row_stamp stamp;
    int64_t bucket;
    size_t bytes;  /* of this entry and all that it keeps */
    uint32_t hits; /* how often it was asked for again */
    struct meta_object object;
    size_t key_length;
    unsigned char key[];
};

struct row_cache_bucket {
    uint64_t stamp;
    struct meta_bucket bucket; /* an empty name: none */
};

static void place_clear(struct row_cache *cache, struct row_cache_place *place)
{
    struct row_cache_entry *entry = place->entry;

    if (entry == NULL)
        return;
    assert(cache->bytes >= entry->bytes && object_memory(&entry->object)->entry == entry);
    place->entry = NULL;
    cache->bytes -= entry->bytes;
    object_memory(&entry->object)->entry = NULL;
    meta_object_release(&entry->object);
    free(entry);
}

void row_cache_free(struct row_cache *cache)
{
    if (cache->places != NULL)
        for (uint32_t i = 0; i < META_ROW_CACHE_ENTRIES; i++)
            place_clear(cache, &cache->places[i]);
    assert(cache->bytes == 0);
    free(cache->places);
    free(cache->buckets);
    *cache = (struct row_cache){0};
}

/* ---- Objects ---- */

static struct row_cache_place *set_of(struct row_cache *cache, uint64_t hash)
{
    return cache->places + (hash >> 32) % (META_ROW_CACHE_ENTRIES / WAYS) * WAYS;
}

static bool place_is(const struct row_cache_place *place, uint64_t hash, int64_t bucket, struct slice key)
{
    const struct row_cache_entry *entry = place->entry;

    assert(key.len == 0 || key.base != NULL);
    if (entry == NULL || place->hash != hash)
        return false;
    const char *lists =
        (const char *)entry->object.extents.list; /* will be needed, and is as cold as the entry */
    __builtin_prefetch(lists);
    __builtin_prefetch(lists + 128);
    return entry->bucket == bucket && entry->key_length == key.len &&
           memcmp(entry->key, key.base, key.len) == 0;
}

bool row_cache_get(struct row_cache *cache, const struct row_changes *changes, uint64_t hash, int64_t bucket,
                   struct slice key, struct meta_object *object)
{
    if (cache->places == NULL)
        return false;
    struct row_cache_place *set = set_of(cache, hash);
    for (unsigned i = 0; i < WAYS; i++) {
        struct row_cache_entry *entry = set[i].entry;
        if (!place_is(&set[i], hash, bucket, key))
            continue;
        if (!row_stamp_holds(changes, hash, &entry->stamp)) {
            place_clear(cache, &set[i]);
            return false;
        }
        entry->used = ++cache->clock;
        entry->hits++;
        *object = entry->object;
        assert(object->extents.list != NULL);
        object_share(object);
        return true;
    }
    return false;
}

/* The place of the same key, or a free one, or that of the entry used longest ago. */
static struct row_cache_place *place_find(struct row_cache *cache, uint64_t hash, int64_t bucket,
                                          struct slice key)
{
    struct row_cache_place *set = set_of(cache, hash), *place = set;

    assert(cache->places != NULL);
    for (unsigned i = 0; i < WAYS; i++)
        if (place_is(&set[i], hash, bucket, key))
            return &set[i];
    for (unsigned i = 0; i < WAYS && place->entry != NULL; i++)
        if (set[i].entry == NULL || set[i].entry->used < place->entry->used)
            place = &set[i];
    return place;
}

static void bytes_limit(struct row_cache *cache)
{
    assert(cache->places != NULL);
    while (cache->bytes > META_ROW_CACHE_BYTES) {
        cache->hand = (cache->hand + 1) % META_ROW_CACHE_ENTRIES;
        place_clear(cache, &cache->places[cache->hand]);
    }
}

void row_cache_put(struct row_cache *cache, uint64_t hash, int64_t bucket, struct slice key,
                   const struct row_stamp *stamp, const struct meta_object *object)
{
    struct object_memory *memory = object_memory(object);

    assert(memory->entry == NULL && atomic_load_explicit(&memory->references, memory_order_relaxed) == 1);
    if (memory->bytes > META_ROW_CACHE_OBJECT_BYTES)
        return;
    if (cache->places == NULL &&
        (cache->places = calloc(META_ROW_CACHE_ENTRIES, sizeof(*cache->places))) == NULL)
        return;
    struct row_cache_entry *entry = malloc(sizeof(*entry) + key.len);
    if (entry == NULL)
        return;
    *entry = (struct row_cache_entry){
        .used = ++cache->clock,
        .stamp = *stamp,
        .bucket = bucket,
        .bytes = sizeof(*entry) + key.len + memory->bytes,
        .object = *object,
        .key_length = key.len,
    };
    if (key.len > 0)
        (void)slice_copy(entry->key, key);
    object_share(object);
    memory->entry = entry;

    struct row_cache_place *place = place_find(cache, hash, bucket, key);
    place_clear(cache, place);
    *place = (struct row_cache_place){hash, entry};
    cache->bytes += entry->bytes;
    bytes_limit(cache);
}

void row_cache_note(struct row_cache *cache, const struct meta_object *object, struct slice note)
{
    struct object_memory *memory = object_memory(object);

    if (memory->entry == NULL || memory->entry->hits == 0 || memory->note != NULL || note.len == 0 ||
        note.len > META_ROW_CACHE_NOTE_BYTES || (memory->note = malloc(note.len)) == NULL)
        return;
    assert(cache->bytes >= memory->entry->bytes);
    (void)slice_copy(memory->note, note);
    memory->note_length = note.len;
    memory->entry->bytes += note.len;
    cache->bytes += note.len;
    bytes_limit(cache); /* the object is the caller's, too: its note stays, even if the entry goes */
}

/* ---- Buckets ---- */

static struct row_cache_bucket *bucket_place(struct row_cache *cache, struct slice name)
{
    return &cache->buckets[row_hash(0, name) % META_ROW_CACHE_BUCKETS];
}

bool row_cache_get_bucket(struct row_cache *cache, const struct row_changes *changes, struct slice name,
                          struct meta_bucket *bucket)
{
    if (cache->buckets == NULL || name.len == 0)
        return false;
    const struct row_cache_bucket *place = bucket_place(cache, name);
    if (strlen(place->bucket.name) != name.len || memcmp(place->bucket.name, name.base, name.len) != 0 ||
        !row_stamp_holds_bucket(changes, place->stamp))
        return false;
    *bucket = place->bucket;
    return true;
}

void row_cache_put_bucket(struct row_cache *cache, uint64_t stamp, const struct meta_bucket *bucket)
{
    assert(memchr(bucket->name, '\0', sizeof(bucket->name)) != NULL);
    if (cache->buckets == NULL &&
        (cache->buckets = calloc(META_ROW_CACHE_BUCKETS, sizeof(*cache->buckets))) == NULL)
        return;
    struct slice name = slice_text(bucket->name);
    *bucket_place(cache, name) = (struct row_cache_bucket){stamp, *bucket};
}
