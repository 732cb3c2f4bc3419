/* SPDX-License-Identifier: MIT
 *
 * Brings the database into memory before a check of a closed store walks it. Rows of a table lie where there was room when they came: a walk over
 * them reads pages in any order, each for itself, and a disk gives these a tenth of what it gives who reads on and on. */
#ifndef API_CORE_UPKEEP_CHECK_AHEAD_H
#define API_CORE_UPKEEP_CHECK_AHEAD_H

struct check_ahead;

/* To be called before the store is opened, and ended after it was closed: for closing a file takes the locks away that this process has on it. A
 * thread reads, nobody waits for it, and what it cannot read is for others to tell. NULL: nothing was begun. */
struct check_ahead *check_ahead_begin(const char *data_dir);
void check_ahead_end(struct check_ahead *ahead); /* NULL allowed */

#endif
