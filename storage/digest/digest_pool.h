/* SPDX-License-Identifier: MIT
 *
 * Digest threads: they compute a set of digests over a file while it is still being filled, reading the page cache
 * through mmap. One stream follows one upload; its bytes are digested in order by one thread at a time.
 *
 * A stream may also be told where signed chunks end (aws-chunked). For each chunk the stream hands the chunk's SHA-256
 * to `verify`; a refused chunk makes the whole stream end with -EBADMSG, and so do bytes that belong to no chunk.
 *
 * Life cycle: digest_stream_open; digest_stream_bind once the file is open; any number of digest_stream_advance /
 * digest_stream_chunk_end; then exactly one of digest_stream_finish or digest_stream_cancel, after which the stream must
 * not be touched. These calls come from one thread at a time and never block. */
#ifndef STORAGE_DIGEST_DIGEST_POOL_H
#define STORAGE_DIGEST_DIGEST_POOL_H

#include "storage/digest/digest.h"

struct digest_pool;
struct digest_stream;

#define DIGEST_CHUNK_TAG_BYTES 64u

struct digest_chunk {
    uint64_t end;                              /* payload offset after the chunk's last byte */
    unsigned char tag[DIGEST_CHUNK_TAG_BYTES]; /* whatever `verify` needs, copied as given */
};

/* On a digest thread. sha256: of the chunk's bytes. Returns 0, or anything else to refuse. ctx must stay valid until
 * the stream has finished or, after a cancel, until `released` ran. */
struct digest_chunk_ops {
    int (*verify)(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk);
    /* The stream will not use ctx again; any thread, exactly once: after a cancel, or just before done. May be NULL. */
    void (*released)(void *ctx);
    void *ctx;
};

/* On a digest thread, once: result is 0, -EBADMSG (a chunk was refused), -EIO or -ENOMEM; values is valid during the call. */
typedef void (*digest_done_fn)(void *ctx, int result, const struct digest_values *values);

/* threads: 1 .. DIGEST_THREADS_MAX. Threads start on first use. */
int digest_pool_create(struct digest_pool **pool, unsigned threads);
/* All streams must have been finished or cancelled; waits for the threads. */
void digest_pool_destroy(struct digest_pool *pool);

/* mask may be 0 when only chunks are verified. chunks may be NULL (then no chunk ends may be told); copied.
 * Returns 0, -ENOMEM (also when no thread can be started), or -EIO if the digest library refuses a kind. */
int digest_stream_open(struct digest_pool *pool, uint32_t mask, const struct digest_chunk_ops *chunks,
                       struct digest_stream **stream);
/* The kinds in mask are wanted only of a body of at most bytes_max: they are dropped, and missing in the values, as soon as
 * the stream hears of more bytes. To be called before the first digest_stream_advance. */
void digest_stream_limit(struct digest_stream *stream, uint32_t mask, uint64_t bytes_max);
/* fd: duplicated by the stream, so the caller may close its own at any time. Returns 0 or -EMFILE. */
int digest_stream_bind(struct digest_stream *stream, int fd);
/* Bytes [0, end) of the file are final and may be digested. */
void digest_stream_advance(struct digest_stream *stream, uint64_t end);
/* A signed chunk ends at chunk->end. Must come in order; before or after the advance over its bytes. An empty chunk
 * ends where the one before it did. Returns 0 or -ENOMEM. */
int digest_stream_chunk_end(struct digest_stream *stream, const struct digest_chunk *chunk);
/* The body is `length` bytes long and all of it is in the file; bind may have been left out when length is 0. done runs on a digest thread, possibly at once. */
void digest_stream_finish(struct digest_stream *stream, uint64_t length, digest_done_fn done, void *ctx);
/* Drops the stream; its done never runs. */
void digest_stream_cancel(struct digest_stream *stream);

#endif
