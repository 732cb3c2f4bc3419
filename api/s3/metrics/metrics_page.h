/* SPDX-License-Identifier: MIT
 *
 * A page of figures that grows as it is written, in a request's arena. Samples of one name stand together, after their head. */
#ifndef API_S3_METRICS_METRICS_PAGE_H
#define API_S3_METRICS_METRICS_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"

struct metrics_page {
    struct arena *arena;
    char *text;
    size_t length, capacity;
};

void metrics_page_begin(struct metrics_page *page, struct arena *arena);
void metrics_add(struct metrics_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a name means; its samples follow. type: "counter", "gauge", "histogram". */
void metrics_add_head(struct metrics_page *page, const char *name, const char *type, const char *help);
/* A name with one sample. */
void metrics_add_value(struct metrics_page *page, const char *name, const char *type, const char *help,
                       uint64_t value);
/* The samples of one histogram. labels: NAME="VALUE",..., or "". counts[i]: what is at most bounds[i] / unit, and more than the bound before; the last
 * bound is infinite, whatever bounds says. sum is in the same measure. */
void metrics_add_histogram(struct metrics_page *page, const char *name, const char *labels,
                           const uint64_t *bounds, const uint64_t *counts, unsigned buckets, uint64_t sum,
                           double unit);

#endif
