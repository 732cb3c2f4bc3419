/* SPDX-License-Identifier: MIT
 *
 * What the committer does, for whoever watches the server: core_figures (core.h) fills it. */
#ifndef API_CORE_FIGURES_H
#define API_CORE_FIGURES_H

#include "api/core/core.h"
#include "metadata/meta_cluster.h"
#include "metadata/meta_figures.h"

/* Of one server of a cluster. */
struct core_cluster_figures {
    struct meta_cluster_figures rows;
    bool leads, is_cut_off; /* it does what one does for all; the database does not answer */
    uint32_t servers;       /* that are not taken for dead, as of a few seconds ago; 0: not known yet */
    uint64_t buried;        /* that this one has taken for dead */
    uint64_t ids_left;      /* for files of uploads, before it asks the database for more */
    uint64_t last_batch_s;  /* since the last batch, or since the start */
};
/* False: the store is this process's alone. Any thread; cheap. */
bool core_cluster_figures(struct core *core, struct core_cluster_figures *figures);

struct core_garbage {
    uint64_t bytes; /* of overwritten and deleted small objects whose space is not given back yet */
    uint64_t waits; /* batches of small bodies that waited for that, so far */
};
/* Whether lifecycle rules wait for somebody to confirm the clock (upkeep/lifecycle_clock.c). Any thread. */
bool core_lifecycle_is_held(struct core *core);
/* Any thread. */
void core_garbage(struct core *core, struct core_garbage *garbage);

#endif
