/* SPDX-License-Identifier: MIT
 *
 * Events: what became of those for each target, and who listens. */
#include <inttypes.h>
#include <stddef.h>

#include "api/events/events.h"
#include "api/s3/metrics/metrics.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/clock.h"

static const struct figure {
    const char *name, *type, *help;
    size_t field; /* of struct events_figures */
} figures[] = {
    {"sluice_events_queued_total", "counter", "Events that were taken up to be delivered to the target.",
     offsetof(struct events_figures, queued)},
    {"sluice_events_delivered_total", "counter", "Events that the target has acknowledged.",
     offsetof(struct events_figures, delivered)},
    {"sluice_events_failed_total", "counter",
     "Deliveries that the target has not acknowledged; they are tried again.",
     offsetof(struct events_figures, failed)},
    {"sluice_events_dropped_total", "counter", "Events that gave way to later ones, as too many waited.",
     offsetof(struct events_figures, dropped)},
    {"sluice_events_given_up_total", "counter",
     "Events that were tried for too long, or that the target may not get any more.",
     offsetof(struct events_figures, given_up)},
    {"sluice_events_waiting", "gauge", "Events that wait for the target.",
     offsetof(struct events_figures, waiting)},
};

struct adding {
    struct metrics_page *page;
    const struct figure *figure;
    int64_t now_ms;
};

static void add_figure(void *ctx, const struct events_figures *of)
{
    const struct adding *adding = ctx;
    const atomic_uint_fast64_t *value = (const void *)((const char *)of + adding->figure->field);

    metrics_add(adding->page, "%s{target=\"%s\"} %" PRIu64 "\n", adding->figure->name, of->name,
                (uint64_t)atomic_load(value));
}

static void add_lag(void *ctx, const struct events_figures *of)
{
    const struct adding *adding = ctx;
    int64_t oldest_ms = atomic_load(&of->oldest_ms);
    int64_t lag_ms = oldest_ms != 0 && adding->now_ms > oldest_ms ? adding->now_ms - oldest_ms : 0;

    metrics_add(adding->page, "sluice_events_lag_seconds{target=\"%s\"} %.3f\n", of->name,
                (double)lag_ms / 1000);
}

void metrics_add_events(struct metrics_page *page, const struct s3_service *service)
{
    struct events *events = s3_service_events(service);
    struct adding adding = {.page = page, .now_ms = clock_real_ms()};
    unsigned listeners = 0;
    uint64_t cut_off = 0;

    if (events == NULL)
        return;
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        adding.figure = &figures[i];
        metrics_add_head(page, figures[i].name, figures[i].type, figures[i].help);
        events_visit(events, add_figure, &adding);
    }
    metrics_add_head(page, "sluice_events_lag_seconds", "gauge",
                     "How long ago the oldest event happened that waits for the target.");
    events_visit(events, add_lag, &adding);
    listeners_count(events_listeners(events), &listeners, &cut_off);
    metrics_add_value(page, "sluice_event_listeners", "gauge", "Requests that listen to events.", listeners);
    metrics_add_value(page, "sluice_event_listeners_cut_off_total", "counter",
                      "Listeners that were cut off, as they were too slow.", cut_off);
}
