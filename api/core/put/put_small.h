/* SPDX-License-Identifier: MIT
 *
 * The body of a small put: gathered in memory, digested together with the others that are complete in the same turn of the
 * worker, then handed to the segments. No file, no digest thread. Worker's thread. */
#ifndef API_CORE_PUT_SMALL_H
#define API_CORE_PUT_SMALL_H

#include "api/core/core.h"
#include "api/core/many/pack.h"

struct put_small;

/* A worker's bodies that are complete and wait for their digests. Begins as zeros. */
struct put_small_queue {
    struct put_small *first, *last;
    uint32_t count;
};

/* Whether a body of that length (UINT64_MAX: unknown) goes this way. */
bool put_small_fits(uint64_t length);
/* chunks: as core_put_options.chunks; taken over on success. is_sealed: there is room for the head and the tag, and put_small_close comes. 0 or
 * -ENOMEM. */
int put_small_create(struct put_small **small, uint32_t length, bool is_sealed,
                     const struct digest_chunk_ops *chunks);
/* NULL allowed. */
void put_small_free(struct put_small *small);

/* As core_put_splice and core_put_write. */
ssize_t put_small_receive(struct put_small *small, int socket_fd, size_t max);
ssize_t put_small_write(struct put_small *small, const void *data, size_t length);
uint32_t put_small_taken(const struct put_small *small);
int put_small_chunk_end(struct put_small *small, const struct digest_chunk *chunk);

typedef void (*put_small_sealed_fn)(void *ctx, int result);

/* The body is complete. 0: sealed is called by put_small_queue_run, once, unless the body is freed before, with 0 when *values,
 * which must live until then, has been filled in; or -EIO. Else -EINVAL (fewer bytes than announced), -EBADMSG (a signed chunk
 * was refused), -EIO. */
int put_small_seal(struct put_small *small, struct put_small_queue *queue, uint32_t digest_mask,
                   struct digest_values *values, put_small_sealed_fn sealed, void *ctx);
/* Digests what waits, and calls sealed for each. True if anything waited. */
bool put_small_queue_run(struct put_small_queue *queue);

/* After sealed(0), once: the body becomes a sealed one, whose checksum is *crc. 0, or -EIO, -ENOMEM. */
int put_small_close(struct put_small *small, const struct seal_key *key, uint32_t part, uint64_t *crc);

/* The bytes for the segment; valid as long as the body. */
void put_small_unit(const struct put_small *small, struct segment_unit *unit);

#endif
