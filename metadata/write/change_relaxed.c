/* SPDX-License-Identifier: MIT
 *
 * The changes of a relaxed store that no client asks for: keeping what is replaced until the bytes that replaced it are on the disk, moving
 * the mark, and dropping rows whose bytes did not come through a power failure. See meta_relaxed.h. Committer's thread. */
#include "metadata/write/writer.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "metadata/meta_relaxed.h"

/* ---- Keeping ---- */

/* The newest kept row of the key: 1, 0 when there is none, or an error. */
static int replaced_newest(struct meta_writer *writer, int64_t bucket, struct meta_bytes key, int64_t *row,
                           bool *is_null_version)
{
    sqlite3_stmt *newest = writer->sql.list[SQL_REPLACED_NEWEST];

    meta_sql_int(newest, 1, bucket);
    meta_sql_blob(newest, 2, key);
    int found = meta_sql_row(newest);
    if (found <= 0)
        return found;
    *row = sqlite3_column_int64(newest, 0);
    *is_null_version = sqlite3_column_type(newest, 1) == SQLITE_NULL;
    meta_sql_reset(newest);
    return 1;
}

int replaced_keep(struct meta_writer *writer, int64_t bucket, struct meta_bytes key)
{
    sqlite3_stmt *keep = writer->sql.list[SQL_REPLACED_KEEP];
    bool is_null_version;
    int64_t row;

    if (!writer->meta->options.keeps_replaced)
        return 0;
    int found = replaced_newest(writer, bucket, key, &row, &is_null_version);
    if (found < 0 || (found > 0 && row > atomic_load(&writer->meta->replaced_floor)))
        return found < 0 ? found : 0;
    meta_sql_int(keep, 1, bucket);
    meta_sql_blob(keep, 2, key);
    meta_sql_int(keep, 3, ++writer->replaced_row);
    int err = meta_sql_run(keep);
    return err != 0 ? err : sqlite3_changes(writer->db) > 0;
}

static int replaced_delete(struct meta_writer *writer, int64_t row)
{
    meta_sql_int(writer->sql.list[SQL_REPLACED_DELETE], 1, row);
    return meta_sql_run(writer->sql.list[SQL_REPLACED_DELETE]);
}

/* Gives up the first kept row from *row on, which becomes that one: 1, 0 when there is none up to `last`, or an error. */
static int replaced_drop(struct meta_writer *writer, int64_t *row, int64_t last)
{
    sqlite3_stmt *first = writer->sql.list[SQL_REPLACED_FIRST];

    meta_sql_int(first, 1, *row);
    int found = meta_sql_row(first);
    if (found <= 0)
        return found;
    *row = sqlite3_column_int64(first, 0);
    if (*row > last) {
        meta_sql_reset(first);
        return 0;
    }
    struct meta_bytes extents = meta_sql_column(first, 1);
    int err = arena_copy(&writer->arena, &extents);
    meta_sql_reset(first);
    if (err == 0 && (err = replaced_delete(writer, *row)) == 0)
        err = references_drop(writer, extents);
    return err != 0 ? err : 1;
}

/* ---- The mark ---- */

int op_mark_set(struct meta_writer *writer, struct meta_mark_set *op)
{
    sqlite3_stmt *set = writer->sql.list[SQL_MARK_SET];
    uint32_t others = writer->clear_left; /* a share of its own, as the sweep has */
    uint64_t open[META_MARK_OPEN_MAX];
    int64_t last = op->replaced < writer->replaced_row ? op->replaced : writer->replaced_row, row = 0;
    int found = 1;

    if (op->mark.open_count > META_MARK_OPEN_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < op->mark.open_count; i++)
        open[i] = htole64(op->mark.open[i]);
    meta_sql_int(set, 1, (int64_t)op->mark.file);
    meta_sql_blob(set, 2, (struct meta_bytes){open, op->mark.open_count * sizeof(open[0])});
    meta_sql_int(set, 3, last);
    int err = meta_sql_run(set);
    if (err != 0)
        return err;
    writer->clear_left = writer_clear_max(writer);
    while (found > 0 && writer->clear_left > 0) {
        writer->clear_left--; /* a row may have no extents */
        found = replaced_drop(writer, &row, last);
    }
    writer->clear_left = others;
    op->more = found > 0;
    return found < 0 ? found : 0;
}

/* ---- Rows without bytes ---- */

static int lost_version(struct meta_writer *writer, const struct meta_row_name *name, struct meta_bytes key)
{
    sqlite3_stmt *get = writer->sql.list[SQL_VERSION_GET], *delete = writer->sql.list[SQL_VERSION_DELETE];
    const struct meta_bytes id = {name->version.bytes, sizeof(name->version.bytes)};
    struct object_row row;

    meta_sql_int(get, 1, name->bucket);
    meta_sql_blob(get, 2, key);
    meta_sql_blob(get, 3, id);
    int found = meta_sql_row(get);
    if (found <= 0)
        return found;
    int err = object_row_read(writer, get, &row);
    meta_sql_reset(get);
    if (err != 0)
        return err;
    meta_sql_int(delete, 1, name->bucket);
    meta_sql_blob(delete, 2, key);
    meta_sql_blob(delete, 3, id);
    err = meta_sql_run(delete);
    return err != 0 ? err : references_drop(writer, row.extents);
}

/* Up to which row what was replaced is given up: it may still be there, but what came after it is on the disk, be it a deletion. */
static int replaced_given_up(struct meta_writer *writer, int64_t *row)
{
    sqlite3_stmt *get = writer->sql.list[SQL_MARK_GET];
    int found = meta_sql_row(get);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *row = sqlite3_column_int64(get, 2);
    meta_sql_reset(get);
    return 0;
}

/* What the key has instead of an object that is lost: 1 when that is an older object, 0, or an error. What was kept takes the place of what
 * was overwritten, which among versions can only be the null version. */
static int lost_replace(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                        const struct object_row *lost)
{
    bool has_versions = writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER;
    bool is_null_version;
    int64_t row, given_up;
    int err, found = meta_version_is_null(&lost->version)
                         ? replaced_newest(writer, bucket, key, &row, &is_null_version)
                         : 0;

    if (found < 0 || (err = replaced_given_up(writer, &given_up)) != 0)
        return found < 0 ? found : err;
    if (found == 0 || !is_null_version || row <= given_up)
        return has_versions ? version_promote(writer, bucket, key) : 0;
    meta_sql_int(writer->sql.list[SQL_REPLACED_RESTORE], 1, row);
    err = meta_sql_run(writer->sql.list[SQL_REPLACED_RESTORE]);
    if (err == 0)
        err = replaced_delete(writer, row);
    return err != 0 ? err : 1;
}

static int lost_object(struct meta_writer *writer, const struct meta_row_name *name, struct meta_bytes key,
                       uint32_t *restored)
{
    sqlite3_stmt *delete = writer->sql.list[SQL_OBJECT_DELETE];
    struct object_row row;
    int err = object_row_load(writer, name->bucket, key, &row);

    if (err != 0)
        return err == META_E_NO_KEY ? 0 : err;
    meta_sql_int(delete, 1, name->bucket);
    meta_sql_blob(delete, 2, key);
    if ((err = meta_sql_run(delete)) != 0)
        return err;
    int replaced = lost_replace(writer, name->bucket, key, &row);
    if (replaced < 0)
        return replaced;
    *restored += (uint32_t)replaced;
    return references_drop(writer, row.extents);
}

static int lost_part(struct meta_writer *writer, const struct meta_row_name *name)
{
    sqlite3_stmt *get = writer->sql.list[SQL_PART_EXTENTS], *delete = writer->sql.list[SQL_PART_DELETE];
    const struct meta_bytes id = {name->upload_id, sizeof(name->upload_id)};
    int found = upload_is_finished(writer, name->upload_id);

    if (found != 0)
        return found < 0 ? found : 0; /* the sweep knows whose its references are */
    meta_sql_blob(get, 1, id);
    meta_sql_int(get, 2, name->number);
    if ((found = meta_sql_row(get)) <= 0)
        return found;
    struct meta_bytes extents = meta_sql_column(get, 0);
    int err = arena_copy(&writer->arena, &extents);
    meta_sql_reset(get);
    if (err != 0)
        return err;
    meta_sql_blob(delete, 1, id);
    meta_sql_int(delete, 2, name->number);
    err = meta_sql_run(delete);
    return err != 0 ? err : references_drop(writer, extents);
}

static int lost_replaced(struct meta_writer *writer, const struct meta_row_name *name)
{
    int64_t row = name->row;
    int found = replaced_drop(writer, &row, row);

    return found < 0 ? found : 0;
}

int op_lost(struct meta_writer *writer, struct meta_lost *op)
{
    int err = 0;

    if (op->count > META_LOST_ROWS_MAX)
        return -EINVAL;
    op->restored = 0;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        const struct meta_row_name *name = &op->rows[i];
        const struct meta_bytes key = {name->key, name->key_length};

        if (op->kind == META_ROW_REPLACED)
            err = lost_replaced(writer, name);
        else if (op->kind == META_ROW_VERSION)
            err = lost_version(writer, name, key);
        else if (op->kind == META_ROW_OBJECT)
            err = lost_object(writer, name, key, &op->restored);
        else
            err = lost_part(writer, name);
        arena_reset(&writer->arena);
    }
    return err;
}
