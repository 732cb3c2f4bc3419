/* SPDX-License-Identifier: MIT
 *
 * See scrub_pace.h. */
#include "api/core/scrub/scrub_pace.h"

#include <assert.h>

#include "api/core/scrub/limits.h"

uint64_t scrub_rate(uint64_t bytes, uint64_t seconds)
{
    uint64_t rate = seconds == 0 ? UINT64_MAX : bytes / seconds;

    if (rate > UINT64_MAX / 5)
        return UINT64_MAX / 4;
    rate += rate / 4;
    return rate > SCRUB_RATE_BYTES_MIN ? rate : SCRUB_RATE_BYTES_MIN;
}

/* Time that was lost is made good by one read at the most: nobody saves up for a burst. */
uint64_t scrub_pace_wait(struct scrub_pace *pace, uint64_t now_ms, uint64_t bytes)
{
    uint64_t cost_ms, begin_ms = pace->due_ms;

    if (pace->rate == 0)
        return 0;
    assert(bytes <= UINT64_MAX / 1000);
    cost_ms = bytes * 1000 / pace->rate;
    if (begin_ms + cost_ms < now_ms)
        begin_ms = now_ms - cost_ms;
    pace->due_ms = begin_ms + cost_ms;
    return begin_ms > now_ms ? begin_ms - now_ms : 0;
}

uint64_t scrub_pace_yield(struct scrub_pace *pace, uint64_t cold)
{
    if (pace->rate == 0 || cold == pace->cold || pace->yields >= SCRUB_YIELDS_MAX) {
        pace->cold = cold;
        pace->yields = 0;
        return 0;
    }
    pace->cold = cold;
    pace->yields++;
    return SCRUB_YIELD_MS;
}
