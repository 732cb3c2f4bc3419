/* SPDX-License-Identifier: MIT
 *
 * What a server of a cluster says of itself on the page of metrics: who it is, whether it leads, and how it gets on with the database. */
#include "api/s3/metrics/metrics.h"

#include <inttypes.h>

#include "api/core/figures.h"
#include "api/s3/metrics/metrics_page.h"

static void add_who(struct metrics_page *page, const struct core_cluster_figures *figures)
{
    metrics_add_head(page, "sluice_cluster_info", "gauge",
                     "The server's number, and the epoch it began with.");
    metrics_add(page, "sluice_cluster_info{server=\"%" PRId64 "\",epoch=\"%" PRId64 "\"} 1\n",
                figures->rows.server, figures->rows.epoch);
    metrics_add_value(page, "sluice_cluster_leads", "gauge",
                      "1 where this server does what one does for all.", figures->leads);
    metrics_add_value(page, "sluice_cluster_servers", "gauge", "Servers that are not taken for dead.",
                      figures->servers);
    metrics_add_value(page, "sluice_cluster_buried_total", "counter",
                      "Servers that this one has taken for dead: nothing of them gets in any more.",
                      figures->buried);
}

static void add_database(struct metrics_page *page, const struct core_cluster_figures *figures)
{
    metrics_add_value(page, "sluice_cluster_database_up", "gauge",
                      "1 where the database has answered this server's last sign of life.",
                      !figures->is_cut_off);
    metrics_add_value(page, "sluice_cluster_batches_total", "counter", "Batches of changes that were begun.",
                      figures->rows.batches);
    metrics_add_value(page, "sluice_cluster_doubts_total", "counter",
                      "Commits during which the connection to the database was lost.", figures->rows.doubts);
    metrics_add_value(page, "sluice_cluster_last_batch_seconds", "gauge",
                      "How long ago the last batch was committed.", figures->last_batch_s);
    metrics_add_head(page, "sluice_cluster_round_trips_total", "counter",
                     "Round trips to the database, of batches and of reads.");
    metrics_add(page, "sluice_cluster_round_trips_total{side=\"write\"} %" PRIu64 "\n",
                figures->rows.write_rounds);
    metrics_add(page, "sluice_cluster_round_trips_total{side=\"read\"} %" PRIu64 "\n",
                figures->rows.read_rounds);
    metrics_add_value(page, "sluice_cluster_ids_left", "gauge",
                      "Ids for the files of uploads that the server has, before it asks for more.",
                      figures->ids_left);
}

void metrics_add_cluster(struct metrics_page *page, struct core *core)
{
    struct core_cluster_figures figures;

    if (!core_cluster_figures(core, &figures))
        return;
    add_who(page, &figures);
    add_database(page, &figures);
}
