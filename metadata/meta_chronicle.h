/* SPDX-License-Identifier: MIT
 *
 * The chronicle, which tells beside the blobs what they are (chronicle/chronicle.h), as the opener sees it. */
#ifndef METADATA_META_CHRONICLE_H
#define METADATA_META_CHRONICLE_H

#include <stdbool.h>
#include <stdint.h>

struct meta;

struct meta_chronicle_state {
    bool is_kept;     /* the store has one */
    bool is_complete; /* all rows could be made from it, but for those of the last second */
    uint64_t rows;    /* told by the base that is being made, or was made last in this process */
    uint64_t bytes;   /* of its files */
    int error;        /* of its last try to write, 0 if it went well */
};

/* Any thread; cheap. */
void meta_chronicle_state(struct meta *meta, struct meta_chronicle_state *state);

#endif
