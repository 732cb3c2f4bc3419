/* SPDX-License-Identifier: MIT
 *
 * Rows of the chronicle's logs, found by what they are. Logs may be as long as all rows together, so they lie in a temporary file. */
#include <string.h>

#include "metadata/sqlite/chronicle/compare.h"

static int prepare(sqlite3 *db, const char *text, sqlite3_stmt **statement)
{
    return meta_sql_error(sqlite3_prepare_v2(db, text, -1, statement, NULL));
}

int compare_told_open(struct compare_told *told)
{
    int code, err;

    *told = (struct compare_told){.db = NULL};
    code = sqlite3_open_v2("", &told->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code != SQLITE_OK)
        return meta_sql_error(code);
    /* No row: that it is gone. */
    err = db_exec(told->db, "CREATE TABLE told(tbl INTEGER, key BLOB, row BLOB, PRIMARY KEY(tbl, key, row))"
                            " WITHOUT ROWID; BEGIN");
    if (err == 0)
        err = prepare(told->db, "INSERT OR IGNORE INTO told VALUES(?1, ?2, ?3)", &told->put);
    if (err == 0)
        err = prepare(told->db, "SELECT 1 FROM told WHERE tbl = ?1 AND key = ?2 AND row = ?3", &told->has);
    return err != 0
               ? err
               : prepare(told->db, "SELECT row FROM told WHERE tbl = ?1 AND key = ?2 AND row > ?3 LIMIT 1",
                         &told->find);
}

void compare_told_close(struct compare_told *told)
{
    (void)sqlite3_finalize(told->put); /* all repeat the error of the last step */
    (void)sqlite3_finalize(told->has);
    (void)sqlite3_finalize(told->find);
    (void)sqlite3_close(told->db); /* and goes with its file */
    chronicle_buffer_free(&told->key);
    chronicle_buffer_free(&told->row);
}

void compare_values_take(unsigned table, const struct chronicle_entry *entry,
                         struct chronicle_value values[CHRONICLE_VALUES_MAX])
{
    unsigned wanted =
        entry->kind == CHRONICLE_GONE ? chronicle_tables[table].key : chronicle_tables[table].count;

    for (unsigned i = 0; i < wanted; i++) {
        values[i] = i < entry->count ? entry->values[i] : (struct chronicle_value){.type = CHRONICLE_NULL};
        if (values[i].type == CHRONICLE_TEXT || values[i].type == CHRONICLE_BYTES)
            values[i].type = values[i].bytes.len > 0 ? CHRONICLE_BYTES : CHRONICLE_NULL;
    }
}

static int value_compare(const struct chronicle_value *left, const struct chronicle_value *right)
{
    if (left->type != right->type)
        return left->type < right->type ? -1 : 1;
    if (left->type == CHRONICLE_NUMBER)
        return (left->number > right->number) - (left->number < right->number);
    return left->type == CHRONICLE_BYTES ? slice_compare(left->bytes, right->bytes) : 0;
}

int compare_keys(unsigned table, const struct chronicle_value *left, const struct chronicle_value *right)
{
    int order = 0;

    for (unsigned i = 0; i < chronicle_tables[table].key && order == 0; i++)
        order = value_compare(&left[i], &right[i]);
    return order;
}

bool compare_values_are_same(const struct chronicle_value *left, const struct chronicle_value *right)
{
    return value_compare(left, right) == 0;
}

/* Key and row as the table has them. */
static int told_form(struct compare_told *told, unsigned table, const struct chronicle_value *values,
                     bool is_gone)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];

    told->key.length = told->row.length = 0;
    return chronicle_entry_put(&told->key, CHRONICLE_GONE, table, values, form->key) &&
                   (is_gone || chronicle_entry_put(&told->row, CHRONICLE_PUT, table, values + form->key,
                                                   form->count - form->key))
               ? 0
               : -ENOMEM;
}

static int told_bind(struct compare_told *told, sqlite3_stmt *statement, unsigned table,
                     const struct chronicle_value *values, bool is_gone)
{
    int err = told_form(told, table, values, is_gone);

    if (err != 0)
        return err;
    meta_sql_int(statement, 1, table);
    meta_sql_blob(statement, 2, slice_of(told->key.bytes, told->key.length));
    meta_sql_blob(statement, 3, is_gone ? slice_of("", 0) : slice_of(told->row.bytes, told->row.length));
    return 0;
}

int compare_told_add(struct compare_told *told, const struct chronicle_entry *entry)
{
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
    int err;

    compare_values_take(entry->table, entry, values);
    err = told_bind(told, told->put, entry->table, values, entry->kind == CHRONICLE_GONE);
    return err != 0 ? err : meta_sql_run(told->put);
}

int compare_told_has(struct compare_told *told, unsigned table, const struct chronicle_value *values,
                     bool is_gone)
{
    int found = told_bind(told, told->has, table, values, is_gone);

    if (found != 0)
        return found;
    found = meta_sql_row(told->has);
    meta_sql_reset(told->has);
    return found;
}

int compare_told_find(struct compare_told *told, unsigned table, const struct chronicle_value *key,
                      struct chronicle_value values[CHRONICLE_VALUES_MAX])
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    struct chronicle_entry entry = {.count = 0};
    struct slice row;
    int found = told_bind(told, told->find, table, key, true);

    if (found != 0)
        return found;
    if ((found = meta_sql_row(told->find)) > 0) {
        row = meta_sql_column(told->find, 0);
        told->row.length = 0;
        if (!chronicle_buffer_reserve(&told->row, row.len)) {
            found = -ENOMEM;
        } else {
            (void)slice_copy(told->row.bytes, row);
            row = slice_of(told->row.bytes, row.len);
            found = chronicle_entry_get(&row, &entry);
        }
    }
    meta_sql_reset(told->find);
    for (unsigned i = 0; found > 0 && i < form->count; i++)
        values[i] = i < form->key ? key[i] : entry.values[i - form->key];
    return found;
}
