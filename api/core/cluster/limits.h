/* SPDX-License-Identifier: MIT
 *
 * How servers of a cluster watch each other. */
#ifndef API_CORE_CLUSTER_LIMITS_H
#define API_CORE_CLUSTER_LIMITS_H

/* Between two signs of life. */
#define CLUSTER_BEAT_MS 1000u

/* How long a server has heard from the database without a break before it takes others for dead: they find the database again within that time, when
 * nobody could say anything for a while. A sign of life takes 7 s at the most: it waits for an answer, connects anew, and waits again. */
#define CLUSTER_HEARD_MS 10000u

/* How often servers look for those that are silent, and whoever leads for garbage that may go now and for what servers that are gone have left; in
 * signs of life. */
#define CLUSTER_LOOK_BEATS 5u

/* How often idle descriptors are closed: one that is idle goes at the second time. */
#define CLUSTER_IDLE_BEATS 30u

/* By how much a row of an outbox may be seen later than one with a higher number: longer than any batch takes. What comes later still is
 * found as soon as nothing else waits. */
#define CLUSTER_OUTBOX_LATE_MS 30000u

/* Blocks that are cleared at one look: a walk through seventeen folders each. */
#define CLUSTER_CLEAR_BLOCKS 4u

/* Connections by which bodies are read that did not come with their look-up: objects of several pieces, sealed ones, versions. */
#define CLUSTER_BODY_READERS 8u

#endif
