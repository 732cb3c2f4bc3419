/* SPDX-License-Identifier: MIT
 *
 * The journal: how a batch of small puts becomes durable with one sync instead of two.
 *
 * The opener syncs the bytes that a batch rests on anyway. If it also writes there, in an *entry*, what the batch does to the rows,
 * then that sync makes both durable, and the commit need not sync the database's log: after a crash that lost the end of the log,
 * the entries that the rows do not hold yet are replayed.
 *
 *   prepare (bytes written) -> append (entry written) -> [the changes run] -> sync_wait (one sync) -> COMMIT, not synced
 *
 * Why that is right:
 *   - The log holds whole transactions in their order: what a crash leaves in the rows is a prefix of all that was committed.
 *   - Entries lie in one file at a time. A transaction that is synced names that file in the rows (with a secret token, and that
 *     none of its entries is in the rows yet) before the first entry is written to it; each transaction with an entry also says
 *     in the rows that the entry is in. So at any time the rows tell which entries are missing in them.
 *   - A batch with any change that has no place in an entry is committed with a sync, and so is all before it. So what is missing is
 *     always a run of batches that have entries, the last ones of all; replayed in order on the same rows, with the same time,
 *     each change does what it did before.
 *   - Only the last entry may be one whose sync did not finish, and then nobody was told anything: the opener compares its bytes with
 *     their checksums, and leaves it out if they are not there. For that, bytes in the file must not be given back before the
 *     rows that no longer name them are durable by themselves: meta_make_durable.
 *   - After a failure of any kind the file gets no further entry, and the next transaction, which is synced, says in the rows that
 *     there is no journal (or another file). */
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
int meta_journal_extents(struct meta_bytes entry, int (*visit)(void *ctx, const struct meta_extent *extent),
                         void *ctx);

/* Does once more what an entry says: applied + 1, then the ones behind it, before any other change. At the end one with an empty entry: the
 * journal is none any more, and all is durable without it, which it need not be before. META_E_CORRUPT: it is no entry. What the
 * changes in it came to before, they come to again, and nobody is told. */
struct meta_replay {
    struct meta_op op; /* META_OP_REPLAY */
    uint64_t sequence;
    struct meta_bytes entry;
    uint64_t epoch; /* at the end: what it is raised to in the same commit */
};

/* Waits until all that readers have seen so far is durable by itself, without the journal. Cheap when it is. Any thread that may
 * block. 0, or a negative errno: try again later. */
int meta_make_durable(struct meta *meta);

#endif
