/* SPDX-License-Identifier: MIT
 *
 * Parts of multipart uploads: storing one, copying a range of an object as one. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int upload_check(struct meta_writer *writer, int64_t bucket, struct slice key, const unsigned char *upload_id)
{
    int found = row_upload_get(writer->store, NULL, bucket, key, upload_id, NULL);

    return found > 0 ? 0 : found == 0 ? META_E_NO_UPLOAD : found;
}

/* Stores the part; its references were taken. Those of the part it replaces are dropped. */
static int part_store(struct meta_writer *writer, int64_t bucket, struct slice key,
                      const unsigned char *upload_id, const struct meta_part *part, struct slice extents)
{
    const struct slice id = slice_of(upload_id, META_UPLOAD_ID_BYTES);
    struct part_row replaced = {0};
    int found = row_part_get(writer->store, &writer->arena, id, part->number, &replaced);
    int err = found < 0
                  ? found
                  : row_part_put(writer->store, bucket, key, id, part, extents, found > 0 ? &replaced : NULL);

    assert(part->number >= 1 && part->number <= META_PART_NUMBER_MAX);
    return err != 0 ? err : references_drop(writer, replaced.extents);
}

static bool part_number_is_valid(uint32_t number)
{
    return number >= 1 && number <= META_PART_NUMBER_MAX;
}

int op_part_put(struct meta_writer *writer, struct meta_part_put *op)
{
    struct slice extents;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (!part_number_is_valid(op->part.number))
        return -EINVAL;
    if ((err = upload_check(writer, op->bucket, op->key, op->upload_id)) != 0 ||
        (err = extents_pack(writer, &op->part.extents, op->part.size, &extents)) != 0)
        return err;
    if (op->part.modified_ms == 0)
        op->part.modified_ms = writer->now_ms;
    if ((err = references_add(writer, extents)) != 0)
        return err;
    return part_store(writer, op->bucket, op->key, op->upload_id, &op->part, extents);
}

/* The extents of `length` bytes from `first` on, which the source is known to have. */
static int extents_slice(struct meta_writer *writer, struct slice source, uint64_t first, uint64_t length,
                         struct meta_extents *slice)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, source);

    if (more != 0)
        return more;
    slice->count = 0;
    slice->list = arena_alloc(&writer->arena, list.count * sizeof(*slice->list));
    if (slice->list == NULL)
        return -ENOMEM;
    while (length > 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        if (extent.is_sealed)
            return -EINVAL; /* under a key that is not the upload's */
        if (first >= extent.length) {
            first -= extent.length;
            continue;
        }
        extent.offset += first;
        extent.length -= first;
        first = 0;
        if (extent.length > length)
            extent.length = length;
        length -= extent.length;
        slice->list[slice->count++] = extent;
    }
    assert(slice->count <= list.count);
    return length == 0 ? 0 : META_E_CORRUPT; /* fewer bytes than the row says */
}

/* What of the source becomes the part: sets the size, and the ETag where it is the source's. */
static int part_copy_range(struct meta_part_copy *op, const struct object_row *source, struct meta_part *part)
{
    if (op->first > source->size || (op->first == source->size && source->size > 0))
        return -ERANGE;
    part->size = op->length == UINT64_MAX ? source->size - op->first : op->length;
    if (part->size > source->size - op->first || (part->size == 0 && source->size > 0))
        return -ERANGE;
    assert(part->size <= source->size);
    if (op->etag[0] == '\0') {
        if (part->size != source->size || source->etag[0] == '\0' || strchr(source->etag, '-') != NULL)
            return META_E_CHANGED;
        memcpy(op->etag, source->etag, sizeof(op->etag));
    }
    memcpy(part->etag, op->etag, sizeof(part->etag));
    return 0;
}

/* Where the part's bytes lie, which holds a reference to each unit then. */
static int part_copy_extents(struct meta_writer *writer, const struct meta_part_copy *op, struct slice source,
                             struct meta_part *part, struct slice *extents)
{
    int err = 0;

    if (op->content != NULL)
        part->extents = *op->content;
    else
        err = extents_slice(writer, source, op->first, part->size, &part->extents);
    if (err != 0 || (err = extents_pack(writer, &part->extents, part->size, extents)) != 0)
        return err;
    return op->content != NULL ? references_add(writer, *extents) : references_raise(writer, *extents);
}

int op_part_copy(struct meta_writer *writer, struct meta_part_copy *op)
{
    struct meta_part part = {.number = op->number, .modified_ms = writer->now_ms, .checksum = op->checksum};
    struct object_row source;
    struct slice extents;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (!part_number_is_valid(op->number))
        return -EINVAL;
    if ((err = upload_check(writer, op->bucket, op->key, op->upload_id)) != 0 ||
        (err = copy_source_load(writer, &op->source, &source)) != 0 ||
        (err = part_copy_range(op, &source, &part)) != 0 ||
        (err = part_copy_extents(writer, op, source.extents, &part, &extents)) != 0 ||
        (err = part_store(writer, op->bucket, op->key, op->upload_id, &part, extents)) != 0)
        return err;
    op->modified_ms = part.modified_ms;
    op->source_version = source.version;
    return 0;
}
