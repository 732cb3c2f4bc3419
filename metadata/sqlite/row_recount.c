/* SPDX-License-Identifier: MIT
 *
 * Counting what is not counted yet: the row of `usage_walk`, and the walk over `object`, `version` and `upload` in the order of their rows,
 * one table after the other. Up to its place all rows are counted, beyond it none, and what comes and goes meanwhile falls on one
 * side or the other (usage_is_counted). Behind rows/row_store.h. */
#include "metadata/sqlite/row_sql.h"

#include <assert.h>
#include <string.h>

#include "metadata/sqlite/row_usage.h"

static struct usage *usage_of(struct row_store *store)
{
    return &store->meta->usage;
}

/* ---- The place ---- */

static int walk_load(struct row_store *store, sqlite3_stmt *statement)
{
    struct usage_walk *walk = &usage_of(store)->walk;
    struct slice key = meta_sql_column(statement, 2), id = meta_sql_column(statement, 3);
    int64_t stop = sqlite3_column_int64(statement, 0);

    if (stop < USAGE_WHOLE || stop > USAGE_AT_UPLOADS || key.len > sizeof(walk->key) ||
        id.len > sizeof(walk->id))
        return META_E_CORRUPT;
    walk->stop = (enum usage_stop)stop;
    walk->bucket = sqlite3_column_int64(statement, 1);
    walk->key_length = key.len;
    walk->id_length = id.len;
    if (key.len > 0)
        (void)slice_copy(walk->key, key);
    if (id.len > 0)
        (void)slice_copy(walk->id, id);
    usage_of(store)->walk_is_stale = false;
    return 0;
}

int usage_walk_load(struct row_store *store)
{
    sqlite3_stmt *statement = store->sql.list[SQL_USAGE_WALK_GET];
    int found = meta_sql_row(statement);
    int err = found > 0 ? walk_load(store, statement) : found == 0 ? META_E_CORRUPT : found;

    meta_sql_reset(statement);
    return err;
}

int usage_walk_settle(struct row_store *store)
{
    return usage_of(store)->walk_is_stale ? usage_walk_load(store) : 0;
}

static int walk_put(struct row_store *store, enum usage_stop stop, const struct count_place *place)
{
    sqlite3_stmt *statement = row_statement(store, SQL_USAGE_WALK_PUT);

    meta_sql_int(statement, 1, stop);
    meta_sql_int(statement, 2, place->bucket);
    meta_sql_blob(statement, 3, place->key);
    meta_sql_blob(statement, 4, place->id);
    int err = meta_sql_run(statement);
    return err != 0 ? err : usage_walk_load(store);
}

static const struct count_place walk_first = {INT64_MIN, {"", 0}, {"", 0}};

int sqlite_usage_recount(struct row_store *store)
{
    int err = usage_clear(usage_of(store));

    return err != 0 ? err : walk_put(store, USAGE_AT_OBJECTS, &walk_first);
}

/* What the row that the statement stands on is counted as. Its place is in the arena. */
static int walk_count(struct row_store *store, struct arena *arena, sqlite3_stmt *row, enum usage_stop table,
                      struct count_place *place)
{
    struct usage *usage = usage_of(store);
    int64_t bytes = sqlite3_column_int64(row, 3), set = row_set_column(row, 4);
    int64_t number = sqlite3_column_int64(row, 5); /* of parts, or whether it is a delete marker */
    enum meta_usage_kind kind = table == USAGE_AT_OBJECTS ? META_USAGE_OBJECTS
                                : number != 0             ? META_USAGE_MARKERS
                                                          : META_USAGE_VERSIONS;
    int err;

    *place =
        (struct count_place){sqlite3_column_int64(row, 0), meta_sql_column(row, 1), meta_sql_column(row, 2)};
    if ((err = arena_copy(arena, &place->key)) != 0 || (err = arena_copy(arena, &place->id)) != 0)
        return err;
    if (place->bucket < 0 && bytes < 0) /* a removal */
        return 0;
    if (table == USAGE_AT_UPLOADS) {
        if ((err = meta_sql_run(upload_statement(store, SQL_UPLOAD_HOLDS, place, number, bytes))) != 0 ||
            (err = usage_add(usage, place->bucket, META_USAGE_UPLOADS, 1, 0)) != 0)
            return err;
        return usage_add(usage, place->bucket, META_USAGE_PARTS, number, bytes);
    }
    if (kind == META_USAGE_MARKERS)
        return usage_add(usage, place->bucket, kind, 1, 0);
    err = usage_add(usage, place->bucket, kind, 1, usage_bytes((uint64_t)bytes));
    return err != 0 || set == 0 ? err : usage_set_count(store, place->bucket, set, 1);
}

/* A slice of a table: how many rows, and the place of the last one. */
static int walk_slice(struct row_store *store, struct arena *arena, enum usage_stop table, uint32_t limit,
                      struct count_place *last)
{
    static const enum meta_sql_id statements[] = {[USAGE_AT_OBJECTS] = SQL_USAGE_NEXT_OBJECTS,
                                                  [USAGE_AT_VERSIONS] = SQL_USAGE_NEXT_VERSIONS,
                                                  [USAGE_AT_UPLOADS] = SQL_USAGE_NEXT_UPLOADS};
    const struct usage_walk *walk = &usage_of(store)->walk;
    sqlite3_stmt *statement = row_statement(store, statements[table]);
    int row, err = 0, count = 0;

    meta_sql_int(statement, 1, walk->bucket);
    meta_sql_blob(statement, 2, slice_of(walk->key, walk->key_length));
    meta_sql_blob(statement, 3, slice_of(walk->id, walk->id_length));
    meta_sql_int(statement, 4, limit);
    while (err == 0 && (row = meta_sql_row(statement)) != 0) {
        err = row < 0 ? row : walk_count(store, arena, statement, table, last);
        count++;
    }
    meta_sql_reset(statement);
    return err != 0 ? err : count;
}

int sqlite_usage_step(struct row_store *store, struct arena *arena, uint32_t limit, uint32_t *rows)
{
    struct count_place last = walk_first;
    int err = usage_walk_settle(store);
    enum usage_stop table = usage_of(store)->walk.stop;

    *rows = 0;
    if (err != 0 || table == USAGE_WHOLE)
        return err;
    /* An upload may have ten thousand parts. */
    int count = walk_slice(store, arena, table, table == USAGE_AT_UPLOADS ? 1 + limit / 256 : limit, &last);
    if (count < 0)
        return count;
    *rows = (uint32_t)count;
    if (count > 0)
        err = walk_put(store, table, &last);
    else
        err = walk_put(store, table == USAGE_AT_UPLOADS ? USAGE_WHOLE : table + 1, &walk_first);
    return err != 0 ? err : !usage_is_whole(usage_of(store));
}
