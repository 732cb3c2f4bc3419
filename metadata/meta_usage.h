/* SPDX-License-Identifier: MIT
 *
 * What buckets hold, counted: objects, noncurrent versions, delete markers, unfinished uploads, annotations, and their bytes. The counts are
 * rows, changed in the transaction of each row that they count, and kept in memory, so that asking costs nothing.
 *
 * Bytes are those that clients stored: a copy counts as what it was copied from, though both share their bytes on the disk. What no client sees
 * counts nowhere: garbage that waits for its removal, and what a relaxed store keeps of objects that were replaced.
 *
 * A store from before there were counts is counted in slices (META_OP_USAGE_STEP): what is stored and deleted meanwhile is counted right.
 * Until that is done meta_usage_is_whole is false, and the counts are of what has been counted so far. */
#ifndef METADATA_META_USAGE_H
#define METADATA_META_USAGE_H

#include "metadata/meta.h"

/* Stored: numbers are never used anew. */
enum meta_usage_kind {
    META_USAGE_OBJECTS = 0,     /* current objects */
    META_USAGE_VERSIONS = 1,    /* noncurrent versions, without delete markers */
    META_USAGE_MARKERS = 2,     /* delete markers; they have no bytes */
    META_USAGE_UPLOADS = 3,     /* unfinished uploads; their bytes are those of their parts */
    META_USAGE_PARTS = 4,       /* the parts of those */
    META_USAGE_ANNOTATIONS = 5, /* of objects and versions, wherever they are shared once for each */
    META_USAGE_STAGED = 6,      /* what publications have prepared, until it is where objects lie */
    META_USAGE_KINDS
};

struct meta_usage_count {
    uint64_t count, bytes;
};

/* A bound of what a bucket, the buckets of an owner, or all of them may hold. */
#define META_QUOTA_NONE UINT64_MAX

struct meta_quota {
    uint64_t bytes_max;   /* of all kinds; or META_QUOTA_NONE */
    uint64_t objects_max; /* current objects, noncurrent versions, and what is staged; or META_QUOTA_NONE */
};

struct meta_usage {
    int64_t bucket;
    char name[META_BUCKET_NAME_BYTES_MAX + 1];
    char owner[65];
    struct meta_usage_count kinds[META_USAGE_KINDS];
    struct meta_quota quota;
};

/* What a quota is compared with. */
uint64_t meta_usage_bytes(const struct meta_usage *usage);
uint64_t meta_usage_objects(const struct meta_usage *usage);

/* ---- Reads, from memory: any thread. As of the last batch that was committed. ---- */

/* 1, or 0: there is no such bucket. */
int meta_usage_get(struct meta *meta, int64_t bucket, struct meta_usage *usage);
/* By ascending bucket > after, up to limit. The count. */
size_t meta_usage_list(struct meta *meta, int64_t after, struct meta_usage *list, size_t limit);
/* Whether all that there is has been counted. */
bool meta_usage_is_whole(const struct meta *meta);

/* ---- Quotas ----
 *
 * A change that adds bytes, or objects, and comes out above a quota of its bucket, of the owner of its bucket (all buckets that are his) or of the
 * store, fails with META_E_QUOTA and leaves nothing: it is judged in its transaction, as all others before it have left the counts. What frees
 * more than it adds is done in any case. So is what nobody asks for now: replays, sweeps. */

struct meta_quota_owner {
    char owner[65];
    struct meta_quota quota;
};

/* Replace the quota of the store, and those of owners (copied); those of buckets are rows. For the changes from here on. Any thread. The
 * second: 0 or -ENOMEM, all is as it was. */
void meta_quota_set_store(struct meta *meta, struct meta_quota quota);
int meta_quota_set_owners(struct meta *meta, const struct meta_quota_owner *owners, size_t count);

/* Whether there is any quota. Any thread; an atomic load. */
bool meta_quotas_any(const struct meta *meta);
/* How many bytes and objects the quotas leave to the bucket, as of the last batch; META_QUOTA_NONE where nothing bounds them. Any
 * thread. */
struct meta_quota meta_quota_room(struct meta *meta, int64_t bucket);

/* ---- Changes ---- */

/* META_E_NO_BUCKET; -EINVAL: a bound beyond INT64_MAX that is not META_QUOTA_NONE. What is held already may be more. */
struct meta_quota_set {
    struct meta_op op;
    int64_t bucket;
    struct meta_quota quota;
};

/* Counts a slice of what has not been counted yet, of all buckets. Not wanted while meta_usage_is_whole: then it does nothing. */
struct meta_usage_step {
    struct meta_op op;
    uint32_t rows; /* out: how many it has counted */
    bool more;     /* out: there is another slice */
};

/* Forgets all counts: everything is to be counted anew, by steps. */
struct meta_usage_recount {
    struct meta_op op;
};

#endif
