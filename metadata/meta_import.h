/* SPDX-License-Identifier: MIT
 *
 * A version that comes from another store as it was there: with its id, its time and its ETag. Of one key they come oldest first, for each is put
 * before all that the key has. Nothing is ever replaced or deleted by it, so it can be done again: what is there is told, and left as it is. */
#ifndef METADATA_META_IMPORT_H
#define METADATA_META_IMPORT_H

#include "metadata/meta.h"

#define META_IMPORT_MS_MAX (INT64_MAX >> 16) /* the year 6429: places have room for no later one */

/* -EINVAL: a time of 1970 or before, or too late a one; META_E_NO_BUCKET; -EEXIST: the version is there; META_E_CHANGED: the key has something newer, or another null version; META_E_BUCKET_STATE: a version
 * with a name, or a delete marker, in a bucket that never had versioning, or whatever in a cache bucket. */
struct meta_object_import {
    union {
        struct meta_op op; /* META_OP_OBJECT_IMPORT; it is that of put */
        struct meta_object_put
            put; /* bucket, key and object, whose modified_ms is not 0; conditions do not count */
    };
    bool is_marker;                              /* a delete marker: of the object time and owner count */
    bool is_null;                                /* the null version */
    unsigned char name[META_VERSION_NAME_BYTES]; /* else what it is called; not all zero */
    /* Of a store like this one: not the name counts but the whole id, with its place. META_E_CHANGED where the key has something newer by that. Times
     * need not ascend then; those of ours follow the places, and not the clock. Of a null version whose place is not known: all zero. */
    bool has_id;
    struct meta_version_id id;
};

#endif
