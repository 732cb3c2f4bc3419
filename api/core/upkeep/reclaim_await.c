/* SPDX-License-Identifier: MIT
 *
 * The reclaimer's list is looked at now and then: nobody waits for it but programs that are about to close the store. */
#include "api/core/upkeep/reclaim_await.h"

#include <time.h>

#include "api/core/core_internal.h"
#include "metadata/meta_usage.h"

#define LOOK_MS 20u

int reclaim_await(struct core *core, bool counts, unsigned patience_ms)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    struct meta_garbage first = {0}, entry = {0};
    struct meta_reader *reader;
    unsigned waited_ms = 0;
    int found, err = meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    for (;;) {
        found = meta_garbage_take(reader, 0, &entry, 1);
        if (found > 0 && entry.row != first.row)
            waited_ms = 0;
        else if (found == 0 && (found = meta_sweep_is_due(reader)) == 0 && counts)
            found = !meta_usage_is_whole(core->meta);
        if (found <= 0 || waited_ms >= patience_ms)
            break;
        first = entry;
        waited_ms += LOOK_MS;
        (void)nanosleep(&pause, NULL);
    }
    meta_reader_close(reader);
    return found < 0 ? found : found > 0;
}
