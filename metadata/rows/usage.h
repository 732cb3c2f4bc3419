/* SPDX-License-Identifier: MIT
 *
 * What buckets hold, in memory: the counts as the open batch has made them, which are the committer's, and as the last commit left them, which
 * anybody may read (meta_usage.h). Who stores or removes a row says so here (sqlite/row_*.c); what a change or a batch that fails has said
 * is taken back. The rows are written once a batch, one for each bucket and kind that was touched (sqlite/row_usage.c).
 *
 * The committer's thread, but for what meta_usage.h says. Private to metadata/. */
#ifndef METADATA_ROWS_USAGE_H
#define METADATA_ROWS_USAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "metadata/meta_usage.h"

/* Changes within changes: a batch's, a replayed one's within it. */
#define USAGE_DEPTH_MAX 4

struct usage_number {
    int64_t count, bytes;
};

/* Numbers come from rows, which may be damaged: sums go round where they have no room, so that what was added is taken back exactly. */
static inline int64_t usage_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t usage_negated(int64_t number)
{
    return (int64_t)(0 - (uint64_t)number);
}

struct usage_entry {
    int64_t bucket;
    char name[META_BUCKET_NAME_BYTES_MAX + 1], owner[65];
    struct usage_number now[META_USAGE_KINDS];  /* with the open batch */
    struct usage_number told[META_USAGE_KINDS]; /* under the lock: as committed */
    struct meta_quota quota, quota_told;
    uint32_t owner_index;        /* in the list of owners */
    struct usage_number growing; /* objects and bytes that the change which is judged has added */
    unsigned dirty;              /* bits of kinds that the open batch has changed */
    unsigned late;               /* of kinds whose rows say less than the list of late numbers */
    bool is_touched, is_told, is_gone;
};

/* What was done to an entry, to be taken back. */
enum usage_record_what { USAGE_ADDED, USAGE_BORN, USAGE_GONE, USAGE_QUOTA };
struct usage_record {
    enum usage_record_what what;
    uint32_t entry;
    enum meta_usage_kind kind;
    int64_t count, bytes;    /* added */
    struct meta_quota quota; /* that it had */
};

/* What the buckets of an owner, or all, hold in the sense of quotas: objects that count, and bytes of all kinds. */
struct usage_total {
    struct usage_number now, told, growing;
    struct meta_quota quota; /* under the lock */
};
struct usage_owner {
    char name[65];
    struct usage_total total;
};

/* Publications, whose rows lie in buckets of their own and count in this one. */
struct usage_stage {
    int64_t publication, bucket;
};

/* The tables that are counted in the order of their rows, and how far that has come. */
enum usage_stop { USAGE_WHOLE = 0, USAGE_AT_OBJECTS = 1, USAGE_AT_VERSIONS = 2, USAGE_AT_UPLOADS = 3 };
struct usage_walk {
    enum usage_stop stop;
    int64_t bucket;
    size_t key_length, id_length;
    /* ids longer than they are, for a damaged one is to be passed, too */
    unsigned char key[META_KEY_BYTES_MAX], id[4 * META_VERSION_ID_BYTES];
};

struct usage {
    pthread_mutex_t lock; /* of what others read */
    struct usage_entry *list;
    size_t count, capacity;
    uint32_t *touched; /* as many as there are entries at most */
    size_t touched_count;
    struct usage_record *log;
    size_t log_count, log_capacity;
    /* Late numbers (sqlite/row_usage.c): the entries that have some, and how many numbers they are */
    uint32_t late[META_USAGE_LATE_MAX];
    uint32_t late_count, late_numbers;
    int64_t turn;
    size_t written;                /* how much of the log the rows have heard of */
    bool is_settled;               /* the open batch has brought all late numbers to their rows */
    size_t marks[USAGE_DEPTH_MAX]; /* where the log stood when each open change began */
    unsigned depth;
    struct usage_owner *owners; /* of buckets; none is taken off the list */
    size_t owner_count, owner_capacity;
    struct usage_total store;
    struct meta_quota_owner
        *rules; /* under the lock: the quotas of owners, whether they have buckets or not */
    size_t rule_count;
    uint32_t bucket_quotas; /* under the lock: how many buckets have one, as of the last batch */
    atomic_bool has_quotas;
    struct usage_stage *stages;
    size_t stage_count, stage_capacity;
    struct usage_walk walk;
    bool walk_is_stale; /* to be read anew: the rows may say otherwise */
    atomic_bool is_whole;
};

int usage_init(struct usage *usage);
void usage_free(struct usage *usage);

/* ---- Loading ---- */

/* A bucket, by ascending id; in a batch it may be taken back. */
int usage_bucket_add(struct usage *usage, const struct meta_usage *bucket);
/* What its row says; of no bucket: passed over. */
void usage_load(struct usage *usage, int64_t bucket, int64_t kind, int64_t count, int64_t bytes,
                bool is_late);
int usage_stage_add(struct usage *usage, int64_t publication, int64_t bucket);
/* Of a publication's bucket, where what lies in it counts; 0: nowhere. */
int64_t usage_stage_bucket(const struct usage *usage, int64_t bucket);

/* Where the bucket is in the list, or would be. With the lock, or on the committer's thread. */
size_t usage_position(const struct usage *usage, int64_t bucket);

/* ---- A batch ---- */

void usage_change_begin(struct usage *usage);
void usage_change_end(struct usage *usage, bool keeps);
/* Whether the batch's numbers can be late: there is room for those it has changed beside those that are. */
bool usage_late_fits(const struct usage *usage);
/* After its commit: from here on others see it. */
void usage_batch_tell(struct usage *usage);
/* Nothing of it was. */
void usage_batch_undo(struct usage *usage);

/* ---- Counting ---- */

/* Whether the row is counted: all are, but while a store is counted for the first time. */
static inline bool usage_is_whole(const struct usage *usage)
{
    return usage->walk.stop == USAGE_WHOLE;
}
bool usage_is_counted(const struct usage *usage, enum usage_stop table, int64_t bucket, struct slice key,
                      struct slice id);

/* bucket: also that of a publication, where objects count as staged. Of no bucket: nothing. 0 or -ENOMEM. */
int usage_add(struct usage *usage, int64_t bucket, enum meta_usage_kind kind, int64_t count, int64_t bytes);
/* Its quota, to be taken back as what is counted. */
int usage_quota_put(struct usage *usage, int64_t bucket, const struct meta_quota *quota);
/* It is deleted, with all that it is counted with. */
int usage_bucket_remove(struct usage *usage, int64_t bucket);
/* All counts to 0. */
int usage_clear(struct usage *usage);

/* ---- Quotas (usage_quota.c) ---- */

static inline bool usage_kind_is_object(enum meta_usage_kind kind)
{
    return kind == META_USAGE_OBJECTS || kind == META_USAGE_VERSIONS || kind == META_USAGE_STAGED;
}
static inline bool quota_is_none(const struct meta_quota *quota)
{
    return quota->bytes_max == META_QUOTA_NONE && quota->objects_max == META_QUOTA_NONE;
}
/* The owner's place in the list, where he is put if he is new. With the lock. 0 or -ENOMEM. */
int usage_owner_find(struct usage *usage, const char name[65], uint32_t *index);
/* With the lock: whether there are any. */
void usage_quotas_look(struct usage *usage);
/* Before the open change ends: whether what it has added fits: 0 or META_E_QUOTA. */
int usage_judge(struct usage *usage);
/* Whether so many objects of so many bytes, in that bucket, could be refused, as the counts are now. */
bool usage_may_refuse(struct usage *usage, int64_t bucket, uint64_t objects, uint64_t bytes);

/* What is damaged counts as nothing, here and where it is recounted. */
static inline int64_t usage_bytes(uint64_t size)
{
    return size <= INT64_MAX ? (int64_t)size : 0;
}

#endif
