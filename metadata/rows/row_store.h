/* SPDX-License-Identifier: MIT
 *
 * The wall inside metadata: what the changes (write/) and the rules (rows/) ask of the engine that keeps the rows. They decide, it
 * stores; no type of the engine's library is named here, and any engine can stand behind the same calls (rows/row_calls.h). Today's is sqlite/.
 *
 *   row_batch_begin(what will be touched)
 *     row_change_begin -> row_... -> row_change_end(kept or undone)      for each change
 *   row_batch_commit, or row_batch_abandon
 *
 * Each kind of row has a get, a put and a delete, where it needs them; a walk where a change goes over many. What is beside those three is
 * here because it costs less inside the engine: rows move between `object`, `version` and `replaced` as they are (archive, restore, keep),
 * counting a unit is one step (add, raise, drop), and the first of a list is given out and removed at once (take).
 *
 * Outside the wall are
 *   the engine's own life: opening, closing, what is done between batches. rows/row_engine.h
 *   the readers (read/): they have connections of their own, many at a time, and decode columns where they lie. A wall between would
 *     cost a GET or a listing a copy of each row. What they ask is read/query.h
 *
 * Every call runs on the committer's thread, inside a batch that is open. They return 0 or an error; a get returns 1 when the row is
 * there and 0 when it is not, and so does whatever says so. -ENOSPC, -EIO, -ENOMEM: of this moment, and the batch may have been ended by it
 * (row_batch_is_open). META_E_CORRUPT: what is stored cannot be.
 *
 * Rows come and go in the form in which they are stored (codec.h). Lists that are handed in must be right: that is the callers'
 * business, and a wrong one is a bug. What is read may be damaged, and whoever decodes it sees that. What a call gives out lies in the
 * arena that it was given, or, where there is none, is valid during the visit. Private to metadata/. */
#ifndef METADATA_ROWS_ROW_STORE_H
#define METADATA_ROWS_ROW_STORE_H

#include "metadata/rows/arena_bytes.h"
#include "metadata/rows/row_changes.h"

struct meta_journal;
struct meta_quota;
struct row_store;

/* ---- A batch ---- */

/* touches: what the changes will touch; an engine with one writer has no need of it. is_synced: the commit is to be durable by
 * itself, and so is all before it. 1: others have changed buckets, settings or publications since the last batch. */
int row_batch_begin(struct row_store *store, const struct row_touches *touches, bool is_synced);
int row_batch_commit(struct row_store *store);
/* Nothing of it was, nor comes back after a power failure. */
void row_batch_abandon(struct row_store *store);
/* False also when a failure ended it. */
bool row_batch_is_open(const struct row_store *store);
/* In an open batch: what the time is, where several servers go by one clock; else *now_ms stays. */
void row_batch_time(const struct row_store *store, int64_t *now_ms);

/* Around one change, and around the parts of one: they nest. keeps false: it was not. */
int row_change_begin(struct row_store *store);
int row_change_end(struct row_store *store, bool keeps);

enum row_put { ROW_INSERT, ROW_UPDATE };

/* ---- Buckets and their settings ---- */

/* By ascending id; also before the first batch. visit returns 0, or what stops the walk and is returned. */
int row_bucket_walk(struct row_store *store,
                    int (*visit)(void *ctx, int64_t id, enum meta_versioning versioning), void *ctx);
/* Inserted, it gets its id: 1, or 0: the name is taken. Updated, what can change does, which is the versioning: 1, or 0: it is not there. */
int row_bucket_put(struct row_store *store, enum row_put put, struct meta_bucket *bucket);
/* How it is called, and whose it is. */
int row_bucket_names(struct row_store *store, struct arena *arena, int64_t bucket, struct slice *name,
                     struct slice *owner);
/* 1: it has objects, versions or delete markers. */
int row_bucket_is_used(struct row_store *store, int64_t bucket);
/* With its settings, its row of `tally`, its quota and its counts. */
int row_bucket_delete(struct row_store *store, int64_t bucket);

/* 1: there is one. */
int row_setting_find(struct row_store *store, int64_t bucket, int kind);
/* Of every bucket that has one, by ascending bucket; also before the first batch. visit returns 0, or what stops the walk and is returned. */
int row_setting_walk(struct row_store *store, int kind,
                     int (*visit)(void *ctx, int64_t bucket, struct slice document), void *ctx);
/* document.base NULL: removes it. */
int row_setting_put(struct row_store *store, int64_t bucket, int kind, struct slice document);

/* ---- Objects ---- */

/* A row of `object` with its lists as stored, so that a copy need not decode them. */
struct object_row {
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];                        /* empty: damaged, it matches nothing */
    struct meta_checksum checksum;                             /* none, where it is damaged */
    struct slice owner, extents, attributes, upload_id, parts; /* empty: none */
    struct meta_version_id version;
    int64_t annotations; /* their set; 0: none */
};

int row_object_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   struct object_row *row);
/* replaced: what is there, which is updated; NULL: there is nothing, the row is inserted. 1: written; 0: it was there already, or, to be
 * updated, was not. */
int row_object_put(struct row_store *store, const struct object_row *replaced, int64_t bucket,
                   struct slice key, const struct object_row *row);
/* row: what is there. */
int row_object_delete(struct row_store *store, int64_t bucket, struct slice key,
                      const struct object_row *row);
/* Of the object, or of the version at the place `id`. The rest of the row stays as it is, be it damaged. */
int row_attributes_put(struct row_store *store, int64_t bucket, struct slice key,
                       const struct meta_version_id *id, struct slice attributes);
int row_annotations_name(struct row_store *store, int64_t bucket, struct slice key,
                         const struct meta_version_id *id, int64_t set);

/* ---- Cache buckets ---- */

/* A row of `tally`, but for its counts, which every call above and below that stores or removes an object of such a bucket keeps
 * right by itself, and the time of its last use, too. */
struct tally_row {
    int state;           /* enum meta_cache_state */
    struct slice cursor; /* filling: up to this key all objects are counted */
    bool write_once;
    uint64_t object_bytes_max;
};

/* row->cursor is borrowed until the next change. NULL: only whether there is one. */
int row_tally_get(struct row_store *store, int64_t bucket, struct tally_row *row);
/* Replaces all but the counts. */
int row_tally_put(struct row_store *store, int64_t bucket, const struct tally_row *row);
int row_tally_delete(struct row_store *store, int64_t bucket);
/* Counts the next `limit` objects, up to which key `cursor` then says: 1, or 0 when there are none. now_ms: nothing was used later. */
int row_tally_fill(struct row_store *store, struct arena *arena, int64_t bucket, uint32_t limit,
                   int64_t now_ms, struct slice *cursor);
/* The same, forgetting: 1, or 0 when none is counted any more. */
int row_tally_drain(struct row_store *store, int64_t bucket, uint32_t limit);

/* When the object was used last: 1, or 0: it is not there, or not counted. */
int row_use_get(struct row_store *store, int64_t bucket, struct slice key, int64_t *used_ms);
/* 1: noted; 0: nothing is there that is counted, and was used last before both times. */
int row_use_put(struct row_store *store, int64_t bucket, struct slice key, int64_t used_ms,
                int64_t if_before_ms);

/* ---- Publications ---- */

enum publication_state {
    PUBLICATION_PREPARED = 1, /* who prepares it is at it; nobody sees it */
    PUBLICATION_VISIBLE = 2,  /* everybody sees its rows in the place of those of its bucket */
    PUBLICATION_GIVEN_UP = 3,
};

/* A row of `publication`. */
struct publication_row {
    int64_t id, bucket;
    enum publication_state state;
    int64_t at_ms;     /* when it became visible */
    bool has_versions; /* its bucket has had versioning then */
};

/* What a publication has prepared are rows of objects in this bucket, which the calls above take as any other. */
static inline int64_t publication_bucket(int64_t id)
{
    return -id;
}

/* The size of a row that says: the key is to have no object. */
#define PUBLICATION_REMOVES UINT64_MAX

/* By ascending id; also before the first batch. */
int row_publication_walk(struct row_store *store, int (*visit)(void *ctx, const struct publication_row *row),
                         void *ctx);
/* Of one that this process is not preparing: 1: nor does another; 0: another process does, and lives; or an error. */
int row_publication_is_left(struct row_store *store, int64_t id);
/* Inserted, it gets its id, which no other had. Updated: 1, or 0: it is not there. */
int row_publication_put(struct row_store *store, enum row_put put, struct publication_row *row);
int row_publication_delete(struct row_store *store, int64_t id);
/* The key of the first row that it has prepared: 1, or 0: there is none. */
int row_publication_next(struct row_store *store, struct arena *arena, int64_t id, struct slice *key);

/* ---- Versions that are not current, and delete markers ---- */

/* A row of `version`. */
struct version_row {
    struct object_row object;
    struct meta_version_id id; /* its place, also where object.version is null */
    bool is_marker, is_current;
};

/* The one of that id; the null id means the null version, id NULL the newest row. */
int row_version_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                    const struct meta_version_id *id, struct version_row *row);
/* 1: the key has one row here, or none. */
int row_version_is_alone(struct row_store *store, int64_t bucket, struct slice key);
/* Copies the object's row, which is `current`, to the place `id`, noncurrent from then on. */
int row_version_archive(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id, const struct object_row *current,
                        int64_t noncurrent_ms);
/* Moves the row back to the key's object, which there is none of. */
int row_version_restore(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id);
/* A delete marker, current. is_null: it is the null version. */
int row_marker_put(struct row_store *store, int64_t bucket, struct slice key,
                   const struct meta_version_id *id, bool is_null, int64_t modified_ms, struct slice owner);
/* NULL: it is current. */
int row_version_set_noncurrent(struct row_store *store, int64_t bucket, struct slice key,
                               const struct meta_version_id *id, const int64_t *noncurrent_ms);
int row_version_delete(struct row_store *store, int64_t bucket, struct slice key,
                       const struct version_row *row);

/* ---- Objects that were replaced, in a relaxed store ---- */

/* Copies the object's row to `replaced`: 1, or 0 when there is none. */
int row_replaced_keep(struct row_store *store, int64_t bucket, struct slice key, int64_t row);
/* The key's newest; is_null: it is the null version. */
int row_replaced_newest(struct row_store *store, int64_t bucket, struct slice key, int64_t *row,
                        bool *is_null);
/* Removes the first one from *row to `last`, and gives out what it held; *row becomes its own. */
int row_replaced_take(struct row_store *store, struct arena *arena, int64_t *row, int64_t last,
                      struct slice *extents, int64_t *annotations);
/* Moves it back to its key's object, which there is none of. */
int row_replaced_restore(struct row_store *store, int64_t bucket, struct slice key, int64_t row);

/* ---- Uploads and their parts ---- */

/* A row of `upload`: what its object gets. */
struct upload_row {
    struct slice owner, attributes;
};

/* row NULL: only whether it is there. */
int row_upload_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   const unsigned char *upload_id, struct upload_row *row);
/* 1, or 0: there is one with that id. */
int row_upload_put(struct row_store *store, int64_t bucket, const struct meta_upload *upload,
                   struct slice attributes);
int row_upload_delete(struct row_store *store, int64_t bucket, struct slice key,
                      const unsigned char *upload_id);
/* All of a bucket; each is told before it goes. visit as above; it may touch parts and units. */
int row_uploads_delete(struct row_store *store, int64_t bucket,
                       int (*visit)(void *ctx, const unsigned char *upload_id), void *ctx);

/* A row of `part`; ETag and checksum as stored, too: part_row_decode. */
struct part_row {
    int64_t number, size, modified_ms;
    struct slice etag, checksum, extents;
};

/* Ascending. visit as above; it may not touch parts. */
int row_part_walk(struct row_store *store, struct slice upload_id,
                  int (*visit)(void *ctx, const struct part_row *row), void *ctx);
int row_part_get(struct row_store *store, struct arena *arena, struct slice upload_id, uint32_t number,
                 struct part_row *row);
/* replaced: the one of that number, or NULL. */
int row_part_put(struct row_store *store, int64_t bucket, struct slice key, struct slice upload_id,
                 const struct meta_part *part, struct slice extents, const struct part_row *replaced);
/* Those from `first` to `last`. */
int row_parts_delete(struct row_store *store, struct slice upload_id, int64_t first, int64_t last);

/* A row of `finished`: an upload that is no more and has parts still. */
struct finished_row {
    struct slice upload_id, kept;
};

/* upload_id empty: the first one. */
int row_finished_get(struct row_store *store, struct arena *arena, struct slice upload_id,
                     struct finished_row *row);
int row_finished_put(struct row_store *store, const struct finished_row *row);
int row_finished_delete(struct row_store *store, struct slice upload_id);

/* ---- Annotations, in sets ---- */

/* A row of `annotation_set`. */
struct annotation_set {
    int64_t id;
    int64_t refs;  /* rows that name it; 0: it is to be cleared away */
    int64_t count; /* of the annotations in it */
    int64_t bytes; /* of those */
};

/* id 0: the first one that is to be cleared away. */
int row_annotation_set_get(struct row_store *store, int64_t id, struct annotation_set *set);
int row_annotation_set_put(struct row_store *store, const struct annotation_set *set);
int row_annotation_set_delete(struct row_store *store, int64_t id);

/* What the annotation of that name holds. */
int row_annotation_get(struct row_store *store, struct arena *arena, int64_t set, struct slice name,
                       struct slice *extents, int64_t *bytes);
/* Replaces one of that name. */
int row_annotation_put(struct row_store *store, int64_t set, const struct meta_annotation *annotation,
                       struct slice extents);
int row_annotation_delete(struct row_store *store, int64_t set, struct slice name);
/* By ascending name. visit as above; it may not touch annotations. */
int row_annotation_walk(struct row_store *store, int64_t set,
                        int (*visit)(void *ctx, struct slice name, struct slice extents), void *ctx);
/* Those up to `last`. */
int row_annotations_delete(struct row_store *store, int64_t set, struct slice last);
/* All of a set, to one that has none. */
int row_annotations_copy(struct row_store *store, int64_t from, int64_t to);

/* ---- What buckets hold ---- */

/* The calls above and below that store or remove an object, a version, a part or an upload count it by themselves (rows/usage.h).
 * What the annotations of an object have gained, or lost, is said here: place NULL: of the current object, else of the version there. */
int row_count_annotation(struct row_store *store, int64_t bucket, struct slice key,
                         const struct meta_version_id *place, int64_t count, int64_t bytes);
/* Counts the next `limit` rows of those that are not counted yet: 1, 0 when none are left, or an error. */
int row_usage_step(struct row_store *store, struct arena *arena, uint32_t limit, uint32_t *rows);
/* Everything is to be counted anew. */
int row_usage_recount(struct row_store *store);
int row_quota_put(struct row_store *store, int64_t bucket, const struct meta_quota *quota);

/* ---- Units, and what is no longer named ---- */

/* Gives back some free pages of the engine's file, if there are many; *more: there are others. 0 or an error. */
int row_store_shrink(struct row_store *store, uint32_t pages_max, bool *more);

/* Keeps these bytes in a row, which the unit that is added with *file goes with: it is deleted when that is given back. -ENOTSUP: the engine has no
 * such rows. */
int row_body_put(struct row_store *store, struct slice bytes, uint64_t *file);

/* Counts one more. The first adds the unit if it is new; both return 0 for one that is garbage, the second also for one that is not there. */
int row_unit_add(struct row_store *store, const struct meta_extent *extent);
int row_unit_raise(struct row_store *store, const struct meta_extent *extent);

enum row_unit_drop {
    ROW_UNIT_UNCOUNTED = 0, /* damage: nobody had counted it */
    ROW_UNIT_NAMED = 1,     /* somebody else names it */
    ROW_UNIT_UNNAMED = 2,   /* that was the last one */
};
/* Counts one less: one of those, or an error. */
int row_unit_drop(struct row_store *store, const struct meta_extent *extent);

int row_garbage_put(struct row_store *store, int64_t row, const struct meta_extent *extent);
/* With the unit that it is about. Nothing to do where there is no such row. */
int row_garbage_delete(struct row_store *store, int64_t row);

/* Lists of extents whose references are to be dropped later. */
int row_dropped_put(struct row_store *store, struct slice extents);
/* Removes the first one, and gives it out. */
int row_dropped_take(struct row_store *store, struct arena *arena, struct slice *extents);

/* ---- What targets of events are to be told ---- */

/* How many rows there are for each target, and the last one; *given: the highest seq that row_outbox_give was told. Also before the first
 * batch. */
int row_outbox_targets(struct row_store *store, uint64_t *given,
                       int (*visit)(void *ctx, struct slice target, uint64_t waiting, uint64_t last),
                       void *ctx);
int row_outbox_put(struct row_store *store, struct slice target, uint64_t seq, int64_t bucket,
                   struct slice key, struct slice detail);
/* 1, or 0: there was none. The second deletes the target's first one. */
int row_outbox_delete(struct row_store *store, struct slice target, uint64_t seq);
int row_outbox_drop(struct row_store *store, struct slice target);
int row_outbox_give(struct row_store *store, uint64_t seq);

/* ---- What there is one of ---- */

/* Where the journal is; applied 0: a new one, or, with file 0, none. More than 0: only that is written, the rest is as it was. */
int row_journal_put(struct row_store *store, const struct meta_journal *journal);
/* To at least that. */
int row_epoch_raise(struct row_store *store, uint64_t epoch);
/* open: as many files, as they are stored; given_up: up to which row of `replaced`. */
int row_mark_put(struct row_store *store, uint64_t file, struct slice open, int64_t given_up);

/* The highest rows that were used of the lists that count upwards. */
struct row_counters {
    int64_t garbage, replaced, annotation_set;
    int64_t given_up; /* up to which row of `replaced`: row_mark_put */
    int64_t server;   /* of several over these rows, the one that this is; 0: there is but one */
};
/* Also before the first batch. */
int row_counters_get(struct row_store *store, struct row_counters *counters);

#endif
