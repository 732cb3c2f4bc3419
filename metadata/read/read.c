/* SPDX-License-Identifier: MIT
 *
 * Point reads and the short listings: buckets, one object, one upload, garbage. Parts are in read_parts.c, listings that
 * seek in list.c.
 *
 * A read outside READ_SNAPSHOT_BEGIN is a transaction of its own, which ends with the reset of its statement;
 * so every path resets. Objects and buckets that were read stay in the reader's cache (row_cache.h) and are looked
 * for there first. The reader's thread; objects may be released on any. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/read/overlay.h"
#include "metadata/rows/codec.h"
#include "metadata/read/read.h"

/* Whether the next statement sees what is committed now. Not so inside a snapshot or a visit, whose rows may be older
 * than a stamp that is taken there. */
static bool reads_anew(struct meta_reader *reader)
{
    return !reader->calls->is_inside(reader);
}

/* ---- Buckets ---- */

static void text_read(struct query *statement, int column, char *out, size_t size)
{
    struct slice text = query_bytes(statement, column);
    size_t length = text.len < size ? text.len : size - 1;

    assert(size > 0);
    if (length > 0)
        memcpy(out, text.base, length);
    out[length] = '\0';
}

static void bucket_read(struct query *statement, struct meta_bucket *bucket)
{
    bucket->id = query_int(statement, 0);
    bucket->created_ms = query_int(statement, 1);
    text_read(statement, 2, bucket->name, sizeof(bucket->name));
    text_read(statement, 3, bucket->region, sizeof(bucket->region));
    text_read(statement, 4, bucket->owner, sizeof(bucket->owner));
    bucket->versioning = query_versioning(statement, 5);
}

int meta_bucket_get(struct meta_reader *reader, struct slice name, struct meta_bucket *bucket)
{
    struct query *statement = reader_query(reader, READ_BUCKET_GET);
    const struct row_changes *changes = &reader->meta->row_changes;
    uint64_t stamp;

    assert(bucket != NULL && (name.len == 0 || name.base != NULL));
    if (row_cache_get_bucket(&reader->rows, changes, name, bucket))
        return 0;
    bool is_kept = reads_anew(reader) && row_stamp_take_bucket(changes, &stamp);
    int found = reader_begin(reader);
    if (found != 0)
        return found;
    query_bind_text(statement, 1, name);
    found = query_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_BUCKET : found;
    bucket_read(statement, bucket);
    query_reset(statement);
    if (is_kept)
        row_cache_put_bucket(&reader->rows, stamp, bucket);
    return 0;
}

int meta_bucket_list(struct meta_reader *reader, struct slice after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_bucket *bucket), void *ctx)
{
    struct query *statement = reader_query(reader, READ_BUCKET_LIST);
    struct meta_bucket bucket;
    int row = reader_begin(reader);

    assert(visit != NULL);
    if (row != 0)
        return row;
    query_bind_text(statement, 1, after);
    query_bind_int(statement, 2, limit);
    while ((row = query_row(statement)) > 0) {
        bucket_read(statement, &bucket);
        int stop = visit(ctx, &bucket);
        if (stop != 0) {
            query_reset(statement);
            return stop;
        }
    }
    return row;
}

/* ---- One object ---- */

_Static_assert(sizeof(struct object_memory) % sizeof(uint64_t) == 0, "extents follow, aligned");

void object_share(const struct meta_object *object)
{
    assert(atomic_load_explicit(&object_memory(object)->references, memory_order_relaxed) > 0);
    atomic_fetch_add_explicit(&object_memory(object)->references, 1, memory_order_relaxed);
}

struct slice meta_object_note(const struct meta_object *object)
{
    const struct object_memory *memory = object_memory(object);

    assert((memory->note == NULL) == (memory->note_length == 0));
    return slice_of(memory->note, memory->note_length);
}

void meta_object_note_keep(struct meta_reader *reader, const struct meta_object *object, struct slice note)
{
    assert(note.len > 0 && note.base != NULL);
    row_cache_note(&reader->rows, object, note);
}

/* Where the pieces of an object or upload go: one block of memory, arrays first for their alignment. */
struct block {
    unsigned char *at;
};

static void *block_take(struct block *block, size_t size)
{
    void *memory = block->at;

    block->at += size;
    return memory;
}

static void block_copy(struct block *block, struct slice *bytes)
{
    void *copy = block_take(block, bytes->len);

    if (bytes->len > 0)
        (void)slice_copy(copy, *bytes);
    bytes->base = copy;
}

/* Decoded attributes point into `bytes`, which is in the block already. */
static int attributes_decode(struct codec_list list, struct meta_attribute *out)
{
    int more;

    while ((more = codec_attributes_next(&list, out)) > 0)
        out++;
    return more;
}

static int extents_decode(struct codec_list list, struct meta_extent *out)
{
    int more;

    while ((more = codec_extents_next(&list, out)) > 0)
        out++;
    return more;
}

static int parts_decode(struct codec_list list, struct meta_part_size *out)
{
    int more;

    while ((more = codec_parts_next(&list, out)) > 0)
        out++;
    return more;
}

/* The columns that vary in length, as they lie in the row. */
struct object_blobs {
    struct slice owner, attributes;
    struct codec_list extents, parts;
};

static int object_read_fixed(struct query *statement, struct meta_object *object, struct object_blobs *blobs)
{
    int err;

    object->size = (uint64_t)query_int(statement, 0);
    if (object->size > INT64_MAX)
        return META_E_CORRUPT;
    object->modified_ms = query_int(statement, 1);
    object->annotations = query_int(statement, 9);
    if (object->annotations < 0)
        return META_E_CORRUPT;
    blobs->owner = query_bytes(statement, 4);
    blobs->attributes = query_bytes(statement, 6);
    struct slice upload_id = query_bytes(statement, 7);
    memset(object->upload_id, 0, sizeof(object->upload_id));
    if (upload_id.len == sizeof(object->upload_id))
        (void)slice_copy(object->upload_id, upload_id);
    else if (upload_id.len != 0)
        return META_E_CORRUPT;
    if ((err = codec_etag_decode(query_bytes(statement, 2), object->etag)) != 0 ||
        (err = codec_checksum_decode(query_bytes(statement, 3), &object->checksum)) != 0 ||
        (err = codec_extents_begin(&blobs->extents, query_bytes(statement, 5))) != 0 ||
        (err = codec_parts_begin(&blobs->parts, query_bytes(statement, 8), &object->part_checksums)) != 0)
        return err;
    object->extents.count = blobs->extents.count;
    object->part_count = blobs->parts.count;
    return 0;
}

/* Lays everything out in one allocation: the extents come first after struct object_memory. body: what comes with the row, or nothing. */
static int object_read_lists(struct meta_object *object, struct object_blobs *blobs, struct slice body)
{
    struct codec_list attributes;
    int err = codec_attributes_begin(&attributes, blobs->attributes);

    if (err != 0)
        return err;
    size_t extents_bytes = object->extents.count * sizeof(struct meta_extent);
    size_t attributes_bytes = attributes.count * sizeof(struct meta_attribute);
    size_t parts_bytes = object->part_count * sizeof(struct meta_part_size);
    struct slice checksums =
        slice_of(object->part_checksums.values, (size_t)object->part_count * object->part_checksums.length);
    size_t bytes = sizeof(struct object_memory) + extents_bytes + attributes_bytes + parts_bytes +
                   blobs->attributes.len + blobs->owner.len + checksums.len + body.len;
    struct object_memory *memory = malloc(bytes);
    if (memory == NULL)
        return -ENOMEM;
    *memory = (struct object_memory){.bytes = bytes};
    atomic_init(&memory->references, 1);
    struct block block = {(unsigned char *)(memory + 1)};
    object->extents.list = block_take(&block, extents_bytes);
    object->attributes.list = block_take(&block, attributes_bytes);
    struct meta_part_size *parts = block_take(&block, parts_bytes);
    object->parts = parts;
    object->attributes.count = attributes.count;
    block_copy(&block, &blobs->attributes);
    object->owner = blobs->owner;
    block_copy(&block, &object->owner);
    block_copy(&block, &checksums);
    object->part_checksums.values = (const unsigned char *)checksums.base;
    object->body = body;
    if (body.len > 0)
        block_copy(&block, &object->body);

    assert(block.at <= (unsigned char *)memory + bytes);
    (void)codec_attributes_begin(&attributes, blobs->attributes); /* the copy; it went well before */
    if ((err = extents_decode(blobs->extents, object->extents.list)) != 0 ||
        (err = attributes_decode(attributes, object->attributes.list)) != 0 ||
        (err = parts_decode(blobs->parts, parts)) != 0)
        meta_object_release(object);
    return err;
}

int read_object(struct query *statement, struct meta_object *object)
{
    struct object_blobs blobs;
    int err = object_read_fixed(statement, object, &blobs);

    return err != 0 ? err : object_read_lists(object, &blobs, (struct slice){NULL, 0});
}

/* Of a unit whose length the row knows, which is all that the bytes can be held against here. */
static int read_object_whole(struct query *statement, struct meta_object *object)
{
    struct slice body = query_bytes(statement, READ_OBJECT_COLUMNS + 2);
    struct object_blobs blobs;
    struct codec_list list;
    struct meta_extent extent;
    int err = object_read_fixed(statement, object, &blobs);

    if (err != 0)
        return err;
    list = blobs.extents;
    if (list.count != 1 || codec_extents_next(&list, &extent) <= 0 || extent.unit_length != body.len)
        body = (struct slice){NULL, 0};
    return object_read_lists(object, &blobs, body);
}

int read_version_id(struct slice bytes, struct meta_version_id *version)
{
    assert(bytes.len == 0 || bytes.base != NULL);
    return meta_version_of(bytes, version) || bytes.len == 0 ? 0 : META_E_CORRUPT;
}

bool read_cached(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object)
{
    assert(object != NULL);
    return row_cache_get(&reader->rows, &reader->meta->row_changes, row_hash(bucket, key), bucket, key,
                         object);
}

int read_plain(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object)
{
    struct query *statement = reader_query(reader, READ_OBJECT_GET);
    int err;

    assert(object != NULL);
    query_bind_int(statement, 1, bucket);
    query_bind(statement, 2, key);
    int found = query_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_KEY : found;
    if ((err = read_version_id(query_bytes(statement, READ_OBJECT_COLUMNS), &object->version)) == 0)
        err = read_object(statement, object);
    query_reset(statement);
    return err;
}

/* What may lie over the object and the object, in one snapshot. */
static int read_both(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object)
{
    struct overlay overlay;
    int err = reader_snapshot_begin(reader);

    if (err != 0)
        return err;
    int result = overlay_get(reader, bucket, &overlay);
    if (result == 0)
        result = overlay_current(reader, &overlay, bucket, key, object);
    err = reader_snapshot_end(reader);
    if (result == 0 && err != 0)
        meta_object_release(object);
    return result != 0 ? result : err;
}

/* Outside a snapshot: mostly one statement. */
static int read_alone(struct meta_reader *reader, int64_t bucket, struct slice key,
                      struct meta_object *object)
{
    uint_fast64_t before = overlay_number(reader);
    int result;

    if (!overlay_is_none(before, before))
        return read_both(reader, bucket, key, object);
    result = read_plain(reader, bucket, key, object);
    if (overlay_is_none(before, overlay_number(reader)))
        return result;
    if (result == 0) /* one came in between, and may be part of what was seen */
        meta_object_release(object);
    return read_both(reader, bucket, key, object);
}

/* The current object and what may lie over it, by one query. is_whole: with its body. */
static int read_shared(struct meta_reader *reader, int64_t bucket, struct slice key, bool is_whole,
                       struct meta_object *object)
{
    struct query *query = reader_query(reader, is_whole ? READ_OBJECT_WHOLE : READ_OBJECT_NOW);
    int err;

    query_bind_int(query, 1, bucket);
    query_bind(query, 2, key);
    int found = query_row(query);
    if (found <= 0)
        return found == 0 ? META_E_NO_KEY : found;
    bool is_overlay = query_int(query, READ_OBJECT_COLUMNS + 1) != bucket;
    if (is_overlay && query_int(query, 0) < 0)
        err = META_E_NO_KEY; /* it is removed */
    else if ((err = read_version_id(query_bytes(query, READ_OBJECT_COLUMNS), &object->version)) == 0)
        err = is_whole ? read_object_whole(query, object) : read_object(query, object);
    if (is_overlay) /* it says something else there */
        memset(object->upload_id, 0, sizeof(object->upload_id));
    query_reset(query);
    return err;
}

static int read_current(struct meta_reader *reader, int64_t bucket, struct slice key,
                        struct meta_object *object)
{
    uint64_t hash = row_hash(bucket, key);
    struct row_stamp stamp;
    bool is_alone = reads_anew(reader),
         is_kept = is_alone && row_stamp_take(&reader->meta->row_changes, hash, &stamp);
    struct overlay overlay;
    int err = reader_begin(reader);

    if (err == 0 && is_alone)
        err = read_alone(reader, bucket, key, object);
    else if (err == 0 && (err = overlay_get(reader, bucket, &overlay)) == 0)
        err = overlay_current(reader, &overlay, bucket, key, object);
    if (err == 0 && is_kept)
        row_cache_put(&reader->rows, hash, bucket, key, &stamp, object);
    return err;
}

int meta_object_get(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object)
{
    if (reader->calls->is_shared)
        return read_shared(reader, bucket, key, false, object);
    return read_cached(reader, bucket, key, object) ? 0 : read_current(reader, bucket, key, object);
}

int meta_object_get_whole(struct meta_reader *reader, int64_t bucket, struct slice key,
                          struct meta_object *object)
{
    return reader->calls->is_shared ? read_shared(reader, bucket, key, true, object)
                                    : meta_object_get(reader, bucket, key, object);
}

int meta_body_get(struct meta_reader *reader, uint64_t file, void *bytes, size_t size)
{
    struct query *statement = reader_query(reader, READ_BODY_GET);

    assert(meta_file_is_body(file) && size >= META_BODY_BYTES_MAX);
    if (!reader->calls->is_shared)
        return -ENOENT; /* a damaged row: nothing else names one there */
    query_bind_int(statement, 1, (int64_t)file);
    int found = query_row(statement);
    if (found <= 0)
        return found == 0 ? -ENOENT : found;
    struct slice body = query_bytes(statement, 0);
    found = body.len <= size ? (int)body.len : META_E_CORRUPT;
    if (found > 0)
        (void)slice_copy(bytes, body);
    query_reset(statement);
    return found;
}

void meta_object_release(struct meta_object *object)
{
    struct object_memory *memory = object->extents.list != NULL ? object_memory(object) : NULL;

    assert(memory == NULL || atomic_load_explicit(&memory->references, memory_order_relaxed) > 0);
    if (memory != NULL && atomic_fetch_sub_explicit(&memory->references, 1, memory_order_acq_rel) == 1) {
        free(memory->note);
        free(memory);
    }
    object->extents = (struct meta_extents){0};
    object->attributes = (struct meta_attributes){0};
    object->owner = object->body = (struct slice){0};
    object->parts = NULL;
    object->part_count = 0;
    object->part_checksums = (struct meta_part_checksums){0};
}

/* ---- One upload ---- */

static int upload_read_lists(struct query *statement, struct meta_upload *upload)
{
    struct slice bytes = query_bytes(statement, 6);
    struct codec_list list;
    int err = codec_attributes_begin(&list, bytes);

    if (err != 0)
        return err;
    upload->key = query_bytes(statement, 0);
    upload->owner = query_bytes(statement, 5);
    size_t list_bytes = list.count * sizeof(struct meta_attribute);
    struct block block = {malloc(list_bytes + bytes.len + upload->key.len + upload->owner.len + 1)};
    if (block.at == NULL)
        return -ENOMEM;
    upload->attributes = (struct meta_attributes){block_take(&block, list_bytes), list.count};
    block_copy(&block, &bytes);
    block_copy(&block, &upload->key);
    block_copy(&block, &upload->owner);
    (void)codec_attributes_begin(&list, bytes); /* the copy; it went well before */
    if ((err = attributes_decode(list, upload->attributes.list)) != 0)
        meta_upload_release(upload);
    return err;
}

int meta_upload_get(struct meta_reader *reader, int64_t bucket, struct slice key,
                    const unsigned char id[META_UPLOAD_ID_BYTES], struct meta_upload *upload)
{
    struct query *statement = reader_query(reader, READ_UPLOAD_GET);
    int found = reader_begin(reader);

    assert(id != NULL && upload != NULL);
    if (found != 0)
        return found;
    query_bind_int(statement, 1, bucket);
    query_bind(statement, 2, key);
    query_bind(statement, 3, slice_of(id, META_UPLOAD_ID_BYTES));
    found = query_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_UPLOAD : found;
    memcpy(upload->id, id, sizeof(upload->id));
    upload->initiated_ms = query_int(statement, 2);
    upload->checksum_algorithm = (uint8_t)query_int(statement, 3);
    upload->checksum_type = (uint8_t)query_int(statement, 4);
    int err = upload_read_lists(statement, upload);
    query_reset(statement);
    return err;
}

void meta_upload_release(struct meta_upload *upload)
{
    free(upload->attributes.list);
    upload->attributes = (struct meta_attributes){0};
    upload->key = upload->owner = (struct slice){0};
}

/* ---- Garbage, files ---- */

int meta_garbage_take(struct meta_reader *reader, int64_t after_row, struct meta_garbage *entries,
                      uint32_t limit)
{
    struct query *statement = reader_query(reader, READ_GARBAGE_TAKE);
    int count = 0, row;

    query_bind_int(statement, 1, after_row);
    query_bind_int(statement, 2, limit > INT32_MAX ? INT32_MAX : limit);
    while ((row = query_row(statement)) > 0) {
        assert((uint32_t)count < limit);
        entries[count].row = query_int(statement, 0);
        entries[count].file = (uint64_t)query_int(statement, 1);
        entries[count].unit_offset = (uint64_t)query_int(statement, 2);
        entries[count].unit_length = (uint64_t)query_int(statement, 3);
        count++;
    }
    return row < 0 ? row : count;
}

uint64_t meta_garbage_made(const struct meta *meta)
{
    return atomic_load(&meta->garbage_bytes);
}

int meta_sweep_is_due(struct meta_reader *reader)
{
    struct query *statement = reader_query(reader, READ_SWEEP_IS_DUE);

    query_bind_int(statement, 1, reader->meta->publication_floor);
    int found = query_row(statement);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    int due = (int)query_int(statement, 0);
    query_reset(statement);
    return due;
}

int meta_file_is_live(struct meta_reader *reader, uint64_t file)
{
    struct query *statement = reader_query(reader, READ_FILE_IS_LIVE);

    query_bind_int(statement, 1, (int64_t)file);
    int found = query_row(statement);
    if (found > 0)
        query_reset(statement);
    return found;
}

int meta_file_is_referred(struct meta_reader *reader, uint64_t file)
{
    struct query *statement = reader_query(reader, READ_FILE_IS_REFERRED);

    query_bind_int(statement, 1, (int64_t)file);
    int found = query_row(statement);
    if (found > 0)
        query_reset(statement);
    return found;
}

int meta_unit_is_referred(struct meta_reader *reader, uint64_t file, uint64_t unit_offset)
{
    struct query *statement = reader_query(reader, READ_UNIT_IS_REFERRED);

    query_bind_int(statement, 1, (int64_t)file);
    query_bind_int(statement, 2, (int64_t)unit_offset);
    int found = query_row(statement);
    if (found > 0)
        query_reset(statement);
    return found;
}

int meta_file_units(struct meta_reader *reader, uint64_t file,
                    int (*visit)(void *ctx, uint64_t offset, uint64_t length), void *ctx)
{
    struct query *statement = reader_query(reader, READ_FILE_UNITS);
    int row, stop;

    assert(visit != NULL);
    query_bind_int(statement, 1, (int64_t)file);
    while ((row = query_row(statement)) > 0) {
        stop = visit(ctx, (uint64_t)query_int(statement, 0), (uint64_t)query_int(statement, 1));
        if (stop != 0) {
            query_reset(statement);
            return stop;
        }
    }
    return row;
}

int meta_file_last(struct meta_reader *reader, uint64_t *file)
{
    struct query *statement = reader_query(reader, READ_FILE_LAST);
    int found = query_row(statement);

    assert(file != NULL);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *file = (uint64_t)query_int(statement, 0);
    query_reset(statement);
    return 0;
}
