/* SPDX-License-Identifier: MIT
 *
 * Figures of an open store, for whoever watches it. */
#ifndef METADATA_META_FIGURES_H
#define METADATA_META_FIGURES_H

#include <stdint.h>

struct meta;

#define META_FIGURE_BUCKETS 8u

/* Batches by what is at most the bound, and more than the one before; the last bound is UINT64_MAX. */
extern const uint64_t meta_batch_us_bounds[META_FIGURE_BUCKETS],
    meta_batch_changes_bounds[META_FIGURE_BUCKETS];

struct meta_figures {
    /* Since it was opened: how long batches took from the first statement to the last answer, and how many changes each had. */
    uint64_t batches_by_us[META_FIGURE_BUCKETS], batch_us_sum;
    uint64_t batches_by_changes[META_FIGURE_BUCKETS], batch_changes_sum;
    /* Now: changes that wait for a batch, bytes of the database's log, publications that are prepared or being moved to their places */
    uint64_t waiting, log_bytes, publications;
};

/* Any thread. */
void meta_figures_read(struct meta *meta, struct meta_figures *figures);

#endif
