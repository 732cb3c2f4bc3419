/* SPDX-License-Identifier: MIT
 *
 * The page as a whole. */
#include "api/s3/metrics/metrics.h"

#include "api/s3/service/s3_service.h"
#include "api/sluice.h"

void metrics_write(struct metrics_page *page, struct s3_request *request)
{
    struct http_server *server = http_worker_server(http_request_worker(request->http));

    metrics_page_begin(page, &request->http->arena);
    metrics_add_head(page, "sluice_info", "gauge", "The version that runs.");
    metrics_add(page, "sluice_info{version=\"%s\"} 1\n", SLUICE_VERSION);
    metrics_add_value(page, "sluice_uptime_seconds", "gauge", "Seconds since the server started.",
                      s3_service_uptime_seconds(request->service));
    metrics_add_store(page, request);
    metrics_add_http(page, server);
    metrics_add_latencies(page, server);
    metrics_add_requests(page, request->service);
    metrics_add_events(page, request->service);
    s3_service_add_replication(request->service, page);
    s3_service_add_fetcher(request->service, page);
}
