/* SPDX-License-Identifier: MIT
 *
 * lost/, where recovery moves what it cannot explain: looking at it and emptying it, and keeping it within its bounds. Blocks. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>

void lost_bound(struct core *core)
{
    unsigned days = core->limits.lost_days, share = core->limits.lost_share;
    uint64_t files, bytes;
    int err = blob_store_lost_bound(core->blobs, days != 0 ? days : CORE_LOST_DAYS_DEFAULT,
                                    share != 0 ? share : CORE_LOST_SHARE_DEFAULT, &files, &bytes);

    assert(!core->options.read_only);
    if (err != 0)
        core_log(core, LOG_LEVEL_ERROR, "cannot keep lost/ within its bounds: %s", meta_strerror(err));
}

static int lost_open(const char *data_dir, struct blob_store **blobs)
{
    const struct blob_store_options options = {.read_only = true};

    return blob_store_open(blobs, data_dir, &options);
}

struct visitor {
    int (*visit)(void *ctx, const struct core_lost_file *file);
    void *ctx;
};

static int visit_one(void *ctx, const struct blob_lost *lost)
{
    const struct visitor *visitor = ctx;

    return visitor->visit(visitor->ctx, &(struct core_lost_file){lost->name, lost->bytes, lost->age_s});
}

int core_lost_list_live(struct core *core, int (*visit)(void *ctx, const struct core_lost_file *file),
                        void *ctx)
{
    struct visitor visitor = {visit, ctx};

    return blob_store_lost_walk(core->blobs, visit_one, &visitor);
}

int core_lost_empty_live(struct core *core, uint64_t *files, uint64_t *bytes)
{
    *files = *bytes = 0;
    if (core_is_read_only(core))
        return -EROFS;
    return blob_store_lost_bound(core->blobs, 0, 0, files, bytes);
}

int core_lost_list(const char *data_dir, int (*visit)(void *ctx, const struct core_lost_file *file),
                   void *ctx)
{
    struct visitor visitor = {visit, ctx};
    struct blob_store *blobs;
    int err = lost_open(data_dir, &blobs);

    assert(visit != NULL);
    if (err != 0)
        return err;
    err = blob_store_lost_walk(blobs, visit_one, &visitor);
    blob_store_close(blobs);
    return err;
}

int core_lost_empty(const char *data_dir, uint64_t *files, uint64_t *bytes)
{
    struct blob_store *blobs;
    int err = lost_open(data_dir, &blobs);

    assert(files != NULL && bytes != NULL);
    *files = *bytes = 0;
    if (err != 0)
        return err;
    err = blob_store_lost_bound(blobs, 0, 0, files, bytes);
    blob_store_close(blobs);
    return err;
}
