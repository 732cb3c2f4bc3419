/* SPDX-License-Identifier: MIT
 *
 * The document of ?replication: read with S3's checks, written anew as it is answered, and asked which of its rules is about an object.
 * Where objects go is for the operator's file to say (api/replication/targets.h); the document names a target of it,
 *
 *      <Destination><Bucket>arn:sluice:replication:REGION:NAME:BUCKET</Bucket>   or, as MinIO has it, arn:minio:replication:...
 *      <Destination><Bucket>arn:aws:s3:::BUCKET</Bucket> and <Role>arn:aws:iam::ACCOUNT:role/NAME</Role>, as AWS has it
 *
 * and REGION may be empty. What is not served is refused by name. Any thread. */
#ifndef API_S3_REPLICATION_S3_REPLICATION_H
#define API_S3_REPLICATION_S3_REPLICATION_H

#include "api/core/core.h"
#include "api/s3/error/s3_error.h"
#include "api/s3/object/s3_tags.h"

#define S3_REPLICATION_BYTES_MAX (256u << 10) /* 100 rules with long filters fit */

struct s3_replication_rule {
    struct slice id;
    struct slice prefix;
    struct s3_tag tags[S3_OBJECT_TAGS_MAX]; /* an object has to have all of them */
    unsigned tag_count;
    bool is_old;  /* Prefix instead of Filter */
    bool has_and; /* the filter is an And */
    bool has_priority;
    uint32_t priority; /* of two rules for one target that are about an object, the higher counts */
    bool is_enabled;
    bool deletes;                             /* what is deleted here is deleted there */
    bool has_existing, copies_existing;       /* what is there already is copied, too */
    struct slice arn, account, storage_class; /* base NULL: not said */
    struct slice target, bucket;              /* what the ARN names; base NULL: nothing here */
};

struct s3_replication {
    struct slice role;                 /* base NULL: not said */
    struct s3_replication_rule *rules; /* up to META_OUTBOX_RULES_MAX */
    unsigned count;
    int64_t since_ms; /* when it was set; of what was read by s3_replication_of alone */
};

/* What is wrong: the error, a message (or NULL), and what InvalidArgument is about. */
struct s3_replication_fault {
    enum s3_error error;
    const char *message;
    struct slice argument, value;
};

/* S3_ERROR_NONE, or what the fault says. All texts are in the arena. region: the server's; base NULL: any. */
enum s3_error s3_replication_read(struct arena *arena, struct slice document, struct slice region,
                                  struct s3_replication *replication, struct s3_replication_fault *fault);
void s3_replication_write(struct s3_xml *xml, const struct s3_replication *replication);

/* ---- As it is stored: the time when it was set, and the document ---- */

struct slice s3_replication_pack(struct arena *arena, int64_t since_ms, struct slice document);
/* False: it is none. */
bool s3_replication_unpack(struct slice stored, int64_t *since_ms, struct slice *document);
/* What the bucket has; NULL: nothing. Borrowed until the worker's next look at any setting. 0, or a core result. */
int s3_replication_of(struct core_worker *worker, int64_t bucket, const struct s3_replication **replication);

/* ---- Which rule counts ---- */

/* The enabled rule for the target that is about an object of that key and with those tags (in stored form); NULL: none is. */
const struct s3_replication_rule *s3_replication_choose(const struct s3_replication *replication,
                                                        struct slice target, struct slice key,
                                                        struct slice tags);
/* The same where there is no object any more, whose tags nobody knows. */
const struct s3_replication_rule *s3_replication_choose_deleted(const struct s3_replication *replication,
                                                                struct slice target, struct slice key);

/* ---- What became of an object: the value of META_ATTRIBUTE_REPLICATION ---- */

enum s3_replica_state { S3_REPLICA_UNKNOWN, S3_REPLICA_COMPLETED, S3_REPLICA_FAILED };

#define S3_REPLICA_VALUE "R" /* the object is a copy of another server's */

static inline bool s3_replica_is_copy(struct slice value)
{
    return slice_is(value, S3_REPLICA_VALUE);
}
enum s3_replica_state s3_replica_state_of(struct slice value, struct slice target);
/* The value with another state of the target, in the arena. */
struct slice s3_replica_state_set(struct arena *arena, struct slice value, struct slice target,
                                  enum s3_replica_state state);
/* x-amz-replication-status of an object: "PENDING", "COMPLETED", "FAILED", "REPLICA"; NULL: none. replication: of its bucket; may be NULL.
 * is_current: an older version is never copied any more. */
const char *s3_replica_status(const struct s3_replication *replication, struct slice key,
                              const struct meta_object *object, bool is_current);

#endif
