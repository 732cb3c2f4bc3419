/* SPDX-License-Identifier: MIT
 *
 * Rows of `tally` and `used`: what cache buckets hold, and when each of their objects was used last. Behind rows/row_store.h, and
 * under row_object.c, which calls tally_leave and tally_enter around each change of a row of `object`, so that whoever changes one need
 * not think of it. An object is counted exactly where it has a row in `used`. */
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_cache.h"
#include "storage/base/clock.h"

struct tally_entry {
    int64_t bucket;
    struct tally_row row; /* its cursor lies in cursor_bytes */
    char cursor_bytes[META_KEY_BYTES_MAX];
};

/* ---- The set in memory ---- */

static int set_append(struct tally_set *set, sqlite3_stmt *statement)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 4 : 2 * set->capacity;
        struct tally_entry *list = realloc(set->list, capacity * sizeof(*list));
        if (list == NULL)
            return -ENOMEM;
        set->list = list;
        set->capacity = capacity;
    }
    struct tally_entry *entry = &set->list[set->count++];
    struct slice cursor = meta_sql_column(statement, 4);
    int64_t object_bytes_max = sqlite3_column_int64(statement, 3);
    entry->bucket = sqlite3_column_int64(statement, 0);
    entry->row.state = (int)sqlite3_column_int64(statement, 1);
    entry->row.write_once = sqlite3_column_int64(statement, 2) != 0;
    entry->row.object_bytes_max = object_bytes_max > 0 ? (uint64_t)object_bytes_max : 0; /* less is damage */
    if (cursor.len > sizeof(entry->cursor_bytes))
        return META_E_CORRUPT;
    entry->row.cursor.len = cursor.len; /* its base moves with the list: set in entry_of */
    if (cursor.len > 0)
        (void)slice_copy(entry->cursor_bytes, cursor);
    return 0;
}

static int set_load(struct row_store *store)
{
    struct tally_set *set = &store->tallies;
    sqlite3_stmt *statement = store->sql.list[SQL_TALLY_ALL];
    int row, err = 0;

    set->count = 0;
    while (err == 0 && (row = meta_sql_row(statement)) != 0)
        err = row < 0 ? row : set_append(set, statement);
    meta_sql_reset(statement);
    set->is_stale = err != 0;
    return err;
}

/* *entry: NULL where the bucket has no row; borrowed until a row of `tally` changes. */
static int entry_of(struct row_store *store, int64_t bucket, struct tally_entry **entry)
{
    struct tally_set *set = &store->tallies;
    size_t low = 0, high;
    int err;

    *entry = NULL;
    if (set->is_stale && (err = set_load(store)) != 0)
        return err;
    for (high = set->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (set->list[middle].bucket < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < set->count && set->list[low].bucket == bucket) {
        *entry = &set->list[low];
        (*entry)->row.cursor.base = (*entry)->cursor_bytes;
    }
    return 0;
}

static void tally_moved(struct row_store *store)
{
    assert(store->is_in_batch);
    store->tallies.is_moved = store->tallies.is_stale = true;
}

void tally_undone(struct row_store *store)
{
    if (store->tallies.is_moved)
        store->tallies.is_stale = true;
}

void tally_free(struct row_store *store)
{
    free(store->tallies.list);
}

/* ---- Counting ---- */

static sqlite3_stmt *bind_key(struct row_store *store, enum meta_sql_id id, int64_t bucket, struct slice key)
{
    sqlite3_stmt *statement = row_statement(store, id);

    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    return statement;
}

static int count_add(struct row_store *store, int64_t bucket, int64_t entries, int64_t bytes)
{
    sqlite3_stmt *statement = row_statement(store, SQL_TALLY_COUNT);

    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, entries);
    meta_sql_int(statement, 3, bytes);
    return meta_sql_run(statement);
}

static int use_set(struct row_store *store, int64_t bucket, struct slice key, int64_t used_ms, int64_t bytes)
{
    sqlite3_stmt *statement = bind_key(store, SQL_USE_PUT, bucket, key);

    meta_sql_int(statement, 3, used_ms);
    meta_sql_int(statement, 4, bytes);
    return meta_sql_run(statement);
}

/* 1: it is counted, with so many bytes; 0: it is not, or not there. */
static int use_get(struct row_store *store, int64_t bucket, struct slice key, int64_t *bytes,
                   int64_t *used_ms)
{
    sqlite3_stmt *statement = bind_key(store, SQL_USE_GET, bucket, key);
    int found = meta_sql_row(statement);

    *bytes = *used_ms = 0;
    if (found <= 0)
        return found;
    *bytes = sqlite3_column_int64(statement, 0);
    *bytes = *bytes < 0 ? 0 : *bytes; /* damaged */
    *used_ms = sqlite3_column_int64(statement, 1);
    meta_sql_reset(statement);
    return 1;
}

static bool is_due(const struct tally_entry *entry, struct slice key)
{
    return entry->row.state == META_CACHE_WHOLE ||
           (entry->row.state == META_CACHE_FILLING && slice_compare(key, entry->row.cursor) <= 0);
}

int tally_leave(struct row_store *store, int64_t bucket, struct slice key)
{
    struct tally_entry *entry;
    int64_t bytes, used_ms;
    int err = entry_of(store, bucket, &entry);

    if (err != 0 || entry == NULL)
        return err;
    int counted = use_get(store, bucket, key, &bytes, &used_ms);
    if (counted <= 0)
        return counted;
    if ((err = meta_sql_run(bind_key(store, SQL_USE_DELETE, bucket, key))) != 0)
        return err;
    return count_add(store, bucket, -1, -bytes);
}

int tally_enter(struct row_store *store, int64_t bucket, struct slice key, uint64_t bytes)
{
    struct tally_entry *entry;
    int err = entry_of(store, bucket, &entry);

    if (err != 0 || entry == NULL || !is_due(entry, key))
        return err;
    if (bytes > INT64_MAX) /* of a damaged row that was renamed, say */
        bytes = 0;
    if ((err = use_set(store, bucket, key, clock_real_ms(), (int64_t)bytes)) != 0)
        return err;
    return count_add(store, bucket, 1, (int64_t)bytes);
}

/* ---- `tally` ---- */

int sqlite_tally_get(struct row_store *store, int64_t bucket, struct tally_row *row)
{
    struct tally_entry *entry;
    int err = entry_of(store, bucket, &entry);

    if (err != 0 || entry == NULL)
        return err;
    if (row != NULL)
        *row = entry->row;
    return 1;
}

int sqlite_tally_put(struct row_store *store, int64_t bucket, const struct tally_row *row)
{
    sqlite3_stmt *statement = row_statement(store, SQL_TALLY_PUT);

    assert(row->cursor.len <= META_KEY_BYTES_MAX && row->object_bytes_max <= INT64_MAX);
    row_noted_number(store, CHRONICLE_TALLY, bucket, 0);
    meta_sql_int(statement, 1, bucket);
    meta_sql_int(statement, 2, row->state);
    meta_sql_blob(statement, 3, row->cursor);
    meta_sql_int(statement, 4, row->write_once);
    meta_sql_int(statement, 5, (int64_t)row->object_bytes_max);
    int err = meta_sql_run(statement);
    tally_moved(store);
    return err;
}

int sqlite_tally_delete(struct row_store *store, int64_t bucket)
{
    struct tally_entry *entry;
    int err = entry_of(store, bucket, &entry);

    if (err != 0 || entry == NULL)
        return err;
    sqlite3_stmt *statement = row_statement(store, SQL_TALLY_DELETE);
    row_noted_number(store, CHRONICLE_TALLY, bucket, 0);
    meta_sql_int(statement, 1, bucket);
    err = meta_sql_run(statement);
    tally_moved(store);
    return err;
}

/* The key up to which the next slice goes: 1, or 0 when there is none. */
static int fill_next(struct row_store *store, struct arena *arena, int64_t bucket, struct slice after,
                     uint32_t limit, struct slice *last)
{
    sqlite3_stmt *statement = bind_key(store, SQL_TALLY_NEXT, bucket, after);

    meta_sql_int(statement, 3, limit);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    *last = meta_sql_column(statement, 0);
    int err = arena_copy(arena, last);
    meta_sql_reset(statement);
    return err != 0 ? err : last->len > 0;
}

int sqlite_tally_fill(struct row_store *store, struct arena *arena, int64_t bucket, uint32_t limit,
                      int64_t now_ms, struct slice *cursor)
{
    struct slice after = *cursor, last;
    int err, found = fill_next(store, arena, bucket, after, limit, &last);

    assert(limit > 0);
    if (found <= 0)
        return found;
    sqlite3_stmt *count = bind_key(store, SQL_TALLY_FILL_COUNT, bucket, after);
    meta_sql_blob(count, 3, last);
    sqlite3_stmt *fill = bind_key(store, SQL_TALLY_FILL, bucket, after);
    meta_sql_blob(fill, 3, last);
    meta_sql_int(fill, 4, now_ms);
    if ((err = meta_sql_run(count)) != 0 || (err = meta_sql_run(fill)) != 0)
        return err;
    *cursor = last;
    return 1;
}

int sqlite_tally_drain(struct row_store *store, int64_t bucket, uint32_t limit)
{
    sqlite3_stmt *count = row_statement(store, SQL_TALLY_DRAIN_COUNT);
    sqlite3_stmt *drain = row_statement(store, SQL_TALLY_DRAIN);
    int err;

    assert(limit > 0);
    meta_sql_int(count, 1, bucket);
    meta_sql_int(count, 2, limit);
    meta_sql_int(drain, 1, bucket);
    meta_sql_int(drain, 2, limit);
    if ((err = meta_sql_run(count)) != 0)
        return err;
    return row_run_changes(store, drain);
}

/* ---- Uses ---- */

int sqlite_use_get(struct row_store *store, int64_t bucket, struct slice key, int64_t *used_ms)
{
    int64_t bytes;

    return use_get(store, bucket, key, &bytes, used_ms);
}

int sqlite_use_put(struct row_store *store, int64_t bucket, struct slice key, int64_t used_ms,
                   int64_t if_before_ms)
{
    sqlite3_stmt *statement = bind_key(store, SQL_USE_RAISE, bucket, key);

    meta_sql_int(statement, 3, used_ms);
    meta_sql_int(statement, 4, if_before_ms);
    return row_run_changes(store, statement);
}
