/* SPDX-License-Identifier: MIT
 *
 * Writing what has changed: three statements a table at most, each with a column of all its rows as one parameter. The order of tables and, within
 * one, of keys is the same for all servers, so that none waits for another in a circle. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "metadata/postgres/pg_array.h"

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
    bool is_number = pg_tables[table].kinds[column] == 'i';
    struct pg_value key[PG_COLUMNS_MAX];
    struct pg_array array;
    struct slice parameter;
    uint32_t keys;
    int err;

    pg_array_begin(&array, &store->set.arena, is_number ? PG_INT8 : PG_BYTEA);
    for (uint32_t i = 0; i < count; i++) {
        const struct pg_value *value = list[i]->values != NULL ? &list[i]->values[column] : &key[column];
        if (list[i]->values == NULL)
            (void)pg_place_read(&store->set, table, list[i]->place, key, &keys);
        if (value->is_null)
            pg_array_add_null(&array);
        else if (is_number)
            pg_array_add_int(&array, value->number);
        else
            pg_array_add_bytes(&array, value->bytes);
    }
    if ((err = pg_array_end(&array, &parameter)) == 0)
        pg_add_array(call, is_number ? PG_INT8_ARRAY : PG_BYTEA_ARRAY, parameter);
    return err;
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
    *call = (struct pg_call){.text = pg_text_of(store, table, text)};
    if (call->text == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < columns && err == 0; i++)
        err = column_write(store, table, list, rows, i, call);
    return err;
}

int pg_flush_make(struct row_store *store, struct pg_call *calls, uint32_t *count)
{
    static const int texts[] = {PG_TEXT_DELETE, PG_TEXT_UPDATE, PG_TEXT_INSERT};
    int err = 0;

    *count = 0;
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
                if (calls[i].text == store->texts[table][text] &&
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
    if (err == 0 && (err = pg_flush_done(store, calls, count)) != 0)
        store->is_broken = true;
    pg_calls_clear(calls, count);
    return err;
}
