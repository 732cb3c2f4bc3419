/* SPDX-License-Identifier: MIT
 *
 * The public library over the core: what its files share, and the one door from a store of sluice.h to its core.
 *
 * A call of the library leases a worker, does its work on the caller's thread, waiting where the core answers later, and
 * gives the worker back. Writers hold theirs from begin to end. */
#ifndef API_LIBRARY_LIBRARY_H
#define API_LIBRARY_LIBRARY_H

#include <pthread.h>

#include "api/core/import.h"
#include "api/sluice.h"

/* The core of an open store: for the server that serves it. Valid until sluice_store_close. */
struct core *sluice_store_core(struct sluice_store *store);

/* Workers kept for the next call; more are made while more calls run at once. */
#define LIBRARY_WORKERS_IDLE_MAX 8

struct sluice_store {
    struct core *core;
    void (*log)(void *ctx, enum sluice_log_level level, const char *message);
    void *log_ctx;
    pthread_mutex_t lock;
    struct core_worker *idle[LIBRARY_WORKERS_IDLE_MAX];
    unsigned idle_count;
    struct key_ring *keys; /* or NULL */
};

int library_lease(struct sluice_store *store, struct core_worker **worker);
/* Nothing is left in flight afterwards. worker may be NULL. */
void library_give_back(struct sluice_store *store, struct core_worker *worker);

/* The result of a call that may have met what is encrypted, as sluice.h tells it. */
int library_result(int result);

/* Carries a change out and returns its result. */
int library_change(struct core_worker *worker, struct meta_op *op);

/* Both names checked, the bucket looked up. SLUICE_E_BUCKET_NAME, SLUICE_E_KEY, SLUICE_E_NO_BUCKET, errno.
 * key may be NULL. */
int library_find_bucket(struct core_worker *worker, const char *bucket, const char *key, int64_t *id);

/* A writer for a version of another store (api/import/), of exactly `length` bytes: no digest is made for an ETag, and it ends with
 * library_writer_import, which fills op's bucket, key, size and extents, and frees it; or is aborted. */
int library_writer_begin_import(struct sluice_store *store, const char *bucket, const char *key,
                                uint64_t length, struct sluice_writer **writer);
/* The next `length` bytes from where the descriptor of a file stands, moved within the kernel. -EOPNOTSUPP: nothing was moved, they are to be written. */
int library_writer_fill(struct sluice_writer *writer, int fd, uint64_t length);
int library_writer_import(struct sluice_writer *writer, struct meta_object_import *op);

/* version: NULL where it is not known. */
void library_info_fill(struct sluice_object_info *info, uint64_t size, int64_t modified_ms, const char *etag,
                       const struct meta_version_id *version);

#endif
