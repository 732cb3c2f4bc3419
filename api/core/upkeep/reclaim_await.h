/* SPDX-License-Identifier: MIT
 *
 * For who opens a store to have work done in it and close it again: `sluice compact`, `sluice upgrade`. */
#ifndef API_CORE_UPKEEP_RECLAIM_AWAIT_H
#define API_CORE_UPKEEP_RECLAIM_AWAIT_H

#include <stdbool.h>

struct core;

/* Waits until the reclaimer has nothing left to give back; counts: and has counted what buckets hold. 0; 1: some is left, and for
 * patience_ms it has not become less: something is held, or the disk is in trouble, as the log says; or an error. Blocks; not for workers. */
int reclaim_await(struct core *core, bool counts, unsigned patience_ms);

#endif
