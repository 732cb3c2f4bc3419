/* SPDX-License-Identifier: MIT
 *
 * The transaction of a batch: BEGIN, the changes, what they rest on, COMMIT. A change that fails is undone alone;
 * when the transaction fails, all its changes get the error, the database is as it was before, and the next
 * batch is tried as if nothing had been; after a failed sync, when that was made good (wal.h). On the committer's thread. */
#include "metadata/write/batch.h"
#include "metadata/rows/row_engine.h"
#include "metadata/write/changes.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* What the writer keeps of the rows. */
static int sets_load(struct meta_writer *writer)
{
    int err = writer_buckets_load(writer);

    if (err != 0 || (err = publications_load(writer)) != 0)
        return err;
    return outbox_load(writer);
}

/* Runs one change. op->result is the change's own; what is returned is the failure of the batch, which may also have been ended by the
 * change's (a full disk, an I/O error). */
static int op_run(struct batch_runner *runner, struct meta_op *op)
{
    struct meta_writer *writer = &runner->writer;
    uint64_t garbage_bytes = writer->garbage_bytes;
    int err;

    assert(op->result == 0);
    if ((err = row_change_begin(writer->store)) != 0)
        return err;
    if (op->body != NULL)
        op->result = row_body_put(writer->store, op->body->bytes, &op->body->extent->file);
    if (op->result == 0)
        op->result = change_run(writer, op);
    if (op->result != 0)
        writer->garbage_bytes = garbage_bytes; /* undone */
    assert(op->result <= 0);
    arena_reset(&writer->arena);
    if (!row_batch_is_open(writer->store))
        return op->result != 0 ? op->result : -EIO;
    if ((err = row_change_end(writer->store, op->result == 0)) != 0)
        return err;
    return op->result != 0 && change_has(op, CHANGE_MOVES_SETS) ? sets_load(writer) : 0;
}

static void batch_abandon(struct batch_runner *runner, int err)
{
    struct row_store *store = runner->writer.store;

    assert(err < 0);
    if (err != runner->last_error)
        meta_log(runner->meta, LOG_LEVEL_ERROR, "a transaction failed: %s (%s)", meta_strerror(err),
                 row_store_message(store));
    row_batch_abandon(store);
    runner->sets_stale = true;
}

/* What the changes draw on besides the rows. */
static void batch_stamp(struct batch_runner *runner)
{
    struct meta_writer *writer = &runner->writer;

    writer->now_ms = clock_real_ms();
    writer->version_seed = row_store_random(writer->store);
    runner->journal.batch = (struct journal_batch){
        .now_ms = writer->now_ms,
        .version_sequence = writer->version_sequence,
        .version_seed = writer->version_seed,
    };
}

/* Whether the commit may be left unsynced: the batch has an entry in the journal, or is one that is replayed and stays there until the
 * end of all replays, which is synced. */
static bool batch_is_in_journal(const struct batch_runner *runner, const struct meta_op *batch)
{
    assert(batch != NULL);
    return runner->journal.is_recorded || (batch->kind == META_OP_REPLAY && batch->next == NULL &&
                                           !replay_is_end((const struct meta_replay *)batch));
}

static int batch_begin(struct batch_runner *runner, const struct meta_op *batch)
{
    const struct row_touches touches = changes_touches(batch);
    struct meta_writer *writer = &runner->writer;
    int err = row_batch_begin(writer->store, &touches, !batch_is_in_journal(runner, batch));

    if (err >= 0)
        row_batch_time(writer->store, &writer->now_ms);
    writer->clear_left = writer_clear_max(writer);
    writer->garbage_bytes = 0;
    outbox_batch_begin(writer);
    if (err > 0) { /* others have changed what is kept here */
        runner->sets_stale = true;
        err = 0;
    }
    if (err == 0 && (runner->sets_stale || writer->outbox.is_stale)) {
        if ((err = sets_load(writer)) != 0)
            return err;
        runner->sets_stale = false;
    }
    return err;
}

/* Whether the change is still to be run: what it rests on may have failed already. */
static bool op_is_due(const struct meta_op *op)
{
    return op->rests_on == NULL || op->result == 0;
}

static int batch_run_changes(struct batch_runner *runner, struct meta_op *batch)
{
    int err = 0;

    for (struct meta_op *op = batch; op != NULL && err == 0; op = op->next) {
        if (!op_is_due(op))
            continue;
        err = op_run(runner, op);
        if (err == 0 && runner->journal.is_recorded && !journal_result_is_lasting(op->result))
            err = op->result;
    }
    return err;
}

static int batch_commit(struct batch_runner *runner)
{
    int err = journal_batch_store(&runner->journal, &runner->writer);

    assert(!runner->sets_stale);
    if (err == 0)
        err = row_batch_commit(runner->writer.store);
    if (err == 0 && runner->writer.garbage_bytes > 0)
        (void)atomic_fetch_add(&runner->meta->garbage_bytes, runner->writer.garbage_bytes);
    return err;
}

/* One transaction. waits: whether to wait, before the commit, for what the changes rest on; *sync_error gets its
 * failure. */
static int batch_transact(struct batch_runner *runner, struct meta_op *batch, bool waits, int *sync_error)
{
    int err = batch_begin(runner, batch);

    assert(!waits || (runner->hooks.sync_wait != NULL && sync_error != NULL));
    if (err == 0 && (err = batch_run_changes(runner, batch)) == -EIO)
        row_store_suspect(runner->writer.store);
    /* Always, for the bytes are on their way whatever became of the rows. */
    if (waits)
        *sync_error = runner->hooks.sync_wait(runner->hooks.ctx);
    if (err == 0 && waits && *sync_error != 0)
        err = *sync_error;
    if (err == 0)
        err = batch_commit(runner);
    if (err != 0)
        batch_abandon(runner, err);
    journal_batch_end(&runner->journal, err, waits);
    return err;
}

/* What the submitters are told. */
static int batch_refusal(const struct batch_runner *runner, int err)
{
    assert(err < 0);
    return err == -EIO && row_engine_is_suspect(runner->meta) ? META_E_UNSYNCED : err;
}

static void batch_fail(struct batch_runner *runner, struct meta_op *batch, int err)
{
    err = batch_refusal(runner, err);
    for (struct meta_op *op = batch; op != NULL; op = op->next)
        if (op_is_due(op))
            op->result = err;
}

/* What rests on lost bytes has failed; the rest of the batch has nothing to do with it. */
static int batch_run_rest(struct batch_runner *runner, struct meta_op *batch, int sync_error)
{
    int err;

    assert(sync_error < 0);
    for (struct meta_op *op = batch; op != NULL; op = op->next)
        op->result = op->rests_on != NULL ? (op->result != 0 ? op->result : sync_error) : 0;
    (void)journal_batch_begin(&runner->journal, &runner->hooks, batch, 0);
    err = batch_transact(runner, batch, false, NULL);
    if (err != 0)
        for (struct meta_op *op = batch; op != NULL; op = op->next)
            if (op->rests_on == NULL)
                op->result = batch_refusal(runner, err);
    return err;
}

/* Of servers that wait for each other's rows the database gives one up, and nothing of its batch was done: once more costs less than clients that
 * come again. Not when it has taken its time already. */
static int batch_run_again(struct batch_runner *runner, struct meta_op *batch, int err, uint64_t began_ms)
{
    if (err != META_E_STALLED || clock_monotonic_ms() - began_ms > META_AGAIN_MS_MAX)
        return err;
    for (struct meta_op *op = batch; op != NULL; op = op->next)
        op->result = 0;
    (void)journal_batch_begin(&runner->journal, &runner->hooks, batch, 0);
    return batch_transact(runner, batch, false, NULL);
}

/* Whether a quota may be in the way of one of its puts. */
static bool batch_may_exceed(struct batch_runner *runner, const struct meta_op *batch)
{
    uint64_t objects = 0, bytes = 0;
    bool may = false;

    if (!meta_quotas_any(runner->meta))
        return false;
    for (const struct meta_op *op = batch; op != NULL; op = op->next) {
        if (op->kind != META_OP_OBJECT_PUT)
            continue;
        objects++;
        bytes += ((const struct meta_object_put *)op)->object.size;
    }
    for (const struct meta_op *op = batch; op != NULL && !may; op = op->next)
        may = op->kind == META_OP_OBJECT_PUT &&
              usage_may_refuse(&runner->meta->usage, ((const struct meta_object_put *)op)->bucket, objects,
                               bytes);
    return may;
}

void batch_run(struct batch_runner *runner, struct meta_op *batch)
{
    const struct meta_batch_hooks *hooks = &runner->hooks;
    uint64_t file = 0, began_ms = clock_monotonic_ms();
    bool rests = false;
    int err, sync_error = 0;

    assert(batch != NULL);
    for (struct meta_op *op = batch; op != NULL && !rests; op = op->next)
        rests = op->rests_on != NULL;
    batch_stamp(runner);
    if (hooks->prepare != NULL)
        file = hooks->prepare(hooks->ctx, batch);
    assert(rests || file == 0);
    /* An entry is written before the changes are run, and must come to the same when it is done again, whatever the quotas are then. */
    if (file != 0 && batch_may_exceed(runner, batch))
        file = 0;
    journal_batch_begin(&runner->journal, hooks, batch, file);
    if (rests && hooks->sync_begin != NULL)
        hooks->sync_begin(hooks->ctx);
    err = batch_transact(runner, batch, rests, &sync_error);
    if (!rests)
        err = batch_run_again(runner, batch, err, began_ms);
    runner->bytes_result = err;
    if (err != 0 && sync_error != 0)
        err = batch_run_rest(runner, batch, sync_error);
    else if (err != 0)
        batch_fail(runner, batch, err);
    runner->last_error = err;
    if (err == 0)
        outbox_batch_tell(&runner->writer);
    if (!runner->sets_stale)
        publications_tell(&runner->writer); /* after what was applied is where everybody looks */
}

int batch_runner_begin(struct batch_runner *runner, struct meta *meta, struct row_store *store)
{
    struct meta_writer *writer = &runner->writer;
    struct row_counters counters;
    int err;

    assert(store != NULL);
    runner->meta = writer->meta = meta;
    writer->store = store;
    runner->hooks = meta->options.hooks;
    if (!meta->options.durable) /* the journal is of use in a durable store only */
        runner->hooks.append = NULL;
    if ((err = row_counters_get(store, &counters)) != 0)
        return err;
    writer->garbage_row = counters.garbage;
    writer->replaced_row = counters.replaced;
    writer->annotation_set = counters.annotation_set;
    writer->outbox.server = (uint64_t)counters.server;
    atomic_init(&meta->replaced_floor, counters.given_up);
    if ((err = sets_load(writer)) != 0)
        return err;
    if (writer->publications.count > 0)
        meta->publication_floor = writer->publications.list[writer->publications.count - 1].row.id;
    publications_tell(writer);
    return 0;
}

void batch_runner_end(struct batch_runner *runner)
{
    row_store_close(runner->writer.store);
    free(runner->writer.buckets);
    publications_free(&runner->writer.publications);
    outbox_free(&runner->writer.outbox);
    arena_free(&runner->writer.arena);
    journal_free(&runner->journal);
}
