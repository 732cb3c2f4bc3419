/* SPDX-License-Identifier: MIT
 *
 * PUT, DELETE and COPY of objects. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Ascending numbers, and sizes that add up to the object's. */
static bool parts_are_valid(const struct meta_object *object)
{
    uint64_t left = object->size;
    uint32_t last = 0;

    assert(object->parts != NULL || object->part_count == 0);
    for (uint32_t i = 0; i < object->part_count; i++) {
        const struct meta_part_size *part = &object->parts[i];
        if (part->number <= last || part->number > META_PART_NUMBER_MAX || part->size > left)
            return false;
        last = part->number;
        left -= part->size;
    }
    return object->part_count == 0 || left == 0;
}

int parts_pack(struct meta_writer *writer, const struct meta_object *object, struct slice *bytes)
{
    if (!parts_are_valid(object))
        return -EINVAL;
    unsigned char *out =
        arena_alloc(&writer->arena, codec_parts_bound(object->part_count, &object->part_checksums));
    if (out == NULL)
        return -ENOMEM;
    *bytes =
        slice_of(out, codec_parts_encode(out, object->parts, object->part_count, &object->part_checksums));
    return 0;
}

/* Whether there is still nothing to append to. */
static int append_creates(struct meta_writer *writer, const struct meta_object_put *op)
{
    struct object_row current;
    int err = object_row_load(writer, op->bucket, op->key, &current);

    assert(op->append != NULL && op->append->etag == NULL);
    if (err == META_E_NO_KEY)
        return op->append->offset == 0 ? 0 : META_E_OFFSET;
    if (err == 0)
        err = current.size == op->append->offset ? META_E_CHANGED : META_E_OFFSET;
    return err;
}

/* All but attributes and parts, which an append takes from what is there. */
static int put_row_begin(struct meta_writer *writer, struct meta_object_put *op, struct object_row *row)
{
    struct meta_object *object = &op->object;
    int err;

    *row = (struct object_row){.size = object->size, .checksum = object->checksum, .owner = object->owner};
    if (object->modified_ms == 0)
        object->modified_ms = writer->now_ms;
    assert(object->modified_ms != 0 || writer->now_ms == 0);
    row->modified_ms = object->modified_ms;
    memcpy(row->etag, object->etag, sizeof(row->etag));
    if (meta_object_has_upload(object))
        row->upload_id = slice_of(object->upload_id, sizeof(object->upload_id));
    if ((err = key_check(op->key)) != 0)
        return err;
    return extents_pack(writer, &object->extents, object->size, &row->extents);
}

static int put_row_end(struct meta_writer *writer, const struct meta_object *object, struct object_row *row)
{
    int err = attributes_pack(writer, &object->attributes, &row->attributes);

    return err != 0 ? err : parts_pack(writer, object, &row->parts);
}

int put_row_make(struct meta_writer *writer, struct meta_object_put *op, struct object_row *row)
{
    int err = put_row_begin(writer, op, row);

    assert(op->append == NULL);
    return err != 0 ? err : put_row_end(writer, &op->object, row);
}

int op_object_put(struct meta_writer *writer, struct meta_object_put *op)
{
    struct meta_object *object = &op->object;
    struct object_row row;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = put_row_begin(writer, op, &row)) != 0)
        return err;
    if (op->append != NULL && op->append->etag != NULL)
        return object_append(writer, op, row.extents);
    if (op->append != NULL && (err = append_creates(writer, op)) != 0)
        return err;
    if ((err = put_row_end(writer, object, &row)) != 0)
        return err;
    if ((err = object_row_store(writer, op->bucket, op->key, &row, &op->condition, REFERENCES_NEW)) != 0)
        return err;
    object->version = row.version;
    return 0;
}

int op_objects_put(struct meta_writer *writer, struct meta_objects_put *op)
{
    int err = 0;

    assert(op->puts != NULL || op->count == 0);
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        op->failed = i;
        err = op_object_put(writer, &op->puts[i]);
        arena_reset(&writer->arena);
    }
    return err;
}

/* The end of an object in a bucket that keeps no versions. */
static int object_delete(struct meta_writer *writer, int64_t bucket, struct meta_delete_entry *entry,
                         const struct object_row *current)
{
    int err;

    assert(writer_bucket_versioning(writer, bucket) == META_VERSIONING_NEVER);
    entry->existed = current != NULL;
    if (current == NULL)
        return 0;
    err = row_object_delete(writer->store, bucket, entry->key, current);
    return err != 0 ? err : references_give_up(writer, current);
}

/* As condition_check: whether the current object is the one the client means. */
static int entry_check(const struct meta_delete_entry *entry, const struct object_row *current)
{
    int err = owner_check(entry->owner, current);

    if (err != 0)
        return err;
    if (entry->if_match == NULL && !entry->if_match_size && !entry->if_match_modified)
        return 0;
    if (current == NULL) /* as S3: its size and its time are nobody's mistake */
        return entry->if_match != NULL ? META_E_NO_KEY : 0;
    if (entry->if_match != NULL && strcmp(entry->if_match, "*") != 0 &&
        (current->etag[0] == '\0' || strcmp(entry->if_match, current->etag) != 0))
        return META_E_PRECONDITION;
    if (entry->if_match_size && entry->size != current->size)
        return META_E_PRECONDITION;
    if (entry->if_match_modified && entry->modified_ms / 1000 != current->modified_ms / 1000)
        return META_E_PRECONDITION;
    return 0;
}

/* Whether what the entry names is as it was judged: 0, META_E_JUDGED, or an error. */
static int entry_judged_check(struct meta_writer *writer, int64_t bucket,
                              const struct meta_delete_entry *entry, const struct object_row *current)
{
    struct object_row row;
    int err;

    if (entry->judged == NULL || entry->version == NULL)
        return judged_check(entry->judged, current);
    err = judged_row_load(writer, bucket, entry->key, entry->version, entry->judged, &row);
    return err == META_E_NO_VERSION || err == META_E_DELETE_MARKER ? 0 : err; /* as it was judged */
}

/* One entry of a delete; its own result is the entry's, what is returned is the failure of the whole. */
static int entry_delete(struct meta_writer *writer, const struct meta_object_delete *op,
                        struct meta_delete_entry *entry)
{
    struct object_row row;
    int err = object_row_load(writer, op->bucket, entry->key, &row);
    const struct object_row *current = err == 0 ? &row : NULL;

    assert(entry->key.len == 0 || entry->key.base != NULL);
    entry->existed = entry->marker_removed = entry->marker_added = false;
    if (err != 0 && err != META_E_NO_KEY)
        return err;
    err = entry_judged_check(writer, op->bucket, entry, current);
    if (err != 0 && err != META_E_JUDGED)
        return err;
    if ((entry->result = err) != 0 || (entry->result = entry_check(entry, current)) != 0)
        return 0;
    if (entry->guard != NULL && (err = guard_check(writer, op->bucket, entry, current, &entry->result)) != 0)
        return err;
    if (entry->result != 0)
        return 0;
    if (entry->version != NULL)
        return version_delete(writer, op->bucket, entry, current);
    if (writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_NEVER)
        return version_delete_current(writer, op->bucket, entry, current, op->owner, NULL);
    return object_delete(writer, op->bucket, entry, current);
}

int op_object_delete(struct meta_writer *writer, struct meta_object_delete *op)
{
    int err = 0;

    assert(op->entries != NULL || op->count == 0);
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        err = entry_delete(writer, op, &op->entries[i]);
        arena_reset(&writer->arena);
    }
    return err;
}

int copy_row_make(struct meta_writer *writer, const struct meta_object_copy *op, struct object_row *row)
{
    int err = copy_attributes_pack(writer, op, &row->attributes);
    int is_cache = row_tally_get(writer->store, op->bucket, NULL);

    if (err != 0 || is_cache < 0)
        return err != 0 ? err : is_cache;
    if (op->replace_checksum)
        row->checksum = op->checksum;
    if (op->is_one_part)
        row->parts = (struct slice){0};
    if (op->is_one_part || op->replace_etag)
        memcpy(row->etag, op->etag, sizeof(row->etag));
    if (op->leaves_annotations || is_cache)
        row->annotations = 0;
    row->modified_ms = writer->now_ms;
    row->owner = op->owner;
    row->upload_id =
        (struct slice){0}; /* the copy was not made by the upload; the part sizes explain its ETag */
    return 0;
}

void copy_row_tell(struct meta_object_copy *op, const struct object_row *row)
{
    op->modified_ms = row->modified_ms;
    memcpy(op->etag, row->etag, sizeof(op->etag));
    op->size = row->size;
    op->checksum = row->checksum;
    op->version = row->version;
}

int op_object_copy(struct meta_writer *writer, struct meta_object_copy *op)
{
    struct object_row row;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = key_check(op->key)) != 0 || (err = copy_source_load(writer, &op->source, &row)) != 0)
        return err;
    op->source_version = row.version;
    if (op->replace_seal && op->content == NULL &&
        !slice_equals(codec_attributes_find(row.attributes, META_ATTRIBUTE_SEAL), op->seen_seal))
        return META_E_CHANGED; /* the new one would not open these bytes */
    if ((err = copy_row_make(writer, op, &row)) != 0)
        return err;
    assert(op->content == NULL || (op->replace_seal && op->leaves_annotations));
    if (op->content != NULL && (err = extents_pack(writer, op->content, row.size, &row.extents)) != 0)
        return err;
    if ((err = object_row_store(writer, op->bucket, op->key, &row, &op->condition,
                                op->content != NULL ? REFERENCES_NEW : REFERENCES_SHARED)) != 0)
        return err;
    copy_row_tell(op, &row);
    return 0;
}
