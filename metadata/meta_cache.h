/* SPDX-License-Identifier: MIT
 *
 * Cache buckets: buckets whose objects may be given up, the least recently used ones first. The module counts what they hold, in the
 * same transaction as each row that changes, and knows in which order their objects were used. What is to be given up, and when, is the
 * core's affair: it takes victims from meta_cache_oldest and deletes them with a guard (meta_delete_guard.used_ms).
 *
 * An object was used when it was stored, and again when META_OP_CACHE_TOUCH says so. A cache bucket keeps no versions, and has therefore
 * neither locks nor legal holds; a bucket that may have them cannot be made one.
 *
 * A bucket that has objects when it becomes a cache is counted in slices (META_OP_CACHE_STEP): what is stored and deleted meanwhile is
 * counted right. One that ceases to be a cache is forgotten in slices, too. */
#ifndef METADATA_META_CACHE_H
#define METADATA_META_CACHE_H

#include "metadata/meta.h"

/* Stored: numbers are never used anew. */
enum meta_cache_state {
    META_CACHE_FILLING = 1, /* its objects are being counted */
    META_CACHE_WHOLE = 2,   /* all are counted */
    META_CACHE_ENDING = 3,  /* it is no cache any more, or again, and what was counted is being forgotten */
};

struct meta_cache {
    int64_t bucket;
    char name[META_BUCKET_NAME_BYTES_MAX + 1];
    enum meta_cache_state state;
    uint64_t entries, bytes; /* of the objects that are counted */
};

/* ---- Reads: the reader's thread ---- */

/* Those there are, by ascending bucket > after, up to limit. The count, or negative. */
int meta_cache_list(struct meta_reader *reader, int64_t after, struct meta_cache *caches, int limit);
/* 1, 0: it is none, or an error. */
int meta_cache_get(struct meta_reader *reader, int64_t bucket, struct meta_cache *cache);

struct meta_cache_victim {
    struct slice key;
    int64_t used_ms; /* the last use */
    uint64_t bytes;
    struct meta_extents extents; /* none, where they are damaged */
};

/* Objects that were used last before `before_ms`, the least recently used first, at most `limit`. Costs what it gives out, however many
 * there are. visit non-zero stops and is returned; what it is given is valid during the call. */
int meta_cache_oldest(struct meta_reader *reader, int64_t bucket, int64_t before_ms, uint32_t limit,
                      int (*visit)(void *ctx, const struct meta_cache_victim *victim), void *ctx);

/* ---- Changes ---- */

/* Makes the bucket a cache, or changes its bounds; or, with document.base NULL, makes it a plain one. META_E_NO_BUCKET;
 * META_E_BUCKET_STATE: it has versioning, or had; -E2BIG as META_OP_SETTING_PUT. */
struct meta_cache_set {
    struct meta_op op;
    int64_t bucket;
    struct slice document; /* the setting META_SETTING_CACHE */
    /* From here on, whatever writes: a key that is taken is written by none: META_E_WRITE_ONCE */
    bool write_once;
    uint64_t object_bytes_max; /* of each object: META_E_OBJECT_SIZE; 0: any */
};

/* Counts, or forgets, a slice of the bucket's objects. Not wanted while the state is META_CACHE_WHOLE: then it does nothing. */
struct meta_cache_step {
    struct meta_op op;
    int64_t bucket;
    bool more; /* out: there is another slice */
};

/* One object, used. */
struct meta_cache_use {
    int64_t bucket;
    struct slice key;
    int64_t used_ms;
    int64_t
        if_before_ms; /* not where the use that is known is as late as that: what is used all the time is not written all the time */
};

/* Notes uses. What is not there, not in a cache, or was used later still is passed over: never an error. */
struct meta_cache_touch {
    struct meta_op op;
    const struct meta_cache_use *uses;
    uint32_t count; /* up to META_CACHE_TOUCH_MAX */
};

#endif
