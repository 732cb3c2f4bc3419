/* SPDX-License-Identifier: MIT
 *
 * Rows, by way of the set: what is not in it is loaded, and locked, so that nobody else changes it before the commit. That costs a round
 * trip, so what a batch is known to touch is loaded as it begins (pg_batch.c), and what is walked over comes many rows at a time. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/postgres/pg_array.h"

/* ---- Texts ---- */

/* Rows of these are not locked where they are loaded: all servers keep them in memory, and whoever changes them has the lock of all. */
static bool is_locked(enum pg_table_id table)
{
    return table != PG_BUCKET && table != PG_SETTING && table != PG_PUBLICATION && table != PG_QUOTA;
}

static void columns_print(FILE *out, const struct pg_table *table, const char *before, uint32_t first,
                          uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        fprintf(out, "%s%s%s", i == first ? "" : ", ", before, table->columns[i]);
}

/* What is given, as rows of so many columns: arrays; or one row, which costs less to begin with. */
static void given_print(FILE *out, const struct pg_table *table, uint32_t count, bool is_one)
{
    fprintf(out, is_one ? "(VALUES(" : "unnest(");
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%s$%u::%s%s", i == 0 ? "" : ", ", i + 1, table->kinds[i] == 'i' ? "int8" : "bytea",
                is_one ? "" : "[]");
    fprintf(out, is_one ? ")) AS u(" : ") AS u(");
    columns_print(out, table, "", 0, count);
    fprintf(out, ")");
}

static void keys_match_print(FILE *out, const struct pg_table *table)
{
    for (uint32_t i = 0; i < table->keys; i++)
        fprintf(out, "%st.%s = u.%s", i == 0 ? "" : " AND ", table->columns[i], table->columns[i]);
}

/* PG_TEXT_RANGE and on: how many columns are the same, how many are given, and whether what is sought is behind them. */
static int range_text(uint32_t same, uint32_t count, bool is_after)
{
    assert(same <= 3 && count <= 3 && same <= count);
    return PG_TEXT_RANGE + (int)(same * 8 + count * 2 + is_after);
}

static void range_print(FILE *out, const struct pg_table *table, int text)
{
    uint32_t same = (uint32_t)(text - PG_TEXT_RANGE) / 8, count = (uint32_t)(text - PG_TEXT_RANGE) % 8 / 2;
    bool is_after = (text - PG_TEXT_RANGE) % 2 != 0;

    fprintf(out, "SELECT ");
    columns_print(out, table, "", 0, (uint32_t)strlen(table->kinds));
    fprintf(out, " FROM %s WHERE true", table->name);
    for (uint32_t i = 0; i < same; i++)
        fprintf(out, " AND %s = $%u", table->columns[i], i + 1);
    if (count > same) {
        fprintf(out, " AND (");
        columns_print(out, table, "", same, count);
        fprintf(out, is_after ? ") > (" : ") >= (");
        for (uint32_t i = same; i < count; i++)
            fprintf(out, "%s$%u", i == same ? "" : ", ", i + 1);
        fprintf(out, ")");
    }
    fprintf(out, " ORDER BY ");
    columns_print(out, table, "", 0, table->keys);
    fprintf(out, " LIMIT $%u", count + 1);
}

static void text_print(FILE *out, enum pg_table_id id, int text)
{
    const struct pg_table *table = &pg_tables[id];
    uint32_t columns = pg_table_columns(id);
    bool is_one = text >= PG_TEXT_ONE && text < PG_TEXT_RANGE;

    switch (is_one ? text - PG_TEXT_ONE : text) {
    case PG_TEXT_INSERT:
        fprintf(out, "INSERT INTO %s(", table->name);
        columns_print(out, table, "", 0, columns);
        fprintf(out, ") SELECT * FROM ");
        given_print(out, table, columns, is_one);
        return;
    case PG_TEXT_UPDATE:
        fprintf(out, "UPDATE %s AS t SET ", table->name);
        for (uint32_t i = table->keys; i < columns; i++)
            fprintf(out, "%s%s = u.%s", i == table->keys ? "" : ", ", table->columns[i], table->columns[i]);
        fprintf(out, " FROM ");
        given_print(out, table, columns, is_one);
        fprintf(out, " WHERE ");
        keys_match_print(out, table);
        return;
    case PG_TEXT_DELETE:
        fprintf(out, "DELETE FROM %s AS t USING ", table->name);
        given_print(out, table, table->keys, is_one);
        fprintf(out, " WHERE ");
        keys_match_print(out, table);
        return;
    case PG_TEXT_LOAD:
        fprintf(out, "SELECT ");
        columns_print(out, table, "t.", 0, columns);
        fprintf(out, " FROM ");
        given_print(out, table, table->keys, is_one);
        fprintf(out, " JOIN %s AS t ON ", table->name);
        keys_match_print(out, table);
        fprintf(out, is_locked(id) ? " FOR UPDATE OF t" : "");
        return;
    default:
        range_print(out, table, text);
        fprintf(out, is_locked(id) ? " FOR UPDATE" : "");
    }
}

const char *pg_text_of(struct row_store *store, enum pg_table_id table, int text)
{
    char **slot = &store->texts[table][text];
    size_t length;

    if (*slot != NULL)
        return *slot;
    FILE *out = open_memstream(slot, &length);
    if (out == NULL)
        return NULL;
    text_print(out, table, text);
    if (fclose(out) != 0) {
        free(*slot);
        *slot = NULL;
    }
    return *slot;
}

/* ---- Loading ---- */

int pg_batch_round(struct row_store *store, struct pg_call *calls, uint32_t count)
{
    int err = store->is_broken ? META_E_UNREACHABLE : pg_result(pg_round(&store->connection, calls, count));

    if (err != 0)
        store->is_broken = true;
    return err;
}

static int one_round(struct row_store *store, struct pg_call *call)
{
    store->loads += store->is_in_batch;
    return store->is_in_batch ? pg_batch_round(store, call, 1) : pg_round(&store->connection, call, 1);
}

int pg_next_id(struct row_store *store, const char *text, int64_t *id)
{
    struct pg_call call = {.text = text};
    int err = one_round(store, &call);

    if (err == 0 && PQntuples(call.result) != 1)
        err = META_E_CORRUPT;
    if (err == 0)
        *id = pg_column_int(call.result, 0, 0);
    pg_calls_clear(&call, 1);
    return err;
}

static void value_take(const PGresult *result, int row, int column, char kind, struct pg_value *value)
{
    *value = (struct pg_value){.is_null = pg_column_is_null(result, row, column)};
    if (kind == 'i' && !value->is_null)
        value->number = pg_column_int(result, row, column);
    else
        value->bytes = pg_column_bytes(result, row, column);
}

int pg_rows_take(struct row_store *store, enum pg_table_id table, const PGresult *result)
{
    struct pg_value values[PG_COLUMNS_MAX];
    uint32_t columns = pg_table_columns(table);
    int err = 0;

    if (PQnfields(result) != (int)columns)
        return META_E_CORRUPT;
    for (int row = 0; row < PQntuples(result) && err == 0; row++) {
        for (uint32_t i = 0; i < columns; i++)
            value_take(result, row, (int)i, pg_tables[table].kinds[i], &values[i]);
        struct slice place = pg_place(&store->set, table, values, pg_tables[table].keys, false);
        err = place.base == NULL ? -ENOMEM : pg_set_load(&store->set, table, place, values);
    }
    return err;
}

int pg_rows_note(struct row_store *store, enum pg_table_id table, const struct pg_value *key)
{
    struct slice place = pg_place(&store->set, table, key, pg_tables[table].keys, false);

    return place.base == NULL ? -ENOMEM : pg_set_load(&store->set, table, place, NULL);
}

static void call_add(struct pg_call *call, char kind, const struct pg_value *value)
{
    if (kind == 'i')
        pg_add_int(call, value->number);
    else
        pg_add_bytes(call, value->bytes.base != NULL ? value->bytes : slice_of("", 0));
}

/* Rows from the place on, up to `end`; what is known then is noted. */
static int range_load(struct row_store *store, enum pg_table_id table, struct slice from, struct slice end,
                      uint32_t same, uint32_t limit)
{
    struct pg_value key[PG_COLUMNS_MAX];
    uint32_t count;
    bool is_after = pg_place_read(&store->set, table, from, key, &count);
    struct pg_call call = {.text = pg_text_of(store, table, range_text(same, count, is_after))};
    int err;

    if (call.text == NULL)
        return -ENOMEM;
    assert(count >= same);
    for (uint32_t i = 0; i < count; i++)
        call_add(&call, pg_tables[table].kinds[i], &key[i]);
    pg_add_int(&call, limit);
    if ((err = one_round(store, &call)) == 0 && (err = pg_rows_take(store, table, call.result)) == 0) {
        int rows = PQntuples(call.result);
        if (rows == (int)limit) { /* all up to the last one */
            for (uint32_t i = 0; i < pg_tables[table].keys; i++)
                value_take(call.result, rows - 1, (int)i, pg_tables[table].kinds[i], &key[i]);
            end = pg_place(&store->set, table, key, pg_tables[table].keys, true);
        }
        err = end.base == NULL ? -ENOMEM : pg_set_cover(&store->set, table, from, end);
    }
    pg_calls_clear(&call, 1);
    return err;
}

int pg_column_add(struct row_store *store, struct pg_call *call, bool is_number,
                  const struct pg_value *values, uint32_t count)
{
    struct pg_array array;
    struct slice parameter;
    int err;

    assert(count > 0);
    if (count == 1) {
        if (values->is_null)
            pg_add_null(call, is_number ? PG_INT8 : PG_BYTEA);
        else
            call_add(call, is_number ? 'i' : 'b', values);
        return 0;
    }
    pg_array_begin(&array, &store->set.arena, is_number ? PG_INT8 : PG_BYTEA);
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].is_null)
            pg_array_add_null(&array);
        else if (is_number)
            pg_array_add_int(&array, values[i].number);
        else
            pg_array_add_bytes(&array, values[i].bytes);
    }
    if ((err = pg_array_end(&array, &parameter)) == 0)
        pg_add_array(call, is_number ? PG_INT8_ARRAY : PG_BYTEA_ARRAY, parameter);
    return err;
}

static int key_load(struct row_store *store, enum pg_table_id table, const struct pg_value *key)
{
    struct pg_call call = {.text = pg_text_of(store, table, PG_TEXT_ONE + PG_TEXT_LOAD)};
    int err = call.text != NULL ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < pg_tables[table].keys && err == 0; i++)
        call_add(&call, pg_tables[table].kinds[i], &key[i]);
    if (err == 0 && (err = one_round(store, &call)) == 0)
        err = pg_rows_take(store, table, call.result);
    pg_calls_clear(&call, 1);
    return err != 0 ? err : pg_rows_note(store, table, key);
}

/* ---- Asking ---- */

int pg_row_get(struct row_store *store, enum pg_table_id table, const struct pg_value *key,
               struct pg_row **row)
{
    struct slice place = pg_place(&store->set, table, key, pg_tables[table].keys, false);
    int err;

    if (place.base == NULL)
        return -ENOMEM;
    if ((*row = pg_set_find(&store->set, table, place)) == NULL) {
        bool is_known = pg_set_covered(&store->set, table, place).base != NULL;
        err = is_known ? pg_set_load(&store->set, table, place, NULL) : key_load(store, table, key);
        if (err != 0)
            return err;
        *row = pg_set_find(&store->set, table, place);
    }
    assert(*row != NULL);
    return (*row)->exists;
}

/* The first row in [from, end) that exists, of a range that is in the set. */
static struct pg_row *range_find(const struct pg_set *set, enum pg_table_id table, struct slice from,
                                 struct slice end)
{
    struct pg_row *row = pg_set_at(set, table, from, false);

    while (row != NULL && slice_compare(row->place, end) < 0 && !row->exists)
        row = pg_set_at(set, table, row->place, true);
    return row != NULL && slice_compare(row->place, end) < 0 ? row : NULL;
}

int pg_row_next(struct row_store *store, enum pg_table_id table, const struct pg_value *from, uint32_t count,
                bool is_after, uint32_t same, uint32_t limit, struct pg_row **row)
{
    struct slice at = pg_place(&store->set, table, from, count, is_after);
    struct slice end = pg_place(&store->set, table, from, same, true);
    int err;

    assert(limit > 0);
    if (at.base == NULL || end.base == NULL)
        return -ENOMEM;
    while (slice_compare(at, end) < 0) {
        struct slice covered = pg_set_covered(&store->set, table, at);
        if (covered.base == NULL) {
            if ((err = range_load(store, table, at, end, same, limit)) != 0)
                return err;
            continue;
        }
        if (slice_compare(covered, end) > 0)
            covered = end;
        if ((*row = range_find(&store->set, table, at, covered)) != NULL)
            return 1;
        at = covered;
    }
    return 0;
}

/* ---- Changing ---- */

int pg_row_put(struct row_store *store, enum pg_table_id table, const struct pg_value *values)
{
    struct pg_row *row;
    int found = pg_row_get(store, table, values, &row);

    assert(store->is_in_batch);
    return found < 0 ? found : pg_set_put(&store->set, row, values);
}

int pg_row_set(struct row_store *store, struct pg_row *row, uint32_t column, struct pg_value value)
{
    struct pg_value values[PG_COLUMNS_MAX];

    assert(store->is_in_batch && row->exists && column < pg_table_columns(row->table));
    memcpy(values, row->values, pg_table_columns(row->table) * sizeof(*values));
    values[column] = value;
    return pg_set_put(&store->set, row, values);
}

int pg_row_delete(struct row_store *store, struct pg_row *row)
{
    assert(store->is_in_batch);
    return pg_set_put(&store->set, row, NULL);
}
