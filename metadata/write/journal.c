/* SPDX-License-Identifier: MIT
 *
 * Which batches get an entry in the journal, and the row that says where the journal is. See meta_journal.h for why that is
 * right. */
#include "metadata/write/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "metadata/write/changes.h"

/* The bound of a batch is some times what it takes in the end; one beyond this is not tried. */
#define JOURNAL_BUFFER_BYTES_MAX (8u * META_JOURNAL_ENTRY_BYTES_MAX)

/* ---- The row ---- */

int journal_batch_store(struct journal *journal, struct meta_writer *writer)
{
    assert(!journal->is_recorded || journal->next.applied == journal->row.applied + 1);
    if (!journal->is_recorded && journal->next.file == journal->row.file)
        return 0;
    assert(journal->is_recorded || journal->next.applied == 0);
    return row_journal_put(writer->store, &journal->next);
}

/* ---- The entry ---- */

static const struct meta_object_put *put_of(const struct meta_op *op)
{
    assert(op->kind == META_OP_OBJECT_PUT); /* entries know no other change */
    return (const struct meta_object_put *)op;
}

/* Whether the change may be part of a batch that has an entry, and how many bytes it takes in it. */
static bool op_fits(const struct meta_op *op, uint64_t file, size_t *bytes)
{
    *bytes = 0;
    if (change_has(op, CHANGE_NEEDS_NO_ENTRY) || (op->rests_on != NULL && op->result != 0))
        return true;
    if (!change_has(op, CHANGE_IS_JOURNALED) || op->rests_on == NULL)
        return false;
    *bytes = journal_put_bound(put_of(op), file);
    return *bytes > 0;
}

static bool is_put(const struct meta_op *op)
{
    return change_has(op, CHANGE_IS_JOURNALED) && op->result == 0;
}

/* Room for all of the batch, or 0 when it cannot have an entry. */
static size_t entry_bound(const struct meta_op *batch, uint64_t file, uint32_t *count)
{
    size_t bound = JOURNAL_HEAD_BYTES_MAX, bytes;

    *count = 0;
    for (const struct meta_op *op = batch; op != NULL; op = op->next) {
        if (!op_fits(op, file, &bytes))
            return 0;
        bound += bytes;
        *count += is_put(op);
    }
    return *count > 0 ? bound : 0;
}

/* Encodes the batch into the buffer; its length, or 0. */
static size_t entry_encode(struct journal *journal, const struct meta_op *batch, uint64_t file)
{
    uint32_t count;
    size_t bound = entry_bound(batch, file, &count);

    if (bound > JOURNAL_BUFFER_BYTES_MAX)
        return 0;
    if (bound > journal->capacity) {
        unsigned char *grown = realloc(journal->buffer, bound);
        if (grown == NULL)
            return 0;
        journal->buffer = grown;
        journal->capacity = bound;
    }
    if (bound == 0)
        return 0;
    unsigned char *at = journal_head_encode(journal->buffer, &journal->batch, count);
    for (const struct meta_op *op = batch; op != NULL; op = op->next)
        if (is_put(op))
            at = journal_put_encode(at, put_of(op));
    size_t length = (size_t)(at - journal->buffer);
    assert(length <= bound);
    return length <= META_JOURNAL_ENTRY_BYTES_MAX ? length : 0;
}

static bool record(struct journal *journal, const struct meta_batch_hooks *hooks, const struct meta_op *batch)
{
    size_t length = entry_encode(journal, batch, journal->row.file);
    struct meta_journal_entry entry = {
        .token = journal->row.token,
        .sequence = journal->row.applied + 1,
        .bytes = slice_of(journal->buffer, length),
    };

    assert(journal->row.file != 0);
    if (length == 0)
        return false;
    /* A write that failed may have left a whole entry behind: the batch, synced, must not be done twice. */
    int err = hooks->append(hooks->ctx, &entry);
    if (err != 0 && err != -ENOSPC)
        journal->is_left = true;
    return err == 0;
}

/* The journal goes on in another file, with the next batch. */
static void move(struct journal *journal, uint64_t file)
{
    struct meta_journal next = {.file = file};

    assert(file > journal->last_file);
    /* So few bytes come whole, getrandom(2), or not at all: then there is no journal in this file. */
    if (getrandom(next.token, sizeof(next.token), 0) == (ssize_t)sizeof(next.token))
        journal->next = next;
}

/* ---- A batch ---- */

bool journal_batch_begin(struct journal *journal, const struct meta_batch_hooks *hooks,
                         const struct meta_op *batch, uint64_t file)
{
    assert(batch != NULL);
    journal->is_recorded = false;
    journal->next = journal->row;
    if (hooks->append == NULL)
        return false;
    if (!journal->is_left && file != 0 && file == journal->row.file)
        journal->is_recorded = record(journal, hooks, batch);
    if (journal->is_recorded) {
        journal->next.applied++;
    } else if (journal->is_left) {
        journal->next = (struct meta_journal){0};
    } else if (file > journal->last_file) {
        move(journal, file);
    }
    return journal->is_recorded;
}

void journal_batch_end(struct journal *journal, int result, bool rests)
{
    assert(result <= 0);
    if (journal->next.file > journal->last_file)
        journal->last_file = journal->next.file;
    if (result == 0) {
        journal->row = journal->next;
        journal->is_left = false;
    } else if (rests) {
        journal->is_left = true;
    }
}

void journal_free(struct journal *journal)
{
    free(journal->buffer);
}
