/* SPDX-License-Identifier: MIT
 *
 * Opening and closing readers. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <stdlib.h>

int meta_reader_open(struct meta *meta, struct meta_reader **reader_out)
{
    struct meta_reader *reader = calloc(1, sizeof(*reader));
    int err;

    assert(meta->engine != NULL && reader_out != NULL);
    if (reader == NULL)
        return -ENOMEM;
    reader->meta = meta;
    if ((err = db_connect(meta, DB_READ, &reader->db)) == 0 &&
        (err = meta_sql_prepare(&reader->sql, reader->db, META_SQL_READER)) == 0 &&
        (err = db_stayed(meta)) == 0) {
        *reader_out = reader;
        return 0;
    }
    meta_reader_close(reader);
    return err;
}

void meta_reader_close(struct meta_reader *reader)
{
    if (reader == NULL)
        return;
    row_cache_free(&reader->rows);
    meta_sql_finalize(&reader->sql);
    (void)sqlite3_close(reader->db); /* no statement is left: it cannot be refused */
    free(reader);
}

void meta_reader_interrupt(struct meta_reader *reader)
{
    sqlite3_interrupt(reader->db);
}

uint64_t meta_reader_steps(struct meta_reader *reader)
{
    uint64_t steps = 0;

    for (int id = 0; id < META_SQL_COUNT; id++)
        if (reader->sql.list[id] != NULL)
            steps += (uint32_t)sqlite3_stmt_status(reader->sql.list[id], SQLITE_STMTSTATUS_VM_STEP, 0);
    return steps;
}
