/* SPDX-License-Identifier: MIT
 *
 * Preparing, binding and stepping the statements of meta_sql.h, and the translation of the database's result
 * codes. The thread that owns the connection only. */
#include "metadata/sqlite/meta_sql.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const statements[META_SQL_COUNT] = {
#define META_SQL_ENTRY(name, text) [name] = text,
    META_SQL_MAP(META_SQL_ENTRY)
#undef META_SQL_ENTRY
};

int meta_sql_prepare(struct meta_sql *sql, sqlite3 *db)
{
    assert(db != NULL);
    memset(sql, 0, sizeof(*sql));
    for (int id = 0; id < META_SQL_COUNT; id++) {
        int code =
            sqlite3_prepare_v3(db, statements[id], -1, SQLITE_PREPARE_PERSISTENT, &sql->list[id], NULL);
        if (code != SQLITE_OK) {
            meta_sql_finalize(sql);
            return meta_sql_error(code);
        }
    }
    return 0;
}

void meta_sql_finalize(struct meta_sql *sql)
{
    for (int id = 0; id < META_SQL_COUNT; id++) {
        /* Repeats the error of the last step, which has been reported. */
        (void)sqlite3_finalize(sql->list[id]);
        sql->list[id] = NULL;
    }
}

int meta_sql_error(int code)
{
    if (code == SQLITE_IOERR_NOMEM)
        return -ENOMEM;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return META_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_TOOBIG:
        return -E2BIG;
    case SQLITE_INTERRUPT:
        return -ECANCELED;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
        /* Something that the schema version promises is not there, or is there twice. */
        return META_E_CORRUPT;
    /* SQLITE_IOERR, SQLITE_CANTOPEN and whatever else a file system makes of a call. SQLITE_READONLY too: what was opened for
     * reading alone is never asked for a change, and one that was opened for writing is called so when its file cannot be looked at
     * any more. */
    default:
        return -EIO;
    }
}

void meta_sql_int(sqlite3_stmt *statement, int parameter, int64_t value)
{
    int code = sqlite3_bind_int64(statement, parameter, value);
    assert(code == SQLITE_OK);
    (void)code;
}

void meta_sql_blob(sqlite3_stmt *statement, int parameter, struct slice bytes)
{
    /* A null pointer would bind NULL, which is not the empty key. */
    const void *data = bytes.len == 0 ? "" : bytes.base;
    int code = sqlite3_bind_blob64(statement, parameter, data, bytes.len, SQLITE_STATIC);
    assert(code == SQLITE_OK);
    assert(bytes.len == 0 || bytes.base != NULL);
    (void)code;
}

void meta_sql_blob_or_null(sqlite3_stmt *statement, int parameter, struct slice bytes)
{
    if (bytes.len > 0) {
        meta_sql_blob(statement, parameter, bytes);
        return;
    }
    int code = sqlite3_bind_null(statement, parameter);
    assert(code == SQLITE_OK);
    (void)code;
}

void meta_sql_int_or_null(sqlite3_stmt *statement, int parameter, int64_t value)
{
    if (value != 0)
        meta_sql_int(statement, parameter, value);
    else
        meta_sql_blob_or_null(statement, parameter, (struct slice){NULL, 0});
}

void meta_sql_text(sqlite3_stmt *statement, int parameter, struct slice text)
{
    const char *data = text.len == 0 ? "" : text.base;
    int code = sqlite3_bind_text64(statement, parameter, data, text.len, SQLITE_STATIC, SQLITE_UTF8);
    assert(code == SQLITE_OK);
    (void)code;
}

int meta_sql_row(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    assert(statement != NULL);
    if (code == SQLITE_ROW)
        return 1;
    meta_sql_reset(statement);
    return meta_sql_error(code);
}

int meta_sql_run(sqlite3_stmt *statement)
{
    int row = meta_sql_row(statement);

    if (row > 0) {
        assert(!"a statement that was to yield no row yielded one");
        meta_sql_reset(statement);
        return -EIO;
    }
    return row;
}

void meta_sql_reset(sqlite3_stmt *statement)
{
    /* Repeats the error of the last step, which has been reported. */
    (void)sqlite3_reset(statement);
}

struct slice meta_sql_column(sqlite3_stmt *statement, int column)
{
    /* One look at the column: a page of a listing makes thousands. The pointer first: asking for the length first could convert the value
     * and move it. A value may be read so because its connection is one thread's, and has no mutex. */
    sqlite3_value *value = sqlite3_column_value(statement, column);
    const void *data = sqlite3_value_blob(value);
    int length = sqlite3_value_bytes(value);

    return slice_of(data, data == NULL ? 0 : (size_t)length);
}

enum meta_versioning meta_sql_versioning(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);

    return value == META_VERSIONING_NEVER || value == META_VERSIONING_ENABLED ? (enum meta_versioning)value
                                                                              : META_VERSIONING_SUSPENDED;
}
