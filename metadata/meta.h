/* SPDX-License-Identifier: MIT
 *
 * Metadata: buckets, keys, objects, multipart uploads and the extents they are made of, as rows of an embedded SQL
 * database. This header names no type of that database.
 *
 * Two ways in:
 *   reads    a meta_reader per thread; answers at once from a consistent snapshot; never waits for a writer.
 *   changes  a struct meta_op handed to meta_submit from any thread; one committer thread runs all that wait inside one
 *            transaction (each in a savepoint), commits once, then calls each op's `done` on the committer thread. When
 *            `done` runs with result 0 the change is durable (unless the store is relaxed).
 *
 * Keys are bytes and compare as bytes (S3's UTF-8 binary order).
 *
 * Errors: 0, a negative errno (-EIO, -ENOSPC, -ENOMEM), or one of META_E_* below. A change gives -EINVAL for what cannot be
 * (a key of no or too many bytes, extents outside their unit or not adding up to the size, a part number out of range),
 * -E2BIG beyond the bounds of limits.h, -EROFS when the store was opened read only. An error means that nothing of the change
 * was stored.
 *
 * References. An extent lies inside a *unit*: the run of bytes in a blob file that was written together and is given back
 * together. Each extent of an object or part holds one reference to its unit. The change that drops the last reference puts
 * the unit on the garbage list in the same transaction (a change that would drop very many leaves them to META_OP_SWEEP);
 * meta_garbage_take hands it to whoever removes files. A unit that is on the list stays there until META_OP_GARBAGE_DONE: a change
 * that names it anew gets META_E_CHANGED. */
#ifndef METADATA_META_H
#define METADATA_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metadata/limits.h"

/* Outside the range of errno values. */
#define META_ERROR_MAP(X)                                                                                     \
    X(META_E_NO_BUCKET, -5001, "no such bucket")                                                              \
    X(META_E_BUCKET_EXISTS, -5002, "the bucket exists")                                                       \
    X(META_E_BUCKET_NOT_EMPTY, -5003, "the bucket is not empty")                                              \
    X(META_E_NO_KEY, -5004, "no such key")                                                                    \
    X(META_E_PRECONDITION, -5005, "a precondition failed")                                                    \
    X(META_E_NO_UPLOAD, -5006, "no such upload")                                                              \
    X(META_E_INVALID_PART, -5007, "a part is missing or its ETag differs")                                    \
    X(META_E_CHANGED, -5008, "what the change was based on has changed meanwhile")                            \
    X(META_E_NEWER_SCHEMA, -5009, "the database was written by a newer version")                              \
    X(META_E_NOT_OURS, -5010, "the file is a database of another application")                                \
    X(META_E_CORRUPT, -5011, "the database is damaged")                                                       \
    X(META_E_CLOSING, -5012, "the store is closing")                                                          \
    X(META_E_NO_SETTING, -5013, "the bucket has no such setting")                                             \
    X(META_E_NO_VERSION, -5014, "no such version")                                                            \
    X(META_E_DELETE_MARKER, -5015, "the version is a delete marker")                                         \
    X(META_E_OFFSET, -5016, "the object does not end where the append begins")                               \
    X(META_E_LOCKED, -5017, "the version is locked")                                                          \
    X(META_E_BUCKET_STATE, -5018, "versioning and object lock of the bucket do not allow it")                 \
    X(META_E_TOKEN, -5019, "the token was used for another change")

enum meta_error {
#define META_ERROR_ENUM(name, value, text) name = value,
    META_ERROR_MAP(META_ERROR_ENUM)
#undef META_ERROR_ENUM
};

/* A text for a result of this module, errno values included; static storage. */
const char *meta_strerror(int result);

struct meta;
struct meta_reader;

struct meta_bytes {
    const void *data;
    size_t length;
};

/* By which checksum a unit is verified; the module stores it and computes none. */
enum meta_unit_crc {
    META_UNIT_CRC32C,    /* the low 32 bits of unit_crc: what stores of earlier versions hold */
    META_UNIT_CRC64NVME, /* what is written now */
};

struct meta_extent {
    uint64_t file;        /* blob id */
    uint64_t offset;      /* in the file */
    uint64_t length;      /* > 0 */
    uint64_t unit_offset; /* where the unit begins; unit_offset <= offset */
    uint64_t unit_length; /* offset + length <= unit_offset + unit_length */
    uint64_t unit_crc;    /* of the whole unit, of that kind */
    enum meta_unit_crc unit_crc_kind;
};

struct meta_extents {
    struct meta_extent *list;
    uint32_t count; /* 0 for an empty object */
};

/* A stored header: lower-case name as S3 sends it ("content-type", "x-amz-meta-colour"), value as received. */
struct meta_attribute {
    struct meta_bytes name, value;
};

struct meta_attributes {
    struct meta_attribute *list;
    uint32_t count;
};

/* Annotations: attributes that are no headers and may change while content, ETag and time stay (META_OP_OBJECT_ANNOTATE). They
 * come and go with the other attributes; the module does not interpret their values, but for the last two, which have changes of
 * their own. */
#define META_ATTRIBUTE_TAGS   "x-amz-tagging"
#define META_ATTRIBUTE_ACL    "x-amz-acl"
#define META_ATTRIBUTE_LOCK   "x-amz-object-lock"   /* meta_lock.h, META_OP_OBJECT_LOCK */
#define META_ATTRIBUTE_RENAME "x-amz-rename-source" /* the token by which it was renamed, META_OP_OBJECT_RENAME */
/* The one attribute that listings tell. */
#define META_ATTRIBUTE_STORAGE_CLASS "x-amz-storage-class"
bool meta_attribute_is(struct meta_bytes name, const char *string);
bool meta_attribute_is_annotation(struct meta_bytes name);

/* The S3 checksum of an object or part. algorithm 0 means none. The module does not interpret the numbers. */
struct meta_checksum {
    uint8_t algorithm; /* api's enum */
    uint8_t type;      /* 0 full object, 1 composite */
    uint8_t length;
    unsigned char value[META_CHECKSUM_BYTES_MAX];
};

/* Names one version of a key: opaque, never used twice within a key, newer ones compare lower as bytes. All zero is S3's "null"
 * version, of which a key has at most one: what was stored while its bucket had no versioning or had it suspended. */
struct meta_version_id {
    unsigned char bytes[META_VERSION_ID_BYTES];
};

static inline bool meta_version_is_null(const struct meta_version_id *version)
{
    static const struct meta_version_id null_version;

    return memcmp(version, &null_version, sizeof(null_version)) == 0;
}

struct meta_part_size {
    uint32_t number;
    uint64_t size;
};

/* The checksums that an object's parts had, one value behind the other. They are all of one algorithm, or not kept. */
struct meta_part_checksums {
    uint8_t algorithm;           /* as in meta_checksum; 0: none are kept */
    uint8_t length;              /* of each value, at most META_CHECKSUM_BYTES_MAX */
    const unsigned char *values; /* part_count of them */
};

/* An object as stored. Pointers are borrowed: see who fills it. */
struct meta_object {
    uint64_t size;
    int64_t modified_ms; /* Unix time */
    char etag[META_ETAG_BYTES_MAX + 1]; /* without quotes */
    struct meta_checksum checksum;
    struct meta_attributes attributes;
    struct meta_extents extents;
    struct meta_bytes owner; /* owner id, may be empty */
    uint32_t part_count;     /* 0 unless the object was made by a multipart upload */
    const struct meta_part_size *parts; /* part_count entries */
    struct meta_part_checksums part_checksums;
    unsigned char upload_id[META_UPLOAD_ID_BYTES]; /* zero unless multipart: makes CompleteMultipartUpload repeatable */
    struct meta_version_id version; /* given by the store */
};

enum meta_versioning {
    META_VERSIONING_NEVER,     /* every object is the null version, and replacing or deleting it is the end of it */
    META_VERSIONING_ENABLED,   /* every put makes a version; deleting a key adds a delete marker */
    META_VERSIONING_SUSPENDED, /* puts and deletes replace the null version; other versions stay */
};

struct meta_bucket {
    int64_t id; /* never used twice */
    int64_t created_ms;
    char name[META_BUCKET_NAME_BYTES_MAX + 1];
    char region[64];
    char owner[65];
    enum meta_versioning versioning; /* changed by META_OP_BUCKET_VERSIONING */
};

/* ---- Opening ---- */

struct meta_op;

/* Changes may rest on bytes outside the database that must be durable before their rows are (meta_op.rests_on). The opener's
 * hooks write those of a whole batch at once and sync them once, while the statements of the batch run. All on the committer's
 * thread, and but for idle only for batches that hold such a change:
 *
 *   begin -> [the changes run] -> barrier -> COMMIT -> end -> done of each
 *
 * Around the dones of every batch the opener may gather what they set off. */
struct meta_batch_hooks {
    /* The changes of the batch, linked by next. Those that rest on something are completed (their extents, say), or get a
     * result other than 0 and are then not run. */
    void (*begin)(void *ctx, struct meta_op *first);
    /* Waits until what begin started is durable. A failure becomes the result of all changes that rest on it; the others are
     * then run without them. */
    int (*barrier)(void *ctx);
    /* The transaction has ended with that result. */
    void (*end)(void *ctx, int result);
    /* Before a batch in which no change rests on anything; must be cheap. NULL allowed. */
    void (*idle)(void *ctx);
    /* Before the first done of a batch, and after the last. Both or none are NULL. */
    void (*answer_begin)(void *ctx);
    void (*answer_end)(void *ctx);
    void *ctx;
};

struct meta_options {
    bool durable;   /* false: no sync at commit */
    bool read_only; /* for checking; no committer thread */
    uint32_t clear_max; /* 0: META_CLEAR_MAX; tests make it small */
    struct meta_batch_hooks hooks; /* begin NULL: no change rests on anything */
    void (*log)(void *ctx, int level, const char *message); /* 0 info, 1 warning, 2 error; any thread; may be NULL */
    void *log_ctx;
};

/* path: the database file; created when missing. Runs migrations. Returns 0 or META_E_NEWER_SCHEMA, META_E_NOT_OURS,
 * META_E_CORRUPT or an errno (-EROFS: read only, and the schema is older than this version's). A file that is refused is not
 * changed. While it is open, other processes cannot open it. Blocks. */
int meta_open(struct meta **meta, const char *path, const struct meta_options *options);
/* Finishes what was submitted, then stops the committer. Readers must be closed. Blocks. NULL allowed. */
void meta_close(struct meta *meta);

int meta_reader_open(struct meta *meta, struct meta_reader **reader);
void meta_reader_close(struct meta_reader *reader);
/* Virtual-machine steps the reader's statements have run: a cost that does not depend on the machine. */
uint64_t meta_reader_steps(struct meta_reader *reader);

/* ---- Reads (thread of the reader) ---- */

int meta_bucket_get(struct meta_reader *reader, struct meta_bytes name, struct meta_bucket *bucket);
/* In name order, names > after (may be empty). visit non-zero stops and is returned. */
int meta_bucket_list(struct meta_reader *reader, struct meta_bytes after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_bucket *bucket), void *ctx);

/* What the object's pointers show is shared with other readers of the same row: nothing of it may be changed. It is found
 * again by extents.list when meta_object_release gives it back: do not change that pointer. Any thread may release.
 * Returns 0, META_E_NO_KEY, META_E_CORRUPT for a damaged row, or an errno. The bucket id is not checked. */
int meta_object_get(struct meta_reader *reader, int64_t bucket, struct meta_bytes key, struct meta_object *object);
void meta_object_release(struct meta_object *object);

/* A note: bytes that somebody has of an object, cannot change while its row does not, and would be asked for again. A reader's
 * cache keeps it with the row, as long as it keeps the row; it is stored nowhere. Both on the reader's thread, for an object
 * that this reader gave. */
/* The note, valid until the object is released; data NULL: there is none. */
struct meta_bytes meta_object_note(const struct meta_object *object);
/* Copies the note, if the row is worth it: asked for before, and not too large. At most one for each row. */
void meta_object_note_keep(struct meta_reader *reader, const struct meta_object *object, struct meta_bytes note);

/* The same for one version of the key, current or not; version NULL: the current one. META_E_NO_VERSION; META_E_NO_KEY when
 * version is NULL and the key has no versions; META_E_DELETE_MARKER: then modified_ms and version tell which, the rest is zero
 * and there is nothing to release. */
int meta_version_get(struct meta_reader *reader, int64_t bucket, struct meta_bytes key, const struct meta_version_id *version,
                     struct meta_object *object);

struct meta_version_query {
    int64_t bucket;
    struct meta_bytes prefix, delimiter, key_marker; /* as in meta_list_query */
    const struct meta_version_id *version_marker;    /* NULL: entries with key > key_marker; else also the versions of key_marker
                                                      * that are older than this one, which need not be there any more */
    uint32_t limit;
};

struct meta_version_entry {
    bool is_prefix;  /* a common prefix: only `key` is set */
    bool is_marker;  /* a delete marker: size, etag and checksum mean nothing */
    bool is_current; /* the key's newest */
    struct meta_bytes key;
    struct meta_version_id version;
    uint64_t size;
    int64_t modified_ms;
    int64_t noncurrent_ms; /* when a newer version took its place; 0 when is_current */
    const char *etag;
    struct meta_checksum checksum;
    struct meta_bytes owner;
    struct meta_bytes storage_class; /* data NULL: it has none */
};

/* Versions and delete markers by key, then newest first; otherwise as meta_object_list. */
int meta_version_list(struct meta_reader *reader, const struct meta_version_query *query,
                      int (*visit)(void *ctx, const struct meta_version_entry *entry), void *ctx, bool *truncated);

struct meta_list_query {
    int64_t bucket;
    struct meta_bytes prefix;    /* may be empty */
    struct meta_bytes delimiter; /* may be empty: none; may be longer than one byte */
    struct meta_bytes after;     /* entries after this key; may be empty. With a delimiter, a value that lies inside
                                  * (or is) a common prefix skips that whole prefix only if it *equals* the prefix. */
    uint32_t limit;              /* 0 .. META_LIST_ENTRIES_MAX, keys and common prefixes together */
};

struct meta_list_entry {
    bool is_prefix;       /* a common prefix: only `key` is set */
    struct meta_bytes key;
    uint64_t size;
    int64_t modified_ms;
    const char *etag;
    struct meta_checksum checksum;
    struct meta_bytes owner;
    struct meta_bytes storage_class; /* data NULL: it has none */
};

/* visit gets each entry; what it points to is valid during the call. truncated: whether more entries exist (false when
 * limit is 0). The next page's `after` is the last entry's key. Cost follows the entries returned. */
int meta_object_list(struct meta_reader *reader, const struct meta_list_query *query,
                     int (*visit)(void *ctx, const struct meta_list_entry *entry), void *ctx, bool *truncated);

struct meta_upload {
    unsigned char id[META_UPLOAD_ID_BYTES]; /* begins with the time in ms, big-endian: ids sort by initiation */
    struct meta_bytes key;
    int64_t initiated_ms;
    struct meta_attributes attributes;
    struct meta_bytes owner;
    struct meta_bytes storage_class; /* of meta_upload_list only; data NULL: it has none */
    uint8_t checksum_algorithm, checksum_type;
};

/* Release with meta_upload_release. META_E_NO_UPLOAD. */
int meta_upload_get(struct meta_reader *reader, int64_t bucket, struct meta_bytes key,
                    const unsigned char id[META_UPLOAD_ID_BYTES], struct meta_upload *upload);
void meta_upload_release(struct meta_upload *upload);

struct meta_upload_query {
    int64_t bucket;
    struct meta_bytes prefix, delimiter, key_marker;
    const unsigned char *id_marker; /* NULL: entries with key > key_marker; else also (key_marker, id > id_marker) */
    uint32_t limit;
};
/* Entries in (key, id) order, without attributes; with a delimiter, common prefixes come as entries with a NULL upload, and a
 * key_marker that equals one skips it. */
int meta_upload_list(struct meta_reader *reader, const struct meta_upload_query *query,
                     int (*visit)(void *ctx, const struct meta_upload *upload, struct meta_bytes common_prefix), void *ctx,
                     bool *truncated);

struct meta_part {
    uint32_t number; /* 1 .. META_PART_NUMBER_MAX */
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct meta_extents extents; /* NULL in listings */
};

/* Parts with number > after, in order, without their extents. META_E_NO_UPLOAD is not detected here. */
int meta_part_list(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES], uint32_t after,
                   uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part), void *ctx, bool *truncated);

struct meta_complete_part {
    uint32_t number;
    char etag[META_ETAG_BYTES_MAX + 1];
};

/* The parts of an upload put together as the object that META_OP_UPLOAD_COMPLETE is to make of them, beforehand and in as many
 * steps as one likes: what is left for the change is to see that no part has changed since, and to store it. */
struct meta_assembly;
/* parts: as in meta_upload_complete; borrowed until the assembly is freed. 0, META_E_INVALID_PART for a list that no upload can
 * have, -ENOMEM. An upload that is not there has no parts. */
int meta_assembly_create(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                         const struct meta_complete_part *parts, uint32_t part_count, struct meta_assembly **assembly);
/* Takes in the next stored parts, at most `limit`; each is visited before, listed or not, as in meta_part_list. Until *more is
 * false or an error comes: META_E_INVALID_PART: a listed one is not there or has another ETag. */
int meta_assembly_step(struct meta_assembly *assembly, uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part),
                       void *ctx, bool *more);
/* Any thread. NULL allowed. */
void meta_assembly_free(struct meta_assembly *assembly);

/* 1 when some object, part or garbage entry refers to the blob file, 0 when none does, or negative. Index look-up. */
int meta_file_is_live(struct meta_reader *reader, uint64_t file);

/* 1 when some object or part refers to the blob file; garbage does not count. 0 when none does, or negative. */
int meta_file_is_referred(struct meta_reader *reader, uint64_t file);

/* Every unit of the file that some object, part or garbage entry refers to, in ascending order. visit non-zero stops and is
 * returned. */
int meta_file_units(struct meta_reader *reader, uint64_t file, int (*visit)(void *ctx, uint64_t offset, uint64_t length),
                    void *ctx);

/* The highest file that some object, part or garbage entry refers to; 0: there is none. Index look-up. */
int meta_file_last(struct meta_reader *reader, uint64_t *file);

/* Every extent of every object, noncurrent version and part: for `sluice check`. kind: 'o', 'v' or 'p'. */
int meta_extent_walk(struct meta_reader *reader,
                     int (*visit)(void *ctx, char kind, const char *bucket, struct meta_bytes key,
                                  const struct meta_extent *extent),
                     void *ctx);
/* The database's own integrity check, and reference counts against the rows. report gets one line per finding.
 * Returns the number of findings or a negative error. */
int meta_check(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx);

/* ---- Changes ---- */

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
    META_OP_OBJECT_ANNOTATE,
    META_OP_BUCKET_VERSIONING,
    META_OP_OBJECT_LOCK, /* meta_lock.h */
    META_OP_OBJECT_RENAME,
    META_OP_SWEEP,
};

/* The head of every change. The op and all it points to belong to the module from meta_submit until `done` has been called;
 * `done` may free it. */
struct meta_op {
    enum meta_op_kind kind;
    int result;                         /* valid in done */
    void (*done)(struct meta_op *op);   /* committer thread; must not block */
    void *ctx;                          /* the caller's */
    void *rests_on;                     /* for the hooks: what must be durable before; or NULL */
    struct meta_op *next;               /* private, but for the hooks */
};

/* Any thread. Never fails: errors come through done (META_E_CLOSING after meta_close began). */
void meta_submit(struct meta *meta, struct meta_op *op);

/* Preconditions on the current object, evaluated inside the transaction. */
struct meta_condition {
    bool if_none_match_any;    /* If-None-Match: * */
    bool if_match_any;         /* If-Match: * */
    const char *if_match;      /* an ETag without quotes, or NULL; a missing key gives META_E_NO_KEY */
    const char *if_none_match; /* an ETag without quotes, or NULL */
};

struct meta_bucket_create {
    struct meta_op op;
    struct meta_bucket bucket; /* name, region, owner, created_ms, versioning given; id filled in */
    struct meta_bytes object_lock; /* the setting META_SETTING_OBJECT_LOCK, or empty: none */
};

struct meta_bucket_versioning { /* NEVER is no state to go back to: -EINVAL. META_E_BUCKET_STATE: object lock needs it enabled */
    struct meta_op op;
    int64_t bucket;
    enum meta_versioning versioning;
};

struct meta_bucket_delete { /* META_E_BUCKET_NOT_EMPTY while it has objects, versions or delete markers; uploads in it are
                               aborted */
    struct meta_op op;
    int64_t bucket;
};

/* Bytes behind those of the current object. The change fails with META_E_OFFSET unless that object has `offset` bytes (0 also when
 * there is none), and with META_E_CHANGED unless it is the one with this ETag. */
struct meta_append {
    uint64_t offset;
    const char *etag; /* of the object that is appended to; NULL: there was none, and a plain object is made */
    /* Attributes stay those of the object; but a retention among those given is for one that has none. */
};

struct meta_object_put {
    struct meta_op op;
    int64_t bucket;
    struct meta_bytes key;
    struct meta_object object; /* modified_ms is set by the committer when 0 (and can be read in done); so is version */
    struct meta_condition condition;
    /* NULL, or: extents and size of `object` are those of the new bytes alone; ETag, checksum and parts are of the whole; owner and
     * attributes stay those of the object that is there. Costs no look at its bytes. */
    const struct meta_append *append;
};

/* What an entry may insist on beyond a client's conditions, so that only what was seen to be due is deleted: else its result
 * is META_E_PRECONDITION. */
struct meta_delete_guard {
    int64_t modified_ms;           /* of the current object; 0: any */
    const struct meta_bytes *tags; /* of what is deleted, in their stored form; NULL: any */
    bool noncurrent;               /* the version that is named is there and noncurrent */
    bool alone;                    /* the version that is named is the key's only one, and a delete marker */
};

struct meta_delete_entry {
    struct meta_bytes key;
    const struct meta_delete_guard *guard; /* NULL: none */
    const char *if_match; /* on the current version. NULL: unconditional; "*": must exist */
    bool if_match_size, if_match_modified; /* whether these are conditions, too; dates are compared in whole seconds */
    uint64_t size;
    int64_t modified_ms;
    const struct meta_version_id *version; /* NULL: the current one, in whose place a bucket with versioning gets a delete
                                            * marker; else this one, for good, and the newest that is left becomes current */
    int result;   /* 0 (also when there was no such key or version), META_E_PRECONDITION, META_E_NO_KEY (conditional only) */
    bool existed;        /* there was something to delete */
    bool bypass_governance; /* a version under governance retention goes all the same; else META_E_LOCKED */
    bool marker_removed; /* which was a delete marker; by version only */
    bool marker_added;   /* `marker` is its version */
    struct meta_version_id marker;
};

struct meta_object_delete { /* one or many keys, one savepoint; op.result is 0 unless the whole failed */
    struct meta_op op;
    int64_t bucket;
    struct meta_delete_entry *entries;
    uint32_t count;
    struct meta_bytes owner; /* of delete markers */
};

/* Where a copy comes from, and under which conditions (META_E_PRECONDITION; META_E_NO_KEY when it is not there; for a version
 * META_E_NO_VERSION and META_E_DELETE_MARKER). */
struct meta_copy_source {
    int64_t bucket;
    struct meta_bytes key;
    const struct meta_version_id *version;                /* NULL: the current one */
    const char *if_match, *if_none_match;                 /* ETags without quotes, "*", or NULL */
    int64_t if_modified_since_ms, if_unmodified_since_ms; /* INT64_MIN: not given */
};

struct meta_object_copy { /* no byte moves: the destination refers to the source's units */
    struct meta_op op;
    struct meta_copy_source source;
    int64_t bucket;
    struct meta_bytes key;
    struct meta_condition condition; /* on the destination */
    bool replace_attributes;
    struct meta_attributes attributes; /* used when replace_attributes; annotations among them are left out */
    bool replace_tags;                 /* else the source's tags are taken over, as they are in the transaction */
    struct meta_bytes tags;            /* used when replace_tags; empty: none */
    struct meta_bytes acl;             /* the copy's; the source's is never taken over */
    struct meta_bytes lock;            /* the same, as meta_lock_pack makes it; empty: none */
    struct meta_bytes owner;
    bool replace_checksum; /* by the one below; pin the source's content with if_match then */
    /* out */
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];
    uint64_t size;
    struct meta_checksum checksum; /* in, too, when replace_checksum */
    struct meta_version_id version, source_version;
};

/* One object of a bucket under another key, with all that belongs to it, its date too; what had that key is replaced. In a bucket
 * with versioning the old key gets a delete marker. The same key twice: -EINVAL. */
struct meta_object_rename {
    struct meta_op op;
    struct meta_copy_source source; /* without version; source.bucket is the bucket of both */
    struct meta_bytes key;
    struct meta_condition condition; /* on what has the key */
    /* That it was (not) modified since; INT64_MIN: not given. A key that is not there fails either: META_E_PRECONDITION. */
    int64_t if_modified_since_ms, if_unmodified_since_ms;
    struct meta_bytes owner; /* of the delete marker */
    struct meta_bytes default_lock; /* as meta_lock_pack makes it: a retention for an object that has none; may be empty */
    /* Both opaque; an empty token: none. It is kept with the key for as long as that holds what was renamed to it. The same token
     * and parameters again: 0, and nothing is changed; with other parameters META_E_TOKEN. */
    struct meta_bytes token, parameters; /* at most META_TOKEN_BYTES_MAX each */
};

struct meta_object_annotate { /* META_E_NO_KEY; for a version META_E_NO_VERSION and META_E_DELETE_MARKER */
    struct meta_op op;
    int64_t bucket;
    struct meta_bytes key;
    const struct meta_version_id *version; /* NULL: the current one */
    struct meta_version_id annotated;      /* out: which it was */
    const char *name;        /* META_ATTRIBUTE_TAGS, META_ATTRIBUTE_ACL */
    struct meta_bytes value; /* data NULL: removes it */
};

struct meta_upload_create {
    struct meta_op op;
    int64_t bucket;
    struct meta_upload upload; /* id given by the caller (random behind the time), never twice: -EEXIST at best */
};

struct meta_upload_abort { /* META_E_NO_UPLOAD */
    struct meta_op op;
    int64_t bucket;
    struct meta_bytes key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
};

struct meta_part_put { /* replaces a part of the same number; META_E_NO_UPLOAD */
    struct meta_op op;
    int64_t bucket;
    struct meta_bytes key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    struct meta_part part;
};

struct meta_part_copy { /* a range of an object as a part; no byte moves */
    struct meta_op op;
    struct meta_copy_source source;
    int64_t bucket;
    struct meta_bytes key;
    uint64_t first, length; /* length UINT64_MAX: to the end. A range outside the source: -ERANGE */
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    uint32_t number;
    char etag[META_ETAG_BYTES_MAX + 1]; /* given by the caller; when empty, the source's ETag if all of it is copied and it
                                           has one without '-', else META_E_CHANGED */
    int64_t modified_ms; /* out */
    struct meta_version_id source_version; /* out */
    struct meta_checksum checksum; /* given by the caller */
};

struct meta_upload_complete {
    struct meta_op op;
    int64_t bucket;
    struct meta_bytes key;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    const struct meta_complete_part *parts; /* ascending numbers; each must exist with this ETag (META_E_INVALID_PART) */
    uint32_t part_count;
    const struct meta_assembly *assembly; /* of these parts, complete; NULL, or if any part changed since: the change reads them */
    char etag[META_ETAG_BYTES_MAX + 1]; /* the object's; also where the upload seems to be completed already: see below */
    struct meta_checksum checksum;
    struct meta_bytes default_lock; /* as meta_lock_pack makes it: a retention for an upload begun without one; may be empty */
    struct meta_condition condition;
    /* out; also filled, with checksum, when the same upload was completed before and its object is still there (result 0;
     * META_E_INVALID_PART when that one has another ETag, as it was made of other parts) */
    int64_t modified_ms;
    uint64_t size;
    struct meta_version_id version;
};

/* ---- Garbage ---- */

struct meta_garbage {
    int64_t row;
    uint64_t file, unit_offset, unit_length;
};

/* Up to `limit` entries, oldest first, with row > after_row. Reader's thread. Returns the count or negative. */
int meta_garbage_take(struct meta_reader *reader, int64_t after_row, struct meta_garbage *entries, uint32_t limit);

/* What large changes left to be cleared away later: parts of uploads that are no more, references of long lists of extents. It is
 * no longer to be seen, but units that only this names are no garbage yet. 1 when there is some, 0 when not, or negative. */
int meta_sweep_is_due(struct meta_reader *reader);

struct meta_sweep { /* clears away a slice of it, which may make garbage */
    struct meta_op op;
    bool more; /* out: there may be another slice */
};

struct meta_garbage_done { /* forgets entries whose bytes are gone */
    struct meta_op op;
    const int64_t *rows;
    uint32_t count;
};

#endif
