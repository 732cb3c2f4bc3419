/* SPDX-License-Identifier: MIT
 *
 * Cache buckets for people: by the names of buckets, in an open store or one that is opened for it. Blocks: not for workers. */
#include <errno.h>

#include "api/core/cache/cache.h"
#include "api/core/core_internal.h"

/* Caches that are told of at most: more than anybody looks at. */
#define CACHES_TOLD_MAX 10000u

int core_cache_list(struct core *core, int (*visit)(void *ctx, const struct core_cache_figures *figures),
                    void *ctx)
{
    struct meta_reader *reader;
    int err = meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    err = core_cache_each(core, reader, CACHES_TOLD_MAX, visit, ctx);
    meta_reader_close(reader);
    return err;
}

int core_cache_list_closed(const char *data_dir,
                           int (*visit)(void *ctx, const struct core_cache_figures *figures), void *ctx)
{
    struct core *core;
    int err = core_open_to_look(&core, data_dir);

    if (err != 0)
        return err;
    err = core->past.has_no_database ? core->past.error : core_cache_list(core, visit, ctx);
    core_close(core);
    return err;
}

static int find_bucket(struct core *core, struct slice name, int64_t *id)
{
    struct meta_bucket bucket;
    struct meta_reader *reader;
    int err = meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    err = meta_bucket_get(reader, name, &bucket);
    meta_reader_close(reader);
    *id = bucket.id;
    return err;
}

int core_cache_set(struct core *core, struct slice name, const struct core_cache_rules *rules)
{
    struct core_cache_set set;
    int64_t bucket;
    int err = core_is_read_only(core) ? -EROFS : find_bucket(core, name, &bucket);

    if (err != 0)
        return err;
    core_cache_set_fill(&set, bucket, rules);
    err = core_change_wait(core, &set.op.op, META_OP_CACHE_SET);
    if (err == 0)
        core_cache_changed(core);
    return err;
}
