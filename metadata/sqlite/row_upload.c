/* SPDX-License-Identifier: MIT
 *
 * Rows of `upload`, `part` and `finished`. Behind rows/row_store.h. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/sqlite/row_usage.h"

/* Columns after those of META_SQL_PART_COLUMNS. */
#define COLUMN_EXTENTS 5

static sqlite3_stmt *bind_upload(struct row_store *store, enum meta_sql_id id, int64_t bucket,
                                 struct slice key, const unsigned char *upload_id)
{
    sqlite3_stmt *statement = row_statement(store, id);

    assert(upload_id != NULL);
    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    meta_sql_blob(statement, 3, row_upload_id(upload_id));
    return statement;
}

/* Statements about what has no more than an upload's id. */
static sqlite3_stmt *bind_id(struct row_store *store, enum meta_sql_id id, struct slice upload_id)
{
    sqlite3_stmt *statement = row_statement(store, id);

    assert(upload_id.len == 0 || upload_id.base != NULL);
    meta_sql_blob(statement, 1, upload_id);
    return statement;
}

/* ---- `upload` ---- */

int sqlite_upload_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                      const unsigned char *upload_id, struct upload_row *row)
{
    if (row == NULL)
        return row_run_finds(bind_upload(store, SQL_UPLOAD_EXISTS, bucket, key, upload_id));
    sqlite3_stmt *statement = bind_upload(store, SQL_UPLOAD_GET, bucket, key, upload_id);
    int err, found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    row->owner = meta_sql_column(statement, 5);
    row->attributes = meta_sql_column(statement, 6);
    if ((err = arena_copy(arena, &row->owner)) == 0)
        err = arena_copy(arena, &row->attributes);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int sqlite_upload_put(struct row_store *store, int64_t bucket, const struct meta_upload *upload,
                      struct slice attributes)
{
    sqlite3_stmt *statement = bind_upload(store, SQL_UPLOAD_INSERT, bucket, upload->key, upload->id);

    assert(upload->key.len > 0 && upload->key.len <= META_KEY_BYTES_MAX);
    meta_sql_int(statement, 4, upload->initiated_ms);
    meta_sql_int(statement, 5, upload->checksum_algorithm);
    meta_sql_int(statement, 6, upload->checksum_type);
    meta_sql_blob_or_null(statement, 7, upload->owner);
    meta_sql_blob_or_null(statement, 8, attributes);
    int inserted = row_run_changes(store, statement);
    if (inserted <= 0)
        return inserted;
    const struct count_place place = {bucket, upload->key, row_upload_id(upload->id)};
    row_noted(store, CHRONICLE_UPLOAD, bucket, upload->key, row_upload_id(upload->id));
    int err = row_count_upload(store, &place, 1, 0, 0);
    return err != 0 ? err : 1;
}

int sqlite_upload_delete(struct row_store *store, int64_t bucket, struct slice key,
                         const unsigned char *upload_id)
{
    const struct count_place place = {bucket, key, row_upload_id(upload_id)};
    sqlite3_stmt *statement = bind_upload(store, SQL_UPLOAD_DELETE, bucket, key, upload_id);
    int found = meta_sql_row(statement);

    if (found <= 0)
        return found;
    row_gone(store, CHRONICLE_UPLOAD, bucket, key, row_upload_id(upload_id));
    int64_t parts = sqlite3_column_int64(statement, 0), bytes = sqlite3_column_int64(statement, 1);
    meta_sql_reset(statement);
    return row_count_upload(store, &place, -1, parts, bytes);
}

int sqlite_uploads_delete(struct row_store *store, int64_t bucket,
                          int (*visit)(void *ctx, const unsigned char *upload_id), void *ctx)
{
    sqlite3_stmt *list = row_statement(store, SQL_BUCKET_UPLOADS);
    int row, stop;

    assert(visit != NULL);
    meta_sql_int(list, 1, bucket);
    while ((row = meta_sql_row(list)) > 0) {
        unsigned char id[META_UPLOAD_ID_BYTES] = {0};
        struct slice stored = meta_sql_column(list, 0);
        if (stored.len == sizeof(id))
            memcpy(id, stored.base, sizeof(id));
        if ((stop = visit(ctx, id)) != 0) {
            meta_sql_reset(list);
            return stop;
        }
    }
    if (row != 0)
        return row;
    sqlite3_stmt *statement = row_statement(store, SQL_BUCKET_UPLOADS_DELETE);
    meta_sql_int(statement, 1, bucket);
    return meta_sql_run(statement);
}

/* ---- `part` ---- */

void meta_sql_part(sqlite3_stmt *statement, struct part_row *part)
{
    part->number = sqlite3_column_int64(statement, 0);
    part->size = sqlite3_column_int64(statement, 1);
    part->modified_ms = sqlite3_column_int64(statement, 2);
    part->etag = meta_sql_column(statement, 3);
    part->checksum = meta_sql_column(statement, 4);
    part->extents = (struct slice){NULL, 0};
}

int sqlite_part_walk(struct row_store *store, struct slice upload_id,
                     int (*visit)(void *ctx, const struct part_row *row), void *ctx)
{
    sqlite3_stmt *list = bind_id(store, SQL_PART_ALL, upload_id);
    struct part_row part;
    int row, stop;

    assert(visit != NULL);
    while ((row = meta_sql_row(list)) > 0) {
        /* The visitor may count units: they lie in another table, so the columns stay where they are. */
        meta_sql_part(list, &part);
        part.extents = meta_sql_column(list, COLUMN_EXTENTS);
        if ((stop = visit(ctx, &part)) != 0) {
            meta_sql_reset(list);
            return stop;
        }
    }
    return row;
}

int sqlite_part_get(struct row_store *store, struct arena *arena, struct slice upload_id, uint32_t number,
                    struct part_row *row)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PART_GET, upload_id);

    meta_sql_int(statement, 2, number);
    int err, found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    meta_sql_part(statement, row);
    row->extents = meta_sql_column(statement, COLUMN_EXTENTS);
    if ((err = arena_copy(arena, &row->etag)) == 0 && (err = arena_copy(arena, &row->checksum)) == 0)
        err = arena_copy(arena, &row->extents);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int sqlite_part_put(struct row_store *store, int64_t bucket, struct slice key, struct slice upload_id,
                    const struct meta_part *part, struct slice extents, const struct part_row *replaced)
{
    const struct count_place upload = {bucket, key, upload_id};
    int64_t before = replaced != NULL && replaced->size > 0 ? replaced->size : 0;
    sqlite3_stmt *statement = bind_id(store, SQL_PART_REPLACE, upload_id);
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];

    assert(part->number >= 1 && part->number <= META_PART_NUMBER_MAX);
    assert(part->size <= INT64_MAX && (part->size == 0) == (extents.len == 0));
    meta_sql_int(statement, 2, part->number);
    meta_sql_int(statement, 3, (int64_t)part->size);
    meta_sql_int(statement, 4, part->modified_ms);
    meta_sql_blob(statement, 5, slice_of(etag, codec_etag_encode(etag, part->etag)));
    meta_sql_blob_or_null(statement, 6, slice_of(checksum, codec_checksum_encode(checksum, &part->checksum)));
    meta_sql_blob_or_null(statement, 7, extents);
    int err = meta_sql_run(statement);
    row_noted_part(store, upload_id, part->number);
    return err != 0 ? err : row_count_part(store, &upload, replaced == NULL, (int64_t)part->size - before);
}

int sqlite_parts_delete(struct row_store *store, struct slice upload_id, int64_t first, int64_t last)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PARTS_DELETE, upload_id);

    assert(first <= last);
    meta_sql_int(statement, 2, first);
    meta_sql_int(statement, 3, last);
    return meta_sql_run(statement);
}

/* ---- `finished` ---- */

int sqlite_finished_get(struct row_store *store, struct arena *arena, struct slice upload_id,
                        struct finished_row *row)
{
    sqlite3_stmt *statement = slice_is_empty(upload_id) ? row_statement(store, SQL_FINISHED_FIRST)
                                                        : bind_id(store, SQL_FINISHED_GET, upload_id);
    int err, found = meta_sql_row(statement);

    assert(row != NULL);
    if (found <= 0)
        return found;
    row->upload_id = meta_sql_column(statement, 0);
    row->kept = meta_sql_column(statement, 1);
    if ((err = arena_copy(arena, &row->upload_id)) == 0)
        err = arena_copy(arena, &row->kept);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int sqlite_finished_put(struct row_store *store, const struct finished_row *row)
{
    sqlite3_stmt *statement = bind_id(store, SQL_FINISHED_INSERT, row->upload_id);

    meta_sql_blob_or_null(statement, 2, row->kept);
    return meta_sql_run(statement);
}

int sqlite_finished_delete(struct row_store *store, struct slice upload_id)
{
    return meta_sql_run(bind_id(store, SQL_FINISHED_DELETE, upload_id));
}
