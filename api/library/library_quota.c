/* SPDX-License-Identifier: MIT
 *
 * What buckets hold and may hold: of a store that is closed, or, where another has it open, by the control socket of its server. Any
 * thread; blocks. */
#include "api/library/library.h"

#include <errno.h>
#include <string.h>

#include "api/core/quota.h"
#include "api/library/control_client.h"

const char *sluice_quota_check(const char *quota)
{
    struct meta_quota parsed;
    const char *why;

    return core_quota_parse(slice_text(quota), ' ', &parsed, &why) == 0 ? NULL : why;
}

int sluice_bucket_set_quota(struct sluice_store *store, const char *bucket, const char *quota)
{
    struct meta_quota parsed;
    const char *why;

    if (!sluice_bucket_name_is_valid(bucket))
        return SLUICE_E_BUCKET_NAME;
    if (core_quota_parse(slice_text(quota), ' ', &parsed, &why) != 0)
        return -EINVAL;
    return core_quota_set(store->core, slice_text(bucket), &parsed);
}

/* ---- By the directory ---- */

static int ask_live(const char *directory, json_t *request)
{
    json_t *answer;
    int err = control_client_call(directory, request, NULL, NULL, &answer);

    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}

int sluice_quota_set(const char *directory, const char *bucket, const char *quota)
{
    struct sluice_store *store;
    int err;

    if (sluice_quota_check(quota) != NULL)
        return -EINVAL;
    err = sluice_store_open(&store, directory, NULL);
    if (err == -EBUSY)
        return ask_live(directory,
                        json_pack("{s:s, s:s, s:s}", "call", "quota-set", "bucket", bucket, "quota", quota));
    if (err != 0)
        return err;
    err = sluice_bucket_set_quota(store, bucket, quota);
    sluice_store_close(store);
    return err;
}

int sluice_usage_recount(const char *directory)
{
    struct sluice_store *store;
    int err = sluice_store_open(&store, directory, NULL);

    if (err == -EBUSY)
        return ask_live(directory, json_pack("{s:s}", "call", "usage-recount"));
    if (err != 0)
        return err;
    err = core_usage_recount(store->core);
    sluice_store_close(store);
    return err;
}

struct usage_visitor {
    int (*visit)(void *ctx, const struct sluice_usage *usage);
    void *ctx;
};

static int visit_closed(void *ctx, const struct meta_usage *usage)
{
    const struct usage_visitor *visitor = ctx;
    char quota[CORE_QUOTA_BYTES_MAX];

    core_quota_format(&usage->quota, quota);
    return visitor->visit(visitor->ctx, &(struct sluice_usage){
                                            .bucket = usage->name,
                                            .owner = usage->owner,
                                            .quota = quota,
                                            .objects = usage->kinds[META_USAGE_OBJECTS].count,
                                            .object_bytes = usage->kinds[META_USAGE_OBJECTS].bytes,
                                            .quota_objects = meta_usage_objects(usage),
                                            .quota_bytes = meta_usage_bytes(usage),
                                        });
}

static int visit_live(void *ctx, const json_t *item)
{
    const struct usage_visitor *visitor = ctx;
    const json_t *objects = json_object_get(json_object_get(item, "kinds"), "objects");

    return visitor->visit(visitor->ctx, &(struct sluice_usage){
                                            .bucket = control_client_text(item, "bucket"),
                                            .owner = control_client_text(item, "owner"),
                                            .quota = control_client_text(item, "quota"),
                                            .objects = control_client_number(objects, "count"),
                                            .object_bytes = control_client_number(objects, "bytes"),
                                            .quota_objects = control_client_number(item, "objects"),
                                            .quota_bytes = control_client_number(item, "bytes"),
                                        });
}

int sluice_usage_list(const char *directory, int (*visit)(void *ctx, const struct sluice_usage *usage),
                      void *ctx, bool *is_counted)
{
    struct usage_visitor visitor = {visit, ctx};
    int err = core_usage_each_closed(directory, visit_closed, &visitor, is_counted);
    json_t *answer;

    if (err != -EBUSY)
        return err;
    err = control_client_call(directory, json_pack("{s:s}", "call", "usage"), visit_live, &visitor, &answer);
    *is_counted = answer != NULL && control_client_is(answer, "counted");
    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}
