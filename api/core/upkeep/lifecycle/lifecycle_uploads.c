/* SPDX-License-Identifier: MIT
 *
 * The sweep along multipart uploads: those begun too long ago are aborted, one change each. On the lifecycle thread. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/lifecycle/lifecycle_internal.h"
#include "storage/base/clock.h"

/* Uploads that a page found to be stale. */
struct stale_uploads {
    struct lifecycle_task *task;
    struct meta_upload_abort list[LIFECYCLE_BATCH];
    uint32_t count;
    char key[META_KEY_BYTES_MAX]; /* of the last one seen */
    size_t key_length;
    unsigned char id[META_UPLOAD_ID_BYTES];
    bool any;
};

static int upload_visit(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    struct stale_uploads *stale = ctx;
    struct lifecycle_task *task = stale->task;

    assert(upload != NULL && stale->count < LIFECYCLE_BATCH);
    if (upload->key.len > sizeof(stale->key))
        return META_E_CORRUPT;
    (void)slice_copy(stale->key, upload->key);
    stale->key_length = upload->key.len;
    memcpy(stale->id, upload->id, sizeof(stale->id));
    stale->any = true;
    task->seen++;
    if (core_lifecycle_due(upload->initiated_ms, task->rule->abort_days, task->day_s) > task->now_ms)
        return 0;
    char *key = malloc(upload->key.len + 1);
    if (key == NULL)
        return -ENOMEM;
    (void)slice_copy(key, upload->key);
    struct meta_upload_abort *change = &stale->list[stale->count++];
    *change = (struct meta_upload_abort){.bucket = task->bucket->id, .key = {key, upload->key.len}};
    memcpy(change->upload_id, upload->id, sizeof(change->upload_id));
    return 0;
}

static int stale_abort(struct stale_uploads *stale)
{
    int err = 0;

    assert(stale->count <= LIFECYCLE_BATCH);
    stale->task->due += stale->count;
    for (uint32_t i = 0; i < stale->count; i++) {
        bool removes = stale->task->lifecycle->mode == LIFECYCLE_REMOVES;

        if (err == 0 && removes)
            err = lifecycle_submit(stale->task->lifecycle, &stale->list[i].op, META_OP_UPLOAD_ABORT);
        if (err == 0)
            stale->task->removed += removes;
        else if (err == META_E_NO_UPLOAD) /* completed or aborted meanwhile */
            err = 0;
        free((void *)stale->list[i].key.base);
    }
    stale->count = 0;
    return err;
}

int lifecycle_sweep_uploads(struct lifecycle_task *task)
{
    struct stale_uploads stale = {.task = task};
    bool truncated = true;
    int err = 0;

    assert(task->rule->abort_days > 0);
    while (truncated && err == 0) {
        int64_t begun_ms = (int64_t)clock_monotonic_ms();
        char key[META_KEY_BYTES_MAX];
        unsigned char id[META_UPLOAD_ID_BYTES];
        struct meta_upload_query query = {
            .bucket = task->bucket->id,
            .prefix = task->rule->prefix,
            .key_marker = {key, stale.key_length},
            .id_marker = stale.any ? id : NULL,
            .limit = LIFECYCLE_BATCH,
        };
        memcpy(key, stale.key, stale.key_length);
        memcpy(id, stale.id, sizeof(id));
        err = meta_upload_list(task->lifecycle->reader, &query, upload_visit, &stale, &truncated);
        int aborted = stale_abort(&stale);
        err = err != 0 ? err : aborted;
        if (err == 0 && truncated &&
            lifecycle_rest(task->lifecycle, (int64_t)clock_monotonic_ms() - begun_ms + 1))
            err = -ECANCELED;
    }
    return err;
}
