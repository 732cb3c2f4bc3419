/* SPDX-License-Identifier: MIT
 *
 * From member to member of a tar archive, without reading anything itself: a walk says which bytes of the archive it wants to see next,
 * and is given them. What lies in between, the members' own bytes, is never asked for.
 *
 *     tar_walk_begin(&walk, length);
 *     while ((step = tar_walk_step(&walk, bytes, &member)) >= 0 && step != TAR_WALK_END) {
 *         if (step == TAR_WALK_MEMBER) ...     the next call needs no bytes
 *         else                                 bytes = walk.want_length bytes from walk.want_offset on
 *     }
 *     tar_walk_free(&walk);
 *
 * The first call is given no bytes (NULL). One thread at a time. */
#ifndef API_ARCHIVE_TAR_WALK_H
#define API_ARCHIVE_TAR_WALK_H

#include "api/archive/limits.h"
#include "api/archive/tar_header.h"
#include "api/archive/tar_records.h"

struct tar_member {
    enum tar_kind kind;    /* never one that is about other members */
    struct slice name;     /* as it stands there: it may be anything, empty too. Until the next call */
    uint64_t offset, size; /* where its bytes are; within the archive */
    int64_t modified_ms;
    struct slice records; /* its pax records, for tar_record_next; may be empty. Until the next call */
};

enum tar_walk_step {
    TAR_WALK_WANTS,
    TAR_WALK_MEMBER,
    TAR_WALK_END, /* a block of zeros, or just the end of the archive after a whole member */
};

struct tar_walk {
    uint64_t want_offset; /* of the archive */
    size_t want_length;   /* at most TAR_EXTENSION_BYTES_MAX */

    /* private */
    uint64_t length, at; /* at: the next header */
    enum {
        TAR_WALK_BEGINS,
        TAR_WALK_AT_HEADER,
        TAR_WALK_IN_EXTENSION,
        TAR_WALK_IN_MAP,
        TAR_WALK_AT_MEMBER
    } state;
    struct tar_header header;
    unsigned extensions;       /* before the next member */
    char *records, *long_name; /* of the next member */
    size_t records_length, long_name_length;
};

/* length: of the archive, at most INT64_MAX. */
void tar_walk_begin(struct tar_walk *walk, uint64_t length);
void tar_walk_free(struct tar_walk *walk);

/* An enum tar_walk_step; -EBADMSG: no archive, damaged or cut short; -ENOTSUP: what is about all members says where they are or how they
 * are called; -E2BIG: a bound of limits.h; -ENOMEM. After an error only tar_walk_free. */
int tar_walk_step(struct tar_walk *walk, const void *bytes, struct tar_member *member);

#endif
