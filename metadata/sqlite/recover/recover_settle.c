/* SPDX-License-Identifier: MIT
 *
 * The end of a recovery: rows that go with nothing are removed, and so is what has no bytes any more; who refers to which unit is counted,
 * and what buckets hold is left to be counted by whoever opens the store. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/sqlite/recover/recover.h"

/* Objects whose bucket has no row, and was not deleted, get one. What is prepared for a publication that is not there is nobody's. */
static const char tidy[] =
    "DELETE FROM object WHERE bucket < 0 AND -bucket NOT IN (SELECT id FROM publication);"
    "DELETE FROM publication WHERE bucket NOT IN (SELECT id FROM bucket);"
    "INSERT INTO bucket(id, name, created_ms, region, owner, versioning)"
    " SELECT b, 'recovered-' || b, 0, '', '', CASE WHEN EXISTS(SELECT 1 FROM version WHERE bucket = b) THEN "
    "1 ELSE 0 END"
    " FROM (SELECT DISTINCT bucket AS b FROM object WHERE bucket > 0 UNION SELECT DISTINCT bucket FROM "
    "version)"
    " WHERE b NOT IN (SELECT id FROM bucket);"
    "DELETE FROM setting WHERE bucket NOT IN (SELECT id FROM bucket);"
    "DELETE FROM tally WHERE bucket NOT IN (SELECT id FROM bucket);"
    "DELETE FROM quota WHERE bucket NOT IN (SELECT id FROM bucket);"
    "DELETE FROM upload WHERE bucket NOT IN (SELECT id FROM bucket);"
    "DELETE FROM part WHERE upload_id NOT IN (SELECT id FROM upload);"
    "UPDATE tally SET state = 1 WHERE state = 2;";

/* A key has a current object, or a delete marker, or no versions. */
static const char promote[] =
    "CREATE TEMP TABLE orphan AS SELECT bucket, key, min(id) AS id FROM version AS v"
    " WHERE NOT EXISTS(SELECT 1 FROM object AS o WHERE o.bucket = v.bucket AND o.key = v.key)"
    " GROUP BY bucket, key;"
    "INSERT INTO object(bucket, key, " META_SQL_OBJECT_COLUMNS ", version)"
    " SELECT v.bucket, v.key, size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, "
    "parts,"
    "  annotations, iif(is_null, NULL, v.id)"
    " FROM version AS v JOIN orphan AS o ON v.bucket = o.bucket AND v.key = o.key AND v.id = o.id WHERE NOT "
    "is_marker;"
    "DELETE FROM version WHERE NOT is_marker AND (bucket, key, id) IN (SELECT bucket, key, id FROM orphan);"
    "UPDATE version SET noncurrent_ms = NULL WHERE is_marker AND (bucket, key, id) IN"
    " (SELECT bucket, key, id FROM orphan);"
    "UPDATE version SET noncurrent_ms = modified_ms WHERE noncurrent_ms IS NULL AND"
    " (NOT is_marker OR (bucket, key, id) NOT IN (SELECT bucket, key, id FROM orphan));"
    "DROP TABLE orphan;";

/* Counts that follow from the rows. */
static const char counts[] =
    "CREATE TEMP TABLE named AS SELECT annotations AS id, count(*) AS refs FROM"
    " (SELECT annotations FROM object UNION ALL SELECT annotations FROM version)"
    " WHERE annotations > 0 GROUP BY annotations;"
    "DELETE FROM annotation WHERE set_id NOT IN (SELECT id FROM named);"
    "INSERT INTO annotation_set(id, refs, count, bytes) SELECT n.id, n.refs,"
    " (SELECT count(*) FROM annotation WHERE set_id = n.id),"
    " (SELECT ifnull(sum(max(size, 0)), 0) FROM annotation WHERE set_id = n.id) FROM named AS n;"
    "DROP TABLE named;"
    "UPDATE upload SET parts = (SELECT count(*) FROM part WHERE upload_id = upload.id),"
    " bytes = (SELECT ifnull(sum(max(size, 0)), 0) FROM part WHERE upload_id = upload.id);"
    "DELETE FROM usage_walk;"
    "INSERT INTO usage_walk SELECT EXISTS(SELECT 1 FROM object) OR EXISTS(SELECT 1 FROM version)"
    "  OR EXISTS(SELECT 1 FROM upload), -9223372036854775808, x'', x'';";

/* ---- Bytes ---- */

/* The tables whose rows have extents: what they are called for people, the extents, the bucket's name, the key for people, the key of the row
 * as three values. */
static const struct {
    const char *kind, *select, *remove;
} holders[] = {
    {"object",
     "SELECT extents, (SELECT name FROM bucket WHERE id = bucket), key, bucket, key, NULL FROM object",
     "DELETE FROM object WHERE bucket = ?1 AND key = ?2 AND ?3 IS NULL"},
    {"version",
     "SELECT extents, (SELECT name FROM bucket WHERE id = bucket), key, bucket, key, id FROM version",
     "DELETE FROM version WHERE bucket = ?1 AND key = ?2 AND id = ?3"},
    {"part",
     "SELECT extents, (SELECT name FROM bucket WHERE id = u.bucket), u.key, upload_id, number, NULL"
     " FROM part JOIN (SELECT id, bucket, key FROM upload) AS u ON u.id = upload_id",
     "DELETE FROM part WHERE upload_id = ?1 AND number = ?2 AND ?3 IS NULL"},
    {"annotation", "SELECT extents, '', name, set_id, name, NULL FROM annotation",
     "DELETE FROM annotation WHERE set_id = ?1 AND name = ?2 AND ?3 IS NULL"},
};

struct bytes {
    struct recovery *recovery;
    sqlite3_stmt *select, *remove, *unit, *lost_put;
    size_t holder;
};

/* 1: all bytes of the list are there; 0: not, *file says where; or an error. */
static int list_look(struct bytes *bytes, struct slice list_bytes, uint64_t *file)
{
    const struct meta_recover_options *options = bytes->recovery->options;
    struct meta_extent extent;
    struct codec_list list;
    int found, has;

    *file = 0;
    if (codec_extents_begin(&list, list_bytes) != 0)
        return 0;
    while ((found = codec_extents_next(&list, &extent)) > 0) {
        *file = extent.file;
        if ((has = options->has_unit(options->ctx, &extent)) <= 0)
            return has;
    }
    return found == 0;
}

static int list_count(struct bytes *bytes, struct slice list_bytes)
{
    struct meta_extent extent;
    struct codec_list list;
    int err = codec_extents_begin(&list, list_bytes);

    while (err == 0 && codec_extents_next(&list, &extent) > 0) {
        meta_sql_int(bytes->unit, 1, (int64_t)extent.file);
        meta_sql_int(bytes->unit, 2, (int64_t)extent.unit_offset);
        meta_sql_int(bytes->unit, 3, (int64_t)extent.unit_length);
        err = meta_sql_run(bytes->unit);
    }
    return err;
}

/* Removed when the walk is over. */
static int row_lose(struct bytes *bytes, uint64_t file)
{
    const struct meta_recover_options *options = bytes->recovery->options;
    struct chronicle_value values[6];
    struct meta_recover_loss loss = {.kind = holders[bytes->holder].kind, .file = file};

    chronicle_values_read(bytes->select, 6, values);
    loss.bucket = values[1].bytes;
    loss.key = values[2].bytes;
    bytes->recovery->report->lost++;
    if (options->lost != NULL)
        options->lost(options->ctx, &loss);
    chronicle_values_bind(bytes->lost_put, 1, values + 3, 3);
    return meta_sql_run(bytes->lost_put);
}

static int holder_walk(struct bytes *bytes)
{
    int row, err = 0;

    while (err == 0 && (row = meta_sql_row(bytes->select)) != 0) {
        if (row < 0)
            return row;
        struct slice extents = meta_sql_column(bytes->select, 0);
        uint64_t file;
        int is_there = list_look(bytes, extents, &file);

        err = is_there < 0 ? is_there : is_there > 0 ? list_count(bytes, extents) : row_lose(bytes, file);
    }
    meta_sql_reset(bytes->select);
    return err;
}

static int lost_remove(struct bytes *bytes)
{
    sqlite3_stmt *list;
    struct chronicle_value values[3];
    sqlite3 *db = bytes->recovery->db;
    int row, err = meta_sql_error(sqlite3_prepare_v2(db, "SELECT a, b, c FROM lost", -1, &list, NULL));

    while (err == 0 && (row = meta_sql_row(list)) != 0) {
        if (row > 0)
            chronicle_values_read(list, 3, values);
        chronicle_values_bind(bytes->remove, 1, values, 3);
        err = row < 0 ? row : meta_sql_run(bytes->remove);
    }
    (void)sqlite3_finalize(list); /* repeats the error of the last step */
    return err != 0 ? err : db_exec(db, "DELETE FROM lost");
}

static int holder_settle(struct bytes *bytes)
{
    sqlite3 *db = bytes->recovery->db;
    int err = meta_sql_error(sqlite3_prepare_v2(db, holders[bytes->holder].select, -1, &bytes->select, NULL));

    if (err == 0)
        err = meta_sql_error(sqlite3_prepare_v2(db, holders[bytes->holder].remove, -1, &bytes->remove, NULL));
    if (err == 0 && (err = holder_walk(bytes)) == 0)
        err = lost_remove(bytes);
    /* Both repeat the error of the last step. */
    (void)sqlite3_finalize(bytes->select);
    (void)sqlite3_finalize(bytes->remove);
    bytes->select = bytes->remove = NULL;
    return err;
}

static int bytes_settle(struct recovery *recovery)
{
    struct bytes bytes = {.recovery = recovery};
    int err = db_exec(recovery->db, "CREATE TEMP TABLE lost(a, b, c)");

    if (err == 0)
        err = meta_sql_error(
            sqlite3_prepare_v2(recovery->db,
                               "INSERT INTO unit(file, unit_offset, refs, length) VALUES(?1, ?2, 1, ?3)"
                               " ON CONFLICT DO UPDATE SET refs = refs + 1, length = max(length, ?3)",
                               -1, &bytes.unit, NULL));
    if (err == 0)
        err = meta_sql_error(sqlite3_prepare_v2(recovery->db, "INSERT INTO lost VALUES(?1, ?2, ?3)", -1,
                                                &bytes.lost_put, NULL));
    for (bytes.holder = 0; bytes.holder < sizeof(holders) / sizeof(holders[0]) && err == 0; bytes.holder++)
        err = holder_settle(&bytes);
    /* Both repeat the error of the last step. */
    (void)sqlite3_finalize(bytes.unit);
    (void)sqlite3_finalize(bytes.lost_put);
    return err;
}

/* ---- All of it ---- */

static int identity_put(struct recovery *recovery)
{
    const struct meta_identity *identity = &recovery->report->identity;
    sqlite3_stmt *statement;
    int err = meta_sql_error(
        sqlite3_prepare_v2(recovery->db, "UPDATE store SET id = ?1, epoch = ?2", -1, &statement, NULL));

    if (err != 0)
        return err;
    meta_sql_blob(statement, 1, slice_of(identity->store, sizeof(identity->store)));
    meta_sql_int(statement, 2, (int64_t)identity->epoch);
    err = meta_sql_run(statement);
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    return err;
}

static int count(struct recovery *recovery, const char *text, uint64_t *number)
{
    int64_t found = 0;
    int err = db_query_int(recovery->db, text, &found);

    *number = (uint64_t)found;
    return err;
}

static int report_fill(struct recovery *recovery)
{
    struct meta_recover_report *report = recovery->report;
    const struct {
        const char *text;
        uint64_t *number;
    } all[] = {
        {"SELECT count(*) FROM bucket", &report->buckets},
        {"SELECT count(*) FROM bucket WHERE name = 'recovered-' || id", &report->nameless_buckets},
        {"SELECT count(*) FROM object WHERE bucket > 0", &report->objects},
        {"SELECT count(*) FROM version WHERE NOT is_marker", &report->versions},
        {"SELECT count(*) FROM version WHERE is_marker", &report->markers},
        {"SELECT count(*) FROM upload", &report->uploads},
        {"SELECT count(*) FROM part", &report->parts},
        {"SELECT count(*) FROM annotation", &report->annotations},
    };
    int err = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && err == 0; i++)
        err = count(recovery, all[i].text, all[i].number);
    return err;
}

int recover_settle(struct recovery *recovery)
{
    int err;

    if ((err = db_exec(recovery->db, tidy)) != 0 || (err = bytes_settle(recovery)) != 0 ||
        (err = db_exec(recovery->db, promote)) != 0 || (err = db_exec(recovery->db, counts)) != 0 ||
        (err = report_fill(recovery)) != 0)
        return err;
    return recovery->report->has_store ? identity_put(recovery) : 0;
}
