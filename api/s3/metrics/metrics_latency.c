/* SPDX-License-Identifier: MIT
 *
 * How long requests took, by group of operations and class of status. */
#include <stdio.h>

#include "api/s3/metrics/metrics.h"
#include "api/s3/operations.h"

_Static_assert(S3_GROUPS <= HTTP_GROUPS, "each group is counted");

static uint64_t count_of(const struct http_latency *latency)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HTTP_LATENCY_BUCKETS; i++)
        count += latency->requests[i];
    return count;
}

/* Combinations that never were are left out: most never are. */
void metrics_add_latencies(struct metrics_page *page, struct http_server *server)
{
    static const char *const names[S3_GROUPS] = {
        [S3_GROUP_OTHER] = "other", [S3_GROUP_READ] = "read",         [S3_GROUP_WRITE] = "write",
        [S3_GROUP_LIST] = "list",   [S3_GROUP_DELETE] = "delete",     [S3_GROUP_MULTIPART] = "multipart",
        [S3_GROUP_COPY] = "copy",   [S3_GROUP_SETTINGS] = "settings",
    };
    const char *name = "sluice_request_duration_seconds";
    struct http_latency(*latencies)[HTTP_CLASSES] =
        arena_alloc(page->arena, HTTP_GROUPS * sizeof(*latencies));

    http_server_latencies(server, latencies);
    metrics_add_head(
        page, name, "histogram",
        "How long requests took, to the last byte of the answer, by group of operations and class of "
        "status.");
    for (unsigned group = 0; group < S3_GROUPS; group++) {
        for (unsigned class = 1; class < HTTP_CLASSES; class ++) {
            const struct http_latency *latency = &latencies[group][class];
            char labels[64];

            if (count_of(latency) == 0)
                continue;
            (void)snprintf(labels, sizeof(labels), "group=\"%s\",class=\"%uxx\"", names[group], class);
            metrics_add_histogram(page, name, labels, http_latency_bounds_us, latency->requests,
                                  HTTP_LATENCY_BUCKETS, latency->sum_us, 1e6);
        }
    }
}
