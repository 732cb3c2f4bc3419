/* SPDX-License-Identifier: MIT
 *
 * One upload on its way into a file that nobody can see yet: bytes come in by splice from a socket, or by copy; they
 * are digested while they arrive; publishing makes them a durable blob.
 *
 * Everything happens on the thread of the ring that the writer was made with, and nothing blocks it: opening, space
 * reservation, pipe -> file, syncs and links run in the ring. Progress is told through the events.
 *
 *   begin -> on_ready(0) -> splice / write ... -> seal -> on_sealed(0) -> publish -> on_published(0, blob) -> free
 *
 * blob_writer_free is allowed at any moment (operations in flight detach and clean up after themselves; no event is
 * delivered afterwards) and removes what was not published. After a failure only free is allowed. */
#ifndef STORAGE_INGRESS_BLOB_WRITER_H
#define STORAGE_INGRESS_BLOB_WRITER_H

#include "storage/blob/blob_store.h"
#include "storage/digest/digest_pool.h"
#include "storage/ring/pipe_pool.h"
#include "storage/ingress/pump_pool.h"

struct blob_writer;

/* Delivered on the ring's thread, from ring_reap, never from inside a blob_writer_* call. */
struct blob_writer_events {
    /* The file is open and, where the length is known, its space (of a long one: the first of it) is reserved: -ENOSPC, -EDQUOT,
     * -EMFILE, -EIO ... */
    void (*on_ready)(void *ctx, int result);
    /* A splice or write that returned -EBUSY may be tried again. */
    void (*on_room)(void *ctx);
    /* All bytes are in the file and digested; values stay valid until free.
     * 0, -EBADMSG (a signed chunk was refused), -ENOSPC, -EIO ... */
    void (*on_sealed)(void *ctx, int result, const struct digest_values *values);
    /* The blob has its name; with a durable store bytes and name are synced. blob is 0 for an empty body: no file.
     * The receiver owes a blob_store_settle for a non-zero blob. */
    void (*on_published)(void *ctx, int result, uint64_t blob);
};

struct blob_writer_options {
    struct blob_store *store;
    struct ring *ring;
    struct pipe_pool *pipes;
    struct digest_pool *digests;
    /* For a body that comes by splice in one long run, or NULL: threads that take it in whole megabytes. blob_writer_splice then
     * answers -EBUSY first; the next call after on_room must be another splice, of as much or more, and tells what came. */
    struct pump_pool *pumps;
    uint64_t length;      /* body length in bytes, UINT64_MAX when unknown */
    uint32_t digest_mask; /* DIGEST_BIT of each kind wanted; DIGEST_OF_CONTENT is always added */
    /* Kinds wanted in addition if the body turns out to be at most digest_small_bytes_max long. */
    uint32_t digest_mask_small;
    uint64_t digest_small_bytes_max;
    bool is_read; /* by blob_writer_reader: on_sealed comes when all bytes are in the file, not before */
    const struct digest_chunk_ops *chunks;   /* signed chunks, or NULL; copied */
    const struct blob_writer_events *events; /* must outlive the writer */
    void *ctx;
};

/* Returns 0 or -ENOMEM, -EMFILE; on_ready follows. */
int blob_writer_begin(struct blob_writer **writer, const struct blob_writer_options *options);

/* Moves up to `max` bytes from a non-blocking stream socket towards the file, through a pipe.
 * Returns bytes taken from the socket (> 0), or
 *   0         the peer has closed its side
 *   -EAGAIN   the socket has nothing now
 *   -EBUSY    the writer has no room now; on_room follows
 *   -EOPNOTSUPP  splicing is not possible here (said once in the log); use blob_writer_write
 *   other     the upload has failed (sticky) */
ssize_t blob_writer_splice(struct blob_writer *writer, int socket_fd, size_t max);

/* Takes up to `length` bytes from memory (copied). Returns bytes taken (> 0), -EBUSY, or a sticky failure.
 * May be mixed with splice in any order; bytes keep the order of the calls. */
ssize_t blob_writer_write(struct blob_writer *writer, const void *data, size_t length);

/* Whether the writer wants blob_writer_splice at all (false in standard copy mode and after -EOPNOTSUPP). */
bool blob_writer_can_splice(const struct blob_writer *writer);

/* Whether blob_writer_splice leaves the moving to the pump threads. Known from begin on. */
bool blob_writer_splices_aside(const struct blob_writer *writer);

/* Bytes taken so far. */
uint64_t blob_writer_taken(const struct blob_writer *writer);

/* A signed chunk ends at chunk->end payload bytes (see digest_pool.h). Returns 0 or -ENOMEM. */
int blob_writer_chunk_end(struct blob_writer *writer, const struct digest_chunk *chunk);

/* No more bytes will come; on_sealed follows. Syncing may start meanwhile. */
void blob_writer_seal(struct blob_writer *writer);
/* From on_sealed(0) until publish: a descriptor to read the body from, the caller's to close; or a negative errno. Of a body that has bytes,
 * begun with is_read. */
int blob_writer_reader(const struct blob_writer *writer);
/* From on_ready(0) on: a descriptor to read from what is in the file by then, blob_writer_written bytes, while more comes; the caller's to close. -EOPNOTSUPP:
 * an empty body has no file. */
int blob_writer_follow(const struct blob_writer *writer);
uint64_t blob_writer_written(const struct blob_writer *writer);
/* After on_sealed(0): on_published follows. */
void blob_writer_publish(struct blob_writer *writer);

/* Any state; see above. NULL is allowed. */
void blob_writer_free(struct blob_writer *writer);

#endif
