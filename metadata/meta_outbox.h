/* SPDX-License-Identifier: MIT
 *
 * What happens to objects, for others than who asked for it: told to listeners when it is committed, and kept as rows for targets that
 * must hear of it even if they are away.
 *
 * A bucket has *rules* (META_OP_OUTBOX_SET): which events, of which keys, are for which target. Each change that comes to such an event
 * writes a row of `outbox` in its own transaction, and the replay of the journal does too: there is a row for each change that was
 * answered, until META_OP_OUTBOX_DONE strikes it off. A store without rules pays one look at a number for each change.
 *
 * A target is a name that this module does not look into. Its first byte says of which kind it is (META_OUTBOX_WEBHOOK), so that others
 * than webhooks may have rows of their own here: who copies objects elsewhere wants to know that a key has changed, looks at what the key has
 * then, and strikes off all rows of the key that it has seen by then.
 *
 * Rows of a target are in the order of their changes, by `seq`, which only grows, over all starts. At most META_OUTBOX_ROWS_MAX wait for one
 * target (meta_options.outbox_rows_max): beyond that the oldest is dropped for each that comes, and meta_news says so. So no change ever
 * fails because a target is away. In a relaxed store a power failure takes rows and changes together. */
#ifndef METADATA_META_OUTBOX_H
#define METADATA_META_OUTBOX_H

#include "metadata/meta_settings.h"

/* Stored: numbers are never used anew. */
enum meta_event_kind {
    META_EVENT_NONE = 0,
    META_EVENT_TEST = 1, /* rules were set */
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
    META_EVENT_KIND_END
};

static inline uint64_t meta_event_bit(enum meta_event_kind kind)
{
    return (uint64_t)1 << kind;
}

/* Where a change comes from, for its event. With struct meta_op, and valid as long. */
struct meta_origin {
    /* META_EVENT_NONE: as the change is. A put may say POST; a deletion EXPIRED, which becomes EXPIRED_MARKER where it makes one */
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

struct meta_outbox_rule {
    struct slice target; /* 1 .. META_OUTBOX_TARGET_BYTES_MAX */
    struct slice id;     /* up to META_OUTBOX_RULE_ID_BYTES_MAX */
    uint64_t events;     /* bits: meta_event_bit */
    struct slice prefix, suffix;
};

/* Whether it is about such an event of the key. */
bool meta_outbox_matches(uint64_t events, struct slice prefix, struct slice suffix, enum meta_event_kind kind,
                         struct slice key);

/* Sets the bucket's rules, and with them the document that says the same to people: both or neither. No rules: there are none any more, and
 * the document goes, unless it has a base. META_E_NO_BUCKET; -E2BIG: more than META_OUTBOX_RULES_MAX; -EINVAL. */
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
