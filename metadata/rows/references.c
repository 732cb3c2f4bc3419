/* SPDX-License-Identifier: MIT
 *
 * Who still needs a unit. `unit` counts the extents that name it, in all rows of `object`, `version`, `part` and
 * `dropped`; when the count falls to 0 the unit goes to the garbage list within the same transaction, and its row stays
 * until its bytes are gone:
 *
 *   PUT: refs 1 -- copy: +1, drop: -1 --> refs 0 and a row of `garbage` -- META_OP_GARBAGE_DONE --> no row
 *
 * A unit with refs 0 never comes back to life: whoever removes bytes may do so at any time. */
#include "metadata/write/writer.h"

#include <errno.h>
#include <string.h>

static void unit_bind(sqlite3_stmt *statement, uint64_t file, uint64_t unit_offset)
{
    /* Signed in the database; only equality matters. */
    meta_sql_int(statement, 1, (int64_t)file);
    meta_sql_int(statement, 2, (int64_t)unit_offset);
}

/* Runs a statement about one unit; 1 when it changed a row, 0 when there was none to change. */
static int unit_run(struct meta_writer *writer, enum meta_sql_id id, uint64_t file, uint64_t unit_offset)
{
    sqlite3_stmt *statement = writer->sql.list[id];

    unit_bind(statement, file, unit_offset);
    int err = meta_sql_run(statement);
    return err != 0 ? err : sqlite3_changes(writer->db) > 0;
}

/* What SQL_UNIT_ADD wants to know besides. */
static void unit_bind_more(struct meta_writer *writer, sqlite3_stmt *statement,
                           const struct meta_extent *extent)
{
    meta_sql_int(statement, 3, (int64_t)extent->unit_length);
    if (!writer->meta->options.keeps_replaced)
        return; /* NULL: nobody binds them */
    meta_sql_int(statement, 4, (int64_t)extent->unit_crc);
    meta_sql_int(statement, 5, extent->unit_crc_kind);
}

static int references_increase(struct meta_writer *writer, struct meta_bytes extents, enum meta_sql_id id,
                               int if_missing)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, extents);

    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        if (id == SQL_UNIT_ADD)
            unit_bind_more(writer, writer->sql.list[id], &extent);
        more = unit_run(writer, id, extent.file, extent.unit_offset);
        if (more == 0)
            more = if_missing;
    }
    return more;
}

int references_add(struct meta_writer *writer, struct meta_bytes extents)
{
    return references_increase(writer, extents, SQL_UNIT_ADD, META_E_CHANGED);
}

int references_raise(struct meta_writer *writer, struct meta_bytes extents)
{
    return references_increase(writer, extents, SQL_UNIT_RAISE, META_E_CORRUPT);
}

static int garbage_insert(struct meta_writer *writer, const struct meta_extent *extent)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_GARBAGE_INSERT];

    meta_sql_int(statement, 1, ++writer->garbage_row);
    meta_sql_int(statement, 2, (int64_t)extent->file);
    meta_sql_int(statement, 3, (int64_t)extent->unit_offset);
    meta_sql_int(statement, 4, (int64_t)extent->unit_length);
    return meta_sql_run(statement);
}

static int unit_drop(struct meta_writer *writer, const struct meta_extent *extent)
{
    int changed = unit_run(writer, SQL_UNIT_DROP_LAST, extent->file, extent->unit_offset);

    if (changed > 0)
        return garbage_insert(writer, extent);
    if (changed == 0)
        changed = unit_run(writer, SQL_UNIT_DROP, extent->file, extent->unit_offset);
    if (changed == 0)
        meta_log(writer->meta, META_LOG_ERROR, "unit %llu of blob %llu was named but not counted",
                 (unsigned long long)extent->unit_offset, (unsigned long long)extent->file);
    return changed < 0 ? changed : 0;
}

static void references_note_damage(struct meta_writer *writer, int more)
{
    if (more != 0)
        meta_log(writer->meta, META_LOG_ERROR, "a damaged extent list was dropped; its bytes stay");
}

int references_drop_now(struct meta_writer *writer, struct meta_bytes extents)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, extents);
    int err;

    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        writer->clear_left -= writer->clear_left > 0;
        if ((err = unit_drop(writer, &extent)) != 0)
            return err;
    }
    references_note_damage(writer, more);
    return 0;
}

/* Leaves the list to the sweep, cut into pieces that it can take one at a time. Items stand on their own, so their bytes are
 * copied as they are. */
static int references_defer(struct meta_writer *writer, struct codec_list list)
{
    sqlite3_stmt *insert = writer->sql.list[SQL_DROPPED_INSERT];
    size_t bound = CODEC_LIST_HEAD_BYTES_MAX + (size_t)(list.end - list.at);
    unsigned char *piece = arena_alloc(&writer->arena, bound);
    struct meta_extent extent;
    int err, more = 1;

    while (piece != NULL && more > 0) {
        const unsigned char *from = list.at, *to = from;
        uint32_t count = 0;
        while (count < writer_clear_max(writer) && (more = codec_extents_next(&list, &extent)) > 0) {
            to = list.at;
            count++;
        }
        if (count == 0)
            break;
        size_t length = codec_list_head(piece, count);
        memcpy(piece + length, from, (size_t)(to - from));
        meta_sql_blob(insert, 1, (struct meta_bytes){piece, length + (size_t)(to - from)});
        if ((err = meta_sql_run(insert)) != 0)
            return err;
    }
    references_note_damage(writer, more);
    return piece != NULL ? 0 : -ENOMEM;
}

int references_drop(struct meta_writer *writer, struct meta_bytes extents)
{
    struct codec_list list;

    if (codec_extents_begin(&list, extents) == 0 && list.count > 1 && list.count > writer->clear_left)
        return references_defer(writer, list);
    return references_drop_now(writer, extents);
}

static int garbage_forget(struct meta_writer *writer, int64_t row)
{
    sqlite3_stmt *get = writer->sql.list[SQL_GARBAGE_GET];
    sqlite3_stmt *delete = writer->sql.list[SQL_GARBAGE_DELETE];

    meta_sql_int(get, 1, row);
    int found = meta_sql_row(get);
    if (found <= 0)
        return found; /* told twice: nothing left to forget */
    uint64_t file = (uint64_t)sqlite3_column_int64(get, 0);
    uint64_t unit_offset = (uint64_t)sqlite3_column_int64(get, 1);
    meta_sql_reset(get);

    int changed = unit_run(writer, SQL_UNIT_FORGET, file, unit_offset);
    if (changed < 0)
        return changed;
    meta_sql_int(delete, 1, row);
    return meta_sql_run(delete);
}

int op_garbage_done(struct meta_writer *writer, struct meta_garbage_done *op)
{
    int err = 0;

    for (uint32_t i = 0; i < op->count && err == 0; i++)
        err = garbage_forget(writer, op->rows[i]);
    return err;
}
