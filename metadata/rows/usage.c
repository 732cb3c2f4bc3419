/* SPDX-License-Identifier: MIT
 *
 * See usage.h. */
#include "metadata/rows/usage.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/row_store.h"

int usage_init(struct usage *usage)
{
    atomic_init(&usage->is_whole, true);
    atomic_init(&usage->has_quotas, false);
    usage->store.quota = (struct meta_quota){META_QUOTA_NONE, META_QUOTA_NONE};
    return -pthread_mutex_init(&usage->lock, NULL);
}

void usage_free(struct usage *usage)
{
    (void)pthread_mutex_destroy(&usage->lock);
    free(usage->list);
    free(usage->touched);
    free(usage->log);
    free(usage->stages);
    free(usage->owners);
    free(usage->rules);
}

/* ---- Entries ---- */

size_t usage_position(const struct usage *usage, int64_t bucket)
{
    size_t low = 0, high = usage->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (usage->list[middle].bucket < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct usage_entry *entry_find(const struct usage *usage, int64_t bucket)
{
    size_t position = usage_position(usage, bucket);

    if (position == usage->count || usage->list[position].bucket != bucket || usage->list[position].is_gone)
        return NULL;
    return &usage->list[position];
}

static int entries_reserve(struct usage *usage)
{
    size_t capacity = usage->capacity == 0 ? 16 : 2 * usage->capacity;
    uint32_t *touched;

    if (usage->count < usage->capacity)
        return 0;
    if ((touched = realloc(usage->touched, capacity * sizeof(*touched))) == NULL)
        return -ENOMEM;
    usage->touched = touched;
    pthread_mutex_lock(&usage->lock);
    struct usage_entry *list = realloc(usage->list, capacity * sizeof(*list));
    if (list != NULL) {
        usage->list = list;
        usage->capacity = capacity;
    }
    pthread_mutex_unlock(&usage->lock);
    return list != NULL ? 0 : -ENOMEM;
}

static void entry_touch(struct usage *usage, struct usage_entry *entry)
{
    if (entry->is_touched)
        return;
    assert(usage->touched_count < usage->count);
    entry->is_touched = true;
    usage->touched[usage->touched_count++] = (uint32_t)(entry - usage->list);
}

/* ---- What is taken back ---- */

/* Room for one more, so that what is noted after it was done cannot fail. */
static int log_reserve(struct usage *usage)
{
    size_t capacity = usage->log_capacity == 0 ? 64 : 2 * usage->log_capacity;

    if (usage->log_count < usage->log_capacity)
        return 0;
    struct usage_record *log = realloc(usage->log, capacity * sizeof(*log));
    if (log == NULL)
        return -ENOMEM;
    usage->log = log;
    usage->log_capacity = capacity;
    return 0;
}

static void log_note(struct usage *usage, struct usage_record record)
{
    assert(usage->log_count < usage->log_capacity);
    usage->log[usage->log_count++] = record;
}

/* A change may say the same of many rows: one record for all of them. */
static bool log_merge(struct usage *usage, uint32_t entry, enum meta_usage_kind kind, int64_t count,
                      int64_t bytes)
{
    size_t begin = usage->depth > 0 ? usage->marks[usage->depth - 1] : 0;

    if (begin < usage->written)
        begin = usage->written;

    for (size_t i = usage->log_count; i > begin && i + 2 > usage->log_count; i--) {
        struct usage_record *record = &usage->log[i - 1];
        if (record->what != USAGE_ADDED)
            return false;
        if (record->entry == entry && record->kind == kind) {
            record->count = usage_sum(record->count, count);
            record->bytes = usage_sum(record->bytes, bytes);
            return true;
        }
    }
    return false;
}

/* An entry that was never committed; it is the last one, for ids only grow. */
static void entry_unborn(struct usage *usage, uint32_t entry)
{
    assert(entry == usage->count - 1 && !usage->list[entry].is_told);
    for (size_t i = 0; i < usage->touched_count; i++)
        if (usage->touched[i] == entry)
            usage->touched[i] = usage->touched[--usage->touched_count];
    pthread_mutex_lock(&usage->lock);
    usage->count--;
    pthread_mutex_unlock(&usage->lock);
}

static void total_add(struct usage_total *total, int64_t objects, int64_t bytes)
{
    total->now.count = usage_sum(total->now.count, objects);
    total->now.bytes = usage_sum(total->now.bytes, bytes);
}

static void number_add(struct usage *usage, struct usage_entry *entry, enum meta_usage_kind kind,
                       int64_t count, int64_t bytes)
{
    int64_t objects = usage_kind_is_object(kind) ? count : 0;

    entry->now[kind].count = usage_sum(entry->now[kind].count, count);
    entry->now[kind].bytes = usage_sum(entry->now[kind].bytes, bytes);
    total_add(&usage->owners[entry->owner_index].total, objects, bytes);
    total_add(&usage->store, objects, bytes);
}

static void log_undo(struct usage *usage, size_t begin)
{
    while (usage->log_count > begin) {
        const struct usage_record *record = &usage->log[--usage->log_count];
        struct usage_entry *entry = &usage->list[record->entry];

        switch (record->what) {
        case USAGE_ADDED:
            number_add(usage, entry, record->kind, usage_negated(record->count),
                       usage_negated(record->bytes));
            break;
        case USAGE_BORN:
            entry_unborn(usage, record->entry);
            break;
        case USAGE_GONE:
            entry->is_gone = false;
            break;
        case USAGE_QUOTA:
            entry->quota = record->quota;
            break;
        }
    }
    if (usage->written > usage->log_count)
        usage->written = SIZE_MAX; /* what was written is to be written anew */
    usage->walk_is_stale = true;
}

/* ---- Loading ---- */

int usage_bucket_add(struct usage *usage, const struct meta_usage *bucket)
{
    int err;

    assert(usage->count == 0 || usage->list[usage->count - 1].bucket < bucket->bucket);
    if ((err = entries_reserve(usage)) != 0 || (err = log_reserve(usage)) != 0)
        return err;
    struct usage_entry *entry = &usage->list[usage->count];
    uint32_t owner;
    pthread_mutex_lock(&usage->lock);
    if ((err = usage_owner_find(usage, bucket->owner, &owner)) != 0) {
        pthread_mutex_unlock(&usage->lock);
        return err;
    }
    *entry = (struct usage_entry){.bucket = bucket->bucket,
                                  .quota = bucket->quota,
                                  .quota_told = {META_QUOTA_NONE, META_QUOTA_NONE},
                                  .owner_index = owner};
    memcpy(entry->name, bucket->name, sizeof(entry->name));
    memcpy(entry->owner, bucket->owner, sizeof(entry->owner));
    usage->count++;
    pthread_mutex_unlock(&usage->lock);
    entry_touch(usage, entry);
    log_note(usage, (struct usage_record){.what = USAGE_BORN, .entry = (uint32_t)(usage->count - 1)});
    return 0;
}

static void late_add(struct usage *usage, struct usage_entry *entry, unsigned kinds)
{
    if (kinds == 0 || usage->late_numbers + (unsigned)__builtin_popcount(kinds) > META_USAGE_LATE_MAX)
        return;
    if (entry->late == 0)
        usage->late[usage->late_count++] = (uint32_t)(entry - usage->list);
    entry->late |= kinds;
    usage->late_numbers += (unsigned)__builtin_popcount(kinds);
}

void usage_load(struct usage *usage, int64_t bucket, int64_t kind, int64_t count, int64_t bytes, bool is_late)
{
    struct usage_entry *entry = entry_find(usage, bucket);

    if (entry == NULL || kind < 0 || kind >= META_USAGE_KINDS)
        return;
    number_add(usage, entry, (enum meta_usage_kind)kind, count, bytes);
    if (is_late)
        late_add(usage, entry, 1u << kind);
}

/* ---- A batch ---- */

void usage_change_begin(struct usage *usage)
{
    assert(usage->depth < USAGE_DEPTH_MAX);
    usage->marks[usage->depth++] = usage->log_count;
}

void usage_change_end(struct usage *usage, bool keeps)
{
    assert(usage->depth > 0);
    usage->depth--;
    if (!keeps)
        log_undo(usage, usage->marks[usage->depth]);
}

/* Entries of buckets that are no more make room. */
static void entries_compact(struct usage *usage)
{
    size_t kept = 0;

    usage->late_count = usage->late_numbers = 0;

    for (size_t i = 0; i < usage->count; i++) {
        if (usage->list[i].is_gone)
            continue;
        if (kept != i)
            usage->list[kept] = usage->list[i];
        if (usage->list[kept].late != 0)
            usage->late[usage->late_count++] = (uint32_t)kept;
        usage->late_numbers += (unsigned)__builtin_popcount(usage->list[kept].late);
        kept++;
    }
    usage->count = kept;
}

static void late_clear(struct usage *usage)
{
    for (uint32_t i = 0; i < usage->late_count; i++)
        usage->list[usage->late[i]].late = 0;
    usage->late_count = usage->late_numbers = 0;
}

bool usage_late_fits(const struct usage *usage)
{
    unsigned numbers = usage->late_numbers;

    for (size_t i = 0; i < usage->touched_count; i++) {
        const struct usage_entry *entry = &usage->list[usage->touched[i]];
        if (!entry->is_gone)
            numbers += (unsigned)__builtin_popcount(entry->dirty & ~entry->late);
    }
    return numbers <= META_USAGE_LATE_MAX;
}

void usage_batch_tell(struct usage *usage)
{
    bool any_gone = false;

    assert(usage->depth == 0);
    if (usage->is_settled)
        late_clear(usage);
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < usage->touched_count; i++) {
        struct usage_entry *entry = &usage->list[usage->touched[i]];
        memcpy(entry->told, entry->now, sizeof(entry->told));
        usage->owners[entry->owner_index].total.told = usage->owners[entry->owner_index].total.now;
        usage->bucket_quotas -= !quota_is_none(&entry->quota_told);
        entry->quota_told = entry->quota;
        usage->bucket_quotas += !entry->is_gone && !quota_is_none(&entry->quota);
        entry->is_told = true;
        entry->is_touched = false;
        if (!usage->is_settled)
            late_add(usage, entry, entry->dirty & ~entry->late);
        entry->dirty = 0;
        any_gone = any_gone || entry->is_gone;
    }
    usage->store.told = usage->store.now;
    usage_quotas_look(usage);
    if (any_gone)
        entries_compact(usage);
    pthread_mutex_unlock(&usage->lock);
    usage->touched_count = usage->log_count = usage->written = 0;
    usage->is_settled = false;
    atomic_store_explicit(&usage->is_whole, usage_is_whole(usage), memory_order_relaxed);
}

void usage_batch_undo(struct usage *usage)
{
    usage->depth = 0;
    usage->written = 0;
    usage->is_settled = false;
    log_undo(usage, 0);
    for (size_t i = 0; i < usage->touched_count; i++) {
        usage->list[usage->touched[i]].is_touched = false;
        usage->list[usage->touched[i]].dirty = 0;
    }
    usage->touched_count = 0;
}

/* ---- Counting ---- */

bool usage_is_counted(const struct usage *usage, enum usage_stop table, int64_t bucket, struct slice key,
                      struct slice id)
{
    const struct usage_walk *walk = &usage->walk;
    int order;

    if (walk->stop == USAGE_WHOLE || table != walk->stop)
        return walk->stop == USAGE_WHOLE || table < walk->stop;
    if (bucket != walk->bucket)
        return bucket < walk->bucket;
    order = slice_compare(key, slice_of(walk->key, walk->key_length));
    return order != 0 ? order < 0 : slice_compare(id, slice_of(walk->id, walk->id_length)) <= 0;
}

int usage_add(struct usage *usage, int64_t bucket, enum meta_usage_kind kind, int64_t count, int64_t bytes)
{
    struct usage_entry *entry;
    int err;

    if (bucket < 0) {
        bucket = usage_stage_bucket(usage, bucket);
        kind = kind == META_USAGE_OBJECTS ? META_USAGE_STAGED : kind;
    }
    if ((count == 0 && bytes == 0) || (entry = entry_find(usage, bucket)) == NULL)
        return 0;
    uint32_t index = (uint32_t)(entry - usage->list);
    if (!log_merge(usage, index, kind, count, bytes)) {
        if ((err = log_reserve(usage)) != 0)
            return err;
        log_note(usage,
                 (struct usage_record){
                     .what = USAGE_ADDED, .entry = index, .kind = kind, .count = count, .bytes = bytes});
    }
    number_add(usage, entry, kind, count, bytes);
    entry->dirty |= 1u << kind;
    entry_touch(usage, entry);
    return 0;
}

static int entry_clear(struct usage *usage, const struct usage_entry *entry)
{
    int err = 0;

    for (int kind = 0; kind < META_USAGE_KINDS && err == 0; kind++)
        err = usage_add(usage, entry->bucket, (enum meta_usage_kind)kind,
                        usage_negated(entry->now[kind].count), usage_negated(entry->now[kind].bytes));
    return err;
}

int usage_quota_put(struct usage *usage, int64_t bucket, const struct meta_quota *quota)
{
    struct usage_entry *entry = entry_find(usage, bucket);
    int err = log_reserve(usage);

    if (err != 0 || entry == NULL)
        return err;
    log_note(usage, (struct usage_record){.what = USAGE_QUOTA,
                                          .entry = (uint32_t)(entry - usage->list),
                                          .quota = entry->quota});
    entry->quota = *quota;
    entry_touch(usage, entry);
    return 0;
}

int usage_bucket_remove(struct usage *usage, int64_t bucket)
{
    struct usage_entry *entry = entry_find(usage, bucket);
    int err;

    if (entry == NULL)
        return 0;
    if ((err = entry_clear(usage, entry)) != 0 || (err = log_reserve(usage)) != 0)
        return err;
    log_note(usage, (struct usage_record){.what = USAGE_GONE, .entry = (uint32_t)(entry - usage->list)});
    entry->is_gone = true;
    entry_touch(usage, entry);
    return 0;
}

int usage_clear(struct usage *usage)
{
    int err = 0;

    for (size_t i = 0; i < usage->count && err == 0; i++)
        if (!usage->list[i].is_gone)
            err = entry_clear(usage, &usage->list[i]);
    return err;
}
