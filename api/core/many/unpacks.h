/* SPDX-License-Identifier: MIT
 *
 * The threads that read archives, and the archives that wait for their turn: so many are held in memory at a time (limits.h), and others
 * stand in line. What is done to one is unpack.c's. */
#ifndef API_CORE_UNPACKS_H
#define API_CORE_UNPACKS_H

#include "storage/base/queue.h"

struct unpacks;

/* One archive; in its owner. */
struct unpacks_work {
    bool (*run)(struct unpacks_work *work); /* on a thread; as work_pool_options.run */
    struct queue_link link;                 /* private */
};

/* Starts no thread. 0 or -ENOMEM. */
int unpacks_create(struct unpacks **unpacks);
/* All must have left. NULL allowed. */
void unpacks_destroy(struct unpacks *unpacks);

/* Has it run, at once or when another leaves. 0, or -ENOMEM: it was not taken. Worker's thread. */
int unpacks_enter(struct unpacks *unpacks, struct unpacks_work *work);
/* One that was run to its end is not held any more. Worker's thread. */
void unpacks_leave(struct unpacks *unpacks);

#endif
