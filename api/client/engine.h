/* SPDX-License-Identifier: MIT
 *
 * What the kinds of transfers see of the engine: see transfer.h. */
#ifndef API_CLIENT_ENGINE_H
#define API_CLIENT_ENGINE_H

#include <pthread.h>

#include "api/client/transfer.h"

/* A thread's own. */
struct client_worker {
    struct client_engine *engine;
    const struct client_engine_options *options;
    pthread_mutex_t *report_lock;     /* one at a time has something to say */
    struct client_session *from, *to; /* NULL: this machine. The same where both are one server */
};

struct client_transfer_steps {
    /* 0: all is done. 1: pieces are to be done: piece_count, piece_bytes are set. Else a negative errno. */
    int (*begin)(struct client_worker *worker, struct client_transfer *transfer);
    /* index from 0. 0, or a negative errno, after which no further one begins. */
    int (*piece)(struct client_worker *worker, struct client_transfer *transfer, unsigned index);
    /* When none runs any more; transfer->err says whether all went well. Its result is the transfer's. NULL: nothing is to be done. */
    int (*finish)(struct client_worker *worker, struct client_transfer *transfer);
};

extern const struct client_transfer_steps client_upload_steps, client_download_steps, client_copy_steps,
    client_relay_steps, client_delete_steps, client_chain_steps;

/* Fills transfer->why by what the session says and returns err; of several pieces that fail the first counts. Any thread. */
int client_transfer_blame(struct client_transfer *transfer, const struct client_session *session, int err);
/* The same in words; a system's own where format is NULL. */
int client_transfer_fail(struct client_transfer *transfer, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Size and ETag of the source object, where a listing has not told them. The session has the answer then. */
int client_source_look(struct client_worker *worker, struct client_transfer *transfer);
/* err, or where that is 0 and it is a move, what deleting the source object gives. */
int client_source_remove(struct client_worker *worker, struct client_transfer *transfer, int err);

/* Tells options.refused, one thread at a time. */
void client_engine_refuse(const struct client_worker *worker, const char *key, const char *version,
                          const char *why);

/* All of an object, as it came, against what the server says of it: its CRC-64 of the whole, which `crc` is the one of the bytes for, else an ETag that is
 * an MD5. 0, or -EBADMSG. */
int client_transfer_compare(struct client_transfer *transfer, const struct client_bytes *bytes,
                            const struct client_object *object, uint64_t crc);

/* How large the parts of an upload are: as asked for, unless that would be too many. */
uint64_t client_part_bytes(uint64_t size, uint64_t wanted);
/* Where piece `index` lies. */
struct client_bytes client_piece_of(const struct client_transfer *transfer, unsigned index);
/* A multipart upload of transfer->size to transfer->to: parts of client_part_bytes, the memory for them, and either an earlier upload of the same bytes
 * (`resume`), or a new one. Returns 1 as begin does. */
int client_parts_begin(struct client_worker *worker, struct client_transfer *transfer, bool resume);
int client_parts_complete(struct client_worker *worker, struct client_transfer *transfer);

#endif
