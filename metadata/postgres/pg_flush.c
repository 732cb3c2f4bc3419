/* SPDX-License-Identifier: MIT
 *
 * Writing what has changed: three statements a table at most, each with a column of all its rows as one parameter. The order of tables and, within
 * one, of keys is the same for all servers, so that none waits for another in a circle. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static int write_of(const struct pg_row *row)
{
    if (row->exists)
        return row->is_stored ? PG_TEXT_UPDATE : PG_TEXT_INSERT;
    return PG_TEXT_DELETE;
}

/* Of an insert that was taken back there is nothing to be written. */
static bool is_due(const struct pg_row *row, int text)
{
    return write_of(row) == text && (row->exists || row->is_stored);
}

static int row_compare(const void *a, const void *b)
{
    const struct pg_row *const *left = a, *const *right = b;

    return slice_compare((*left)->place, (*right)->place);
}

/* The rows that the statement is about, in order, into the arena. */
static int rows_gather(struct row_store *store, enum pg_table_id table, int text, struct pg_row ***list,
                       uint32_t *count)
{
    uint32_t at = 0;

    *count = 0;
    for (struct pg_row *row = store->set.changed[table]; row != NULL; row = row->next_changed)
        *count += is_due(row, text);
    if (*count == 0)
        return 0;
    if ((*list = arena_alloc(&store->set.arena, *count * sizeof(**list))) == NULL)
        return -ENOMEM;
    for (struct pg_row *row = store->set.changed[table]; row != NULL; row = row->next_changed)
        if (is_due(row, text))
            (*list)[at++] = row;
    qsort(*list, *count, sizeof(**list), row_compare);
    return 0;
}

/* The key's columns of a row lie in its place alone, where it is not there any more. */
static int column_write(struct row_store *store, enum pg_table_id table, struct pg_row **list, uint32_t count,
                        uint32_t column, struct pg_call *call)
{
    struct pg_value *values = arena_alloc(&store->set.arena, count * sizeof(*values));
    struct pg_value key[PG_COLUMNS_MAX];
    uint32_t keys;

    if (values == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (list[i]->values == NULL)
            (void)pg_place_read(&store->set, table, list[i]->place, key, &keys);
        values[i] = list[i]->values != NULL ? list[i]->values[column] : key[column];
    }
    return pg_column_add(store, call, pg_tables[table].kinds[column] == 'i', values, count);
}

/* One more call, where there is anything to be written so. */
static int statement_make(struct row_store *store, enum pg_table_id table, int text, struct pg_call *calls,
                          uint32_t *count)
{
    struct pg_row **list = NULL;
    uint32_t rows, columns = text == PG_TEXT_DELETE ? pg_tables[table].keys : pg_table_columns(table);
    int err = rows_gather(store, table, text, &list, &rows);

    if (err != 0 || rows == 0)
        return err;
    struct pg_call *call = &calls[(*count)++];
    *call = (struct pg_call){.text = pg_text_of(store, table, rows == 1 ? PG_TEXT_ONE + text : text)};
    if (call->text == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < columns && err == 0; i++)
        err = column_write(store, table, list, rows, i, call);
    return err;
}

/* What the other servers are to read anew. */
static bool sets_are_changed(const struct row_store *store)
{
    static const enum pg_table_id tables[] = {PG_BUCKET, PG_SETTING, PG_PUBLICATION, PG_QUOTA};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (store->set.changed[tables[i]] != NULL)
            return true;
    return pg_tallies_are_moved(store);
}

int pg_flush_make(struct row_store *store, struct pg_call *calls, uint32_t *count)
{
    static const int texts[] = {PG_TEXT_DELETE, PG_TEXT_UPDATE, PG_TEXT_INSERT};
    int err = 0;

    *count = 0;
    store->moves_sets |= sets_are_changed(store);
    store->has_tallies |= pg_tallies_are_moved(store);
    for (int table = 0; table < PG_TABLE_COUNT; table++)
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && store->set.changed[table] != NULL; i++)
            if ((err = statement_make(store, (enum pg_table_id)table, texts[i], calls, count)) != 0)
                return err;
    return 0;
}

static uint64_t rows_due(const struct row_store *store, enum pg_table_id table, int text)
{
    uint64_t count = 0;

    for (const struct pg_row *row = store->set.changed[table]; row != NULL; row = row->next_changed)
        count += is_due(row, text);
    return count;
}

int pg_flush_done(struct row_store *store, const struct pg_call *calls, uint32_t count)
{
    for (int table = 0; table < PG_TABLE_COUNT; table++)
        for (int text = 0; text < PG_TEXT_LOAD; text++)
            for (uint32_t i = 0; i < count; i++)
                if ((calls[i].text == store->texts[table][text] ||
                     calls[i].text == store->texts[table][PG_TEXT_ONE + text]) &&
                    strtoull(PQcmdTuples(calls[i].result), NULL, 10) !=
                        rows_due(store, (enum pg_table_id)table, text))
                    return -EAGAIN;
    for (int table = 0; table < PG_TABLE_COUNT; table++) {
        for (struct pg_row *row = store->set.changed[table]; row != NULL; row = row->next_changed) {
            row->is_changed = false;
            row->is_stored = row->exists;
        }
        store->set.changed[table] = NULL;
    }
    return 0;
}

int pg_flush(struct row_store *store)
{
    struct pg_call calls[PG_FLUSH_CALLS_MAX];
    uint32_t count;
    int err = pg_flush_make(store, calls, &count);

    assert(store->is_in_batch);
    if (err != 0 || count == 0)
        return err;
    store->loads++;
    err = pg_batch_round(store, calls, count);
    if (err == 0 && (err = pg_result(pg_flush_done(store, calls, count))) != 0)
        store->is_broken = true;
    pg_calls_clear(calls, count);
    return err;
}
