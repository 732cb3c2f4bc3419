/* SPDX-License-Identifier: MIT
 *
 * Quotas: of a bucket, of the owner of buckets, of the store. What is judged is what a change has added to the counts (usage.h), whatever kind of
 * change it is; so here is the one place that refuses. See meta_usage.h. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/db.h"

/* ---- Owners ---- */

static struct meta_quota rule_of(const struct usage *usage, const char *name)
{
    for (size_t i = 0; i < usage->rule_count; i++)
        if (strcmp(usage->rules[i].owner, name) == 0)
            return usage->rules[i].quota;
    return (struct meta_quota){META_QUOTA_NONE, META_QUOTA_NONE};
}

int usage_owner_find(struct usage *usage, const char name[65], uint32_t *index)
{
    size_t at = 0;

    while (at < usage->owner_count && strcmp(usage->owners[at].name, name) != 0)
        at++;
    *index = (uint32_t)at;
    if (at < usage->owner_count)
        return 0;
    if (usage->owner_count == usage->owner_capacity) {
        size_t capacity = usage->owner_capacity == 0 ? 8 : 2 * usage->owner_capacity;
        struct usage_owner *owners = realloc(usage->owners, capacity * sizeof(*owners));
        if (owners == NULL)
            return -ENOMEM;
        usage->owners = owners;
        usage->owner_capacity = capacity;
    }
    struct usage_owner *owner = &usage->owners[usage->owner_count++];
    *owner = (struct usage_owner){.total.quota = rule_of(usage, name)};
    memcpy(owner->name, name, sizeof(owner->name));
    return 0;
}

void usage_quotas_look(struct usage *usage)
{
    bool has = usage->bucket_quotas > 0 || usage->rule_count > 0 || !quota_is_none(&usage->store.quota);

    atomic_store_explicit(&usage->has_quotas, has, memory_order_relaxed);
}

void meta_quota_set_store(struct meta *meta, struct meta_quota quota)
{
    struct usage *usage = &meta->usage;

    pthread_mutex_lock(&usage->lock);
    usage->store.quota = quota;
    usage_quotas_look(usage);
    pthread_mutex_unlock(&usage->lock);
}

int meta_quota_set_owners(struct meta *meta, const struct meta_quota_owner *owners, size_t count)
{
    struct usage *usage = &meta->usage;
    struct meta_quota_owner *rules = count > 0 ? malloc(count * sizeof(*rules)) : NULL;

    if (count > 0 && rules == NULL)
        return -ENOMEM;
    if (count > 0)
        memcpy(rules, owners, count * sizeof(*rules));
    pthread_mutex_lock(&usage->lock);
    struct meta_quota_owner *before = usage->rules;
    usage->rules = rules;
    usage->rule_count = count;
    for (size_t i = 0; i < usage->owner_count; i++)
        usage->owners[i].total.quota = rule_of(usage, usage->owners[i].name);
    usage_quotas_look(usage);
    pthread_mutex_unlock(&usage->lock);
    free(before);
    return 0;
}

bool meta_quotas_any(const struct meta *meta)
{
    return atomic_load_explicit(&meta->usage.has_quotas, memory_order_relaxed);
}

/* ---- Judging: the committer's thread, with the lock ---- */

/* Of a bucket, as the open batch has it. */
static struct usage_number entry_total(const struct usage_number numbers[META_USAGE_KINDS])
{
    struct usage_number total = {0, 0};

    for (int kind = 0; kind < META_USAGE_KINDS; kind++) {
        total.bytes = usage_sum(total.bytes, numbers[kind].bytes);
        if (usage_kind_is_object((enum meta_usage_kind)kind))
            total.count = usage_sum(total.count, numbers[kind].count);
    }
    return total;
}

/* What is negative is damage. */
static bool is_above(int64_t held, uint64_t bound)
{
    return held > 0 && (uint64_t)held > bound;
}

static bool fits(struct usage_number growing, struct usage_number total, const struct meta_quota *quota)
{
    return (growing.bytes <= 0 || !is_above(total.bytes, quota->bytes_max)) &&
           (growing.count <= 0 || !is_above(total.count, quota->objects_max));
}

static void grow(struct usage_number *growing, const struct usage_record *record)
{
    growing->bytes = usage_sum(growing->bytes, record->bytes);
    if (usage_kind_is_object(record->kind))
        growing->count = usage_sum(growing->count, record->count);
}

static bool record_fits(struct usage *usage, const struct usage_record *record)
{
    const struct usage_entry *entry = &usage->list[record->entry];
    const struct usage_total *owner = &usage->owners[entry->owner_index].total;

    if (!quota_is_none(&entry->quota) && !fits(entry->growing, entry_total(entry->now), &entry->quota))
        return false;
    return fits(owner->growing, owner->now, &owner->quota);
}

/* What the change has added, to each that it touched. */
static void growing_note(struct usage *usage, const struct usage_record *begin,
                         const struct usage_record *end)
{
    usage->store.growing = (struct usage_number){0, 0};
    for (const struct usage_record *record = begin; record < end; record++) {
        struct usage_entry *entry = &usage->list[record->entry];
        entry->growing = usage->owners[entry->owner_index].total.growing = (struct usage_number){0, 0};
    }
    for (const struct usage_record *record = begin; record < end; record++) {
        struct usage_entry *entry = &usage->list[record->entry];
        if (record->what != USAGE_ADDED)
            continue;
        grow(&entry->growing, record);
        grow(&usage->owners[entry->owner_index].total.growing, record);
        grow(&usage->store.growing, record);
    }
}

int usage_judge(struct usage *usage)
{
    bool is_good;

    assert(usage->depth > 0);
    if (!atomic_load_explicit(&usage->has_quotas, memory_order_relaxed))
        return 0;
    const struct usage_record *begin = usage->log + usage->marks[usage->depth - 1],
                              *end = usage->log + usage->log_count;
    pthread_mutex_lock(&usage->lock);
    growing_note(usage, begin, end);
    is_good = fits(usage->store.growing, usage->store.now, &usage->store.quota);
    for (const struct usage_record *record = begin; record < end && is_good; record++)
        is_good = record->what != USAGE_ADDED || record_fits(usage, record);
    pthread_mutex_unlock(&usage->lock);
    return is_good ? 0 : META_E_QUOTA;
}

/* ---- What is left ---- */

static uint64_t left_of(int64_t held, uint64_t bound)
{
    uint64_t taken = held > 0 ? (uint64_t)held : 0;

    return bound == META_QUOTA_NONE ? bound : bound > taken ? bound - taken : 0;
}

static void room_narrow(struct meta_quota *room, struct usage_number held, const struct meta_quota *quota)
{
    uint64_t bytes = left_of(held.bytes, quota->bytes_max), objects = left_of(held.count, quota->objects_max);

    room->bytes_max = bytes < room->bytes_max ? bytes : room->bytes_max;
    room->objects_max = objects < room->objects_max ? objects : room->objects_max;
}

/* told: as of the last batch; else as it is now. With the lock. */
static struct meta_quota room_of(const struct usage *usage, int64_t bucket, bool told)
{
    struct meta_quota room = {META_QUOTA_NONE, META_QUOTA_NONE};
    size_t position = usage_position(usage, bucket);

    room_narrow(&room, told ? usage->store.told : usage->store.now, &usage->store.quota);
    if (position == usage->count || usage->list[position].bucket != bucket)
        return room;
    const struct usage_entry *entry = &usage->list[position];
    const struct usage_total *owner = &usage->owners[entry->owner_index].total;
    room_narrow(&room, told ? owner->told : owner->now, &owner->quota);
    room_narrow(&room, entry_total(told ? entry->told : entry->now),
                told ? &entry->quota_told : &entry->quota);
    return room;
}

struct meta_quota meta_quota_room(struct meta *meta, int64_t bucket)
{
    struct usage *usage = &meta->usage;

    pthread_mutex_lock(&usage->lock);
    struct meta_quota room = room_of(usage, bucket, true);
    pthread_mutex_unlock(&usage->lock);
    return room;
}

bool usage_may_refuse(struct usage *usage, int64_t bucket, uint64_t objects, uint64_t bytes)
{
    pthread_mutex_lock(&usage->lock);
    struct meta_quota room = room_of(usage, bucket, false);
    pthread_mutex_unlock(&usage->lock);
    return bytes > room.bytes_max || objects > room.objects_max;
}
