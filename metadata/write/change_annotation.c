/* SPDX-License-Identifier: MIT
 *
 * Putting an annotation on an object, or on a version of it, and deleting one; rows/annotation_sets.c has what becomes of them when the
 * object changes. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* The object's set, as one that nobody else has. */
static int set_own(struct meta_writer *writer, const struct meta_annotated *object,
                   const struct object_row *row, struct annotation_set *set)
{
    int err = annotations_own(writer, row->annotations, set);

    if (err != 0 || set->id == row->annotations)
        return err;
    return version_name_annotations(writer, object->bucket, object->key, object->version, set->id);
}

/* The object has so many annotations and bytes of them more. */
static int annotated_count(struct meta_writer *writer, const struct meta_annotated *object, int64_t count,
                           int64_t bytes)
{
    const struct meta_version_id *place = NULL;
    struct meta_version_id id;
    int err = object->version != NULL
                  ? version_find(writer, object->bucket, object->key, object->version, &id, &place)
                  : 0;

    return err != 0 ? err
                    : row_count_annotation(writer->store, object->bucket, object->key, place, count, bytes);
}

/* A cache is bounded by what is counted of its objects: their own bytes. */
static int refuse_cache(struct meta_writer *writer, int64_t bucket)
{
    int is_cache = row_tally_get(writer->store, bucket, NULL);

    return is_cache > 0 ? META_E_BUCKET_STATE : is_cache;
}

/* The object, if the conditions hold. */
static int annotated_load(struct meta_writer *writer, struct meta_annotated *object, struct object_row *row)
{
    int err;

    if (!writer_has_bucket(writer, object->bucket))
        return META_E_NO_BUCKET;
    err = judged_row_load(writer, object->bucket, object->key, object->version, object->judged, row);
    if (err != 0)
        return err;
    object->found = row->version;
    if (object->if_match != NULL && strcmp(object->if_match, "*") != 0 &&
        (row->etag[0] == '\0' || strcmp(object->if_match, row->etag) != 0))
        return META_E_PRECONDITION;
    return row_is_locked(writer, row, object->bypass_governance) ? META_E_LOCKED : 0;
}

int op_annotation_put(struct meta_writer *writer, struct meta_annotation_put *op)
{
    struct meta_annotation *annotation = &op->annotation;
    struct slice extents, replaced;
    struct annotation_set set;
    struct object_row row;
    int64_t bytes;
    int err, found;

    if (!annotation_name_is_valid(annotation->name))
        return -EINVAL;
    if ((err = annotated_load(writer, &op->object, &row)) != 0 ||
        (err = refuse_cache(writer, op->object.bucket)) != 0 ||
        (err = extents_pack(writer, &annotation->extents, annotation->size, &extents)) != 0)
        return err;
    if ((found = annotation_find(writer, row.annotations, annotation->name, &replaced, &bytes)) < 0)
        return found;
    if ((err = set_own(writer, &op->object, &row, &set)) != 0)
        return err;
    if (found == 0 && set.count >= META_ANNOTATIONS_MAX)
        return META_E_ANNOTATIONS;
    if (annotation->modified_ms == 0)
        annotation->modified_ms = writer->now_ms;
    set.count += found == 0;
    set.bytes += (int64_t)annotation->size - (bytes < set.bytes ? bytes : set.bytes);
    if ((err = row_annotation_set_put(writer->store, &set)) != 0 ||
        (err = references_add(writer, extents)) != 0 ||
        (err = row_annotation_put(writer->store, set.id, annotation, extents)) != 0 ||
        (err = annotated_count(writer, &op->object, found == 0, (int64_t)annotation->size - bytes)) != 0)
        return err;
    return references_drop(writer, replaced);
}

int op_annotation_delete(struct meta_writer *writer, struct meta_annotation_delete *op)
{
    struct annotation_set set;
    struct object_row row;
    struct slice extents;
    int64_t bytes;
    int err, found;

    op->existed = false;
    if (!annotation_name_is_valid(op->name))
        return -EINVAL;
    if ((err = annotated_load(writer, &op->object, &row)) != 0)
        return err;
    if ((found = annotation_find(writer, row.annotations, op->name, &extents, &bytes)) <= 0)
        return found;
    op->existed = true;
    if ((err = set_own(writer, &op->object, &row, &set)) != 0)
        return err;
    annotation_set_shrink(&set, bytes);
    if ((err = row_annotation_set_put(writer->store, &set)) != 0 ||
        (err = row_annotation_delete(writer->store, set.id, op->name)) != 0 ||
        (err = annotated_count(writer, &op->object, -1, -bytes)) != 0)
        return err;
    return references_drop(writer, extents);
}
