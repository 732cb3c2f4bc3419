/* SPDX-License-Identifier: MIT
 *
 * Segments: files in which many small units lie one after the other, so that a batch of small bodies costs one write and
 * one sync instead of a file and three syncs each.
 *
 *   0      4096              8192 ...            used                                          capacity
 *   | head | unit | padding | unit | padding | ... |   zeros   | ... entry 2 | padding | entry 1 | padding |
 *
 * Units begin at multiples of 4 KiB, after a head of 4 KiB: a unit at offset 0 is a blob of its own, any other lies in a
 * segment. A segment has a blob id and a name like any blob. It is made ahead of its use, by a thread of its own: named, its
 * folder synced, and in a durable store filled with zeros to its full size, because a sync of blocks that are allocated and
 * written already needs no journal commit of the file system (measured on ext4: 2 to 4 times as many syncs a second as an
 * appended file gives). Sizes grow with use, from SEGMENT_BYTES_MIN to SEGMENT_BYTES_MAX.
 *
 * From the end of a segment its *journal* grows towards the units: entries whose data is the owner's business. The sync that makes
 * the units of a batch durable does the same for its entry, so an owner who puts the rows of a batch there needs no sync of its
 * own for them. After a crash it reads them back, before blob_store_recover, which cuts the file after its last unit and so cuts
 * the journal off, as blob_store_cut does.
 *
 * A segment that takes no more units is *sealed*. Until its owner has settled it (blob_store_settle), recovery looks at it,
 * removes it if no row names it, and gives back what lies between the units that rows name.
 *
 * Threads: a segment_writer belongs to one thread at a time, which may block. Not for event loops. */
#ifndef STORAGE_SEGMENT_SEGMENT_H
#define STORAGE_SEGMENT_SEGMENT_H

#include "storage/blob/blob_store.h"
#include "storage/limits.h"

struct segment_writer;

/* One small body on its way into a segment. Embedded in what waits for it. */
struct segment_unit {
    struct segment_unit *next;
    const void *data; /* segment_unit_room(length) bytes; those after `length` are zero */
    uint32_t length;  /* 1 .. SEGMENT_UNIT_BYTES_MAX */
    /* out */
    struct blob_unit at; /* where it lies; blob 0: nowhere */
    int result;
};

#define SEGMENT_TOKEN_BYTES 16u

/* One entry of a segment's journal. */
struct segment_entry {
    /* The owner's, secret, the same for all entries of a segment. Checked, but not stored: so bytes that a client uploaded are
     * never taken for an entry. Show no entry to a client: the checksum of known data gives away the token's part in it. */
    unsigned char token[SEGMENT_TOKEN_BYTES];
    uint64_t sequence; /* 1 for the first of a segment, then consecutive */
    const void *data;
    uint32_t length;       /* 1 .. SEGMENT_ENTRY_BYTES_MAX */
    struct blob_run place; /* of one that was read: all that it takes of the file */
};

/* Bytes that a unit of that length takes in its segment: a multiple of 4 KiB. */
uint32_t segment_unit_room(uint32_t length);

/* A segment takes no more units, and every change that rests on it has been committed or refused.
 * used_bytes: what comes after them is free. is_certain false: nobody knows what a crash would bring back; do not settle it. */
typedef void (*segment_sealed_fn)(void *ctx, uint64_t blob, uint64_t used_bytes, bool is_certain);

/* Returns 0 or -ENOMEM. Makes no file yet. */
int segment_writer_create(struct segment_writer **writer, struct blob_store *store,
                          segment_sealed_fn on_sealed, void *ctx);
/* Seals what is open. NULL allowed. */
void segment_writer_destroy(struct segment_writer *writer);

/* To be called now and then while nothing is to be written. Where ids have run far ahead of a segment, recovery would have much to look at:
 * so an open one is sealed, which its owner is told, and one that was made ahead of its use is removed. Cheap when there is none. */
void segment_writer_idle(struct segment_writer *writer);

/* Asks for a segment ahead of the first unit. Any thread; cheap. */
void segment_writer_expect(struct segment_writer *writer);

/* Writes the units of a list, in its order; each gets `at` and `result` (0, -ENOSPC, -EIO, -EMFILE ...). */
void segment_write(struct segment_writer *writer, struct segment_unit *first);
/* The blob of the segment that takes units now; 0: none is open. */
uint64_t segment_writer_blob(const struct segment_writer *writer);
/* Writes the entry into the journal of the open segment: after segment_write, before segment_sync_begin. The sync that follows
 * makes it durable along with the units. The data is not needed any more afterwards.
 * 0; -ENOSPC: no room between units and journal, or no segment is open; nothing was written; -EOPNOTSUPP: the store is not durable,
 * and its segments have no journal; another negative errno (-EIO for a full disk): the write failed, and the segment was sealed as
 * after any failed write. An entry of that sequence may or may not be found after a crash then, just as after a failed sync. */
int segment_entry_write(struct segment_writer *writer, const struct segment_entry *entry);
/* Takes no more units or entries in the open segment; the next ones go into another. What no sync covers yet is synced; a failure
 * is told by segment_sync_end. The segment is told of at segment_batch_end. Nothing to do when none is open. */
void segment_writer_seal(struct segment_writer *writer);

/* The first starts to write to the disk what came since the last sync; the second waits until that is durable. It returns 0 or a negative
 * errno: then none of those units and entries may be trusted. Nothing to do in a store that is not durable. */
void segment_sync_begin(struct segment_writer *writer);
int segment_sync_end(struct segment_writer *writer);
/* The transaction that names the units written so far has ended; the owner is told which segments were sealed. is_certain false: nobody
 * knows whether the rows of that transaction will come back after a crash. */
void segment_batch_end(struct segment_writer *writer, bool is_certain);

/* Reads a segment's journal. Syncs the segment first, unless the store is read only. Then calls visit for each entry, in order, up to the
 * first that is not valid (torn, absent, of another token). The entry and its data are valid during the call.
 *
 * After an unclean end it goes on after an entry that is not valid, if a valid one of a higher sequence comes within
 * SEGMENT_ENTRIES_GAP_BYTES. Sequences then are not consecutive. The entries between are damaged: they were durable once, since an entry is
 * written after the sync of the one before.
 *
 * That an entry is there does not prove that its sync ended: units of its batch may be torn. This can only be so for the last batch, since
 * a batch is written after the sync of the one before.
 *
 * 0, also when the file is not there or has no journal; what visit returned, which stops when it is not 0; -ENOMEM; or the negative
 * errno of opening, syncing or reading. Blocks; any thread; not while a writer has the segment open. */
int segment_entries_read(struct blob_store *store, uint64_t blob,
                         const unsigned char token[SEGMENT_TOKEN_BYTES],
                         int (*visit)(void *ctx, const struct segment_entry *entry), void *ctx);

/* Writes bytes of a file again that are there already, and syncs them: a failed sync of a process that is dead may have lost them, and they are
 * in memory only. 0 or a negative errno. Blocks. */
int segment_renew(struct blob_store *store, uint64_t blob, const struct blob_run *runs, uint32_t count);

#endif
