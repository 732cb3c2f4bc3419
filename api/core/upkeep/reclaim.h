/* SPDX-License-Identifier: MIT
 *
 * What the reclaimer's two files share: reclaim.c, the thread and its lists, and reclaim_units.c, giving back what lies where. */
#ifndef API_CORE_UPKEEP_RECLAIM_H
#define API_CORE_UPKEEP_RECLAIM_H

#include <pthread.h>

#include "api/core/core_internal.h"
#include "metadata/meta_journal.h"
#include "storage/limits.h"

#define RECLAIM_BATCH_ENTRIES 256

/* A segment that takes no more units and was not settled yet. */
struct reclaim_sealed {
    struct reclaim_sealed *next;
    uint64_t blob, used_bytes;
};

struct reclaim {
    struct core *core;
    struct meta_reader *reader;
    pthread_t thread;
    atomic_bool dirty; /* garbage may have been made since the last pass began */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping;
    struct reclaim_discard *discards;
    struct reclaim_sealed *sealed;

    bool retry;        /* the thread's own: something was left over that may go later */
    bool failure_told; /* the log has one line about files that cannot be removed */
    bool damage_told;  /* and one about rows that make no sense */
};

/* All on the reclaimer's thread; each sets reclaim->retry when something was left over. */

/* A unit that no row ever named. 0, or why it is still there. */
int reclaim_discard_unit(struct reclaim *reclaim, struct blob_unit unit, uint64_t length);
/* A sealed segment: see reclaim_add_sealed. 0, or why it is not settled. */
int reclaim_settle_segment(struct reclaim *reclaim, uint64_t blob, uint64_t used_bytes);
/* Gives back what may go of a batch of garbage, durably; its rows are packed to the front. Returns how many. */
uint32_t reclaim_units(struct reclaim *reclaim, const struct meta_garbage *entries, uint32_t count,
                       int64_t *rows);

#endif
