/* SPDX-License-Identifier: MIT
 *
 * An import from another store of ours: what its files share. One thread walks the versions of a bucket, and hands each key with all of its
 * versions to the pool; a key is one thread's, which takes the oldest version first.
 *
 * Rows are taken over as they are, and bodies through memory, where they are compared with their checksums as they pass: in the new store they
 * lie as it keeps them. Nothing is replaced or deleted, so an import that was cut off goes on when it is done again. */
#ifndef API_IMPORT_STORE_STORE_H
#define API_IMPORT_STORE_STORE_H

#include "api/import/import.h"

struct from_bucket {
    struct from_bucket *next;
    struct meta_bucket bucket; /* as it is there */
    int64_t id;                /* here */
};

struct from {
    struct import import;
    struct sluice_store *store; /* from which it comes; only read */
    struct from_bucket *buckets;
};

struct from_version {
    struct meta_version_id id;
    bool is_marker;
    char owner[65]; /* of a delete marker, which is not told but in listings */
};

/* A key, on its way through the pool. */
struct from_key {
    struct queue_link link;
    const struct from_bucket *bucket;
    struct from_version *versions; /* newest first */
    size_t count, capacity;
    size_t length;
    char key[META_KEY_BYTES_MAX + 1];
};

/* ---- store_buckets.c ---- */

/* Makes the buckets that are not there, and fills from->buckets. */
int from_buckets(struct from *from);
/* Their settings and quotas, once all objects are there; and names the uploads that were never completed. */
int from_settings(struct from *from);

/* ---- store_key.c: threads of the pool ---- */

/* buffer: IMPORT_COPY_BYTES. Takes the key over, or says why not. 0, or an error that ends the import. */
int from_key_import(struct from *from, const struct from_key *key, void *buffer);

#endif
