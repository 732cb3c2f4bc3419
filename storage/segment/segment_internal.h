/* SPDX-License-Identifier: MIT
 *
 * What segment_writer.c, segment_journal.c and segment_maker.c share. */
#ifndef STORAGE_SEGMENT_SEGMENT_INTERNAL_H
#define STORAGE_SEGMENT_SEGMENT_INTERNAL_H

#include <assert.h>
#include <sys/uio.h>

#include "storage/blob/blob_internal.h"
#include "storage/segment/segment.h"

struct segment {
    struct segment *next; /* of the sealed ones */
    uint64_t blob;
    int fd;
    uint64_t capacity; /* bytes */
    uint64_t used;     /* units end here */
    uint64_t journal;  /* and the journal begins here: used <= journal <= capacity */
    uint64_t entries;  /* in the journal */
    bool is_doubtful;  /* a sync or a commit ended in an I/O error */
};

struct segment_writer {
    struct blob_store *store;
    struct segment_maker *maker;
    segment_sealed_fn on_sealed;
    void *ctx;

    struct segment *open;   /* takes units; or NULL */
    struct segment *sealed; /* not told yet */
    uint64_t next_bytes;    /* of the next segment */

    /* In the open segment, no sync covers units from the first on, nor entries in front of the second. */
    uint64_t units_synced, journal_synced;
    int sync_result; /* the first failure since the last segment_sync_end */
};

/* What is true of a segment that can be written to. */
static inline void segment_check(const struct segment *segment)
{
    assert(segment->blob != 0 && segment->fd >= 0);
    assert(segment->used >= SEGMENT_ALIGN_BYTES && segment->used <= segment->journal);
    assert(segment->journal <= segment->capacity && segment->capacity <= SEGMENT_BYTES_MAX);
    assert((segment->used | segment->journal | segment->capacity) % SEGMENT_ALIGN_BYTES == 0);
    assert((segment->entries == 0) == (segment->journal == segment->capacity));
}

/* Writes all of it, in as many calls as it takes; changes the list. 0 or a negative errno, when a part may be written. */
int segment_write_list(int fd, struct iovec *list, int count, uint64_t offset);
/* A write into the open segment failed: says so and seals it. */
void segment_write_failed(struct segment_writer *writer, int err);
/* Has the next segment made once enough of the open one is taken. */
void segment_prepare_next(struct segment_writer *writer);

/* The thread that makes segments ahead of their use; one at a time. */
struct segment_maker;

/* Starts no thread yet. */
struct segment_maker *segment_maker_create(struct blob_store *store);
/* Removes a segment that was made and not taken. NULL allowed. */
void segment_maker_destroy(struct segment_maker *maker);
/* Wants a segment of so many bytes, unless one is there or being made. Any thread. */
void segment_maker_want(struct segment_maker *maker, uint64_t bytes);
/* Waits for one. 0, or the errno of making it; the next call tries again. */
int segment_maker_take(struct segment_maker *maker, uint64_t bytes, struct segment **segment);

/* Removes one that waits to be taken, if it was made long ago. Cheap when there is none. */
void segment_maker_expire(struct segment_maker *maker);

/* Ids between a segment and the next one to be handed out: how far it keeps recovery's range open. */
uint64_t segment_age(struct blob_store *store, const struct segment *segment);

/* Giving space back. The file of a blob, to write to; or a negative errno. */
int segment_space_open(struct blob_store *store, uint64_t blob);
/* Both are multiples of SEGMENT_ALIGN_BYTES. */
int segment_space_punch(struct blob_store *store, int fd, uint64_t offset, uint64_t length);
int segment_space_sync(struct blob_store *store, int fd);
/* Holes where the runs are, which are sorted: 0; -EIO: they make no sense, which is told; or what a punch says. */
int segment_space_punch_runs(struct blob_store *store, uint64_t blob, int fd, struct blob_run *runs,
                             uint32_t count);

/* A blob that units share (shared_space.c): 1, and it was punched; 0: it is none; or a negative errno. */
int shared_space_give_back(struct blob_store *store, struct blob_giving *giving, blob_units_fn units,
                           void *ctx);

/* After a punch that the file system refused: writes a settled segment anew, if little is left in it. Its runs are sorted. 0 or a negative
 * errno; either way the units that rows name are there. */
int segment_thin(struct blob_store *store, const struct blob_giving *giving, blob_units_fn units, void *ctx);

/* Removes a segment without units: file, id, memory. */
void segment_discard(struct blob_store *store, struct segment *segment);

#endif
