/* SPDX-License-Identifier: MIT
 *
 * The status page: how the server is, for who may read its metrics. Figures of now are read now; those of the past are page_figures.h's. */
#include <stdio.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/core/core.h"
#include "api/core/quota.h"
#include "api/http/http.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/page_figures.h"
#include "api/s3/service/s3_service.h"

#define CHART_WIDTH  600u
#define CHART_HEIGHT 100u

bool page_status_is_shown(const struct page_call *call)
{
    return s3_service_has_public_metrics(call->request->service) ||
           s3_authorize(call->request, SLICE("-"), S3_RIGHT_METRICS) == S3_ERROR_NONE;
}

/* ---- Now ---- */

static void begin_tile(struct page_html *html, const char *name)
{
    PAGE(html, "<div><dt>");
    page_html_string(html, name);
    PAGE(html, "</dt><dd>");
}

static void write_number(struct page_html *html, const char *name, uint64_t number)
{
    begin_tile(html, name);
    page_html_number(html, number);
    PAGE(html, "</dd></div>");
}

static void write_bytes(struct page_html *html, const char *name, uint64_t bytes)
{
    begin_tile(html, name);
    page_html_size(html, bytes);
    PAGE(html, "</dd></div>");
}

static void write_uptime(struct page_html *html, uint64_t seconds)
{
    char text[64];

    if (seconds >= 86400)
        (void)snprintf(text, sizeof(text), "%llu d %llu h", (unsigned long long)(seconds / 86400),
                       (unsigned long long)(seconds / 3600 % 24));
    else if (seconds >= 3600)
        (void)snprintf(text, sizeof(text), "%llu h %llu min", (unsigned long long)(seconds / 3600),
                       (unsigned long long)(seconds / 60 % 60));
    else
        (void)snprintf(text, sizeof(text), "%llu min", (unsigned long long)(seconds / 60));
    begin_tile(html, "Up for");
    page_html_string(html, text);
    PAGE(html, "</dd></div>");
}

static void write_health(struct page_html *html, struct core *core)
{
    begin_tile(html, "Health");
    int health = core_health(core);

    if (health == META_E_STALLED)
        PAGE(html, "No changes: the disk does not answer");
    else if (health != 0)
        PAGE(html, "No changes: a sync failed");
    else if (core_room_bytes(core) == 0)
        PAGE(html, "No uploads: the disk is full");
    else
        PAGE(html, "Good");
    PAGE(html, "</dd></div>");
}

static void write_now(struct page_call *call, struct page_html *html)
{
    struct s3_request *request = call->request;
    struct core *core = s3_service_core(request->service);
    struct http_statistics statistics;

    http_server_statistics(http_worker_server(http_request_worker(request->http)), &statistics);
    PAGE(html, "<dl class=tiles>");
    write_health(html, core);
    write_uptime(html, s3_service_uptime_seconds(request->service));
    write_number(html, "Connections open", statistics.connections_open);
    write_number(html, "Requests", statistics.requests);
    write_number(html, "Refused, 4xx", statistics.responses_by_class[4]);
    write_number(html, "Failed, 5xx", statistics.responses_by_class[5]);
    write_bytes(html, "Received", statistics.bytes_received);
    write_bytes(html, "Sent", statistics.bytes_sent);
    write_bytes(html, "Free on the disk", core_free_bytes(core));
    write_number(html, "Signed in here", page_sessions_count(call->pages->sessions));
    PAGE(html, "</dl>");
}

/* ---- The past ---- */

struct past {
    struct page_sample samples[PAGES_SAMPLES];
    double values[PAGES_SAMPLES];
    unsigned count;
};

static void write_chart(struct page_html *html, const char *title, const struct past *past, unsigned count,
                        bool is_bytes)
{
    struct page_html path = {.arena = html->arena};
    double most = page_chart_write(&path, past->values, count, CHART_WIDTH, CHART_HEIGHT);

    PAGE(html, "<figure class=past><figcaption>");
    page_html_string(html, title);
    PAGE(html, " <span class=note>up to ");
    if (is_bytes)
        page_html_size(html, (uint64_t)most);
    else
        page_html_number(html, (uint64_t)(most + 0.5));
    PAGE(html,
         "</span></figcaption><svg class=chart viewBox=\"-4 -6 608 112\" preserveAspectRatio=none role=img "
         "aria-label=\"");
    page_html_string(html, title);
    PAGE(html, "\"><path d=\"");
    page_html_raw(html, path.data != NULL ? path.data : "", path.length);
    PAGE(html, "\"/></svg></figure>");
}

/* A server that began anew counts from nothing. */
static double growth(uint64_t now, uint64_t before)
{
    return now >= before ? (double)(now - before) : 0;
}

static void write_past(struct page_call *call, struct page_html *html)
{
    struct past *past = s3_request_alloc(call->request, sizeof(*past));

    past->count = page_figures_samples(call->pages->figures, past->samples, PAGES_SAMPLES);
    PAGE(html, "<h2>Usage, up to the last day</h2>");
    if (past->count < 3) {
        PAGE(html, "<p class=note>A sample is taken each minute: come back in a few.</p>");
        return;
    }
    PAGE(html, "<div class=charts>");
    for (unsigned i = 1; i < past->count; i++)
        past->values[i - 1] = growth(past->samples[i].requests, past->samples[i - 1].requests);
    write_chart(html, "Requests a minute", past, past->count - 1, false);
    for (unsigned i = 1; i < past->count; i++)
        past->values[i - 1] = growth(past->samples[i].bytes_received, past->samples[i - 1].bytes_received) +
                              growth(past->samples[i].bytes_sent, past->samples[i - 1].bytes_sent);
    write_chart(html, "Bytes in and out a minute", past, past->count - 1, true);
    for (unsigned i = 0; i < past->count; i++)
        past->values[i] = (double)past->samples[i].connections;
    write_chart(html, "Connections open", past, past->count, false);
    for (unsigned i = 0; i < past->count; i++)
        past->values[i] = (double)past->samples[i].free_bytes;
    write_chart(html, "Free on the disk", past, past->count, true);
    PAGE(html, "</div>");
}

/* ---- Buckets ---- */

struct buckets {
    struct page_html rows;
    uint64_t count;
};

static int on_usage(void *ctx, const struct meta_usage *usage)
{
    struct buckets *buckets = ctx;
    struct page_html *html = &buckets->rows;

    if (buckets->count++ >= PAGES_STATUS_BUCKETS)
        return 0;
    PAGE(html, "<tr><td class=name><a class=bucket href=\"");
    page_html_link(html, "b", slice_text(usage->name), SLICE(""));
    PAGE(html, "\">");
    page_html_string(html, usage->name);
    PAGE(html, "</a></td><td class=size>");
    page_html_number(html, usage->kinds[META_USAGE_OBJECTS].count);
    PAGE(html, "</td><td class=size>");
    page_html_size(html, meta_usage_bytes(usage));
    PAGE(html, "</td><td class=size>");
    if (usage->quota.bytes_max != META_QUOTA_NONE)
        page_html_size(html, usage->quota.bytes_max);
    else
        PAGE(html, "\xe2\x80\x93");
    PAGE(html, "</td></tr>");
    return 0;
}

/* All that they hold, as quotas count it. */
static void write_buckets(struct page_call *call, struct page_html *html)
{
    struct buckets buckets = {.rows = {.arena = html->arena}};

    if (core_usage_each(s3_service_core(call->request->service), on_usage, &buckets) != 0 ||
        buckets.count == 0)
        return;
    PAGE(html,
         "<h2>Buckets</h2><table class=list><thead><tr><th scope=col class=name>Bucket</th><th scope=col "
         "class=size>Objects</th><th scope=col class=size>Size</th><th scope=col class=size>Quota</th></tr>"
         "</thead><tbody>");
    page_html_raw(html, buckets.rows.data, buckets.rows.length);
    PAGE(html, "</tbody></table>");
    if (buckets.count > PAGES_STATUS_BUCKETS) {
        PAGE(html, "<p class=note>The first of ");
        page_html_number(html, buckets.count);
        PAGE(html, ". The metrics have more.</p>");
    }
}

/* ---- Caches ---- */

static int on_cache(void *ctx, const struct core_cache_figures *cache)
{
    struct page_html *html = ctx;
    uint64_t reads = cache->hits + cache->misses;

    PAGE(html, "<tr><td class=name><a class=bucket href=\"");
    page_html_link(html, "b", slice_text(cache->bucket), SLICE(""));
    PAGE(html, "\">");
    page_html_string(html, cache->bucket);
    PAGE(html, "</a></td><td class=size>");
    page_html_number(html, cache->entries);
    PAGE(html, "</td><td class=size>");
    page_html_size(html, cache->bytes);
    PAGE(html, "</td><td class=size>");
    if (reads > 0) {
        page_html_number(html, (cache->hits * 1000 / reads + 5) / 10);
        PAGE(html, " %");
    } else
        PAGE(html, "\xe2\x80\x93");
    PAGE(html, "</td><td class=size>");
    page_html_number(html, cache->evictions);
    PAGE(html, "</td></tr>");
    return 0;
}

static void write_caches(struct page_call *call, struct page_html *html)
{
    struct s3_request *request = call->request;
    struct page_html rows = {.arena = html->arena};

    (void)core_cache_each(s3_service_core(request->service), core_worker_reader(request->worker),
                          PAGES_STATUS_CACHES, on_cache, &rows);
    if (rows.length == 0)
        return;
    PAGE(html,
         "<h2>Caches</h2><table class=list><thead><tr><th scope=col class=name>Bucket</th><th scope=col "
         "class=size>Objects</th><th scope=col class=size>Size</th><th scope=col class=size>Hits</th><th "
         "scope=col class=size>Evicted</th></tr></thead><tbody>");
    page_html_raw(html, rows.data, rows.length);
    PAGE(html, "</tbody></table>");
}

/* ---- Messages ---- */

static void write_messages(struct page_call *call, struct page_html *html)
{
    struct page_message *messages =
        s3_request_alloc(call->request, PAGES_MESSAGES * sizeof(struct page_message));
    unsigned count = page_figures_messages(call->pages->figures, messages, PAGES_MESSAGES);

    PAGE(html, "<h2>Latest warnings and errors</h2>");
    if (count == 0) {
        PAGE(html, "<p class=note>None since the server began.</p>");
        return;
    }
    PAGE(html, "<ul class=messages>");
    for (unsigned i = 0; i < count; i++) {
        PAGE(html, "<li>");
        page_html_time(html, messages[i].time_ms);
        if (messages[i].level == LOG_LEVEL_ERROR)
            PAGE(html, " <b class=failed>error</b> ");
        else
            PAGE(html, " <b>warning</b> ");
        page_html_string(html, messages[i].text);
        PAGE(html, "</li>");
    }
    PAGE(html, "</ul>");
}

enum s3_door_way page_status(struct page_call *call)
{
    struct page_html html;

    if (!page_status_is_shown(call))
        return page_refuse(call, 403, "It takes the right metrics, or admin, on \"*\".");
    if (call->request->method != S3_GET && call->request->method != S3_HEAD)
        return page_refuse(call, 405, "This page can be looked at, and nothing else.");
    page_begin(call, &html, "Status");
    PAGE(&html, "<h1>Status</h1>");
    write_now(call, &html);
    write_past(call, &html);
    write_buckets(call, &html);
    write_caches(call, &html);
    write_messages(call, &html);
    page_end(call, &html, 200);
    return S3_DOOR_ANSWERED;
}
