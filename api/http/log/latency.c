/* SPDX-License-Identifier: MIT
 *
 * How long requests took: counted by each worker for itself, and added up for whoever asks. A request that is over costs one look at the
 * clock and two additions. Of a request that is answered in the turn of the loop that it came in, the time since that turn began counts: it
 * is what its client has waited, others' requests of the same turn included. */
#include "api/http/worker.h"

#include <assert.h>

const uint64_t http_latency_bounds_us[HTTP_LATENCY_BUCKETS] = {
    250, 1000, 5000, 25000, 100000, 500000, 2500000, 10000000, UINT64_MAX,
};

uint64_t latency_note(struct http_worker *worker, unsigned group, unsigned class,
                      const struct timeval *began_at)
{
    struct worker_latency *latency = &worker->counters.latencies[group][class];
    struct timeval now;
    int64_t us;
    unsigned bucket = 0;

    assert(group < HTTP_GROUPS && class < HTTP_CLASSES);
    gettimeofday(&now, NULL);
    us = (int64_t)(now.tv_sec - began_at->tv_sec) * 1000000 + (now.tv_usec - began_at->tv_usec);
    if (us < 0)
        us = 0; /* the clock was set */
    while ((uint64_t)us > http_latency_bounds_us[bucket])
        bucket++;
    counter_add(&latency->requests[bucket], 1);
    counter_add(&latency->sum_us, (uint64_t)us);
    return (uint64_t)us;
}

void http_server_latencies(struct http_server *server,
                           struct http_latency latencies[HTTP_GROUPS][HTTP_CLASSES])
{
    for (unsigned group = 0; group < HTTP_GROUPS; group++) {
        for (unsigned class = 0; class < HTTP_CLASSES; class ++) {
            struct http_latency *sum = &latencies[group][class];

            *sum = (struct http_latency){.sum_us = 0};
            for (unsigned i = 0; i < server->worker_count; i++) {
                const struct worker_latency *one = &server->workers[i]->counters.latencies[group][class];

                for (unsigned bucket = 0; bucket < HTTP_LATENCY_BUCKETS; bucket++)
                    sum->requests[bucket] += one->requests[bucket];
                sum->sum_us += one->sum_us;
            }
        }
    }
}
