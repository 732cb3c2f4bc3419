/* SPDX-License-Identifier: MIT
 *
 * The body of a put on its way to a file, to be sealed: plain bytes are gathered, threads of their own digest and encrypt them a batch at a
 * time, and what comes of it is written by the put's writer. While one batch is at a thread, the next is gathered; no more than the two are
 * ever held. Worker's thread. */
#ifndef API_CORE_SEALED_SEALED_PUT_H
#define API_CORE_SEALED_SEALED_PUT_H

#include "api/core/core_internal.h"

struct sealed_put;

struct sealed_put_events {
    void (*on_room)(void *ctx);
    /* All is at the writer, which can be sealed now; values: of the plain bytes, valid during the call. Or the failure. Also from inside
     * sealed_put_finish, where that fails. */
    void (*on_finished)(void *ctx, int result, const struct digest_values *values);
};

/* The threads; none is started before there is work. 0 or -ENOMEM. */
int sealed_pool_create(struct work_pool **pool, unsigned threads);

/* options: as of the put, with a seal. writer: the put's own, for the stored bytes, freed after the sealed put; its on_room is to lead to
 * sealed_put_resume. 0 (then the chunks are taken over), -ENOMEM, -EIO. */
int sealed_put_create(struct sealed_put **sealed, struct core_worker *worker, struct blob_writer *writer,
                      const struct core_put_options *options, const struct sealed_put_events *events,
                      void *ctx);
/* As core_put_write and core_put_chunk_end. */
ssize_t sealed_put_write(struct sealed_put *sealed, const void *data, size_t length);
int sealed_put_chunk_end(struct sealed_put *sealed, const struct digest_chunk *chunk);
/* The writer takes bytes again. */
void sealed_put_resume(struct sealed_put *sealed);
uint64_t sealed_put_taken(const struct sealed_put *sealed);
/* No more bytes will come; on_finished follows. */
void sealed_put_finish(struct sealed_put *sealed);
/* Any time; no event follows. NULL allowed. */
void sealed_put_free(struct sealed_put *sealed);

#endif
