/* SPDX-License-Identifier: MIT
 *
 * Which rows may have changed since somebody read them, so that a copy of a row is used exactly as long as it is true.
 * Private to metadata/.
 *
 * A counter stands for all rows of `object` whose bucket and key fall on it. The committer makes it odd before it changes
 * one of them, and even again, and higher, when the transaction is over, before anybody is told. Who reads takes a stamp
 * first and keeps it with the copy; the copy is true while the counter stands where the stamp says.
 *
 *     counter    4 | 5 ... BEGIN, rows change, COMMIT ... | 6 | done
 *                   ^ from here on copies of 4 are not used  ^ and what is read from here on may be kept
 *
 * While it is odd everybody asks the database: it alone knows at which moment the new row takes the old one's place, and nobody
 * may see the old one after somebody saw the new one.
 *
 * One more counter stands for every row of `object` and `bucket`: for changes that name no keys. What a cached row is made of must come from these two tables. */
#ifndef METADATA_ROWS_ROW_CHANGES_H
#define METADATA_ROWS_ROW_CHANGES_H

#include <stdatomic.h>

#include "metadata/meta.h"

struct row_changes {
    atomic_uint_fast64_t all;
    atomic_uint_fast64_t keys[META_ROW_COUNTERS];
    atomic_uint_fast64_t uploads[META_ROW_COUNTERS]; /* for the rows of `part`, by upload */
};

/* What a batch is going to touch. */
enum row_touch_kind {
    ROW_TOUCH_ANY,   /* any row of `object` and `bucket` */
    ROW_TOUCH_KEY,   /* the rows of a key */
    ROW_TOUCH_PARTS, /* the parts of an upload */
};

struct row_touch {
    enum row_touch_kind kind;
    int64_t bucket;   /* of a key */
    struct slice key; /* or the upload's id */
};

typedef void (*row_touch_fn)(void *ctx, const struct row_touch *touch);

/* All of it; what is touched twice may come twice. */
struct row_touches {
    void (*walk)(const void *batch, row_touch_fn visit, void *ctx);
    /* Keys that are read alone: for an engine where others write meanwhile, which locks all keys of a batch in one order. */
    void (*walk_sources)(const void *batch, row_touch_fn visit, void *ctx);
    /* The units that come with it, be they new or not: for an engine that asks for all rows of a batch at once. */
    void (*walk_units)(const void *batch, void (*visit)(void *ctx, const struct meta_extent *extent),
                       void *ctx);
    /* Whether it changes what all servers keep in memory: for an engine that has several. */
    bool (*moves_sets)(const void *batch);
    const void *batch;
};

struct row_stamp {
    uint64_t all, key;
};

/* Committer's thread: around the transaction of a batch, before its changes are told that they are done. */
void row_changes_begin(struct row_changes *changes, const struct row_touches *touches);
void row_changes_end(struct row_changes *changes, const struct row_touches *touches);

uint64_t row_hash(int64_t bucket, struct slice key);

/* Any thread. Before the row is read; false when what is read must not be kept. */
bool row_stamp_take(const struct row_changes *changes, uint64_t hash, struct row_stamp *stamp);
/* Whether a copy with this stamp is true at this moment. */
bool row_stamp_holds(const struct row_changes *changes, uint64_t hash, const struct row_stamp *stamp);

/* The same for rows of `bucket`, whose stamp is the counter for all. */
bool row_stamp_take_bucket(const struct row_changes *changes, uint64_t *stamp);
bool row_stamp_holds_bucket(const struct row_changes *changes, uint64_t stamp);

/* The same for the parts that an upload has, as long as there is such an upload. Also the committer's thread, within a batch: parts
 * that the batch itself stores, before or after, count as changes. */
bool upload_stamp_take(const struct row_changes *changes, const unsigned char *upload_id, uint64_t *stamp);
bool upload_stamp_holds(const struct row_changes *changes, const unsigned char *upload_id, uint64_t stamp);

#endif
