/* SPDX-License-Identifier: MIT
 *
 * Opening and closing a store. */
#include "metadata/db.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/limits.h"
#include "metadata/meta_journal.h"
#include "metadata/rows/row_calls.h"
#include "metadata/write/committer.h"
#include "storage/base/clock.h"

static int store_open(struct meta *meta)
{
    struct row_store *store;
    int err;

    if ((meta->calls = row_calls_of(meta->path)) == NULL)
        return -EPROTONOSUPPORT;
    err = row_engine_open(meta, &store);

    if (err != 0 || store == NULL)
        return err;
    return committer_start(&meta->committer, meta, store); /* takes the store, on failure too */
}

int meta_open(struct meta **meta_out, const char *path, const struct meta_options *options)
{
    struct meta *meta = calloc(1, sizeof(*meta));
    int err;

    assert(meta_out != NULL && path != NULL && options != NULL);
    if (meta == NULL)
        return -ENOMEM;
    if ((err = usage_init(&meta->usage)) != 0) {
        free(meta);
        return err;
    }
    meta->options = *options;
    atomic_init(&meta->overlays, options->read_only); /* nobody brings an end to one that was left */
    if ((meta->path = strdup(path)) == NULL)
        err = -ENOMEM;
    else
        err = store_open(meta);
    if (err != 0) {
        meta_close(meta);
        return err;
    }
    *meta_out = meta;
    return 0;
}

void meta_close(struct meta *meta)
{
    if (meta == NULL)
        return;
    assert(meta->committer == NULL || !meta->options.read_only);
    if (meta->committer != NULL)
        committer_stop(meta->committer);
    if (meta->engine != NULL)
        row_engine_close(meta);
    usage_free(&meta->usage);
    free(meta->path);
    free(meta);
}

void meta_keep_log(struct meta *meta)
{
    row_engine_keep_log(meta);
}

int meta_make_durable(struct meta *meta)
{
    int err = row_engine_make_durable(meta);

    if (err != 0 && meta->committer != NULL)
        committer_nudge(meta->committer);
    return err;
}

int meta_health(const struct meta *meta)
{
    assert(meta->engine != NULL);
    if (row_engine_is_suspect(meta))
        return META_E_UNSYNCED;
    return meta_is_stalled(meta) ? META_E_STALLED : 0;
}

bool meta_is_stalled(const struct meta *meta)
{
    uint64_t began_ns = atomic_load(&meta->batch_began_ns);

    return began_ns != 0 && clock_monotonic_ns() >= began_ns + META_STALL_MS * UINT64_C(1000000);
}
