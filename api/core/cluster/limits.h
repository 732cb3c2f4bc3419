/* SPDX-License-Identifier: MIT
 *
 * How servers of a cluster watch each other. */
#ifndef API_CORE_CLUSTER_LIMITS_H
#define API_CORE_CLUSTER_LIMITS_H

/* Between two signs of life. */
#define CLUSTER_BEAT_MS 1000u

/* Who was silent for so long is taken for dead: longer than a database needs to be replaced by its standby, for nobody can say anything then. */
#define CLUSTER_SILENT_S 60u

/* How often whoever leads looks for garbage that may go now, and for what servers that are gone have left; in signs of life. */
#define CLUSTER_LOOK_BEATS 5u

/* How often idle descriptors are closed: one that is idle goes at the second time. */
#define CLUSTER_IDLE_BEATS 30u

/* Blocks that are cleared at one look: a walk through seventeen folders each. */
#define CLUSTER_CLEAR_BLOCKS 4u

#endif
