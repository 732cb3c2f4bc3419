/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share. */
#ifndef STORAGE_COPY_COPY_INTERNAL_H
#define STORAGE_COPY_COPY_INTERNAL_H

#include "storage/blob/blob_internal.h"
#include "storage/copy/blob_copy.h"

struct blob_copy {
    struct blob_store *to;     /* NULL: there is no target */
    char *from_path, *to_path; /* or NULL */
    int from_fd, from_blobs_fd;
    bool may_share, can_clone;
    struct blob_identity identity; /* the source's, from its SEQUENCE */
    uint64_t records_from;         /* the same */
    struct blob_copy_counts counts;

    uint64_t open_blob; /* of a segment that is being copied; 0: none */
    int open_from, open_to;
};

int copy_folder_make(struct blob_copy *copy, uint64_t blob);
bool copy_can_clone(struct blob_copy *copy);
/* Closes what is open of segments. 0 or the errno of closing. */
int copy_segment_close(struct blob_copy *copy);

#endif
