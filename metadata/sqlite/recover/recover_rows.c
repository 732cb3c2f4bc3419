/* SPDX-License-Identifier: MIT
 *
 * Rows on their way into the new database. */
#include "metadata/sqlite/recover/recover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Rows in one transaction. */
#define TRANSACTION_CHANGES 10000u

static int prepare(struct recovery *recovery, const char *text, sqlite3_stmt **statement)
{
    return meta_sql_error(
        sqlite3_prepare_v3(recovery->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL));
}

static int table_prepare(struct recovery *recovery, unsigned table)
{
    static const char *const wheres[] = {"", "(?1)", "(?1, ?2)", "(?1, ?2, ?3)"};
    const struct chronicle_table_form *form = &chronicle_tables[table];
    /* What is counted of a cache is forgotten: its objects are counted anew. */
    bool is_tally = table == CHRONICLE_TALLY;
    char text[1024], values[128] = "?1";
    int err;

    for (unsigned i = 2; i <= form->count; i++)
        (void)snprintf(values + strlen(values), sizeof(values) - strlen(values), ", ?%u", i);
    (void)snprintf(text, sizeof(text), "INSERT OR REPLACE INTO %s(%s%s) VALUES(%s%s)", form->name,
                   form->columns, is_tally ? ", cursor, entries, bytes" : "", values,
                   is_tally ? ", x'', 0, 0" : "");
    if ((err = prepare(recovery, text, &recovery->puts[table])) != 0)
        return err;
    (void)snprintf(text, sizeof(text), "DELETE FROM %s WHERE (%.*s) = %s", form->name,
                   chronicle_key_length(form), form->columns, wheres[form->key]);
    if ((err = prepare(recovery, text, &recovery->deletes[table])) != 0)
        return err;
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE (%.*s) = %s", form->columns, form->name,
                   chronicle_key_length(form), form->columns, wheres[form->key]);
    return prepare(recovery, text, &recovery->finds[table]);
}

int recover_prepare(struct recovery *recovery)
{
    int err = db_exec(recovery->db,
                      "PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -65536;"
                      "CREATE TEMP TABLE gone(tbl INTEGER, key BLOB, at_ms INTEGER, PRIMARY KEY(tbl, key))"
                      " WITHOUT ROWID; BEGIN");

    for (unsigned table = 1; table < CHRONICLE_TABLES_END && err == 0; table++)
        err = table_prepare(recovery, table);
    if (err == 0)
        err = prepare(recovery, "INSERT OR REPLACE INTO gone VALUES(?1, ?2, ?3)", &recovery->gone_put);
    return err != 0
               ? err
               : prepare(recovery, "SELECT at_ms FROM gone WHERE tbl = ?1 AND key = ?2", &recovery->gone_get);
}

void recover_finalize(struct recovery *recovery)
{
    /* Each repeats the error of its last step, which has been reported. */
    for (unsigned table = 0; table < CHRONICLE_TABLES_END; table++) {
        (void)sqlite3_finalize(recovery->puts[table]);
        (void)sqlite3_finalize(recovery->deletes[table]);
        (void)sqlite3_finalize(recovery->finds[table]);
    }
    (void)sqlite3_finalize(recovery->gone_put);
    (void)sqlite3_finalize(recovery->gone_get);
    chronicle_buffer_free(&recovery->key);
}

static int changed(struct recovery *recovery)
{
    if (++recovery->changes % TRANSACTION_CHANGES != 0)
        return 0;
    return db_exec(recovery->db, "COMMIT; BEGIN");
}

int recover_put(struct recovery *recovery, unsigned table, const struct chronicle_value *values,
                unsigned count)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    static const struct chronicle_value none = {.type = CHRONICLE_NULL};
    sqlite3_stmt *statement = recovery->puts[table];

    for (unsigned i = 0; i < form->count; i++)
        chronicle_values_bind(statement, 1 + (int)i, i < count ? &values[i] : &none, 1);
    int err = meta_sql_run(statement);
    if (err == META_E_CORRUPT) {
        recovery->report->chronicle_damaged++;
        return 0;
    }
    return err != 0 ? err : changed(recovery);
}

/* The key of a row, as the temporary table has it. 0 or -ENOMEM. */
static int key_take(struct recovery *recovery, unsigned table, const struct chronicle_value *key)
{
    recovery->key.length = 0;
    return chronicle_entry_put(&recovery->key, CHRONICLE_GONE, table, key, chronicle_tables[table].key)
               ? 0
               : -ENOMEM;
}

int recover_delete(struct recovery *recovery, unsigned table, const struct chronicle_value *key,
                   int64_t time_ms)
{
    sqlite3_stmt *statement = recovery->deletes[table];
    int err;

    chronicle_values_bind(statement, 1, key, chronicle_tables[table].key);
    if ((err = meta_sql_run(statement)) != 0 || (err = key_take(recovery, table, key)) != 0)
        return err;
    meta_sql_int(recovery->gone_put, 1, table);
    meta_sql_blob(recovery->gone_put, 2, slice_of(recovery->key.bytes, recovery->key.length));
    meta_sql_int(recovery->gone_put, 3, time_ms);
    return (err = meta_sql_run(recovery->gone_put)) != 0 ? err : changed(recovery);
}

/* 1: there is a row that is as new. */
static int is_known(struct recovery *recovery, unsigned table, const struct chronicle_value *values)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    sqlite3_stmt *statement = recovery->finds[table];

    chronicle_values_bind(statement, 1, values, form->key);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found;
    int64_t there = form->modified < 0 ? INT64_MAX : sqlite3_column_int64(statement, form->modified);
    meta_sql_reset(statement);
    return form->modified < 0 || there >= values[form->modified].number;
}

/* 1: it was deleted after it was changed last. */
static int is_gone(struct recovery *recovery, unsigned table, const struct chronicle_value *values)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    int err = key_take(recovery, table, values);

    if (err != 0)
        return err;
    meta_sql_int(recovery->gone_get, 1, table);
    meta_sql_blob(recovery->gone_get, 2, slice_of(recovery->key.bytes, recovery->key.length));
    int found = meta_sql_row(recovery->gone_get);
    if (found <= 0)
        return found;
    int64_t at_ms = sqlite3_column_int64(recovery->gone_get, 0);
    meta_sql_reset(recovery->gone_get);
    return form->modified < 0 || at_ms >= values[form->modified].number;
}

int recover_merge(struct recovery *recovery, unsigned table, const struct chronicle_value *values)
{
    int stays = is_known(recovery, table, values);

    if (stays == 0)
        stays = is_gone(recovery, table, values);
    if (stays != 0)
        return stays < 0 ? stays : 0;
    recovery->report->database_rows++;
    return recover_put(recovery, table, values, chronicle_tables[table].count);
}
