/* SPDX-License-Identifier: MIT
 *
 * Batches go round: one is filled, one is at a thread, one is being written; see sealed_put.h.
 *
 *   EMPTY -> FULL -> (a thread) -> DONE -> (the writer) -> EMPTY
 *
 * A batch that is full waits for one more byte before it goes on: only then it is known not to be the last. */
#include "api/core/sealed/sealed_put.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/base/work_pool.h"
#include "storage/seal/seal_batch.h"

#define BATCHES 2u

enum batch_state { BATCH_EMPTY, BATCH_FULL, BATCH_DONE };

struct sealed_put {
    struct core_worker *worker;
    struct blob_writer *writer;
    const struct sealed_put_events *events;
    void *ctx;
    struct sealing *sealing;
    struct seal_batch batches[BATCHES];
    enum batch_state states[BATCHES];
    unsigned fill, run, drain; /* which is at what */
    size_t head_left,
        drained;    /* bytes of the head, and of the batch, that the writer has to take yet, or took */
    uint64_t taken; /* plain bytes */
    bool is_at_thread, is_ending, is_over, is_freed;
    bool wants_room; /* the owner was told -EBUSY */
    int error;       /* sticky */
    struct queue_link link;
    struct ring_op posted;
};

/* ---- Threads ---- */

static bool pool_run(void *ctx, struct queue_link *link, void *own)
{
    struct sealed_put *sealed = OWNER_OF(link, struct sealed_put, link);

    (void)seal_batch_run(&sealed->batches[sealed->run], sealed->sealing);
    ring_post(sealed->worker->ring, &sealed->posted, 0); /* which may free it */
    return false;
}

int sealed_pool_create(struct work_pool **pool, unsigned threads)
{
    const struct work_pool_options options = {.name = "seal", .thread_max = threads, .run = pool_run};

    return work_pool_create(pool, &options);
}

/* ---- Life ---- */

static void sealed_destroy(struct sealed_put *sealed)
{
    for (unsigned i = 0; i < BATCHES; i++)
        seal_batch_release(&sealed->batches[i]);
    sealing_free(sealed->sealing);
    free(sealed);
}

static void advance(struct sealed_put *sealed);

static void on_run(struct ring_op *op, int32_t unused)
{
    struct sealed_put *sealed = OWNER_OF(op, struct sealed_put, posted);

    assert(sealed->is_at_thread && sealed->worker->changes > 0);
    sealed->worker->changes--;
    sealed->is_at_thread = false;
    if (sealed->is_freed) {
        sealed_destroy(sealed);
        return;
    }
    sealed->states[sealed->run] = BATCH_DONE;
    if (sealed->error == 0)
        sealed->error = sealed->batches[sealed->run].result;
    sealed->run = (sealed->run + 1) % BATCHES;
    advance(sealed);
}

int sealed_put_create(struct sealed_put **out, struct core_worker *worker, struct blob_writer *writer,
                      const struct core_put_options *options, const struct sealed_put_events *events,
                      void *ctx)
{
    struct sealed_put *sealed = calloc(1, sizeof(*sealed));
    const struct sealing_options sealing = {
        .key = options->seal,
        .part = options->seal_part,
        .digest_mask = options->digest_mask | DIGEST_BIT(DIGEST_OF_CONTENT),
        .digest_mask_small = options->digest_mask_small,
        .digest_small_bytes_max = CORE_ETAG_MD5_BYTES_MAX,
        .chunks = options->chunks,
    };
    int err;

    if (sealed == NULL)
        return -ENOMEM;
    if ((err = work_pool_begin(worker->core->seals)) != 0 ||
        (err = seal_batch_init(&sealed->batches[0])) != 0 ||
        (err = sealing_create(&sealed->sealing, &sealing)) != 0) {
        sealed_destroy(sealed);
        return err;
    }
    sealed->worker = worker;
    sealed->writer = writer;
    sealed->events = events;
    sealed->ctx = ctx;
    sealed->head_left = SEALED_HEAD_BYTES;
    sealed->posted.done = on_run;
    *out = sealed;
    return 0;
}

void sealed_put_free(struct sealed_put *sealed)
{
    if (sealed == NULL)
        return;
    sealed->is_freed = true;
    if (!sealed->is_at_thread)
        sealed_destroy(sealed);
}

/* ---- From batch to writer ---- */

/* True when all of it is at the writer; false: it has no room, or failed. */
static bool give(struct sealed_put *sealed, const unsigned char *bytes, size_t length, size_t *left)
{
    while (*left > 0) {
        ssize_t count = blob_writer_write(sealed->writer, bytes + (length - *left), *left);

        if (count <= 0) {
            if (count != -EBUSY)
                sealed->error = count == 0 ? -EIO : (int)count;
            return false;
        }
        *left -= (size_t)count;
    }
    return true;
}

static bool drain_batch(struct sealed_put *sealed)
{
    const struct seal_batch *batch = &sealed->batches[sealed->drain];
    size_t stored = seal_batch_stored(batch), left = stored - sealed->drained;
    bool is_all;

    if (stored > 0 && !give(sealed, sealing_head(sealed->sealing), SEALED_HEAD_BYTES, &sealed->head_left))
        return false;
    is_all = give(sealed, batch->bytes, stored, &left);
    sealed->drained = stored - left;
    return is_all;
}

static void run_batch(struct sealed_put *sealed)
{
    sealed->is_at_thread = true;
    sealed->worker->changes++;
    work_pool_add(sealed->worker->core->seals, &sealed->link);
}

static bool is_drained(const struct sealed_put *sealed)
{
    for (unsigned i = 0; i < BATCHES; i++)
        if (sealed->states[i] != BATCH_EMPTY)
            return false;
    return true;
}

static void finish(struct sealed_put *sealed)
{
    struct digest_values values = {0};
    int result = sealed->error != 0 ? sealed->error : sealing_finish(sealed->sealing, &values);

    sealed->is_over = true;
    sealed->events->on_finished(sealed->ctx, result, &values); /* may free it */
}

/* Does what can be done now, and tells the owner what it waits for. */
static void advance(struct sealed_put *sealed)
{
    while (sealed->error == 0 && sealed->states[sealed->drain] == BATCH_DONE && drain_batch(sealed)) {
        sealed->states[sealed->drain] = BATCH_EMPTY;
        sealed->drained = 0;
        sealed->drain = (sealed->drain + 1) % BATCHES;
    }
    if (sealed->error == 0 && !sealed->is_at_thread && sealed->states[sealed->run] == BATCH_FULL)
        run_batch(sealed);
    if (sealed->is_ending) {
        if (!sealed->is_over && !sealed->is_at_thread && (sealed->error != 0 || is_drained(sealed)))
            finish(sealed);
        return;
    }
    if (sealed->wants_room && (sealed->error != 0 || sealed->states[sealed->fill] == BATCH_EMPTY)) {
        sealed->wants_room = false;
        sealed->events->on_room(sealed->ctx); /* may free it */
    }
}

void sealed_put_resume(struct sealed_put *sealed)
{
    advance(sealed);
}

/* ---- Bytes in ---- */

/* Makes room in the batch that is to be filled. A full one goes on now that more comes. 0, -EBUSY, or a failure. */
static int prepare_batch(struct sealed_put *sealed)
{
    struct seal_batch *batch = &sealed->batches[sealed->fill];

    if (sealed->states[sealed->fill] != BATCH_EMPTY)
        return -EBUSY;
    if (batch->begin + batch->length == sealed->taken && batch->length < SEAL_BATCH_BYTES)
        return 0;
    if (batch->begin + batch->length == sealed->taken) {
        sealed->states[sealed->fill] = BATCH_FULL;
        sealed->fill = (sealed->fill + 1) % BATCHES;
        if (!sealed->is_at_thread && sealed->states[sealed->run] == BATCH_FULL)
            run_batch(sealed);
        batch = &sealed->batches[sealed->fill];
    }
    if (sealed->states[sealed->fill] != BATCH_EMPTY)
        return -EBUSY;
    if (batch->bytes == NULL && seal_batch_init(batch) != 0)
        return -ENOMEM;
    seal_batch_reset(batch, sealed->taken);
    return 0;
}

ssize_t sealed_put_write(struct sealed_put *sealed, const void *data, size_t length)
{
    int err = sealed->error != 0 ? sealed->error : prepare_batch(sealed);
    size_t count;

    assert(!sealed->is_ending && length > 0);
    if (err == -EBUSY)
        sealed->wants_room = true;
    else if (err != 0)
        sealed->error = err;
    if (err != 0)
        return err;
    count = seal_batch_add(&sealed->batches[sealed->fill], data, length);
    assert(count > 0);
    sealed->taken += count;
    return (ssize_t)count;
}

int sealed_put_chunk_end(struct sealed_put *sealed, const struct digest_chunk *chunk)
{
    return seal_batch_chunk_end(&sealed->batches[sealed->fill], chunk);
}

uint64_t sealed_put_taken(const struct sealed_put *sealed)
{
    return sealed->taken;
}

void sealed_put_finish(struct sealed_put *sealed)
{
    assert(!sealed->is_ending);
    sealed->is_ending = true;
    if (sealed->error == 0) {
        assert(sealed->states[sealed->fill] == BATCH_EMPTY);
        sealed->batches[sealed->fill].is_last = true;
        sealed->states[sealed->fill] = BATCH_FULL;
    }
    advance(sealed);
}
