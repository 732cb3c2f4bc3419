/* SPDX-License-Identifier: MIT
 *
 * What segment_writer.c and segment_maker.c share. */
#ifndef STORAGE_SEGMENT_INTERNAL_H
#define STORAGE_SEGMENT_INTERNAL_H

#include "storage/blob_internal.h"
#include "storage/segment.h"

struct segment {
    struct segment *next; /* of the sealed ones */
    uint64_t blob;
    int fd;
    uint64_t capacity, used; /* bytes */
    bool is_doubtful;        /* a sync or a commit ended in an I/O error */
};

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

/* Removes a segment without units: file, id, memory. */
void segment_discard(struct blob_store *store, struct segment *segment);

#endif
