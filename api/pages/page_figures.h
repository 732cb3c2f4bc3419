/* SPDX-License-Identifier: MIT
 *
 * What the status page tells of the past: a sample of the server's figures each minute, for a day, and its latest warnings and errors. Both are rings of a
 * fixed size. Any thread. */
#ifndef API_PAGES_PAGE_FIGURES_H
#define API_PAGES_PAGE_FIGURES_H

#include <stdint.h>

#include "api/pages/limits.h"
#include "storage/base/log.h"

struct core;
struct http_server;
struct page_figures;

struct page_sample {
    int64_t time_ms;
    uint64_t requests, errors, bytes_received, bytes_sent; /* since the server began */
    uint64_t connections, free_bytes;                      /* then */
};

struct page_message {
    int64_t time_ms;
    enum log_level level;
    char text[PAGES_MESSAGE_BYTES];
};

struct page_figures *page_figures_create(void); /* NULL: no memory */
void page_figures_destroy(struct page_figures *figures);
/* Samples from now on, on a thread of its own, until page_figures_stop, which both must outlive. 0 or -ENOMEM. */
int page_figures_start(struct page_figures *figures, struct http_server *http, struct core *core);
void page_figures_stop(struct page_figures *figures); /* also where it was not started */

void page_figures_add(struct page_figures *figures, const struct page_sample *sample);
/* Information is left out; a text is cut. */
void page_figures_note(struct page_figures *figures, enum log_level level, const char *text);
/* The latest, at most max, oldest first. How many. */
unsigned page_figures_samples(struct page_figures *figures, struct page_sample *samples, unsigned max);
/* The latest, newest first. */
unsigned page_figures_messages(struct page_figures *figures, struct page_message *messages, unsigned max);

/* Of a counter in samples, or a gauge: `points` values, each the mean of what falls to it, as the path of an SVG of that size, from left to right; the highest of
 * them. Pure. */
struct page_html;
double page_chart_write(struct page_html *html, const double *values, unsigned count, unsigned width,
                        unsigned height);

#endif
