/* SPDX-License-Identifier: MIT
 *
 * An import under way: what its threads share. One thread walks the folder, and hands each key to the pool; a key is one thread's from its xl.meta to
 * its last row, so its versions come in their order. Threads share the syncs of their commits.
 *
 * Nothing is replaced or deleted. What killed an import leaves is a key with its older versions alone; done again, it finds those and goes on. */
#ifndef API_IMPORT_IMPORT_H
#define API_IMPORT_IMPORT_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/import/folder.h"
#include "api/import/frames.h"
#include "api/import/xl_object.h"
#include "api/library/library.h"

struct work_pool;

struct import_bucket {
    struct import_bucket *next;
    int64_t id;
    int folder; /* open */
    char name[META_BUCKET_NAME_BYTES_MAX + 1];
};

struct import {
    struct sluice_store *store;
    const struct sluice_import_options *options;
    int folder; /* the data folder */
    struct import_bucket *buckets;
    struct work_pool *pool;
    atomic_int error; /* the first that ends all of it */

    pthread_mutex_t lock; /* of what follows, and around callbacks */
    pthread_cond_t room;
    unsigned waiting; /* keys that are with the pool */
    struct sluice_import_report *report;
};

/* ---- import_key.c ---- */

/* What a thread has to itself. */
struct import_hand {
    struct import *import;
    struct arena arena;
    struct frames frames;
};

/* path: from the bucket's folder on. Takes the key over with all of its versions, or says why not. 0, or an error that ends the import. */
int import_key(struct import_hand *hand, const struct import_bucket *bucket, const char *path,
               const char *key);
/* The first version of a file of MinIO's own that is stored as objects are, into memory: the caller's to free. 0, -EBADMSG ..., and *why. */
int import_system_file(struct import_hand *hand, const char *path, struct slice *bytes, const char **why);

/* ---- import_buckets.c ---- */

/* Makes the buckets that are not there, and fills import->buckets. */
int import_buckets(struct import_hand *hand);
/* Hands on their settings, once all objects are there. */
int import_settings(struct import_hand *hand);
/* Names the uploads that were never completed. */
int import_uploads(struct import_hand *hand);

/* ---- import_report.c: any thread ---- */

void import_find(struct import *import, enum sluice_import_kind kind, const char *bucket, const char *key,
                 const char *version, const char *why);
/* Adds to the report's counts, and tells. */
void import_count(struct import *import, const struct sluice_import_report *more);
bool import_is_over(struct import *import);
/* Ends it; the first error counts. */
void import_fail(struct import *import, int err);

#endif
