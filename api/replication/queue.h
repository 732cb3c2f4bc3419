/* SPDX-License-Identifier: MIT
 *
 * The keys that wait for a target, in memory: a window of its rows of the outbox, with all rows of a key together. Each key is with one thread
 * at a time; rows that come meanwhile wait for the next turn of the key. The owner locks. */
#ifndef API_REPLICATION_QUEUE_H
#define API_REPLICATION_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/core/core.h"
#include "api/replication/limits.h"

struct replication_entry {
    struct replication_entry *next;
    int64_t bucket;
    char bucket_name[META_BUCKET_NAME_BYTES_MAX + 1];
    uint32_t hash;
    uint64_t seqs[REPLICATION_SEQS_MAX]; /* its rows */
    unsigned seq_count;
    int64_t at_ms;          /* when the oldest of them happened */
    bool is_walk;           /* the key is the place of a walk through the bucket */
    bool has_changed;       /* something happened; else it is only to be compared */
    bool is_taken, is_told; /* is_told: the log has its failure */
    unsigned failures;
    uint64_t due_ms; /* not before; on the monotonic clock */
    size_t key_length;
    char key[];
};

struct replication_queue {
    struct replication_entry *first, **end;
    unsigned count;
    uint64_t last_seq; /* that was added */
};

void replication_queue_init(struct replication_queue *queue);
void replication_queue_free(struct replication_queue *queue);

/* Takes in a row that can be read. One that is there already, as a cluster's are listed more than once, is passed over. 0 or -ENOMEM. */
int replication_queue_add(struct replication_queue *queue, const struct meta_event *event);
/* How many rows the entries have. */
uint32_t replication_queue_rows(const struct replication_queue *queue);
/* Forgets all that nobody has taken; the rows are listed again from the first one on. */
void replication_queue_drop(struct replication_queue *queue);
/* The first that is due and whose key nobody has; NULL: none, and *wait_ms is lowered to when one will be. */
struct replication_entry *replication_queue_take(struct replication_queue *queue, uint64_t now_ms,
                                                 unsigned *wait_ms);
/* It comes again at due_ms, if it is not done. */
void replication_queue_return(struct replication_entry *entry, uint64_t due_ms);
/* Its rows are gone. Frees it. */
void replication_queue_finish(struct replication_queue *queue, struct replication_entry *entry);

/* When the oldest happened; 0: none waits. */
int64_t replication_queue_oldest(const struct replication_queue *queue);
/* How long the next try waits after so many failures; random: any number. */
unsigned replication_retry_ms(unsigned failures, uint32_t random);

static inline struct slice replication_entry_key(const struct replication_entry *entry)
{
    return slice_of(entry->key, entry->key_length);
}

#endif
