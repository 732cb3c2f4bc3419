/* SPDX-License-Identifier: MIT
 *
 * What happens to objects, for others than who asked for it: told to listeners when it is committed, and kept as rows for targets that
 * must hear of it even if they are away.
 *
 * A bucket has *rules* (META_OP_OUTBOX_SET): which events, of which keys, are for which target. Each change that comes to such an event
 * writes a row of `outbox` in its own transaction, and the replay of the journal does too: there is a row for each change that was
 * answered, until META_OP_OUTBOX_DONE or META_OP_REPLICATED strikes it off. A store without rules pays one look at a number for each change.
 *
 * A target is a name that this module does not look into, but for its first byte, which says of which kind it is: META_OUTBOX_WEBHOOK
 * wants to be told what happened; META_OUTBOX_REPLICA copies objects elsewhere: it wants to know that a key has changed, looks at what the key
 * has then, and strikes off all rows of the key that it has seen by then.
 *
 * Rows of a target are in the order of their changes, by `seq`, which only grows, over all starts. At most META_OUTBOX_ROWS_MAX (of a
 * replica META_OUTBOX_REPLICA_ROWS_MAX) wait for one
 * target (meta_options.outbox_rows_max): beyond that the oldest is dropped for each that comes, and meta_news says so. So no change ever
 * fails because a target is away. In a relaxed store a power failure takes rows and changes together. */
#ifndef METADATA_META_OUTBOX_H
#define METADATA_META_OUTBOX_H

#include "metadata/meta_settings.h"

/* A seq is a time, in ms of the database's clock, above so many bits. */
#define META_OUTBOX_SEQ_SHIFT 20u

/* Stored: numbers are never used anew. */
enum meta_event_kind {
    META_EVENT_NONE = 0,
    META_EVENT_TEST =
        1, /* rules were set. For a replica: all keys behind that of the row are to be looked at */
    META_EVENT_PUT = 2,
    META_EVENT_POST = 3,
    META_EVENT_COPY = 4,
    META_EVENT_COMPLETE = 5, /* of a multipart upload */
    META_EVENT_DELETE = 6,   /* an object, or a version for good */
    META_EVENT_MARKER = 7,   /* a delete marker took its place */
    META_EVENT_TAGS_PUT = 8,
    META_EVENT_TAGS_DELETE = 9,
    META_EVENT_ACL_PUT = 10,
    META_EVENT_EXPIRED = 11, /* as META_EVENT_DELETE, by the server itself */
    META_EVENT_EXPIRED_MARKER = 12,
    /* The same by a server that keeps a copy here (meta_origin.kind): who copies from here to others has no rules about them, or changes would go
     * round for ever. */
    META_EVENT_REPLICA_PUT = 13,
    META_EVENT_REPLICA_COMPLETE = 14,
    META_EVENT_REPLICA_DELETE = 15,
    META_EVENT_REPLICA_MARKER = 16,
    META_EVENT_RESYNC = 17, /* nothing happened: a replica is to look whether it has what the key has */
    META_EVENT_KIND_END
};

static inline uint64_t meta_event_bit(enum meta_event_kind kind)
{
    return (uint64_t)1 << kind;
}

/* Where a change comes from, for its event. With struct meta_op, and valid as long. */
struct meta_origin {
    /* META_EVENT_NONE: as the change is. A put may say POST or REPLICA_PUT; a deletion EXPIRED, which becomes EXPIRED_MARKER where it makes one,
     * or REPLICA_DELETE, in the same way */
    enum meta_event_kind kind;
    struct slice who; /* opaque, up to META_ORIGIN_BYTES_MAX; a longer one is left out */
};

struct meta_event {
    uint64_t seq; /* later ones have higher ones; of a key as of all */
    enum meta_event_kind kind;
    int64_t at_ms;
    int64_t bucket;
    struct slice bucket_name, bucket_owner, key;
    bool has_object; /* size and ETag are known */
    uint64_t size;
    char etag[META_ETAG_BYTES_MAX + 1];
    bool has_version; /* the bucket has versioning, or had */
    struct meta_version_id version;
    struct slice rule; /* the id of the rule by which it is for the target; base NULL for listeners */
    struct slice who;  /* of its origin; may be empty */
};

/* ---- Rules ---- */

/* The first byte of a target's name. */
#define META_OUTBOX_WEBHOOK 'w'
#define META_OUTBOX_REPLICA 'r'

struct meta_outbox_rule {
    struct slice target; /* 1 .. META_OUTBOX_TARGET_BYTES_MAX */
    struct slice id;     /* up to META_OUTBOX_RULE_ID_BYTES_MAX */
    uint64_t events;     /* bits: meta_event_bit */
    struct slice prefix, suffix;
};

/* Whether it is about such an event of the key. */
bool meta_outbox_matches(uint64_t events, struct slice prefix, struct slice suffix, enum meta_event_kind kind,
                         struct slice key);

/* Sets the bucket's rules of one kind, and with them the document that says the same to people: both or neither. No rules: there are none any
 * more, and the document goes, unless it has a base. META_E_NO_BUCKET; -E2BIG: more than META_OUTBOX_RULES_MAX; -EINVAL. */
struct meta_outbox_set {
    struct meta_op op; /* META_OP_OUTBOX_SET */
    int64_t bucket;
    enum meta_setting_kind document_kind, rules_kind;
    struct slice document;
    const struct meta_outbox_rule *rules;
    uint32_t count;
    bool tells; /* each target gets a META_EVENT_TEST */
};

/* ---- Rows: the reader's thread ---- */

/* Rows of the target with seq > after, ascending, at most `limit`. What a visit is given is valid during the call; non-zero stops and is
 * returned. A damaged row comes as an event of no kind, with its seq alone. 0, or an error. */
int meta_outbox_list(struct meta_reader *reader, struct slice target, uint64_t after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_event *event), void *ctx);
/* How many there are. It looks at each: not for workers. */
int meta_outbox_count(struct meta_reader *reader, struct slice target, uint64_t *count);

/* Strikes off rows of a target; those that are not there are passed over. */
struct meta_outbox_done {
    struct meta_op op; /* META_OP_OUTBOX_DONE */
    struct slice target;
    const uint64_t *seqs;
    uint32_t count; /* up to META_OUTBOX_DONE_MAX */
};

/* Rows for a target, whatever its rules say. Each key gets one of META_EVENT_RESYNC, or of `kind`; then comes one of META_EVENT_TEST with `from` as its key,
 * where that has a base: whoever walks through a bucket keeps his place with it. META_E_NO_BUCKET; -EINVAL. */
struct meta_outbox_note {
    struct meta_op op; /* META_OP_OUTBOX_NOTE */
    int64_t bucket;
    struct slice target;
    const struct slice *keys;
    uint32_t count;            /* up to META_OUTBOX_DONE_MAX */
    enum meta_event_kind kind; /* META_EVENT_NONE: RESYNC; no entry of the journal has another */
    struct slice from;         /* base NULL: no such row */
    uint64_t strike_seq;       /* a row of the target that is struck off with it; 0: none */
};

/* The target has what the key has, or cannot have it: strikes rows off, and keeps that with the object, if it is still the one that was
 * looked at. */
struct meta_replicated {
    struct meta_op op; /* META_OP_REPLICATED */
    int64_t bucket;
    struct slice key;
    struct slice target;
    const uint64_t *seqs;
    uint32_t count; /* up to META_OUTBOX_DONE_MAX */
    /* NULL: nothing is kept. Else this object's META_ATTRIBUTE_REPLICATION becomes `status`, where it has the ETag, the time and the value `was`
     * (base NULL: none) still; has_kept: whether that was so. */
    const char *etag;
    int64_t modified_ms;
    struct slice was, status;
    bool has_kept;
};

/* ---- What was committed ---- */

struct meta_news_event {
    struct meta_event event;
    struct meta_news_event *next;
};

struct meta_news_drop {
    struct slice target;
    uint64_t count; /* of rows that were dropped, as too many waited */
    struct meta_news_drop *next;
};

/* What meta_batch_hooks.news is given; valid during the call. */
struct meta_news {
    const struct meta_news_event *events; /* all that happened, while there are listeners; else NULL */
    const struct meta_news_drop *drops;
    bool has_rows; /* some were written */
};

/* Whether listeners want to hear of every event. Any thread. */
void meta_listen(struct meta *meta, bool wanted);
/* Whether anybody may want to know where a change comes from. Any thread; one atomic load. */
bool meta_is_followed(const struct meta *meta);

#endif
