/* SPDX-License-Identifier: MIT
 *
 * All rows of a store, for a base of its chronicle: table by table in the order of the keys, a slice at a time, each from a snapshot of its
 * own, so that the log can begin anew meanwhile. What changes behind or before the walk is in the chronicle's log. */
#include <stdio.h>

#include "metadata/limits.h"
#include "metadata/sqlite/chronicle/row_chronicle.h"
#include "metadata/sqlite/row_sql.h"

/* How far it is in a table: the key of the last row, whose bytes lie in `bytes`. */
struct fill {
    sqlite3 *db;
    const struct chronicle_table_form *form;
    unsigned table;
    sqlite3_stmt *first, *next; /* the first slice, and one behind a key */
    bool is_begun;
    struct chronicle_value key[3];
    struct chronicle_buffer bytes, entries;
    uint64_t rows; /* of the slice */
};

static int prepare(struct fill *fill)
{
    static const char *const wheres[] = {"", "(?1)", "(?1, ?2)", "(?1, ?2, ?3)"};
    const struct chronicle_table_form *form = fill->form;
    char text[512];
    int code;

    int key = chronicle_key_length(form);
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s ORDER BY %.*s LIMIT %d", form->columns, form->name,
                   key, form->columns, CHRONICLE_SLICE_ROWS);
    if ((code = sqlite3_prepare_v2(fill->db, text, -1, &fill->first, NULL)) != SQLITE_OK)
        return meta_sql_error(code);
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE (%.*s) > %s ORDER BY %.*s LIMIT %d",
                   form->columns, form->name, key, form->columns, wheres[form->key], key, form->columns,
                   CHRONICLE_SLICE_ROWS);
    return meta_sql_error(sqlite3_prepare_v2(fill->db, text, -1, &fill->next, NULL));
}

/* The key moves into memory that outlives the statement's step. */
static bool key_keep(struct fill *fill, const struct chronicle_value *values)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < fill->form->key; i++)
        bytes += values[i].bytes.len;
    fill->bytes.length = 0;
    if (!chronicle_buffer_reserve(&fill->bytes, bytes + 1))
        return false;
    for (unsigned i = 0; i < fill->form->key; i++) {
        unsigned char *at = fill->bytes.bytes + fill->bytes.length;

        fill->key[i] = values[i];
        if (values[i].bytes.len > 0)
            (void)slice_copy(at, values[i].bytes);
        fill->key[i].bytes.base = (const char *)at;
        fill->bytes.length += values[i].bytes.len;
    }
    fill->is_begun = true;
    return true;
}

/* The next rows, as entries. 0 or an error; fill->rows: how many. */
static int slice_read(struct fill *fill)
{
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
    sqlite3_stmt *statement = fill->is_begun ? fill->next : fill->first;
    int found, err = 0;

    fill->rows = 0;
    fill->entries.length = 0;
    if (fill->is_begun)
        chronicle_values_bind(statement, 1, fill->key, fill->form->key);
    while (err == 0 && (found = meta_sql_row(statement)) != 0) {
        if (found < 0)
            return found;
        chronicle_values_read(statement, fill->form->count, values);
        fill->rows++;
        if (!chronicle_entry_put(&fill->entries, CHRONICLE_PUT, fill->table, values, fill->form->count) ||
            (fill->rows == CHRONICLE_SLICE_ROWS && !key_keep(fill, values)))
            err = -ENOMEM;
    }
    meta_sql_reset(statement);
    return err;
}

static int table_fill(struct fill *fill, struct chronicle_base *base)
{
    int err = prepare(fill);

    do {
        if (err == 0 && (err = slice_read(fill)) == 0)
            err = chronicle_base_put(base, slice_of(fill->entries.bytes, fill->entries.length), fill->rows);
    } while (err == 0 && fill->rows == CHRONICLE_SLICE_ROWS);
    (void)sqlite3_finalize(fill->first); /* repeats the error of the last step */
    (void)sqlite3_finalize(fill->next);
    fill->first = fill->next = NULL;
    fill->is_begun = false;
    return err;
}

int chronicle_fill(void *ctx, struct chronicle_base *base)
{
    const struct row_store *store = ctx;
    struct fill fill = {.rows = 0};
    int err = db_connect(store->meta, DB_READ, &fill.db);

    if (err == 0 && (err = db_stayed(store->meta)) != 0)
        (void)sqlite3_close(fill.db);
    if (err != 0)
        return err;
    for (unsigned table = 1; table < CHRONICLE_TABLES_END && err == 0; table++) {
        fill.table = table;
        fill.form = &chronicle_tables[table];
        err = table_fill(&fill, base);
    }
    (void)sqlite3_close(fill.db); /* no statement is left: it cannot be refused */
    chronicle_buffer_free(&fill.bytes);
    chronicle_buffer_free(&fill.entries);
    return err;
}
