/* SPDX-License-Identifier: MIT
 *
 * The epoch of the store: a number that the database holds, and that SEQUENCE and the heads of segments repeat, so that the next start can
 * tell whether they are of the same time (past.c). It is raised at each start, in the commit that ends the replay, and while files are
 * made, at most once a second, when nobody waits for it. Always in the database first; only what is durable there is told to the files. */
#include "api/core/core_internal.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <string.h>

#define EPOCH_PAUSE_MS 1000u

_Static_assert(META_STORE_ID_BYTES == RECORD_STORE_ID_BYTES, "files take the id as it is");

void epoch_init(struct core *core)
{
    pthread_mutex_init(&core->epoch.lock, NULL);
}

void epoch_free(struct core *core)
{
    pthread_mutex_destroy(&core->epoch.lock);
}

int epoch_choose(struct core *core, struct meta_reader *reader)
{
    struct blob_identity *identity = &core->epoch.identity;
    struct meta_identity found;
    int err = meta_identity_get(reader, &found);

    assert(core->meta != NULL);
    if (err != 0)
        return err;
    memcpy(identity->store, found.store, sizeof(identity->store));
    identity->epoch = (found.epoch > core->past.epoch ? found.epoch : core->past.epoch) + 1;
    return 0;
}

void epoch_begin(struct core *core)
{
    struct core_epoch *epoch = &core->epoch;

    pthread_mutex_lock(&epoch->lock);
    blob_store_identify(core->blobs, &epoch->identity);
    epoch->raised_ms = clock_monotonic_ms();
    assert(!epoch->is_ready);
    epoch->is_ready = true;
    pthread_mutex_unlock(&epoch->lock);
}

void epoch_end(struct core *core)
{
    pthread_mutex_lock(&core->epoch.lock);
    core->epoch.is_ready = false;
    pthread_mutex_unlock(&core->epoch.lock);
}

/* A failure is nobody's harm: files go on saying what they said. */
static void epoch_on_raised(struct meta_op *op)
{
    struct core *core = op->ctx;
    struct core_epoch *epoch = &core->epoch;

    pthread_mutex_lock(&epoch->lock);
    assert(epoch->is_under_way);
    epoch->is_under_way = false;
    if (op->result == 0) {
        epoch->identity.epoch = epoch->change.epoch;
        blob_store_identify(core->blobs, &epoch->identity);
    }
    pthread_mutex_unlock(&epoch->lock);
}

void epoch_on_grown(void *ctx)
{
    struct core *core = ctx;
    struct core_epoch *epoch = &core->epoch;
    uint64_t now_ms = clock_monotonic_ms();

    pthread_mutex_lock(&epoch->lock);
    if (epoch->is_ready && !epoch->is_under_way && now_ms - epoch->raised_ms >= EPOCH_PAUSE_MS) {
        epoch->is_under_way = true;
        epoch->raised_ms = now_ms;
        epoch->change = (struct meta_epoch_raise){
            .op = {.kind = META_OP_EPOCH_RAISE, .done = epoch_on_raised, .ctx = core},
            .epoch = epoch->identity.epoch + 1,
        };
        meta_submit(core->meta, &epoch->change.op); /* the committer runs: done comes from its thread */
    }
    pthread_mutex_unlock(&epoch->lock);
}
