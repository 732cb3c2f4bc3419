/* SPDX-License-Identifier: MIT
 *
 * What is stored, and what stores it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/archive/archive_shelf.h"
#include "api/core/cache/cache.h"
#include "api/core/core_scrub.h"
#include "api/core/figures.h"
#include "api/s3/metrics/metrics.h"
#include "api/s3/service/s3_service.h"

static void add_damage(struct metrics_page *page, struct core *core)
{
    static const char *const reasons[CORE_DAMAGE_COUNT] = {
        [CORE_DAMAGE_CHECKSUM] = "checksum",
        [CORE_DAMAGE_IDENTITY] = "identity",
        [CORE_DAMAGE_UNREADABLE] = "unreadable",
    };

    metrics_add(
        page, "# HELP sluice_storage_damaged_reads_total Reads that were refused or cut off, because stored "
              "bytes are damaged.\n"
              "# TYPE sluice_storage_damaged_reads_total counter\n");
    for (unsigned damage = 0; damage < CORE_DAMAGE_COUNT; damage++)
        metrics_add(page, "sluice_storage_damaged_reads_total{reason=\"%s\"} %" PRIu64 "\n", reasons[damage],
                    core_damage_met(core, (enum core_damage)damage));
}

/* Cache buckets whose figures are told. */
#define CACHES_MAX    32u
#define CACHE_FIGURES 6u

struct cache_list {
    unsigned count;
    struct {
        char bucket[META_BUCKET_NAME_BYTES_MAX + 1];
        uint64_t figures[CACHE_FIGURES];
    } list[CACHES_MAX];
};

static int on_cache(void *ctx, const struct core_cache_figures *cache)
{
    struct cache_list *caches = ctx;
    const uint64_t figures[CACHE_FIGURES] = {cache->bytes, cache->rules.bytes_max, cache->entries,
                                             cache->hits,  cache->misses,          cache->evictions};

    snprintf(caches->list[caches->count].bucket, sizeof(caches->list[0].bucket), "%s", cache->bucket);
    memcpy(caches->list[caches->count++].figures, figures, sizeof(figures));
    return 0;
}

/* Values of one name stand together. */
static void add_caches(struct metrics_page *page, struct s3_request *request)
{
    static const struct {
        const char *name, *type, *help;
    } figures[CACHE_FIGURES] = {
        {"sluice_cache_bytes", "gauge", "Bytes of the objects in a cache bucket."},
        {"sluice_cache_max_bytes", "gauge", "Bytes from which a cache bucket evicts; 0: none."},
        {"sluice_cache_entries", "gauge", "Objects in a cache bucket."},
        {"sluice_cache_hits_total", "counter", "Reads of a cache bucket that found an object."},
        {"sluice_cache_misses_total", "counter", "Reads of a cache bucket that found none."},
        {"sluice_cache_evictions_total", "counter", "Objects that a cache bucket gave up."},
    };
    struct cache_list caches = {.count = 0};

    (void)core_cache_each(s3_service_core(request->service), core_worker_reader(request->worker), CACHES_MAX,
                          on_cache, &caches);
    for (unsigned figure = 0; figure < CACHE_FIGURES && caches.count > 0; figure++) {
        metrics_add(page, "# HELP %s %s\n# TYPE %s %s\n", figures[figure].name, figures[figure].help,
                    figures[figure].name, figures[figure].type);
        for (unsigned i = 0; i < caches.count; i++)
            metrics_add(page, "%s{bucket=\"%s\"} %" PRIu64 "\n", figures[figure].name, caches.list[i].bucket,
                        caches.list[i].figures[figure]);
    }
}

static void add_committer(struct metrics_page *page, struct core *core)
{
    static const char time[] = "sluice_commit_batch_seconds", changes[] = "sluice_commit_batch_changes";
    struct meta_figures figures;

    core_figures(core, &figures);
    metrics_add_head(page, time, "histogram", "How long batches of changes took, to the last answer.");
    metrics_add_histogram(page, time, "", meta_batch_us_bounds, figures.batches_by_us, META_FIGURE_BUCKETS,
                          figures.batch_us_sum, 1e6);
    metrics_add_head(page, changes, "histogram", "How many changes were committed together.");
    metrics_add_histogram(page, changes, "", meta_batch_changes_bounds, figures.batches_by_changes,
                          META_FIGURE_BUCKETS, figures.batch_changes_sum, 1);
    metrics_add_value(page, "sluice_commit_waiting_changes", "gauge", "Changes that wait for a batch now.",
                      figures.waiting);
    metrics_add_value(page, "sluice_database_log_bytes", "gauge", "Bytes of the database's log on the disk.",
                      figures.log_bytes);
    metrics_add_value(page, "sluice_publications_pending", "gauge",
                      "Publications that are prepared, or whose objects are on the way to their places.",
                      figures.publications);
}

static void add_garbage(struct metrics_page *page, struct core *core)
{
    struct core_garbage garbage;

    core_garbage(core, &garbage);
    metrics_add_value(page, "sluice_garbage_bytes", "gauge",
                      "Bytes of overwritten and deleted small objects whose space is to be given back.",
                      garbage.bytes);
    metrics_add_value(page, "sluice_lifecycle_waiting", "gauge",
                      "1 while lifecycle rules wait for the clock to be confirmed.",
                      core_lifecycle_is_held(core));
    metrics_add_value(page, "sluice_garbage_waits_total", "counter",
                      "Batches of small objects that waited for space to be given back.", garbage.waits);
}

static void add_scrub(struct metrics_page *page, struct core *core)
{
    struct core_scrub_figures figures;

    core_scrub_figures(core, &figures);
    metrics_add_value(page, "sluice_scrub_bytes_total", "counter",
                      "Stored bytes that were read and verified by scrubs.", figures.bytes);
    metrics_add_value(page, "sluice_scrub_units_total", "counter",
                      "Stored units, each an object or a piece of one, that scrubs have verified.",
                      figures.units);
    metrics_add_value(page, "sluice_scrub_findings_total", "counter",
                      "Findings of scrubs that were not mended.", figures.findings);
    metrics_add_value(page, "sluice_scrub_mended_total", "counter",
                      "Findings that were mended from the second copy.", figures.mended);
    metrics_add_value(page, "sluice_scrub_damaged", "gauge",
                      "What scrubs have found damaged, as of their last look.", figures.standing);
    metrics_add_value(page, "sluice_scrub_last_end_seconds", "gauge",
                      "When the last whole round of scrubbing ended, Unix time; 0: none has.",
                      (uint64_t)figures.ended_ms / 1000);
}

void metrics_add_store(struct metrics_page *page, struct s3_request *request)
{
    struct core *core = s3_service_core(request->service);

    metrics_add_value(page, "sluice_storage_free_bytes", "gauge", "Free bytes on the data file system.",
                      core_free_bytes(core));
    metrics_add_value(page, "sluice_storage_room_bytes", "gauge",
                      "Bytes that uploads may take: free ones without those that --min-free keeps.",
                      core_room_bytes(core));
    add_damage(page, core);
    add_committer(page, core);
    metrics_add_cluster(page, core);
    add_garbage(page, core);
    add_scrub(page, core);
    metrics_add_value(
        page, "sluice_archive_memory_bytes", "gauge",
        "Bytes of memory that the insides of archives hold now: indexes, and what is read of them.",
        archive_shelf_held(s3_service_shelf(request->service)));
    add_caches(page, request);
    metrics_add_usage(page, request);
}
