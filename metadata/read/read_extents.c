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

static const struct extent_table {
    char kind;
    enum read_walk walk;
} tables[] = {
    {'o', READ_WALK_EXTENTS_OBJECT},
    {'v', READ_WALK_EXTENTS_VERSION},
    {'p', READ_WALK_EXTENTS_PART},
    {'a', READ_WALK_EXTENTS_ANNOTATION},
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

struct extent_page {
    int (*visit)(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent);
    void *ctx;
    uint32_t rows;
};

static void cursor_bind(const struct meta_extent_cursor *cursor, struct query *statement, uint32_t limit)
{
    bool is_inside = cursor->is_inside;

    query_bind_int(statement, 1, is_inside ? cursor->bucket : INT64_MIN);
    query_bind(statement, 2, slice_of(cursor->key, is_inside ? cursor->key_length : 0));
    query_bind(statement, 3, slice_of(cursor->id, is_inside ? cursor->id_length : 0));
    query_bind_int(statement, 4, is_inside ? cursor->number : INT64_MIN);
    query_bind_int(statement, 5, limit);
}

static int take_bytes(unsigned char *to, size_t size, size_t *length, struct slice bytes)
{
    if (bytes.len > size)
        return META_E_CORRUPT;
    if (bytes.len > 0)
        (void)slice_copy(to, bytes);
    *length = bytes.len;
    return 0;
}

static int cursor_take(struct meta_extent_cursor *cursor, struct query *row)
{
    int err = take_bytes(cursor->key, sizeof(cursor->key), &cursor->key_length, query_bytes(row, 1));

    if (err == 0)
        err = take_bytes(cursor->id, sizeof(cursor->id), &cursor->id_length, query_bytes(row, 2));
    cursor->bucket = query_int(row, 0);
    cursor->number = query_int(row, 3);
    cursor->is_inside = true;
    return err;
}

/* 0; > 0: the page is to end; < 0: an error. */
static int page_row(struct extent_page *page, char kind, struct query *row)
{
    const char *bucket = query_text(row, 4);
    int64_t number = query_int(row, 3);
    struct meta_extent_row owner = {
        .kind = kind,
        .bucket = bucket != NULL ? bucket : "",
        .key = query_bytes(row, 5),
        .number = number > 0 && number <= META_PART_NUMBER_MAX ? (uint32_t)number : 0,
    };
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, query_bytes(row, 6)), result = 0;

    page->rows++;
    (void)meta_version_of(query_bytes(row, 7), &owner.version); /* none: the null version */
    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        assert(extent.length > 0);
        int stop = page->visit(page->ctx, &owner, &extent);

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
    struct query walk, *statement = &walk;
    int row, result = reader->calls->walk_begin(reader, table->walk, statement);

    if (result != 0)
        return result;
    cursor_bind(cursor, statement, limit);
    *is_over = false;
    while (result == 0 && (row = query_row(statement)) != 0) {
        result = row < 0 ? row : page_row(page, table->kind, statement);
        if (result >= 0 && (row = cursor_take(cursor, statement)) != 0)
            result = row;
    }
    *is_over = result == 0 && page->rows < limit;
    reader->calls->walk_end(statement);
    return result < 0 ? result : 0;
}

int meta_extent_page(struct meta_reader *reader, struct meta_extent_cursor *cursor, uint32_t rows_max,
                     int (*visit)(void *ctx, const struct meta_extent_row *row,
                                  const struct meta_extent *extent),
                     void *ctx, bool *more)
{
    struct extent_page page = {.visit = visit, .ctx = ctx};
    bool is_over = false;
    int err = reader_begin(reader);

    if (err == 0 && cursor->table < TABLE_COUNT)
        err = page_of_table(&page, reader, cursor, rows_max, &is_over);
    if (is_over) {
        cursor->table++;
        cursor->is_inside = false;
    }
    *more = cursor->table < TABLE_COUNT;
    return err;
}
