/* SPDX-License-Identifier: MIT
 *
 * What buckets hold, as the last commit left it, for whoever asks: meta_usage.h. Any thread. */
#include <string.h>

#include "metadata/db.h"

uint64_t meta_usage_bytes(const struct meta_usage *usage)
{
    uint64_t bytes = 0;

    for (int kind = 0; kind < META_USAGE_KINDS; kind++)
        bytes += usage->kinds[kind].bytes;
    return bytes;
}

uint64_t meta_usage_objects(const struct meta_usage *usage)
{
    return usage->kinds[META_USAGE_OBJECTS].count + usage->kinds[META_USAGE_VERSIONS].count +
           usage->kinds[META_USAGE_STAGED].count;
}

static uint64_t at_least_none(int64_t number)
{
    return number > 0 ? (uint64_t)number : 0; /* less is damage, which the check finds */
}

static void entry_give(const struct usage_entry *entry, struct meta_usage *usage)
{
    *usage = (struct meta_usage){.bucket = entry->bucket, .quota = entry->quota_told};
    memcpy(usage->name, entry->name, sizeof(usage->name));
    memcpy(usage->owner, entry->owner, sizeof(usage->owner));
    for (int kind = 0; kind < META_USAGE_KINDS; kind++)
        usage->kinds[kind] = (struct meta_usage_count){at_least_none(entry->told[kind].count),
                                                       at_least_none(entry->told[kind].bytes)};
}

size_t meta_usage_list(struct meta *meta, int64_t after, struct meta_usage *list, size_t limit)
{
    struct usage *usage = &meta->usage;
    size_t count = 0;

    pthread_mutex_lock(&usage->lock);
    for (size_t i = usage_position(usage, after); i < usage->count && count < limit; i++)
        if (usage->list[i].bucket > after && usage->list[i].is_told)
            entry_give(&usage->list[i], &list[count++]);
    pthread_mutex_unlock(&usage->lock);
    return count;
}

int meta_usage_get(struct meta *meta, int64_t bucket, struct meta_usage *usage)
{
    return meta_usage_list(meta, bucket - 1, usage, 1) > 0 && usage->bucket == bucket;
}

bool meta_usage_is_whole(const struct meta *meta)
{
    return atomic_load_explicit(&meta->usage.is_whole, memory_order_relaxed);
}
