/* SPDX-License-Identifier: MIT
 *
 * The rows that a reader was asked for lately: objects by bucket and key, buckets by name. Exact: an entry is given out only
 * while row_changes.h says that it is true. Bounded in entries and bytes (limits.h). The reader's thread; private to
 * metadata/. */
#ifndef METADATA_READ_ROW_CACHE_H
#define METADATA_READ_ROW_CACHE_H

#include "metadata/rows/row_changes.h"

struct row_cache_entry;

/* The hash beside the pointer: a set is one line of the processor's cache, and what is not asked for is not touched. */
struct row_cache_place {
    uint64_t hash;
    struct row_cache_entry *entry; /* NULL: free */
};

struct row_cache {
    struct row_cache_place *places;   /* META_ROW_CACHE_ENTRIES, in sets; NULL before the first row is kept */
    size_t bytes;                     /* of all entries */
    uint64_t clock;                   /* goes up with each use */
    uint32_t hand;                    /* the next to go when bytes are short */
    struct row_cache_bucket *buckets; /* META_ROW_CACHE_BUCKETS; NULL before the first is kept */
};

void row_cache_free(struct row_cache *cache);

/* True: *object is filled, as by meta_object_get. */
bool row_cache_get(struct row_cache *cache, const struct row_changes *changes, uint64_t hash, int64_t bucket,
                   struct slice key, struct meta_object *object);
/* Keeps a reference of its own to what object points to. stamp: taken before the row was read. Without memory nothing is
 * kept. */
void row_cache_put(struct row_cache *cache, uint64_t hash, int64_t bucket, struct slice key,
                   const struct row_stamp *stamp, const struct meta_object *object);

bool row_cache_get_bucket(struct row_cache *cache, const struct row_changes *changes, struct slice name,
                          struct meta_bucket *bucket);
void row_cache_put_bucket(struct row_cache *cache, uint64_t stamp, const struct meta_bucket *bucket);

/* See meta_object_note_keep. */
void row_cache_note(struct row_cache *cache, const struct meta_object *object, struct slice note);

/* ---- The memory that objects share (read.c) ---- */

/* What stands before an object's pieces: an object may be with the cache and with readers at once. All but the references
 * belongs to the reader's thread. */
struct object_memory {
    atomic_size_t references;
    size_t bytes;                  /* of this, and what follows it */
    struct row_cache_entry *entry; /* that keeps it, or NULL */
    void *note;                    /* or NULL */
    size_t note_length;
};

static inline struct object_memory *object_memory(const struct meta_object *object)
{
    return (struct object_memory *)object->extents.list - 1;
}

/* One more meta_object that needs meta_object_release. */
void object_share(const struct meta_object *object);

#endif
