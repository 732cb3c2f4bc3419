/* SPDX-License-Identifier: MIT
 *
 * Back pressure: small bodies that are written faster than what they replace can be given back wait a little, so that garbage takes
 * no more of the disk than core_options.garbage_max. Without it the disk fills up with what nobody can read any more.
 *
 * Counted are units in files that others share, for each of which a hole is to be punched. What readers hold does not count, nor what was
 * there at the start: nobody who writes now can help that. A relaxed store may not give back before it has synced, so it does that
 * at once when there is too much, not when the next point is due. */
#ifndef API_CORE_UPKEEP_PRESSURE_H
#define API_CORE_UPKEEP_PRESSURE_H

#include "api/core/core_internal.h"

void pressure_init(struct core *core);
void pressure_free(struct core *core);
/* Before the reclaimer starts, while nothing changes: garbage from *row_first on counts. 0 or an error. */
int pressure_begin(struct core *core, struct meta_reader *reader, int64_t *row_first);

/* On the reclaimer's thread. So many bytes were given back and struck off the list; and so many cannot be, as of a look at all of it. */
void pressure_gave_back(struct core *core, uint64_t bytes);
void pressure_cannot(struct core *core, uint64_t bytes);
/* The reclaimer, or who settles, has changes for the committer, which must not wait for them meanwhile; or they are done. Calls come in
 * pairs; any thread. */
void pressure_hurry(struct core *core, bool hurries);

/* Bytes that wait to be given back. Any thread; cheap. */
uint64_t pressure_backlog(const struct core *core);

/* On the committer's thread, before small bodies are written: waits, the longer the more garbage there is above the bound, until there is
 * less or the reclaimer wants something. */
void pressure_wait(struct core *core);

#endif
