/* SPDX-License-Identifier: MIT
 *
 * What buckets hold. From memory, so a scrape costs no look at any row; of as many buckets as a monitor can bear, those that were made
 * first. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/core/quota.h"
#include "api/s3/limits.h"
#include "api/s3/metrics/metrics.h"
#include "api/s3/service/s3_service.h"

struct usage_page {
    struct meta_usage *list; /* METRICS_BUCKETS_MAX */
    uint64_t count, buckets;
};

static int on_usage(void *ctx, const struct meta_usage *usage)
{
    struct usage_page *all = ctx;

    all->buckets++;
    if (all->count < METRICS_BUCKETS_MAX)
        all->list[all->count++] = *usage;
    return 0;
}

static void add_bytes(struct metrics_page *page, const struct usage_page *all)
{
    static const struct {
        enum meta_usage_kind kind;
        const char *name;
    } kinds[] = {{META_USAGE_OBJECTS, "objects"},
                 {META_USAGE_VERSIONS, "versions"},
                 {META_USAGE_PARTS, "parts"},
                 {META_USAGE_ANNOTATIONS, "annotations"},
                 {META_USAGE_STAGED, "staged"}};

    metrics_add_head(page, "sluice_bucket_bytes", "gauge",
                     "Bytes in a bucket: of its objects, noncurrent versions, parts of unfinished uploads, "
                     "annotations, and what publications prepare.");
    for (uint64_t i = 0; i < all->count; i++)
        for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
            metrics_add(page, "sluice_bucket_bytes{bucket=\"%s\",kind=\"%s\"} %" PRIu64 "\n",
                        all->list[i].name, kinds[kind].name, all->list[i].kinds[kinds[kind].kind].bytes);
}

/* One value a bucket; UINT64_MAX: it has none. */
static void add_each(struct metrics_page *page, const struct usage_page *all, const char *name,
                     const char *help, uint64_t (*value)(const struct meta_usage *usage))
{
    bool has_head = false;

    for (uint64_t i = 0; i < all->count; i++) {
        uint64_t number = value(&all->list[i]);
        if (number == UINT64_MAX)
            continue;
        if (!has_head)
            metrics_add_head(page, name, "gauge", help);
        has_head = true;
        metrics_add(page, "%s{bucket=\"%s\"} %" PRIu64 "\n", name, all->list[i].name, number);
    }
}

static uint64_t objects_of(const struct meta_usage *usage)
{
    return usage->kinds[META_USAGE_OBJECTS].count;
}

static uint64_t quota_bytes_of(const struct meta_usage *usage)
{
    return usage->quota.bytes_max; /* META_QUOTA_NONE is UINT64_MAX */
}

static uint64_t quota_objects_of(const struct meta_usage *usage)
{
    return usage->quota.objects_max;
}

void metrics_add_usage(struct metrics_page *page, struct s3_request *request)
{
    struct usage_page all = {.list = malloc(METRICS_BUCKETS_MAX * sizeof(*all.list))};

    if (all.list == NULL || core_usage_each(s3_service_core(request->service), on_usage, &all) != 0) {
        free(all.list); /* the next scrape may have memory */
        return;
    }
    metrics_add_value(page, "sluice_buckets", "gauge", "Buckets.", all.buckets);
    metrics_add_value(page, "sluice_buckets_untold", "gauge",
                      "Buckets of which the metrics below say nothing, as they are too many.",
                      all.buckets - all.count);
    if (all.count > 0)
        add_bytes(page, &all);
    add_each(page, &all, "sluice_bucket_objects", "Objects in a bucket, without noncurrent versions.",
             objects_of);
    add_each(page, &all, "sluice_bucket_quota_bytes", "Bytes that a bucket may hold.", quota_bytes_of);
    add_each(page, &all, "sluice_bucket_quota_objects",
             "Objects and noncurrent versions that a bucket may hold.", quota_objects_of);
    free(all.list);
}
