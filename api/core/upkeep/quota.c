/* SPDX-License-Identifier: MIT
 *
 * Quotas and counts by the names of buckets, in an open store or one that is opened for it. See quota.h. */
#include "api/core/quota.h"

#include <errno.h>
#include <stdlib.h>

#include "api/core/core_internal.h"

#define USAGE_PAGE 64

int core_quota_set(struct core *core, struct slice name, const struct meta_quota *quota)
{
    struct meta_quota_set set = {.quota = *quota};
    struct meta_bucket bucket;
    struct meta_reader *reader;
    int err = core_is_read_only(core) ? -EROFS : meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    err = meta_bucket_get(reader, name, &bucket);
    meta_reader_close(reader);
    if (err != 0)
        return err;
    set.bucket = bucket.id;
    return core_change_wait(core, &set.op, META_OP_QUOTA_SET);
}

int core_usage_each(struct core *core, int (*visit)(void *ctx, const struct meta_usage *usage), void *ctx)
{
    struct meta_usage *page = malloc(USAGE_PAGE * sizeof(*page));
    int64_t after = 0;
    size_t count;
    int err = page == NULL ? -ENOMEM : 0;

    while (err == 0 && (count = meta_usage_list(core->meta, after, page, USAGE_PAGE)) > 0) {
        after = page[count - 1].bucket;
        for (size_t i = 0; i < count && err == 0; i++)
            err = visit(ctx, &page[i]);
    }
    free(page);
    return err;
}

int core_usage_recount(struct core *core)
{
    struct meta_usage_recount recount = {.op = {.result = 0}};
    int err = core_is_read_only(core) ? -EROFS : core_change_wait(core, &recount.op, META_OP_USAGE_RECOUNT);

    if (err == 0)
        reclaim_wake(core->reclaim);
    return err;
}

int core_usage_each_closed(const char *data_dir, int (*visit)(void *ctx, const struct meta_usage *usage),
                           void *ctx, bool *is_counted)
{
    struct core *core;
    int err = core_open_to_look(&core, data_dir);

    if (err != 0)
        return err;
    err = core->past.has_no_database ? core->past.error : core_usage_each(core, visit, ctx);
    *is_counted = core->meta != NULL && meta_usage_is_whole(core->meta);
    core_close(core);
    return err;
}
