/* SPDX-License-Identifier: MIT
 *
 * Every bound of replication, with its unit in the name and its reason beside it. */
#ifndef API_REPLICATION_LIMITS_H
#define API_REPLICATION_LIMITS_H

#include "api/events/limits.h"

/* ---- The operator's file ---- */

#define REPLICATION_TARGETS_MAX     16u
#define REPLICATION_CONNECTIONS_MAX 16u /* of a target: each is a thread */
#define REPLICATION_CONNECTIONS     4u

/* ---- What waits ---- */

/* Keys of a target that are in memory: 5 MB at the most, and as many may fail again and again before others have to wait behind them. */
#define REPLICATION_WINDOW_KEYS 4096u
/* Rows of one key that are struck off together; the rest comes next. */
#define REPLICATION_SEQS_MAX 8u
/* Between tries, doubled from one to the next, each with half of it at random. */
#define REPLICATION_RETRY_MS_MIN 1000u
#define REPLICATION_RETRY_MS_MAX 60000u
/* A connection that has nothing to do looks again after so long; it is woken before. */
#define REPLICATION_IDLE_MS 1000u
/* Keys that a walk through a bucket notes at a time, and with how many keys waiting it pauses, so that it does not fill the outbox. */
#define REPLICATION_WALK_KEYS    256u
#define REPLICATION_WALK_WAITING 2048u
/* How often what waits is counted: every second, but at most a hundredth of the time. */
#define REPLICATION_COUNT_MS    1000u
#define REPLICATION_COUNT_SHARE 100u
#define REPLICATION_COUNT_ROWS  1000u

/* ---- Copying ---- */

/* Parts of what is larger than one PutObject may be and has none of its own. */
#define REPLICATION_PART_BYTES (1ull << 30)
/* Headers of one object: CLIENT_HEADERS_MAX, less those of the request itself. */
#define REPLICATION_HEADERS_MAX 112u
#define REPLICATION_WHY_BYTES   256u

#endif
