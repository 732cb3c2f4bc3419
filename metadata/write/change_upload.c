/* SPDX-License-Identifier: MIT
 *
 * Beginning, completing and aborting multipart uploads. Completing moves no byte: the object's extents are
 * those of its parts (assembly.h), and the references the parts held become the object's. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/meta_publish.h"
#include "metadata/rows/assembly.h"
#include "metadata/rows/kept_parts.h"

int op_upload_create(struct meta_writer *writer, struct meta_upload_create *op)
{
    struct meta_upload *upload = &op->upload;
    struct finished_row finished;
    struct slice attributes;
    int err, found;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((found = row_finished_get(writer->store, &writer->arena, slice_of(upload->id, sizeof(upload->id)),
                                  &finished)) != 0)
        return found < 0 ? found : -EEXIST;
    if ((err = key_check(upload->key)) != 0 ||
        (err = attributes_pack(writer, &upload->attributes, &attributes)) != 0)
        return err;
    if (upload->initiated_ms == 0)
        upload->initiated_ms = writer->now_ms;
    int inserted = row_upload_put(writer->store, op->bucket, upload, attributes);
    return inserted < 0 ? inserted : inserted > 0 ? 0 : -EEXIST;
}

int op_upload_abort(struct meta_writer *writer, struct meta_upload_abort *op)
{
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = upload_check(writer, op->bucket, op->key, op->upload_id)) != 0 ||
        (err = parts_finish(writer, op->upload_id, (struct slice){0})) != 0)
        return err;
    return row_upload_delete(writer->store, op->bucket, op->key, op->upload_id);
}

/* ---- Completing ---- */

static int on_part(void *ctx, const struct part_row *row)
{
    struct meta_part part;
    int err = part_row_decode(row, &part);

    return err != 0 ? err : assembly_add(ctx, &part, row->extents);
}

/* Reads the parts that are there, within the change: it takes 0.7 us a part, while others wait. */
static int parts_collect(struct meta_writer *writer, const struct meta_upload_complete *op,
                         struct assembled *whole)
{
    struct assembly assembly;
    int err = assembly_begin(&assembly, &writer->arena, op->parts, op->part_count);

    assembly.order = op->order;
    if (err == 0)
        err = row_part_walk(writer->store, slice_of(op->upload_id, META_UPLOAD_ID_BYTES), on_part, &assembly);
    return err != 0 ? err : assembly_finish(&assembly, whole);
}

/* The object's part of the row. */
static int complete_assemble(struct meta_writer *writer, const struct meta_upload_complete *op,
                             struct object_row *row)
{
    const struct assembled *made = assembly_made_before(op, &writer->meta->row_changes);
    struct assembled whole;
    int err;

    assert(row->extents.base == NULL && row->parts.base == NULL);
    if (made == NULL) {
        if ((err = parts_collect(writer, op, &whole)) != 0)
            return err;
        made = &whole;
    }
    row->extents = made->extents;
    row->parts = made->parts;
    row->size = made->size;
    return 0;
}

/* A client that did not get the answer asks again: answered from the object that the upload became. Its ETag comes from those
 * of the parts, so with other parts than the first time there is another one. */
static int complete_again(struct meta_writer *writer, struct meta_upload_complete *op)
{
    struct object_row current;
    int err = object_row_load(writer, op->bucket, op->key, &current);

    if (err != 0)
        return err == META_E_NO_KEY ? META_E_NO_UPLOAD : err;
    if (current.upload_id.len != META_UPLOAD_ID_BYTES ||
        memcmp(current.upload_id.base, op->upload_id, META_UPLOAD_ID_BYTES) != 0)
        return META_E_NO_UPLOAD;
    if (strcmp(op->etag, current.etag) != 0)
        return META_E_INVALID_PART;
    op->checksum = current.checksum;
    op->modified_ms = current.modified_ms;
    op->size = current.size;
    op->version = current.version;
    return 0;
}

/* The references of the listed parts are the object's now; those of the others are dropped. */
static int complete_clear(struct meta_writer *writer, const struct meta_upload_complete *op)
{
    size_t length = op->parts[op->part_count - 1].number / 8 + 1;
    unsigned char *kept = arena_alloc(&writer->arena, length);

    assert(op->part_count > 0 && op->parts[op->part_count - 1].number <= META_PART_NUMBER_MAX);
    if (kept == NULL)
        return -ENOMEM;
    memset(kept, 0, length);
    for (uint32_t i = 0; i < op->part_count; i++)
        kept_parts_add(kept, op->parts[i].number);
    return parts_finish(writer, op->upload_id, slice_of(kept, length));
}

int upload_row_make(struct meta_writer *writer, const struct meta_upload_complete *op, struct object_row *row)
{
    struct upload_row upload;
    int err,
        found = row_upload_get(writer->store, &writer->arena, op->bucket, op->key, op->upload_id, &upload);

    assert(op->parts != NULL || op->part_count == 0);
    if (found <= 0)
        return found == 0 ? META_E_NO_UPLOAD : found;
    *row = (struct object_row){.modified_ms = writer->now_ms,
                               .checksum = op->checksum,
                               .upload_id = slice_of(op->upload_id, META_UPLOAD_ID_BYTES),
                               .owner = upload.owner,
                               .attributes = upload.attributes};
    if (key_check(op->key) != 0)
        return META_E_CORRUPT; /* no upload can be of such a key */
    if ((err = complete_assemble(writer, op, row)) != 0)
        return err;
    memcpy(row->etag, op->etag, sizeof(row->etag));
    return lock_default(writer, &row->attributes, op->default_lock);
}

int op_upload_complete(struct meta_writer *writer, struct meta_upload_complete *op)
{
    struct object_row row;
    int err;

    assert(op->order == NULL || op->assembly == NULL);
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = upload_row_make(writer, op, &row)) != 0)
        return err == META_E_NO_UPLOAD ? complete_again(writer, op) : err;
    if ((err = object_row_store(writer, op->bucket, op->key, &row, &op->condition, REFERENCES_MOVED)) != 0 ||
        (err = complete_clear(writer, op)) != 0 ||
        (err = row_upload_delete(writer->store, op->bucket, op->key, op->upload_id)) != 0)
        return err;
    op->modified_ms = row.modified_ms;
    op->size = row.size;
    op->version = row.version;
    return 0;
}

int op_uploads_end(struct meta_writer *writer, struct meta_uploads_end *op)
{
    int err = 0;

    if (op->count > META_PUBLISH_STEP_KEYS)
        return -EINVAL;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        struct meta_upload_abort abort = {.bucket = op->bucket, .key = op->keys[i]};

        memcpy(abort.upload_id, op->upload_ids[i], META_UPLOAD_ID_BYTES);
        err = op_upload_abort(writer, &abort);
        if (err == META_E_NO_UPLOAD)
            err = 0;
        arena_reset(&writer->arena);
    }
    return err;
}
