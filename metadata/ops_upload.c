/* SPDX-License-Identifier: MIT
 *
 * Beginning, completing and aborting multipart uploads. Completing moves no byte: the object's extents are
 * those of its parts, one list after the other, and the references the parts held become the object's.
 * Committer's thread. */
#include "metadata/writer.h"

#include <errno.h>
#include <string.h>

#include "metadata/kept_parts.h"

static void upload_bind(sqlite3_stmt *statement, int64_t bucket, struct meta_bytes key,
                        const unsigned char *upload_id)
{
    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    meta_sql_blob(statement, 3, (struct meta_bytes){upload_id, META_UPLOAD_ID_BYTES});
}

int op_upload_create(struct meta_writer *writer, struct meta_upload_create *op)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_UPLOAD_INSERT];
    struct meta_upload *upload = &op->upload;
    struct meta_bytes attributes;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    int finished = upload_is_finished(writer, upload->id);
    if (finished != 0)
        return finished < 0 ? finished : -EEXIST;
    if ((err = key_check(upload->key)) != 0 ||
        (err = attributes_pack(writer, &upload->attributes, &attributes)) != 0)
        return err;
    if (upload->initiated_ms == 0)
        upload->initiated_ms = writer->now_ms;
    upload_bind(statement, op->bucket, upload->key, upload->id);
    meta_sql_int(statement, 4, upload->initiated_ms);
    meta_sql_int(statement, 5, upload->checksum_algorithm);
    meta_sql_int(statement, 6, upload->checksum_type);
    meta_sql_blob_or_null(statement, 7, upload->owner);
    meta_sql_blob_or_null(statement, 8, attributes);
    if ((err = meta_sql_run(statement)) != 0)
        return err;
    return sqlite3_changes(writer->db) > 0 ? 0 : -EEXIST;
}

static int upload_delete(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                         const unsigned char *upload_id)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_UPLOAD_DELETE];

    upload_bind(statement, bucket, key, upload_id);
    return meta_sql_run(statement);
}

int op_upload_abort(struct meta_writer *writer, struct meta_upload_abort *op)
{
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = upload_check(writer, op->bucket, op->key, op->upload_id)) != 0 ||
        (err = parts_finish(writer, op->upload_id, (struct meta_bytes){0})) != 0)
        return err;
    return upload_delete(writer, op->bucket, op->key, op->upload_id);
}

/* ---- Completing ---- */

/* The object as it grows from its parts. */
struct assembly {
    struct meta_bytes *pieces; /* each listed part's extents as stored, without the head of the list */
    struct meta_part_size *sizes;
    struct meta_part_checksums checksums; /* algorithm 0 once a part had another one, or none */
    unsigned char *values;                /* theirs */
    uint32_t count;
    size_t pieces_bytes;
    uint64_t extent_count, size;
};

static int assembly_begin(struct meta_writer *writer, struct assembly *assembly, uint32_t part_count)
{
    memset(assembly, 0, sizeof(*assembly));
    assembly->pieces = arena_alloc(&writer->arena, part_count * sizeof(*assembly->pieces));
    assembly->sizes = arena_alloc(&writer->arena, part_count * sizeof(*assembly->sizes));
    return assembly->pieces == NULL || assembly->sizes == NULL ? -ENOMEM : 0;
}

/* What is about to become an object is looked at once more: 0 or META_E_CORRUPT. */
static int piece_check(struct codec_list list, uint64_t size)
{
    struct meta_extent extent;
    uint64_t sum = 0;
    int more;

    while ((more = codec_extents_next(&list, &extent)) > 0)
        sum += extent.length;
    return more != 0 ? more : sum == size ? 0 : META_E_CORRUPT;
}

/* Keeps the part's checksum beside those before it, as long as all are of one kind. */
static int assembly_add_checksum(struct meta_writer *writer, struct assembly *assembly, uint32_t part_count,
                                 const struct meta_checksum *checksum)
{
    struct meta_part_checksums *all = &assembly->checksums;

    if (assembly->count == 0 && checksum->algorithm != 0 && checksum->length != 0) {
        assembly->values = arena_alloc(&writer->arena, (size_t)part_count * checksum->length);
        if (assembly->values == NULL)
            return -ENOMEM;
        *all = (struct meta_part_checksums){checksum->algorithm, checksum->length, assembly->values};
    }
    if (all->algorithm == 0 || checksum->algorithm != all->algorithm || checksum->length != all->length) {
        *all = (struct meta_part_checksums){0};
        return 0;
    }
    memcpy(assembly->values + (size_t)assembly->count * all->length, checksum->value, all->length);
    return 0;
}

/* The part's row is the current row of SQL_PART_ALL. */
static int assembly_add(struct meta_writer *writer, struct assembly *assembly, sqlite3_stmt *row,
                        const struct meta_complete_part *wanted, uint32_t part_count)
{
    uint64_t size = (uint64_t)sqlite3_column_int64(row, 1);
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct codec_list list;
    int err;

    if ((err = codec_etag_decode(meta_sql_column(row, 2), etag)) != 0 ||
        (err = codec_checksum_decode(meta_sql_column(row, 4), &checksum)) != 0 ||
        (err = codec_extents_begin(&list, meta_sql_column(row, 3))) != 0 ||
        (err = piece_check(list, size)) != 0)
        return err;
    if (strcmp(etag, wanted->etag) != 0)
        return META_E_INVALID_PART;
    struct meta_bytes *piece = &assembly->pieces[assembly->count];
    *piece = (struct meta_bytes){list.at, (size_t)(list.end - list.at)};
    if ((err = arena_copy(&writer->arena, piece)) != 0 ||
        (err = assembly_add_checksum(writer, assembly, part_count, &checksum)) != 0)
        return err;
    assembly->sizes[assembly->count++] = (struct meta_part_size){wanted->number, size};
    assembly->pieces_bytes += piece->length;
    assembly->extent_count += list.count;
    assembly->size += size;
    return assembly->extent_count <= META_EXTENTS_MAX && assembly->size <= INT64_MAX ? 0 : -E2BIG;
}

/* Walks the parts that are there beside the parts that are wanted; both ascend. */
static int assembly_collect(struct meta_writer *writer, struct assembly *assembly,
                            const struct meta_upload_complete *op)
{
    sqlite3_stmt *list = writer->sql.list[SQL_PART_ALL];
    int row, err = 0;

    meta_sql_blob(list, 1, (struct meta_bytes){op->upload_id, META_UPLOAD_ID_BYTES});
    while ((row = meta_sql_row(list)) > 0) {
        const struct meta_complete_part *wanted =
            assembly->count < op->part_count ? &op->parts[assembly->count] : NULL;
        int64_t number = sqlite3_column_int64(list, 0);
        if (wanted != NULL && number > wanted->number)
            err = META_E_INVALID_PART; /* the wanted one is not there */
        else if (wanted != NULL && number == wanted->number)
            err = assembly_add(writer, assembly, list, wanted, op->part_count);
        if (err != 0) {
            meta_sql_reset(list);
            return err;
        }
    }
    return row < 0 ? row : assembly->count < op->part_count ? META_E_INVALID_PART : 0;
}

static int assembly_join(struct meta_writer *writer, const struct assembly *assembly, struct object_row *row)
{
    unsigned char *parts =
        arena_alloc(&writer->arena, codec_parts_bound(assembly->count, &assembly->checksums));
    unsigned char *extents = arena_alloc(&writer->arena, CODEC_LIST_HEAD_BYTES_MAX + assembly->pieces_bytes);

    if (parts == NULL || extents == NULL)
        return -ENOMEM;
    row->parts = (struct meta_bytes){
        parts, codec_parts_encode(parts, assembly->sizes, assembly->count, &assembly->checksums)};
    row->extents = (struct meta_bytes){0};
    if (assembly->extent_count == 0)
        return 0;
    size_t length = codec_list_head(extents, (uint32_t)assembly->extent_count);
    for (uint32_t i = 0; i < assembly->count; i++) {
        if (assembly->pieces[i].length == 0)
            continue; /* an empty part */
        memcpy(extents + length, assembly->pieces[i].data, assembly->pieces[i].length);
        length += assembly->pieces[i].length;
    }
    row->extents = (struct meta_bytes){extents, length};
    return 0;
}

/* Takes attributes and owner of the object from the upload's row. META_E_NO_UPLOAD. */
static int upload_load(struct meta_writer *writer, const struct meta_upload_complete *op,
                       struct object_row *row)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_UPLOAD_GET];
    int err;

    upload_bind(statement, op->bucket, op->key, op->upload_id);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_UPLOAD : found;
    row->owner = meta_sql_column(statement, 5);
    row->attributes = meta_sql_column(statement, 6);
    if ((err = arena_copy(&writer->arena, &row->owner)) == 0)
        err = arena_copy(&writer->arena, &row->attributes);
    meta_sql_reset(statement);
    return err;
}

/* A client that did not get the answer asks again: answered from the object that the upload became. Its ETag comes from those
 * of the parts, so with other parts than the first time there is another one. */
static int complete_again(struct meta_writer *writer, struct meta_upload_complete *op)
{
    struct object_row current;
    int err = object_row_load(writer, op->bucket, op->key, &current);

    if (err != 0)
        return err == META_E_NO_KEY ? META_E_NO_UPLOAD : err;
    if (current.upload_id.length != META_UPLOAD_ID_BYTES ||
        memcmp(current.upload_id.data, op->upload_id, META_UPLOAD_ID_BYTES) != 0)
        return META_E_NO_UPLOAD;
    if (strcmp(op->etag, current.etag) != 0)
        return META_E_INVALID_PART;
    op->checksum = current.checksum;
    op->modified_ms = current.modified_ms;
    op->size = current.size;
    op->version = current.version;
    return 0;
}

static int complete_parts_check(const struct meta_upload_complete *op)
{
    uint32_t last = 0;

    if (op->part_count == 0 || op->part_count > META_PART_NUMBER_MAX)
        return META_E_INVALID_PART;
    for (uint32_t i = 0; i < op->part_count; i++) {
        if (op->parts[i].number <= last || op->parts[i].number > META_PART_NUMBER_MAX)
            return META_E_INVALID_PART;
        last = op->parts[i].number;
    }
    return 0;
}

/* The references of the listed parts are the object's now; those of the others are dropped. */
static int complete_clear(struct meta_writer *writer, const struct meta_upload_complete *op)
{
    size_t length = op->parts[op->part_count - 1].number / 8 + 1;
    unsigned char *kept = arena_alloc(&writer->arena, length);

    if (kept == NULL)
        return -ENOMEM;
    memset(kept, 0, length);
    for (uint32_t i = 0; i < op->part_count; i++)
        kept_parts_add(kept, op->parts[i].number);
    return parts_finish(writer, op->upload_id, (struct meta_bytes){kept, length});
}

int op_upload_complete(struct meta_writer *writer, struct meta_upload_complete *op)
{
    struct object_row row = {.modified_ms = writer->now_ms,
                             .checksum = op->checksum,
                             .upload_id = {op->upload_id, META_UPLOAD_ID_BYTES}};
    struct assembly assembly;
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = upload_load(writer, op, &row)) == META_E_NO_UPLOAD)
        return complete_again(writer, op);
    if (err != 0 || (err = complete_parts_check(op)) != 0 ||
        (err = assembly_begin(writer, &assembly, op->part_count)) != 0 ||
        (err = assembly_collect(writer, &assembly, op)) != 0 ||
        (err = assembly_join(writer, &assembly, &row)) != 0)
        return err;
    row.size = assembly.size;
    memcpy(row.etag, op->etag, sizeof(row.etag));
    if (op->default_lock.length > 0 && attributes_find(row.attributes, META_ATTRIBUTE_LOCK).data == NULL &&
        (err = attributes_annotate(writer, &row.attributes, META_ATTRIBUTE_LOCK, op->default_lock)) != 0)
        return err;
    if ((err = object_row_store(writer, op->bucket, op->key, &row, &op->condition, REFERENCES_MOVED)) != 0 ||
        (err = complete_clear(writer, op)) != 0 ||
        (err = upload_delete(writer, op->bucket, op->key, op->upload_id)) != 0)
        return err;
    op->modified_ms = row.modified_ms;
    op->size = row.size;
    op->version = row.version;
    return 0;
}
