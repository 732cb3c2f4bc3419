/* SPDX-License-Identifier: MIT
 *
 * Counting what buckets hold, where nobody has yet: a store that an earlier release wrote, or counts that were given up to be made anew
 * (metadata/meta_usage.h). In slices, each a change of its own among those of the workers; what a stop or a crash leaves goes on at the
 * next start. On the reclaimer's thread. */
#include "api/core/upkeep/reclaim.h"

#include <inttypes.h>

#include "metadata/meta_usage.h"

/* Slices in one pass: garbage must not wait for all that there is. */
#define COUNT_PASS_SLICES 32

int reclaim_run_usage(struct reclaim *reclaim)
{
    int err = 0;

    if (meta_usage_is_whole(reclaim->core->meta))
        return 0;
    if (!reclaim->count_told)
        core_log(reclaim->core, LOG_LEVEL_INFO,
                 "counting what the buckets hold, which takes a walk over all rows; until it is done, counts "
                 "and quotas are of "
                 "what has been counted");
    reclaim->count_told = true;
    for (unsigned slices = 0; slices < COUNT_PASS_SLICES && err == 0; slices++) {
        struct meta_usage_step change = {.rows = 0};
        err = core_change_wait(reclaim->core, &change.op, META_OP_USAGE_STEP);
        reclaim->rows_counted += change.rows;
        if (err == 0 && !change.more) {
            core_log(reclaim->core, LOG_LEVEL_INFO, "what the buckets hold is counted: %" PRIu64 " rows",
                     reclaim->rows_counted);
            reclaim->count_told = false;
            reclaim->rows_counted = 0;
            return 0;
        }
    }
    atomic_store(&reclaim->dirty, true);
    return err;
}
