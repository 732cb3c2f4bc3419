/* SPDX-License-Identifier: MIT
 *
 * Small bodies on their way into segments: the hooks that the committer calls around each batch. So one call writes the units of a
 * whole batch, and one call syncs them. The same sync covers what the batch does to the rows, which is written into the segment's
 * journal: that is the database's journal (metadata/meta_journal.h). */
#ifndef API_CORE_PACK_H
#define API_CORE_PACK_H

#include "metadata/meta.h"
#include "storage/segment/segment.h"

struct core;
struct pack;

/* What meta_op.rests_on of a small put points to. */
struct pack_unit {
    struct segment_unit unit;
    struct meta_extent *extent; /* receives file and unit_offset when the unit has its place */
};

/* Before the database is opened, which gets the hooks. Returns 0, -ENOMEM, or what ring_create says. */
int pack_open(struct core *core, struct pack **pack);
/* After the last put and before reclaim_stop: seals the open segment. NULL allowed. */
void pack_close(struct pack *pack);
/* After pack_close, when the database is closed. NULL allowed. */
void pack_free(struct pack *pack);
struct meta_batch_hooks pack_hooks(struct pack *pack);
/* Small puts are coming: have a segment made. Any thread; cheap. */
void pack_expect(struct pack *pack);

#endif
