/* SPDX-License-Identifier: MIT
 *
 * Every bound of events, with its unit in the name and its reason beside it. */
#ifndef API_EVENTS_LIMITS_H
#define API_EVENTS_LIMITS_H

#include "metadata/limits.h"

/* ---- The operator's file ---- */

#define EVENTS_FILE_BYTES_MAX   (256u << 10)
#define EVENTS_TARGETS_MAX      64u
#define EVENTS_NAME_BYTES_MAX   48u /* of a target; with its kind it fits into META_OUTBOX_TARGET_BYTES_MAX */
#define EVENTS_URL_BYTES_MAX    2048u /* what browsers and proxies take */
#define EVENTS_PATTERNS_MAX     256u  /* buckets, or users, of one target */
#define EVENTS_SECRET_BYTES_MIN 16u   /* a key of HMAC that is not to be guessed */
#define EVENTS_SECRET_BYTES_MAX 1024u
#define EVENTS_TIMEOUT_S_MAX    60u
#define EVENTS_TIMEOUT_S        10u
#define EVENTS_CONNECTIONS_MAX  16u
#define EVENTS_CONNECTIONS      4u
#define EVENTS_BATCH_MAX        100u /* records of one body: 100 KiB */
#define EVENTS_KEEP_HOURS_MAX   720u
#define EVENTS_KEEP_HOURS       24u

/* ---- Delivery ---- */

/* Rows of one target that are in memory at a time: some hundred KiB, and enough to keep all its connections busy. */
#define EVENTS_WINDOW_ROWS 512u

/* How often a cluster's leader looks for rows of other servers, and the others whether they lead. */
#define EVENTS_LOOK_MS 1000u
/* Between tries, doubled from one to the next, each with half of it at random: who comes back is not met by all at once. */
#define EVENTS_RETRY_MS_MIN 1000u
#define EVENTS_RETRY_MS_MAX 60000u
/* How often rows that wait are counted, for the figures. */
#define EVENTS_COUNT_MS 1000u
/* The bytes of an answer that are read; nobody wants them. */
#define EVENTS_ANSWER_BYTES_MAX (64u << 10)

/* ---- Listeners ---- */

#define EVENTS_LISTENERS_MAX      128u       /* of one server; each holds a connection */
#define EVENTS_LISTENER_BYTES_MAX (1u << 20) /* that wait for one; a slower one is cut off */
#define EVENTS_PING_S_DEFAULT     10u
#define EVENTS_PING_S_MAX         3600u

#endif
