/* SPDX-License-Identifier: MIT
 *
 * What the changes (ops_*.c) work with. Everything here runs on the committer's thread, inside its
 * transaction and a savepoint of the change's own: a change that fails may leave anything half done. Private
 * to metadata/. */
#ifndef METADATA_WRITER_H
#define METADATA_WRITER_H

#include "metadata/arena.h"
#include "metadata/codec.h"
#include "metadata/db.h"

struct meta_writer {
    struct meta *meta;
    sqlite3 *db;
    struct meta_sql sql;
    int64_t now_ms;      /* of this transaction */
    int64_t garbage_row; /* the highest that was used; rows are not used twice while the store is open */
    struct arena arena;  /* emptied after each change */
    /* The buckets there are, ascending: that a change's bucket exists costs no query. */
    int64_t *buckets;
    size_t bucket_count, bucket_capacity;
};

/* ---- Buckets (ops_bucket.c) ---- */

/* Reads the set of buckets anew: at start and after a transaction was rolled back. */
int writer_buckets_load(struct meta_writer *writer);
bool writer_has_bucket(const struct meta_writer *writer, int64_t bucket);

/* ---- Object rows (row.c) ---- */

/* A row of `object` with its lists as stored, so that a copy need not decode them. */
struct object_row {
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct meta_bytes owner, extents, attributes, upload_id, parts; /* empty: none */
};

/* The row's bytes live in the arena. Returns 0, META_E_NO_KEY, or an error. */
int object_row_load(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                    struct object_row *row);
/* Where the references of a row come from that is about to be stored. */
enum references_source {
    REFERENCES_NEW,    /* units of an upload: references_add */
    REFERENCES_SHARED, /* units of another row: references_raise */
    REFERENCES_MOVED,  /* held already, by parts that cease to be */
};

/* Evaluates the condition, stores the row as the key's object, takes its references and only then drops those
 * of the object it replaces, which may name the same units. A refusal (META_E_PRECONDITION, META_E_NO_KEY)
 * writes nothing. */
int object_row_store(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                     const struct object_row *row, const struct meta_condition *condition,
                     enum references_source source);

/* 0, or -EINVAL for what S3 does not allow as a key. */
int key_check(struct meta_bytes key);
/* Encodes into the arena. -EINVAL: an extent that is none, or lengths that do not add up to size. -E2BIG: too
 * many. */
int extents_pack(struct meta_writer *writer, const struct meta_extents *extents, uint64_t size,
                 struct meta_bytes *bytes);
int attributes_pack(struct meta_writer *writer, const struct meta_attributes *attributes,
                    struct meta_bytes *bytes);

/* The source of a copy, where its conditions hold (in S3's order): META_E_NO_BUCKET, META_E_NO_KEY, META_E_PRECONDITION. */
int copy_source_load(struct meta_writer *writer, const struct meta_copy_source *source, struct object_row *row);

/* ---- Parts (ops_part.c) ---- */

/* 0, META_E_NO_UPLOAD, or an error. */
int upload_check(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                 const unsigned char *upload_id);
/* Drops the references of the upload's parts, but for those marked in `keep` (by number; NULL: none), and
 * their rows. */
int parts_remove(struct meta_writer *writer, const unsigned char *upload_id, const unsigned char *keep);

/* ---- References (references.c) ---- */

/* Each extent of each row holds one reference to its unit. All three take an encoded list of extents. */

/* For units that come with an upload: usually new. META_E_CHANGED when a unit is garbage already. */
int references_add(struct meta_writer *writer, struct meta_bytes extents);
/* For units that another row names as well. */
int references_raise(struct meta_writer *writer, struct meta_bytes extents);
/* The last one puts the unit on the garbage list. Damage is logged and passed over, for a damaged object must
 * be removable too: its bytes then stay, and the check finds them. */
int references_drop(struct meta_writer *writer, struct meta_bytes extents);

/* ---- Annotations (annotations.c) ---- */

/* The value in a packed list; data NULL when absent. Points into the list. */
struct meta_bytes attributes_find(struct meta_bytes packed, const char *name);
/* Exchanges one attribute of a packed list for another value (data NULL: none), in the arena. */
int attributes_annotate(struct meta_writer *writer, struct meta_bytes *packed, const char *name,
                        struct meta_bytes value);
/* From the source's attributes to those of the copy, in the arena. */
int copy_attributes_pack(struct meta_writer *writer, const struct meta_object_copy *op,
                         struct meta_bytes *packed);

/* ---- Settings (ops_settings.c) ---- */

/* All of the bucket's. */
int settings_remove(struct meta_writer *writer, int64_t bucket);

/* ---- The changes ---- */

int op_bucket_create(struct meta_writer *writer, struct meta_bucket_create *op);
int op_bucket_delete(struct meta_writer *writer, struct meta_bucket_delete *op);
int op_object_put(struct meta_writer *writer, struct meta_object_put *op);
int op_object_delete(struct meta_writer *writer, struct meta_object_delete *op);
int op_object_copy(struct meta_writer *writer, struct meta_object_copy *op);
int op_upload_create(struct meta_writer *writer, struct meta_upload_create *op);
int op_upload_complete(struct meta_writer *writer, struct meta_upload_complete *op);
int op_upload_abort(struct meta_writer *writer, struct meta_upload_abort *op);
int op_part_put(struct meta_writer *writer, struct meta_part_put *op);
int op_part_copy(struct meta_writer *writer, struct meta_part_copy *op);
int op_garbage_done(struct meta_writer *writer, struct meta_garbage_done *op);
int op_object_annotate(struct meta_writer *writer, struct meta_object_annotate *op);
struct meta_setting_put;
int op_setting_put(struct meta_writer *writer, struct meta_setting_put *op);

#endif
