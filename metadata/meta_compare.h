/* SPDX-License-Identifier: MIT
 *
 * Rows compared with what the chronicle told of them. A database sums up nothing of what it holds: a bit that turns in it, in a size or in what
 * a user said of an object, makes another value that is as good as the first. Every row that counts was told a second time, under a checksum; a
 * row that is nothing of what was told has changed by itself, and the chronicle's side is the right one. */
#ifndef METADATA_META_COMPARE_H
#define METADATA_META_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

struct meta;

struct meta_compare {
    /* A line for each row that differs, with a text that is valid during the call. */
    void (*finding)(void *ctx, const char *text);
    bool (*is_over)(void *ctx); /* asked often; true ends it with -ECANCELED. NULL: nobody is asked */
    /* Of a store that is open: called once. When it has returned 0, all changes whose rows may have been seen before have ended, told rows and all:
     * it has a change made, of whatever kind. Else nothing is compared. NULL: nobody changes anything */
    int (*settle)(void *ctx);
    void *ctx;
    /* out: */
    bool is_compared; /* else there is no chronicle that told all, or it was made anew meanwhile */
    uint64_t rows;    /* of the database that were looked at */
    int findings;
};

/* In one snapshot. Damage of the chronicle itself is a finding; one that is kept by this process is made anew then. 0, -ECANCELED or another error.
 * Any thread that may wait. */
int meta_compare_run(struct meta *meta, struct meta_compare *compare);

#endif
