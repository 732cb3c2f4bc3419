/* SPDX-License-Identifier: MIT
 *
 * A tar that was put becomes objects, each of which is a stretch of it: no byte is copied. What is in it is read where it lies, on
 * threads of the core: first the headers, then the members' bytes for their digests.
 *
 *   core_put_seal -> on_sealed(0) -> core_unpack_begin -> done(result) -> core_put_commit_objects -> on_committed -> core_unpack_end
 *
 * The body is that of a put with has_own_file. Calls and callbacks on the worker's thread, but for `take`. */
#ifndef API_CORE_UNPACK_H
#define API_CORE_UNPACK_H

#include "api/archive/tar_walk.h"
#include "api/core/core.h"
#include "storage/base/arena.h"

struct core_unpack;

/* A member that becomes an object. */
struct core_member {
    struct slice key;
    struct slice records; /* of pax, for tar_record_next */
    uint64_t size;
    int64_t modified_ms; /* as the archive has it */
    char etag[META_ETAG_BYTES_MAX + 1];
    unsigned char sum[DIGEST_BYTES_MAX]; /* of the kind that was asked for */
    /* Where its bytes lie: for the object's extents, once core_put_commit_objects has said in which file. None where size is 0. */
    struct meta_extent extent;
};

struct core_unpack_options {
    /* What becomes of a member, before its bytes are looked at: 1, and its key, in the arena; 0: nothing; or a negative result, which is that
     * of all. On a thread of the core; one call at a time. Without memory the arena gives NULL. */
    int (*take)(void *ctx, const struct tar_member *member, struct arena *arena, struct slice *key);
    /* 0; what `take` returned; those of tar_walk_step; -E2BIG: too many members, or too long texts; -EIO, -ENOMEM ... */
    void (*done)(void *ctx, int result);
    void *ctx;
    enum digest_kind sum;
};

/* After on_sealed(0) of the put, which must not be ended before `done`. 0; -EBADMSG: a body of no bytes; -EMFILE, -ENOMEM. There are
 * so many at a time, CORE_UNPACKS_MAX; others wait. */
int core_unpack_begin(struct core_put *put, const struct core_unpack_options *options,
                      struct core_unpack **unpack);
/* From done(0) to core_unpack_end. In the order of the archive. */
struct core_member *core_unpack_members(struct core_unpack *unpack, uint32_t *count);
/* The first bytes of the body, CORE_UNPACK_HEAD_BYTES or all: for whoever has to say what it is, if no tar. From done on. */
#define CORE_UNPACK_HEAD_BYTES 8u
const unsigned char *core_unpack_head(const struct core_unpack *unpack, size_t *length);
/* Not between core_unpack_begin and done. NULL allowed. */
void core_unpack_end(struct core_unpack *unpack);

/* As core_put_commit_object, for many, each with the extent of a member. */
void core_put_commit_objects(struct core_put *put, struct meta_objects_put *op);

#endif
