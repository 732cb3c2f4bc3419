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

/* ---- The mark ---- */

int meta_mark_get(struct meta_reader *reader, struct meta_mark *mark)
{
    struct query *statement = reader_query(reader, READ_MARK_GET);
    int found = query_row(statement);

    *mark = (struct meta_mark){0};
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct slice open = query_bytes(statement, 1);
    mark->file = (uint64_t)query_int(statement, 0);
    if (open.len % sizeof(mark->open[0]) != 0 || open.len > sizeof(mark->open))
        found = META_E_CORRUPT;
    else
        mark->open_count = (uint32_t)(open.len / sizeof(mark->open[0]));
    assert(mark->open_count <= META_MARK_OPEN_MAX);
    if (mark->open_count > 0)
        (void)slice_copy(mark->open, open);
    for (uint32_t i = 0; i < mark->open_count; i++)
        mark->open[i] = le64toh(mark->open[i]);
    query_reset(statement);
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
    struct query *statement = reader_query(reader, READ_UNITS_FROM);
    int row, stop;

    assert(visit != NULL);
    query_bind_int(statement, 1, (int64_t)first);
    query_bind_int(statement, 2, (int64_t)last);
    while ((row = query_row(statement)) > 0) {
        bool is_known = !query_is_null(statement, 3);
        const struct meta_extent extent = {
            .file = (uint64_t)query_int(statement, 0),
            .unit_offset = (uint64_t)query_int(statement, 1),
            .unit_length = (uint64_t)query_int(statement, 2),
            .unit_crc = (uint64_t)query_int(statement, 3),
            .unit_crc_kind = (enum meta_unit_crc)query_int(statement, 4),
        };
        if ((stop = visit(ctx, &extent, is_known)) != 0) {
            query_reset(statement);
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

static int last_row(struct meta_reader *reader, enum read_id id, int64_t *last)
{
    struct query *statement = reader_query(reader, id);
    int found = query_row(statement);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *last = query_int(statement, 0);
    query_reset(statement);
    return 0;
}

int meta_garbage_last(struct meta_reader *reader, int64_t *row)
{
    return last_row(reader, READ_GARBAGE_LAST, row);
}

int meta_point_take(struct meta_reader *reader, struct meta_point *point)
{
    int err;

    assert(point != NULL);
    if ((err = last_row(reader, READ_REPLACED_LAST, &point->replaced)) != 0 ||
        (err = last_row(reader, READ_GARBAGE_LAST, &point->garbage)) != 0)
        return err;
    if (point->replaced > atomic_load(&reader->meta->replaced_floor))
        atomic_store(&reader->meta->replaced_floor, point->replaced);
    return 0;
}

/* ---- Rows with bytes ---- */

static const enum read_walk walks[META_ROW_KIND_COUNT] = {
    [META_ROW_REPLACED] = READ_WALK_BYTES_REPLACED,     [META_ROW_VERSION] = READ_WALK_BYTES_VERSION,
    [META_ROW_OBJECT] = READ_WALK_BYTES_OBJECT,         [META_ROW_PART] = READ_WALK_BYTES_PART,
    [META_ROW_ANNOTATION] = READ_WALK_BYTES_ANNOTATION,
};

static void walk_bind(struct query *statement, enum meta_row_kind kind, const struct meta_row_name *after)
{
    assert(kind < META_ROW_KIND_COUNT && after->key_length <= META_KEY_BYTES_MAX);
    switch (kind) {
    case META_ROW_REPLACED:
        query_bind_int(statement, 1, after->row);
        break;
    case META_ROW_VERSION:
        query_bind(statement, 3, meta_version_bytes(&after->version));
        /* fall through */
    case META_ROW_OBJECT: /* no bucket is 0, but what publications prepare lies below that */
        query_bind_int(statement, 1, after->bucket != 0 ? after->bucket : INT64_MIN);
        query_bind(statement, 2, slice_of(after->key, after->key_length));
        break;
    case META_ROW_ANNOTATION:
        query_bind_int(statement, 1, after->row);
        query_bind(statement, 2, slice_of(after->key, after->key_length));
        break;
    default:
        query_bind(statement, 1, slice_of(after->upload_id, sizeof(after->upload_id)));
        query_bind_int(statement, 2, after->number);
    }
}

static int copy_exactly(void *to, size_t length, struct slice from)
{
    if (from.len != length)
        return META_E_CORRUPT;
    memcpy(to, from.base, length);
    return 0;
}

static int walk_name(struct query *statement, enum meta_row_kind kind, struct meta_row_name *name)
{
    struct slice key;

    name->key_length = 0;
    if (kind == META_ROW_REPLACED) {
        name->row = query_int(statement, 1);
        return 0;
    }
    if (kind == META_ROW_PART) {
        name->number = (uint32_t)query_int(statement, 2);
        return copy_exactly(name->upload_id, sizeof(name->upload_id), query_bytes(statement, 1));
    }
    if (kind == META_ROW_ANNOTATION)
        name->row = query_int(statement, 1);
    else
        name->bucket = query_int(statement, 1);
    key = query_bytes(statement, 2);
    if (key.len > sizeof(name->key))
        return META_E_CORRUPT;
    name->key_length = (uint32_t)key.len;
    if (key.len > 0)
        (void)slice_copy(name->key, key);
    if (kind != META_ROW_VERSION)
        return 0;
    return meta_version_of(query_bytes(statement, 3), &name->version) ? 0 : META_E_CORRUPT;
}

struct row_walk {
    enum meta_row_kind kind;
    int (*visit)(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent);
    void *ctx;
    struct meta_row_name name;
};

static int walk_row(struct row_walk *walk, struct query *statement)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, query_bytes(statement, 0));
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
    struct query query, *statement = &query;
    int err = reader->calls->walk_begin(reader, walks[kind], statement);
    int row, answer = META_ROW_GO_ON;

    if (err != 0)
        return err;
    walk_bind(statement, kind, after != NULL ? after : &none);
    while (answer == META_ROW_GO_ON && (row = query_row(statement)) != 0)
        answer = row < 0 ? row : walk_row(&walk, statement);
    reader->calls->walk_end(statement);
    return answer == META_ROW_STOP ? 0 : answer;
}
