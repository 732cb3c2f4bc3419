/* SPDX-License-Identifier: MIT
 *
 * META_OP_REPLAY: the changes of a journal entry, once more; and the epoch, which the end of a replay raises. Each comes to what it came to before: the rows are as they
 * were then, and so are time, sequence and seed. Committer's thread; and what the one who replays asks before. */
#include "metadata/meta_journal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/write/journal_entry.h"
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

    assert(put->key.len > 0 && put->key.len <= META_KEY_BYTES_MAX && put->size <= INT64_MAX);
    if (!writer_has_bucket(writer, put->bucket))
        return META_E_NO_BUCKET;
    memcpy(row.etag, put->etag, sizeof(row.etag));
    int err = publications_meet(writer, put->bucket, put->key);
    if (err != 0 ||
        (err = object_row_store(writer, put->bucket, put->key, &row, &put->condition, REFERENCES_NEW)) != 0)
        return err;
    return events_are_followed(writer)
               ? events_created(writer, put->bucket, put->key, META_EVENT_PUT, &put->origin)
               : 0;
}

/* Undone alone where it fails, as it was then: a change within the change. */
static int put_replay_savepoint(struct meta_writer *writer, const struct journal_put *put)
{
    int err = row_change_begin(writer->store);

    assert(row_batch_is_open(writer->store));
    if (err != 0)
        return err;
    int result = put_replay(writer, put);
    arena_reset(&writer->arena);
    if (!row_batch_is_open(writer->store))
        return result; /* a failure has ended all of it */
    if ((err = row_change_end(writer->store, result == 0)) != 0)
        return err;
    return journal_result_is_lasting(result) ? 0 : result;
}

static int entry_replay(struct meta_writer *writer, struct slice entry)
{
    struct journal_batch batch;
    struct journal_put put;
    struct codec_list list;
    int more = journal_head_decode(&list, entry, &batch);
    int err = 0;

    assert(entry.len > 0);
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
    return op->entry.len == 0;
}

int op_replay(struct meta_writer *writer, struct meta_replay *op)
{
    int64_t now_ms = writer->now_ms;
    int err;

    if (replay_is_end(op))
        return (err = row_journal_put(writer->store, &(struct meta_journal){0})) != 0
                   ? err
                   : row_epoch_raise(writer->store, op->epoch);
    err = entry_replay(writer, op->entry);
    writer->now_ms = now_ms;
    if (err != 0)
        return err;
    return row_journal_put(writer->store, &(struct meta_journal){.applied = op->sequence});
}

int op_epoch_raise(struct meta_writer *writer, struct meta_epoch_raise *op)
{
    return row_epoch_raise(writer->store, op->epoch);
}

int meta_journal_extents(struct slice entry, int (*visit)(void *ctx, const struct meta_extent *extent),
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
