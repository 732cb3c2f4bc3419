/* SPDX-License-Identifier: MIT
 *
 * Appending to an object and renaming one: changes that give bytes a new row without touching them. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- Append ---- */

/* The object's extents and the new ones as one list, in the arena. */
static int extents_join(struct meta_writer *writer, struct slice first, struct slice second,
                        struct slice *joined)
{
    struct codec_list head, tail;
    int err;

    if ((err = codec_extents_begin(&head, first)) != 0 || (err = codec_extents_begin(&tail, second)) != 0)
        return err;
    if (head.count == 0 || tail.count == 0) {
        *joined = head.count == 0 ? second : first;
        return 0;
    }
    if (tail.count > META_EXTENTS_MAX || head.count > META_EXTENTS_MAX - tail.count)
        return META_E_EXTENTS;
    size_t head_bytes = (size_t)(head.end - head.at), tail_bytes = (size_t)(tail.end - tail.at);
    unsigned char *out = arena_alloc(&writer->arena, CODEC_LIST_HEAD_BYTES_MAX + head_bytes + tail_bytes);
    if (out == NULL)
        return -ENOMEM;
    size_t length = codec_list_head(out, head.count + tail.count);
    memcpy(out + length, head.at, head_bytes);
    memcpy(out + length + head_bytes, tail.at, tail_bytes);
    assert(length <= CODEC_LIST_HEAD_BYTES_MAX);
    *joined = slice_of(out, length + head_bytes + tail_bytes);
    return 0;
}

/* The row that the object has afterwards, but for its references. */
static int append_row(struct meta_writer *writer, struct meta_object_put *op, struct slice extents,
                      const struct object_row *current, struct object_row *row)
{
    struct meta_object whole = op->object;

    assert(op->append != NULL && current->size == op->append->offset);
    if (op->object.size > (uint64_t)INT64_MAX - current->size)
        return -EINVAL;
    whole.size = current->size + op->object.size;
    *row = *current;
    row->size = whole.size;
    row->modified_ms = op->object.modified_ms;
    row->checksum = whole.checksum;
    row->upload_id = (struct slice){0}; /* what an upload made, it is no longer */
    memcpy(row->etag, whole.etag, sizeof(row->etag));
    int err = parts_pack(writer, &whole, &row->parts);
    return err != 0 ? err : extents_join(writer, current->extents, extents, &row->extents);
}

/* The row changes in place, so the references it holds stay as they are. */
static int append_in_place(struct meta_writer *writer, const struct meta_object_put *op,
                           const struct object_row *row, const struct object_row *current,
                           struct slice extents)
{
    int err, kept = replaced_keep(writer, op->bucket, op->key);

    assert(writer_bucket_versioning(writer, op->bucket) == META_VERSIONING_NEVER);
    assert(row->size == current->size + op->object.size);
    if (kept < 0)
        return kept;
    /* Those that it holds now are the kept row's. */
    if (kept > 0 && (err = references_take(writer, current, REFERENCES_SHARED)) != 0)
        return err;
    int updated = row_object_put(writer->store, current, op->bucket, op->key, row);

    if (updated <= 0)
        return updated == 0 ? META_E_CORRUPT : updated;
    return references_add(writer, extents);
}

/* The longer object is a version of its own, which shares the shorter one's units. */
static int append_as_version(struct meta_writer *writer, const struct meta_object_put *op,
                             struct object_row *row, const struct object_row *current, struct slice extents)
{
    int err;

    assert(writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_NEVER);
    assert(row->size == current->size + op->object.size);
    if ((err = references_add(writer, extents)) != 0 ||
        (err = version_store(writer, op->bucket, op->key, row, current, REFERENCES_SHARED)) != 0)
        return err;
    return references_drop(writer, extents); /* the one that made them known; the version's own stays */
}

static struct slice lock_given(const struct meta_attributes *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++)
        if (slice_is(attributes->list[i].name, META_ATTRIBUTE_LOCK))
            return attributes->list[i].value;
    return (struct slice){0};
}

static bool has_sealed(const struct meta_object *object)
{
    return object->extents.count > 0 && object->extents.list[0].is_sealed;
}

int object_append(struct meta_writer *writer, struct meta_object_put *op, struct slice extents)
{
    struct object_row current, row;
    int err = object_row_load(writer, op->bucket, op->key, &current);

    assert(op->append != NULL && op->append->etag != NULL);
    if (err == META_E_NO_KEY)
        return op->append->offset == 0 ? META_E_CHANGED : META_E_OFFSET;
    if (err != 0)
        return err;
    if (current.size != op->append->offset)
        return META_E_OFFSET;
    if (current.etag[0] == '\0' || strcmp(current.etag, op->append->etag) != 0)
        return META_E_CHANGED;
    if (codec_attributes_find(current.attributes, META_ATTRIBUTE_SEAL).base != NULL ||
        has_sealed(&op->object))
        return -EINVAL; /* the whole would have two keys */
    if ((err = condition_check(&op->condition, &current)) != 0 ||
        (err = append_row(writer, op, extents, &current, &row)) != 0 ||
        (err = bounds_check(writer, op->bucket, &row, &current)) != 0 ||
        (err = attributes_unlabel(writer, &row.attributes, META_ATTRIBUTE_REPLICATION)) != 0 ||
        (err = lock_default(writer, &row.attributes, lock_given(&op->object.attributes))) != 0)
        return err;
    if (writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_NEVER)
        err = append_as_version(writer, op, &row, &current, extents);
    else
        err = append_in_place(writer, op, &row, &current, extents);
    op->object.version = row.version;
    return err;
}

/* ---- Rename ---- */

static int rename_check(struct meta_writer *writer, const struct meta_object_rename *op)
{
    const struct meta_copy_source dates = {.if_modified_since_ms = op->if_modified_since_ms,
                                           .if_unmodified_since_ms = op->if_unmodified_since_ms};
    bool has_date = op->if_modified_since_ms != INT64_MIN || op->if_unmodified_since_ms != INT64_MIN;
    struct object_row there;
    int err;

    if (!has_date)
        return 0;
    err = object_row_load(writer, op->source.bucket, op->key, &there);
    if (err != 0)
        return err == META_E_NO_KEY ? META_E_PRECONDITION : err;
    return copy_source_check(&dates, &there);
}

#define TOKEN_FORM 1u

/* form, token's length, token, parameters */
static struct slice token_pack(const struct meta_object_rename *op,
                               unsigned char out[2 + 2 * META_TOKEN_BYTES_MAX])
{
    assert(op->token.len <= META_TOKEN_BYTES_MAX && op->parameters.len <= META_TOKEN_BYTES_MAX);
    if (op->token.len == 0)
        return (struct slice){NULL, 0};
    out[0] = TOKEN_FORM;
    out[1] = (unsigned char)op->token.len;
    (void)slice_copy(out + 2, op->token);
    (void)slice_copy(out + 2 + op->token.len, op->parameters);
    return slice_of(out, 2 + op->token.len + op->parameters.len);
}

/* 1: the key holds what this rename has put there already; 0: it is to be done; META_E_TOKEN, or another error. */
static int rename_is_done(struct meta_writer *writer, const struct meta_object_rename *op,
                          struct slice packed)
{
    struct object_row there;
    struct slice known;
    int err;

    if (packed.len == 0)
        return 0;
    if ((err = object_row_load(writer, op->source.bucket, op->key, &there)) != 0)
        return err == META_E_NO_KEY ? 0 : err;
    known = codec_attributes_find(there.attributes, META_ATTRIBUTE_RENAME);
    if (known.len < 2 + op->token.len || memcmp(known.base, packed.base, 2 + op->token.len) != 0)
        return 0;
    return slice_equals(known, packed) ? 1 : META_E_TOKEN;
}

/* Takes the old key away: its references went with the row, or, where there are versions, were doubled. */
static int rename_leave(struct meta_writer *writer, const struct meta_object_rename *op,
                        const struct object_row *row)
{
    struct meta_delete_entry entry = {.key = op->source.key};

    if (writer_bucket_versioning(writer, op->source.bucket) != META_VERSIONING_NEVER)
        return version_delete_current(writer, op->source.bucket, &entry, row, op->owner, NULL);
    return row_object_delete(writer->store, op->source.bucket, op->source.key, row);
}

int op_object_rename(struct meta_writer *writer, struct meta_object_rename *op)
{
    bool has_versions = writer_bucket_versioning(writer, op->source.bucket) != META_VERSIONING_NEVER;
    unsigned char room[2 + 2 * META_TOKEN_BYTES_MAX];
    struct object_row row, renamed;
    struct slice token;
    int err;

    if (op->source.version != NULL || op->token.len > META_TOKEN_BYTES_MAX ||
        op->parameters.len > META_TOKEN_BYTES_MAX || slice_equals(op->key, op->source.key))
        return -EINVAL;
    token = token_pack(op, room);
    if ((err = rename_is_done(writer, op, token)) != 0)
        return err > 0 ? 0 : err;
    if ((err = key_check(op->key)) != 0 || (err = copy_source_load(writer, &op->source, &row)) != 0 ||
        (err = rename_check(writer, op)) != 0)
        return err;
    renamed = row;
    if ((token.len > 0 || codec_attributes_find(row.attributes, META_ATTRIBUTE_RENAME).base != NULL) &&
        (err = attributes_label(writer, &renamed.attributes, META_ATTRIBUTE_RENAME, token)) != 0)
        return err;
    if ((err = attributes_unlabel(writer, &renamed.attributes, META_ATTRIBUTE_REPLICATION)) != 0 ||
        (err = lock_default(writer, &renamed.attributes, op->default_lock)) != 0)
        return err;
    err = object_row_store(writer, op->source.bucket, op->key, &renamed, &op->condition,
                           has_versions ? REFERENCES_SHARED : REFERENCES_MOVED);
    return err != 0 ? err : rename_leave(writer, op, &row);
}
