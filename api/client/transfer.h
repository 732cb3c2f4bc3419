/* SPDX-License-Identifier: MIT
 *
 * Transfers: many at a time, and the large ones in pieces, each thread with a connection of its own.
 *
 *      client_engine_start(&engine, &options);
 *      client_engine_add(engine, transfer);   as often as there is something to do; waits while CLIENT_QUEUE_MAX are waiting
 *      client_engine_finish(engine);          waits for all
 *
 * A thread with a blocking connection, rather than one loop over all connections: each transfer reads as it happens, digests run on all cores, and
 * a disk that waits holds nobody else up.
 *
 * Each transfer is done in three steps: `begin` does all of a small one, or prepares pieces for a large one; `piece` does one of them, on whatever
 * thread is free; `finish` ends it, on the thread that did the last. A piece comes before a transfer that has not begun, so that few are open at a
 * time. Then options.done is told, one transfer at a time. */
#ifndef API_CLIENT_TRANSFER_H
#define API_CLIENT_TRANSFER_H

#include <pthread.h>
#include <sys/types.h>

#include "api/client/uploads.h"

enum client_transfer_kind {
    CLIENT_UPLOAD,   /* a file here to an object */
    CLIENT_DOWNLOAD, /* an object to a file here */
    CLIENT_COPY,     /* an object to another of the same server, which moves the bytes */
    CLIENT_RELAY,    /* an object to one of another server, through this process */
    CLIENT_DELETE,   /* up to CLIENT_DELETE_KEYS_MAX objects of from_bucket */
    CLIENT_CHAIN,    /* versions and delete markers of a key, the oldest first, to another server */
    CLIENT_TRANSFER_KINDS
};

struct client_link {
    const char *version;
    uint64_t size;
    char etag[80];
    bool is_marker;
};

struct client_transfer {
    struct client_transfer *next; /* the engine's */
    enum client_transfer_kind kind;
    char *from_bucket, *from; /* a key; or the path of a file, without a bucket */
    char *from_version;       /* NULL: the current one */
    char *to_bucket, *to;
    uint64_t size; /* as it was found */
    bool
        has_size; /* it is known from a listing, with etag and modified_ms, and in bytes_all; of an upload always */
    char etag[80];
    int64_t modified_ms;
    bool is_mirror;      /* of a relay: as its source, in as many parts, and with its locks */
    bool removes_source; /* a move */
    struct client_attribute *
        attributes; /* of what is written; NULL: none, or of a copy those of the source. Values are the transfer's */
    size_t attribute_count;
    uint64_t
        part_bytes; /* 0: the engine's. A mirror sets the source's own, so that the ETag comes out the same */

    /* CLIENT_CHAIN */
    struct client_link *links; /* versions are the transfer's */
    size_t link_count;

    /* CLIENT_DELETE */
    struct client_doomed *doomed; /* texts are the transfer's */
    size_t doomed_count;
    unsigned failed_count; /* of those */

    /* What became of it. */
    int err;
    char why[CLIENT_WHY_BYTES];

    /* While it is under way. */
    int fd;
    /* The kernel lets one thread at a time write to a file, and those that wait for it spin: they sleep here. */
    pthread_mutex_t writing;
    char *temporary; /* the name of the file until it is whole */
    char *upload;    /* the id of a multipart upload */
    struct client_part *parts;
    unsigned piece_count, piece_next, piece_running;
    uint64_t piece_bytes;
    uint64_t resumed_bytes; /* that an earlier run had sent, or left */
    bool is_part_file;      /* temporary stays for a later run, unless it is of no use */
};

/* NULL: no memory. The texts are copied; NULL allowed. */
struct client_transfer *client_transfer_make(enum client_transfer_kind kind, const char *from_bucket,
                                             const char *from, const char *to_bucket, const char *to);
/* Copies the pair into it. False: no memory. */
bool client_transfer_attribute(struct client_transfer *transfer, const char *name, const char *value);
void client_transfer_free(struct client_transfer *transfer);

struct client_progress {
    atomic_ullong bytes_done, bytes_all; /* of bodies */
    atomic_ullong items_done, items_all, items_failed;
};

struct client_engine_options {
    const struct client_target *from, *to; /* NULL: this machine. They outlive the engine */
    unsigned connections;
    uint64_t part_bytes;
    enum client_checksum checksum;
    bool never_resumes;
    mode_t file_mode; /* of files that downloads make, 0666 without the umask */
    struct client_progress *progress;
    const atomic_bool *cancelled;
    /* On any thread, one at a time. The transfer is freed when it returns. */
    void (*done)(void *ctx, const struct client_transfer *transfer);
    /* CLIENT_DELETE: one of them stays. The same rules. */
    void (*refused)(void *ctx, const char *key, const char *version, const char *why);
    void *ctx;
};

struct client_engine;

/* 0, -ENOSYS without libcurl, -ENOMEM, -EAGAIN: no threads. */
int client_engine_start(struct client_engine **engine, const struct client_engine_options *options);
/* Takes the transfer over. */
void client_engine_add(struct client_engine *engine, struct client_transfer *transfer);
/* Waits for all, and frees the engine. */
void client_engine_finish(struct client_engine *engine);

#endif
