/* SPDX-License-Identifier: MIT
 *
 * Cache buckets: of an open store, of one that is closed, or, where another has it open, by the control socket of its server. Any
 * thread; blocks. */
#include "api/library/library.h"

#include <errno.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/library/control_client.h"

const char *sluice_cache_rules_check(const char *rules)
{
    struct core_cache_rules parsed;
    const char *why;

    return core_cache_rules_parse(slice_text(rules), &parsed, &why) == 0 ? NULL : why;
}

int sluice_bucket_set_cache(struct sluice_store *store, const char *bucket, const char *rules)
{
    struct core_cache_rules parsed;
    const char *why;

    if (!sluice_bucket_name_is_valid(bucket))
        return SLUICE_E_BUCKET_NAME;
    if (rules != NULL && core_cache_rules_parse(slice_text(rules), &parsed, &why) != 0)
        return -EINVAL;
    return core_cache_set(store->core, slice_text(bucket), rules != NULL ? &parsed : NULL);
}

/* ---- By the directory ---- */

static int set_live(const char *directory, const char *bucket, const char *rules)
{
    json_t *request = json_pack("{s:s, s:s, s:s*}", "call", "cache-set", "bucket", bucket, "rules", rules);
    json_t *answer;
    int err = control_client_call(directory, request, NULL, NULL, &answer);

    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}

int sluice_cache_set(const char *directory, const char *bucket, const char *rules)
{
    struct sluice_store *store;
    int err;

    if (rules != NULL && sluice_cache_rules_check(rules) != NULL)
        return -EINVAL;
    err = sluice_store_open(&store, directory, NULL);
    if (err == -EBUSY)
        return set_live(directory, bucket, rules);
    if (err != 0)
        return err;
    err = sluice_bucket_set_cache(store, bucket, rules);
    sluice_store_close(store);
    return err;
}

struct cache_visitor {
    int (*visit)(void *ctx, const struct sluice_cache *cache);
    void *ctx;
};

static int visit_closed(void *ctx, const struct core_cache_figures *figures)
{
    const struct cache_visitor *visitor = ctx;
    char rules[CORE_CACHE_RULES_BYTES_MAX];
    const struct sluice_cache cache = {
        .bucket = figures->bucket,
        .rules = rules,
        .is_counted = figures->is_whole,
        .entries = figures->entries,
        .bytes = figures->bytes,
        .hits = figures->hits,
        .misses = figures->misses,
        .evictions = figures->evictions,
    };

    (void)core_cache_rules_format(&figures->rules, rules);
    return visitor->visit(visitor->ctx, &cache);
}

static int visit_live(void *ctx, const json_t *item)
{
    const struct cache_visitor *visitor = ctx;
    const struct sluice_cache cache = {
        .bucket = control_client_text(item, "bucket"),
        .rules = control_client_text(item, "rules"),
        .is_counted = control_client_is(item, "counted"),
        .entries = control_client_number(item, "entries"),
        .bytes = control_client_number(item, "bytes"),
        .hits = control_client_number(item, "hits"),
        .misses = control_client_number(item, "misses"),
        .evictions = control_client_number(item, "evictions"),
    };

    return visitor->visit(visitor->ctx, &cache);
}

int sluice_cache_list(const char *directory, int (*visit)(void *ctx, const struct sluice_cache *cache),
                      void *ctx)
{
    struct cache_visitor visitor = {visit, ctx};
    int err = core_cache_list_closed(directory, visit_closed, &visitor);
    json_t *answer;

    if (err != -EBUSY)
        return err;
    err = control_client_call(directory, json_pack("{s:s}", "call", "cache-list"), visit_live, &visitor,
                              &answer);
    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}
