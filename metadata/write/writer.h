/* SPDX-License-Identifier: MIT
 *
 * What the changes (change_*.c) work with. Everything here runs on the committer's thread, inside its
 * transaction and a savepoint of the change's own: a change that fails may leave anything half done. Private
 * to metadata/. */
#ifndef METADATA_WRITE_WRITER_H
#define METADATA_WRITE_WRITER_H

#include "metadata/db.h"
#include "metadata/rows/codec.h"
#include "metadata/rows/outbox/outbox.h"
#include "metadata/rows/publications.h"
#include "metadata/rows/row_store.h"

/* What every change asks about its bucket, kept so that it costs no query. */
struct writer_bucket {
    int64_t id;
    enum meta_versioning versioning;
};

struct meta_writer {
    struct meta *meta;
    struct row_store *store;
    int64_t now_ms;         /* of this transaction */
    int64_t garbage_row;    /* the highest that was used; rows are not used twice while the store is open */
    uint64_t garbage_bytes; /* that this transaction makes in files that units share */
    int64_t replaced_row;   /* the same of `replaced` */
    int64_t annotation_set; /* the same of `annotation_set` */
    struct arena arena;     /* emptied after each change */
    uint32_t clear_left;    /* of META_CLEAR_MAX, in this transaction; change_sweep.c */
    uint64_t version_sequence;     /* of the newest version that was made; versions.c */
    uint64_t version_seed;         /* of the rest of its id; anew for each batch */
    struct writer_bucket *buckets; /* those there are, by ascending id */
    size_t bucket_count, bucket_capacity;
    struct publications publications; /* those there are; rows/publications.h */
    struct outbox outbox;             /* who is to be told of changes; rows/outbox.h */
};

/* ---- Buckets (change_bucket.c) ---- */

/* Reads the set of buckets anew: at start and after a transaction was rolled back. */
int writer_buckets_load(struct meta_writer *writer);
bool writer_has_bucket(const struct meta_writer *writer, int64_t bucket);
/* NEVER for a bucket that is not there. */
enum meta_versioning writer_bucket_versioning(const struct meta_writer *writer, int64_t bucket);

/* ---- Object rows (row.c) ---- */

/* The row's bytes live in the arena. Returns 0, META_E_NO_KEY, or an error. */
int object_row_load(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row);
/* Whether the current object (NULL: there is none) is the owner's; owner NULL: anybody's will do. 0 or META_E_NOT_OWNER. */
int owner_check(const struct slice *owner, const struct object_row *current);
/* Whether the object (NULL: there is none) is as it was judged; judged NULL: it was not. 0 or META_E_JUDGED. */
int judged_check(const struct meta_judged *judged, const struct object_row *row);
/* Loads the key's current object, or that version, and holds it against what was judged: what object_row_load and version_load return,
 * or META_E_JUDGED. */
int judged_row_load(struct meta_writer *writer, int64_t bucket, struct slice key,
                    const struct meta_version_id *version, const struct meta_judged *judged,
                    struct object_row *row);
/* What a condition says about the current object, NULL when there is none: 0, META_E_PRECONDITION, META_E_NO_KEY, META_E_NOT_OWNER,
 * META_E_JUDGED. */
int condition_check(const struct meta_condition *condition, const struct object_row *current);
/* Where the references of a row come from that is about to be stored. */
enum references_source {
    REFERENCES_NEW,    /* units of an upload: references_add */
    REFERENCES_SHARED, /* units of another row: references_raise */
    REFERENCES_MOVED,  /* held already, by parts that cease to be */
};

/* Takes the references of a row that was stored: to units and to its annotations. */
int references_take(struct meta_writer *writer, const struct object_row *row, enum references_source source);
/* Gives up those of a row that is no more. */
int references_give_up(struct meta_writer *writer, const struct object_row *row);

/* Evaluates the condition, stores the row as the key's object, takes its references and only then drops those
 * of what it replaces, which may name the same units. Where the bucket has versioning, the old object becomes
 * a noncurrent version, and row->version is set. A refusal (META_E_PRECONDITION, META_E_NO_KEY) writes
 * nothing. */
int object_row_store(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                     const struct meta_condition *condition, enum references_source source);

/* 0, or -EINVAL for what S3 does not allow as a key. */
int key_check(struct slice key);
/* Encodes into the arena. -EINVAL: an extent that is none, or lengths that do not add up to size. META_E_EXTENTS:
 * too many. */
int extents_pack(struct meta_writer *writer, const struct meta_extents *extents, uint64_t size,
                 struct slice *bytes);
/* The object's part list. -EINVAL: numbers that do not ascend, or sizes that do not add up to its size. */
int parts_pack(struct meta_writer *writer, const struct meta_object *object, struct slice *bytes);
int attributes_pack(struct meta_writer *writer, const struct meta_attributes *attributes,
                    struct slice *bytes);

/* The source of a copy, where its conditions hold (in S3's order): META_E_NO_BUCKET, META_E_NO_KEY, META_E_PRECONDITION. */
int copy_source_load(struct meta_writer *writer, const struct meta_copy_source *source,
                     struct object_row *row);

/* The row of a copy, of the source's: what the change says, and the time. And what it tells of it. (change_object.c) */
int copy_row_make(struct meta_writer *writer, const struct meta_object_copy *op, struct object_row *row);
void copy_row_tell(struct meta_object_copy *op, const struct object_row *row);

/* The conditions alone: 0 or META_E_PRECONDITION. */
int copy_source_check(const struct meta_copy_source *source, const struct object_row *row);

/* Whether the bucket takes the row in the place of the current object, be it as a cache bucket (meta_cache.h): 0, META_E_WRITE_ONCE,
 * META_E_OBJECT_SIZE, or an error. current: NULL when there is none. (change_cache.c) */
int bounds_check(struct meta_writer *writer, int64_t bucket, const struct object_row *row,
                 const struct object_row *current);

/* ---- Versions (versions.c) ---- */

/* Where a version is among those of its key: larger is newer. */
uint64_t version_sequence(const struct meta_version_id *id);
/* The smallest of that time; after 1970. */
uint64_t version_sequence_at(int64_t ms);
/* There is hardly anything after it. */
bool version_sequence_is_last(uint64_t sequence);
/* Writes the place into an id, whose name stays. */
void version_place(struct meta_version_id *id, uint64_t sequence);

/* Any version of the key, current or not: 0, META_E_NO_VERSION, META_E_DELETE_MARKER, or an error. */
int version_load(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct meta_version_id *version, struct object_row *row);
/* Where a version that is there lies: *place is NULL when it is the current object, else *id is its place in `version`. */
int version_find(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct meta_version_id *version, struct meta_version_id *id,
                 const struct meta_version_id **place);
/* Replaces the attributes of a version that is there. */
int version_set_attributes(struct meta_writer *writer, int64_t bucket, struct slice key,
                           const struct meta_version_id *version, struct slice attributes);
/* Names the set of annotations of a version that is there; version NULL: the current one. */
int version_name_annotations(struct meta_writer *writer, int64_t bucket, struct slice key,
                             const struct meta_version_id *version, int64_t set);
/* object_row_store for a bucket with versioning, the condition being met. current: NULL when there is none. */
int version_store(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                  const struct object_row *current, enum references_source source);
/* An id for the version that a publication makes of the key, and a place just before it, where the null version goes that it makes
 * noncurrent. Both are older than what is made after them and newer than all the key has now. */
struct version_given {
    struct meta_version_id id, place;
};
/* current: NULL when there is none. */
int version_give(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct object_row *current, struct version_given *given);
/* version_store with them; NULL: they are made now. */
int version_store_given(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                        const struct object_row *current, enum references_source source,
                        const struct version_given *given);
/* Deletes entry->version for good and makes the newest that is left current. current: NULL when there is none. */
int version_delete(struct meta_writer *writer, int64_t bucket, struct meta_delete_entry *entry,
                   const struct object_row *current);
/* Makes the newest version that is left of a key current that has no object, if there is one and it is no delete marker: 1, 0 or an error. */
int version_promote(struct meta_writer *writer, int64_t bucket, struct slice key);
/* Puts a delete marker in the place of the current object of a bucket with versioning. given: its id; NULL: it is made now. */
int version_delete_current(struct meta_writer *writer, int64_t bucket, struct meta_delete_entry *entry,
                           const struct object_row *current, struct slice owner,
                           const struct version_given *given);

/* ---- Uploads (change_upload.c) ---- */

/* The row of the object that the upload would become; its references are those of the parts. META_E_NO_UPLOAD, META_E_INVALID_PART. */
int upload_row_make(struct meta_writer *writer, const struct meta_upload_complete *op,
                    struct object_row *row);

/* ---- Parts (change_part.c) ---- */

/* 0, META_E_NO_UPLOAD, or an error. */
int upload_check(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const unsigned char *upload_id);

/* ---- Clearing away (change_sweep.c, clear_parts.c) ---- */

/* What a transaction may clear away. */
static inline uint32_t writer_clear_max(const struct meta_writer *writer)
{
    return writer->meta->options.clear_max != 0 ? writer->meta->options.clear_max : META_CLEAR_MAX;
}

/* For an upload that ceases to be: removes its parts, at once or, where they are many, later. kept: those whose
 * references are somebody else's now, as in kept_parts.h; the others' are dropped. */
int parts_finish(struct meta_writer *writer, const unsigned char *upload_id, struct slice kept);
/* Removes parts of the upload, lowest first, as far as the transaction has room: 1 when some are left, 0 when none, or an error. */
int parts_clear(struct meta_writer *writer, struct slice upload_id, struct slice kept);

/* Applies or drops a key of a publication, or forgets the publication: 1, 0 when there is none that is due, or an error. (change_publish.c) */
int publications_sweep(struct meta_writer *writer);

/* ---- References (references.c) ---- */

/* Each extent of each row holds one reference to its unit. All three take an encoded list of extents. */

/* For units that come with an upload: usually new. META_E_CHANGED when a unit is garbage already. */
int references_add(struct meta_writer *writer, struct slice extents);
/* For units that another row names as well. */
int references_raise(struct meta_writer *writer, struct slice extents);
/* The last one puts the unit on the garbage list. Damage is logged and passed over, for a damaged object must
 * be removable too: its bytes then stay, and the check finds them. A long list is left to the sweep where this
 * transaction has no room for it. */
int references_drop(struct meta_writer *writer, struct slice extents);
/* The same, whatever there is room for. */
int references_drop_now(struct meta_writer *writer, struct slice extents);

/* ---- Annotations (annotation_sets.c) ---- */

/* One more row, or one less, names the set; 0: none. The last one has it cleared away, as references_drop says of a long list. */
int annotations_raise(struct meta_writer *writer, int64_t set);
int annotations_drop(struct meta_writer *writer, int64_t set);
/* Clears away some annotations of a set that nobody has: 1, 0 when there is no such set, or an error. */
int annotations_sweep(struct meta_writer *writer);
/* The set, or a new one where there is none (0), or another with the same annotations where others have it, too: what may be changed. */
int annotations_own(struct meta_writer *writer, int64_t id, struct annotation_set *set);
bool annotation_name_is_valid(struct slice name);
/* What the annotation of that name holds, in the arena: 1, 0 when the set (0: none) has none, or an error. */
int annotation_find(struct meta_writer *writer, int64_t set, struct slice name, struct slice *extents,
                    int64_t *bytes);
/* One of so many bytes less. */
void annotation_set_shrink(struct annotation_set *set, int64_t bytes);
/* Drops one whose bytes are lost. Whoever names the set is to be counted anew. */
int annotation_lose(struct meta_writer *writer, int64_t set, struct slice name);

/* ---- Labels (labels.c) ---- */

/* Exchanges one attribute of a packed list for another value (base NULL: none), in the arena. */
int attributes_label(struct meta_writer *writer, struct slice *packed, const char *name, struct slice value);
/* Takes it out, if it is there. */
int attributes_unlabel(struct meta_writer *writer, struct slice *packed, const char *name);
/* From the source's attributes to those of the copy, in the arena. */
int copy_attributes_pack(struct meta_writer *writer, const struct meta_object_copy *op, struct slice *packed);

/* ---- Locks (locks.c) ---- */

/* Whether the version may not be deleted now. */
bool row_is_locked(const struct meta_writer *writer, const struct object_row *row, bool bypass_governance);
/* Gives attributes whose lock names no retention that of `packed` (empty: none). */
int lock_default(struct meta_writer *writer, struct slice *attributes, struct slice packed);

/* ---- What was replaced (change_relaxed.c) ---- */

/* Before a current object is overwritten: copies its row to where it is kept, if there is need. 1: the references of the row are
 * held there from now on, and the caller must not drop them; 0: not so; or an error. */
int replaced_keep(struct meta_writer *writer, int64_t bucket, struct slice key);

/* ---- The changes ---- */

int op_bucket_create(struct meta_writer *writer, struct meta_bucket_create *op);
int op_bucket_delete(struct meta_writer *writer, struct meta_bucket_delete *op);
struct meta_object_import;
int op_object_import(struct meta_writer *writer, struct meta_object_import *op);
int op_object_put(struct meta_writer *writer, struct meta_object_put *op);
/* The row that a put makes, without an append. */
int put_row_make(struct meta_writer *writer, struct meta_object_put *op, struct object_row *row);
int op_objects_put(struct meta_writer *writer, struct meta_objects_put *op);
/* op_object_put for a change with `append`, the new extents being packed. */
int object_append(struct meta_writer *writer, struct meta_object_put *op, struct slice extents);
int op_object_rename(struct meta_writer *writer, struct meta_object_rename *op);
int op_object_delete(struct meta_writer *writer, struct meta_object_delete *op);
int op_object_copy(struct meta_writer *writer, struct meta_object_copy *op);
int op_upload_create(struct meta_writer *writer, struct meta_upload_create *op);
int op_upload_complete(struct meta_writer *writer, struct meta_upload_complete *op);
int op_upload_abort(struct meta_writer *writer, struct meta_upload_abort *op);
int op_annotation_put(struct meta_writer *writer, struct meta_annotation_put *op);
int op_annotation_delete(struct meta_writer *writer, struct meta_annotation_delete *op);
int op_part_put(struct meta_writer *writer, struct meta_part_put *op);
int op_part_copy(struct meta_writer *writer, struct meta_part_copy *op);
int op_shrink(struct meta_writer *writer, struct meta_shrink *op);
int op_garbage_done(struct meta_writer *writer, struct meta_garbage_done *op);
int op_sweep(struct meta_writer *writer, struct meta_sweep *op);
int op_object_label(struct meta_writer *writer, struct meta_object_label *op);
/* Whether what the entry names is as its guard wants it: *result 0 or META_E_PRECONDITION. current: NULL when there is none. */
int guard_check(struct meta_writer *writer, int64_t bucket, const struct meta_delete_entry *entry,
                const struct object_row *current, int *result);

struct meta_object_lock;
int op_object_lock(struct meta_writer *writer, struct meta_object_lock *op);
int op_bucket_versioning(struct meta_writer *writer, struct meta_bucket_versioning *op);
struct meta_replay;
bool replay_is_end(const struct meta_replay *op);
int op_replay(struct meta_writer *writer, struct meta_replay *op);
int op_epoch_raise(struct meta_writer *writer, struct meta_epoch_raise *op);
struct meta_mark_set;
int op_mark_set(struct meta_writer *writer, struct meta_mark_set *op);
struct meta_lost;
int op_lost(struct meta_writer *writer, struct meta_lost *op);
int op_publish_begin(struct meta_writer *writer, struct meta_publish_begin *op);
int op_publish_prepare(struct meta_writer *writer, struct meta_publish_prepare *op);
int op_publish(struct meta_writer *writer, struct meta_publish *op);
int op_publish_end(struct meta_writer *writer, struct meta_publish_end *op);
int op_uploads_end(struct meta_writer *writer, struct meta_uploads_end *op);
struct meta_cache_set;
int op_cache_set(struct meta_writer *writer, struct meta_cache_set *op);
struct meta_cache_step;
int op_cache_step(struct meta_writer *writer, struct meta_cache_step *op);
struct meta_cache_touch;
int op_cache_touch(struct meta_writer *writer, struct meta_cache_touch *op);
struct meta_usage_step;
int op_usage_step(struct meta_writer *writer, struct meta_usage_step *op);
struct meta_quota_set;
int op_quota_set(struct meta_writer *writer, struct meta_quota_set *op);
struct meta_usage_recount;
int op_usage_recount(struct meta_writer *writer, struct meta_usage_recount *op);
struct meta_setting_put;
int op_setting_put(struct meta_writer *writer, struct meta_setting_put *op);
int op_outbox_set(struct meta_writer *writer, struct meta_outbox_set *op);
int op_outbox_done(struct meta_writer *writer, struct meta_outbox_done *op);
int op_outbox_note(struct meta_writer *writer, struct meta_outbox_note *op);
int op_replicated(struct meta_writer *writer, struct meta_replicated *op);

/* ---- What changes come to, for those who follow them (events.c) ---- */

/* After the change was run: tells of what happened, where anybody wants to know. */
int events_note(struct meta_writer *writer, const struct meta_op *op);
/* The key has got another object, or lost the one it had; where its bucket has versioning, to a delete marker. origin: NULL allowed; its kind, if it
 * names one, counts. */
int events_created(struct meta_writer *writer, int64_t bucket, struct slice key, enum meta_event_kind kind,
                   const struct meta_origin *origin);
int events_removed(struct meta_writer *writer, int64_t bucket, struct slice key,
                   const struct meta_origin *origin);
/* One atomic load. */
static inline bool events_are_followed(const struct meta_writer *writer)
{
    return atomic_load_explicit(&writer->meta->followed, memory_order_relaxed) != 0;
}

#endif
