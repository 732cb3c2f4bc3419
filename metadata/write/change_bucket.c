/* SPDX-License-Identifier: MIT
 *
 * Creating and deleting buckets, and the set of those there are. Committer's thread. */
#include "metadata/meta_settings.h"
#include "metadata/write/writer.h"

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

int writer_buckets_load(struct meta_writer *writer)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_BUCKET_IDS];
    int row, err;

    writer->bucket_count = 0;
    while ((row = meta_sql_row(statement)) > 0) {
        const struct writer_bucket bucket = {
            .id = sqlite3_column_int64(statement, 0),
            .versioning = (enum meta_versioning)sqlite3_column_int64(statement, 1),
        };
        if ((err = bucket_append(writer, bucket)) != 0) {
            meta_sql_reset(statement);
            return err;
        }
    }
    return row;
}

static struct meta_bytes text_of(const char *text, size_t size)
{
    return (struct meta_bytes){text, strnlen(text, size)};
}

int op_bucket_create(struct meta_writer *writer, struct meta_bucket_create *op)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_BUCKET_INSERT];
    struct meta_bucket *bucket = &op->bucket;
    struct meta_bytes name = text_of(bucket->name, sizeof(bucket->name));
    int err;

    if (name.length == 0 || name.length == sizeof(bucket->name))
        return -EINVAL;
    if (bucket->created_ms == 0)
        bucket->created_ms = writer->now_ms;
    meta_sql_text(statement, 1, name);
    meta_sql_int(statement, 2, bucket->created_ms);
    meta_sql_text(statement, 3, text_of(bucket->region, sizeof(bucket->region) - 1));
    meta_sql_text(statement, 4, text_of(bucket->owner, sizeof(bucket->owner) - 1));
    meta_sql_int(statement, 5, bucket->versioning);
    if ((err = meta_sql_run(statement)) != 0)
        return err;
    if (sqlite3_changes(writer->db) == 0)
        return META_E_BUCKET_EXISTS;
    bucket->id = sqlite3_last_insert_rowid(writer->db);
    if (op->object_lock.length > 0 &&
        (err = setting_store(writer, bucket->id, META_SETTING_OBJECT_LOCK, op->object_lock)) != 0)
        return err;
    return bucket_append(writer, (struct writer_bucket){.id = bucket->id, .versioning = bucket->versioning});
}

int op_bucket_versioning(struct meta_writer *writer, struct meta_bucket_versioning *op)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_BUCKET_SET_VERSIONING];
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->versioning != META_VERSIONING_ENABLED && op->versioning != META_VERSIONING_SUSPENDED)
        return -EINVAL;
    if (op->versioning == META_VERSIONING_SUSPENDED) {
        int locked = setting_exists(writer, op->bucket, META_SETTING_OBJECT_LOCK);
        if (locked != 0)
            return locked < 0 ? locked : META_E_BUCKET_STATE;
    }
    meta_sql_int(statement, 1, op->bucket);
    meta_sql_int(statement, 2, op->versioning);
    if ((err = meta_sql_run(statement)) != 0)
        return err;
    writer->buckets[bucket_position(writer, op->bucket)].versioning = op->versioning;
    return 0;
}

static int bucket_is_empty(struct meta_writer *writer, int64_t bucket)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_BUCKET_HAS_OBJECT];

    meta_sql_int(statement, 1, bucket);
    int found = meta_sql_row(statement);
    if (found > 0)
        meta_sql_reset(statement);
    return found > 0 ? META_E_BUCKET_NOT_EMPTY : found;
}

static int bucket_abort_uploads(struct meta_writer *writer, int64_t bucket)
{
    sqlite3_stmt *list = writer->sql.list[SQL_BUCKET_UPLOADS];
    sqlite3_stmt *delete = writer->sql.list[SQL_BUCKET_UPLOADS_DELETE];
    int row, err;

    meta_sql_int(list, 1, bucket);
    while ((row = meta_sql_row(list)) > 0) {
        unsigned char id[META_UPLOAD_ID_BYTES] = {0};
        struct meta_bytes stored = meta_sql_column(list, 0);
        if (stored.length == sizeof(id))
            memcpy(id, stored.data, sizeof(id));
        if ((err = parts_finish(writer, id, (struct meta_bytes){0})) != 0) {
            meta_sql_reset(list);
            return err;
        }
    }
    if (row < 0)
        return row;
    meta_sql_int(delete, 1, bucket);
    return meta_sql_run(delete);
}

int op_bucket_delete(struct meta_writer *writer, struct meta_bucket_delete *op)
{
    sqlite3_stmt *delete = writer->sql.list[SQL_BUCKET_DELETE];
    int err;

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if ((err = bucket_is_empty(writer, op->bucket)) != 0 ||
        (err = bucket_abort_uploads(writer, op->bucket)) != 0 ||
        (err = settings_remove(writer, op->bucket)) != 0)
        return err;
    meta_sql_int(delete, 1, op->bucket);
    if ((err = meta_sql_run(delete)) != 0)
        return err;
    size_t position = bucket_position(writer, op->bucket);
    writer->bucket_count--;
    memmove(&writer->buckets[position], &writer->buckets[position + 1],
            (writer->bucket_count - position) * sizeof(*writer->buckets));
    return 0;
}
