/* SPDX-License-Identifier: MIT
 *
 * The rule of the pace. With n clients, a commit of S and g of time for each to come back: two groups in turn serve n changes in
 * two commits, 2S; one group in S + n*g. So a wait pays where n*g < S, and three quarters of S are what it
 * may cost: half brought fewer together where clients and commits share a core, the whole cost more than it gave in the model of the tests.
 *
 * One in sixteen of those expected need not come: a client that went away must not make a wait be in vain. */
#include "metadata/write/batch_pace.h"

#include <assert.h>

#include "metadata/limits.h"

/* Smoothing: the newest batch counts for a quarter. */
static uint64_t smooth(uint64_t old, uint64_t now)
{
    return old == 0 ? now : old - old / 4 + now / 4;
}

void batch_pace_ran(struct batch_pace *pace, uint32_t count, uint32_t waiting, uint64_t ns)
{
    pace->batch_ns = smooth(pace->batch_ns, ns);
    pace->expected = count + waiting;
    if (pace->skip > 0)
        pace->skip--;
}

uint32_t batch_pace_target(struct batch_pace *pace, uint32_t waiting, uint64_t *limit_ns)
{
    uint32_t target = pace->expected - pace->expected / 16;

    assert(waiting > 0);
    if (target > META_BATCH_OPS_MAX)
        target = META_BATCH_OPS_MAX;
    if (pace->skip > 0 || target <= waiting || pace->batch_ns < META_PACE_BATCH_NS_MIN)
        return 0;
    *limit_ns = pace->batch_ns - pace->batch_ns / 4;
    if (*limit_ns > META_PACE_WAIT_NS_MAX)
        *limit_ns = META_PACE_WAIT_NS_MAX;
    assert(target > waiting && *limit_ns > 0);
    return target;
}

void batch_pace_waited(struct batch_pace *pace, bool came)
{
    assert(pace->vain <= META_PACE_VAIN_MAX);
    if (came) {
        pace->vain = 0;
        return;
    }
    if (pace->vain < META_PACE_VAIN_MAX)
        pace->vain++;
    pace->skip = 1u << pace->vain;
}
