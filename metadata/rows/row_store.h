/* SPDX-License-Identifier: MIT
 *
 * The wall inside metadata: what the changes (write/) and the rules (rows/) ask of the engine that keeps the rows. They decide, it
 * stores; no type of the engine's library is named here, and another engine could stand behind the same calls. Today's is sqlite/.
 *
 *   row_batch_begin(what will be touched)
 *     row_change_begin -> row_... -> row_change_end(kept or undone)      for each change
 *   row_batch_commit, or row_batch_abandon
 *
 * Every call runs on the committer's thread; the row calls inside a batch that is open. They return 0 or an error; those that look for a
 * row return 1 when it is there and 0 when it is not. -ENOSPC, -EIO, -ENOMEM: of this moment, and the batch may have been ended by it
 * (row_batch_is_open). META_E_CORRUPT: what is stored cannot be.
 *
 * Rows come and go in the form in which they are stored (codec.h). Lists that are handed in must be right: that is the callers'
 * business, and a wrong one is a bug. What is read may be damaged, and whoever decodes it sees that. What a call gives out lies in the
 * arena that it was given, or, where there is none, is valid during the visit. Private to metadata/. */
#ifndef METADATA_ROWS_ROW_STORE_H
#define METADATA_ROWS_ROW_STORE_H

#include "metadata/rows/arena_bytes.h"
#include "metadata/rows/row_changes.h"

struct row_store;

/* ---- The engine ---- */

/* Opens the database at meta->path: looks whose it is, asks meta_options.admit, migrates. *store: the side that writes; NULL in a read-only
 * store. On failure the log was told, and nothing is left to be closed but with row_engine_close. Blocks. */
int row_engine_open(struct meta *meta, struct row_store **store);
/* After row_store_close and the last reader. */
void row_engine_close(struct meta *meta);
/* What the store has not moved into the database yet is to lie beside it after row_store_close. */
void row_engine_keep_log(struct meta *meta);
/* A sync failed, and what it may have lost is not made good yet: nothing is committed. Any thread. */
bool row_engine_is_suspect(const struct meta *meta);
/* See meta_make_durable. Any thread that may block. */
int row_engine_make_durable(struct meta *meta);

/* The engine may work beside the store from now on. nudge: somebody should call row_store_repair; any thread. */
int row_store_start(struct row_store *store, void (*nudge)(void *ctx), void *ctx);
/* Blocks. */
void row_store_close(struct row_store *store);
/* Tries to make a failed sync good; not in a batch. 0; -EBADMSG: only a new process can; or another error: later perhaps. */
int row_store_repair(struct row_store *store);
/* After each batch: time for what the engine has to do between two. */
void row_store_rest(struct row_store *store);
/* Before that, when the batch found the disk full. */
void row_store_hurry(struct row_store *store);
/* The engine's own words for its last failure; valid until its next call. */
const char *row_store_message(const struct row_store *store);

/* 64 random bits; cheap. */
uint64_t row_store_random(struct row_store *store);

/* The highest rows that were used of the lists that count upwards. */
struct row_counters {
    int64_t garbage, replaced;
    int64_t given_up; /* up to which row of `replaced` */
};
int row_counters_get(struct row_store *store, struct row_counters *counters);

/* ---- A batch ---- */

/* touches: what the changes will touch; an engine with one writer has no need of it. is_synced: the commit is to be durable by
 * itself, and so is all before it. */
int row_batch_begin(struct row_store *store, const struct row_touches *touches, bool is_synced);
int row_batch_commit(struct row_store *store);
/* Nothing of it was, nor comes back after a power failure. */
void row_batch_abandon(struct row_store *store);
/* False also when a failure ended it. */
bool row_batch_is_open(const struct row_store *store);
/* How the last commit was to end. */
bool row_batch_was_synced(const struct row_store *store);
/* A change met -EIO: it may have been that of a sync. */
void row_batch_suspect(struct row_store *store);

/* Around one change, and around the parts of one: they nest. keeps false: it was not. */
int row_change_begin(struct row_store *store);
int row_change_end(struct row_store *store, bool keeps);

/* ---- Buckets and their settings ---- */

/* By ascending id. */
int row_bucket_walk(struct row_store *store,
                    int (*visit)(void *ctx, int64_t id, enum meta_versioning versioning), void *ctx);
/* 1 with *id, or 0: the name is taken. */
int row_bucket_insert(struct row_store *store, const struct meta_bucket *bucket, int64_t *id);
int row_bucket_set_versioning(struct row_store *store, int64_t bucket, enum meta_versioning versioning);
/* 1: it has objects, versions or delete markers. */
int row_bucket_is_used(struct row_store *store, int64_t bucket);
int row_bucket_delete(struct row_store *store, int64_t bucket);

/* 1: there is one. */
int row_setting_find(struct row_store *store, int64_t bucket, int kind);
/* document.base NULL: removes it. */
int row_setting_put(struct row_store *store, int64_t bucket, int kind, struct slice document);
/* All of the bucket's. */
int row_settings_delete(struct row_store *store, int64_t bucket);

/* ---- Objects ---- */

/* A row of `object` with its lists as stored, so that a copy need not decode them. */
struct object_row {
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];                        /* empty: damaged, it matches nothing */
    struct meta_checksum checksum;                             /* none, where it is damaged */
    struct slice owner, extents, attributes, upload_id, parts; /* empty: none */
    struct meta_version_id version;
};

enum row_put { ROW_INSERT, ROW_UPDATE };

int row_object_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   struct object_row *row);
/* 1: written; 0: it was there already, or, to be updated, was not. */
int row_object_put(struct row_store *store, enum row_put put, int64_t bucket, struct slice key,
                   const struct object_row *row);
int row_object_set_attributes(struct row_store *store, int64_t bucket, struct slice key,
                              struct slice attributes);
int row_object_delete(struct row_store *store, int64_t bucket, struct slice key);

/* ---- Versions that are not current, and delete markers ---- */

/* A row of `version`. */
struct version_row {
    struct object_row object;
    struct meta_version_id id; /* its place, also where object.version is null */
    bool is_marker, is_current;
};

int row_version_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                    const struct meta_version_id *id, struct version_row *row);
int row_version_get_null(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                         struct version_row *row);
int row_version_newest(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                       struct version_row *row);
/* 1: the key has one row here, or none. */
int row_version_is_alone(struct row_store *store, int64_t bucket, struct slice key);
/* Copies the object's row to the place `id`, noncurrent from then on. */
int row_version_archive(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id, int64_t noncurrent_ms);
/* Copies the row back to the key's object, which there is none of. */
int row_version_restore(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *id);
int row_version_put_marker(struct row_store *store, int64_t bucket, struct slice key,
                           const struct meta_version_id *id, bool is_null, int64_t modified_ms,
                           struct slice owner);
int row_version_set_noncurrent(struct row_store *store, int64_t bucket, struct slice key,
                               const struct meta_version_id *id, int64_t noncurrent_ms);
int row_version_set_current(struct row_store *store, int64_t bucket, struct slice key,
                            const struct meta_version_id *id);
int row_version_set_attributes(struct row_store *store, int64_t bucket, struct slice key,
                               const struct meta_version_id *id, struct slice attributes);
int row_version_delete(struct row_store *store, int64_t bucket, struct slice key,
                       const struct meta_version_id *id);

/* ---- Objects that were replaced, in a relaxed store ---- */

/* Copies the object's row to `replaced`: 1, or 0 when there is none. */
int row_replaced_keep(struct row_store *store, int64_t bucket, struct slice key, int64_t row);
/* The key's newest; is_null: it is the null version. */
int row_replaced_newest(struct row_store *store, int64_t bucket, struct slice key, int64_t *row,
                        bool *is_null);
/* The first one from *row on, which becomes its own. */
int row_replaced_next(struct row_store *store, struct arena *arena, int64_t *row, struct slice *extents);
/* Copies it back to its key's object, which there is none of. */
int row_replaced_restore(struct row_store *store, int64_t row);
int row_replaced_delete(struct row_store *store, int64_t row);

/* ---- Uploads and their parts ---- */

int row_upload_find(struct row_store *store, int64_t bucket, struct slice key,
                    const unsigned char *upload_id);
/* What its object gets. */
int row_upload_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   const unsigned char *upload_id, struct slice *owner, struct slice *attributes);
/* 1, or 0: there is one with that id. */
int row_upload_insert(struct row_store *store, int64_t bucket, const struct meta_upload *upload,
                      struct slice attributes);
int row_upload_delete(struct row_store *store, int64_t bucket, struct slice key,
                      const unsigned char *upload_id);
/* Those of a bucket. visit returns 0, or what stops the walk and is returned; it may touch parts and units. */
int row_upload_walk(struct row_store *store, int64_t bucket,
                    int (*visit)(void *ctx, const unsigned char *upload_id), void *ctx);
int row_uploads_delete(struct row_store *store, int64_t bucket);

/* Ascending; the extents are the packed ones. visit as above, but it may not touch parts. */
int row_part_walk(struct row_store *store, const unsigned char *upload_id,
                  int (*visit)(void *ctx, const struct meta_part *part, struct slice extents), void *ctx);
/* Number and extents alone, which a damaged row has still. */
int row_part_walk_extents(struct row_store *store, struct slice upload_id,
                          int (*visit)(void *ctx, int64_t number, struct slice extents), void *ctx);
int row_part_extents(struct row_store *store, struct arena *arena, const unsigned char *upload_id,
                     uint32_t number, struct slice *extents);
/* Replaces one of that number. */
int row_part_put(struct row_store *store, const unsigned char *upload_id, const struct meta_part *part,
                 struct slice extents);
int row_part_delete(struct row_store *store, const unsigned char *upload_id, uint32_t number);
/* Those up to the number. */
int row_parts_delete(struct row_store *store, struct slice upload_id, int64_t last);

/* Uploads that are no more and have parts still. */
int row_finished_put(struct row_store *store, struct slice upload_id, struct slice kept);
int row_finished_find(struct row_store *store, struct slice upload_id);
int row_finished_first(struct row_store *store, struct arena *arena, struct slice *upload_id,
                       struct slice *kept);
int row_finished_delete(struct row_store *store, struct slice upload_id);

/* ---- Units, and what is no longer named ---- */

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
/* Of one that nobody names. */
int row_unit_delete(struct row_store *store, uint64_t file, uint64_t unit_offset);

int row_garbage_put(struct row_store *store, int64_t row, const struct meta_extent *extent);
int row_garbage_get(struct row_store *store, int64_t row, uint64_t *file, uint64_t *unit_offset);
int row_garbage_delete(struct row_store *store, int64_t row);

/* Lists of extents whose references are to be dropped later. */
int row_dropped_put(struct row_store *store, struct slice extents);
int row_dropped_first(struct row_store *store, struct arena *arena, int64_t *row, struct slice *extents);
int row_dropped_delete(struct row_store *store, int64_t row);

/* ---- What there is one of ---- */

/* Where the journal is, with no entry applied; file 0: there is none, token is empty. */
int row_journal_move(struct row_store *store, uint64_t file, struct slice token);
int row_journal_apply(struct row_store *store, uint64_t applied);
/* To at least that. */
int row_epoch_raise(struct row_store *store, uint64_t epoch);
/* open: as many files, as they are stored; given_up: up to which row of `replaced`. */
int row_mark_put(struct row_store *store, uint64_t file, struct slice open, int64_t given_up);
int row_mark_given_up(struct row_store *store, int64_t *row);

#endif
