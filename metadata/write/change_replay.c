/* SPDX-License-Identifier: MIT
 *
 * META_OP_REPLAY: the changes of a journal entry, once more. Each comes to what it came to before: the rows are as they
 * were then, and so are time, sequence and seed. Committer's thread; and what the one who replays asks before. */
#include "metadata/meta_journal.h"

#include <errno.h>
#include <string.h>

#include "metadata/write/journal.h"
#include "metadata/write/writer.h"

static int put_replay(struct meta_writer *writer, const struct journal_put *put)
{
    struct object_row row = {
        .size = put->size,
        .modified_ms = put->modified_ms != 0 ? put->modified_ms : writer->now_ms,
        .checksum = put->checksum,
        .owner = put->owner,
        .extents = put->extents,
        .attributes = put->attributes,
    };

    if (!writer_has_bucket(writer, put->bucket))
        return META_E_NO_BUCKET;
    memcpy(row.etag, put->etag, sizeof(row.etag));
    return object_row_store(writer, put->bucket, put->key, &row, &put->condition, REFERENCES_NEW);
}

/* In a savepoint of its own, inside that of the replay, and of the same name: it must be closed before that can be undone. */
static int put_replay_savepoint(struct meta_writer *writer, const struct journal_put *put)
{
    int err = meta_sql_run(writer->sql.list[SQL_SAVEPOINT]);

    if (err != 0)
        return err;
    int result = put_replay(writer, put);
    arena_reset(&writer->arena);
    if (sqlite3_get_autocommit(writer->db))
        return result; /* the database has ended the transaction by itself, and all savepoints with it */
    if ((result != 0 && (err = meta_sql_run(writer->sql.list[SQL_SAVEPOINT_UNDO])) != 0) ||
        (err = meta_sql_run(writer->sql.list[SQL_SAVEPOINT_RELEASE])) != 0)
        return err;
    return journal_result_is_lasting(result) ? 0 : result;
}

static int entry_replay(struct meta_writer *writer, struct meta_bytes entry)
{
    struct journal_batch batch;
    struct journal_put put;
    struct codec_list list;
    int more = journal_head_decode(&list, entry, &batch);
    int err = 0;

    if (more != 0)
        return more;
    writer->now_ms = batch.now_ms;
    writer->version_sequence = batch.version_sequence;
    writer->version_seed = batch.version_seed;
    while (err == 0 && (more = journal_put_decode(&list, &put)) > 0)
        err = put_replay_savepoint(writer, &put);
    return err != 0 ? err : more;
}

bool replay_is_end(const struct meta_replay *op)
{
    return op->entry.length == 0;
}

int op_replay(struct meta_writer *writer, struct meta_replay *op)
{
    sqlite3_stmt *apply = writer->sql.list[SQL_JOURNAL_APPLY];
    int64_t now_ms = writer->now_ms;
    int err;

    if (replay_is_end(op))
        return (err = journal_row_move(writer, NULL)) != 0 ? err : epoch_raise(writer, op->epoch);
    err = entry_replay(writer, op->entry);
    writer->now_ms = now_ms;
    if (err != 0)
        return err;
    meta_sql_int(apply, 1, (int64_t)op->sequence);
    return meta_sql_run(apply);
}

int meta_journal_get(struct meta_reader *reader, struct meta_journal *journal)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_JOURNAL_GET];
    int found = meta_sql_row(statement);

    *journal = (struct meta_journal){0};
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct meta_bytes token = meta_sql_column(statement, 1);
    journal->file = (uint64_t)sqlite3_column_int64(statement, 0);
    journal->applied = (uint64_t)sqlite3_column_int64(statement, 2);
    if (token.length == sizeof(journal->token))
        memcpy(journal->token, token.data, token.length);
    else if (journal->file != 0)
        found = META_E_CORRUPT;
    meta_sql_reset(statement);
    return found < 0 ? found : 0;
}

int meta_journal_extents(struct meta_bytes entry, int (*visit)(void *ctx, const struct meta_extent *extent),
                         void *ctx)
{
    struct codec_list list, extents;
    struct meta_extent extent;
    struct journal_batch batch;
    struct journal_put put;
    int more = journal_head_decode(&list, entry, &batch);
    int result = 0;

    if (more != 0)
        return more;
    while (result == 0 && (more = journal_put_decode(&list, &put)) > 0) {
        if ((more = codec_extents_begin(&extents, put.extents)) != 0)
            return more;
        while (result == 0 && (more = codec_extents_next(&extents, &extent)) > 0)
            result = visit(ctx, &extent);
        if (more < 0)
            return more;
    }
    return result != 0 ? result : more;
}
