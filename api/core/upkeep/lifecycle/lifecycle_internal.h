/* SPDX-License-Identifier: MIT
 *
 * What the files of the lifecycle sweep share; private to them. lifecycle.c has the thread and its passes,
 * lifecycle_versions.c and lifecycle_uploads.c each one kind of walk. Everything runs on the lifecycle thread. */
#ifndef API_CORE_UPKEEP_LIFECYCLE_INTERNAL_H
#define API_CORE_UPKEEP_LIFECYCLE_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "api/core/core_internal.h"
#include "api/core/upkeep/lifecycle/lifecycle_rules.h"

/* Deletes that share one change: together a millisecond or two of the committer. */
#define LIFECYCLE_BATCH 64u

/* What a pass does. */
enum lifecycle_mode {
    LIFECYCLE_REMOVES,
    LIFECYCLE_COUNTS, /* what it would remove, for the clock is in doubt */
    LIFECYCLE_ORDERS, /* only what does not hang on the clock: it waits for somebody to confirm it */
};

/* Whether the clock is to be believed (lifecycle_clock.c). */
struct lifecycle_clock {
    bool is_known;          /* the file was looked at */
    int64_t believed_ms;    /* the time that was believed last, */
    uint64_t believed_boot; /* and what CLOCK_BOOTTIME said then, in milliseconds */
};

struct lifecycle {
    struct core *core;
    enum lifecycle_mode mode; /* of the pass */
    bool is_dangerous;        /* LIFECYCLE_COUNTS: some rule would remove much of what it is about */
    uint64_t would_remove;    /* the same: all of them */
    struct lifecycle_clock clock;
    atomic_bool is_held;        /* passes wait for the clock to be confirmed; any thread */
    struct meta_reader *reader; /* during a pass */
    bool idle;                  /* the last pass found no bucket with rules, */
    uint64_t idle_generation;   /* and that is so until settings change */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping, woken;   /* the latter: there are orders, or ones that were stored and not carried out */
    const struct expires_watched *watched; /* expires.c; the list grows at its beginning, under the lock */
    struct core_expiry *orders;            /* that wait to be stored, the newest first; under the lock */
    int last_error;                        /* the thread's: to log a trouble once */
};

/* One rule of one bucket, being carried out. */
struct lifecycle_task {
    struct lifecycle *lifecycle;
    const struct meta_bucket *bucket;
    const struct core_lifecycle_rule *rule;
    int64_t now_ms;
    uint32_t day_s;
    uint64_t removed;   /* objects, versions and uploads */
    uint64_t seen, due; /* LIFECYCLE_COUNTS: of what the rule is about, and of these what it would remove */
};

/* Waits; true: the thread is to end. Stores orders that came meanwhile. */
bool lifecycle_rest(struct lifecycle *lifecycle, int64_t ms);
/* Has the change made, and waits for it. Returns its result. */
int lifecycle_submit(struct lifecycle *lifecycle, struct meta_op *op, enum meta_op_kind kind);

/* Both return 0, -ECANCELED when the store closes, or an error. */
int lifecycle_sweep_versions(struct lifecycle_task *task);
int lifecycle_sweep_uploads(struct lifecycle_task *task);

/* lifecycle_clock.c. Whether it is later than it can be: the clock is far ahead of where it was when it was last believed. */
bool lifecycle_clock_is_doubtful(struct lifecycle *lifecycle, uint32_t day_s);
/* It is believed from now on. */
void lifecycle_clock_believe(struct lifecycle *lifecycle);

/* expiry.c. Stores what was ordered: it is the only writer of that setting. */
void expiry_store_orders(struct lifecycle *lifecycle);
/* Carries out what was ordered for the bucket, and strikes it off. The same results as a sweep. */
int expiry_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket, uint64_t *removed);

/* expires.c. Where objects are that say themselves when they go; the newest first. None of them changes or goes before the thread has ended. */
struct expires_watched {
    const struct expires_watched *next;
    char bucket[META_BUCKET_NAME_BYTES_MAX + 1];
    char prefix[META_KEY_BYTES_MAX + 1];
};
const struct expires_watched *expires_watched_first(struct lifecycle *lifecycle);
void expires_forget(struct lifecycle *lifecycle); /* when the thread has ended */

#endif
