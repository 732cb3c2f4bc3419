/* SPDX-License-Identifier: MIT
 *
 * The changes: one struct for each kind, which begins with its meta_op, and is handed to meta_submit. Behind them the garbage that
 * changes leave. Part of meta.h, which is what others include. */
#ifndef METADATA_META_CHANGES_H
#define METADATA_META_CHANGES_H

#include "metadata/meta_types.h"

enum meta_op_kind {
    META_OP_BUCKET_CREATE,
    META_OP_BUCKET_DELETE,
    META_OP_OBJECT_PUT,
    META_OP_OBJECT_DELETE,
    META_OP_OBJECT_COPY,
    META_OP_UPLOAD_CREATE,
    META_OP_UPLOAD_COMPLETE,
    META_OP_UPLOAD_ABORT,
    META_OP_PART_PUT,
    META_OP_PART_COPY,
    META_OP_GARBAGE_DONE,
    META_OP_SETTING_PUT, /* meta_settings.h */
    META_OP_OBJECT_LABEL,
    META_OP_ANNOTATION_PUT,
    META_OP_ANNOTATION_DELETE,
    META_OP_BUCKET_VERSIONING,
    META_OP_OBJECT_LOCK, /* meta_lock.h */
    META_OP_OBJECT_RENAME,
    META_OP_SWEEP,
    META_OP_SHRINK,
    META_OP_REPLAY, /* meta_journal.h */
    META_OP_MARK,   /* meta_relaxed.h */
    META_OP_LOST,   /* the same */
    META_OP_EPOCH_RAISE,
    META_OP_CACHE_SET, /* meta_cache.h */
    META_OP_CACHE_STEP,
    META_OP_CACHE_TOUCH,
    META_OP_OBJECTS_PUT,
    META_OP_PUBLISH_BEGIN, /* meta_publish.h */
    META_OP_PUBLISH_PREPARE,
    META_OP_PUBLISH,
    META_OP_PUBLISH_END,
    META_OP_UPLOADS_END,
    META_OP_OBJECT_IMPORT, /* meta_import.h */
    META_OP_OUTBOX_SET,    /* meta_outbox.h */
    META_OP_OUTBOX_DONE,
    META_OP_OUTBOX_NOTE,
    META_OP_REPLICATED,
    META_OP_USAGE_STEP, /* meta_usage.h */
    META_OP_USAGE_RECOUNT,
    META_OP_QUOTA_SET,
    META_OP_KIND_COUNT
};

/* Whether a kind of change may drop references to bytes. */
bool meta_op_makes_garbage(enum meta_op_kind kind);

/* Bytes that become a row of their own with the change, where the engine has such rows (PostgreSQL); what names the row is filled in. Of
 * a change that fails there is none. */
struct meta_body {
    struct slice bytes;         /* 1 .. META_BODY_BYTES_MAX; borrowed until `done` */
    struct meta_extent *extent; /* of the change: its file, META_BODY_FIRST or more, is filled in */
};

/* The head of every change. The op and all it points to belong to the module from meta_submit until `done` has been called;
 * `done` may free it. */
struct meta_op {
    enum meta_op_kind kind;
    int result;                       /* valid in done */
    void (*done)(struct meta_op *op); /* committer thread; must not block; see meta_answer */
    void *ctx;                        /* the caller's */
    void *rests_on;                   /* for the hooks: what must be durable before; or NULL */
    const struct meta_body *body;     /* what it brings along; or NULL */
    const struct meta_origin *origin; /* where it comes from, meta_outbox.h; NULL: nobody knows */
    struct meta_op *next;             /* private, but for the hooks */
};

/* Any thread. Never fails: errors come through done (META_E_CLOSING after meta_close began). */
void meta_submit(struct meta *meta, struct meta_op *op);

/* What was seen of an object by a judgement that a change rests on. Where any of it is otherwise in the transaction, nothing is done:
 * META_E_JUDGED, before all other conditions. */
enum meta_judged_part { META_JUDGED_OWNER = 1, META_JUDGED_ACL = 2, META_JUDGED_TAGS = 4 };

struct meta_judged {
    unsigned parts;                /* bits: what was asked about; that it was there counts in any case */
    bool absent;                   /* there was none, or a delete marker; then the rest says nothing */
    struct slice owner, acl, tags; /* the labels in their stored form; empty: it had none */
};

/* Preconditions on the current object, evaluated inside the transaction. */
struct meta_condition {
    const struct meta_judged *judged; /* NULL: whatever it is */
    bool if_none_match_any;           /* If-None-Match: * */
    bool if_match_any;                /* If-Match: * */
    const char *if_match;             /* an ETag without quotes, or NULL; a missing key gives META_E_NO_KEY */
    const char *if_none_match;        /* an ETag without quotes, or NULL */
    /* NULL, or whose the current object has to be, where there is one: META_E_NOT_OWNER. Empty: nobody's, so there may be none */
    const struct slice *owner;
};

struct meta_bucket_create {
    struct meta_op op;
    struct meta_bucket bucket; /* name, region, owner, created_ms, versioning given; id filled in */
    struct slice object_lock;  /* the setting META_SETTING_OBJECT_LOCK, or empty: none */
};

/* NEVER is no state to go back to: -EINVAL. META_E_BUCKET_STATE: object lock needs it enabled */
struct meta_bucket_versioning {
    struct meta_op op;
    int64_t bucket;
    enum meta_versioning versioning;
};

/* META_E_BUCKET_NOT_EMPTY while it has objects, versions or delete markers; uploads in it are aborted. */
struct meta_bucket_delete {
    struct meta_op op;
    int64_t bucket;
};

/* Bytes after those of the current object. The change fails with META_E_OFFSET unless that object has `offset` bytes (0 also when
 * there is none), and with META_E_CHANGED unless it is the one with this ETag. */
struct meta_append {
    uint64_t offset;
    /* of the object that is appended to; NULL: there was none, and a plain object is made */
    const char *etag;
    /* Attributes stay those of the object; but a retention among those given is for one that has none. */
};

struct meta_object_put {
    struct meta_op op;
    int64_t bucket;
    struct slice key;
    /* modified_ms is set by the committer when 0 (and can be read in done); so is version */
    struct meta_object object;
    struct meta_condition condition;
    /* NULL, or: extents and size of `object` are those of the new bytes alone; ETag, checksum and parts are of the whole; owner and
     * attributes stay those of the object that is there. Costs no look at its bytes. */
    const struct meta_append *append;
};

/* What an entry may insist on beyond a client's conditions, so that only what was seen to be due is deleted: else its result
 * is META_E_PRECONDITION. */
struct meta_delete_guard {
    int64_t modified_ms; /* of the current object; 0: any */
    int64_t used_ms;     /* when the current object was used last, in a cache bucket (meta_cache.h); 0: any */
    const struct slice *tags; /* of what is deleted, in their stored form; NULL: any */
    bool noncurrent;          /* the version that is named is there and noncurrent */
    bool alone;               /* the version that is named is the key's only one, and a delete marker */
};

/* Several objects, all of them or none; in this order, so that of two with the same key the last one stays. What each put's own op says does
 * not matter. All are in one transaction, which others wait for: meta_publish.h is for
 * many. */
struct meta_objects_put {
    struct meta_op op;
    struct meta_object_put *puts; /* their extents may lie in one file */
    uint32_t count;
    uint32_t failed; /* out, where the result is not 0: which of them it is about */
};

struct meta_delete_entry {
    struct slice key;
    const struct meta_judged
        *judged; /* of what is deleted: the current object, or the version. NULL: whatever it is */
    const struct meta_delete_guard *guard; /* NULL: none */
    const struct slice *owner;             /* as in meta_condition */
    const char *if_match;                  /* on the current version. NULL: unconditional; "*": must exist */
    /* whether these are conditions, too; dates are compared in whole seconds */
    bool if_match_size, if_match_modified;
    uint64_t size;
    int64_t modified_ms;
    /* NULL: the current one, in whose place a bucket with versioning gets a delete
     * marker; else this one, for good, and the newest that is left becomes current */
    const struct meta_version_id *version;
    /* 0 (also when there was no such key or version), META_E_PRECONDITION, META_E_NO_KEY (conditional only), META_E_NOT_OWNER,
     * META_E_JUDGED */
    int result;
    bool existed;           /* there was something to delete */
    bool bypass_governance; /* a version under governance retention goes all the same; else META_E_LOCKED */
    bool marker_removed;    /* which was a delete marker; by version only */
    bool marker_added;      /* `marker` is its version */
    struct meta_version_id marker;
};

struct meta_object_delete { /* one or many keys, one savepoint; op.result is 0 unless the whole failed */
    struct meta_op op;
    int64_t bucket;
    struct meta_delete_entry *entries;
    uint32_t count;
    struct slice owner; /* of delete markers */
};

/* Where a copy comes from, and under which conditions (META_E_PRECONDITION; META_E_NO_KEY when it is not there; for a version
 * META_E_NO_VERSION and META_E_DELETE_MARKER). */
struct meta_copy_source {
    int64_t bucket;
    struct slice key;
    const struct meta_version_id *version;                /* NULL: the current one */
    const struct meta_judged *judged;                     /* NULL: whatever it is */
    const char *if_match, *if_none_match;                 /* ETags without quotes, "*", or NULL */
    int64_t if_modified_since_ms, if_unmodified_since_ms; /* INT64_MIN: not given */
    /* The ETag that it had when the caller looked at it; another by now, and no condition fails: META_E_CHANGED. NULL: whatever it is */
    const char *seen_etag;
};

struct meta_object_copy { /* no byte moves: the destination refers to the source's units */
    struct meta_op op;
    struct meta_copy_source source;
    int64_t bucket;
    struct slice key;
    struct meta_condition condition; /* on the destination */
    bool replace_attributes;
    struct meta_attributes attributes; /* used when replace_attributes; labels among them are left out */
    /* else the source's tags are taken over, as they are in the transaction */
    bool replace_tags;
    struct slice tags; /* used when replace_tags; empty: none */
    struct slice acl;  /* the copy's; the source's is never taken over */
    struct slice lock; /* the same, as meta_lock_pack makes it; empty: none */
    struct slice owner;
    bool
        leaves_annotations; /* else the source's are taken over, by reference, with their times; not into a cache bucket */
    bool replace_checksum; /* by the one below; give source.seen_etag then */
    bool replace_etag;     /* the same */
    /* What opens the bytes is replaced by `seal` (empty: nothing is needed); else it is the source's. Give source.seen_etag then */
    bool replace_seal;
    struct slice seal; /* META_ATTRIBUTE_SEAL's value */
    /* where the seal is replaced, but not the bytes: the source's, as it was seen; another by now is META_E_CHANGED */
    struct slice seen_seal;
    /* NULL: the bytes are the source's. Or where they lie, written anew; give source.seen_etag, replace_seal and leaves_annotations then */
    const struct meta_extents *content;
    bool
        is_one_part; /* without parts, whatever the source was made of, and with the ETag below; give source.seen_etag then, too */
    /* out */
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1]; /* in, too, when is_one_part or replace_etag */
    uint64_t size;
    struct meta_checksum checksum; /* in, too, when replace_checksum */
    struct meta_version_id version, source_version;
};

/* One object of a bucket under another key, with all that belongs to it, its date too; what had that key is replaced. In a bucket
 * with versioning the old key gets a delete marker. The same key twice: -EINVAL. */
struct meta_object_rename {
    struct meta_op op;
    struct meta_copy_source source; /* without version; source.bucket is the bucket of both */
    struct slice key;
    struct meta_condition condition; /* on what has the key */
    /* That it was (not) modified since; INT64_MIN: not given. A key that is not there fails either: META_E_PRECONDITION. */
    int64_t if_modified_since_ms, if_unmodified_since_ms;
    struct slice owner; /* of the delete marker */
    /* as meta_lock_pack makes it: a retention for an object that has none; may be empty */
    struct slice default_lock;
    /* Both opaque; an empty token: none. It is kept with the key for as long as that holds what was renamed to it. The same token
     * and parameters again: 0, and nothing is changed; with other parameters META_E_TOKEN. */
    struct slice token, parameters; /* at most META_TOKEN_BYTES_MAX each */
};

struct meta_object_label { /* META_E_NO_KEY; for a version META_E_NO_VERSION and META_E_DELETE_MARKER */
    struct meta_op op;
    int64_t bucket;
    struct slice key;
    const struct meta_version_id *version; /* NULL: the current one */
    const struct meta_judged *judged;      /* NULL: whatever it is */
    struct meta_version_id labelled;       /* out: which it was */
    const char *name;                      /* META_ATTRIBUTE_TAGS, META_ATTRIBUTE_ACL, META_ATTRIBUTE_SEAL */
    struct slice value;                    /* base NULL: removes it; not of META_ATTRIBUTE_SEAL */
    struct slice was; /* of META_ATTRIBUTE_SEAL: what it has to be still; else META_E_CHANGED */
};

/* Which object annotations are about, and under which conditions: META_E_NO_KEY; for a version META_E_NO_VERSION and META_E_DELETE_MARKER;
 * META_E_PRECONDITION; META_E_LOCKED, for a lock is on all that belongs to the version. */
struct meta_annotated {
    int64_t bucket;
    struct slice key;
    const struct meta_version_id *version; /* NULL: the current one */
    const struct meta_judged *judged;      /* NULL: whatever it is */
    const char *if_match;                  /* the object's ETag without quotes, "*", or NULL */
    bool bypass_governance;
    struct meta_version_id found; /* out: which it was */
};

struct
    meta_annotation_put { /* replaces one of that name; META_E_ANNOTATIONS; META_E_BUCKET_STATE: a cache bucket. Time and ETag of the object stay */
    struct meta_op op;
    struct meta_annotated object;
    struct meta_annotation
        annotation; /* modified_ms is set by the committer when 0 (and can be read in done) */
};

struct meta_annotation_delete {
    struct meta_op op;
    struct meta_annotated object;
    struct slice name;
    bool existed; /* out */
};

struct meta_upload_create {
    struct meta_op op;
    int64_t bucket;
    /* id given by the caller (the time, then random bytes), never twice: -EEXIST at best */
    struct meta_upload upload;
};

struct meta_upload_abort { /* META_E_NO_UPLOAD */
    struct meta_op op;
    int64_t bucket;
    struct slice key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
};

struct meta_part_put { /* replaces a part of the same number; META_E_NO_UPLOAD */
    struct meta_op op;
    int64_t bucket;
    struct slice key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    struct meta_part part;
};

struct meta_part_copy { /* a range of an object as a part; no byte moves */
    struct meta_op op;
    struct meta_copy_source source;
    int64_t bucket;
    struct slice key;
    uint64_t first, length; /* length UINT64_MAX: to the end. A range outside the source: -ERANGE */
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    uint32_t number;
    char etag[META_ETAG_BYTES_MAX +
              1];        /* given by the caller; when empty, the source's ETag if all of it is copied and it
                                           has one without '-', else META_E_CHANGED */
    int64_t modified_ms; /* out */
    struct meta_version_id source_version; /* out */
    struct meta_checksum checksum;         /* given by the caller */
    /* NULL, or where the bytes of the range lie, written anew; give source.seen_etag then. A sealed source needs it */
    const struct meta_extents *content;
};

struct meta_upload_complete {
    struct meta_op op;
    int64_t bucket;
    struct slice key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    /* ascending numbers; each must exist with this ETag (META_E_INVALID_PART) */
    const struct meta_complete_part *parts;
    uint32_t part_count;
    /* of these parts, complete; NULL, or if any part changed since: the change reads them */
    const struct meta_assembly *assembly;
    /* part_count indices into `parts`: which of them comes first in the object, which second ..., each once; the object's parts are numbered
     * anew then. NULL: as their numbers are. Not with an assembly. */
    const uint32_t *order;
    /* the object's; also where the upload seems to be completed already: see below */
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    /* as meta_lock_pack makes it: a retention for an upload begun without one; may be empty */
    struct slice default_lock;
    struct meta_condition condition;
    /* out; also filled, with checksum, when the same upload was completed before and its object is still there (result 0;
     * META_E_INVALID_PART when that one has another ETag, as it was made of other parts) */
    int64_t modified_ms;
    uint64_t size;
    struct meta_version_id version;
};

struct meta_epoch_raise { /* durable when done, whatever else is not; never lowers it */
    struct meta_op op;
    uint64_t epoch;
};

/* ---- Garbage ---- */

struct meta_garbage {
    int64_t row;
    uint64_t file, unit_offset, unit_length;
};

/* Up to `limit` entries, oldest first, with row > after_row. Reader's thread. Returns the count or negative. */
int meta_garbage_take(struct meta_reader *reader, int64_t after_row, struct meta_garbage *entries,
                      uint32_t limit);

/* The highest row of the list; 0: it is empty. 0 or an error. */
int meta_garbage_last(struct meta_reader *reader, int64_t *row);
/* Bytes of units that lie with others in a file, and became garbage since the store was opened. Any thread. */
uint64_t meta_garbage_made(const struct meta *meta);

/* What large changes left to be cleared away later: parts of uploads that are no more, references of long lists of extents. It is
 * no longer to be seen, but units that only this names are no garbage yet. 1 when there is some, 0 when not, or negative. */
int meta_sweep_is_due(struct meta_reader *reader);

struct meta_sweep { /* clears away a slice of it, which may make garbage */
    struct meta_op op;
    bool more; /* out: there may be another slice */
};

struct meta_shrink { /* gives back some of the database's own free space, if there is much */
    struct meta_op op;
    bool more; /* out: there is more of it */
};

struct meta_garbage_done { /* forgets entries whose bytes are gone */
    struct meta_op op;
    const int64_t *rows;
    uint32_t count;
};

#endif
