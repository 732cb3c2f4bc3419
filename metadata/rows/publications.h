/* SPDX-License-Identifier: MIT
 *
 * The publications there are, and what becomes of a key of one (meta_publish.h). Private to metadata/; committer's thread.
 *
 * What is prepared for a key is a row of `object` in the publication's own bucket, with its references. Its size may say that the key is to
 * have no object. Its version is the one that the key's object, or delete marker, is going to have; none where that is the null version.
 * Its upload_id is a place among the key's versions:
 *
 *   bucket with versioning     that of the null version which becomes noncurrent, if the current one is that
 *   suspended, and a removal   that of the delete marker
 *
 * Applying a key makes of this row what a put or a delete at the time of the publication would have made. Each change that is about a key
 * of a published row has it applied first (publications_meet), so all that changes know of objects is in its usual place. Readers look at
 * both places (read/overlay.h). */
#ifndef METADATA_ROWS_PUBLICATIONS_H
#define METADATA_ROWS_PUBLICATIONS_H

#include "metadata/meta_publish.h"
#include "metadata/rows/row_store.h"

struct meta_writer;
struct publication_watch;

struct publication {
    struct publication_row row;
    struct publication_watch *
        watch; /* what others do to its keys, while it is prepared; NULL: it is not, or its process is gone */
};

struct publications {
    struct publication *list; /* by ascending id */
    size_t count, capacity;
};

/* Reads them anew: at start, and after a transaction was rolled back. Watches go along. */
int publications_load(struct meta_writer *writer);
void publications_free(struct publications *publications);
/* NULL: there is none. Until one is added or removed. */
struct publication *publication_find(struct publications *publications, int64_t id);
int publication_add(struct publications *publications, const struct publication_row *row,
                    struct publication_watch *watch);
void publication_remove(struct publications *publications, int64_t id);
/* The one of the bucket that is published and not applied yet; NULL: none. */
struct publication *publication_visible(struct publications *publications, int64_t bucket);
/* Tells readers whether there is any (overlay.h). Before one becomes visible, and after a transaction. */
void publications_tell(struct meta_writer *writer);

/* Prepares a key. given: NULL where its bucket never had versioning. row->version and upload_id are set here. 1, or 0: it was prepared before. */
int publication_prepare(struct meta_writer *writer, const struct publication *publication, struct slice key,
                        struct object_row *row, const struct object_row *current);
/* Brings the key to what was prepared for it: 1, 0 when there is nothing prepared, or an error. */
int publication_apply(struct meta_writer *writer, const struct publication *publication, struct slice key);
/* Drops it. */
int publication_drop(struct meta_writer *writer, const struct publication *publication, struct slice key);
/* A change is about the key: that, and whoever watches it is told. */
int publications_note(struct meta_writer *writer, int64_t bucket, struct slice key);
/* A change is about the bucket as a whole: META_E_BUSY while a publication of it is not applied; one that is prepared must begin anew. */
int publications_stand_aside(struct meta_writer *writer, int64_t bucket);
/* Applies the key where a published row is about it: 0 or an error. */
int publications_meet(struct meta_writer *writer, int64_t bucket, struct slice key);

#endif
