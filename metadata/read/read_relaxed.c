/* SPDX-License-Identifier: MIT
 *
 * The reader's side of meta_relaxed.h: the mark, the ends of two lists, and a walk over all rows that have bytes. The reader's thread. */
#include "metadata/meta_relaxed.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/read/reader.h"
#include "metadata/sqlite/sql_walks.h"

/* ---- The mark ---- */

int meta_mark_get(struct meta_reader *reader, struct meta_mark *mark)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_MARK_GET];
    int found = meta_sql_row(statement);

    *mark = (struct meta_mark){0};
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct slice open = meta_sql_column(statement, 1);
    mark->file = (uint64_t)sqlite3_column_int64(statement, 0);
    if (open.len % sizeof(mark->open[0]) != 0 || open.len > sizeof(mark->open))
        found = META_E_CORRUPT;
    else
        mark->open_count = (uint32_t)(open.len / sizeof(mark->open[0]));
    assert(mark->open_count <= META_MARK_OPEN_MAX);
    if (mark->open_count > 0)
        memcpy(mark->open, open.base, open.len);
    for (uint32_t i = 0; i < mark->open_count; i++)
        mark->open[i] = le64toh(mark->open[i]);
    meta_sql_reset(statement);
    return found < 0 ? found : 0;
}

bool meta_mark_doubts(const struct meta_mark *mark, uint64_t file)
{
    assert(mark->open_count <= META_MARK_OPEN_MAX);
    if (mark->file == 0)
        return false;
    if (file >= mark->file)
        return true;
    for (uint32_t i = 0; i < mark->open_count; i++)
        if (mark->open[i] == file)
            return true;
    return false;
}

static int units_from(struct meta_reader *reader, uint64_t first, uint64_t last,
                      int (*visit)(void *ctx, const struct meta_extent *extent, bool is_known), void *ctx)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_UNITS_FROM];
    int row, stop;

    assert(visit != NULL);
    meta_sql_int(statement, 1, (int64_t)first);
    meta_sql_int(statement, 2, (int64_t)last);
    while ((row = meta_sql_row(statement)) > 0) {
        bool is_known = sqlite3_column_type(statement, 3) != SQLITE_NULL;
        const struct meta_extent extent = {
            .file = (uint64_t)sqlite3_column_int64(statement, 0),
            .unit_offset = (uint64_t)sqlite3_column_int64(statement, 1),
            .unit_length = (uint64_t)sqlite3_column_int64(statement, 2),
            .unit_crc = (uint64_t)sqlite3_column_int64(statement, 3),
            .unit_crc_kind = (enum meta_unit_crc)sqlite3_column_int64(statement, 4),
        };
        if ((stop = visit(ctx, &extent, is_known)) != 0) {
            meta_sql_reset(statement);
            return stop;
        }
    }
    return row;
}

int meta_mark_units(struct meta_reader *reader, const struct meta_mark *mark,
                    int (*visit)(void *ctx, const struct meta_extent *extent, bool is_known), void *ctx)
{
    int err = 0;

    assert(mark->open_count <= META_MARK_OPEN_MAX);
    if (mark->file == 0)
        return 0;
    for (uint32_t i = 0; i < mark->open_count && err == 0; i++)
        err = units_from(reader, mark->open[i], mark->open[i], visit, ctx);
    return err != 0 ? err : units_from(reader, mark->file, INT64_MAX, visit, ctx);
}

static int last_row(struct meta_reader *reader, enum meta_sql_id id, int64_t *last)
{
    sqlite3_stmt *statement = reader->sql.list[id];
    int found = meta_sql_row(statement);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *last = sqlite3_column_int64(statement, 0);
    meta_sql_reset(statement);
    return 0;
}

int meta_garbage_last(struct meta_reader *reader, int64_t *row)
{
    return last_row(reader, SQL_GARBAGE_LAST, row);
}

int meta_point_take(struct meta_reader *reader, struct meta_point *point)
{
    int err;

    assert(point != NULL);
    if ((err = last_row(reader, SQL_REPLACED_LAST, &point->replaced)) != 0 ||
        (err = last_row(reader, SQL_GARBAGE_LAST, &point->garbage)) != 0)
        return err;
    if (point->replaced > atomic_load(&reader->meta->replaced_floor))
        atomic_store(&reader->meta->replaced_floor, point->replaced);
    return 0;
}

/* ---- Rows with bytes ---- */

static const enum sql_walk walks[META_ROW_KIND_COUNT] = {
    [META_ROW_REPLACED] = SQL_WALK_BYTES_REPLACED,     [META_ROW_VERSION] = SQL_WALK_BYTES_VERSION,
    [META_ROW_OBJECT] = SQL_WALK_BYTES_OBJECT,         [META_ROW_PART] = SQL_WALK_BYTES_PART,
    [META_ROW_ANNOTATION] = SQL_WALK_BYTES_ANNOTATION,
};

static void walk_bind(sqlite3_stmt *statement, enum meta_row_kind kind, const struct meta_row_name *after)
{
    assert(kind < META_ROW_KIND_COUNT && after->key_length <= META_KEY_BYTES_MAX);
    switch (kind) {
    case META_ROW_REPLACED:
        meta_sql_int(statement, 1, after->row);
        break;
    case META_ROW_VERSION:
        meta_sql_blob(statement, 3, meta_version_bytes(&after->version));
        /* fall through */
    case META_ROW_OBJECT: /* no bucket is 0, but what publications prepare lies below that */
        meta_sql_int(statement, 1, after->bucket != 0 ? after->bucket : INT64_MIN);
        meta_sql_blob(statement, 2, slice_of(after->key, after->key_length));
        break;
    case META_ROW_ANNOTATION:
        meta_sql_int(statement, 1, after->row);
        meta_sql_blob(statement, 2, slice_of(after->key, after->key_length));
        break;
    default:
        meta_sql_blob(statement, 1, slice_of(after->upload_id, sizeof(after->upload_id)));
        meta_sql_int(statement, 2, after->number);
    }
}

static int copy_exactly(void *to, size_t length, struct slice from)
{
    if (from.len != length)
        return META_E_CORRUPT;
    memcpy(to, from.base, length);
    return 0;
}

static int walk_name(sqlite3_stmt *statement, enum meta_row_kind kind, struct meta_row_name *name)
{
    struct slice key;

    name->key_length = 0;
    if (kind == META_ROW_REPLACED) {
        name->row = sqlite3_column_int64(statement, 1);
        return 0;
    }
    if (kind == META_ROW_PART) {
        name->number = (uint32_t)sqlite3_column_int64(statement, 2);
        return copy_exactly(name->upload_id, sizeof(name->upload_id), meta_sql_column(statement, 1));
    }
    if (kind == META_ROW_ANNOTATION)
        name->row = sqlite3_column_int64(statement, 1);
    else
        name->bucket = sqlite3_column_int64(statement, 1);
    key = meta_sql_column(statement, 2);
    if (key.len > sizeof(name->key))
        return META_E_CORRUPT;
    name->key_length = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(name->key, key.base, key.len);
    if (kind != META_ROW_VERSION)
        return 0;
    return meta_version_of(meta_sql_column(statement, 3), &name->version) ? 0 : META_E_CORRUPT;
}

struct row_walk {
    enum meta_row_kind kind;
    int (*visit)(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent);
    void *ctx;
    struct meta_row_name name;
};

static int walk_row(struct row_walk *walk, sqlite3_stmt *statement)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, meta_sql_column(statement, 0));
    int err, answer = META_ROW_GO_ON;

    if (more < 0 || list.count == 0)
        return META_ROW_GO_ON; /* a list that does not decode is for the check to find */
    if ((err = walk_name(statement, walk->kind, &walk->name)) != 0)
        return err == META_E_CORRUPT ? META_ROW_GO_ON : err;
    while (answer == META_ROW_GO_ON && (more = codec_extents_next(&list, &extent)) > 0)
        answer = walk->visit(walk->ctx, &walk->name, &extent);
    assert(answer <= META_ROW_STOP);
    return answer == META_ROW_ENOUGH ? META_ROW_GO_ON : answer;
}

int meta_row_walk(struct meta_reader *reader, enum meta_row_kind kind, const struct meta_row_name *after,
                  int (*visit)(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent),
                  void *ctx)
{
    static const struct meta_row_name none;
    struct row_walk walk = {.kind = kind, .visit = visit, .ctx = ctx};
    sqlite3_stmt *statement;
    int err = sql_walk_begin(reader->db, walks[kind], &statement);
    int row, answer = META_ROW_GO_ON;

    if (err != 0)
        return err;
    walk_bind(statement, kind, after != NULL ? after : &none);
    while (answer == META_ROW_GO_ON && (row = meta_sql_row(statement)) != 0)
        answer = row < 0 ? row : walk_row(&walk, statement);
    sql_walk_end(statement);
    return answer == META_ROW_STOP ? 0 : answer;
}
