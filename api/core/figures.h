/* SPDX-License-Identifier: MIT
 *
 * What the committer does, for whoever watches the server: core_figures (core.h) fills it. */
#ifndef API_CORE_FIGURES_H
#define API_CORE_FIGURES_H

#include "api/core/core.h"
#include "metadata/meta_figures.h"

struct core_garbage {
    uint64_t bytes; /* of overwritten and deleted small objects whose space is not given back yet */
    uint64_t waits; /* batches of small bodies that waited for that, so far */
};
/* Whether lifecycle rules wait for somebody to confirm the clock (upkeep/lifecycle_clock.c). Any thread. */
bool core_lifecycle_is_held(struct core *core);
/* Any thread. */
void core_garbage(struct core *core, struct core_garbage *garbage);

#endif
