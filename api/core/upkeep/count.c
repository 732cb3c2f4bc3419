/* SPDX-License-Identifier: MIT
 *
 * How many buckets and objects a store has, for its owner to see. No row keeps these figures, for every change would have to write it: they
 * are counted, by a walk that gives up where it would take long. Blocks. */
#include "api/core/core_internal.h"

#include <string.h>

struct count_walk {
    struct meta_reader *reader;
    struct core_count *count;
    unsigned char last[META_KEY_BYTES_MAX];
    size_t last_length;
};

static int count_object(void *ctx, const struct meta_list_entry *entry)
{
    struct count_walk *walk = ctx;

    if (entry->key.len > sizeof(walk->last))
        return META_E_CORRUPT;
    walk->count->objects++;
    walk->count->bytes += entry->size;
    (void)slice_copy(walk->last, entry->key);
    walk->last_length = entry->key.len;
    return 0;
}

/* *truncated: there were more than objects_max in all. */
static int count_bucket(struct count_walk *walk, int64_t bucket, uint64_t objects_max, bool *truncated)
{
    int err;

    walk->last_length = 0;
    do {
        uint64_t left = objects_max - walk->count->objects;
        const struct meta_list_query query = {
            .bucket = bucket,
            .after = slice_of(walk->last, walk->last_length),
            .limit = left < META_LIST_ENTRIES_MAX ? (uint32_t)left + 1 : META_LIST_ENTRIES_MAX,
        };

        err = meta_object_list(walk->reader, &query, count_object, walk, truncated);
    } while (err == 0 && *truncated && walk->count->objects <= objects_max);
    *truncated = walk->count->objects > objects_max;
    return err;
}

static int take_bucket(void *ctx, const struct meta_bucket *bucket)
{
    *(struct meta_bucket *)ctx = *bucket;
    return 0;
}

static int count_walk(struct count_walk *walk, uint64_t objects_max)
{
    struct meta_bucket bucket = {0};
    char after[sizeof(bucket.name)];
    bool truncated = false;

    for (;;) {
        int err;

        strcpy(after, bucket.name);
        err = meta_bucket_list(walk->reader, slice_text(after), 1, take_bucket, &bucket);
        if (err != 0)
            return err;
        if (strcmp(after, bucket.name) == 0)
            break;
        walk->count->buckets++;
        if (!truncated && (err = count_bucket(walk, bucket.id, objects_max, &truncated)) != 0)
            return err;
    }
    walk->count->is_complete = !truncated;
    return 0;
}

int core_count(struct core *core, uint64_t objects_max, struct core_count *count)
{
    struct count_walk walk = {.count = count};
    int err = meta_reader_open(core->meta, &walk.reader);

    *count = (struct core_count){0};
    if (err != 0)
        return err;
    err = count_walk(&walk, objects_max);
    meta_reader_close(walk.reader);
    return err;
}

int core_count_closed(const char *data_dir, uint64_t objects_max, struct core_count *count,
                      uint64_t *free_bytes)
{
    struct core *core;
    int err = core_open_to_look(&core, data_dir);

    if (err != 0)
        return err;
    *free_bytes = core_free_bytes(core);
    err = core->past.has_no_database ? core->past.error : core_count(core, objects_max, count);
    core_close(core);
    return err;
}
