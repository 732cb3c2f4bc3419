/* SPDX-License-Identifier: MIT
 *
 * Creating and deleting buckets, and the set of those there are. Committer's thread. */
#include "metadata/meta_settings.h"
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the bucket is in the set, or would be. */
static size_t bucket_position(const struct meta_writer *writer, int64_t bucket)
{
    size_t low = 0, high = writer->bucket_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (writer->buckets[middle].id < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low <= writer->bucket_count);
    return low;
}

bool writer_has_bucket(const struct meta_writer *writer, int64_t bucket)
{
    size_t position = bucket_position(writer, bucket);

    return position < writer->bucket_count && writer->buckets[position].id == bucket;
}

enum meta_versioning writer_bucket_versioning(const struct meta_writer *writer, int64_t bucket)
{
    size_t position = bucket_position(writer, bucket);

    if (position == writer->bucket_count || writer->buckets[position].id != bucket)
        return META_VERSIONING_NEVER;
    return writer->buckets[position].versioning;
}

/* Ids only grow, so the new one goes to the end. */
static int bucket_append(struct meta_writer *writer, struct writer_bucket bucket)
{
    assert(writer->bucket_count <= writer->bucket_capacity);
    if (writer->bucket_count == writer->bucket_capacity) {
        size_t capacity = writer->bucket_capacity == 0 ? 16 : 2 * writer->bucket_capacity;
        struct writer_bucket *buckets = realloc(writer->buckets, capacity * sizeof(*buckets));
        if (buckets == NULL)
            return -ENOMEM;
        writer->buckets = buckets;
        writer->bucket_capacity = capacity;
    }
    writer->buckets[writer->bucket_count++] = bucket;
    return 0;
}

static int on_bucket(void *ctx, int64_t id, enum meta_versioning versioning)
{
    return bucket_append(ctx, (struct writer_bucket){.id = id, .versioning = versioning});
}

int writer_buckets_load(struct meta_writer *writer)
{
    writer->bucket_count = 0;
    return row_bucket_walk(writer->store, on_bucket, writer);
}

int op_bucket_create(struct meta_writer *writer, struct meta_bucket_create *op)
{
    struct meta_bucket *bucket = &op->bucket;
    size_t length = strnlen(bucket->name, sizeof(bucket->name));
    int err;

    assert(bucket->versioning <= META_VERSIONING_SUSPENDED);
    if (length == 0 || length == sizeof(bucket->name))
        return -EINVAL;
    if (bucket->created_ms == 0)
        bucket->created_ms = writer->now_ms;
    int inserted = row_bucket_put(writer->store, ROW_INSERT, bucket);
    if (inserted <= 0)
        return inserted == 0 ? META_E_BUCKET_EXISTS : inserted;
    if (op->object_lock.len > 0 &&
        (err = row_setting_put(writer->store, bucket->id, META_SETTING_OBJECT_LOCK, op->object_lock)) != 0)
        return err;
    return bucket_append(writer, (struct writer_bucket){.id = bucket->id, .versioning = bucket->versioning});
}

int op_bucket_versioning(struct meta_writer *writer, struct meta_bucket_versioning *op)
{
    struct meta_bucket bucket = {.id = op->bucket, .versioning = op->versioning};
    int updated;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((updated = publications_stand_aside(writer, op->bucket)) != 0)
        return updated;
    if (op->versioning != META_VERSIONING_ENABLED && op->versioning != META_VERSIONING_SUSPENDED)
        return -EINVAL;
    int cached = row_setting_find(writer->store, op->bucket, META_SETTING_CACHE);
    if (cached != 0)
        return cached < 0 ? cached : META_E_BUCKET_STATE;
    if (op->versioning == META_VERSIONING_SUSPENDED) {
        int locked = row_setting_find(writer->store, op->bucket, META_SETTING_OBJECT_LOCK);
        if (locked != 0)
            return locked < 0 ? locked : META_E_BUCKET_STATE;
    }
    if ((updated = row_bucket_put(writer->store, ROW_UPDATE, &bucket)) <= 0)
        return updated == 0 ? META_E_CORRUPT : updated;
    assert(writer_has_bucket(writer, op->bucket));
    writer->buckets[bucket_position(writer, op->bucket)].versioning = op->versioning;
    return 0;
}

static int on_upload(void *ctx, const unsigned char *upload_id)
{
    return parts_finish(ctx, upload_id, (struct slice){0});
}

int op_bucket_delete(struct meta_writer *writer, struct meta_bucket_delete *op)
{
    int err, used;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((used = row_bucket_is_used(writer->store, op->bucket)) != 0)
        return used > 0 ? META_E_BUCKET_NOT_EMPTY : used;
    if ((err = publications_stand_aside(writer, op->bucket)) != 0)
        return err;
    if ((err = row_uploads_delete(writer->store, op->bucket, on_upload, writer)) != 0 ||
        (err = row_bucket_delete(writer->store, op->bucket)) != 0)
        return err;
    outbox_rules_forget(writer, op->bucket);
    size_t position = bucket_position(writer, op->bucket);
    assert(position < writer->bucket_count && writer->buckets[position].id == op->bucket);
    writer->bucket_count--;
    memmove(&writer->buckets[position], &writer->buckets[position + 1],
            (writer->bucket_count - position) * sizeof(*writer->buckets));
    return 0;
}
