/* SPDX-License-Identifier: MIT
 *
 * Rows of `usage`, `usage_walk` and `quota`: what buckets hold, counted. Behind rows/row_store.h, and under the files that store and remove
 * what is counted: they say so with row_count_* after each statement, so whoever changes a row need not think of it. The numbers are
 * kept in memory (rows/usage.h), and their rows written once a batch. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <string.h>

#include "metadata/sqlite/row_usage.h"
#include "metadata/sqlite/chronicle/row_chronicle.h"

static struct usage *usage_of(struct row_store *store)
{
    return &store->meta->usage;
}

/* ---- Loading ---- */

static uint64_t bound_column(sqlite3_stmt *statement, int column)
{
    int64_t bound = sqlite3_column_int64(statement, column);

    return sqlite3_column_type(statement, column) == SQLITE_NULL || bound < 0 ? META_QUOTA_NONE
                                                                              : (uint64_t)bound;
}

/* A column's text, where there is room for it: else it is damaged, and to stays empty. */
static void text_load(char *to, size_t capacity, struct slice text)
{
    if (text.len > 0 && text.len < capacity)
        (void)slice_copy(to, text);
}

static int bucket_load(struct row_store *store, sqlite3_stmt *statement)
{
    struct meta_usage bucket = {.bucket = sqlite3_column_int64(statement, 0),
                                .quota = {bound_column(statement, 3), bound_column(statement, 4)}};

    text_load(bucket.name, sizeof(bucket.name), meta_sql_column(statement, 1));
    text_load(bucket.owner, sizeof(bucket.owner), meta_sql_column(statement, 2));
    return usage_bucket_add(usage_of(store), &bucket);
}

static int count_load(struct row_store *store, sqlite3_stmt *statement)
{
    usage_load(usage_of(store), sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
               sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
               sqlite3_column_int64(statement, 4) != 0);
    return 0;
}

static int turn_load(struct row_store *store, sqlite3_stmt *statement)
{
    usage_of(store)->turn = sqlite3_column_int64(statement, 0);
    return 0;
}

static int stage_load(struct row_store *store, sqlite3_stmt *statement)
{
    return usage_stage_add(usage_of(store), sqlite3_column_int64(statement, 0),
                           sqlite3_column_int64(statement, 1));
}

static int load_each(struct row_store *store, enum meta_sql_id id,
                     int (*load)(struct row_store *store, sqlite3_stmt *statement))
{
    sqlite3_stmt *statement = store->sql.list[id];
    int err = 0, row;

    while (err == 0 && (row = meta_sql_row(statement)) != 0)
        err = row < 0 ? row : load(store, statement);
    meta_sql_reset(statement);
    return err;
}

int row_usage_load(struct row_store *store)
{
    int err;

    if ((err = load_each(store, SQL_USAGE_BUCKETS, bucket_load)) != 0 ||
        (err = load_each(store, SQL_USAGE_ALL, count_load)) != 0 ||
        (err = load_each(store, SQL_USAGE_TURN, turn_load)) != 0 ||
        (err = load_each(store, SQL_PUBLICATION_ALL, stage_load)) != 0 || (err = usage_walk_load(store)) != 0)
        return err;
    usage_batch_tell(usage_of(store));
    return 0;
}

int row_usage_read(struct meta *meta, sqlite3 *db)
{
    struct row_store store = {.meta = meta, .db = db};
    int err = meta_sql_prepare(&store.sql, db);

    if (err != 0)
        return err;
    err = row_usage_load(&store);
    meta_sql_finalize(&store.sql);
    return err;
}

/* ---- A batch ---- */

static int count_put(struct row_store *store, int64_t bucket, int kind, const struct usage_number *number)
{
    sqlite3_stmt *statement = row_statement(store, SQL_USAGE_PUT);

    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, kind);
    meta_sql_int(statement, 3, number->count);
    meta_sql_int(statement, 4, number->bytes);
    return meta_sql_run(statement);
}

/* All numbers that their rows do not have, to where they belong. */
static int late_settle(struct row_store *store)
{
    struct usage *usage = usage_of(store);
    int err = 0;

    for (size_t i = 0; i < usage->late_count + usage->touched_count && err == 0; i++) {
        const struct usage_entry *entry =
            &usage->list[i < usage->late_count ? usage->late[i] : usage->touched[i - usage->late_count]];
        unsigned kinds = entry->is_gone          ? 0
                         : i < usage->late_count ? entry->late
                                                 : entry->dirty & ~entry->late;
        for (int kind = 0; kinds != 0 && err == 0; kind++, kinds >>= 1)
            if ((kinds & 1) != 0)
                err = count_put(store, entry->bucket, kind, &entry->now[kind]);
    }
    usage->is_settled = err == 0;
    return err;
}

/* A number and what comes before it. */
static char *number_write(char *out, char before, int64_t value)
{
    char digits[20];
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t length = 0;

    *out++ = before;
    if (value < 0)
        *out++ = '-';
    do
        digits[length++] = (char)('0' + left % 10);
    while ((left /= 10) != 0);
    while (length > 0)
        *out++ = digits[--length];
    return out;
}

static char *entry_write(char *out, const char *begin, const struct usage_entry *entry, unsigned kinds)
{
    for (int kind = 0; kinds != 0; kind++, kinds >>= 1) {
        if ((kinds & 1) == 0)
            continue;
        *out = ',';
        out += out > begin + 1;
        out = number_write(out, '[', entry->bucket);
        out = number_write(out, ',', kind);
        out = number_write(out, ',', entry->now[kind].count);
        out = number_write(out, ',', entry->now[kind].bytes);
        *out++ = ']';
    }
    return out;
}

/* The list of late numbers, [[bucket, kind, count, bytes], ...]: those that were late, and those of the open batch. */
static size_t late_write(const struct usage *usage, char *text)
{
    char *out = text;

    *out++ = '[';
    for (size_t i = 0; i < usage->late_count + usage->touched_count; i++) {
        bool is_touched = i >= usage->late_count;
        const struct usage_entry *entry =
            &usage->list[is_touched ? usage->touched[i - usage->late_count] : usage->late[i]];
        if (!entry->is_gone)
            out = entry_write(out, text, entry, is_touched ? entry->dirty & ~entry->late : entry->late);
    }
    *out++ = ']';
    return (size_t)(out - text);
}

#define LATE_NUMBER_BYTES_MAX (5u + 4u * 20u)

int row_usage_flush_with(struct row_store *store, sqlite3_stmt *statement, int first)
{
    char text[2 + META_USAGE_LATE_MAX * LATE_NUMBER_BYTES_MAX] = "[]";
    struct usage *usage = usage_of(store);
    size_t length = 2;
    int err;

    if (!usage->is_settled && usage_late_fits(usage))
        length = late_write(usage, text);
    else if ((err = late_settle(store)) != 0)
        return err;
    usage->turn = usage_sum(usage->turn, 1);
    meta_sql_int(statement, first, usage->turn);
    meta_sql_text(statement, first + 1, slice_of(text, length));
    usage->written = usage->log_count;
    int changed = row_run_changes(store, statement);
    if (changed != 0 || statement != store->sql.list[SQL_USAGE_LATE])
        return changed < 0 ? changed : 0;
    statement = row_statement(store, SQL_USAGE_LATE_INSERT); /* damage: the row was not there */
    meta_sql_int(statement, 1, usage->turn);
    meta_sql_text(statement, 2, slice_of(text, length));
    return meta_sql_run(statement);
}

int row_usage_flush(struct row_store *store)
{
    struct usage *usage = usage_of(store);

    if (usage->touched_count == 0 || usage->written == usage->log_count)
        return 0;
    return row_usage_flush_with(store, row_statement(store, SQL_USAGE_LATE), 1);
}

static int run_on_bucket(struct row_store *store, enum meta_sql_id id, int64_t bucket)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, bucket);
    return meta_sql_run(statement);
}

int usage_bucket_insert(struct row_store *store, const struct meta_bucket *bucket)
{
    struct meta_usage usage = {.bucket = bucket->id, .quota = {META_QUOTA_NONE, META_QUOTA_NONE}};

    memcpy(usage.name, bucket->name, sizeof(usage.name));
    memcpy(usage.owner, bucket->owner, sizeof(usage.owner));
    return usage_bucket_add(usage_of(store), &usage);
}

int usage_bucket_delete(struct row_store *store, int64_t bucket)
{
    int err = usage_bucket_remove(usage_of(store), bucket);

    if (err != 0 || (err = run_on_bucket(store, SQL_QUOTA_DELETE, bucket)) != 0)
        return err;
    return run_on_bucket(store, SQL_USAGE_DELETE, bucket);
}

/* ---- Counting ---- */

int usage_set_count(struct row_store *store, int64_t bucket, int64_t set, int64_t sign)
{
    struct annotation_set held;
    int found = sqlite_annotation_set_get(store, set, &held);

    if (found <= 0)
        return found;
    if (sign < 0)
        held.count = usage_negated(held.count), held.bytes = usage_negated(held.bytes);
    return usage_add(usage_of(store), bucket, META_USAGE_ANNOTATIONS, held.count, held.bytes);
}

static int holding_count(struct row_store *store, enum usage_stop table, const struct count_place *place,
                         enum meta_usage_kind kind, int64_t sign, uint64_t size, int64_t set)
{
    int err;

    if (!usage_is_whole(usage_of(store))) {
        if ((err = usage_walk_settle(store)) != 0)
            return err;
        if (!usage_is_counted(usage_of(store), table, place->bucket, place->key, place->id))
            return 0;
    }
    err = usage_add(usage_of(store), place->bucket, kind, sign, sign * usage_bytes(size));
    return err != 0 || set == 0 ? err : usage_set_count(store, place->bucket, set, sign);
}

int row_count_object(struct row_store *store, int64_t bucket, struct slice key, int64_t sign, uint64_t size,
                     int64_t set)
{
    const struct count_place place = {bucket, key, {NULL, 0}};

    if (bucket < 0 && size == PUBLICATION_REMOVES)
        return 0;
    return holding_count(store, USAGE_AT_OBJECTS, &place, META_USAGE_OBJECTS, sign, size, set);
}

int row_count_version(struct row_store *store, int64_t bucket, struct slice key,
                      const struct meta_version_id *id, int64_t sign, bool is_marker, uint64_t size,
                      int64_t set)
{
    const struct count_place place = {bucket, key, meta_version_bytes(id)};

    return holding_count(store, USAGE_AT_VERSIONS, &place,
                         is_marker ? META_USAGE_MARKERS : META_USAGE_VERSIONS, sign, is_marker ? 0 : size,
                         is_marker ? 0 : set);
}

int row_count_restored(struct row_store *store, int64_t bucket, struct slice key, uint64_t *size,
                       int64_t *set)
{
    sqlite3_stmt *statement = row_statement(store, SQL_OBJECT_HOLDS);

    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    *size = (uint64_t)sqlite3_column_int64(statement, 0);
    *set = row_set_column(statement, 1);
    meta_sql_reset(statement);
    return row_count_object(store, bucket, key, 1, *size, *set);
}

sqlite3_stmt *upload_statement(struct row_store *store, enum meta_sql_id id, const struct count_place *upload,
                               int64_t parts, int64_t bytes)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, upload->bucket);
    meta_sql_blob(statement, 2, upload->key);
    meta_sql_blob(statement, 3, upload->id);
    meta_sql_int(statement, 4, parts);
    meta_sql_int(statement, 5, bytes);
    return statement;
}

/* 1: it is counted; 0: not yet. */
static int upload_is_counted(struct row_store *store, const struct count_place *upload)
{
    int err;

    if (usage_is_whole(usage_of(store)))
        return 1;
    if ((err = usage_walk_settle(store)) != 0)
        return err;
    return usage_is_counted(usage_of(store), USAGE_AT_UPLOADS, upload->bucket, upload->key, upload->id);
}

int row_count_part(struct row_store *store, const struct count_place *upload, int64_t parts, int64_t bytes)
{
    int err, counted = upload_is_counted(store, upload);

    if (counted <= 0 || (parts == 0 && bytes == 0))
        return counted < 0 ? counted : 0;
    if ((err = meta_sql_run(upload_statement(store, SQL_UPLOAD_GROW, upload, parts, bytes))) != 0)
        return err;
    return usage_add(usage_of(store), upload->bucket, META_USAGE_PARTS, parts, bytes);
}

int row_count_upload(struct row_store *store, const struct count_place *upload, int64_t sign, int64_t parts,
                     int64_t bytes)
{
    int err, counted = upload_is_counted(store, upload);

    if (counted <= 0)
        return counted;
    err = usage_add(usage_of(store), upload->bucket, META_USAGE_UPLOADS, sign, 0);
    return err != 0
               ? err
               : usage_add(usage_of(store), upload->bucket, META_USAGE_PARTS, sign * parts, sign * bytes);
}

int sqlite_count_annotation(struct row_store *store, int64_t bucket, struct slice key,
                            const struct meta_version_id *place, int64_t count, int64_t bytes)
{
    struct usage *usage = usage_of(store);
    int err = usage_walk_settle(store);

    if (err != 0 ||
        !usage_is_counted(usage, place != NULL ? USAGE_AT_VERSIONS : USAGE_AT_OBJECTS, bucket, key,
                          place != NULL ? meta_version_bytes(place) : (struct slice){NULL, 0}))
        return err;
    return usage_add(usage, bucket, META_USAGE_ANNOTATIONS, count, bytes);
}

/* ---- `quota` ---- */

int sqlite_quota_put(struct row_store *store, int64_t bucket, const struct meta_quota *quota)
{
    sqlite3_stmt *statement = row_statement(store, SQL_QUOTA_PUT);
    int err = usage_quota_put(usage_of(store), bucket, quota);

    if (err != 0)
        return err;
    row_noted_number(store, CHRONICLE_QUOTA, bucket, 0);
    if (quota->bytes_max == META_QUOTA_NONE && quota->objects_max == META_QUOTA_NONE)
        return run_on_bucket(store, SQL_QUOTA_DELETE, bucket);
    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, quota->bytes_max == META_QUOTA_NONE ? -1 : (int64_t)quota->bytes_max);
    meta_sql_int(statement, 3, quota->objects_max == META_QUOTA_NONE ? -1 : (int64_t)quota->objects_max);
    return meta_sql_run(statement);
}
