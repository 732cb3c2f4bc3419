/* SPDX-License-Identifier: MIT
 *
 * Settings of buckets: setting and removing them (committer's thread), reading them (the reader's thread). */
#include "metadata/meta_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/write/writer.h"

int setting_exists(struct meta_writer *writer, int64_t bucket, int kind)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_SETTING_GET];

    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, kind);
    int found = meta_sql_row(statement);
    if (found > 0)
        meta_sql_reset(statement);
    return found;
}

/* document.data NULL removes. */
int setting_store(struct meta_writer *writer, int64_t bucket, int kind, struct meta_bytes document)
{
    bool removes = document.data == NULL;
    sqlite3_stmt *statement = writer->sql.list[removes ? SQL_SETTING_DELETE : SQL_SETTING_PUT];

    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, kind);
    if (!removes)
        meta_sql_blob(statement, 3, document);
    return meta_sql_run(statement);
}

int op_setting_put(struct meta_writer *writer, struct meta_setting_put *op)
{

    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->kind < 1 || op->kind >= META_SETTING_KIND_END)
        return -EINVAL;
    if (op->document.length > META_SETTING_BYTES_MAX)
        return -E2BIG;
    /* Object lock keeps versions, so there must be some; and it is never taken off a bucket. */
    if (op->kind == META_SETTING_OBJECT_LOCK &&
        (op->document.data == NULL ||
         writer_bucket_versioning(writer, op->bucket) != META_VERSIONING_ENABLED))
        return META_E_BUCKET_STATE;
    return setting_store(writer, op->bucket, op->kind, op->document);
}

int settings_remove(struct meta_writer *writer, int64_t bucket)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_SETTINGS_DELETE];

    meta_sql_int(statement, 1, bucket);
    return meta_sql_run(statement);
}

int meta_setting_get(struct meta_reader *reader, int64_t bucket, enum meta_setting_kind kind,
                     struct meta_bytes *document)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_SETTING_GET];

    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, kind);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_SETTING : found;
    struct meta_bytes stored = meta_sql_column(statement, 0);
    char *copy = malloc(stored.length + 1);
    if (copy != NULL) {
        if (stored.length > 0)
            memcpy(copy, stored.data, stored.length);
        copy[stored.length] = '\0'; /* for those who look at it in a debugger */
    }
    *document = (struct meta_bytes){copy, stored.length};
    meta_sql_reset(statement);
    return copy != NULL ? 0 : -ENOMEM;
}

int meta_setting_buckets(struct meta_reader *reader, enum meta_setting_kind kind, int64_t after,
                         int64_t *buckets, int limit)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_SETTING_BUCKETS];
    int count = 0, row;

    meta_sql_int(statement, 1, kind);
    meta_sql_int(statement, 2, after);
    meta_sql_int(statement, 3, limit);
    while ((row = meta_sql_row(statement)) > 0)
        buckets[count++] = sqlite3_column_int64(statement, 0);
    return row < 0 ? row : count;
}
