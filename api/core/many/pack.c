/* SPDX-License-Identifier: MIT
 *
 * Small bodies into segments, batch by batch, on the committer's thread: see pack.h. Which rows a batch holds is the
 * committer's business, how bytes are written is the segment writer's; this file pairs them. */
#include "api/core/many/pack.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"
#include "api/core/upkeep/pressure.h"

struct pack {
    struct core *core;
    struct segment_writer *segments; /* NULL once closed */
    pthread_mutex_t lock;            /* for the end of segments: changes without bytes go on behind it */
    bool is_writing;                 /* the committer's: the batch under way has bytes in segments */
    atomic_bool is_expecting;        /* a segment was asked for ahead of the first put */
};

/* Nothing of the batch goes into a segment. While only large bodies come, one must not hold recovery's range open. */
static void pack_idle(struct pack *pack)
{
    assert(!pack->is_writing);
    pthread_mutex_lock(&pack->lock);
    if (pack->segments != NULL)
        segment_writer_idle(pack->segments);
    pthread_mutex_unlock(&pack->lock);
}

/* Gives each unit of the batch its place, and each extent that of its unit. */
static void pack_write(struct pack *pack, struct meta_op *batch, struct segment_unit *first)
{
    assert(pack->segments != NULL);
    segment_write(pack->segments, first);
    for (struct meta_op *op = batch; op != NULL; op = op->next) {
        if (op->rests_on == NULL)
            continue;
        const struct pack_unit *packed = op->rests_on;

        assert(packed->unit.result <= 0);
        op->result = packed->unit.result;
        packed->extent->file = packed->unit.at.blob;
        packed->extent->offset = packed->extent->unit_offset = packed->unit.at.offset;
    }
}

static uint64_t pack_prepare(void *ctx, struct meta_op *batch)
{
    struct pack *pack = ctx;
    struct segment_unit *first = NULL, **end = &first;

    assert(!pack->is_writing);
    for (struct meta_op *op = batch; op != NULL; op = op->next) {
        if (op->rests_on == NULL)
            continue;
        struct pack_unit *packed = op->rests_on;

        *end = &packed->unit;
        end = &packed->unit.next;
        *end = NULL;
    }
    if (first == NULL) {
        pack_idle(pack);
        return 0;
    }
    pressure_wait(pack->core);
    pack->is_writing = true;
    pack_write(pack, batch, first);
    return segment_writer_blob(pack->segments);
}

static int pack_append(void *ctx, const struct meta_journal_entry *entry)
{
    struct pack *pack = ctx;
    struct segment_entry written = {
        .sequence = entry->sequence,
        .data = entry->bytes.base,
        .length = (uint32_t)entry->bytes.len,
    };

    assert(pack->is_writing && entry->bytes.len <= META_JOURNAL_ENTRY_BYTES_MAX);
    memcpy(written.token, entry->token, sizeof(written.token));
    return segment_entry_write(pack->segments, &written);
}

static void pack_sync_begin(void *ctx)
{
    struct pack *pack = ctx;

    assert(pack->is_writing);
    segment_sync_begin(pack->segments);
}

static int pack_sync_wait(void *ctx)
{
    struct pack *pack = ctx;

    assert(pack->is_writing);
    return segment_sync_end(pack->segments);
}

/* After an I/O error at the commit nobody knows whether a power failure would bring its rows back. After any failure the journal
 * goes on in another segment. */
static void pack_end(struct pack *pack, int result)
{
    assert(result <= 0);
    pack->is_writing = false;
    if (result != 0)
        segment_writer_seal(pack->segments);
    segment_batch_end(pack->segments, result != -EIO);
}

/* The answers are posted to the rings of workers, each of which is woken once for all of its own. */
static void pack_ended(void *ctx, int result, struct meta_op *batch)
{
    struct pack *pack = ctx;

    assert(batch != NULL);
    if (pack->is_writing)
        pack_end(pack, result);
    ring_posts_hold();
    meta_answer(batch);
    ring_posts_release();
}

static void pack_news(void *ctx, const struct meta_news *news)
{
    struct pack *pack = ctx;

    core_news_tell(pack->core, news);
}

static void pack_on_sealed(void *ctx, uint64_t blob, uint64_t used_bytes, bool is_certain)
{
    struct pack *pack = ctx;

    reclaim_add_sealed(pack->core->reclaim, blob, used_bytes, is_certain);
}

struct meta_batch_hooks pack_hooks(struct pack *pack)
{
    return (struct meta_batch_hooks){
        .prepare = pack_prepare,
        .append = pack_append,
        .sync_begin = pack_sync_begin,
        .sync_wait = pack_sync_wait,
        .ended = pack_ended,
        .news = pack_news,
        .ctx = pack,
    };
}

void pack_expect(struct pack *pack)
{
    assert(pack->segments != NULL);
    if (!atomic_load_explicit(&pack->is_expecting, memory_order_relaxed) &&
        !atomic_exchange(&pack->is_expecting, true))
        segment_writer_expect(pack->segments);
}

int pack_open(struct core *core, struct pack **out)
{
    struct pack *pack = calloc(1, sizeof(*pack));
    int err;

    assert(core->blobs != NULL);
    if (pack == NULL)
        return -ENOMEM;
    pack->core = core;
    pthread_mutex_init(&pack->lock, NULL);
    err = segment_writer_create(&pack->segments, core->blobs, pack_on_sealed, pack);
    if (err != 0) {
        pack_free(pack);
        return err;
    }
    *out = pack;
    return 0;
}

void pack_close(struct pack *pack)
{
    struct segment_writer *segments;

    if (pack == NULL)
        return;
    assert(!pack->is_writing);
    pthread_mutex_lock(&pack->lock);
    segments = pack->segments;
    pack->segments = NULL;
    pthread_mutex_unlock(&pack->lock);
    segment_writer_destroy(segments);
}

void pack_free(struct pack *pack)
{
    if (pack == NULL)
        return;
    assert(pack->segments == NULL);
    pthread_mutex_destroy(&pack->lock);
    free(pack);
}
