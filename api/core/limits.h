/* SPDX-License-Identifier: MIT
 *
 * Bounds of the core, with their units in the names and their reasons beside them. */
#ifndef API_CORE_LIMITS_H
#define API_CORE_LIMITS_H

/* How often a relaxed store has everything written that came up to a moment, while there is something to write. What a power failure can
 * take is this and the time that the disk needs for it. Shorter, and what is overwritten or deleted soon is written all the same: caches
 * and CI jobs do that. Longer, and more is lost; and the kernel writes of itself what is 30 s old. */
#define CORE_SETTLE_MS 5000u
/* And how soon after the last one where too much waits to be given back: what the disk is busy with is to be worth it. */
#define CORE_SETTLE_HURRIED_MS 250u

/* How often cache buckets are looked at: what is written in between is how far one may exceed its size. */
#define CORE_EVICT_MS 1000u

/* How often uses of objects in cache buckets become rows: a crash loses as much of the order of use. */
#define CORE_CACHE_NOTE_MS 5000u

/* What was stored or used this short a time ago is not given up, however full the cache is: whoever builds reads what he has just stored. */
#define CORE_CACHE_YOUNG_MS 5000

/* Eviction goes down to so many percent of the largest size: less, and it would run for each upload; more at once, and hits are lost. */
#define CORE_CACHE_LOW_WATER_PERCENT 90u

/* Members of one archive that become objects, in one moment: as many as a publication has. */
#define CORE_MEMBERS_MAX 10000u

/* So many objects are put in one change, a few milliseconds in which others wait; more in steps. */
#define CORE_OBJECTS_AT_ONCE_MAX 64u

/* How often these are prepared anew, because others changed many of the same keys meanwhile. */
#define CORE_OBJECTS_ATTEMPTS_MAX 8u

/* Their keys and records, held in memory until they are rows; and how many archives are held so at a time: 15 MiB each at the worst, with what
 * is made of them. */
#define CORE_MEMBER_TEXT_BYTES_MAX (4u << 20)
#define CORE_UNPACKS_MAX           8u

/* Threads that read archives, and what one does before it is the next archive's turn: some milliseconds of headers, or of digests. */
#define CORE_UNPACK_THREADS_MAX   2u
#define CORE_UNPACK_SLICE_MEMBERS 512u
#define CORE_UNPACK_SLICE_BYTES   (16u << 20)

/* Who may hear of what changes came to at a time: events and replication of one server. */
#define CORE_HEARERS_MAX 4u

#endif
