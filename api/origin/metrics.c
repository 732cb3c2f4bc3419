/* SPDX-License-Identifier: MIT
 *
 * Origins on the page of metrics: what was fetched from each. What was there already, cache buckets count (api/core/cache). */
#include <inttypes.h>
#include <stddef.h>

#include "api/origin/origin.h"
#include "api/s3/metrics/metrics_page.h"

static const struct figure {
    const char *name, *type, *help;
    size_t field; /* of struct origin_figures */
} figures[] = {
    {"sluice_origin_fetched_total", "counter", "Objects that were fetched from the origin and are stored.",
     offsetof(struct origin_figures, fetched)},
    {"sluice_origin_joined_total", "counter", "Requests that waited for what another had asked for.",
     offsetof(struct origin_figures, joined)},
    {"sluice_origin_heads_total", "counter", "HEADs that the origin answered.",
     offsetof(struct origin_figures, heads)},
    {"sluice_origin_absent_total", "counter", "Keys that the origin does not have.",
     offsetof(struct origin_figures, absent)},
    {"sluice_origin_failed_total", "counter", "Objects that could not be had, or not be stored.",
     offsetof(struct origin_figures, failed)},
    {"sluice_origin_waiting", "gauge", "Keys that wait for a connection to the origin.",
     offsetof(struct origin_figures, waiting)},
    {"sluice_origin_fetching", "gauge", "Keys that are being fetched.",
     offsetof(struct origin_figures, fetching)},
};

struct adding {
    struct metrics_page *page;
    const struct figure *figure;
};

static void add_figure(void *ctx, const struct origin_figures *of)
{
    const struct adding *adding = ctx;
    const atomic_uint_fast64_t *value = (const void *)((const char *)of + adding->figure->field);

    metrics_add(adding->page, "%s{origin=\"%s\"} %" PRIu64 "\n", adding->figure->name, of->name,
                (uint64_t)atomic_load(value));
}

static void add_bytes(void *ctx, const struct origin_figures *of)
{
    const struct adding *adding = ctx;

    metrics_add(adding->page, "sluice_origin_bytes_total{origin=\"%s\"} %llu\n", of->name,
                atomic_load(&of->bytes));
}

void origin_add_metrics(void *ctx, struct metrics_page *page)
{
    struct origin *origin = ctx;
    struct adding adding = {.page = page};

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        adding.figure = &figures[i];
        metrics_add_head(page, figures[i].name, figures[i].type, figures[i].help);
        origin_visit(origin, add_figure, &adding);
    }
    metrics_add_head(page, "sluice_origin_bytes_total", "counter",
                     "Bytes of objects that came from the origin.");
    origin_visit(origin, add_bytes, &adding);
}
