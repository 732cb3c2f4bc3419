/* SPDX-License-Identifier: MIT
 *
 * Whether the committer should wait a little for more changes before it commits. Clients that send the next request when the last one is
 * answered fall apart into two groups that take turns: then each change waits for two commits, and each commit carries half of
 * what it could. A batch that waits until those who were just answered have come again has all of them together.
 *
 * It pays only while they come again in less time than a commit takes. This is found out by trying: after a wait in vain the next
 * try comes later, and later each time. A client that comes alone never waits.
 *
 * Pure: no clock, no thread, no I/O. One thread at a time. */
#ifndef METADATA_WRITE_BATCH_PACE_H
#define METADATA_WRITE_BATCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct batch_pace {
    uint64_t batch_ns; /* how long a batch takes, smoothed; 0: not known yet */
    uint32_t expected; /* changes that are back if everybody comes again */
    uint32_t vain;     /* waits in vain, one after the other; bounded */
    uint32_t skip;     /* batches that are not waited for, until the next try */
};

/* A batch was answered, `count` of its changes to somebody who may come again, and `waiting` more came meanwhile; it took `ns` from its beginning to its end. */
void batch_pace_ran(struct batch_pace *pace, uint32_t count, uint32_t waiting, uint64_t ns);

/* `waiting` (> 0) changes are there. Returns how many to wait for, 0 for none; *limit_ns is how long after the end of the last
 * batch the wait must end. */
uint32_t batch_pace_target(struct batch_pace *pace, uint32_t waiting, uint64_t *limit_ns);

/* Whether nobody but one client brings changes: as of the last batch. */
static inline bool batch_pace_is_alone(const struct batch_pace *pace)
{
    return pace->expected <= 1;
}

/* The wait that was asked for is over: whether they came. */
void batch_pace_waited(struct batch_pace *pace, bool came);

#endif
