/* SPDX-License-Identifier: MIT
 *
 * See s3_rate.h. */
#include "api/s3/access/s3_rate.h"

#include <assert.h>

#include "api/s3/limits.h"

#define SECOND_NS 1000000000u

void s3_rate_set(struct s3_rate *rate, unsigned a_second)
{
    assert(a_second > 0 && a_second <= S3_RATE_MAX);
    rate->step_ns = SECOND_NS / a_second;
    atomic_init(&rate->due_ns, 0);
}

bool s3_rate_admit(struct s3_rate *rate, uint64_t now_ns)
{
    uint64_t due, next;

    if (rate->step_ns == 0)
        return true;
    due = atomic_load_explicit(&rate->due_ns, memory_order_relaxed);
    do {
        next = (due > now_ns ? due : now_ns) + rate->step_ns;
        if (next > now_ns + SECOND_NS)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&rate->due_ns, &due, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}
