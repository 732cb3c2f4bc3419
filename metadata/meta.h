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
 * Errors: 0, a negative errno (-EIO, -ENOSPC, -ENOMEM), or one of META_E_* (meta_types.h). A change gives -EINVAL for what cannot be
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

#include "metadata/meta_changes.h"
#include "metadata/meta_types.h"
#include "storage/base/log.h"

/* ---- Opening ---- */

struct meta_news;
struct meta_op;

/* One batch in the journal. Sequences begin with 1 in each file. */
struct meta_journal_entry {
    const unsigned char *token; /* META_JOURNAL_TOKEN_BYTES; secret, of the file's journal */
    uint64_t sequence;
    struct slice bytes; /* 1 .. META_JOURNAL_ENTRY_BYTES_MAX; borrowed during the call */
};

/* The opener's side of a batch. Changes may rest on bytes outside the database that must be durable before their rows are
 * (meta_op.rests_on): the hooks write those of a whole batch at once, and sync them once, while the batch's statements run.
 *
 *   prepare -> append -> sync_begin -> [the changes run] -> sync_wait -> COMMIT -> ended
 *
 * All on the committer's thread, one batch after the other, in this order. Each batch begins with prepare and comes to ended exactly
 * once; the three between are left out where nothing rests on bytes, and append also where the batch gets no entry. Changes that are refused
 * before a batch is made of them (the store is closing, or a failed sync is not made good yet) only come to ended.
 *
 * What may fail: prepare fails single changes. A failure of append costs nothing but the entry. One of sync_wait fails all changes that rest
 * on bytes; the others are then run without them, in a transaction of their own that calls no hook. ended cannot fail. */
struct meta_batch_hooks {
    /* The changes of the batch, linked by next. Those that rest on something are completed (their extents, say), or get a
     * result other than 0 and are then not run. Where none does, this must be cheap. Returns the file that can take a journal entry
     * now (meta_journal.h); 0: none. The hook itself is NULL where no change rests on anything. */
    uint64_t (*prepare)(void *ctx, struct meta_op *first);
    /* Writes an entry to the journal of that file. NULL: there is no journal. 0; -ENOSPC: nothing was written; another error: it may
     * have been written, and the file gets no further entry. */
    int (*append)(void *ctx, const struct meta_journal_entry *entry);
    /* What prepare and append wrote may be on its way to the disk. NULL allowed. */
    void (*sync_begin)(void *ctx);
    /* Waits until it is durable. Called whatever became of the statements, for the bytes are on their way. 0 or a negative errno. */
    int (*sync_wait)(void *ctx);
    /* The batch is over; its changes have their results, and readers see what came of it. result: how the transaction ended that prepare's
     * bytes belong to; other than 0: the file that prepare told must take no further entry. Then the answers, all at once: the hook hands
     * the changes to their owners with meta_answer, before it returns. NULL: the module does. */
    void (*ended)(void *ctx, int result, struct meta_op *first);
    /* What a batch that was committed has come to, where anybody wants to know (meta_outbox.h); before ended. NULL allowed. */
    void (*news)(void *ctx, const struct meta_news *news);
    void *ctx;
};

/* For meta_batch_hooks.ended: calls the done of each change of the list, in the order of their submission. */
void meta_answer(struct meta_op *first);

/* Which store's database it is, and of which time: the epoch only grows (META_OP_EPOCH_RAISE). Files beside the database may carry
 * what it said once, so that either can be told from an older one, or a stranger. */
struct meta_identity {
    unsigned char store[META_STORE_ID_BYTES];
    uint64_t epoch;
};

/* What became of the end of the log, in which the latest commits are. */
enum meta_tail {
    META_TAIL_WHOLE, /* nothing is missing; or the last commit was not over */
    /* the last commit is incomplete: a crash; or damage to just that one, which nobody can tell */
    META_TAIL_TORN,
    /* commits lie after a gap: a power failure took some that no sync had made durable, or they are damaged */
    META_TAIL_DOUBTFUL,
    META_TAIL_DAMAGED, /* commits lie after a gap that was durable once: damage, for no crash does that */
};

/* A database as it was left, before anything in it is changed. */
struct meta_found {
    bool is_new;                          /* an empty file */
    const struct meta_identity *identity; /* NULL: of an earlier version, which knew none; or is_new */
    enum meta_tail tail;
    /* the first page of the log that is not as it was written, from 1 on, and how many there are */
    uint64_t tail_gap, tail_pages;
};

struct meta_options {
    bool durable; /* false: no sync at commit; meta_relaxed.h */
    /* what is replaced by bytes that may be lost is kept until they are on the disk; meta_relaxed.h */
    bool keeps_replaced;
    bool read_only; /* for checking; no committer thread */
    bool
        compacts; /* writes the database anew when it is opened, without what is free in it: takes long, and twice its room */
    uint32_t clear_max;       /* 0: META_CLEAR_MAX; tests make it small */
    uint32_t outbox_rows_max; /* for each target; 0: META_OUTBOX_ROWS_MAX */
    /* Asked before anything is written. 0, or what meta_open returns, and everything stays as it is. Where the end of the log is doubtful or
     * damaged, 0 gives up what lies after the gap. May be NULL: such a log is an error then if it is damaged. */
    int (*admit)(void *ctx, const struct meta_found *found);
    void *admit_ctx;
    /* The folder of the chronicle (meta_chronicle.h), made where it is missing; NULL: there is none. Of the opener's, until meta_close. */
    const char *chronicle;
    bool was_durable; /* so was the process that had the database open last: its commits were synced */
    /* It was not, and has not closed the database: after a power failure that is older than what else the process has written. */
    bool may_be_older;
    struct meta_batch_hooks hooks;
    log_fn log; /* may be NULL */
    void *log_ctx;
};

/* The version of SQLite, which keeps the rows: "3.40.1". Any thread. */
const char *meta_sqlite_version(void);

/* path: the database file; created when missing. Runs migrations. Returns 0 or META_E_NEWER_SCHEMA, META_E_NOT_OURS,
 * META_E_CORRUPT, META_E_DAMAGED_LOG, META_E_OLDER_SCHEMA (read only, and an earlier version's), what admit returned, or an errno. A file that is refused is not
 * changed. While it is open, other processes cannot open it. Blocks. */
int meta_open(struct meta **meta, const char *path, const struct meta_options *options);
/* Finishes what was submitted, then stops the committer. Readers must be closed. Blocks. NULL allowed. Moves the log into the database and
 * removes it, unless it is to be kept. */
void meta_close(struct meta *meta);
/* The log is to be there after meta_close. */
void meta_keep_log(struct meta *meta);

/* 0, or META_E_UNSYNCED: a sync of the database or its log failed. Until what it may have lost is written again, which is tried
 * again and again, changes are refused with that result. Reads go on. Or META_E_STALLED: changes have waited for the disk for META_STALL_MS;
 * who would submit more is to refuse them. Any thread; cheap. */
int meta_health(const struct meta *meta);
/* Whether that is so. */
bool meta_is_stalled(const struct meta *meta);

/* 0 or a negative errno; -ESTALE: the path names another file by now. */
int meta_reader_open(struct meta *meta, struct meta_reader **reader);
void meta_reader_close(struct meta_reader *reader);
/* Virtual-machine steps the reader's statements have run: a cost that does not depend on the machine. */
uint64_t meta_reader_steps(struct meta_reader *reader);

/* ---- Reads (thread of the reader) ---- */

int meta_identity_get(struct meta_reader *reader, struct meta_identity *identity);

int meta_bucket_get(struct meta_reader *reader, struct slice name, struct meta_bucket *bucket);
/* In name order, names > after (may be empty). visit non-zero stops and is returned. */
int meta_bucket_list(struct meta_reader *reader, struct slice after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_bucket *bucket), void *ctx);

/* What the object's pointers show is shared with other readers of the same row: nothing of it may be changed. It is found
 * again by extents.list when meta_object_release gives it back: do not change that pointer. Any thread may release.
 * Returns 0, META_E_NO_KEY, META_E_CORRUPT for a damaged row, or an errno. The bucket id is not checked. */
int meta_object_get(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object);
/* With object->body, where that is a row: for who is about to read it. Elsewhere the same as meta_object_get. */
int meta_object_get_whole(struct meta_reader *reader, int64_t bucket, struct slice key,
                          struct meta_object *object);
void meta_object_release(struct meta_object *object);

/* The bytes of a unit that is a row (meta_file_is_body), as they are stored. size: META_BODY_BYTES_MAX at least. How many, -ENOENT, or an error. */
int meta_body_get(struct meta_reader *reader, uint64_t file, void *bytes, size_t size);

/* A note: bytes that somebody got from an object and will want again, and that cannot change while its row does not. A reader's
 * cache keeps the note as long as it keeps the row; it is stored nowhere. Both on the reader's thread, for an object
 * that this reader gave. */
/* The note, valid until the object is released; base NULL: there is none. */
struct slice meta_object_note(const struct meta_object *object);
/* Copies the note, if the row is worth it: asked for before, and not too large. At most one for each row. */
void meta_object_note_keep(struct meta_reader *reader, const struct meta_object *object, struct slice note);

/* The same for one version of the key, current or not; version NULL: the current one. META_E_NO_VERSION; META_E_NO_KEY when
 * version is NULL and the key has no versions; META_E_DELETE_MARKER: then modified_ms and version tell which, the rest is zero
 * and there is nothing to release. */
int meta_version_get(struct meta_reader *reader, int64_t bucket, struct slice key,
                     const struct meta_version_id *version, struct meta_object *object);

/* ---- Annotations, by the set that an object of the same reader names (meta_object.annotations) ---- */

/* One as if it were an object: its size, time, ETag, checksum and extents; attributes and the rest are empty. Released with
 * meta_object_release. META_E_NO_ANNOTATION, also where the set is gone with its object. */
int meta_annotation_get(struct meta_reader *reader, int64_t set, struct slice name,
                        struct meta_object *annotation);
/* Those whose name begins with `prefix` and comes after `after` (both may be empty), in the order of their bytes, without extents. What a
 * visit is given is valid during the call; non-zero stops and is returned. truncated: whether there are more than `limit`. */
int meta_annotation_list(struct meta_reader *reader, int64_t set, struct slice prefix, struct slice after,
                         uint32_t limit, int (*visit)(void *ctx, const struct meta_annotation *annotation),
                         void *ctx, bool *truncated);

struct meta_version_query {
    int64_t bucket;
    struct slice prefix, delimiter, key_marker; /* as in meta_list_query */
    /* NULL: entries with key > key_marker; else also the versions of key_marker
     * that are older than this one, which need not be there any more */
    const struct meta_version_id *version_marker;
    uint32_t limit;
};

struct meta_version_entry {
    bool is_prefix;  /* a common prefix: only `key` is set */
    bool is_marker;  /* a delete marker: size, etag and checksum mean nothing */
    bool is_current; /* the key's newest */
    struct slice key;
    struct meta_version_id version;
    uint64_t size;
    int64_t modified_ms;
    int64_t noncurrent_ms; /* when a newer version took its place; 0 when is_current */
    const char *etag;
    struct meta_checksum checksum;
    struct slice owner;
    struct slice storage_class; /* base NULL: it has none */
};

/* Versions and delete markers by key, then newest first; otherwise as meta_object_list. */
int meta_version_list(struct meta_reader *reader, const struct meta_version_query *query,
                      int (*visit)(void *ctx, const struct meta_version_entry *entry), void *ctx,
                      bool *truncated);

struct meta_list_query {
    int64_t bucket;
    struct slice prefix;    /* may be empty */
    struct slice delimiter; /* may be empty: none; may be longer than one byte */
    /* entries after this key; may be empty. With a delimiter, a value that lies inside
     * (or is) a common prefix skips that whole prefix only if it *equals* the prefix. */
    struct slice after;
    uint32_t limit; /* 0 .. META_LIST_ENTRIES_MAX, keys and common prefixes together */
};

struct meta_list_entry {
    bool is_prefix; /* a common prefix: only `key` is set */
    struct slice key;
    uint64_t size;
    int64_t modified_ms;
    const char *etag;
    struct meta_checksum checksum;
    struct slice owner;
    struct slice storage_class; /* base NULL: it has none */
};

/* visit gets each entry; what it points to is valid during the call. truncated: whether more entries exist (false when
 * limit is 0). The next page's `after` is the last entry's key. Cost follows the entries returned. */
int meta_object_list(struct meta_reader *reader, const struct meta_list_query *query,
                     int (*visit)(void *ctx, const struct meta_list_entry *entry), void *ctx,
                     bool *truncated);

/* Release with meta_upload_release. META_E_NO_UPLOAD. */
int meta_upload_get(struct meta_reader *reader, int64_t bucket, struct slice key,
                    const unsigned char id[META_UPLOAD_ID_BYTES], struct meta_upload *upload);
void meta_upload_release(struct meta_upload *upload);

struct meta_upload_query {
    int64_t bucket;
    struct slice prefix, delimiter, key_marker;
    /* NULL: entries with key > key_marker; else also (key_marker, id > id_marker) */
    const unsigned char *id_marker;
    uint32_t limit;
};
/* Entries in (key, id) order, without attributes; with a delimiter, common prefixes come as entries with a NULL upload, and a
 * key_marker that equals one skips it. */
int meta_upload_list(struct meta_reader *reader, const struct meta_upload_query *query,
                     int (*visit)(void *ctx, const struct meta_upload *upload, struct slice common_prefix),
                     void *ctx, bool *truncated);

/* Parts with number > after, in order, without their extents. META_E_NO_UPLOAD is not detected here. */
int meta_part_list(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                   uint32_t after, uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part),
                   void *ctx, bool *truncated);

/* The parts of an upload put together as the object that META_OP_UPLOAD_COMPLETE is to make of them, beforehand and in as many
 * steps as one likes: what is left for the change is to see that no part has changed since, and to store it. */
struct meta_assembly;
/* parts: as in meta_upload_complete; borrowed until the assembly is freed. 0, META_E_INVALID_PART for a list that no upload can
 * have, -ENOMEM. An upload that is not there has no parts. */
int meta_assembly_create(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                         const struct meta_complete_part *parts, uint32_t part_count,
                         struct meta_assembly **assembly);
/* Takes in the next stored parts, at most `limit`; each is visited before, listed or not, as in meta_part_list. Until *more is
 * false or an error comes: META_E_INVALID_PART: a listed one is not there or has another ETag. */
int meta_assembly_step(struct meta_assembly *assembly, uint32_t limit,
                       int (*visit)(void *ctx, const struct meta_part *part), void *ctx, bool *more);
/* Before the first step: the object has its parts in that order, as meta_upload_complete has it; borrowed. Such an assembly is not for a change,
 * but for meta_assembly_extents alone. */
void meta_assembly_set_order(struct meta_assembly *assembly, const uint32_t *order);
/* Once there is no more: where the bytes of that object lie. extents->list is for free(); NULL: there are none. 0, META_E_CORRUPT, -ENOMEM. */
int meta_assembly_extents(const struct meta_assembly *assembly, struct meta_extents *extents);
/* Whether the parts are as they were read, at this moment, if the upload is still there; false also where that cannot be told. */
bool meta_assembly_holds(const struct meta_assembly *assembly);
/* Any thread. NULL allowed. */
void meta_assembly_free(struct meta_assembly *assembly);

/* 1 when some object, part or garbage entry refers to the blob file, 0 when none does, or negative. Index look-up. */
int meta_file_is_live(struct meta_reader *reader, uint64_t file);

/* 1 when some object or part refers to the blob file; garbage does not count. 0 when none does, or negative. */
int meta_file_is_referred(struct meta_reader *reader, uint64_t file);

/* Every unit of the file that some object, part or garbage entry refers to, in ascending order. visit non-zero stops and is
 * returned. */
int meta_file_units(struct meta_reader *reader, uint64_t file,
                    int (*visit)(void *ctx, uint64_t offset, uint64_t length), void *ctx);

/* The highest file that some object, part or garbage entry refers to; 0: there is none. Index look-up. */
int meta_file_last(struct meta_reader *reader, uint64_t *file);

/* Every extent of every object, noncurrent version and part, for `sluice check`: a page of rows at a time, each from a snapshot of its
 * own, so that a walk that takes long keeps nothing from being given back. Of rows that are changed meanwhile, any state may be met, or none. */
struct meta_extent_cursor { /* all zero: the beginning */
    unsigned table;
    bool is_inside; /* of the table: behind this row */
    int64_t bucket, number;
    /* longer than ids are, for a damaged one is to be passed, too */
    unsigned char key[META_KEY_BYTES_MAX], id[4 * META_UPLOAD_ID_BYTES];
    size_t key_length, id_length;
};
/* Whose an extent is. */
struct meta_extent_row {
    char kind; /* 'o', 'v', 'p', or 'a': an annotation, whose name is the key */
    const char *bucket;
    struct slice key;
    struct meta_version_id version; /* of 'o' and 'v' */
    uint32_t number;                /* of 'p' */
};
/* visit: 0; > 0 ends the page after the row; < 0 stops at once and is returned; what row shows is valid during the call. The cursor is moved
 * behind what was visited; *more false: that was the end. 0 or an error. */
int meta_extent_page(struct meta_reader *reader, struct meta_extent_cursor *cursor, uint32_t rows_max,
                     int (*visit)(void *ctx, const struct meta_extent_row *row,
                                  const struct meta_extent *extent),
                     void *ctx, bool *more);
/* 1 when some object or part refers to the unit now; garbage does not count. 0 when none does, or negative. */
int meta_unit_is_referred(struct meta_reader *reader, uint64_t file, uint64_t unit_offset);
/* What the reader is at ends with -ECANCELED; what it begins later does not. Any thread, as long as the reader is open. */
void meta_reader_interrupt(struct meta_reader *reader);
/* The database's own integrity check, and reference counts against the rows. report gets one line per finding.
 * Returns the number of findings or a negative error. */
int meta_check(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx);
/* The same; *objects: how many current objects there are, as a listing would show them, if that could be told in passing. */
#define META_OBJECTS_UNCOUNTED UINT64_MAX
int meta_check_counting(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx,
                        uint64_t *objects);
/* The pages alone, and how they hang together, twenty findings at most: a tenth of a second for each 10 MB, in one snapshot. As meta_check. */
int meta_check_pages(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx);

#endif
