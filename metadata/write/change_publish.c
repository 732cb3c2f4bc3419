/* SPDX-License-Identifier: MIT
 *
 * Publications: preparing them, the moment in which one becomes visible, and what is left to be done then in slices, as all that is large
 * (change_sweep.c). See meta_publish.h and rows/publications.h. Committer's thread. */
#include "metadata/meta_publish.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/rows/publication_watch.h"
#include "metadata/write/writer.h"

/* One that is being prepared by this process. */
static struct publication *prepared_find(struct meta_writer *writer, int64_t id)
{
    struct publication *publication = publication_find(&writer->publications, id);

    return publication != NULL && publication->row.state == PUBLICATION_PREPARED && publication->watch != NULL
               ? publication
               : NULL;
}

int op_publish_begin(struct meta_writer *writer, struct meta_publish_begin *op)
{
    struct publication_row row = {.bucket = op->bucket, .state = PUBLICATION_PREPARED};
    struct publication_watch *watch;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->prefix.len > META_KEY_BYTES_MAX)
        return -EINVAL;
    if (writer->publications.count >= META_PUBLICATIONS_MAX)
        return META_E_BUSY;
    int inserted = row_publication_put(writer->store, ROW_INSERT, &row);
    if (inserted <= 0)
        return inserted == 0 ? META_E_CORRUPT : inserted;
    if ((watch = publication_watch_create(op->prefix)) == NULL)
        return -ENOMEM;
    if ((err = publication_add(&writer->publications, &row, watch)) != 0) {
        publication_watch_free(watch);
        return err;
    }
    op->id = row.id;
    return 0;
}

/* ---- Preparing ---- */

static int prepare_row(struct meta_writer *writer, const struct publication *publication, struct slice key,
                       struct object_row *row, const struct object_row *current)
{
    int prepared = publication_prepare(writer, publication, key, row, current);

    return prepared == 0 ? -EEXIST : prepared < 0 ? prepared : 0;
}

/* The key is to have no object. current: NULL when it has none now. 1, or 0: nothing was prepared. */
static int prepare_removal(struct meta_writer *writer, const struct publication *publication,
                           struct slice key, const struct object_row *current, struct slice owner)
{
    struct object_row row = {
        .size = PUBLICATION_REMOVES, .modified_ms = writer->now_ms, .owner = owner, .etag = "0"};

    return current == NULL ? 0 : publication_prepare(writer, publication, key, &row, current);
}

/* What the upload would become; its parts keep what they have, too. */
static int prepare_upload(struct meta_writer *writer, const struct publication *publication,
                          const struct meta_publish_entry *entry, const struct object_row *current)
{
    int64_t bucket = publication->row.bucket;
    struct object_row row;
    int err;

    assert(entry->upload->bucket == bucket && slice_equals(entry->upload->key, entry->copy.key));
    if ((err = upload_row_make(writer, entry->upload, &row)) != 0 ||
        (err = bounds_check(writer, bucket, &row, current)) != 0 ||
        (err = prepare_row(writer, publication, entry->copy.key, &row, current)) != 0)
        return err;
    return references_take(writer, &row, REFERENCES_SHARED);
}

/* A copy of the source as it is now, in its own right. */
static int prepare_copy(struct meta_writer *writer, const struct publication *publication,
                        struct meta_object_copy *copy, const struct object_row *current)
{
    struct object_row row;
    int err;

    if ((err = publications_meet(writer, copy->source.bucket, copy->source.key)) != 0 ||
        (err = copy_source_load(writer, &copy->source, &row)) != 0 ||
        (err = copy_row_make(writer, copy, &row)) != 0)
        return err;
    if ((err = bounds_check(writer, publication->row.bucket, &row, current)) != 0 ||
        (err = prepare_row(writer, publication, copy->key, &row, current)) != 0 ||
        (err = references_take(writer, &row, REFERENCES_SHARED)) != 0)
        return err;
    copy_row_tell(copy, &row);
    return 0;
}

/* An object with bytes of its own. */
static int prepare_put(struct meta_writer *writer, const struct publication *publication,
                       struct meta_object_put *put, const struct object_row *current)
{
    struct object_row row;
    int err = put_row_make(writer, put, &row);

    if (err != 0 || (err = bounds_check(writer, publication->row.bucket, &row, current)) != 0 ||
        (err = prepare_row(writer, publication, put->key, &row, current)) != 0)
        return err;
    return references_take(writer, &row, REFERENCES_NEW);
}

static int prepare_entry(struct meta_writer *writer, const struct publication *publication,
                         struct meta_publish_entry *entry)
{
    struct meta_object_copy *copy = &entry->copy;
    struct slice key = entry->put != NULL ? entry->put->key : copy->key;
    int64_t bucket = publication->row.bucket;
    struct object_row current;
    int err;

    copy->bucket = bucket;
    if ((err = key_check(key)) != 0 || (err = publications_meet(writer, bucket, key)) != 0 ||
        (err = publication_watch_add(publication->watch, bucket, key)) != 0)
        return err;
    err = object_row_load(writer, bucket, key, &current);
    if (err != 0 && err != META_E_NO_KEY)
        return err;
    const struct object_row *there = err == 0 ? &current : NULL;
    if ((err = condition_check(entry->put != NULL ? &entry->put->condition : &copy->condition, there)) != 0)
        return err;
    if (entry->put != NULL)
        return prepare_put(writer, publication, entry->put, there);
    if (entry->upload != NULL)
        return prepare_upload(writer, publication, entry, there);
    if (!entry->removes)
        return prepare_copy(writer, publication, copy, there);
    int removed = prepare_removal(writer, publication, copy->key, there, copy->owner);
    entry->existed = removed > 0;
    return removed < 0 ? removed : 0;
}

int op_publish_prepare(struct meta_writer *writer, struct meta_publish_prepare *op)
{
    const struct publication *publication = prepared_find(writer, op->id);
    int err = 0;

    assert(op->entries != NULL || op->count == 0);
    op->failed = op->count;
    if (op->count > META_PUBLISH_STEP_KEYS)
        return -EINVAL;
    if (publication == NULL)
        return META_E_CHANGED;
    if (!writer_has_bucket(writer, publication->row.bucket))
        return META_E_NO_BUCKET;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        err = prepare_entry(writer, publication, &op->entries[i]);
        arena_reset(&writer->arena);
        if (err != 0)
            op->failed = i;
    }
    return err;
}

/* ---- The moment ---- */

/* Somebody else has changed what the key has, and this publication comes after that. */
static int key_overrule(struct meta_writer *writer, const struct publication *publication, struct slice key,
                        struct slice owner)
{
    int64_t bucket = publication->row.bucket;
    struct object_row row, current;
    int found =
        row_object_get(writer->store, &writer->arena, publication_bucket(publication->row.id), key, &row);
    int err = found >= 0 ? object_row_load(writer, bucket, key, &current) : found;
    const struct object_row *there = err == 0 ? &current : NULL;

    if (err != 0 && err != META_E_NO_KEY)
        return err;
    if (found == 0) {
        err = publication_watch_covers(publication->watch, key)
                  ? prepare_removal(writer, publication, key, there, owner)
                  : 0;
        return err < 0 ? err : 0;
    }
    if (row.size != PUBLICATION_REMOVES && (err = bounds_check(writer, bucket, &row, there)) != 0)
        return err;
    err = row_object_delete(writer->store, publication_bucket(publication->row.id), key, &row);
    return err != 0
               ? err
               : prepare_row(writer, publication, key, &row, there); /* newer than what came in between */
}

static int changes_overrule(struct meta_writer *writer, const struct publication *publication,
                            const struct meta_publish *op)
{
    uint32_t touched = publication_watch_touched(publication->watch);
    int err = 0;

    if (publication_watch_is_stale(publication->watch) || (touched > 0 && !op->overrules))
        return META_E_CHANGED;
    for (uint32_t i = 0; i < touched && err == 0; i++) {
        err = key_overrule(writer, publication, publication_watch_key(publication->watch, i), op->owner);
        arena_reset(&writer->arena);
    }
    return err;
}

static int pointer_check(struct meta_writer *writer, int64_t bucket, const struct meta_publish *op)
{
    struct object_row current;
    int err = op->key.len > 0 ? object_row_load(writer, bucket, op->key, &current) : META_E_NO_KEY;

    if (op->key.len == 0 || (err != 0 && err != META_E_NO_KEY))
        return op->key.len == 0 ? 0 : err;
    return condition_check(&op->condition, err == 0 ? &current : NULL);
}

int op_publish(struct meta_writer *writer, struct meta_publish *op)
{
    struct publication *publication = prepared_find(writer, op->id);
    struct publications *all = &writer->publications;
    int err;

    if (publication == NULL)
        return META_E_CHANGED;
    struct publication_row row = publication->row;
    if (!writer_has_bucket(writer, row.bucket))
        return META_E_NO_BUCKET;
    if (publication_visible(all, row.bucket) != NULL)
        return META_E_BUSY;
    if ((err = pointer_check(writer, row.bucket, op)) != 0 ||
        (err = changes_overrule(writer, publication, op)) != 0)
        return err;
    row.state = PUBLICATION_VISIBLE;
    row.at_ms = op->at_ms = writer->now_ms;
    row.has_versions = writer_bucket_versioning(writer, row.bucket) != META_VERSIONING_NEVER;
    int updated = row_publication_put(writer->store, ROW_UPDATE, &row);
    if (updated <= 0)
        return updated == 0 ? META_E_CORRUPT : updated;
    for (size_t i = 0; i < all->count; i++)
        if (&all->list[i] != publication && all->list[i].watch != NULL &&
            all->list[i].row.bucket == row.bucket)
            publication_watch_cross(all->list[i].watch, publication->watch);
    publication->row = row;
    publications_tell(writer); /* before anybody can see it */
    return 0;
}

int op_publish_end(struct meta_writer *writer, struct meta_publish_end *op)
{
    struct publication *publication = prepared_find(writer, op->id);

    if (publication == NULL)
        return 0;
    struct publication_row row = publication->row;
    row.state = PUBLICATION_GIVEN_UP;
    int updated = row_publication_put(writer->store, ROW_UPDATE, &row);
    if (updated > 0)
        publication->row = row;
    return updated == 0 ? META_E_CORRUPT : updated < 0 ? updated : 0;
}

/* ---- What comes after ---- */

/* One whose keys are to be applied or dropped: 1, 0: there is none, or an error. */
static int publication_due(struct meta_writer *writer, struct publication **due)
{
    struct publications *all = &writer->publications;
    int is_left = 0;

    for (size_t i = 0; i < all->count && is_left == 0; i++) {
        *due = &all->list[i];
        if ((*due)->row.state != PUBLICATION_PREPARED)
            is_left = 1;
        else if ((*due)->watch == NULL)
            is_left = row_publication_is_left(writer->store, (*due)->row.id);
    }
    return is_left;
}

int publications_sweep(struct meta_writer *writer)
{
    struct publication *publication;
    struct slice key;
    int err, found = publication_due(writer, &publication);

    if (found <= 0)
        return found;
    found = row_publication_next(writer->store, &writer->arena, publication->row.id, &key);
    if (found > 0)
        found = publication->row.state == PUBLICATION_VISIBLE ? publication_apply(writer, publication, key)
                                                              : publication_drop(writer, publication, key);
    arena_reset(&writer->arena);
    if (found < 0)
        return found;
    if (found > 0) {
        writer->clear_left -=
            writer->clear_left < META_PUBLISH_KEY_WEIGHT ? writer->clear_left : META_PUBLISH_KEY_WEIGHT;
        return 1;
    }
    if ((err = row_publication_delete(writer->store, publication->row.id)) != 0)
        return err;
    publication_remove(&writer->publications, publication->row.id);
    return 1;
}
