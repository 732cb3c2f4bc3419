/* SPDX-License-Identifier: MIT
 *
 * See page_figures.h. */
#include "api/pages/page_figures.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core.h"
#include "api/http/http.h"
#include "api/pages/page_html.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

struct page_figures {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t stopped;
    struct page_sample samples[PAGES_SAMPLES];
    uint64_t sample_count; /* that were ever added */
    struct page_message messages[PAGES_MESSAGES];
    uint64_t message_count;
    bool is_running, is_stopping;

    pthread_t thread;
    struct http_server *http;
    struct core *core;
};

struct page_figures *page_figures_create(void)
{
    struct page_figures *figures = calloc(1, sizeof(*figures));

    if (figures == NULL)
        return NULL;
    pthread_mutex_init(&figures->lock, NULL);
    thread_condition_init(&figures->stopped);
    return figures;
}

void page_figures_destroy(struct page_figures *figures)
{
    if (figures == NULL)
        return;
    pthread_cond_destroy(&figures->stopped);
    pthread_mutex_destroy(&figures->lock);
    free(figures);
}

/* ---- Samples ---- */

void page_figures_add(struct page_figures *figures, const struct page_sample *sample)
{
    pthread_mutex_lock(&figures->lock);
    figures->samples[figures->sample_count++ % PAGES_SAMPLES] = *sample;
    pthread_mutex_unlock(&figures->lock);
}

static void take_sample(struct page_figures *figures)
{
    struct http_statistics statistics;
    struct page_sample sample = {.time_ms = clock_real_ms()};

    http_server_statistics(figures->http, &statistics);
    sample.requests = statistics.requests;
    sample.errors = statistics.responses_by_class[5];
    sample.bytes_received = statistics.bytes_received;
    sample.bytes_sent = statistics.bytes_sent;
    sample.connections = statistics.connections_open;
    sample.free_bytes = core_free_bytes(figures->core);
    page_figures_add(figures, &sample);
}

static void *run(void *arg)
{
    struct page_figures *figures = arg;
    bool goes_on = true;

    while (goes_on) {
        struct timespec next = clock_monotonic_in(PAGES_SAMPLE_MS);

        take_sample(figures);
        pthread_mutex_lock(&figures->lock);
        while (!figures->is_stopping &&
               pthread_cond_timedwait(&figures->stopped, &figures->lock, &next) != ETIMEDOUT)
            ;
        goes_on = !figures->is_stopping;
        pthread_mutex_unlock(&figures->lock);
    }
    return NULL;
}

int page_figures_start(struct page_figures *figures, struct http_server *http, struct core *core)
{
    int err;

    figures->http = http;
    figures->core = core;
    err = thread_start(&figures->thread, "pages", run, figures);
    figures->is_running = err == 0;
    return err;
}

void page_figures_stop(struct page_figures *figures)
{
    if (!figures->is_running)
        return;
    pthread_mutex_lock(&figures->lock);
    figures->is_stopping = true;
    pthread_cond_signal(&figures->stopped);
    pthread_mutex_unlock(&figures->lock);
    thread_join(figures->thread);
    figures->is_running = figures->is_stopping = false;
}

unsigned page_figures_samples(struct page_figures *figures, struct page_sample *samples, unsigned max)
{
    unsigned count;

    pthread_mutex_lock(&figures->lock);
    count = figures->sample_count < PAGES_SAMPLES ? (unsigned)figures->sample_count : PAGES_SAMPLES;
    count = count < max ? count : max;
    for (unsigned i = 0; i < count; i++)
        samples[i] = figures->samples[(figures->sample_count - count + i) % PAGES_SAMPLES];
    pthread_mutex_unlock(&figures->lock);
    return count;
}

/* ---- Messages ---- */

void page_figures_note(struct page_figures *figures, enum log_level level, const char *text)
{
    struct page_message *message;

    if (level == LOG_LEVEL_INFO)
        return;
    pthread_mutex_lock(&figures->lock);
    message = &figures->messages[figures->message_count++ % PAGES_MESSAGES];
    message->time_ms = clock_real_ms();
    message->level = level;
    (void)snprintf(message->text, sizeof(message->text), "%s", text);
    pthread_mutex_unlock(&figures->lock);
}

unsigned page_figures_messages(struct page_figures *figures, struct page_message *messages, unsigned max)
{
    unsigned count;

    pthread_mutex_lock(&figures->lock);
    count = figures->message_count < PAGES_MESSAGES ? (unsigned)figures->message_count : PAGES_MESSAGES;
    count = count < max ? count : max;
    for (unsigned i = 0; i < count; i++)
        messages[i] = figures->messages[(figures->message_count - 1 - i) % PAGES_MESSAGES];
    pthread_mutex_unlock(&figures->lock);
    return count;
}

/* ---- Charts ---- */

static double mean_of(const double *values, unsigned count, unsigned points, unsigned point)
{
    unsigned from = (unsigned)((uint64_t)count * point / points),
             to = (unsigned)((uint64_t)count * (point + 1) / points);
    double sum = 0;

    for (unsigned i = from; i < to; i++)
        sum += values[i];
    return to > from ? sum / (to - from) : 0;
}

double page_chart_write(struct page_html *html, const double *values, unsigned count, unsigned width,
                        unsigned height)
{
    unsigned points = count < PAGES_CHART_POINTS ? count : PAGES_CHART_POINTS;
    double most = 0;
    char text[64];

    for (unsigned i = 0; i < points; i++) {
        double value = mean_of(values, count, points, i);

        most = value > most ? value : most;
    }
    for (unsigned i = 0; i < points; i++) {
        double share = most > 0 ? mean_of(values, count, points, i) / most : 0;
        unsigned x = points > 1 ? i * width / (points - 1) : 0;
        int length = snprintf(text, sizeof(text), "%c%u %u", i == 0 ? 'M' : 'L', x,
                              (unsigned)(height - share * height + 0.5));

        page_html_raw(html, text, (size_t)length);
    }
    return most;
}
