/* SPDX-License-Identifier: MIT
 *
 * The parts of an upload put together as the object that they become. No byte moves: its extents are those of its parts, one list
 * after the other. The change does it (change_upload.c), or a reader beforehand (read_parts.c). Private to metadata/; the thread of
 * the arena. */
#ifndef METADATA_ROWS_ASSEMBLY_H
#define METADATA_ROWS_ASSEMBLY_H

#include "metadata/rows/arena_bytes.h"
#include "metadata/rows/row_store.h"

/* The object as it grows. */
struct assembly {
    struct arena *arena;                     /* all memory is from there */
    const struct meta_complete_part *wanted; /* ascending numbers */
    uint32_t wanted_count;
    const uint32_t *order; /* as in meta_upload_complete; set after assembly_begin */
    struct slice *pieces;  /* each wanted part's extents as stored, without the head of the list */
    struct meta_part_size *sizes;
    struct meta_part_checksums checksums; /* algorithm 0 once a part had another one, or none */
    unsigned char *values;                /* theirs */
    uint32_t count;                       /* so far */
    size_t pieces_bytes;
    uint64_t extent_count, size;
};

/* What an object's row gets from its parts, as it is stored. */
struct assembled {
    struct slice extents, parts;
    uint64_t size;
};

/* All but the extents. 0 or META_E_CORRUPT. */
int part_row_decode(const struct part_row *row, struct meta_part *part);

/* 0, META_E_INVALID_PART for a list that no upload can have, or -ENOMEM. */
int assembly_begin(struct assembly *assembly, struct arena *arena, const struct meta_complete_part *wanted,
                   uint32_t wanted_count);
/* The next part that is stored, in ascending order, wanted or not; extents are its encoded list. META_E_INVALID_PART: its ETag
 * differs, or a wanted one is missing before it. */
int assembly_add(struct assembly *assembly, const struct meta_part *part, struct slice extents);
/* META_E_INVALID_PART: a wanted one was not among them. */
int assembly_finish(struct assembly *assembly, struct assembled *whole);

/* What a reader has put together for this change; NULL when it is for another list or the upload's parts may have changed since.
 * Committer's thread. */
const struct assembled *assembly_made_before(const struct meta_upload_complete *op,
                                             const struct row_changes *changes);

#endif
