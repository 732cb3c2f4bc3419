/* SPDX-License-Identifier: MIT
 *
 * See metrics_page.h. */
#include "api/s3/metrics/metrics_page.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES 16384u /* to begin with */

void metrics_page_begin(struct metrics_page *page, struct arena *arena)
{
    *page =
        (struct metrics_page){.arena = arena, .text = arena_alloc(arena, PAGE_BYTES), .capacity = PAGE_BYTES};
}

static void grow(struct metrics_page *page, size_t wanted)
{
    size_t capacity = 2 * page->capacity > wanted ? 2 * page->capacity : wanted;
    char *text = arena_alloc(page->arena, capacity);

    memcpy(text, page->text, page->length);
    page->text = text;
    page->capacity = capacity;
}

void metrics_add(struct metrics_page *page, const char *format, ...)
{
    for (;;) {
        size_t room = page->capacity - page->length;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(page->text + page->length, room, format, arguments);
        va_end(arguments);
        assert(length >= 0);
        if ((size_t)length < room) {
            page->length += (size_t)length;
            return;
        }
        grow(page, page->length + (size_t)length + 1);
    }
}

void metrics_add_head(struct metrics_page *page, const char *name, const char *type, const char *help)
{
    metrics_add(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_add_value(struct metrics_page *page, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    metrics_add_head(page, name, type, help);
    metrics_add(page, "%s %" PRIu64 "\n", name, value);
}

void metrics_add_histogram(struct metrics_page *page, const char *name, const char *labels,
                           const uint64_t *bounds, const uint64_t *counts, unsigned buckets, uint64_t sum,
                           double unit)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    const char *open = labels[0] != '\0' ? "{" : "", *shut = labels[0] != '\0' ? "}" : "";
    uint64_t count = 0;

    for (unsigned i = 0; i < buckets; i++) {
        count += counts[i];
        if (i + 1 < buckets)
            metrics_add(page, "%s_bucket{%s%sle=\"%.9g\"} %" PRIu64 "\n", name, labels, comma,
                        (double)bounds[i] / unit, count);
        else
            metrics_add(page, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, count);
    }
    metrics_add(page, "%s_sum%s%s%s %.9g\n%s_count%s%s%s %" PRIu64 "\n", name, open, labels, shut,
                (double)sum / unit, name, open, labels, shut, count);
}
