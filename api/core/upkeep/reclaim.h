/* SPDX-License-Identifier: MIT
 *
 * What the reclaimer's two files share: reclaim.c, the thread and its lists, and reclaim_units.c, giving back what lies where. */
#ifndef API_CORE_UPKEEP_RECLAIM_H
#define API_CORE_UPKEEP_RECLAIM_H

#include <pthread.h>

#include "api/core/core_internal.h"
#include "metadata/meta_journal.h"
#include "storage/limits.h"

/* Entries of the garbage list that are given back together: thousands of units lie in some tens of segments, each of which is opened and synced
 * once for all of its own. */
#define RECLAIM_BATCH_ENTRIES 8192u

/* Files that are punched together. */
#define RECLAIM_FILES_MAX 64u

/* A segment that takes no more units and was not settled yet. */
struct reclaim_sealed {
    struct reclaim_sealed *next;
    uint64_t blob, used_bytes;
};

/* A file that is to be punched: for the entries [first, end), but for those that readers hold. */
struct reclaim_giving {
    uint32_t first, end;
    struct blob_giving giving;
};

/* One batch of garbage; the reclaimer has one, used again and again. */
struct reclaim_batch {
    uint32_t count;
    struct meta_garbage entries[RECLAIM_BATCH_ENTRIES]; /* by file and offset */
    struct blob_unit units[RECLAIM_BATCH_ENTRIES];      /* the same */
    unsigned char held[RECLAIM_BATCH_ENTRIES];          /* by readers: BLOB_HELD_* */
    struct blob_run runs[RECLAIM_BATCH_ENTRIES];        /* of the files that are to be punched */

    int64_t rows[RECLAIM_BATCH_ENTRIES]; /* of what was given back */
    uint32_t row_count;
    uint64_t bytes;    /* of these, in files that units share */
    int64_t row_first; /* of those that count for `bytes`: the others were there at the start */

    struct reclaim_giving givings[RECLAIM_FILES_MAX];
    uint32_t giving_count, run_count;

    uint64_t removed[RECLAIM_BATCH_ENTRIES]; /* files, whose folders are to be synced */
    uint32_t removed_count;
};

struct reclaim {
    struct core *core;
    struct meta_reader *reader;
    struct reclaim_batch *batch;
    pthread_t thread;
    atomic_bool dirty; /* garbage may have been made since the last pass began */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping;
    bool is_held; /* reclaim_hold: the list stays as it is */
    bool giving;  /* a batch of it is being given back */
    struct reclaim_discard *discards;
    struct reclaim_sealed *sealed;

    bool shrinks;          /* the thread's own: the database may have free pages to give back */
    uint64_t shrink_at_ns; /* and then it is asked */
    bool retry;            /* the thread's own: something was left over that may go later */
    uint32_t last_count;   /* the thread's own: entries that the last pass gave back */
    bool failure_told;     /* the log has one line about files that cannot be removed */
    bool damage_told;      /* and one about rows that make no sense */
    bool count_told;       /* that what buckets hold is being counted */
    uint64_t rows_counted;
};

/* All on the reclaimer's thread; each sets reclaim->retry when something was left over. */

/* A unit that no row ever named. 0, or why it is still there. */
int reclaim_discard_unit(struct reclaim *reclaim, struct blob_unit unit, uint64_t length);
/* A sealed segment: see reclaim_add_sealed. 0, or why it is not settled. */
int reclaim_settle_segment(struct reclaim *reclaim, uint64_t blob, uint64_t used_bytes);
/* Gives back what may go of the batch, durably; its rows are batch->rows then, and their bytes batch->bytes. The entries are put in another
 * order. */
void reclaim_units(struct reclaim *reclaim);
/* Counts some of what buckets hold, where it has not been counted (count_usage.c). 0 or an error. */
int reclaim_run_usage(struct reclaim *reclaim);

#endif
