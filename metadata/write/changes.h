/* SPDX-License-Identifier: MIT
 *
 * What each kind of change is, in one table (changes.c): what runs it, what it weighs, which rows it touches, whether it may be
 * journaled, and what is to be done when it has been run. A new kind is one row there and one function. Private to metadata/. */
#ifndef METADATA_WRITE_CHANGES_H
#define METADATA_WRITE_CHANGES_H

#include "metadata/write/writer.h"

enum change_traits {
    CHANGE_MAKES_GARBAGE = 1u << 0,    /* it may drop references to bytes */
    CHANGE_IS_HOUSEKEEPING = 1u << 1,  /* nobody comes again with another one because it was answered */
    CHANGE_IS_UNMARKED = 1u << 2,      /* it leaves nothing for a later mark (meta_relaxed.h) */
    CHANGE_EXPIRES_SETTINGS = 1u << 3, /* what was made of settings is true no longer */
    CHANGE_MOVES_SETS =
        1u << 4, /* what the writer keeps of buckets and publications is to be read anew where it is undone */
    CHANGE_IS_JOURNALED = 1u << 5, /* it may have a place in an entry, if it rests on bytes */
    CHANGE_NEEDS_NO_ENTRY =
        1u << 6, /* done again or not, it comes to the same: it may go with a batch that has one */
    CHANGE_IS_UNJUDGED = 1u << 7, /* no quota is in its way: it was judged before, or adds nothing */
};

bool change_has(const struct meta_op *op, enum change_traits trait);
/* Whether one of the batch has it. */
bool changes_have(const struct meta_op *batch, enum change_traits trait);
/* How many of the batch do not. */
uint32_t changes_count_without(const struct meta_op *batch, enum change_traits trait);

/* Inside the change's savepoint; what it returns is the change's result. Committer's thread. */
int change_run(struct meta_writer *writer, struct meta_op *op);
/* How much of a batch the change is worth, so that a few large ones do not make the others wait. */
uint32_t change_weight(const struct meta_op *op);
/* The rows that a batch may touch. */
struct row_touches changes_touches(const struct meta_op *batch);

#endif
