/* SPDX-License-Identifier: MIT
 *
 * The figures of a server as Prometheus' text (https://prometheus.io/docs/instrumenting/exposition_formats/). On the worker's thread. */
#ifndef API_S3_METRICS_METRICS_H
#define API_S3_METRICS_METRICS_H

#include "api/s3/metrics/metrics_page.h"
#include "api/s3/s3_request.h"

/* All of them. The page lives in the request's arena. */
void metrics_write(struct metrics_page *page, struct s3_request *request);

/* Its parts, a file each. */
void metrics_add_http(struct metrics_page *page, struct http_server *server);
void metrics_add_latencies(struct metrics_page *page, struct http_server *server);
void metrics_add_requests(struct metrics_page *page, struct s3_service *service);
void metrics_add_events(struct metrics_page *page, const struct s3_service *service);
void metrics_add_store(struct metrics_page *page, struct s3_request *request);
/* Of a cluster's server; else nothing. */
void metrics_add_cluster(struct metrics_page *page, struct core *core);
void metrics_add_usage(struct metrics_page *page, struct s3_request *request);

#endif
