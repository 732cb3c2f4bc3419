/* SPDX-License-Identifier: MIT
 *
 * Digests of what parts of an upload are going to be, before they are an object: for a client that says what its bytes are only when all of
 * them are there. No byte moves, and nothing of it is seen. Worker's thread. */
#ifndef API_CORE_PARTS_DIGEST_H
#define API_CORE_PARTS_DIGEST_H

#include "api/core/core.h"

/* Caller-owned, with all that it points to, until done. */
struct core_parts_digest {
    int64_t bucket;
    struct slice key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    const struct meta_complete_part *parts; /* as in meta_upload_complete, with their ETags */
    uint32_t part_count;
    const uint32_t *order; /* the same; may be NULL */
    uint32_t mask;         /* DIGEST_BIT of each that is wanted */
    /* On the worker's thread. result: 0, and values; META_E_INVALID_PART, META_E_NO_UPLOAD; -EAGAIN: parts of it go on changing; -EIO: what is
     * stored is damaged or cannot be read; or an error. */
    void (*done)(struct core_parts_digest *digest, int result, const struct digest_values *values);
    void *ctx;
};

/* Reads them on digest threads, however many bytes they are. 0; -ENOMEM: done is not called. */
int core_parts_digest(struct core_worker *worker, struct core_parts_digest *digest);

#endif
