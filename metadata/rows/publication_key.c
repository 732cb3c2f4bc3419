/* SPDX-License-Identifier: MIT
 *
 * A key of a publication: preparing it, and making of it what a put or a delete would have made. See publications.h. */
#include <assert.h>
#include <string.h>

#include "metadata/rows/publication_watch.h"
#include "metadata/write/writer.h"

int publication_prepare(struct meta_writer *writer, const struct publication *publication, struct slice key,
                        struct object_row *row, const struct object_row *current)
{
    enum meta_versioning versioning = writer_bucket_versioning(writer, publication->row.bucket);
    struct version_given given = {0};
    int err;

    assert(publication->row.state == PUBLICATION_PREPARED);
    row->upload_id = (struct slice){0};
    memset(&row->version, 0, sizeof(row->version));
    if (versioning == META_VERSIONING_NEVER)
        return row_object_put(writer->store, NULL, publication_bucket(publication->row.id), key, row);
    if ((err = version_give(writer, publication->row.bucket, key, current, &given)) != 0)
        return err;
    if (versioning == META_VERSIONING_ENABLED) {
        row->version = given.id;
        row->upload_id = meta_version_bytes(&given.place);
    } else {
        row->upload_id = meta_version_bytes(&given.id);
    }
    return row_object_put(writer->store, NULL, publication_bucket(publication->row.id), key, row);
}

static int apply_removal(struct meta_writer *writer, int64_t bucket, struct slice key,
                         const struct object_row *current, const struct version_given *given,
                         struct slice owner)
{
    struct meta_delete_entry entry = {.key = key};
    int err;

    if (writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER)
        return version_delete_current(writer, bucket, &entry, current, owner, given);
    if (current == NULL)
        return 0;
    err = row_object_delete(writer->store, bucket, key, current);
    return err != 0 ? err : references_give_up(writer, current);
}

/* The row's references go along with it. */
static int apply_object(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                        const struct object_row *current, const struct version_given *given)
{
    int err, kept = 0;

    row->upload_id = (struct slice){0};
    if (writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER)
        return version_store_given(writer, bucket, key, row, current, REFERENCES_MOVED, given);
    if (current != NULL && (kept = replaced_keep(writer, bucket, key)) < 0)
        return kept;
    int written = row_object_put(writer->store, current, bucket, key, row);
    if (written <= 0)
        return written == 0 ? META_E_CORRUPT : written;
    if (current == NULL || kept > 0)
        return 0;
    err = references_give_up(writer, current);
    return err;
}

/* What was given, of a row that is prepared. */
static struct version_given given_of(const struct object_row *row)
{
    struct version_given given = {.id = row->version};

    (void)meta_version_of(row->upload_id, &given.place); /* none: it needs none */
    if (meta_version_is_null(&given.id))
        given.id = given.place;
    return given;
}

/* For those who follow changes, it happens now. Who has published is not known any more. */
static int apply_note(struct meta_writer *writer, int64_t bucket, struct slice key, bool is_removal,
                      bool was_there)
{
    if (!is_removal)
        return events_created(writer, bucket, key, META_EVENT_PUT, NULL);
    return was_there ? events_removed(writer, bucket, key, NULL) : 0;
}

int publication_apply(struct meta_writer *writer, const struct publication *publication, struct slice key)
{
    int64_t bucket = publication->row.bucket, now_ms = writer->now_ms;
    struct object_row row, current;
    int found =
        row_object_get(writer->store, &writer->arena, publication_bucket(publication->row.id), key, &row);

    assert(publication->row.state == PUBLICATION_VISIBLE);
    if (found <= 0)
        return found;
    int err = object_row_load(writer, bucket, key, &current);
    const struct object_row *there = err == 0 ? &current : NULL;
    if (err != 0 && err != META_E_NO_KEY)
        return err;
    const struct version_given given = given_of(&row);
    writer->now_ms = publication->row.at_ms;
    if (row.size == PUBLICATION_REMOVES)
        err = apply_removal(writer, bucket, key, there, &given, row.owner);
    else
        err = apply_object(writer, bucket, key, &row, there, &given);
    writer->now_ms = now_ms;
    if (err == 0)
        err = row_object_delete(writer->store, publication_bucket(publication->row.id), key, &row);
    if (err == 0 && events_are_followed(writer))
        err = apply_note(writer, bucket, key, row.size == PUBLICATION_REMOVES, there != NULL);
    return err != 0 ? err : 1;
}

int publication_drop(struct meta_writer *writer, const struct publication *publication, struct slice key)
{
    struct object_row row;
    int64_t bucket = publication_bucket(publication->row.id);
    int err, found = row_object_get(writer->store, &writer->arena, bucket, key, &row);

    assert(publication->row.state != PUBLICATION_VISIBLE);
    if (found <= 0)
        return found;
    err = row_object_delete(writer->store, bucket, key, &row);
    if (err == 0 && row.size != PUBLICATION_REMOVES)
        err = references_give_up(writer, &row);
    return err != 0 ? err : 1;
}

/* Another process prepares it, or a start has yet to sweep it, and has something for the key: it is given up, for whoever prepares it cannot be told
 * otherwise. */
static int publication_spoil(struct meta_writer *writer, const struct publication *publication,
                             struct slice key)
{
    struct publication_row row = publication->row;
    struct object_row prepared;
    int found = row_object_get(writer->store, &writer->arena, publication_bucket(row.id), key, &prepared);

    if (found <= 0)
        return found;
    row.state = PUBLICATION_GIVEN_UP;
    found = row_publication_put(writer->store, ROW_UPDATE,
                                &row); /* what is kept here stays: the change may be undone */
    return found < 0 ? found : 0;
}

int publications_note(struct meta_writer *writer, int64_t bucket, struct slice key)
{
    struct publications *all = &writer->publications;
    int err;

    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].row.bucket != bucket)
            continue;
        if (all->list[i].watch != NULL)
            publication_watch_note(all->list[i].watch, bucket, key);
        else if (all->list[i].row.state == PUBLICATION_PREPARED &&
                 (err = publication_spoil(writer, &all->list[i], key)) != 0)
            return err;
    }
    return publications_meet(writer, bucket, key);
}

int publications_meet(struct meta_writer *writer, int64_t bucket, struct slice key)
{
    const struct publication *visible = publication_visible(&writer->publications, bucket);
    int applied = visible != NULL ? publication_apply(writer, visible, key) : 0;

    return applied < 0 ? applied : 0;
}
