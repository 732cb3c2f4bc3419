/* SPDX-License-Identifier: MIT
 *
 * All extents of all rows, for `sluice check`, which looks at their bytes; what is wrong with the rows is check.c's to find. The
 * reader's thread.
 *
 * Table by table in the order of their keys; a page begins behind the row at which the one before ended, whether that is still there or
 * not. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/read/reader.h"
#include "metadata/sqlite/sql_walks.h"

static const struct extent_table {
    char kind;
    enum sql_walk walk;
} tables[] = {
    {'o', SQL_WALK_EXTENTS_OBJECT},
    {'v', SQL_WALK_EXTENTS_VERSION},
    {'p', SQL_WALK_EXTENTS_PART},
    {'a', SQL_WALK_EXTENTS_ANNOTATION},
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

struct extent_page {
    int (*visit)(void *ctx, char kind, const char *bucket, struct slice key,
                 const struct meta_extent *extent);
    void *ctx;
    uint32_t rows;
};

static void cursor_bind(const struct meta_extent_cursor *cursor, sqlite3_stmt *statement, uint32_t limit)
{
    bool is_inside = cursor->is_inside;

    meta_sql_int(statement, 1, is_inside ? cursor->bucket : INT64_MIN);
    meta_sql_blob(statement, 2, slice_of(cursor->key, is_inside ? cursor->key_length : 0));
    meta_sql_blob(statement, 3, slice_of(cursor->id, is_inside ? cursor->id_length : 0));
    meta_sql_int(statement, 4, is_inside ? cursor->number : INT64_MIN);
    meta_sql_int(statement, 5, limit);
}

static int take_bytes(unsigned char *to, size_t size, size_t *length, struct slice bytes)
{
    if (bytes.len > size)
        return META_E_CORRUPT;
    if (bytes.len > 0)
        memcpy(to, bytes.base, bytes.len);
    *length = bytes.len;
    return 0;
}

static int cursor_take(struct meta_extent_cursor *cursor, sqlite3_stmt *row)
{
    int err = take_bytes(cursor->key, sizeof(cursor->key), &cursor->key_length, meta_sql_column(row, 1));

    if (err == 0)
        err = take_bytes(cursor->id, sizeof(cursor->id), &cursor->id_length, meta_sql_column(row, 2));
    cursor->bucket = sqlite3_column_int64(row, 0);
    cursor->number = sqlite3_column_int64(row, 3);
    cursor->is_inside = true;
    return err;
}

/* 0; > 0: the page is to end; < 0: an error. */
static int page_row(struct extent_page *page, char kind, sqlite3_stmt *row)
{
    const char *bucket = (const char *)sqlite3_column_text(row, 4);
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, meta_sql_column(row, 6)), result = 0;

    page->rows++;
    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        assert(extent.length > 0);
        int stop =
            page->visit(page->ctx, kind, bucket != NULL ? bucket : "", meta_sql_column(row, 5), &extent);
        if (stop < 0)
            return stop;
        result |= stop;
    }
    return result; /* a list that does not decode is meta_check's finding */
}

/* *is_over: the table has no further row. */
static int page_of_table(struct extent_page *page, struct meta_reader *reader,
                         struct meta_extent_cursor *cursor, uint32_t limit, bool *is_over)
{
    const struct extent_table *table = &tables[cursor->table];
    sqlite3_stmt *statement;
    int row, result = sql_walk_begin(reader->db, table->walk, &statement);

    if (result != 0)
        return result;
    cursor_bind(cursor, statement, limit);
    *is_over = false;
    while (result == 0 && (row = meta_sql_row(statement)) != 0) {
        result = row < 0 ? row : page_row(page, table->kind, statement);
        if (result >= 0 && (row = cursor_take(cursor, statement)) != 0)
            result = row;
    }
    *is_over = result == 0 && page->rows < limit;
    sql_walk_end(statement);
    return result < 0 ? result : 0;
}

int meta_extent_page(struct meta_reader *reader, struct meta_extent_cursor *cursor, uint32_t rows_max,
                     int (*visit)(void *ctx, char kind, const char *bucket, struct slice key,
                                  const struct meta_extent *extent),
                     void *ctx, bool *more)
{
    struct extent_page page = {.visit = visit, .ctx = ctx};
    bool is_over = false;
    int err = db_read_begin(reader);

    if (err == 0 && cursor->table < TABLE_COUNT)
        err = page_of_table(&page, reader, cursor, rows_max, &is_over);
    if (is_over) {
        cursor->table++;
        cursor->is_inside = false;
    }
    *more = cursor->table < TABLE_COUNT;
    return err;
}
