/* SPDX-License-Identifier: MIT
 *
 * Replication on the page of metrics: what went to each target, and what waits for it. */
#include <inttypes.h>
#include <stddef.h>

#include "api/replication/replication.h"
#include "api/s3/metrics/metrics_page.h"
#include "storage/base/clock.h"

static const struct figure {
    const char *name, *type, *help;
    size_t field; /* of struct replication_figures */
} figures[] = {
    {"sluice_replication_copied_total", "counter", "Objects that were sent to the target.",
     offsetof(struct replication_figures, copied)},
    {"sluice_replication_equal_total", "counter", "Objects that were compared, and were there already.",
     offsetof(struct replication_figures, equal)},
    {"sluice_replication_deleted_total", "counter", "Keys that were deleted at the target.",
     offsetof(struct replication_figures, deleted)},
    {"sluice_replication_failed_total", "counter", "Tries that came to nothing; they are made again.",
     offsetof(struct replication_figures, failed)},
    {"sluice_replication_refused_total", "counter",
     "Objects that cannot be copied: encrypted under a customer's key.",
     offsetof(struct replication_figures, refused)},
    {"sluice_replication_dropped_total", "counter",
     "Changes that gave way to later ones, as too many waited: a resync brings them.",
     offsetof(struct replication_figures, dropped)},
    {"sluice_replication_waiting", "gauge", "Changes that wait for the target.",
     offsetof(struct replication_figures, waiting)},
    {"sluice_replication_waiting_bytes", "gauge", "Bytes of the objects that these are about.",
     offsetof(struct replication_figures, waiting_bytes)},
};

struct adding {
    struct metrics_page *page;
    const struct figure *figure;
    int64_t now_ms;
};

static void add_figure(void *ctx, const struct replication_figures *of)
{
    const struct adding *adding = ctx;
    const atomic_uint_fast64_t *value = (const void *)((const char *)of + adding->figure->field);

    metrics_add(adding->page, "%s{target=\"%s\"} %" PRIu64 "\n", adding->figure->name, of->name,
                (uint64_t)atomic_load(value));
}

static void add_bytes(void *ctx, const struct replication_figures *of)
{
    const struct adding *adding = ctx;

    metrics_add(adding->page, "sluice_replication_sent_bytes_total{target=\"%s\"} %llu\n", of->name,
                atomic_load(&of->bytes));
}

static void add_lag(void *ctx, const struct replication_figures *of)
{
    const struct adding *adding = ctx;
    int64_t oldest_ms = atomic_load(&of->oldest_ms);
    int64_t lag_ms = oldest_ms != 0 && adding->now_ms > oldest_ms ? adding->now_ms - oldest_ms : 0;

    metrics_add(adding->page, "sluice_replication_lag_seconds{target=\"%s\"} %.3f\n", of->name,
                (double)lag_ms / 1000);
}

void replication_add_metrics(void *ctx, struct metrics_page *page)
{
    struct replication *replication = ctx;
    struct adding adding = {.page = page, .now_ms = clock_real_ms()};

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        adding.figure = &figures[i];
        metrics_add_head(page, figures[i].name, figures[i].type, figures[i].help);
        replication_visit(replication, add_figure, &adding);
    }
    metrics_add_head(page, "sluice_replication_sent_bytes_total", "counter",
                     "Bytes of objects sent to the target.");
    replication_visit(replication, add_bytes, &adding);
    metrics_add_head(page, "sluice_replication_lag_seconds", "gauge",
                     "How long ago the oldest change happened that waits for the target.");
    replication_visit(replication, add_lag, &adding);
}
