/* SPDX-License-Identifier: MIT
 *
 * Clearing away in slices: the rows of the parts of an upload that is no more, and the references of long lists of extents. A
 * change does as much of that as its transaction has room for; the rest goes on a list within the same transaction, and
 * META_OP_SWEEP works it off, so that nobody waits for ten thousand rows:
 *
 *   finished  an upload whose parts are still there, and which of them an object was made of
 *   dropped   extents whose row is gone and whose units still count them
 *
 * Either is invisible to clients from the first change on. What a crash leaves is on the list. Committer's thread. */
#include "metadata/write/writer.h"

#include "metadata/rows/kept_parts.h"

/* ---- Parts ---- */

/* Removes parts of the upload, lowest first, as far as the transaction has room: 1 when some are left, 0 when none, or an error. */
static int parts_clear(struct meta_writer *writer, struct meta_bytes upload_id, struct meta_bytes kept)
{
    sqlite3_stmt *list = writer->sql.list[SQL_PART_CLEARED], *delete = writer->sql.list[SQL_PARTS_DELETE];
    int64_t last = 0;
    int row, err = 0;

    meta_sql_blob(list, 1, upload_id);
    while ((row = meta_sql_row(list)) > 0 && err == 0 && writer->clear_left > 0) {
        last = sqlite3_column_int64(list, 0);
        writer->clear_left--;
        /* Dropping references touches other tables only, so the column stays where it is. */
        if (!kept_parts_have(kept, last))
            err = references_drop(writer, meta_sql_column(list, 1));
    }
    if (row > 0)
        meta_sql_reset(list);
    if (row < 0 || err != 0)
        return row < 0 ? row : err;
    if (last > 0) {
        meta_sql_blob(delete, 1, upload_id);
        meta_sql_int(delete, 2, last);
        err = meta_sql_run(delete);
    }
    return err != 0 ? err : row > 0;
}

int parts_finish(struct meta_writer *writer, const unsigned char *upload_id, struct meta_bytes kept)
{
    sqlite3_stmt *insert = writer->sql.list[SQL_FINISHED_INSERT];
    struct meta_bytes id = {upload_id, META_UPLOAD_ID_BYTES};
    int more = parts_clear(writer, id, kept);

    if (more <= 0)
        return more;
    meta_sql_blob(insert, 1, id);
    meta_sql_blob_or_null(insert, 2, kept);
    return meta_sql_run(insert);
}

int upload_is_finished(struct meta_writer *writer, const unsigned char *upload_id)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_FINISHED_EXISTS];

    meta_sql_blob(statement, 1, (struct meta_bytes){upload_id, META_UPLOAD_ID_BYTES});
    int found = meta_sql_row(statement);
    if (found > 0)
        meta_sql_reset(statement);
    return found;
}

/* ---- The sweep ---- */

/* The oldest list of dropped extents: 1 when there was one, 0, or an error. */
static int sweep_dropped(struct meta_writer *writer)
{
    sqlite3_stmt *first = writer->sql.list[SQL_DROPPED_FIRST], *delete = writer->sql.list[SQL_DROPPED_DELETE];
    int err, found = meta_sql_row(first);

    if (found <= 0)
        return found;
    int64_t row = sqlite3_column_int64(first, 0);
    struct meta_bytes extents = meta_sql_column(first, 1);
    err = arena_copy(&writer->arena, &extents);
    meta_sql_reset(first);
    if (err != 0 || (err = references_drop_now(writer, extents)) != 0)
        return err;
    meta_sql_int(delete, 1, row);
    err = meta_sql_run(delete);
    return err != 0 ? err : 1;
}

/* The same for the parts of the oldest upload. */
static int sweep_finished(struct meta_writer *writer)
{
    sqlite3_stmt *first = writer->sql.list[SQL_FINISHED_FIRST],
                 *delete = writer->sql.list[SQL_FINISHED_DELETE];
    int err, found = meta_sql_row(first);

    if (found <= 0)
        return found;
    struct meta_bytes id = meta_sql_column(first, 0), kept = meta_sql_column(first, 1);
    if ((err = arena_copy(&writer->arena, &id)) == 0)
        err = arena_copy(&writer->arena, &kept);
    meta_sql_reset(first);
    if (err != 0)
        return err;
    int more = parts_clear(writer, id, kept);
    if (more != 0)
        return more;
    meta_sql_blob(delete, 1, id);
    err = meta_sql_run(delete);
    return err != 0 ? err : 1;
}

int op_sweep(struct meta_writer *writer, struct meta_sweep *op)
{
    uint32_t others = writer->clear_left; /* a share of its own: it must get on however busy the others are */
    int found = 1;

    writer->clear_left = writer_clear_max(writer);
    while (found > 0 && writer->clear_left > 0)
        if ((found = sweep_dropped(writer)) == 0)
            found = sweep_finished(writer);
    writer->clear_left = others;
    op->more = found > 0;
    return found < 0 ? found : 0;
}
