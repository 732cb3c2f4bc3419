/* SPDX-License-Identifier: MIT
 *
 * Connections, bytes, and what the bounds of connections refused. */
#include "api/s3/metrics/metrics.h"

#include <inttypes.h>

/* Of all bytes: what neither splice nor sendfile moved passed through memory, heads of requests and answers included. */
static void add_moved(struct metrics_page *page, const struct http_statistics *statistics)
{
    const struct {
        const char *direction, *path;
        uint64_t bytes;
    } rows[] = {
        {"received", "splice", statistics->bytes_spliced},
        {"received", "tls", statistics->tls_bytes_received},
        {"received", "memory",
         statistics->bytes_received - statistics->bytes_spliced - statistics->tls_bytes_received},
        {"sent", "sendfile", statistics->bytes_sendfile},
        {"sent", "tls", statistics->tls_bytes_sent},
        {"sent", "memory", statistics->bytes_sent - statistics->bytes_sendfile - statistics->tls_bytes_sent},
    };

    metrics_add_head(page, "sluice_http_moved_bytes_total", "counter",
                     "Bytes received and sent, by the way they took.");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        metrics_add(page, "sluice_http_moved_bytes_total{direction=\"%s\",path=\"%s\"} %" PRIu64 "\n",
                    rows[i].direction, rows[i].path, rows[i].bytes);
}

static void add_connections(struct metrics_page *page, const struct http_statistics *statistics)
{
    metrics_add_value(page, "sluice_http_connections_accepted_total", "counter", "Connections accepted.",
                      statistics->connections_accepted);
    metrics_add_value(page, "sluice_http_connections_open", "gauge", "Connections open now.",
                      statistics->connections_open);
    metrics_add_value(page, "sluice_http_requests_total", "counter", "Requests received.",
                      statistics->requests);
    metrics_add_value(page, "sluice_http_received_bytes_total", "counter", "Bytes received.",
                      statistics->bytes_received);
    metrics_add_value(page, "sluice_http_sent_bytes_total", "counter", "Bytes sent.", statistics->bytes_sent);
    metrics_add(page, "# HELP sluice_http_responses_total Answers by class of status.\n"
                      "# TYPE sluice_http_responses_total counter\n");
    for (unsigned class = 1; class < 6; class ++)
        metrics_add(page, "sluice_http_responses_total{class=\"%uxx\"} %" PRIu64 "\n", class,
                    statistics->responses_by_class[class]);
}

static void add_handshakes(struct metrics_page *page, const struct http_statistics *statistics)
{
    static const char *const reasons[HTTP_HANDSHAKE_FAILURES] = {
        [HTTP_HANDSHAKE_REFUSED] = "refused",
        [HTTP_HANDSHAKE_PLAIN_HTTP] = "plain_http",
        [HTTP_HANDSHAKE_CLOSED] = "closed",
        [HTTP_HANDSHAKE_TIMED_OUT] = "timeout",
    };

    metrics_add(page, "# HELP sluice_http_tls_handshake_failures_total TLS handshakes that failed.\n"
                      "# TYPE sluice_http_tls_handshake_failures_total counter\n");
    for (unsigned failure = 0; failure < HTTP_HANDSHAKE_FAILURES; failure++)
        metrics_add(page, "sluice_http_tls_handshake_failures_total{reason=\"%s\"} %" PRIu64 "\n",
                    reasons[failure], statistics->handshake_failures[failure]);
}

static void add_refusals(struct metrics_page *page, const struct http_statistics *statistics)
{
    static const char *const reasons[HTTP_REFUSALS] = {
        [HTTP_REFUSED_ADDRESS] = "per_address",   [HTTP_REFUSED_BODY_BUDGET] = "body_budget",
        [HTTP_REFUSED_SLOW_BODY] = "slow_upload", [HTTP_REFUSED_SLOW_READER] = "slow_download",
        [HTTP_REFUSED_PROXY] = "proxy_header",
    };

    metrics_add_value(
        page, "sluice_http_connections_evicted_total", "counter",
        "Connections closed to make room for new ones: those that had been without a request for longest.",
        statistics->connections_evicted);
    metrics_add_value(page, "sluice_http_body_bytes_held", "gauge",
                      "Bytes of memory that bodies of requests hold now.", statistics->body_bytes_held);
    metrics_add(
        page,
        "# HELP sluice_http_refusals_total Connections, bodies and answers that a bound refused or cut off.\n"
        "# TYPE sluice_http_refusals_total counter\n");
    for (unsigned refusal = 0; refusal < HTTP_REFUSALS; refusal++)
        metrics_add(page, "sluice_http_refusals_total{reason=\"%s\"} %" PRIu64 "\n", reasons[refusal],
                    statistics->refusals[refusal]);
}

void metrics_add_http(struct metrics_page *page, struct http_server *server)
{
    struct http_statistics statistics;

    http_server_statistics(server, &statistics);
    add_connections(page, &statistics);
    add_moved(page, &statistics);
    add_handshakes(page, &statistics);
    add_refusals(page, &statistics);
}
