/* SPDX-License-Identifier: MIT
 *
 * The transaction of a batch: BEGIN, the changes, what they rest on, COMMIT. A change that fails is undone alone;
 * when the transaction fails, all its changes get the error, the database is as it was before, and the next
 * batch is tried as if nothing had been; after a failed sync, when that was made good (wal.h). On the committer's thread. */
#include "metadata/write/batch.h"
#include "metadata/write/changes.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int run(struct meta_writer *writer, enum meta_sql_id id)
{
    return meta_sql_run(writer->sql.list[id]);
}

/* Runs one change in its savepoint. op->result is the change's own; what is returned is the failure of the
 * transaction, which the database may also have ended by itself (a full disk, an I/O error). */
static int op_run_savepoint(struct batch_runner *runner, struct meta_op *op)
{
    struct meta_writer *writer = &runner->writer;
    int err;

    if ((err = run(writer, SQL_SAVEPOINT)) != 0)
        return err;
    op->result = change_run(writer, op);
    arena_reset(&writer->arena);
    if (sqlite3_get_autocommit(writer->db))
        return op->result != 0 ? op->result : -EIO;
    if (op->result != 0) {
        if ((err = run(writer, SQL_SAVEPOINT_UNDO)) != 0)
            return err;
        if (change_has(op, CHANGE_MOVES_BUCKETS))
            if ((err = writer_buckets_load(writer)) != 0)
                return err;
    }
    return run(writer, SQL_SAVEPOINT_RELEASE);
}

/* A commit that failed may have left all its pages in the log: after a power cut they could count
 * as committed, although their submitters were told otherwise and may have removed the bytes. A transaction
 * that goes through takes their place in the log. After a failed sync that is wal_repair's. */
static void log_tail_overwrite(struct meta_writer *writer)
{
    int64_t version;

    if (db_query_int(writer->db, "PRAGMA user_version", &version) != 0)
        return; /* the disk is in trouble still; the next batch writes there, or fails as well */
    char text[64];
    (void)sqlite3_snprintf(sizeof(text), text, "PRAGMA user_version = %lld", (long long)version);
    if (db_exec(writer->db, text) == -EIO) /* else as above */
        wal_suspect(&writer->meta->wal);
}

static void batch_abandon(struct batch_runner *runner, int err)
{
    struct meta_writer *writer = &runner->writer;

    if (err != runner->last_error)
        meta_log(runner->meta, META_LOG_ERROR, "a transaction failed: %s (%s)", meta_strerror(err),
                 sqlite3_errmsg(writer->db));
    if (!sqlite3_get_autocommit(writer->db) && run(writer, SQL_ROLLBACK) != 0)
        meta_log(runner->meta, META_LOG_ERROR, "rollback failed: %s", sqlite3_errmsg(writer->db));
    if (!wal_is_suspect(&runner->meta->wal) && wal_set_synced(&runner->meta->wal, writer->db, true) == 0)
        log_tail_overwrite(writer);
    runner->buckets_stale = true;
}

/* What the changes draw on besides the rows. */
static void batch_stamp(struct batch_runner *runner)
{
    struct meta_writer *writer = &runner->writer;

    writer->now_ms = clock_real_ms();
    sqlite3_randomness(sizeof(writer->version_seed), &writer->version_seed);
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
    return runner->journal.is_recorded || (batch->kind == META_OP_REPLAY && batch->next == NULL &&
                                           !replay_is_end((const struct meta_replay *)batch));
}

static int batch_begin(struct batch_runner *runner, const struct meta_op *batch)
{
    struct meta_writer *writer = &runner->writer;
    struct wal *wal = &runner->meta->wal;
    int err;

    writer->clear_left = writer_clear_max(writer);
    /* Since the batch was taken: what is committed now would lie after a hole in the log. */
    if (wal_is_suspect(wal))
        return -EIO;
    if ((err = wal_set_synced(wal, writer->db, !batch_is_in_journal(runner, batch))) != 0 ||
        (err = run(writer, SQL_BEGIN)) != 0)
        return err;
    if (runner->buckets_stale) {
        if ((err = writer_buckets_load(writer)) != 0)
            return err;
        runner->buckets_stale = false;
    }
    return 0;
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
        err = op_run_savepoint(runner, op);
        if (err == 0 && runner->journal.is_recorded && !journal_result_is_lasting(op->result))
            err = op->result;
    }
    return err;
}

static int batch_commit(struct batch_runner *runner)
{
    struct wal *wal = &runner->meta->wal;
    int err = journal_batch_store(&runner->journal, &runner->writer);

    if (err != 0)
        return err;
    wal_commit_begin(wal);
    err = run(&runner->writer, SQL_COMMIT);
    wal_commit_end(wal, err);
    return err;
}

/* One transaction. waits: whether to wait, before the commit, for what the changes rest on; *sync_error gets its
 * failure. */
static int batch_transact(struct batch_runner *runner, struct meta_op *batch, bool waits, int *sync_error)
{
    int err = batch_begin(runner, batch);

    if (err == 0 && (err = batch_run_changes(runner, batch)) == -EIO)
        wal_suspect(
            &runner->meta
                 ->wal); /* a large transaction may begin the log anew before its commit, with a sync */
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
    return err == -EIO && wal_is_suspect(&runner->meta->wal) ? META_E_UNSYNCED : err;
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

void batch_run(struct batch_runner *runner, struct meta_op *batch)
{
    const struct meta_batch_hooks *hooks = &runner->hooks;
    uint64_t file = 0;
    bool rests = false;
    int err, sync_error = 0;

    for (struct meta_op *op = batch; op != NULL && !rests; op = op->next)
        rests = op->rests_on != NULL;
    batch_stamp(runner);
    if (hooks->prepare != NULL)
        file = hooks->prepare(hooks->ctx, batch);
    assert(rests || file == 0);
    journal_batch_begin(&runner->journal, hooks, batch, file);
    if (rests && hooks->sync_begin != NULL)
        hooks->sync_begin(hooks->ctx);
    runner->bytes_result = err = batch_transact(runner, batch, rests, &sync_error);
    if (err != 0 && sync_error != 0)
        err = batch_run_rest(runner, batch, sync_error);
    else if (err != 0)
        batch_fail(runner, batch, err);
    runner->last_error = err;
}

static int writer_start(struct meta_writer *writer)
{
    int err;

    if ((err = meta_sql_prepare(&writer->sql, writer->db, META_SQL_WRITER)) != 0)
        return err;
    int found = meta_sql_row(writer->sql.list[SQL_GARBAGE_LAST]);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    writer->garbage_row = sqlite3_column_int64(writer->sql.list[SQL_GARBAGE_LAST], 0);
    meta_sql_reset(writer->sql.list[SQL_GARBAGE_LAST]);
    if ((found = meta_sql_row(writer->sql.list[SQL_REPLACED_LAST])) <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    writer->replaced_row = sqlite3_column_int64(writer->sql.list[SQL_REPLACED_LAST], 0);
    meta_sql_reset(writer->sql.list[SQL_REPLACED_LAST]);
    if ((found = meta_sql_row(writer->sql.list[SQL_MARK_GET])) <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    atomic_init(&writer->meta->replaced_floor, sqlite3_column_int64(writer->sql.list[SQL_MARK_GET], 2));
    meta_sql_reset(writer->sql.list[SQL_MARK_GET]);
    return writer_buckets_load(writer);
}

/* The journal is of use in a durable store only. In a relaxed one no commit is synced. */
static int log_open(struct batch_runner *runner)
{
    struct meta *meta = runner->meta;
    char *path = sqlite3_mprintf("%s-wal", meta->path);

    if (path == NULL)
        return -ENOMEM;
    if (!meta->options.durable) {
        runner->hooks.append = NULL;
        meta->wal.is_synced = false;
    }
    wal_reserve(path);
    int err = wal_open(&meta->wal, path, runner->hooks.append != NULL);
    sqlite3_free(path);
    return err;
}

int batch_runner_begin(struct batch_runner *runner, struct meta *meta, sqlite3 *db)
{
    int err;

    runner->meta = runner->writer.meta = meta;
    runner->writer.db = db;
    runner->hooks = meta->options.hooks;
    err = writer_start(&runner->writer);
    return err != 0 ? err : log_open(runner);
}

void batch_runner_end(struct batch_runner *runner)
{
    struct meta_writer *writer = &runner->writer;

    meta_sql_finalize(&writer->sql);
    /* Closing would move the log into the database and remove it. Suspect, it is all that the next start has to go by. */
    if (wal_is_suspect(&runner->meta->wal) || runner->meta->keeps_log)
        (void)db_keep_log(writer->db);
    (void)sqlite3_close(writer->db); /* no statement is left: it cannot be refused */
    wal_close(&runner->meta->wal);
    free(writer->buckets);
    arena_free(&writer->arena);
    journal_free(&runner->journal);
}
