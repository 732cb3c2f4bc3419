/* SPDX-License-Identifier: MIT
 *
 * What is counted for meta_figures.h: written by the committer's thread, read by any. Private to metadata/. */
#ifndef METADATA_FIGURES_H
#define METADATA_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>

#include "metadata/meta_figures.h"

struct figures {
    atomic_uint_fast64_t batches_by_us[META_FIGURE_BUCKETS], batch_us_sum;
    atomic_uint_fast64_t batches_by_changes[META_FIGURE_BUCKETS], batch_changes_sum;
    atomic_uint_fast64_t publications;
};

/* A batch of so many changes was answered. The committer's thread. */
void figures_batch_ran(struct figures *figures, uint32_t changes, uint64_t ns);

#endif
