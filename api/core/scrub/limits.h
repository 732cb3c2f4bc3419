/* SPDX-License-Identifier: MIT
 *
 * Bounds of scrubbing, with their units in their names and their reasons beside them. */
#ifndef API_CORE_SCRUB_LIMITS_H
#define API_CORE_SCRUB_LIMITS_H

/* The slowest: a small store is read in hours, and a disk that could sleep is woken a quarter of a megabyte at a time. */
#define SCRUB_RATE_BYTES_MIN (256u << 10)

/* How long it keeps out of the way of a read that had to wait for the disk, and how often in a row for one read of its own: five seconds. */
#define SCRUB_YIELD_MS   100u
#define SCRUB_YIELDS_MAX 50u

/* Rows that are read together, in the order of the disk, and their bytes: what a restart reads again. A row is not divided. */
#define SCRUB_PAGE_ROWS  4096u
#define SCRUB_PAGE_BYTES (UINT64_C(1) << 30)

/* The largest database whose pages are looked at in the background, in one snapshot: two seconds and a half. */
#define SCRUB_DATABASE_BYTES_MAX (INT64_C(256) << 20)

/* How often the progress is written down, at the most. */
#define SCRUB_NOTE_MS 30000u

/* How long after the start the first read comes: a start has other things to do. Before a round that failed is gone on with. */
#define SCRUB_FIRST_MS 10000u
#define SCRUB_AGAIN_MS 600000u

/* Findings that are kept: whoever has more has another trouble. A key may be four times as long when it is shown. */
#define SCRUB_FINDINGS_MAX   1000u
#define SCRUB_FINDING_BYTES  8192u
#define SCRUB_FINDINGS_BYTES (SCRUB_FINDINGS_MAX * SCRUB_FINDING_BYTES)
/* Lines in the log of one round. */
#define SCRUB_LOG_LINES_MAX 100u

#endif
