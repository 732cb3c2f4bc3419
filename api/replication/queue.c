/* SPDX-License-Identifier: MIT
 *
 * See queue.h. */
#include "api/replication/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void replication_queue_init(struct replication_queue *queue)
{
    *queue = (struct replication_queue){.first = NULL};
    queue->end = &queue->first;
}

void replication_queue_free(struct replication_queue *queue)
{
    for (struct replication_entry *entry = queue->first, *next; entry != NULL; entry = next) {
        next = entry->next;
        free(entry);
    }
    replication_queue_init(queue);
}

/* FNV-1a, to tell most keys apart at a glance. */
static uint32_t key_hash(int64_t bucket, struct slice key)
{
    uint32_t hash = 2166136261u ^ (uint32_t)bucket;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.base[i]) * 16777619u;
    return hash;
}

static bool is_same(const struct replication_entry *a, const struct replication_entry *b)
{
    return a->hash == b->hash && a->bucket == b->bucket && a->is_walk == b->is_walk &&
           a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

static struct replication_entry *make(const struct meta_event *event)
{
    struct replication_entry *entry = calloc(1, sizeof(*entry) + event->key.len + 1);

    if (entry == NULL)
        return NULL;
    entry->bucket = event->bucket;
    if (event->bucket_name.len < sizeof(entry->bucket_name) && event->bucket_name.len > 0)
        (void)slice_copy(entry->bucket_name, event->bucket_name);
    entry->hash = key_hash(event->bucket, event->key);
    entry->seqs[0] = event->seq;
    entry->seq_count = 1;
    entry->at_ms = event->at_ms;
    entry->is_walk = event->kind == META_EVENT_TEST;
    entry->has_changed = event->kind != META_EVENT_TEST && event->kind != META_EVENT_RESYNC;
    entry->key_length = event->key.len;
    if (event->key.len > 0)
        (void)slice_copy(entry->key, event->key);
    return entry;
}

static bool has_row(const struct replication_queue *queue, uint64_t seq)
{
    for (const struct replication_entry *entry = queue->first; entry != NULL; entry = entry->next)
        for (unsigned i = 0; i < entry->seq_count; i++)
            if (entry->seqs[i] == seq)
                return true;
    return false;
}

uint32_t replication_queue_rows(const struct replication_queue *queue)
{
    uint32_t rows = 0;

    for (const struct replication_entry *entry = queue->first; entry != NULL; entry = entry->next)
        rows += entry->seq_count;
    return rows;
}

void replication_queue_drop(struct replication_queue *queue)
{
    struct replication_entry **at = &queue->first, *entry;

    while ((entry = *at) != NULL) {
        if (entry->is_taken) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        queue->count--;
        free(entry);
    }
    queue->end = at;
    queue->last_seq = 0;
}

int replication_queue_add(struct replication_queue *queue, const struct meta_event *event)
{
    struct replication_entry *made;

    if (event->seq <= queue->last_seq && has_row(queue, event->seq))
        return 0;
    if ((made = make(event)) == NULL)
        return -ENOMEM;
    if (event->seq > queue->last_seq)
        queue->last_seq = event->seq;
    for (struct replication_entry *entry = queue->first; entry != NULL; entry = entry->next) {
        if (entry->is_taken || entry->seq_count == REPLICATION_SEQS_MAX || !is_same(entry, made))
            continue;
        entry->seqs[entry->seq_count++] = event->seq;
        entry->has_changed = entry->has_changed || made->has_changed;
        if (made->has_changed)
            entry->due_ms = 0; /* there is something new to try */
        free(made);
        return 0;
    }
    *queue->end = made;
    queue->end = &made->next;
    queue->count++;
    return 0;
}

/* Whether the key is with somebody, by an earlier entry. */
static bool is_busy(const struct replication_queue *queue, const struct replication_entry *wanted)
{
    for (const struct replication_entry *entry = queue->first; entry != wanted; entry = entry->next)
        if (entry->is_taken && is_same(entry, wanted))
            return true;
    return false;
}

struct replication_entry *replication_queue_take(struct replication_queue *queue, uint64_t now_ms,
                                                 unsigned *wait_ms)
{
    for (struct replication_entry *entry = queue->first; entry != NULL; entry = entry->next) {
        if (entry->is_taken)
            continue;
        if (entry->due_ms > now_ms) {
            if (entry->due_ms - now_ms < *wait_ms)
                *wait_ms = (unsigned)(entry->due_ms - now_ms);
            continue;
        }
        if (is_busy(queue, entry))
            continue;
        entry->is_taken = true;
        return entry;
    }
    return NULL;
}

void replication_queue_return(struct replication_entry *entry, uint64_t due_ms)
{
    assert(entry->is_taken);
    entry->is_taken = false;
    entry->due_ms = due_ms;
}

void replication_queue_finish(struct replication_queue *queue, struct replication_entry *entry)
{
    struct replication_entry **at = &queue->first;

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    if (queue->end == &entry->next)
        queue->end = at;
    queue->count--;
    free(entry);
}

int64_t replication_queue_oldest(const struct replication_queue *queue)
{
    int64_t oldest = 0;

    for (const struct replication_entry *entry = queue->first; entry != NULL; entry = entry->next)
        if (oldest == 0 || entry->at_ms < oldest)
            oldest = entry->at_ms;
    return oldest;
}

unsigned replication_retry_ms(unsigned failures, uint32_t random)
{
    unsigned pause = REPLICATION_RETRY_MS_MIN;

    assert(failures > 0);
    while (--failures > 0 && pause < REPLICATION_RETRY_MS_MAX)
        pause *= 2;
    if (pause > REPLICATION_RETRY_MS_MAX)
        pause = REPLICATION_RETRY_MS_MAX;
    return pause / 2 + random % (pause / 2 + 1);
}
