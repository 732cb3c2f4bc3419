/* SPDX-License-Identifier: MIT
 *
 * The writing side of the journal (meta_journal.h): which batches get an entry, and what the rows must say about it. Committer's
 * thread only. Private to metadata/. */
#ifndef METADATA_WRITE_JOURNAL_H
#define METADATA_WRITE_JOURNAL_H

#include "metadata/write/journal_entry.h"
#include "metadata/meta_journal.h"
#include "metadata/write/writer.h"

struct journal {
    struct meta_journal row;    /* as committed; until the first entry of this process, file is 0 */
    struct meta_journal next;   /* as the transaction under way would have it */
    uint64_t last_file;         /* the highest file so far; the journal never goes back to a lower one */
    bool is_recorded;           /* the batch under way has an entry */
    bool is_left;               /* something failed: the next transaction ends the journal */
    struct journal_batch batch; /* of the batch under way */
    unsigned char *buffer;
    size_t capacity;
};

void journal_free(struct journal *journal);

/* Before the transaction of a batch. file: what the prepare hook returned, or 0. Whether the batch has an entry now, so that its commit
 * need not be synced. */
bool journal_batch_begin(struct journal *journal, const struct meta_batch_hooks *hooks,
                         const struct meta_op *batch, uint64_t file);
/* After the batch's changes, inside the transaction: writes into the rows what they say about the journal. */
int journal_batch_store(struct journal *journal, struct meta_writer *writer);
/* The transaction has ended with that result. rests: a change of the batch rests on bytes. If such a batch fails, the opener gives up
 * the file. */
void journal_batch_end(struct journal *journal, int result, bool rests);

#endif
