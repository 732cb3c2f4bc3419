/* SPDX-License-Identifier: MIT
 *
 * What sender.c and sender_work.c share. */
#ifndef API_REPLICATION_SENDER_INTERNAL_H
#define API_REPLICATION_SENDER_INTERNAL_H

#include <pthread.h>

#include "api/replication/copier.h"
#include "api/replication/queue.h"
#include "api/replication/sender.h"

/* One thread. */
struct replication_lane {
    struct replication_sender *sender;
    struct core_worker *worker;
    struct replication_copier copier;
    pthread_t thread;
    bool is_running;
    /* A change that is waited for. */
    bool is_done;
    struct core_change change;
};

struct replication_sender {
    struct replication_sender_options options;
    unsigned char row_name[META_OUTBOX_TARGET_BYTES_MAX]; /* as rows have it */
    size_t row_name_length;
    pthread_mutex_t lock; /* for the queue and what follows it */
    pthread_cond_t work;
    struct replication_queue queue;
    unsigned failures; /* of the target as a whole, in a row */
    uint64_t due_ms;   /* then one tries whether it is back */
    bool is_probing;
    bool has_more; /* rows may be there that were not taken */
    uint64_t counted_ms, count_pause_ms;
    atomic_bool is_stopping;
    struct replication_lane lanes[REPLICATION_CONNECTIONS_MAX];
    unsigned lane_count;
};

enum replication_outcome {
    REPLICATION_DONE,   /* the rows are gone */
    REPLICATION_LATER,  /* the key is tried again */
    REPLICATION_AWAY,   /* the target cannot be reached, or takes nothing from us */
    REPLICATION_PAUSED, /* nothing failed; the key comes again soon */
};

/* Deals with an entry, from its look at what the key has to the change that strikes off its rows. On the lane's thread, without the lock. */
enum replication_outcome replication_lane_work(struct replication_lane *lane,
                                               struct replication_entry *entry);

static inline struct slice replication_row_name(const struct replication_sender *sender)
{
    return slice_of(sender->row_name, sender->row_name_length);
}

void replication_say(const struct replication_sender *sender, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
