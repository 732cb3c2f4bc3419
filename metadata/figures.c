/* SPDX-License-Identifier: MIT
 *
 * See meta_figures.h. */
#include "metadata/db.h"
#include "metadata/rows/row_engine.h"
#include "metadata/write/committer.h"

const uint64_t meta_batch_us_bounds[META_FIGURE_BUCKETS] = {
    100, 500, 1000, 5000, 25000, 100000, 1000000, UINT64_MAX,
};
const uint64_t meta_batch_changes_bounds[META_FIGURE_BUCKETS] = {
    1, 2, 4, 16, 64, 256, 1024, UINT64_MAX,
};

/* By one thread: no read-modify-write instruction is needed. */
static void grow(atomic_uint_fast64_t *count, uint64_t by)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void count_by(atomic_uint_fast64_t *counts, const uint64_t *bounds, uint64_t value)
{
    unsigned i = 0;

    while (value > bounds[i])
        i++;
    grow(&counts[i], 1);
}

void figures_batch_ran(struct figures *figures, uint32_t changes, uint64_t ns)
{
    count_by(figures->batches_by_us, meta_batch_us_bounds, ns / 1000);
    count_by(figures->batches_by_changes, meta_batch_changes_bounds, changes);
    grow(&figures->batch_us_sum, ns / 1000);
    grow(&figures->batch_changes_sum, changes);
}

void meta_figures_read(struct meta *meta, struct meta_figures *figures)
{
    const struct figures *own = &meta->figures;

    for (unsigned i = 0; i < META_FIGURE_BUCKETS; i++) {
        figures->batches_by_us[i] = own->batches_by_us[i];
        figures->batches_by_changes[i] = own->batches_by_changes[i];
    }
    figures->batch_us_sum = own->batch_us_sum;
    figures->batch_changes_sum = own->batch_changes_sum;
    figures->publications = own->publications;
    figures->waiting = meta->committer != NULL ? committer_waiting(meta->committer) : 0;
    figures->log_bytes = row_engine_log_bytes(meta);
}
