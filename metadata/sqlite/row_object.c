/* SPDX-License-Identifier: MIT
 *
 * Rows of `object`, `version` and `replaced`, which hold the same and move between the three as they are. Behind rows/row_store.h. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/sqlite/row_usage.h"

/* Columns of META_SQL_OBJECT_COLUMNS, and what comes after them. */
enum object_column {
    COLUMN_SIZE,
    COLUMN_MODIFIED,
    COLUMN_ETAG,
    COLUMN_CHECKSUM,
    COLUMN_OWNER,
    COLUMN_EXTENTS,
    COLUMN_ATTRIBUTES,
    COLUMN_UPLOAD_ID,
    COLUMN_PARTS,
    COLUMN_ANNOTATIONS,
    COLUMN_OWN,
    /* of SQL_OBJECT_GET */
    COLUMN_VERSION = COLUMN_OWN,
    /* of META_SQL_VERSION_COLUMNS */
    COLUMN_ID = COLUMN_OWN,
    COLUMN_IS_NULL,
    COLUMN_IS_MARKER,
    COLUMN_NONCURRENT,
};

/* The row that a statement stands on; all but the version. */
static int object_read(struct arena *arena, sqlite3_stmt *statement, struct object_row *row)
{
    int err;

    assert(arena != NULL);
    row->size = (uint64_t)sqlite3_column_int64(statement, COLUMN_SIZE);
    row->modified_ms = sqlite3_column_int64(statement, COLUMN_MODIFIED);
    row->owner = meta_sql_column(statement, COLUMN_OWNER);
    row->extents = meta_sql_column(statement, COLUMN_EXTENTS);
    row->attributes = meta_sql_column(statement, COLUMN_ATTRIBUTES);
    row->upload_id = meta_sql_column(statement, COLUMN_UPLOAD_ID);
    row->parts = meta_sql_column(statement, COLUMN_PARTS);
    if ((err = arena_copy(arena, &row->owner)) != 0 || (err = arena_copy(arena, &row->extents)) != 0 ||
        (err = arena_copy(arena, &row->attributes)) != 0 || (err = arena_copy(arena, &row->upload_id)) != 0 ||
        (err = arena_copy(arena, &row->parts)) != 0)
        return err;
    /* The object can still be replaced and deleted. */
    if (codec_etag_decode(meta_sql_column(statement, COLUMN_ETAG), row->etag) != 0)
        row->etag[0] = '\0';
    if (codec_checksum_decode(meta_sql_column(statement, COLUMN_CHECKSUM), &row->checksum) != 0)
        memset(&row->checksum, 0, sizeof(row->checksum));
    memset(&row->version, 0, sizeof(row->version));
    row->annotations = row_set_column(statement, COLUMN_ANNOTATIONS);
    return 0;
}

/* The first parameters of most statements. */
static sqlite3_stmt *bind_key(struct row_store *store, enum meta_sql_id id, int64_t bucket, struct slice key)
{
    sqlite3_stmt *statement = row_statement(store, id);

    assert(key.len == 0 || key.base != NULL);
    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    return statement;
}

static sqlite3_stmt *bind_version(struct row_store *store, enum meta_sql_id statement_id, int64_t bucket,
                                  struct slice key, const struct meta_version_id *id)
{
    sqlite3_stmt *statement = bind_key(store, statement_id, bucket, key);

    assert(id != NULL);
    meta_sql_blob(statement, 3, meta_version_bytes(id));
    return statement;
}

/* ---- `object` ---- */

int sqlite_object_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                      struct object_row *row)
{
    sqlite3_stmt *statement = bind_key(store, SQL_OBJECT_GET, bucket, key);
    int found = meta_sql_row(statement);

    assert(row != NULL);
    if (found <= 0)
        return found;
    int err = object_read(arena, statement, row);
    struct slice version = meta_sql_column(statement, COLUMN_VERSION);
    if (err == 0)
        (void)meta_version_of(version, &row->version); /* a damaged one can be replaced and deleted, too */
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

/* The row is there now; replaced: instead of that one. */
static int object_count(struct row_store *store, const struct object_row *replaced, int64_t bucket,
                        struct slice key, const struct object_row *row)
{
    int err = 0;

    if (replaced != NULL)
        err = row_count_object(store, bucket, key, -1, replaced->size, replaced->annotations);
    if (err == 0)
        err = row_count_object(store, bucket, key, 1, row->size, row->annotations);
    return err != 0 ? err : tally_enter(store, bucket, key, row->size);
}

int sqlite_object_put(struct row_store *store, const struct object_row *replaced, int64_t bucket,
                      struct slice key, const struct object_row *row)
{
    bool is_null = meta_version_is_null(&row->version);
    int err = replaced != NULL ? tally_leave(store, bucket, key) : 0;

    if (err != 0)
        return err;
    sqlite3_stmt *statement =
        bind_key(store, replaced == NULL ? SQL_OBJECT_INSERT : SQL_OBJECT_UPDATE, bucket, key);
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];
    struct slice version = is_null ? (struct slice){NULL, 0} : meta_version_bytes(&row->version);
    struct slice bytes_etag = slice_of(etag, codec_etag_encode(etag, row->etag));
    struct slice bytes_checksum = slice_of(checksum, codec_checksum_encode(checksum, &row->checksum));

    assert(key.len > 0 && key.len <= META_KEY_BYTES_MAX);
    assert(row->upload_id.len == 0 || row->upload_id.base != NULL);
    assert(row->extents.len == 0 || row->extents.base != NULL);
    meta_sql_int(statement, 3, (int64_t)row->size);
    meta_sql_int(statement, 4, row->modified_ms);
    meta_sql_blob(statement, 5, bytes_etag);
    meta_sql_blob_or_null(statement, 6, bytes_checksum);
    meta_sql_blob_or_null(statement, 7, row->owner);
    meta_sql_blob_or_null(statement, 8, row->extents);
    meta_sql_blob_or_null(statement, 9, row->attributes);
    meta_sql_blob_or_null(statement, 10, row->upload_id);
    meta_sql_blob_or_null(statement, 11, row->parts);
    meta_sql_int_or_null(statement, 12, row->annotations);
    meta_sql_blob_or_null(statement, 13, version);
    int written = row_run_changes(store, statement);
    if (written <= 0)
        return written;
    row_told_object(store, &(const struct chronicle_object){
                               .bucket = bucket,
                               .key = key,
                               .size = (int64_t)row->size,
                               .modified_ms = row->modified_ms,
                               .etag = bytes_etag,
                               .checksum = bytes_checksum,
                               .owner = row->owner,
                               .extents = row->extents,
                               .attributes = row->attributes,
                               .upload_id = row->upload_id,
                               .parts = row->parts,
                               .annotations = row->annotations,
                               .version = version,
                           });
    err = object_count(store, replaced, bucket, key, row);
    return err != 0 ? err : 1;
}

int sqlite_object_delete(struct row_store *store, int64_t bucket, struct slice key,
                         const struct object_row *row)
{
    int err = tally_leave(store, bucket, key);

    if (err != 0 || (err = meta_sql_run(bind_key(store, SQL_OBJECT_DELETE, bucket, key))) != 0)
        return err;
    row_gone(store, CHRONICLE_OBJECT, bucket, key, (struct slice){NULL, 0});
    return row_count_object(store, bucket, key, -1, row->size, row->annotations);
}

/* A row that has changed in part, or moved: of the object, or of the version at the place `id`. */
static void note(struct row_store *store, int64_t bucket, struct slice key, const struct meta_version_id *id)
{
    if (id == NULL)
        row_noted(store, CHRONICLE_OBJECT, bucket, key, (struct slice){NULL, 0});
    else
        row_noted(store, CHRONICLE_VERSION, bucket, key, meta_version_bytes(id));
}

int sqlite_attributes_put(struct row_store *store, int64_t bucket, struct slice key,
                          const struct meta_version_id *id, struct slice attributes)
{
    sqlite3_stmt *statement = id == NULL ? bind_key(store, SQL_OBJECT_LABEL, bucket, key)
                                         : bind_version(store, SQL_VERSION_LABEL, bucket, key, id);

    note(store, bucket, key, id);
    meta_sql_blob_or_null(statement, id == NULL ? 3 : 4, attributes);
    return meta_sql_run(statement);
}

int sqlite_annotations_name(struct row_store *store, int64_t bucket, struct slice key,
                            const struct meta_version_id *id, int64_t set)
{
    sqlite3_stmt *statement = id == NULL ? bind_key(store, SQL_OBJECT_SET_ANNOTATIONS, bucket, key)
                                         : bind_version(store, SQL_VERSION_SET_ANNOTATIONS, bucket, key, id);

    assert(set > 0);
    note(store, bucket, key, id);
    meta_sql_int(statement, id == NULL ? 3 : 4, set);
    return meta_sql_run(statement);
}

/* ---- `version` ---- */

/* Of a statement that finds one. */
static int version_read(sqlite3_stmt *statement, struct arena *arena, struct version_row *row)
{
    int found = meta_sql_row(statement);

    assert(row != NULL);
    if (found <= 0)
        return found;
    int err = object_read(arena, statement, &row->object);
    struct slice stored = meta_sql_column(statement, COLUMN_ID);
    bool is_null = sqlite3_column_int64(statement, COLUMN_IS_NULL) != 0;
    row->is_marker = sqlite3_column_int64(statement, COLUMN_IS_MARKER) != 0;
    row->is_current = sqlite3_column_type(statement, COLUMN_NONCURRENT) == SQLITE_NULL;
    if (err == 0 && !meta_version_of(stored, &row->id))
        err = META_E_CORRUPT;
    if (err == 0 && !is_null)
        row->object.version = row->id;
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int sqlite_version_get(struct row_store *store, struct arena *arena, int64_t bucket, struct slice key,
                       const struct meta_version_id *id, struct version_row *row)
{
    if (id == NULL)
        return version_read(bind_key(store, SQL_VERSION_NEWEST, bucket, key), arena, row);
    if (meta_version_is_null(id))
        return version_read(bind_key(store, SQL_VERSION_GET_NULL, bucket, key), arena, row);
    if (meta_version_is_placeless(id)) {
        sqlite3_stmt *statement = bind_key(store, SQL_VERSION_GET_NAMED, bucket, key);

        meta_sql_blob(statement, 3, meta_version_name(id));
        return version_read(statement, arena, row);
    }
    return version_read(bind_version(store, SQL_VERSION_GET, bucket, key, id), arena, row);
}

int sqlite_version_is_alone(struct row_store *store, int64_t bucket, struct slice key)
{
    int found = row_run_finds(bind_key(store, SQL_VERSION_SECOND, bucket, key));

    return found < 0 ? found : found == 0;
}

int sqlite_version_archive(struct row_store *store, int64_t bucket, struct slice key,
                           const struct meta_version_id *id, const struct object_row *current,
                           int64_t noncurrent_ms)
{
    sqlite3_stmt *statement = bind_version(store, SQL_VERSION_ARCHIVE, bucket, key, id);

    note(store, bucket, key, id);
    meta_sql_int(statement, 4, noncurrent_ms);
    int err = meta_sql_run(statement);
    return err != 0
               ? err
               : row_count_version(store, bucket, key, id, 1, false, current->size, current->annotations);
}

static int version_delete(struct row_store *store, int64_t bucket, struct slice key,
                          const struct meta_version_id *id, bool is_marker, uint64_t size, int64_t set)
{
    int err = meta_sql_run(bind_version(store, SQL_VERSION_DELETE, bucket, key, id));

    row_gone(store, CHRONICLE_VERSION, bucket, key, meta_version_bytes(id));
    return err != 0 ? err : row_count_version(store, bucket, key, id, -1, is_marker, size, set);
}

int sqlite_version_restore(struct row_store *store, int64_t bucket, struct slice key,
                           const struct meta_version_id *id)
{
    uint64_t size;
    int64_t set;
    int err = meta_sql_run(bind_version(store, SQL_VERSION_RESTORE, bucket, key, id));

    note(store, bucket, key, NULL);
    if (err != 0 || (err = row_count_restored(store, bucket, key, &size, &set)) != 0 ||
        (err = tally_enter(store, bucket, key, size)) != 0)
        return err;
    return version_delete(store, bucket, key, id, false, size, set);
}

int sqlite_marker_put(struct row_store *store, int64_t bucket, struct slice key,
                      const struct meta_version_id *id, bool is_null, int64_t modified_ms, struct slice owner)
{
    sqlite3_stmt *statement = bind_version(store, SQL_VERSION_MARKER, bucket, key, id);

    assert(key.len > 0 && key.len <= META_KEY_BYTES_MAX);
    note(store, bucket, key, id);
    meta_sql_int(statement, 4, is_null);
    meta_sql_int(statement, 5, modified_ms);
    meta_sql_blob_or_null(statement, 6, owner);
    int err = meta_sql_run(statement);
    return err != 0 ? err : row_count_version(store, bucket, key, id, 1, true, 0, 0);
}

int sqlite_version_set_noncurrent(struct row_store *store, int64_t bucket, struct slice key,
                                  const struct meta_version_id *id, const int64_t *noncurrent_ms)
{
    sqlite3_stmt *statement = bind_version(store, SQL_VERSION_SET_NONCURRENT, bucket, key, id);

    note(store, bucket, key, id);
    if (noncurrent_ms != NULL)
        meta_sql_int(statement, 4, *noncurrent_ms);
    else
        meta_sql_blob_or_null(statement, 4, (struct slice){NULL, 0});
    return meta_sql_run(statement);
}

int sqlite_version_delete(struct row_store *store, int64_t bucket, struct slice key,
                          const struct version_row *row)
{
    return version_delete(store, bucket, key, &row->id, row->is_marker, row->object.size,
                          row->object.annotations);
}

/* ---- `replaced` ---- */

int sqlite_replaced_keep(struct row_store *store, int64_t bucket, struct slice key, int64_t row)
{
    sqlite3_stmt *statement = bind_key(store, SQL_REPLACED_KEEP, bucket, key);

    assert(store->meta->options.keeps_replaced);
    meta_sql_int(statement, 3, row);
    return row_run_changes(store, statement);
}

int sqlite_replaced_newest(struct row_store *store, int64_t bucket, struct slice key, int64_t *row,
                           bool *is_null)
{
    sqlite3_stmt *statement = bind_key(store, SQL_REPLACED_NEWEST, bucket, key);
    int found = meta_sql_row(statement);

    assert(row != NULL && is_null != NULL);
    if (found <= 0)
        return found;
    *row = sqlite3_column_int64(statement, 0);
    *is_null = sqlite3_column_type(statement, 1) == SQLITE_NULL;
    meta_sql_reset(statement);
    return 1;
}

static int replaced_delete(struct row_store *store, int64_t row)
{
    sqlite3_stmt *statement = row_statement(store, SQL_REPLACED_DELETE);

    meta_sql_int(statement, 1, row);
    return meta_sql_run(statement);
}

int sqlite_replaced_take(struct row_store *store, struct arena *arena, int64_t *row, int64_t last,
                         struct slice *extents, int64_t *annotations)
{
    sqlite3_stmt *statement = row_statement(store, SQL_REPLACED_FIRST);

    assert(extents != NULL && annotations != NULL);
    meta_sql_int(statement, 1, *row);
    meta_sql_int(statement, 2, last);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    *row = sqlite3_column_int64(statement, 0);
    *extents = meta_sql_column(statement, 1);
    *annotations = row_set_column(statement, 2);
    int err = arena_copy(arena, extents);
    meta_sql_reset(statement);
    if (err == 0)
        err = replaced_delete(store, *row);
    return err != 0 ? err : 1;
}

int sqlite_replaced_restore(struct row_store *store, int64_t bucket, struct slice key, int64_t row)
{
    sqlite3_stmt *statement = row_statement(store, SQL_REPLACED_RESTORE);
    uint64_t size;
    int64_t set;

    note(store, bucket, key, NULL);
    meta_sql_int(statement, 1, row);
    int err = meta_sql_run(statement);
    if (err != 0 || (err = row_count_restored(store, bucket, key, &size, &set)) != 0 ||
        (err = tally_enter(store, bucket, key, size)) != 0)
        return err;
    return replaced_delete(store, row);
}
