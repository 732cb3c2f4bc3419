/* SPDX-License-Identifier: MIT
 *
 * The journal: how a batch of small puts becomes durable with one sync instead of two.
 *
 * Whoever opened the database (the *opener*) has to sync the bytes that a batch rests on. If it also writes an *entry* beside those
 * bytes, which says what the batch does to the rows, then one sync makes both durable, and the commit need not sync the database's log.
 * A crash may then lose the end of the log: the next start replays the entries that the rows do not hold.
 *
 *   prepare (bytes written) -> append (entry written) -> [the changes run] -> sync_wait (one sync) -> COMMIT, not synced
 *
 * Why that is right:
 *   - The log holds whole transactions in their order: what a crash leaves in the rows is a prefix of all that was committed.
 *   - Entries lie in one file at a time. Before the first entry is written to a file, a transaction that is synced names the file in
 *     the rows, with a secret token, and says that the rows hold none of its entries. Each transaction with an entry counts that
 *     entry in the rows. So the rows tell at any time which entries they lack.
 *   - A batch with a change that has no place in an entry is committed with a sync, which covers all commits before it, too. So the
 *     batches that are missing are the last ones, and each has an entry. Replayed in order on the same rows, with the same time,
 *     each change does what it did before.
 *   - Only the last entry may be one whose sync did not finish. Nobody was answered then. The opener compares the bytes that it rests
 *     on with their checksums, and leaves the entry out if they are not there. For this to be right, bytes may be given back only
 *     when the rows that no longer name them are durable without the journal: meta_make_durable.
 *   - After a failure of any kind the file gets no further entry. The next transaction is synced, and says in the rows that there is no
 *     journal, or names another file. */
#ifndef METADATA_META_JOURNAL_H
#define METADATA_META_JOURNAL_H

#include "metadata/meta.h"

/* What the rows say about the journal. */
struct meta_journal {
    uint64_t file; /* 0: there is none, nothing is to be replayed */
    unsigned char token[META_JOURNAL_TOKEN_BYTES];
    uint64_t applied; /* the entries up to this one are in the rows */
};

/* Reader's thread. */
int meta_journal_get(struct meta_reader *reader, struct meta_journal *journal);

/* The extents whose bytes an entry rests on. visit non-zero stops and is returned. META_E_CORRUPT: it is no entry. Any thread. */
int meta_journal_extents(struct slice entry, int (*visit)(void *ctx, const struct meta_extent *extent),
                         void *ctx);

/* Runs the changes of one entry again. A start submits the entries that the rows lack, in their order (the first one is applied + 1), and
 * no other change before them. Each change has the same result as the first time; nobody is told of it. After the last entry comes one
 * replay with an empty entry. It ends the journal, and its commit is synced: only then the replayed rows are sure to be durable.
 * META_E_CORRUPT: it is no entry. */
struct meta_replay {
    struct meta_op op; /* META_OP_REPLAY */
    uint64_t sequence;
    struct slice entry;
    uint64_t epoch; /* with the empty entry: the store's epoch becomes this, in the same commit */
};

/* Waits until all rows that readers have seen so far are durable without the journal. Cheap where they are already. Any thread that may
 * block. 0, or a negative errno: try again later. */
int meta_make_durable(struct meta *meta);

#endif
