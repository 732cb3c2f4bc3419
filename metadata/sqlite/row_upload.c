/* SPDX-License-Identifier: MIT
 *
 * Rows of `upload`, `part` and `finished`. Behind rows/row_store.h. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"

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

int row_upload_find(struct row_store *store, int64_t bucket, struct slice key, const unsigned char *upload_id)
{
    return row_run_finds(bind_upload(store, SQL_UPLOAD_EXISTS, bucket, key, upload_id));
}

int row_upload_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                   const unsigned char *upload_id, struct slice *owner, struct slice *attributes)
{
    sqlite3_stmt *statement = bind_upload(store, SQL_UPLOAD_GET, bucket, key, upload_id);
    int err, found = meta_sql_row(statement);

    assert(owner != NULL && attributes != NULL);
    if (found <= 0)
        return found;
    *owner = meta_sql_column(statement, 5);
    *attributes = meta_sql_column(statement, 6);
    if ((err = arena_copy(arena, owner)) == 0)
        err = arena_copy(arena, attributes);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int row_upload_insert(struct row_store *store, int64_t bucket, const struct meta_upload *upload,
                      struct slice attributes)
{
    sqlite3_stmt *statement = bind_upload(store, SQL_UPLOAD_INSERT, bucket, upload->key, upload->id);

    assert(upload->key.len > 0 && upload->key.len <= META_KEY_BYTES_MAX);
    meta_sql_int(statement, 4, upload->initiated_ms);
    meta_sql_int(statement, 5, upload->checksum_algorithm);
    meta_sql_int(statement, 6, upload->checksum_type);
    meta_sql_blob_or_null(statement, 7, upload->owner);
    meta_sql_blob_or_null(statement, 8, attributes);
    return row_run_changes(store, statement);
}

int row_upload_delete(struct row_store *store, int64_t bucket, struct slice key,
                      const unsigned char *upload_id)
{
    return meta_sql_run(bind_upload(store, SQL_UPLOAD_DELETE, bucket, key, upload_id));
}

int row_upload_walk(struct row_store *store, int64_t bucket,
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
    return row;
}

int row_uploads_delete(struct row_store *store, int64_t bucket)
{
    sqlite3_stmt *statement = row_statement(store, SQL_BUCKET_UPLOADS_DELETE);

    meta_sql_int(statement, 1, bucket);
    return meta_sql_run(statement);
}

/* ---- `part` ---- */

int meta_sql_part(sqlite3_stmt *statement, struct meta_part *part)
{
    int err;

    assert(part != NULL);
    memset(part, 0, sizeof(*part));
    int64_t number = sqlite3_column_int64(statement, 0);
    part->size = (uint64_t)sqlite3_column_int64(statement, 1);
    if (number < 1 || number > META_PART_NUMBER_MAX || part->size > INT64_MAX)
        return META_E_CORRUPT;
    part->number = (uint32_t)number;
    part->modified_ms = sqlite3_column_int64(statement, 2);
    if ((err = codec_etag_decode(meta_sql_column(statement, 3), part->etag)) != 0)
        return err;
    return codec_checksum_decode(meta_sql_column(statement, 4), &part->checksum);
}

int row_part_walk(struct row_store *store, const unsigned char *upload_id,
                  int (*visit)(void *ctx, const struct meta_part *part, struct slice extents), void *ctx)
{
    sqlite3_stmt *list = bind_id(store, SQL_PART_ALL, row_upload_id(upload_id));
    struct meta_part part;
    int row, err;

    assert(visit != NULL);
    while ((row = meta_sql_row(list)) > 0) {
        if ((err = meta_sql_part(list, &part)) != 0 ||
            (err = visit(ctx, &part, meta_sql_column(list, COLUMN_EXTENTS))) != 0) {
            meta_sql_reset(list);
            return err;
        }
    }
    return row;
}

int row_part_walk_extents(struct row_store *store, struct slice upload_id,
                          int (*visit)(void *ctx, int64_t number, struct slice extents), void *ctx)
{
    sqlite3_stmt *list = bind_id(store, SQL_PART_CLEARED, upload_id);
    int row, stop;

    assert(visit != NULL);
    while ((row = meta_sql_row(list)) > 0) {
        /* Units lie in another table, so the column stays where it is. */
        if ((stop = visit(ctx, sqlite3_column_int64(list, 0), meta_sql_column(list, 1))) != 0) {
            meta_sql_reset(list);
            return stop;
        }
    }
    return row;
}

int row_part_extents(struct row_store *store, struct arena *arena, const unsigned char *upload_id,
                     uint32_t number, struct slice *extents)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PART_EXTENTS, row_upload_id(upload_id));

    meta_sql_int(statement, 2, number);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    *extents = meta_sql_column(statement, 0);
    int err = arena_copy(arena, extents);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int row_part_put(struct row_store *store, const unsigned char *upload_id, const struct meta_part *part,
                 struct slice extents)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PART_REPLACE, row_upload_id(upload_id));
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];

    assert(part->number >= 1 && part->number <= META_PART_NUMBER_MAX);
    assert(part->size <= INT64_MAX && (part->size == 0) == (extents.len == 0));
    meta_sql_int(statement, 2, part->number);
    meta_sql_int(statement, 3, (int64_t)part->size);
    meta_sql_int(statement, 4, part->modified_ms);
    meta_sql_blob(statement, 5, slice_of(etag, codec_etag_encode(etag, part->etag)));
    meta_sql_blob_or_null(statement, 6, slice_of(checksum, codec_checksum_encode(checksum, &part->checksum)));
    meta_sql_blob_or_null(statement, 7, extents);
    return meta_sql_run(statement);
}

int row_part_delete(struct row_store *store, const unsigned char *upload_id, uint32_t number)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PART_DELETE, row_upload_id(upload_id));

    meta_sql_int(statement, 2, number);
    return meta_sql_run(statement);
}

int row_parts_delete(struct row_store *store, struct slice upload_id, int64_t last)
{
    sqlite3_stmt *statement = bind_id(store, SQL_PARTS_DELETE, upload_id);

    assert(last > 0);
    meta_sql_int(statement, 2, last);
    return meta_sql_run(statement);
}

/* ---- `finished` ---- */

int row_finished_put(struct row_store *store, struct slice upload_id, struct slice kept)
{
    sqlite3_stmt *statement = bind_id(store, SQL_FINISHED_INSERT, upload_id);

    meta_sql_blob_or_null(statement, 2, kept);
    return meta_sql_run(statement);
}

int row_finished_find(struct row_store *store, struct slice upload_id)
{
    return row_run_finds(bind_id(store, SQL_FINISHED_EXISTS, upload_id));
}

int row_finished_first(struct row_store *store, struct arena *arena, struct slice *upload_id,
                       struct slice *kept)
{
    sqlite3_stmt *statement = row_statement(store, SQL_FINISHED_FIRST);
    int err, found = meta_sql_row(statement);

    assert(upload_id != NULL && kept != NULL);
    if (found <= 0)
        return found;
    *upload_id = meta_sql_column(statement, 0);
    *kept = meta_sql_column(statement, 1);
    if ((err = arena_copy(arena, upload_id)) == 0)
        err = arena_copy(arena, kept);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int row_finished_delete(struct row_store *store, struct slice upload_id)
{
    return meta_sql_run(bind_id(store, SQL_FINISHED_DELETE, upload_id));
}
