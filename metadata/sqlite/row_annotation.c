/* SPDX-License-Identifier: MIT
 *
 * Rows of `annotation` and `annotation_set`. Behind rows/row_store.h. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>

#include "metadata/rows/codec.h"

static sqlite3_stmt *bind_set(struct row_store *store, enum meta_sql_id id, int64_t set)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, set); /* of a damaged row it may be any number */
    return statement;
}

static sqlite3_stmt *bind_name(struct row_store *store, enum meta_sql_id id, int64_t set, struct slice name)
{
    sqlite3_stmt *statement = bind_set(store, id, set);

    assert(name.len == 0 || name.base != NULL);
    meta_sql_blob(statement, 2, name);
    return statement;
}

/* ---- `annotation_set` ---- */

/* A damaged count must not keep the object from being deleted: one that cannot be is a small one, or leaves room for one more. */
static int64_t counted(int64_t count)
{
    return count < 0 ? 0 : count < INT64_MAX ? count : INT64_MAX - 1;
}

int sqlite_annotation_set_get(struct row_store *store, int64_t id, struct annotation_set *set)
{
    sqlite3_stmt *statement =
        id == 0 ? row_statement(store, SQL_ANNOTATION_SET_FREE) : bind_set(store, SQL_ANNOTATION_SET_GET, id);
    int found = meta_sql_row(statement);

    assert(set != NULL);
    if (found <= 0)
        return found;
    set->id = sqlite3_column_int64(statement, 0);
    set->refs = counted(sqlite3_column_int64(statement, 1));
    set->count = counted(sqlite3_column_int64(statement, 2));
    set->bytes = counted(sqlite3_column_int64(statement, 3));
    meta_sql_reset(statement);
    return 1;
}

int sqlite_annotation_set_put(struct row_store *store, const struct annotation_set *set)
{
    sqlite3_stmt *statement = bind_set(store, SQL_ANNOTATION_SET_PUT, set->id);

    assert(set->refs >= 0 && set->count >= 0 && set->bytes >= 0);
    meta_sql_int(statement, 2, set->refs);
    meta_sql_int(statement, 3, set->count);
    meta_sql_int(statement, 4, set->bytes);
    return meta_sql_run(statement);
}

int sqlite_annotation_set_delete(struct row_store *store, int64_t id)
{
    return meta_sql_run(bind_set(store, SQL_ANNOTATION_SET_DELETE, id));
}

/* ---- `annotation` ---- */

static void annotation_note(struct row_store *store, int64_t set, struct slice name)
{
    row_noted(store, CHRONICLE_ANNOTATION, set, name, (struct slice){NULL, 0});
}

int sqlite_annotation_get(struct row_store *store, struct arena *arena, int64_t set, struct slice name,
                          struct slice *extents, int64_t *bytes)
{
    sqlite3_stmt *statement = bind_name(store, SQL_ANNOTATION_EXTENTS, set, name);
    int found = meta_sql_row(statement);

    assert(extents != NULL && bytes != NULL);
    if (found <= 0)
        return found;
    *extents = meta_sql_column(statement, 0);
    *bytes = counted(sqlite3_column_int64(statement, 1));
    int err = arena_copy(arena, extents);
    meta_sql_reset(statement);
    return err != 0 ? err : 1;
}

int sqlite_annotation_put(struct row_store *store, int64_t set, const struct meta_annotation *annotation,
                          struct slice extents)
{
    sqlite3_stmt *statement = bind_name(store, SQL_ANNOTATION_REPLACE, set, annotation->name);
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];

    assert(annotation->name.len > 0 && annotation->name.len <= META_ANNOTATION_NAME_BYTES_MAX);
    assert(annotation->size <= INT64_MAX && (annotation->size == 0) == (extents.len == 0));
    meta_sql_int(statement, 3, (int64_t)annotation->size);
    meta_sql_int(statement, 4, annotation->modified_ms);
    meta_sql_blob(statement, 5, slice_of(etag, codec_etag_encode(etag, annotation->etag)));
    meta_sql_blob_or_null(statement, 6,
                          slice_of(checksum, codec_checksum_encode(checksum, &annotation->checksum)));
    meta_sql_blob_or_null(statement, 7, extents);
    annotation_note(store, set, annotation->name);
    return meta_sql_run(statement);
}

int sqlite_annotation_delete(struct row_store *store, int64_t set, struct slice name)
{
    annotation_note(store, set, name);
    return meta_sql_run(bind_name(store, SQL_ANNOTATION_DELETE, set, name));
}

int sqlite_annotation_walk(struct row_store *store, int64_t set,
                           int (*visit)(void *ctx, struct slice name, struct slice extents), void *ctx)
{
    sqlite3_stmt *list = bind_set(store, SQL_ANNOTATION_ALL, set);
    int row, stop;

    assert(visit != NULL);
    while ((row = meta_sql_row(list)) > 0) {
        /* The visitor may count units: they lie in another table, so the columns stay where they are. */
        if ((stop = visit(ctx, meta_sql_column(list, 0), meta_sql_column(list, 1))) != 0) {
            meta_sql_reset(list);
            return stop;
        }
    }
    return row;
}

int sqlite_annotations_delete(struct row_store *store, int64_t set, struct slice last)
{
    return meta_sql_run(bind_name(store, SQL_ANNOTATIONS_DELETE, set, last));
}

int sqlite_annotations_copy(struct row_store *store, int64_t from, int64_t to)
{
    sqlite3_stmt *statement = bind_set(store, SQL_ANNOTATIONS_COPY, from);

    assert(to > 0 && to != from);
    row_noted_set(store, to);
    meta_sql_int(statement, 2, to);
    return meta_sql_run(statement);
}
