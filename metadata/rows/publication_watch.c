/* SPDX-License-Identifier: MIT
 *
 * See publication_watch.h. Ten thousand keys are kept as their hashes; two that share one are noted for each other, which costs a look. */
#include "metadata/rows/publication_watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/row_changes.h"

/* A key of its own memory. */
struct kept_key {
    unsigned char bytes[META_KEY_BYTES_MAX];
    uint32_t length;
};

struct publication_watch {
    bool has_prefix, is_stale;
    struct kept_key prefix, first, last; /* of all keys, in their order */
    uint64_t *hashes;                    /* a table of 2^n places, at most half of them taken; 0: free */
    size_t count, capacity;
    uint32_t touched_count;
    struct kept_key touched[META_PUBLISH_TOUCHED_MAX];
};

static void key_keep(struct kept_key *kept, struct slice key)
{
    kept->length = (uint32_t)(key.len < sizeof(kept->bytes) ? key.len : sizeof(kept->bytes));
    if (kept->length > 0)
        memcpy(kept->bytes, key.base, kept->length);
}

static struct slice key_of(const struct kept_key *kept)
{
    return slice_of(kept->bytes, kept->length);
}

struct publication_watch *publication_watch_create(struct slice prefix)
{
    struct publication_watch *watch = calloc(1, sizeof(*watch));

    assert(prefix.len <= META_KEY_BYTES_MAX);
    if (watch == NULL)
        return NULL;
    watch->has_prefix = prefix.base != NULL;
    key_keep(&watch->prefix, prefix);
    return watch;
}

void publication_watch_free(struct publication_watch *watch)
{
    if (watch == NULL)
        return;
    free(watch->hashes);
    free(watch);
}

/* ---- The table ---- */

static uint64_t hash_of(int64_t bucket, struct slice key)
{
    uint64_t hash = row_hash(bucket, key);

    return hash != 0 ? hash : 1;
}

/* Where the hash is, or would be. */
static size_t table_place(const uint64_t *hashes, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);

    while (hashes[at] != 0 && hashes[at] != hash)
        at = (at + 1) & (capacity - 1);
    return at;
}

static bool table_has(const struct publication_watch *watch, uint64_t hash)
{
    return watch->count > 0 && watch->hashes[table_place(watch->hashes, watch->capacity, hash)] == hash;
}

static int table_grow(struct publication_watch *watch)
{
    size_t capacity = watch->capacity == 0 ? 256 : 2 * watch->capacity;
    uint64_t *hashes = calloc(capacity, sizeof(*hashes));

    if (hashes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < watch->capacity; i++)
        if (watch->hashes[i] != 0)
            hashes[table_place(hashes, capacity, watch->hashes[i])] = watch->hashes[i];
    free(watch->hashes);
    watch->hashes = hashes;
    watch->capacity = capacity;
    return 0;
}

int publication_watch_add(struct publication_watch *watch, int64_t bucket, struct slice key)
{
    uint64_t hash = hash_of(bucket, key);
    int err;

    assert(key.len > 0 && key.len <= META_KEY_BYTES_MAX);
    if (2 * (watch->count + 1) > watch->capacity && (err = table_grow(watch)) != 0)
        return err;
    if (watch->first.length == 0 || slice_compare(key, key_of(&watch->first)) < 0)
        key_keep(&watch->first, key);
    if (slice_compare(key, key_of(&watch->last)) > 0)
        key_keep(&watch->last, key);
    size_t at = table_place(watch->hashes, watch->capacity, hash);
    watch->count += watch->hashes[at] == 0;
    watch->hashes[at] = hash;
    return 0;
}

/* ---- What happens ---- */

bool publication_watch_covers(const struct publication_watch *watch, struct slice key)
{
    return watch->has_prefix && slice_begins(key, key_of(&watch->prefix));
}

void publication_watch_note(struct publication_watch *watch, int64_t bucket, struct slice key)
{
    if (watch->is_stale || (!publication_watch_covers(watch, key) && !table_has(watch, hash_of(bucket, key))))
        return;
    for (uint32_t i = 0; i < watch->touched_count; i++)
        if (slice_equals(key, key_of(&watch->touched[i])))
            return;
    if (watch->touched_count == META_PUBLISH_TOUCHED_MAX)
        watch->is_stale = true;
    else
        key_keep(&watch->touched[watch->touched_count++], key);
}

/* Whether some key from the other's first to its last one could begin with the prefix. */
static bool prefix_meets(const struct publication_watch *watch, const struct publication_watch *other)
{
    struct slice prefix = key_of(&watch->prefix), last = key_of(&other->last), first = key_of(&other->first);

    if (!watch->has_prefix || other->count == 0)
        return false;
    return slice_compare(last, prefix) >= 0 &&
           (slice_begins(first, prefix) || slice_compare(first, prefix) < 0);
}

void publication_watch_cross(struct publication_watch *watch, const struct publication_watch *other)
{
    bool meets = prefix_meets(watch, other);

    assert(watch != other);
    for (size_t i = 0; i < other->capacity && !meets; i++)
        meets = other->hashes[i] != 0 && table_has(watch, other->hashes[i]);
    watch->is_stale = watch->is_stale || meets;
}

void publication_watch_spoil(struct publication_watch *watch)
{
    watch->is_stale = true;
}

bool publication_watch_is_stale(const struct publication_watch *watch)
{
    return watch->is_stale;
}

uint32_t publication_watch_touched(const struct publication_watch *watch)
{
    return watch->touched_count;
}

struct slice publication_watch_key(const struct publication_watch *watch, uint32_t i)
{
    assert(i < watch->touched_count);
    return key_of(&watch->touched[i]);
}
