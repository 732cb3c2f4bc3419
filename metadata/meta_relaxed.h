/* SPDX-License-Identifier: MIT
 *
 * A relaxed store (meta_options.durable off) answers before anything is on the disk. When the power fails it loses the latest seconds, and
 * nothing else, ever. This is how the rows make that true:
 *
 *   - Commits are not synced. Those that are on the disk after a power failure are always the first ones, without a gap.
 *   - The disk takes bytes and rows in any order. So a row can be there without its bytes. The *mark* says which blobs are on
 *     the disk for sure. A start compares all other units that rows name with their checksums, before anybody reads them, and drops
 *     rows whose bytes are not there (META_OP_LOST).
 *   - If such a row had replaced another one, that one comes back. For this an object whose successor's bytes may not be on the disk is
 *     kept in the table `replaced`, with its references, until the mark has passed that moment.
 *   - Bytes may be given back only when the rows that no longer name them are on the disk: that is garbage up to meta_point.garbage,
 *     once all is synced.
 *
 *   meta_point_take -> (the opener syncs bytes and meta_make_durable) -> META_OP_MARK, until it has no more to do
 *
 * One kept row for each key is enough between two points: nothing that came to the key after it is known to be on the disk before the next
 * point. After a point a second row is kept. */
#ifndef METADATA_META_RELAXED_H
#define METADATA_META_RELAXED_H

#include "metadata/meta.h"

/* ---- The mark ---- */

/* Units of files below `file` that are none of `open` are on the disk. file 0: there is no mark, everything is: the last process
 * was durable, or ended with nothing left to write. */
struct meta_mark {
    uint64_t file;
    uint64_t open[META_MARK_OPEN_MAX];
    uint32_t open_count;
};

/* Reader's thread. 0 or an error. */
int meta_mark_get(struct meta_reader *reader, struct meta_mark *mark);
/* Whether the mark leaves it open if units of the file are on the disk. */
bool meta_mark_doubts(const struct meta_mark *mark, uint64_t file);

/* Visits the units that somebody names and that the mark leaves open, file by file; of the extent it tells file and unit. is_known false: not
 * their checksum. visit returns 0, or what stops and is returned. Reader's thread; costs what it visits. */
int meta_mark_units(struct meta_reader *reader, const struct meta_mark *mark,
                    int (*visit)(void *ctx, const struct meta_extent *extent, bool is_known), void *ctx);

/* The last rows of two lists at a moment. What is replaced from then on is kept anew. */
struct meta_point {
    int64_t replaced, garbage;
};

/* Reader's thread. 0 or an error. */
int meta_point_take(struct meta_reader *reader, struct meta_point *point);

/* Sets the mark, and gives up replaced objects as far as the transaction has room. */
struct meta_mark_set {
    struct meta_op op; /* META_OP_MARK */
    struct meta_mark mark;
    int64_t replaced; /* those up to this row; INT64_MAX: all */
    bool more;        /* out: some of them are left: submit it once more */
};

/* How many changes there were of the kind that a mark has to be moved for. A change is counted before its done. Any thread. */
uint64_t meta_changes(const struct meta *meta);

/* ---- Rows without bytes ---- */

enum meta_row_kind {
    META_ROW_REPLACED, /* in this order: what moves to another table was looked at before */
    META_ROW_VERSION,
    META_ROW_OBJECT,
    META_ROW_PART,
    META_ROW_ANNOTATION,
    META_ROW_KIND_COUNT
};

/* Which row it is; what does not belong to its kind is zero. */
struct meta_row_name {
    int64_t row;                                   /* replaced; annotation: its set */
    int64_t bucket;                                /* version, object */
    struct meta_version_id version;                /* version: its place */
    unsigned char upload_id[META_UPLOAD_ID_BYTES]; /* part */
    uint32_t number;                               /* part */
    uint32_t key_length;                           /* version, object; annotation: of its name */
    unsigned char key[META_KEY_BYTES_MAX];
};

enum { META_ROW_GO_ON = 0, META_ROW_ENOUGH = 1, META_ROW_STOP = 2 };

/* Visits the extents of all rows of a kind that come after `after` (NULL: from the first on), in the order of the rows. visit returns
 * META_ROW_GO_ON; META_ROW_ENOUGH: the row's other extents are of no interest; META_ROW_STOP: neither are other rows; or a
 * negative error, which is returned. Parts of uploads that are no more are left out. Lists that do not decode are passed over.
 * Reader's thread; reads all rows. */
int meta_row_walk(struct meta_reader *reader, enum meta_row_kind kind, const struct meta_row_name *after,
                  int (*visit)(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent),
                  void *ctx);

/* Drops rows, with their references. What had been replaced by an object comes back, or, where versions are kept, the newest one that is
 * left becomes current. Locks do not matter: there is nothing left to be kept. */
struct meta_lost {
    struct meta_op op; /* META_OP_LOST */
    enum meta_row_kind kind;
    const struct meta_row_name *rows;
    uint32_t count;    /* at most META_LOST_ROWS_MAX */
    uint32_t restored; /* out: of the keys, how many have an older object now */
};

#endif
